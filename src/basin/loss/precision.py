"""The arithmetic that a loss or a measure runs in: `float32` or `float64`, chosen by name and never by accident.

JAX makes every array float32 unless its 64-bit mode is on. Inside :func:`arithmetic` it is on exactly when float64
was asked for, so that a float64 measure needs no global switch and leaves none behind.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

Precision = Literal["float32", "float64"]


def check_precision(precision: str) -> None:
    """Refuse a name that is no precision.

    Raises:
        ValueError: `precision` is neither `float32` nor `float64`.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"unknown precision: expected 'float32' or 'float64', got {precision!r}")


@contextlib.contextmanager
def arithmetic(precision: str) -> Iterator[None]:
    """Run what is inside with 64-bit arrays when `precision` is `float64`, and as it was otherwise."""
    with jax.enable_x64(True) if precision == "float64" else contextlib.nullcontext():
        yield


def cast_floats(tree: Any, dtype: str) -> Any:
    """Return the pytree with floating-point leaves as `dtype`; integers, booleans and keys stay what they are."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype) if is_floating(leaf) else leaf, tree)


def is_floating(leaf: Any) -> bool:
    """Whether a leaf is a floating-point array or number."""
    dtype = leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype
    return bool(jnp.issubdtype(dtype, jnp.floating))


def is_traced(tree: Any) -> bool:
    """Whether any leaf is a tracer, which means that somebody else is differentiating or compiling."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(tree))
