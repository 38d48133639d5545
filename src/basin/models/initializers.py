"""Distributions of initial weights, from specifications to JAX's initialisers (fan-in counts receptive fields)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import initializers

from basin.spec import initializer as specs


def initializer(spec: Any) -> Callable[..., jax.Array]:
    """Return `init(key, shape, dtype) -> array` for the specification of a distribution; its numbers may be traced."""
    match spec:
        case specs.He():
            return initializers.he_normal()
        case specs.Glorot():
            return initializers.glorot_uniform()
        case specs.LeCun():
            return initializers.lecun_normal()
        case specs.Uniform(epsilon=epsilon):
            return lambda key, shape, dtype=jnp.float32: (
                epsilon * jax.random.uniform(key, shape, dtype, minval=-1.0, maxval=1.0)
            )
        case specs.Normal(epsilon=epsilon):
            return lambda key, shape, dtype=jnp.float32: epsilon * jax.random.normal(key, shape, dtype)
        case specs.Constant(value=value):
            return lambda key, shape, dtype=jnp.float32: jnp.full(shape, value, dtype)
    raise ValueError(f"unknown initialiser: {spec!r}")
