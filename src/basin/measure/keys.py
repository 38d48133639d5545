"""Random keys of measures: one for a call, folded by the name of each use; none given means a fixed one, recorded."""

from __future__ import annotations

import zlib

import jax
import jax.numpy as jnp
import numpy as np


def resolve_key(key: jax.Array | int | None) -> tuple[jax.Array, str]:
    """Return a key, and text that identifies it; an integer is a seed and `None` the seed 0."""
    if key is None or isinstance(key, (int, np.integer)):
        seed = 0 if key is None else int(key)
        return jax.random.key(seed), f"seed {seed}" + (" (the default)" if key is None else "")
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    words = np.asarray(jax.random.key_data(key) if typed else key)
    return key, "key " + "-".join(f"{int(word):08x}" for word in words.ravel())


def fold(key: jax.Array, name: str, index: int = 0) -> jax.Array:
    """Return the key of one named use."""
    return jax.random.fold_in(jax.random.fold_in(key, zlib.crc32(name.encode())), index)
