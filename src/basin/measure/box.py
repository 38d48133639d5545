"""The box of Keskar et al. (2017, Metric 2.1) around a point, in the full space or along random directions.

With `A` of shape `(n, d)` and its pseudo-inverse `A+`, the box around `x` holds the steps `y` with
`|y_i| <= epsilon (|(A+ x)_i| + 1)`, and the point reached is `x + A y`. In the full space `A` is the identity.

Random directions are the columns of a matrix of independent standard normal numbers, drawn in float32. (The paper does
not state the distribution.) A search sees the box as the cube `u` in `[-1, 1]^d`, `y_i = u_i` times the half width.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

_BLOCK = 1 << 16
_KEEP_WIDE = 1 << 24
_REMEMBER = 1 << 22


@dataclass(frozen=True, eq=False)
class Directions:
    """A matrix whose columns span a subspace; products go through it in blocks of rows, in the vector's arithmetic."""

    matrix: np.ndarray

    @staticmethod
    def draw(key: jax.Array, size: int, dimension: int) -> Directions:
        """Return `dimension` random directions in a space of `size`, standard normal in float32.

        Raises:
            ValueError: `dimension` is not from 1 to `size`.
        """
        if not 1 <= dimension <= size:
            raise ValueError(f"subspace_dim: expected from 1 to {size}, the number of weights, got {dimension}")
        if size * dimension > _REMEMBER:
            return Directions(_normal(key, size, dimension))
        return _remembered(jax.random.key_data(key).tobytes(), str(jax.random.key_impl(key)), size, dimension)

    @functools.cached_property
    def widened(self) -> Directions:
        """The same directions held in float64 if they are few; many are widened block by block when used."""
        return Directions(self.matrix.astype(np.float64)) if self.matrix.size <= _KEEP_WIDE else self

    def forward(self, y: np.ndarray) -> np.ndarray:
        """Return `A y`."""
        return np.concatenate([block @ y for block in self._blocks(y.dtype)])

    def transpose(self, x: np.ndarray) -> np.ndarray:
        """Return `A^T x`."""
        parts = np.split(x, range(_BLOCK, len(x), _BLOCK))
        products = [part @ block for part, block in zip(parts, self._blocks(x.dtype), strict=True)]
        return np.sum(products, axis=0)

    def pseudo_inverse(self, x: np.ndarray) -> np.ndarray:
        """Return `A+ x`: the normal equations where they are well conditioned (`n >= 4 d`), and otherwise a QR."""
        size, dimension = self.matrix.shape
        if size >= 4 * dimension:
            return scipy.linalg.cho_solve(self._gram_factor, self.transpose(x))
        q, r = np.linalg.qr(self.matrix.astype(np.float64))
        return scipy.linalg.solve_triangular(r, q.T @ x)

    @functools.cached_property
    def _gram_factor(self) -> tuple[np.ndarray, bool]:
        dimension = self.matrix.shape[1]
        gram = sum((block.T @ block for block in self._blocks(np.float64)), np.zeros((dimension, dimension)))
        return scipy.linalg.cho_factor(gram)

    def _blocks(self, dtype: Any) -> Iterator[np.ndarray]:
        for start in range(0, len(self.matrix), _BLOCK):
            yield self.matrix[start : start + _BLOCK].astype(dtype, copy=False)


@dataclass(frozen=True, eq=False)
class Box:
    """The box around a point, seen as the cube `[-1, 1]^d`; points of the space have the arithmetic `dtype`."""

    centre: np.ndarray
    half_widths: np.ndarray
    directions: Directions | None
    dtype: str = "float64"

    @classmethod
    def around(cls, centre: np.ndarray, epsilon: float, directions: Directions | None = None) -> Self:
        """Return the box of size `epsilon` around a point.

        Raises:
            ValueError: `epsilon` is not positive.
        """
        if not 0 < epsilon < np.inf:
            raise ValueError(f"epsilon: expected a positive number such as 1e-3, got {epsilon}")
        coordinates = centre if directions is None else directions.pseudo_inverse(centre)
        return cls(centre, epsilon * (np.abs(coordinates) + 1), None if directions is None else directions.widened)

    @property
    def dimension(self) -> int:
        """Number of coordinates of the cube."""
        return len(self.half_widths)

    def narrowed(self, directions: Directions | None) -> Self:
        """Return the same box with points in float32, along the same directions in float32."""
        return replace(self, centre=self.centre.astype(np.float32), directions=directions, dtype="float32")

    def at(self, u: np.ndarray) -> np.ndarray:
        """Return the point of the space at `u` in the cube."""
        y = (self.half_widths * u).astype(self.dtype, copy=False)
        return self.centre + (y if self.directions is None else self.directions.forward(y))

    def pull_back(self, gradient: np.ndarray) -> np.ndarray:
        """Return the gradient by `u` of a function whose gradient by the point is given."""
        by_y = gradient if self.directions is None else self.directions.transpose(gradient)
        return self.half_widths * by_y


@functools.lru_cache(maxsize=8)
def _remembered(key_data: bytes, implementation: str, size: int, dimension: int) -> Directions:
    """Return directions as drawn before: a study looks along the same few, of bounded size, at many points."""
    words = np.frombuffer(key_data, np.uint32)
    key = jax.random.wrap_key_data(jnp.asarray(words), impl=implementation)
    return Directions(_normal(key, size, dimension))


def _normal(key: jax.Array, size: int, dimension: int) -> np.ndarray:
    return np.asarray(jax.random.normal(key, (size, dimension), jnp.float32))
