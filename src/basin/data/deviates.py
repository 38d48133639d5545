"""Normal and Gumbel deviates that are the same bits in every program: entries of a table, picked by random words.

A table holds the quantiles at (i + 1/2) / 2^16, so a deviate takes one of 65 536 values, each as likely as any other;
the distribution function is off by at most 2^-17 and no normal deviate lies beyond 4.4. What JAX draws itself goes
through polynomials whose last bits depend on how a program was fused.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Array, Float32

LEVELS = 2**16


def normal(key: jax.Array, n: int) -> Float32[Array, " n"]:
    """Return `n` standard normal deviates.

    Example:
        >>> round(float(normal(jax.random.key(0), 100_000).std()), 2)
        1.0
    """
    return jnp.asarray(_normal_quantiles())[_places(key, n)]


def gumbel(key: jax.Array, n: int) -> Float32[Array, " n"]:
    """Return `n` standard Gumbel deviates: -log(-log u) of a uniform u."""
    return jnp.asarray(_gumbel_quantiles())[_places(key, n)]


def _places(key: jax.Array, n: int) -> Array:
    return jax.random.bits(key, (n,), jnp.uint16).astype(jnp.int32)


@functools.cache
def _normal_quantiles() -> Float32[np.ndarray, " levels"]:
    return scipy.special.ndtri((np.arange(LEVELS) + 0.5) / LEVELS).astype(np.float32)


@functools.cache
def _gumbel_quantiles() -> Float32[np.ndarray, " levels"]:
    return (-np.log(-np.log((np.arange(LEVELS) + 0.5) / LEVELS))).astype(np.float32)
