"""Random keys by name: each use of randomness in a run has a key of its own, folded from the run's seed.

Adding a use of randomness then moves no other: the order of examples stays when dropout is switched on.
"""

from __future__ import annotations

import zlib

import jax


def named_key(seed: int | jax.Array, name: str) -> jax.Array:
    """Return the key of one named use (`init`, `order`, `dropout`, ...) of a run's seed, which may be traced."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))
