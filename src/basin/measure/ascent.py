"""Climbing inside a cube or ball: the paper's ten iterations of L-BFGS-B, steps between extreme points, single flips.

A late minimum is so flat that L-BFGS-B, which takes the size of its first steps from the size of the gradient, hardly
moves in ten iterations. A vertex step needs no size: it goes where the linear model is largest over the whole cube,

    u <- sign(df/du at u),

which for a convex loss never goes down (`f(v) >= f(u) + g'(v - u) >= f(u)`). Where a loss is not convex the step is
halved until it gains. In a ball the step goes to the pole, `slope / |slope|`, for the same reason. In few dimensions
the vertex reached is polished: coordinates are flipped one at a time while any flip gains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.optimize

PAPER_ITERATIONS = 10
LBFGS_OPTIONS = {"m": 10, "maxls": 20, "maxfun": 15_000, "factr": 0.0, "pgtol": 0.0}
"""SciPy's defaults except for the tolerances, at which it would stop at a minimiser without moving."""

FLIP_DIMENSION = 32
"""Cubes of at most this dimension have their vertices polished by single flips."""

_HALVINGS = 5

Gain = Callable[[np.ndarray], tuple[float, np.ndarray]]
Extreme = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From a place and the slope there to where the linear model is largest; the place itself where there is no slope."""


@dataclass(frozen=True, eq=False)
class Path:
    """One climb: where it stands, how much it gained after each step, and whether it came to rest.

    Attributes:
        u: The place in the cube.
        gain: The loss there minus the loss at the centre.
        slope: The gradient by `u` there.
        gains: The gain at the start of the climb and after each step.
        resting: Whether no step of the method gains any more.
    """

    u: np.ndarray
    gain: float
    slope: np.ndarray
    gains: tuple[float, ...] = ()
    resting: bool = False

    @classmethod
    def start(cls, evaluate: Gain, u: np.ndarray) -> Path:
        """Return the path that begins at `u`."""
        gain, slope = evaluate(u)
        return cls(u, gain, slope, (gain,))

    def to(self, u: np.ndarray, gain: float, slope: np.ndarray) -> Path:
        """Return the path one step on."""
        return replace(self, u=u, gain=gain, slope=slope, gains=(*self.gains, gain))


@dataclass(frozen=True, eq=False)
class PaperSearch:
    """Where ten iterations of L-BFGS-B ended, the gain, from which start, in how many, and whether they went wrong."""

    u: np.ndarray
    gain: float
    start: int
    iterations: int
    abnormal: bool


def lbfgs(evaluate: Gain, half_widths: np.ndarray, u: np.ndarray, start: int = 0) -> PaperSearch:
    """Return where ten iterations of L-BFGS-B lead from `u`.

    As in the paper the variables are the steps `y` (`u` times the half widths) themselves and the objective is minus
    the loss, neither rescaled.
    """

    def descend(y: np.ndarray) -> tuple[float, np.ndarray]:
        gain, slope = evaluate(y / half_widths)
        return -gain, -slope / half_widths

    bounds = list(zip(-half_widths, half_widths, strict=True))
    end, lowest, found = scipy.optimize.fmin_l_bfgs_b(
        descend, u * half_widths, bounds=bounds, maxiter=PAPER_ITERATIONS, **LBFGS_OPTIONS
    )
    end = np.clip(end / half_widths, -1, 1)
    return PaperSearch(end, -float(lowest), start, int(found["nit"]), "ABNORMAL" in str(found["task"]))


def vertex(u: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return the vertex of the cube [-1, 1]^d that a slope points to; coordinates without a slope stay."""
    return np.where(slope == 0, u, np.sign(slope))


def pole(u: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return the point of the unit sphere that a slope points to; the place itself where there is no slope."""
    norm = np.linalg.norm(slope)
    return slope / norm if norm > 0 else u


def ascend(evaluate: Gain, path: Path, *, max_steps: int, tolerance: float, extreme: Extreme = vertex) -> Path:
    """Return the path continued from extreme to extreme until a step gains less than `tolerance` of the gain so far."""
    for _ in range(max_steps):
        target = extreme(path.u, path.slope)
        further = None if np.array_equal(target, path.u) else _step(evaluate, path, target)
        if further is None:
            return replace(path, resting=True)
        small = further.gain - path.gain <= tolerance * abs(further.gain)
        path = further
        if small:
            return replace(path, resting=True)
    return path


def polish(evaluate: Gain, path: Path) -> Path:
    """Return the path continued by single flips, the best one each time, until none gains; `path` ends at a vertex."""
    while True:
        best = path
        for i in range(len(path.u)):
            u = path.u.copy()
            u[i] = -u[i]
            gain, slope = evaluate(u)
            if gain > best.gain:
                best = path.to(u, gain, slope)
        if best is path:
            return path
        path = best


def _step(evaluate: Gain, path: Path, target: np.ndarray) -> Path | None:
    for halving in range(_HALVINGS):
        fraction = 0.5**halving
        u = target if halving == 0 else path.u + fraction * (target - path.u)
        gain, slope = evaluate(u)
        if gain > path.gain:
            return path.to(u, gain, slope)
    return None
