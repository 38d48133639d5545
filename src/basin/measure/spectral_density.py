r"""The spectral density of the Hessian of a loss, by stochastic Lanczos quadrature (Ghorbani et al. 2019).

The density of the `n` eigenvalues, smoothed by a normal kernel of standard deviation `s`, and its estimate are

.. math:: \phi(t) = \frac1n \sum_{i=1}^n N(t; \lambda_i, s^2), \qquad
          \hat\phi(t) = \frac1k \sum_{p=1}^k \sum_{j=1}^m \omega_{pj} N(t; \ell_{pj}, s^2),

where nodes :math:`\ell_{pj}` and weights :math:`\omega_{pj}` are the Gauss rule that `m` steps of Lanczos, fully
reorthogonalised, make from a random unit vector `v_p` (:mod:`basin.measure.quadrature`). Two errors are kept apart:

* of **few probes**: `E[v' f(H) v] = tr f(H) / n`, so the mean over probes is unbiased; `stderr` is its standard error;
* of **few steps**: the rule of a probe is exact for polynomials of degree `2m - 1` and no further. `truncation` is how
  far the mass moved in the last tenth of the steps (Wasserstein distance, relative to the width of the spectrum), and
  the measure has converged when the ends of the spectrum have.

Between its ends a rule sees a continuous spectrum as `m` points: a kernel narrower than their distance, about
`1.6 / m` of the width in its middle, shows the points and not the density.

An **outlier** is an eigenvalue that has converged in every probe and belongs to the leading group that stands more than
twice as far above 0 as everything beneath it, of either sign (what lies below a hundredth of the largest counts as 0);
of several such groups the one with the widest gap, as a ratio, is taken. The rest is the **bulk**. A Krylov space holds
one vector of each eigenspace, so an eigenvalue that is repeated is one node of greater weight, and counts once.

Reference: B. Ghorbani, S. Krishnan, Y. Xiao. An investigation into neural net optimization via Hessian eigenvalue
density. ICML 2019.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import scipy.stats
from jaxtyping import Float

from basin.loss.curvature import DEFAULT_MEMORY_BYTES
from basin.loss.precision import Precision, check_precision
from basin.measure.guard import guard
from basin.measure.keys import resolve_key
from basin.measure.objective import LossFn, Objective, natural_precision
from basin.measure.probes import blocks, check_at_least, normal, standard_error
from basin.measure.quadrature import Rule, gauss_rules
from basin.measure.result import Measurement, NotConvergedWarning, frozen_array
from basin.measure.threads import one_blas_thread

NUM_POINTS = 2000
"""Points of the grid; at the default kernel some six a standard deviation."""

_REACH = 6.0
_OUTLIER_RATIO = 2.0
_NOTHING = 0.01


@dataclass(frozen=True, eq=False, kw_only=True)
class SpectralDensity(Measurement):
    """The smoothed density of a Hessian's eigenvalues; `stderr` is its standard error over probes, point by point.

    Attributes:
        value: The density at each point of the grid, per unit of eigenvalue; it integrates to 1.
        stderr: Its standard error over probes at each point; none for a single probe.
        grid: The points, from below the lowest node to above the highest.
        kernel_width: Standard deviation of the kernel, in the unit of the eigenvalues.
        nodes: Ritz values, a row a probe, ascending; a probe that was exhausted early repeats its last one.
        weights: What each stands for; a row adds up to 1, and what repeats has none.
        outliers: Eigenvalues above the bulk, descending; means over probes.
        bulk: The lowest eigenvalue, and the highest that is no outlier.
        bulk_share: Share of the eigenvalues in the bulk.
        edge_residual: The largest residual of the ends of the spectrum, relative to its width.
        truncation: How far the mass moved in the last tenth of the steps, relative to the width.
        loss: The loss at the point.
        num_weights: Number of eigenvalues.
        num_evaluations: How many values and products, by arithmetic.
    """

    value: Float[np.ndarray, "points"]
    stderr: Float[np.ndarray, "points"] | None
    grid: Float[np.ndarray, "points"]
    kernel_width: float
    nodes: Float[np.ndarray, "probes steps"]
    weights: Float[np.ndarray, "probes steps"]
    outliers: Float[np.ndarray, "outliers"]
    bulk: tuple[float, float]
    bulk_share: float
    edge_residual: float
    truncation: float
    loss: float
    num_weights: int
    num_evaluations: dict[str, int]

    def moment(self, order: int) -> tuple[float, float | None]:
        """Return the sum over eigenvalues of their `order`-th power, and its standard error over probes.

        Order 1 is the trace, order 2 the squared Frobenius norm; exact for each probe up to twice its steps less one.
        """
        samples = self.num_weights * np.sum(self.weights * self.nodes**order, axis=1)
        return float(np.mean(samples)), standard_error(samples)

    def count_above(self, edge: float) -> tuple[float, float | None]:
        """Return the number of eigenvalues above `edge`, copies counted, and its standard error over probes."""
        samples = self.num_weights * np.sum(self.weights * (self.nodes > edge), axis=1)
        return float(np.mean(samples)), standard_error(samples)


@one_blas_thread()
def spectral_density(
    loss_fn: LossFn,
    params: Any,
    *,
    num_probes: int = 10,
    num_steps: int = 90,
    key: jax.Array | int | None = None,
    kernel_width: float = 0.003,
    tolerance: float = 1e-2,
    precision: Precision | None = None,
    probes_at_once: int = 5,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    allow: Collection[str] = (),
) -> SpectralDensity:
    """Measure how the eigenvalues of the Hessian of a loss are distributed.

    The definition is in the module's docstring. `params`, their dtypes and any random state stay as they are. Each step
    of each probe is a product, so the default takes 900; beside the chunks it keeps `probes_at_once * num_steps`
    vectors of the size of the weights.

    Args:
        loss_fn: A :class:`~basin.loss.DatasetLoss`, or any callable from a pytree to a real scalar.
        params: The weights: a pytree of floating-point arrays.
        num_probes: Random start vectors; the paper uses 10.
        num_steps: Lanczos steps of each; the paper uses 90. No more than there are weights are taken.
        key: A JAX key, a seed, or none for a fixed one; draws the starts, standard normal in float32.
        kernel_width: Standard deviation of the kernel relative to the width of the spectrum; the authors' code takes a
            variance of 1e-5 for a spectrum of width 1, which is 0.003.
        tolerance: Largest residual allowed at the ends of the spectrum, relative to its width.
        precision: Arithmetic of products and vectors; none takes that of the weights.
        probes_at_once: Probes that advance side by side; a product with them takes the memory of a chunk for each.
        memory_bytes: What may be kept of the forward and backward pass between products.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        The density with its standard error, the rules it is made of, bulk and outliers.

    Raises:
        ValueError: The loss fails the guard, or an argument is out of range.

    Warns:
        NotConvergedWarning: The ends of the spectrum have not converged.

    Example:
        Of two eigenvalues a rule of two nodes is exact, whatever the probes:

        >>> import jax.numpy as jnp
        >>> result = spectral_density(lambda w: 0.5 * (w[1] ** 2 - 3 * w[0] ** 2), jnp.zeros(2), num_probes=3)
        >>> (result.nodes + 0.0).round(5).tolist()
        [[-3.0, 1.0], [-3.0, 1.0], [-3.0, 1.0]]
        >>> round(float(np.trapezoid(result.value, result.grid)), 6)
        1.0
    """
    started = time.perf_counter()
    _check_arguments(num_probes, num_steps, kernel_width, tolerance, probes_at_once)
    random_key, key_text = resolve_key(key)
    precision = precision or natural_precision(params)
    check_precision(precision)
    objective = Objective(loss_fn, params, precision)
    loss, checks = guard(objective, random_key, allow)
    product = objective.hessian_product(memory_bytes, stacked=True)
    rules: list[Rule] = []
    for block in blocks(num_probes, probes_at_once):
        starts = np.stack([normal(random_key, "start", index, objective.layout.size, precision) for index in block])
        rules += gauss_rules(product, starts, num_steps)
    edge_residual, truncation = _edge_residual(rules), _truncation(rules)
    converged = edge_residual <= tolerance
    if not converged:
        _warn(edge_residual, tolerance)
    scale = kernel_width * (_width(rules) or max(abs(rules[0].nodes[0]), 1.0))
    grid, densities = _smoothed(rules, scale)
    outliers, edge, share = _outliers(rules, tolerance)
    nodes, weights = _padded(rules)
    return SpectralDensity(
        value=frozen_array(np.mean(densities, axis=0)),
        stderr=None if num_probes == 1 else frozen_array(np.std(densities, axis=0, ddof=1) / np.sqrt(num_probes)),
        converged=converged,
        num_passes=objective.num_passes,
        seconds=time.perf_counter() - started,
        definition=_definition(num_probes, nodes.shape[1], scale, objective),
        checks=checks,
        key=key_text,
        precision=precision,
        grid=frozen_array(grid),
        kernel_width=scale,
        nodes=frozen_array(nodes),
        weights=frozen_array(weights),
        outliers=frozen_array(outliers),
        bulk=(float(np.mean([rule.nodes[0] for rule in rules])), edge),
        bulk_share=share,
        edge_residual=edge_residual,
        truncation=truncation,
        loss=loss,
        num_weights=objective.layout.size,
        num_evaluations={f"{name}_{precision}": count for name, count in sorted(objective.counts.items())},
    )


def _width(rules: list[Rule]) -> float:
    """Return the width of the spectrum as far as the rules saw it."""
    return float(max(rule.nodes[-1] for rule in rules) - min(rule.nodes[0] for rule in rules))


def _edge_residual(rules: list[Rule]) -> float:
    worst = max(float(max(rule.residuals[0], rule.residuals[-1])) for rule in rules)
    return worst and worst / max(_width(rules), float(np.finfo(np.float64).tiny))


def _truncation(rules: list[Rule]) -> float:
    moved = []
    for rule in rules:
        shorter = rule.shortened(max(1, int(0.9 * len(rule.nodes))))
        moved.append(scipy.stats.wasserstein_distance(rule.nodes, shorter.nodes, rule.weights, shorter.weights))
    return float(np.mean(moved)) / (_width(rules) or 1.0)


def _smoothed(rules: list[Rule], scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a grid, and the density that each rule makes on it."""
    low, high = min(rule.nodes[0] for rule in rules), max(rule.nodes[-1] for rule in rules)
    grid = np.linspace(low - _REACH * scale, high + _REACH * scale, NUM_POINTS)
    kernels = (scipy.stats.norm.pdf(grid[:, None], rule.nodes, scale) @ rule.weights for rule in rules)
    return grid, np.stack(list(kernels))


