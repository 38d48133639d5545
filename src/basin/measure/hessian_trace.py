r"""The trace of the Hessian of a loss: the sum of all its eigenvalues, from products with random signs alone.

With `H = d2 f / dw2` and independent signs `z` (Rademacher, so that `E[z z'] = I`),

.. math:: \mathrm{tr} H = E[z^T H z], \qquad \mathrm{Var}[z^T H z] = 2 \sum_{i \ne j} H_{ij}^2 .

`hutchinson` averages this over probes (Hutchinson 1989); no distribution of `z` has less variance, and a diagonal `H`
has none. `hutch++` (Meyer et al. 2021) spends a third of its products on finding the span `Q` of `H` times random
signs, a third on the trace within it, which is exact, and a third on Hutchinson's average outside:

.. math:: \mathrm{tr} H = \mathrm{tr} (Q^T H Q) + E[z^T P H P z], \qquad P = I - Q Q^T.

It is better where few eigenvalues make most of the trace, as a trained network's do, and keeps `2 num_probes / 3`
vectors of the size of the weights. Its standard error is that of the average outside, given `Q`.

In units of loss over weight squared. The trace is a sum over weights: halve every weight of a layer that batch
normalisation follows, and its part grows fourfold, though the network stays what it was.

References: M. F. Hutchinson, A stochastic estimator of the trace of the influence matrix for Laplacian smoothing
splines, 1989. R. A. Meyer, C. Musco, C. Musco, D. P. Woodruff, Hutch++: optimal stochastic trace estimation, 2021.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax
import numpy as np

from basin.loss.curvature import DEFAULT_MEMORY_BYTES
from basin.loss.precision import Precision, check_precision
from basin.measure.guard import guard
from basin.measure.keys import resolve_key
from basin.measure.objective import LossFn, Objective, natural_precision
from basin.measure.probes import BlockOperator, blocks, check_at_least, rademacher, standard_error
from basin.measure.result import Measurement, NotConvergedWarning, frozen_array
from basin.measure.threads import one_blas_thread

Method = Literal["hutchinson", "hutch++"]


@dataclass(frozen=True, eq=False, kw_only=True)
class HessianTrace(Measurement):
    """The trace of a Hessian; `stderr` is the standard error of the mean over probes.

    Attributes:
        samples: What each probe gave; their mean is the value, less the exact part for `hutch++`.
        exact_part: The trace within the span that `hutch++` found; 0 for `hutchinson`.
        method: `hutchinson` or `hutch++`.
        loss: The loss at the point.
        num_weights: Number of weights; the value divided by it is the mean eigenvalue.
        num_evaluations: How many values and products, by arithmetic.
    """

    value: float
    samples: np.ndarray
    exact_part: float
    method: Method
    loss: float
    num_weights: int
    num_evaluations: dict[str, int]


@one_blas_thread()
def hessian_trace(
    loss_fn: LossFn,
    params: Any,
    *,
    num_probes: int = 48,
    key: jax.Array | int | None = None,
    method: Method = "hutchinson",
    tolerance: float | None = None,
    precision: Precision | None = None,
    probes_at_once: int = 4,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    allow: Collection[str] = (),
) -> HessianTrace:
    """Measure the trace of the Hessian of a loss.

    The definition is in the module's docstring. `params`, their dtypes and any random state stay as they are.

    Args:
        loss_fn: A :class:`~basin.loss.DatasetLoss`, or any callable from a pytree to a real scalar.
        params: The weights: a pytree of floating-point arrays.
        num_probes: Products to spend, each a pass over the data; at least 2, and 6 for `hutch++`.
        key: A JAX key, a seed, or none for a fixed one; draws the signs.
        method: `hutchinson` or `hutch++`.
        tolerance: The standard error wanted, relative to the value; a larger one is marked and warned of. The number of
            probes never depends on what they gave: stopping at a lucky moment would bias value and error.
        precision: Arithmetic of the products; none takes that of the weights.
        probes_at_once: Vectors multiplied by one program, which needs the memory of a chunk for each.
        memory_bytes: What may be kept of the forward and backward pass between products.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        The trace with its standard error over probes.

    Raises:
        ValueError: The loss fails the guard, or an argument is out of range.

    Warns:
        NotConvergedWarning: The standard error is larger than the tolerance asked for.

    Example:
        Off its diagonal this Hessian, [[2, 1], [1, 3]], makes a probe 5 + 2 or 5 - 2:

        >>> import jax.numpy as jnp
        >>> result = hessian_trace(lambda w: w[0] ** 2 + w[0] * w[1] + 1.5 * w[1] ** 2, jnp.zeros(2), num_probes=400)
        >>> sorted({round(float(sample)) for sample in result.samples})
        [3, 7]
        >>> abs(result.value - 5) < 3 * result.stderr, round(result.stderr * 400**0.5)
        (True, 2)
    """
    started = time.perf_counter()
    _check_arguments(num_probes, method, tolerance, probes_at_once)
    random_key, key_text = resolve_key(key)
    precision = precision or natural_precision(params)
    check_precision(precision)
    objective = Objective(loss_fn, params, precision)
    loss, checks = guard(objective, random_key, allow)
    product = objective.hessian_product(memory_bytes, stacked=True)
    probes = _Probes(product, random_key, objective.layout.size, precision, probes_at_once)
    exact, samples = (0.0, probes.forms(num_probes)) if method == "hutchinson" else _hutch_pp(probes, num_probes)
    value, stderr = exact + float(np.mean(samples)), standard_error(samples)
    assert stderr is not None
    converged = tolerance is None or stderr <= tolerance * abs(value)
    if not converged:
        _warn(value, stderr, tolerance)
    return HessianTrace(
        value=value,
        stderr=stderr,
        converged=converged,
        num_passes=objective.num_passes,
        seconds=time.perf_counter() - started,
        definition=_definition(method, len(samples), objective),
        checks=checks,
        key=key_text,
        precision=precision,
        samples=frozen_array(samples),
        exact_part=exact,
        method=method,
        loss=loss,
        num_weights=objective.layout.size,
        num_evaluations={f"{name}_{precision}": count for name, count in sorted(objective.counts.items())},
    )


@dataclass(frozen=True)
class _Probes:
    """Numbered random signs, and products with them; numbers are never used twice."""

    product: BlockOperator
    key: jax.Array
    size: int
    dtype: str
    at_once: int

    def forms(self, count: int, *, first: int = 0, basis: np.ndarray | None = None) -> np.ndarray:
        """Return `z' P H P z` for `count` probes, where `P` takes off what lies in the rows of `basis`."""
        found = []
        for block in blocks(count, self.at_once):
            vectors = self.draw(range(first + block.start, first + block.stop))
            if basis is not None:
                vectors = vectors - (vectors @ basis.T) @ basis
            found.append(_inner(vectors, self.product(vectors)))
        return np.concatenate(found)

    def draw(self, indices: range) -> np.ndarray:
        return np.stack([rademacher(self.key, index, self.size, self.dtype) for index in indices])


def _hutch_pp(probes: _Probes, num_probes: int) -> tuple[float, np.ndarray]:
    """Return the trace within the span of a third of the probes' images, and samples of the rest of it."""
    third = min(num_probes // 3, probes.size)
    images = [probes.product(probes.draw(block)) for block in blocks(third, probes.at_once)]
    basis = np.ascontiguousarray(np.linalg.qr(np.concatenate(images).T)[0].T)
    inside = sum(
        float(np.sum(_inner(basis[block.start : block.stop], probes.product(basis[block.start : block.stop]))))
        for block in blocks(third, probes.at_once)
    )
    return inside, probes.forms(num_probes - 2 * third, first=third, basis=basis)


def _inner(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the inner products of rows, summed in float64."""
    return np.einsum("ij,ij->i", left, right, dtype=np.float64)


def _definition(method: str, num_samples: int, objective: Objective) -> str:
    return (
        f"trace of the Hessian by {objective.layout.size} weights, {method} with Rademacher probes; stderr: of "
        f"the mean over {num_samples} probes; f: {objective.definition}"
    )


def _warn(value: float, stderr: float, tolerance: float | None) -> None:
    warnings.warn(
        f"hessian_trace: the standard error is {stderr:.1e} of {value:.1e}, allowed {tolerance:g} of it; "
        "raise num_probes or take method='hutch++'",
        NotConvergedWarning,
        stacklevel=4,
    )


def _check_arguments(num_probes: int, method: str, tolerance: float | None, probes_at_once: int) -> None:
    if method not in get_args(Method):
        raise ValueError(f"method: expected one of {', '.join(get_args(Method))}, got {method!r}")
    check_at_least("num_probes", num_probes, 2 if method == "hutchinson" else 6, f"for {method}")
    check_at_least("probes_at_once", probes_at_once, 1, "vector")
    if tolerance is not None and not tolerance > 0:
        raise ValueError(f"tolerance: expected a number above 0, got {tolerance}")
