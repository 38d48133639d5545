"""Random probes of a Hessian: drawn by key, multiplied several at a time, and averaged with a standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from basin.measure.keys import fold

BlockOperator = Callable[[np.ndarray], np.ndarray]
"""Rows `v_i` to rows `H v_i`."""


def rademacher(key: jax.Array, index: int, size: int, dtype: str) -> np.ndarray:
    """Return probe number `index`: independent signs, +1 or -1; the same in every arithmetic."""
    return np.asarray(_signs(key, index, size)).astype(dtype)


def normal(key: jax.Array, name: str, index: int, size: int, dtype: str = "float64") -> np.ndarray:
    """Return standard normal numbers of one named use, drawn in float32: the same in every arithmetic."""
    return np.asarray(_normals(key, name, index, size)).astype(dtype)


def uniform(key: jax.Array, name: str, index: int, size: int) -> np.ndarray:
    """Return numbers between -1 and 1 of one named use, drawn in float32."""
    return np.asarray(_uniforms(key, name, index, size)).astype(np.float64)


def blocks(total: int, size: int) -> Iterator[range]:
    """Yield the indices 0 to before `total`, at most `size` at a time."""
    for start in range(0, total, size):
        yield range(start, min(start + size, total))


def standard_error(samples: np.ndarray) -> float | None:
    """Return the standard error of the mean of independent samples; of a single one none can be known."""
    return float(np.std(samples, ddof=1) / np.sqrt(len(samples))) if len(samples) > 1 else None


def check_at_least(name: str, got: int, least: int, what: str) -> None:
    """Refuse a number that is too small.

    Raises:
        ValueError: `got` is below `least`.
    """
    if got < least:
        raise ValueError(f"{name}: expected at least {least} {what}, got {got}")


@partial(jax.jit, static_argnames="size")
def _signs(key: jax.Array, index: Any, size: int) -> jax.Array:
    return jax.random.rademacher(fold(key, "probe", index), (size,), jnp.int8)


@partial(jax.jit, static_argnames=("name", "size"))
def _normals(key: jax.Array, name: str, index: Any, size: int) -> jax.Array:
    return jax.random.normal(fold(key, name, index), (size,), jnp.float32)


@partial(jax.jit, static_argnames=("name", "size"))
def _uniforms(key: jax.Array, name: str, index: Any, size: int) -> jax.Array:
    return jax.random.uniform(fold(key, name, index), (size,), jnp.float32, -1, 1)
