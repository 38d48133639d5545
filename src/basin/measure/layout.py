"""A pytree of weights as one vector, for solvers that know only vectors.

A layout is hashable, so that it can be a static argument: unlike the closure of `ravel_pytree`, two equal ones are one
compiled program.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss.precision import is_floating


@dataclass(frozen=True)
class Layout:
    """The structure of a pytree and the shapes of its leaves, in order."""

    treedef: Any
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, params: Any) -> Self:
        """Return the layout of a pytree of floating-point arrays.

        Raises:
            ValueError: There is no leaf, or one is not floating point.
        """
        leaves, treedef = jax.tree.flatten(params)
        strange = [str(np.asarray(leaf).dtype) for leaf in leaves if not is_floating(leaf)]
        if not leaves or strange:
            got = f"a leaf of {strange[0]}" if strange else "no leaf"
            raise ValueError(f"expected params of floating-point arrays, got {got}; measure the real weights only")
        return cls(treedef, tuple(tuple(np.shape(leaf)) for leaf in leaves))

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(math.prod(shape) for shape in self.shapes)

    def ravel(self, tree: Any) -> jax.Array:
        """Return the leaves of a pytree as one vector."""
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)])

    def flat(self, tree: Any, dtype: str) -> np.ndarray:
        """Return a copy of the leaves as one vector on the host."""
        return np.concatenate([np.asarray(leaf).astype(dtype).ravel() for leaf in jax.tree.leaves(tree)])

    def unravel(self, vector: jax.Array) -> Any:
        """Return a vector as a pytree of arrays of the vector's dtype."""
        leaves, start = [], 0
        for shape in self.shapes:
            size = math.prod(shape)
            leaves.append(vector[start : start + size].reshape(shape))
            start += size
        return jax.tree.unflatten(self.treedef, leaves)
