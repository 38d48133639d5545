r"""PAC-Bayes flatness: how little noise on the weights it takes to spoil the loss, on average, by a fixed amount.

With :math:`\xi \sim N(0, \mathrm{diag}(c^2))`, where `c = 1`, or `c = |w| + eta` (adaptive),

.. math:: \sigma = \min \{ s > 0 : E[L(w + s \xi)] - L(w) = r \}, \qquad \text{value} = 1 / \sigma^2,

the flatness of Jiang et al. (2020), who take the error rate for `L` and `r = 0.1`: a large value is a sharp minimum. At
a minimum and for a small `r` it is :math:`\sum_i c_i^2 H_{ii} / (2 r)`, a trace; it looks as far as the loss has risen
by `r`, and no product with the Hessian is taken.

The mean is over pairs of opposite draws that are the same for every `s`, so that the search has one smooth function to
find a root of; the standard error is that of its mean rise at :math:`\sigma`, divided by its slope there.

With the weights `w_0` that training started from and `m` examples, the bound of McAllester's kind for a normal prior is

.. math:: \frac{\|w - w_0\|^2}{4 \sigma^2} + \log \frac{m}{\sigma} + 10, \qquad
          \text{printed as } \sqrt{\,\cdot\, / m},

to be held against the gap between test and training error: a value of 1 or more is vacuous. It needs a loss between 0
and 1, and `c = 1`. The noise has the standard **deviation** :math:`\sigma`; the released code of the source draws it
with the standard deviation :math:`\sigma^2`.

Reference: Y. Jiang, B. Neyshabur, H. Mobahi, D. Krishnan, S. Bengio. Fantastic generalization measures and where to
find them. ICLR 2020.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import scipy.optimize

from basin.loss.precision import Precision, check_precision
from basin.measure.guard import guard
from basin.measure.keys import resolve_key
from basin.measure.neighbourhood import Metric, Neighbourhood
from basin.measure.objective import LossFn, Objective
from basin.measure.probes import check_at_least, normal, standard_error
from basin.measure.result import Measurement, NotConvergedWarning
from basin.measure.threads import one_blas_thread

_GUESS, _LEAST, _DOUBLINGS = 0.01, 1e-6, 40
_LOG_TOLERANCE = 1e-3
_SLOPE_STEP = 0.1


@dataclass(frozen=True, eq=False, kw_only=True)
class PacBayesFlatness(Measurement):
    """`1 / sigma^2`; `stderr` comes from the scatter of the rise over draws.

    Attributes:
        value: `1 / sigma^2`; 0 where no noise raises the loss by as much.
        sigma: The noise that does; infinite where none does.
        rise: How far the mean loss has to rise.
        bound: `sqrt((|w - w_0|^2 / (4 sigma^2) + log(m / sigma) + 10) / m)`; none unless `start` was given.
        adaptive: Whether the noise is as large as the weights are.
        eta: What is added to the sizes of the weights.
        loss: The loss at the point.
        num_evaluations: How many values, by arithmetic.
    """

    value: float
    stderr: float | None
    sigma: float
    rise: float
    bound: float | None
    adaptive: bool
    eta: float
    loss: float
    num_evaluations: dict[str, int]


@one_blas_thread()
def pac_bayes_flatness(
    loss_fn: LossFn,
    params: Any,
    *,
    rise: float = 0.1,
    adaptive: bool = False,
    eta: float = 0.0,
    num_samples: int = 10,
    start: Any = None,
    num_examples: int | None = None,
    key: jax.Array | int | None = None,
    precision: Precision = "float64",
    allow: Collection[str] = (),
) -> PacBayesFlatness:
    """Measure how little noise on the weights it takes to raise the loss by a fixed amount.

    The definition is in the module's docstring. `params`, their dtypes and any random state stay as they are.

    Args:
        loss_fn: A :class:`~basin.loss.DatasetLoss`, or any callable from a pytree to a real scalar. The source's is the
            error rate: a `DatasetLoss` whose `example_loss` is 1 where the largest output is not the label's.
        params: The weights: a pytree of floating-point arrays.
        rise: How far the mean loss has to rise, in its unit; the source: 0.1 of the error rate.
        adaptive: Whether the noise of a weight is as large as the weight.
        eta: What is then added to the size of each; the source has 1e-3.
        num_samples: Pairs of opposite draws, at least 2.
        start: The weights that training started from, for the bound; a pytree like `params`.
        num_examples: Number of training examples, for the bound; a `DatasetLoss` brings its own.
        key: A JAX key, a seed, or none for a fixed one; draws the noise.
        precision: Arithmetic of the loss.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        The flatness, with its standard error and, where `start` is given, the bound.

    Raises:
        ValueError: The loss fails the guard, is spoilt by a noise of 1e-6, or an argument is out of range.

    Warns:
        NotConvergedWarning: Where the mean rise reaches `rise` it is flat, falls or is infinite.

    Example:
        Of a quadratic at its minimum the value is the trace over twice the rise:

        >>> import jax.numpy as jnp
        >>> result = pac_bayes_flatness(lambda w: 0.5 * jnp.sum(w**2), jnp.zeros(400), rise=0.1)
        >>> abs(result.value - 400 / 0.2) < 3 * result.stderr
        True
    """
    started = time.perf_counter()
    metric = Metric(1.0, 2, adaptive, eta)
    check_at_least("num_samples", num_samples, 2, "pairs of draws")
    if not (rise > 0 and math.isfinite(rise)):
        raise ValueError(f"rise: expected a finite number above 0, got {rise}")
    random_key, key_text = resolve_key(key)
    check_precision(precision)
    objective = Objective(loss_fn, params, precision)
    loss, checks = guard(objective, random_key, allow)
    distance = _distance(objective, start, adaptive)
    count = _num_examples(objective, start, num_examples)
    noisy = _Noisy(Neighbourhood.around(objective, metric, loss), random_key, num_samples)
    sigma = _smallest(noisy, rise)
    log_error = _log_error(noisy, sigma) if math.isfinite(sigma) else 0.0
    if log_error is None:
        _warn(sigma)
    return PacBayesFlatness(
        value=sigma**-2,
        stderr=None if log_error is None else 2 * sigma**-2 * log_error,
        converged=log_error is not None,
        num_passes=objective.num_passes,
        seconds=time.perf_counter() - started,
        definition=_definition(rise, metric, num_samples, objective),
        checks=checks,
        key=key_text,
        precision=precision,
        sigma=sigma,
        rise=rise,
        bound=None if distance is None or count is None else _bound(distance, sigma, count),
        adaptive=adaptive,
        eta=eta,
        loss=loss,
        num_evaluations={f"{name}_{precision}": number for name, number in sorted(objective.counts.items())},
    )


@dataclass(frozen=True)
class _Noisy:
    """The rise of the loss under noise of any size in fixed directions."""

    near: Neighbourhood
    key: jax.Array
    num_samples: int

    def rises(self, size: float) -> np.ndarray:
        """Return the mean rise of each pair of opposite draws; infinite where the loss is not finite."""
        found = []
        for index in range(self.num_samples):
            step = size * normal(self.key, "noise", index, len(self.near.axes))
            found.append((self.near.gain(step, finite=False) + self.near.gain(-step, finite=False)) / 2)
        return np.nan_to_num(np.array(found), nan=np.inf, posinf=np.inf)


def _smallest(noisy: _Noisy, rise: float) -> float:
    """Return the noise that raises the mean loss by `rise`; infinite if none does. Doublings bracket it."""

    def missing(log_size: float) -> float:
        mean = float(np.mean(noisy.rises(math.exp(log_size))))
        return min(mean, 1e3 * rise) - rise

    low, doubling = math.log(_GUESS), math.log(2)
    while missing(low) >= 0:
        low -= doubling
        if low < math.log(_LEAST):
            raise ValueError(f"expected a noise of {_LEAST:g} to raise the loss by less than {rise:g}; raise `rise`")
    for _ in range(_DOUBLINGS):
        if missing(low + doubling) >= 0:
            return math.exp(_root(missing, low, low + doubling))
        low += doubling
    return math.inf


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return scipy.optimize.root_scalar(function, bracket=(low, high), method="brentq", xtol=_LOG_TOLERANCE).root


def _log_error(noisy: _Noisy, sigma: float) -> float | None:
    """Return the standard error of log sigma; none where the rise does not grow or is infinite."""
    behind, here, ahead = (noisy.rises(sigma * math.exp(step)) for step in (-_SLOPE_STEP, 0.0, _SLOPE_STEP))
    if not np.all(np.isfinite([behind, here, ahead])):
        return None
    slope, error = float(np.mean(ahead - behind)) / (2 * _SLOPE_STEP), standard_error(here)
    return error / slope if error is not None and slope > 0 else None


def _distance(objective: Objective, start: Any, adaptive: bool) -> float | None:
    if start is None:
        return None
    if adaptive:
        raise ValueError("start: expected none with adaptive=True, got weights; the bound is that of equal noise")
    if jax.tree.structure(start) != objective.layout.treedef:
        raise ValueError("start: expected a pytree like params, got another structure")
    return float(np.linalg.norm(objective.layout.flat(start, "float64") - objective.point))


def _num_examples(objective: Objective, start: Any, given: int | None) -> int | None:
    count = objective.loss.num_examples if objective.loss is not None and given is None else given
    if start is not None and count is None:
        raise ValueError("num_examples: expected the number of training examples for the bound, got none")
    return count


def _bound(distance: float, sigma: float, num_examples: int) -> float:
    complexity = distance**2 / (4 * sigma**2) + math.log(num_examples / sigma) + 10
    return math.sqrt(max(complexity, 0.0) / num_examples)


def _definition(rise: float, metric: Metric, num_samples: int, objective: Objective) -> str:
    axes = f"(|w| + {metric.eta:g})" if metric.adaptive else "every weight alike"
    return (
        f"1 / sigma^2 of the normal noise sigma on {axes} that raises the loss by {rise:g}, {num_samples} pairs of "
        f"opposite draws; stderr: over pairs, by the slope; f: {objective.definition}"
    )


def _warn(sigma: float) -> None:
    warnings.warn(
        f"pac_bayes_flatness: around sigma = {sigma:.1e} the mean rise does not grow with the noise or is infinite, so "
        "it has no standard error; raise num_samples or lower rise",
        NotConvergedWarning,
        stacklevel=4,
    )
