r"""Average- and worst-case sharpness in a neighbourhood that may follow the sizes of the weights.

With `c = 1`, or `c = |w|` (adaptive), and all products weight by weight (Andriushchenko et al. 2023),

.. math:: S_{avg} = E_{\delta}[L(w + \delta) - L(w)], \qquad
          S_{max} = \max_{\| \delta / c \|_p \le \rho} L(w + \delta) - L(w),

where in the average :math:`\delta \sim N(0, \rho^2 \mathrm{diag}(c^2))` for `p = 2` and :math:`\delta_i` is uniform
between :math:`\pm \rho c_i` for `p` infinite. Both are differences of losses (nats for cross-entropy). At a minimum,
for small `rho` and `p = 2`, the average is :math:`\rho^2 / 2 \sum_i c_i^2 H_{ii}` and the maximum
:math:`\rho^2 / 2 \lambda_{max}(c H c)`.

With `c = |w|` neither changes when weights are rescaled by positive factors that leave the network as it is, as Dinh et
al. (2017) rescale two layers around a ReLU; with `c = 1` both may take any value. `c = |w| + eta` with `eta` above 0
(ASAM, Kwon et al. 2021) is not quite invariant, but lets weights that are 0 move.

The maximum is taken of each batch of `batch_size` examples and averaged (*m*-sharpness, the source: 128 of 1 024). It
depends on the batch: a smaller one has a sharper loss of its own. A search finds it, so it is a **lower bound**: the
source ascends by APGD from `w`; here steps lead from extreme point to extreme point (:mod:`basin.measure.ascent`),
which need no step size and never go down, from a random place as well as from `w`, where a minimiser has no slope.

References: M. Andriushchenko, F. Croce, M. Mueller, M. Hein, N. Flammarion. A modern look at the relationship between
sharpness and generalization. ICML 2023. J. Kwon et al. ASAM. ICML 2021. L. Dinh et al. Sharp minima can generalize for
deep nets. ICML 2017.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax
import numpy as np

from basin.loss.precision import Precision, check_precision
from basin.measure.ascent import Path, ascend
from basin.measure.box_search import STEP_TOLERANCE
from basin.measure.guard import guard
from basin.measure.keys import resolve_key
from basin.measure.neighbourhood import Batches, Metric, Neighbourhood
from basin.measure.objective import LossFn, Objective
from basin.measure.probes import check_at_least, normal, standard_error, uniform
from basin.measure.result import Measurement, NotConvergedWarning, frozen_array
from basin.measure.threads import one_blas_thread

Mode = Literal["worst", "average"]


@dataclass(frozen=True, eq=False, kw_only=True)
class AdaptiveSharpness(Measurement):
    """How much higher the loss is nearby; `stderr` is the standard error over draws, or over batches for the worst.

    Attributes:
        value: The mean or the largest rise of the loss, in its unit.
        mode: `worst` or `average`.
        samples: For the average the mean rise of each pair of opposite draws, for the worst the rise of each batch.
        spread: The mean over batches of the difference between the best and the worst start; 0 for the average.
        rho: The radius.
        p: The norm: 2 or infinity.
        adaptive: Whether axes are as long as weights are large.
        eta: What is added to the sizes of the weights.
        batch_size: Examples of a batch; none for the whole loss.
        loss: The loss at the point.
        num_evaluations: How many passes for values and gradients, by arithmetic; begun ones count.
    """

    value: float
    stderr: float | None
    mode: Mode
    samples: np.ndarray
    spread: float
    rho: float
    p: float
    adaptive: bool
    eta: float
    batch_size: int | None
    loss: float
    num_evaluations: dict[str, int]


@one_blas_thread()
def adaptive_sharpness(
    loss_fn: LossFn,
    params: Any,
    *,
    rho: float = 0.05,
    mode: Mode = "worst",
    p: float = 2,
    adaptive: bool = True,
    eta: float = 0.0,
    batch_size: int | None = None,
    num_samples: int = 20,
    num_starts: int = 2,
    max_steps: int = 40,
    key: jax.Array | int | None = None,
    precision: Precision = "float64",
    allow: Collection[str] = (),
) -> AdaptiveSharpness:
    """Measure how much higher the loss is nearby, on average or at worst.

    The definition is in the module's docstring. `params`, their dtypes and any random state stay as they are.

    Args:
        loss_fn: A :class:`~basin.loss.DatasetLoss`, or any callable from a pytree to a real scalar.
        params: The weights: a pytree of floating-point arrays.
        rho: Radius. The source's grids for convolutional networks double four times: average 0.05 to 0.4 (`p` = 2) and
            0.1 to 0.8, worst 0.25 to 2 (`p` = 2) and 0.001 to 0.008, adaptive.
        mode: `worst` or `average`.
        p: 2 for a ball, `math.inf` for a box.
        adaptive: Whether axes are as long as weights are large.
        eta: What is added to the sizes of the weights; ASAM's code has 0.01 or 0.
        batch_size: Examples of a batch for the worst case (the source: 128); none takes the whole loss. The average
            does not depend on it.
        num_samples: Pairs of opposite draws of the average, at least 2; each takes two values.
        num_starts: Starts of the search for the worst: the weights themselves, then random ones.
        max_steps: The most steps from each; the source takes 20.
        key: A JAX key, a seed, or none for a fixed one; draws noise, starts and batches.
        precision: Arithmetic of the loss. Differences of losses in float32 are good to 1e-7 of the loss and no better.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        The sharpness; the standard error is none for the worst case of the whole loss.

    Raises:
        ValueError: The loss fails the guard, is not finite nearby, or an argument is out of range.

    Warns:
        NotConvergedWarning: A search was still climbing when its steps ran out.

    Example:
        The worst case on a ball is half the largest eigenvalue times rho squared, the average half the trace:

        >>> import jax.numpy as jnp
        >>> def loss(w):
        ...     return 0.5 * jnp.sum(jnp.array([1.0, 3.0]) * w**2)
        >>> worst, mean = (adaptive_sharpness(loss, jnp.zeros(2), rho=0.1, adaptive=False, mode=mode, num_samples=500)
        ...                for mode in ("worst", "average"))
        >>> round(worst.value, 4), abs(mean.value - 0.02) < 3 * mean.stderr
        (0.015, True)
    """
    started = time.perf_counter()
    metric = Metric(rho, p, adaptive, eta)
    _check_arguments(mode, batch_size, num_samples, num_starts, max_steps)
    random_key, key_text = resolve_key(key)
    check_precision(precision)
    objective = Objective(loss_fn, params, precision)
    loss, checks = guard(objective, random_key, allow)
    batches = Batches(objective, loss, random_key, batch_size)
    spread, converged = 0.0, True
    if mode == "average":
        samples = _average(Neighbourhood.around(objective, metric, loss), random_key, num_samples)
    else:
        climbs = [_worst(near, random_key, num_starts, max_steps) for near in batches.neighbourhoods(params, metric)]
        samples = np.array([max(path.gain for path in paths) for paths in climbs])
        spread = float(np.mean([np.ptp([path.gain for path in paths]) for paths in climbs]))
        converged = all(max(paths, key=lambda path: path.gain).resting for paths in climbs)
    if not converged:
        _warn(max_steps)
    return AdaptiveSharpness(
        value=float(np.mean(samples)),
        stderr=standard_error(samples),
        converged=converged,
        num_passes=sum(batches.num_evaluations.values()),
        seconds=time.perf_counter() - started,
        definition=_definition(mode, metric, batches),
        checks=checks,
        key=key_text,
        precision=precision,
        mode=mode,
        samples=frozen_array(samples),
        spread=spread,
        rho=rho,
        p=p,
        adaptive=adaptive,
        eta=eta,
        batch_size=batch_size,
        loss=loss,
        num_evaluations=batches.num_evaluations,
    )


def _average(near: Neighbourhood, key: jax.Array, num_samples: int) -> np.ndarray:
    """Return the mean rise of each pair of opposite draws, in which what is odd in the step cancels."""
    size = len(near.axes)
    found = []
    for index in range(num_samples):
        draw = normal if near.metric.p == 2 else uniform
        step = draw(key, "noise", index, size)
        found.append((near.gain(step) + near.gain(-step)) / 2)
    return np.array(found)


def _worst(near: Neighbourhood, key: jax.Array, num_starts: int, max_steps: int) -> list[Path]:
    """Return where the climbs from each start ended."""
    size, paths = len(near.axes), []
    for start in range(num_starts):
        u = near.metric.interior(key, start, size) if start else np.zeros(size)
        path = Path.start(near.gain_and_slope, u)
        paths.append(
            ascend(
                near.gain_and_slope, path, max_steps=max_steps, tolerance=STEP_TOLERANCE, extreme=near.metric.extreme
            )
        )
    return paths


def _definition(mode: str, metric: Metric, batches: Batches) -> str:
    what = {
        "worst": f"largest rise of the loss within {metric}, a lower bound, {batches}; stderr: over batches",
        "average": f"mean rise of the loss under {'normal' if metric.p == 2 else 'uniform'} noise of {metric}; "
        "stderr: over pairs of opposite draws",
    }
    return f"{what[mode]}; f: {batches.whole.definition}"


def _warn(max_steps: int) -> None:
    warnings.warn(
        f"adaptive_sharpness: the best climb still rose after {max_steps} steps; raise max_steps",
        NotConvergedWarning,
        stacklevel=4,
    )


def _check_arguments(mode: str, batch_size: int | None, num_samples: int, num_starts: int, max_steps: int) -> None:
    if mode not in get_args(Mode):
        raise ValueError(f"mode: expected one of {', '.join(get_args(Mode))}, got {mode!r}")
    if mode == "average" and batch_size is not None:
        raise ValueError(f"batch_size: expected none for the average, got {batch_size}; it would change nothing")
    check_at_least("num_samples", num_samples, 2, "pairs of draws")
    check_at_least("num_starts", num_starts, 2, "starts")
    check_at_least("max_steps", max_steps, 1, "step")
