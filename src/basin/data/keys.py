"""Keys of random draws, each folded from its own name so that no two purposes share one.

Every key is Threefry-2x32 (Salmon et al. 2011), whatever JAX's default is set to: its bits are the same on every
machine.
"""

from __future__ import annotations

import zlib

import jax

MAX_SEED = 2**32 - 1


def named_key(*names: str) -> jax.Array:
    """Return the key of a purpose that does not depend on a run's seed.

    Example:
        >>> bool((jax.random.key_data(named_key("test")) == jax.random.key_data(named_key("train"))).all())
        False
    """
    key = jax.random.key(0, impl="threefry2x32")
    for name in names:
        key = jax.random.fold_in(key, zlib.crc32(name.encode()))
    return key


def seed_key(seed: int, *names: str) -> jax.Array:
    """Return the key of a purpose for a run's seed.

    Raises:
        ValueError: The seed is not a whole number in [0, 2^32).
    """
    if isinstance(seed, bool) or not 0 <= seed <= MAX_SEED or seed != int(seed):
        raise ValueError(f"expected a seed in [0, 2^32), got {seed!r}; choose a whole number in that range")
    return jax.random.fold_in(named_key(*names), int(seed))
