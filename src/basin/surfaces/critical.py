r"""Stationary points of a surface: found from many starts, told apart, and named by what the surface does there.

1. **Find.** Newton's method on the gradient from random starts in the region (:mod:`basin.surfaces.newton`). An end is
   a stationary point if it lies in the region, if the gradient's norm is at most `tolerance` times its root mean square
   over the starts, and if the undamped step that would come next is no longer than `resolution`: where the gradient is
   small only because the surface levels out, that step is long.
2. **Deduplicate.** In order of the gradient's norm, each end that is left becomes a point and takes all ends within
   `resolution` with it. Distances are the largest over coordinates, as shares of the region's widths.
3. **Classify** by the eigenvalues of the Hessian: all positive, a minimum; all negative, a maximum; else a saddle,
   whose index is the number of negative ones. An eigenvalue is 0 to tolerance where it is no larger than what it
   changes by within `resolution` of the point along the axes (or than rounding). Then the point is degenerate, and
   sampling its neighbourhood decides (:mod:`basin.surfaces.neighbourhood`).

Stationary points need not be isolated. Of a valley floor or a ring those that were found are listed, each for itself.

References:
    Bishop & Bishop, Deep Learning (2024), section 7.1.1, for the eigenvalues; Milnor, Morse Theory (1963), for the
    index.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss.precision import arithmetic
from basin.surfaces.definition import Point, Surface
from basin.surfaces.neighbourhood import ROUNDING, Kind, Neighbourhood, look_around
from basin.surfaces.newton import Settled, settle

EDGE = 1e-9
"""How far outside the region a point may lie, as a share of its width: rounding at the edge."""

TIE = 1e-9
"""Minima are equally low within this share of what separates the lowest from the median over the starts."""


@dataclass(frozen=True)
class CriticalPoint:
    """A stationary point of a surface.

    Attributes:
        point: Where it is.
        value: The surface there.
        gradient_norm: The norm of the gradient there.
        eigenvalues: Of the Hessian there, ascending.
        kind: `minimum` and `maximum` are strict; a `saddle` is higher one way and lower another; `flat` is what
            rounding cannot tell, such as the floor of a valley.
        index: Number of negative eigenvalues; `None` where an eigenvalue is 0 to tolerance.
        decided_by: What named it: its eigenvalues, or, where one is 0 to tolerance, its neighbourhood.
        sign_changes: How often the difference from its value changes sign around it, where the neighbourhood decided in
            two dimensions: 0 around an extremum, 4 around a saddle, 6 around a monkey saddle.
        num_starts: How many starts ended here.
        is_lowest: Whether no minimum that was found is lower.
    """

    point: Point
    value: float
    gradient_norm: float
    eigenvalues: Point
    kind: Kind
    index: int | None
    decided_by: Literal["eigenvalues", "neighbourhood"]
    sign_changes: int | None
    num_starts: int
    is_lowest: bool

    @property
    def is_degenerate(self) -> bool:
        """Whether an eigenvalue of the Hessian is 0 to tolerance."""
        return self.index is None

    @property
    def label(self) -> str:
        """What it is, in words.

        Example:
            >>> from basin.surfaces import surface
            >>> [found.label for found in critical_points(surface("monkey-saddle"), num_starts=20)]
            ['degenerate saddle, 6 changes of sign around it']
        """
        if self.is_degenerate:
            around = f", {self.sign_changes} changes of sign around it" if self.sign_changes else ""
            return "flat to rounding" if self.kind == "flat" else f"degenerate {self.kind}{around}{self._rank}"
        return f"saddle of index {self.index}" if self.kind == "saddle" else f"{self.kind}{self._rank}"

    @property
    def _rank(self) -> str:
        if self.kind != "minimum":
            return ""
        return ", global among those found" if self.is_lowest else ", local"


def critical_points(
    surface: Surface,
    *,
    num_starts: int = 1000,
    key: jax.Array | None = None,
    tolerance: float = 1e-8,
    resolution: float = 1e-5,
) -> tuple[CriticalPoint, ...]:
    """Find and name the stationary points of a surface in its region, in float64.

    What no start reaches is not found; `num_starts` of the points says how near to that they were.

    Args:
        surface: With a bounded region; a function of the user's becomes one by `Surface(name, function, lower, upper)`.
        num_starts: Starts, drawn uniformly from the region.
        key: Of the starts; `None` is `jax.random.key(0)`.
        tolerance: Largest norm of a gradient that counts as 0, as a share of its root mean square over the starts.
        resolution: Distance below which two points are one, as a share of the region's widths.

    Returns:
        The lowest minima, then the others in the order of their values.

    Raises:
        ValueError: No starts, a tolerance or resolution that is not between 0 and 1, or a function that returns no
            scalar.

    Example:
        >>> from basin.surfaces import surface
        >>> [(found.kind, found.index, found.value) for found in critical_points(surface("valley"), num_starts=50)]
        [('minimum', 0, -0.25), ('minimum', 0, -0.25), ('saddle', 1, 0.0)]
    """
    _check(num_starts, tolerance, resolution)
    lower, upper = np.array(surface.lower), np.array(surface.upper)
    widths = upper - lower
    with arithmetic("float64"):
        surface.check_scalar()
        key = jax.random.key(0) if key is None else key
        drawn = jax.random.uniform(key, (num_starts, surface.dimension), jnp.float64)
        starts = lower + widths * np.asarray(drawn)
    ends = settle(surface.function, starts)
    kept = _stationary(ends, lower, upper, tolerance, resolution)
    groups = _groups(kept.points / widths, kept.gradient_norms, resolution)
    finite = ends.start_values[np.isfinite(ends.start_values)]
    named = [
        _named(surface, Settled(*(part[group[0]] for part in kept)), len(group), widths * resolution, finite)
        for group in groups
    ]
    return _ranked(named, finite)


def _check(num_starts: int, tolerance: float, resolution: float) -> None:
    if num_starts < 1:
        raise ValueError(f"expected num_starts of at least 1, got {num_starts}")
    for name, share in (("tolerance", tolerance), ("resolution", resolution)):
        if not 0 < share < 1:
            raise ValueError(f"expected {name} between 0 and 1, a share, got {share:g}")


def _stationary(ends: Settled, lower: np.ndarray, upper: np.ndarray, tolerance: float, resolution: float) -> Settled:
    widths = upper - lower
    norms = ends.start_norms[np.isfinite(ends.start_norms)]
    usual = np.linalg.norm(norms) / np.sqrt(max(len(norms), 1))
    inside = ((ends.points >= lower - EDGE * widths) & (ends.points <= upper + EDGE * widths)).all(axis=1)
    still = (np.abs(ends.steps) <= resolution * widths).all(axis=1)
    found = inside & still & (ends.gradient_norms <= tolerance * usual) & np.isfinite(ends.values)
    return Settled(*(part[found] for part in ends))


def _groups(shares: np.ndarray, norms: np.ndarray, resolution: float) -> list[np.ndarray]:
    """Return the indices of ends that are one point, for each point; the end of the least gradient comes first."""
    left = np.argsort(norms, kind="stable")
    groups = []
    while len(left):
        near = np.abs(shares[left] - shares[left[0]]).max(axis=1) <= resolution
        groups.append(left[near])
        left = left[~near]
    return groups


def _named(surface: Surface, end: Settled, num_starts: int, shifts: np.ndarray, values: np.ndarray) -> CriticalPoint:
    eigenvalues, axes, change = _spectrum(surface.function, end.points, shifts)
    doubt = change + ROUNDING * len(eigenvalues) * np.abs(eigenvalues).max()
    index, size = int((eigenvalues < 0).sum()), len(eigenvalues)
    is_told = bool((np.abs(eigenvalues) > doubt).all())
    if is_told:
        seen = Neighbourhood("minimum" if index == 0 else "maximum" if index == size else "saddle", None)
    else:
        widths, scale = np.subtract(surface.upper, surface.lower), float(np.median(np.abs(values)))
        seen = look_around(surface.function, end.points, widths=widths, axes=axes, scale=scale)
    return CriticalPoint(
        point=tuple((end.points + 0.0).tolist()),  # -0 is 0
        value=float(end.values),
        gradient_norm=float(end.gradient_norms),
        eigenvalues=tuple(eigenvalues.tolist()),
        kind=seen.kind,
        index=index if is_told else None,
        decided_by="eigenvalues" if is_told else "neighbourhood",
        sign_changes=seen.sign_changes,
        num_starts=num_starts,
        is_lowest=False,
    )


def _spectrum(
    function: Callable[[jax.Array], jax.Array], point: np.ndarray, shifts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the Hessian's eigenvalues, its eigenvectors, and what each eigenvalue changes by along the axes."""
    moves = np.concatenate([np.zeros((1, len(point))), np.diag(shifts), -np.diag(shifts)])
    with arithmetic("float64"):
        eigenvalues, axes = (np.asarray(part) for part in _spectra(function)(point + moves))
    return eigenvalues[0], axes[0], np.abs(eigenvalues[1:] - eigenvalues[0]).max(axis=0)


def _ranked(named: list[CriticalPoint], values: np.ndarray) -> tuple[CriticalPoint, ...]:
    """Return the points with the lowest minima marked and put first, the others in the order of their values."""
    lowest = min((one.value for one in named if one.kind == "minimum"), default=math.nan)
    tie = TIE * abs(float(np.median(values)) - lowest) if named else 0.0
    marked = [replace(one, is_lowest=one.kind == "minimum" and one.value <= lowest + tie) for one in named]
    return tuple(sorted(marked, key=lambda one: (not one.is_lowest, 0.0 if one.is_lowest else one.value, one.point)))


@functools.lru_cache(maxsize=64)
def _spectra(function: Callable[[jax.Array], jax.Array]) -> Any:
    """Return the compiled eigenvalues and eigenvectors of the Hessian at many points."""
    return jax.jit(jax.vmap(lambda point: jnp.linalg.eigh(jax.hessian(function)(point))))