def _outliers(rules: list[Rule], tolerance: float) -> tuple[np.ndarray, float, float]:
    """Return the outliers, descending, the highest eigenvalue that is none, and the share of the bulk."""
    length = min(len(rule.nodes) for rule in rules)
    top = np.array([rule.nodes[::-1][:length] for rule in rules]).mean(axis=0)
    allowed = tolerance * _width(rules)
    resting = np.array([rule.residuals[::-1][:length] <= allowed for rule in rules]).all(axis=0)
    known = length if resting.all() else int(np.argmin(resting))
    beneath = np.maximum(top[1:], max(-min(float(rule.nodes[0]) for rule in rules), _NOTHING * top[0]))
    ratios = top[:-1][:known] / np.maximum(beneath[:known], float(np.finfo(np.float64).tiny))
    if len(ratios) == 0 or np.max(ratios) <= _OUTLIER_RATIO:
        return np.empty(0), float(top[0]), 1.0
    count = int(np.argmax(ratios)) + 1
    share = 1 - float(np.mean([np.sum(rule.weights[::-1][:count]) for rule in rules]))
    return top[:count], float(top[count]), share


def _padded(rules: list[Rule]) -> tuple[np.ndarray, np.ndarray]:
    length = max(len(rule.nodes) for rule in rules)
    nodes = [np.pad(rule.nodes, (0, length - len(rule.nodes)), mode="edge") for rule in rules]
    return np.array(nodes), np.array([np.pad(rule.weights, (0, length - len(rule.weights))) for rule in rules])


def _definition(num_probes: int, num_steps: int, scale: float, objective: Objective) -> str:
    return (
        f"density of the Hessian's eigenvalues by {objective.layout.size} weights, stochastic Lanczos quadrature with "
        f"full reorthogonalisation, {num_probes} Gaussian probes of {num_steps} steps, normal kernel of standard "
        f"deviation {scale:.3g}; stderr: over probes; f: {objective.definition}"
    )


def _warn(edge_residual: float, tolerance: float) -> None:
    warnings.warn(
        f"spectral_density: the ends of the spectrum have not converged (residual {edge_residual:.1e} of its width, "
        f"allowed {tolerance:.1e}); raise num_steps",
        NotConvergedWarning,
        stacklevel=4,
    )


def _check_arguments(num_probes: int, num_steps: int, width: float, tolerance: float, probes_at_once: int) -> None:
    check_at_least("num_probes", num_probes, 1, "probe")
    check_at_least("num_steps", num_steps, 1, "step")
    check_at_least("probes_at_once", probes_at_once, 1, "probe")
    if not 0 < width < 1:
        raise ValueError(f"kernel_width: expected a number between 0 and 1, got {width}")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance: expected a number between 0 and 1, got {tolerance}")
