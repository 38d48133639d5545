r"""Ridge regression for many penalties at once, from one singular value decomposition.

.. math:: w_\lambda = \operatorname{argmin} |y - A w|^2 + \lambda |w|^2 = V \frac{S}{S^2 + \lambda} U^T y,

a sum over examples, not their mean: with weight decay alpha beside a mean of halves, lambda = n alpha. The effective
number of parameters is :math:`\gamma(\lambda) = \sum_j s_j^2 / (s_j^2 + \lambda)`, the same shrinkage that
:func:`basin.measure.effective_parameters` sums for a network; at lambda -> 0 it is the rank.

The SVD is that of the small triangle of :mod:`basin.linear.nested`, so a path at p features costs that of min(n, p).

References:
    Hoerl & Kennard, "Ridge regression" (1970); Hastie, Tibshirani & Friedman, "The elements of statistical learning"
    (2009), section 3.4.1.
    Nakkiran, Venkat, Kakade & Ma, "Optimal regularization can mitigate double descent" (2021).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from basin.linear.nested import Factor, factors
from basin.measure.shrinkage import Decayed
from basin.measure.threads import one_blas_thread


@dataclass(frozen=True, eq=False)
class RidgePath:
    """Ridge solutions of one size at several penalties.

    Attributes:
        size: Number of features.
        penalties: lambda, as they were given.
        effective_parameters: gamma at each of them.
        coefficients: w at each of them, a column an output.
    """

    size: int
    penalties: Float[np.ndarray, "penalties"]
    effective_parameters: Float[np.ndarray, "penalties"]
    coefficients: Float[np.ndarray, "penalties p outputs"]

    @one_blas_thread()
    def predict(
        self, features: Float[np.ndarray, "examples features"]
    ) -> Float[np.ndarray, "penalties examples outputs"]:
        """Return the outputs at every penalty for examples of which at least the first `size` features are given."""
        columns = np.moveaxis(self.coefficients, 0, 1).reshape(self.size, -1)  # one product instead of many
        outputs = np.asarray(features)[:, : self.size] @ columns
        return np.moveaxis(outputs.reshape(len(outputs), len(self.penalties), -1), 1, 0)


def ridge_paths(
    features: Float[np.ndarray, "examples features"],
    targets: Float[np.ndarray, "examples outputs"],
    sizes: Sequence[int],
    penalties: Sequence[float],
) -> Iterator[RidgePath]:
    """Yield the ridge solutions of each size at all penalties.

    Args:
        features: The matrix of the largest size; a smaller one is its first columns.
        targets: A column an output.
        sizes: Numbers of features, ascending.
        penalties: lambda beside a sum of squared errors over examples, each above 0.

    Raises:
        ValueError: Arrays or sizes that do not fit together, or a penalty that is not above 0.

    Example:
        >>> a, y = np.diag([2.0, 1.0]), np.ones((2, 1))
        >>> (path,) = ridge_paths(a, y, [2], [4.0])
        >>> path.coefficients.ravel().tolist(), path.effective_parameters.tolist()
        ([0.25, 0.2], [0.7])
    """
    lambdas = np.asarray(penalties, np.float64)
    if lambdas.ndim != 1 or not lambdas.size or not np.all((lambdas > 0) & np.isfinite(lambdas)):
        raise ValueError(f"expected penalties above 0, got {list(penalties)}; minimum_norm is the limit 0")
    for factor in factors(features, targets, sizes):
        yield _path(factor, lambdas)


@one_blas_thread()
def _path(factor: Factor, lambdas: Float[np.ndarray, "penalties"]) -> RidgePath:
    curvatures = factor.svd[1] ** 2
    gammas = np.array([Decayed(float(penalty))(curvatures).sum() for penalty in lambdas])
    return RidgePath(factor.size, lambdas, gammas, factor.filtered(1 / (curvatures + lambdas[:, None])))


def best_penalty(
    path: RidgePath,
    features: Float[np.ndarray, "examples features"],
    targets: Float[np.ndarray, "examples outputs"],
) -> int:
    """Return the place of the penalty with the least mean squared error on held-out examples.

    Args:
        path: The solutions.
        features: Of examples that the path did not see.
        targets: Theirs.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> a, w = rng.standard_normal((60, 20)), rng.standard_normal((20, 1))
        >>> y = a @ w + 2 * rng.standard_normal((60, 1))
        >>> (path,) = ridge_paths(a[:30], y[:30], [20], [1e-6, 4.0, 1e6])
        >>> best_penalty(path, a[30:], y[30:])
        1
    """
    errors = np.square(path.predict(features) - np.asarray(targets, np.float64))
    return int(np.argmin(errors.mean(axis=(1, 2))))
