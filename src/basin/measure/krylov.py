"""A few steps of Lanczos with full reorthogonalisation, outside the span of vectors already found.

It answers one question of an eigenvalue solver's result: is there an eigenvalue above these that the solver missed? A
Krylov space grown from one vector holds one vector of each eigenspace, so an eigenvalue of multiplicity three shows
three times only thanks to rounding. A fresh random start, orthogonal to what was found, has a part in every eigenspace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Operator = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class RitzPairs:
    """Approximate eigenpairs, highest first; `values[i]` belongs to the unit vector `vectors[:, i]`."""

    values: np.ndarray
    vectors: np.ndarray


def lanczos(operator: Operator, start: np.ndarray, num_steps: int, found: np.ndarray, floor: float) -> RitzPairs:
    """Return Ritz pairs of a symmetric operator on the complement of orthonormal columns `found`.

    Args:
        operator: `v -> H v`.
        start: A random vector.
        num_steps: The most products.
        found: Orthonormal columns to stay clear of; may have no column.
        floor: Stops early once the highest Ritz value lies above it, or, by its own residual, clearly below it.

    Returns:
        The Ritz pairs of the last step; at least one product is taken.
    """
    basis = np.empty((len(start), num_steps), start.dtype, order="F")
    products = np.empty_like(basis)
    values, rotation = np.zeros(1), np.ones((1, 1))
    vector = _clear(start, found)
    size = 0
    for step in range(min(num_steps, len(start) - found.shape[1])):
        basis[:, step] = vector / np.linalg.norm(vector)
        products[:, step] = operator(basis[:, step])
        size = step + 1
        known = basis[:, :size]
        small = known.T @ products[:, :size]
        values, rotation = np.linalg.eigh((small + small.T).astype(np.float64) / 2)
        vector = _clear(_clear(products[:, step], found), known)
        remainder = float(np.linalg.norm(vector))
        reach = remainder * abs(rotation[-1, -1])
        exhausted = remainder <= 10 * np.finfo(start.dtype).eps * np.linalg.norm(products[:, step])
        if exhausted or values[-1] > floor or (size > 2 and values[-1] + 2 * reach <= floor):
            break
    order = np.argsort(-values)
    return RitzPairs(values[order], basis[:, :size] @ rotation[:, order].astype(basis.dtype))


def _clear(vector: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the vector without its part along orthonormal columns, taken off twice for the sake of rounding."""
    for _ in range(2):
        vector = vector - columns @ (columns.T @ vector)
    return vector
