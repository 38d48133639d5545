r"""Triangular factors of every nested size of one feature matrix, for about the price of one factorisation.

Of a matrix :math:`A` with n rows, let :math:`A_p` be the first p columns. Orthogonal transformations give, with a small
triangle :math:`R` of m = min(n, p) rows that has the singular values of :math:`A_p`,

* for p <= n: :math:`A_p = Q_p R_p`, and :math:`R_p` is the leading block of the triangle of the widest such matrix: one
  QR factorisation serves all of these sizes;
* for p > n: :math:`A_p^T = Q R`. A block B of new columns changes it to the triangle of :math:`(R; B^T)`, which
  LAPACK's `tpqrt` finds without touching what R already holds. Q is kept as the reflections of its blocks. All sizes
  together cost one factorisation of the largest.

The Gram matrix :math:`A A^T`, whose condition number is the square of that of A, is never formed. Neither are the
seminormal equations :math:`w = A^T R^{-1} R^{-T} y`, which spare Q: at a condition number of 2e6 they were measured to
lose four digits more.

All of it runs on one thread of LAPACK: at these sizes a second one gains little on an idle machine and costs several
times the work on a busy one (two threads that wait for each other on two shared cores: 0.39 s for 0.10 s of work).

References:
    Golub & Van Loan, "Matrix computations", 4th ed. (2013), sections 5.2 and 6.5.
    Elmroth & Gustavson, "Applying recursion to serial and parallel QR factorization" (2000), for `tpqrt`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.linalg.lapack
from jaxtyping import Float

from basin.measure.threads import one_blas_thread

lapack: Any = scipy.linalg.lapack  # its wrappers are made when SciPy is built, and have no types
_BLOCK = 32
"""Columns that `tpqrt` transforms at a time; 16 to 64 differ by a quarter."""


@dataclass(frozen=True, eq=False)
class Factor:
    """The triangle of one size, with the targets as it needs them.

    Attributes:
        size: Number of features, p.
        num_examples: n.
        triangle: R, upper triangular.
        targets: Q'y where there are at most as many features as examples, else y.
        lift: Multiplies by Q where there are more, from m rows to p.
    """

    size: int
    num_examples: int
    triangle: Float[np.ndarray, "m m"]
    targets: Float[np.ndarray, "m outputs"]
    lift: Callable[[np.ndarray], np.ndarray]

    @property
    def is_wide(self) -> bool:
        """Whether there are more features than examples."""
        return self.size > self.num_examples

    @functools.cached_property
    def condition(self) -> float:
        """LAPACK's estimate of the triangle's condition number in the 1-norm, at most m times that in the 2-norm."""
        reciprocal, _ = lapack.dtrcon(self.triangle)
        return 1 / reciprocal if reciprocal > 0 else math.inf

    @functools.cached_property
    @one_blas_thread()
    def svd(self) -> tuple[np.ndarray, Float[np.ndarray, "m"], np.ndarray]:
        """The triangle's U, singular values (those of A_p, descending) and V'."""
        return scipy.linalg.svd(self.triangle, lapack_driver="gesdd")

    def solve(self) -> Float[np.ndarray, "p outputs"]:
        """Return the least-squares solution of minimum norm by substitution; the triangle has to be regular."""
        return self.lift(scipy.linalg.solve_triangular(self.triangle, self.targets, trans=int(self.is_wide)))

    def filtered(self, gains: Float[np.ndarray, "gains m"]) -> Float[np.ndarray, "gains p outputs"]:
        """Return V diag(s g) U'y of A_p = U diag(s) V' for each g: 1/s^2 is least squares, 1/(s^2 + penalty) ridge."""
        left, singular, right = self.svd
        inner, outer = (right, left) if self.is_wide else (left.T, right.T)
        scaled = (singular * gains)[:, :, None] * (inner @ self.targets)
        columns = np.moveaxis(outer @ scaled, 0, 1).reshape(len(singular), -1)
        return np.moveaxis(self.lift(columns).reshape(self.size, len(gains), -1), 1, 0)


@dataclass(frozen=True, eq=False)
class _Reflections:
    """The orthogonal matrix that folded one block of new rows into the triangle, as LAPACK keeps it."""

    vectors: Float[np.ndarray, "block m"]
    scales: Float[np.ndarray, "_ m"]


def _lifted(blocks: Sequence[_Reflections], top: np.ndarray) -> np.ndarray:
    """Return Q times a matrix of m rows, the last block's reflections first."""
    parts = []
    for block in reversed(blocks):
        below = np.zeros((len(block.vectors), top.shape[1]), order="F")
        top, below, _ = lapack.dtpmqrt(0, block.vectors, block.scales, np.asfortranarray(top), below)
        parts.append(below)
    return np.concatenate(parts[::-1])


def factors(
    features: Float[np.ndarray, "examples features"],
    targets: Float[np.ndarray, "examples outputs"],
    sizes: Sequence[int],
) -> Iterator[Factor]:
    """Yield the factor of each size.

    Args:
        features: The matrix of the largest size; a smaller one is its first columns.
        targets: A column an output; what differs in its labels alone, such as rates of label noise, are further
            columns.
        sizes: Numbers of features, ascending.

    Raises:
        ValueError: Arrays that do not fit together or are not finite, or sizes that do not ascend from 1 to the number
            of columns.

    Example:
        >>> a = np.array([[3.0, 1.0, 0.0], [4.0, 0.0, 2.0]])
        >>> [abs(np.linalg.det(each.triangle)).round(9).item() for each in factors(a, np.ones((2, 1)), [1, 2, 3])]
        [5.0, 4.0, 7.483314774]
    """
    features, targets = checked(features, targets, sizes)
    n = len(features)
    tall = [size for size in sizes if size <= n]
    if tall:
        with one_blas_thread():
            both: Any = scipy.linalg.qr_multiply(features[:, : tall[-1]], targets.T, mode="right")
        rotated, triangle = both
        for size in tall:
            yield Factor(size, n, triangle[:size, :size], rotated.T[:size], lambda rows: rows)
    triangle, done, blocks = np.zeros((n, n), order="F"), 0, []
    for size in sizes[len(tall) :]:
        added = np.array(features[:, done:size].T, order="F")
        with one_blas_thread():
            triangle, vectors, scales, _ = lapack.dtpqrt(0, min(_BLOCK, n), triangle, added, overwrite_b=True)
        blocks, done = [*blocks, _Reflections(vectors, scales)], size
        yield Factor(size, n, triangle, targets, functools.partial(_lifted, blocks))


def checked(
    features: Float[np.ndarray, "examples features"],
    targets: Float[np.ndarray, "examples outputs"],
    sizes: Sequence[int],
) -> tuple[np.ndarray, np.ndarray]:
    """Return both arrays in float64, or say what does not fit."""
    features, targets = (np.asarray(array, np.float64) for array in (features, targets))
    if features.ndim != 2 or targets.ndim != 2 or len(features) != len(targets) or not features.size:
        raise ValueError(
            f"expected features (examples, features) and targets (examples, outputs), got {features.shape} and "
            f"{targets.shape}"
        )
    if not (np.isfinite(features).all() and np.isfinite(targets).all()):
        raise ValueError("expected finite features and targets, got NaN or infinity")
    ascending = all(a < b for a, b in zip([0, *sizes], sizes, strict=False))
    if not sizes or not ascending or sizes[-1] > features.shape[1]:
        raise ValueError(f"expected ascending sizes from 1 to {features.shape[1]}, got {list(sizes)}")
    return features, targets
