"""Where a program narrows float64 to less, which would make a float64 measure of it a float32 one in disguise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr


def find_downcast(jaxpr: Jaxpr) -> str | None:
    """Return the first operation that takes float64 and gives a narrower float, such as `f64 -> f32`; or none."""
    for equation in jaxpr.eqns:
        inner = list(_inner(equation.params))
        for found in map(find_downcast, inner):
            if found is not None:
                return found
        if inner or not any(_bits(variable) == 64 for variable in equation.invars):
            continue
        narrow = [variable for variable in equation.outvars if 0 < _bits(variable) < 64]
        if narrow or equation.primitive.name == "reduce_precision":
            given = f"f{_bits(narrow[0])}" if narrow else f"{equation.params['mantissa_bits']} bits of mantissa"
            return f"{equation.primitive.name}: f64 -> {given}"
    return None


def _inner(params: dict[str, Any]) -> Iterator[Jaxpr]:
    for value in params.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(item, ClosedJaxpr):
                yield item.jaxpr
            elif isinstance(item, Jaxpr):
                yield item


def _bits(variable: Any) -> int:
    dtype = getattr(variable.aval, "dtype", None)
    return jnp.finfo(dtype).bits if dtype is not None and jnp.issubdtype(dtype, jnp.floating) else 0
