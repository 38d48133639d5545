"""Extreme eigenvalues of the Hessian of a loss: the curvature along the sharpest directions, each with its residual.

`H = d2 f / dw2` at the weights; "largest" means algebraically largest, in descending order, so that a negative
eigenvalue of large magnitude is never sold as curvature. For each pair the residual `r = |H v - lambda v|` of a fresh
product is reported: some eigenvalue lies within `r` of `lambda`, and within about `r^2 / gap` when it stands apart.
A pair has converged when `r <= tolerance * max_i |lambda_i|`.

In float32 a product carries relative errors of about 1e-6, far below the default tolerance, except where the loss
itself has lost its digits: near zero training loss the softmax saturates (`1 - p` rounds to a multiple of 6e-8). One
product in either arithmetic, along a random combination of the vectors found and on the first chunk of the data,
measures that error; pairs that do not stand it have not converged.

References: R. B. Lehoucq, D. C. Sorensen, C. Yang, ARPACK users' guide, 1998. B. A. Pearlmutter, Fast exact
multiplication by the Hessian, 1994.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection
from dataclasses import InitVar, dataclass
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss.curvature import DEFAULT_MEMORY_BYTES
from basin.loss.precision import Precision, check_precision
from basin.measure.eigensolver import DENSE_SIZE, Eigenpairs, dense_eigenpairs, krylov_eigenpairs
from basin.measure.guard import guard
from basin.measure.keys import fold, resolve_key
from basin.measure.krylov import Operator
from basin.measure.objective import LossFn, Objective, natural_precision
from basin.measure.result import Measurement, NotConvergedWarning, frozen_array
from basin.measure.threads import one_blas_thread

Which = Literal["largest", "smallest"]


@dataclass(frozen=True, eq=False, kw_only=True)
class HessianEigenvalues(Measurement):
    """Extreme eigenvalues of a Hessian; `value` holds them in order, and `stderr` is none: see `residuals`.

    Attributes:
        value: Eigenvalues: descending for `largest`, ascending for `smallest`.
        residuals: `|H v - lambda v|` of each, by a fresh product in the operator's arithmetic.
        each_converged: Whether each residual, with the error of float32 added, meets the tolerance.
        which: Which end of the spectrum: `largest` or `smallest`, algebraically.
        vectors: Unit eigenvectors as columns, in the order of `jax.flatten_util.ravel_pytree` of the weights. No field:
            they are too large for a table.
        float32_error: How far a float32 product is from a float64 one along the vectors, on the first chunk of data, if
            the operator is float32 and the loss can be float64; otherwise none.
        tolerance: Residual asked for, relative to the largest eigenvalue reported in magnitude.
        complete: Whether a search outside the span of the vectors found nothing beyond them.
        loss: The loss at the point.
        num_evaluations: How many values and products, by arithmetic.
    """

    value: np.ndarray
    residuals: np.ndarray
    each_converged: tuple[bool, ...]
    which: Which
    vectors: InitVar[np.ndarray]
    float32_error: float | None
    tolerance: float
    complete: bool
    loss: float
    num_evaluations: dict[str, int]

    def __post_init__(self, vectors: np.ndarray) -> None:
        vectors.flags.writeable = False
        object.__setattr__(self, "vectors", vectors)


@one_blas_thread()
def hessian_eigenvalues(
    loss_fn: LossFn,
    params: Any,
    *,
    k: int = 5,
    key: jax.Array | int | None = None,
    tolerance: float = 1e-3,
    which: Which = "largest",
    precision: Precision | None = None,
    max_products: int = 1000,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    allow: Collection[str] = (),
) -> HessianEigenvalues:
    """Measure the `k` largest (or smallest) eigenvalues of the Hessian of a loss.

    The definition is in the module's docstring. `params`, their dtypes and any random state stay as they are.

    Args:
        loss_fn: A :class:`~basin.loss.DatasetLoss`, or any callable from a pytree to a real scalar.
        params: The weights: a pytree of floating-point arrays.
        k: How many; a function of fewer weights has fewer eigenvalues, and all of them are returned.
        key: A JAX key, a seed, or none for a fixed one; draws the start vectors, standard normal in float32.
        tolerance: Largest residual allowed, relative to the largest eigenvalue reported in magnitude.
        which: `largest` or `smallest`, algebraically.
        precision: Arithmetic of the products; none takes that of the weights.
        max_products: The most products in one run of the solver; what has not converged by then is returned as such.
        memory_bytes: What may be kept of the forward and backward pass between products.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        Eigenvalues with residuals and vectors.

    Raises:
        ValueError: The loss fails the guard, its products are not symmetric, or an argument is out of range.

    Warns:
        NotConvergedWarning: An eigenvalue has not converged or one may be missing; `each_converged` says which.

    Example:
        >>> import jax.numpy as jnp
        >>> result = hessian_eigenvalues(lambda w: 0.5 * (w[1] ** 2 - 3 * w[0] ** 2), jnp.zeros(2))
        >>> result.value.round(6).tolist(), result.which
        ([1.0, -3.0], 'largest')
    """
    started = time.perf_counter()
    _check_arguments(k, tolerance, which, max_products)
    random_key, key_text = resolve_key(key)
    precision = precision or natural_precision(params)
    check_precision(precision)
    objective = Objective(loss_fn, params, precision)
    loss, checks = guard(objective, random_key, allow)
    operator = _signed(objective, which, memory_bytes)
    pairs = _solve(operator, objective, k, tolerance, random_key, max_products)
    _check_symmetric(pairs, objective.precision)
    wide = _float64_objective(objective, loss_fn, params)
    error = None if wide is None else _float32_error(objective.head(), wide.head(), pairs, random_key)
    allowed = _allowed(pairs, tolerance)
    each = tuple(bool(pairs.complete and residual + (error or 0.0) <= allowed) for residual in pairs.residuals)
    if not all(each):
        _warn(pairs, each, allowed, error)
    counts = [objective] if wide is None else [objective, wide]
    sign = 1 if which == "largest" else -1
    return HessianEigenvalues(
        value=frozen_array(sign * pairs.values + 0.0),
        stderr=None,
        converged=all(each),
        num_passes=sum(item.num_passes for item in counts),
        seconds=time.perf_counter() - started,
        definition=_definition(pairs, objective, which, tolerance),
        checks=checks,
        key=key_text,
        precision=objective.precision,
        residuals=frozen_array(pairs.residuals),
        each_converged=each,
        which=which,
        vectors=pairs.vectors,
        float32_error=error,
        tolerance=tolerance,
        complete=pairs.complete,
        loss=loss,
        num_evaluations={f"{name}_{item.precision}": n for item in counts for name, n in sorted(item.counts.items())},
    )


def _definition(pairs: Eigenpairs, objective: Objective, which: str, tolerance: float) -> str:
    return (
        f"{len(pairs.values)} algebraically {which} eigenvalues of the Hessian by {objective.layout.size} weights, "
        f"residual |H v - lambda v| at most {tolerance:g} of the largest; f: {objective.definition}"
    )


def _allowed(pairs: Eigenpairs, tolerance: float) -> float:
    """Return the largest residual of a pair that has converged; above 0 even where all eigenvalues are 0."""
    return tolerance * np.max(np.abs(pairs.values)) + 100 * float(np.finfo(np.float64).tiny)


def _signed(objective: Objective, which: str, memory_bytes: int) -> Operator:
    product = objective.hessian_product(memory_bytes)
    return product if which == "largest" else lambda vector: -product(vector)


def _solve(
    operator: Operator, objective: Objective, k: int, tolerance: float, key: jax.Array, max_products: int
) -> Eigenpairs:
    size, dtype = objective.layout.size, objective.precision
    k = min(k, size)
    if size <= max(DENSE_SIZE, 4 * k):
        return dense_eigenpairs(operator, size, k, dtype)

    def draw(index: int) -> np.ndarray:
        return np.asarray(jax.random.normal(fold(key, "vector", index), (size,), jnp.float32)).astype(dtype)

    return krylov_eigenpairs(operator, size, k, tolerance=tolerance, dtype=dtype, draw=draw, max_products=max_products)


def _float64_objective(objective: Objective, loss_fn: LossFn, params: Any) -> Objective | None:
    if objective.precision == "float64":
        return None
    wide = Objective(loss_fn, params, "float64")
    try:
        return None if wide.downcast() else wide
    except TypeError:  # the callable mixes its weights with float32 arrays in an operation that allows no mixture
        return None


def _float32_error(narrow: Objective, wide: Objective, pairs: Eigenpairs, key: jax.Array) -> float:
    """Return how far float32 and float64 products differ along a random combination of the vectors, per vector."""
    signs = np.asarray(jax.random.rademacher(fold(key, "combination"), (len(pairs.values),), jnp.float32))
    vector = pairs.vectors @ (signs / np.sqrt(np.float32(len(signs))))
    difference = narrow.hessian_product(0)(vector).astype(np.float64) - wide.hessian_product(0)(vector)
    return float(np.linalg.norm(difference) * np.sqrt(len(signs)))


def _check_symmetric(pairs: Eigenpairs, precision: str) -> None:
    if pairs.asymmetry > 1e4 * float(np.finfo(precision).eps) * pairs.norm:
        raise ValueError(
            f"expected symmetric Hessian products, got v'Hw - w'Hv = {pairs.asymmetry:.1e}; "
            "check custom derivatives inside the loss"
        )


def _warn(pairs: Eigenpairs, each: tuple[bool, ...], allowed: float, error: float | None) -> None:
    if error is not None and error > allowed:
        what = f"float32 does not resolve them (error {error:.1e}, allowed {allowed:.1e}); use precision='float64'"
    elif not pairs.complete:
        what = "one beyond them may be missing; raise max_products"
    else:
        worst = float(np.max(pairs.residuals))
        what = f"residuals reach {worst:.1e}, allowed {allowed:.1e}; raise max_products or tolerance"
    warnings.warn(
        f"hessian_eigenvalues: {each.count(False)} of {len(each)} not converged: {what}",
        NotConvergedWarning,
        stacklevel=4,
    )


def _check_arguments(k: int, tolerance: float, which: str, max_products: int) -> None:
    if k < 1:
        raise ValueError(f"k: expected at least 1 eigenvalue, got {k}")
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance: expected a number between 0 and 1, got {tolerance}")
    if which not in get_args(Which):
        raise ValueError(f"which: expected one of {', '.join(get_args(Which))}, got {which!r}")
    if max_products < 1:
        raise ValueError(f"max_products: expected at least 1, got {max_products}")
