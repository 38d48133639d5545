"""Which of a finite set's examples a run trains on: the first, or a random sample of its seed."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int32

from basin.data.sampler import permute


def random_rows(key: jax.Array, count: int, available: int) -> Int32[np.ndarray, " count"]:
    """Return the first entries of a permutation of 0..available-1, which a larger sample of the key begins with too.

    Example:
        >>> small, large = (random_rows(jax.random.key(0), count, 50) for count in (10, 50))
        >>> bool((small == large[:10]).all()), sorted(large.tolist()) == list(range(50))
        (True, True)
    """
    return np.asarray(_entries(key, count, np.uint32(available))).astype(np.int32)


@functools.partial(jax.jit, static_argnums=1)
def _entries(key: jax.Array, count: int, available: jax.Array) -> jax.Array:
    return permute(key, jnp.zeros(count, jnp.uint32), jnp.arange(count, dtype=jnp.uint32), available)
