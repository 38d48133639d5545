"""The algebraically largest eigenpairs of a symmetric operator: found, completed, and each checked by a fresh product.

1. ARPACK (implicitly restarted Lanczos) finds candidates; few parameters, and it is the whole matrix instead.
2. Candidates are made orthonormal; what is nearly a combination of others (a copy) is dropped.
3. A Rayleigh-Ritz step on fresh products gives the eigenvalues and the residuals `|H v - lambda v|`.
4. A short Lanczos run from a fresh random vector, orthogonal to all of them, looks for anything higher that was missed.
   What it finds joins the candidates, and the loop begins again at 2.

The result is what stands at the end. Step 4 is a check and no proof: none that only multiplies by `H` can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse.linalg

from basin.measure.krylov import Operator, lanczos

PROBE_STEPS = 8
DENSE_SIZE = 64
_COPY = 0.1


@dataclass(frozen=True, eq=False)
class Eigenpairs:
    """Eigenvalues, highest first, their orthonormal vectors (columns), their residuals, and what the probe last saw.

    Attributes:
        values: Rayleigh quotients on fresh products.
        vectors: One column each.
        residuals: `|H v - lambda v|`.
        complete: Whether the last probe found nothing higher outside their span.
        asymmetry: The largest `|v_i' H v_j - v_j' H v_i|`, which is rounding if the operator is symmetric.
        norm: The largest magnitude of an eigenvalue, of either sign, that was seen on the way.
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    complete: bool
    asymmetry: float
    norm: float


def dense_eigenpairs(operator: Operator, size: int, k: int, dtype: str) -> Eigenpairs:
    """Return the `k` highest eigenpairs of the whole matrix, built column by column."""
    matrix = np.stack([operator(column) for column in np.eye(size, dtype=dtype)], axis=1).astype(np.float64)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    pairs = _rayleigh_ritz(operator, vectors[:, ::-1][:, :k].astype(dtype))
    asymmetry = float(np.max(np.abs(matrix - matrix.T)))
    return replace(pairs, complete=True, asymmetry=asymmetry, norm=float(np.max(np.abs(values))))


def krylov_eigenpairs(
    operator: Operator,
    size: int,
    k: int,
    *,
    tolerance: float,
    dtype: str,
    draw: Callable[[int], np.ndarray],
    max_products: int,
) -> Eigenpairs:
    """Return the `k` highest eigenpairs of an operator too large to build.

    Args:
        operator: `v -> H v`.
        size: Number of rows.
        k: How many; well below `size`.
        tolerance: Residual to reach, relative to the largest eigenvalue found in magnitude.
        dtype: Arithmetic of the vectors.
        draw: Random start vectors by index.
        max_products: The most products that ARPACK may take in one go.
    """
    empty = np.empty((size, 0), dtype)
    pairs = _rayleigh_ritz(operator, _independent(_arpack(operator, draw(0), k, empty, tolerance, max_products)))
    for attempt in range(1, k + 3):
        missing = k - len(pairs.values)
        slack = tolerance * np.max(np.abs(pairs.values), initial=0.0)
        floor = np.inf if missing else float(pairs.values[-1] + slack)
        probe = lanczos(operator, draw(attempt), PROBE_STEPS, pairs.vectors, floor)
        pairs = replace(pairs, norm=max(pairs.norm, float(np.max(np.abs(probe.values)))))
        if probe.values[0] <= floor and not missing:
            return replace(pairs, complete=True)
        start = probe.vectors[:, : max(missing, 1)]
        extra = _arpack(operator, start.sum(axis=1), max(missing, 1), pairs.vectors, tolerance, max_products)
        more = _rayleigh_ritz(
            operator, _independent(np.column_stack([pairs.vectors, extra, start[:, extra.shape[1] :]]))
        )
        pairs = replace(_highest(more, k), norm=max(more.norm, pairs.norm))
    return pairs


def _arpack(
    operator: Operator, start: np.ndarray, k: int, found: np.ndarray, tolerance: float, max_products: int
) -> np.ndarray:
    """Return up to `k` orthonormal vectors of the complement of `found`: those that converged."""
    ncv = min(max(3 * k, k + 8), len(start) - 1)

    def product(vector: np.ndarray) -> np.ndarray:
        vector = vector.ravel()
        inside = vector - found @ (found.T @ vector)
        image = operator(inside)
        return image - found @ (found.T @ image)

    linear = scipy.sparse.linalg.LinearOperator((len(start),) * 2, matvec=product, dtype=start.dtype)  # type: ignore[call-arg]
    try:
        _, vectors = scipy.sparse.linalg.eigsh(
            linear,
            k,
            which="LA",
            v0=start,
            ncv=ncv,
            tol=tolerance,  # type: ignore[arg-type]
            maxiter=max(1, (max_products - ncv) // max(1, ncv - k)),
            rng=np.random.default_rng(0),
        )
    except scipy.sparse.linalg.ArpackNoConvergence as error:
        vectors = error.eigenvectors
    except scipy.sparse.linalg.ArpackError:
        vectors = np.empty((len(start), 0))  # an operator that is zero on the start vector; the probe goes on from here
    return np.asarray(vectors, start.dtype).reshape(len(start), -1)


def _independent(vectors: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the span, leaving out columns that are nearly combinations of those before."""
    basis, size = np.empty_like(vectors, order="F"), 0
    for column in vectors.T:
        rest = column
        for _ in range(2):
            rest = rest - basis[:, :size] @ (basis[:, :size].T @ rest)
        norm = np.linalg.norm(rest)
        if norm > _COPY * np.linalg.norm(column):
            basis[:, size] = rest / norm
            size += 1
    return basis[:, :size]


def _rayleigh_ritz(operator: Operator, basis: np.ndarray) -> Eigenpairs:
    images = np.empty_like(basis)
    for image, column in zip(images.T, basis.T, strict=True):
        image[:] = operator(column)
    small = basis.T @ images
    values, rotation = np.linalg.eigh((small + small.T).astype(np.float64) / 2)
    values, rotation = values[::-1], rotation[:, ::-1].astype(basis.dtype)
    vectors, images = (rotation.T @ basis.T).T, (rotation.T @ images.T).T
    pairs = zip(images.T, vectors.T, values.astype(basis.dtype), strict=True)
    residuals = np.array([np.linalg.norm(image - value * vector) for image, vector, value in pairs])
    asymmetry = float(np.max(np.abs(small - small.T), initial=0.0))
    return Eigenpairs(values, vectors, residuals, False, asymmetry, float(np.max(np.abs(values), initial=0.0)))


def _highest(pairs: Eigenpairs, k: int) -> Eigenpairs:
    return replace(pairs, values=pairs.values[:k], vectors=pairs.vectors[:, :k], residuals=pairs.residuals[:k])
