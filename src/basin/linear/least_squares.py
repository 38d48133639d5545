r"""Least squares of minimum norm, for every number of features at once.

With the first p features :math:`A_p` of n examples and the targets y,

.. math:: w_p = A_p^+ y = \operatorname{argmin} \{ |w| : w \text{ minimises } |y - A_p w|^2 \},

where the pseudo-inverse treats singular values up to `rcond` times the largest as 0. Up to the interpolation threshold
p = n that is ordinary least squares; beyond it :math:`A_p w_p = y` where the rows are independent.

Sizes share their factorisations (:mod:`basin.linear.nested`). A size is solved by substitution where the estimated
condition number leaves no doubt that every singular value is above the cut-off, and by an SVD of the small triangle
where it does not. A cut-off that acts leaves directions of the data out, which lowers the norm and the peak at the
threshold: it is a **regulariser**, and a solution says whether it did.

**Accuracy.** A prediction has an error of the order of the condition number times the unit of float64 times the largest
prediction. Measured against an SVD with the same cut-off, on Fourier features of digits of many bandwidths, that is
below 1e-6 of the targets up to condition numbers of about 1e8. Towards 1e10 predictions at the threshold are thousands
of times as large as the targets; there it is below 1e-6 of the largest prediction, and the SVD's own predictions move
as much when its rows and columns are permuted.

References:
    Björck, "Numerical methods for least squares problems" (1996), chapters 1 and 2.
    Belkin et al. (2019), section 2: the same solution on random features.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from basin.linear.nested import Factor, factors
from basin.measure.threads import one_blas_thread

_CAUTION = 10.0
"""The most by which LAPACK's estimate of a condition number is known to fall short in practice."""


@dataclass(frozen=True, eq=False)
class Solution:
    """The least-squares solution of minimum norm at one size.

    Attributes:
        size: Number of features, p.
        coefficients: w, a column an output.
        rank: Singular values above the cut-off.
        condition: Estimate of the 1-norm condition number of the triangle that has the features' singular values.
        rcond: The cut-off, relative to the largest singular value.
        is_regularised: Whether the cut-off acted, that is, whether the rank is below min(n, p).
    """

    size: int
    coefficients: Float[np.ndarray, "p outputs"]
    rank: int
    condition: float
    rcond: float
    is_regularised: bool

    def predict(self, features: Float[np.ndarray, "examples features"]) -> Float[np.ndarray, "examples outputs"]:
        """Return the outputs for examples of which at least the first `size` features are given."""
        return np.asarray(features)[:, : self.size] @ self.coefficients


def minimum_norm(
    features: Float[np.ndarray, "examples features"],
    targets: Float[np.ndarray, "examples outputs"],
    sizes: Sequence[int],
    *,
    rcond: float | None = None,
) -> Iterator[Solution]:
    """Yield the solution of minimum norm at each size, one after the other.

    Args:
        features: The matrix of the largest size; a smaller one is its first columns.
        targets: A column an output.
        sizes: Numbers of features, ascending.
        rcond: Singular values up to so many times the largest count as 0; `None` for max(n, p) times the unit of
            float64, the choice of `numpy.linalg.lstsq`.

    Raises:
        ValueError: Arrays or sizes that do not fit together, or a cut-off outside [0, 1).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> a, y = rng.standard_normal((20, 50)), rng.standard_normal((20, 1))
        >>> for w in minimum_norm(a, y, [10, 20, 50]):
        ...     reference = np.linalg.lstsq(a[:, : w.size], y)[0]
        ...     print(w.size, w.rank, bool(np.abs(w.coefficients - reference).max() < 1e-9))
        10 10 True
        20 20 True
        50 20 True
    """
    if rcond is not None and not 0 <= rcond < 1:
        raise ValueError(f"expected rcond from 0 to below 1, got {rcond}")
    for factor in factors(features, targets, sizes):
        cut = max(factor.size, factor.num_examples) * float(np.finfo(np.float64).eps) if rcond is None else rcond
        yield _solution(factor, cut)


@one_blas_thread()
def _solution(factor: Factor, rcond: float) -> Solution:
    size, full = factor.size, len(factor.triangle)
    if _CAUTION * full * factor.condition * rcond < 1 and math.isfinite(factor.condition):
        return Solution(size, factor.solve(), full, factor.condition, rcond, False)
    _, singular, _ = factor.svd
    kept = singular > rcond * singular[0]
    rank = int(kept.sum())
    (coefficients,) = factor.filtered(np.divide(1.0, singular**2, where=kept, out=np.zeros_like(singular))[None])
    return Solution(size, coefficients, rank, factor.condition, rcond, rank < full)
