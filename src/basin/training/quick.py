"""Programs that run for less time than they are compiled: drawing first weights, moving states in and out of slots.

On a CPU they are compiled at LLVM's second level of optimisation, not its third. It takes about a quarter of the time,
and such programs, which draw or copy number by number and add nothing up, give the same bits (a test).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

_LEVEL = {"xla_backend_optimization_level": 2}


def quickly_compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Return a function compiled by `jax.jit` with its options, in little time on a CPU; not for use in a compiled one.

    Example:
        >>> double = quickly_compiled(lambda x: 2 * x)
        >>> int(double(4))
        8
    """

    @functools.cache
    def program(quick: bool) -> Callable[..., Any]:
        return jax.jit(function, compiler_options=_LEVEL if quick else None, **options)

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        optimises = not jax.config.read("jax_disable_most_optimizations")  # else less is done than at any level
        return program(optimises and jax.default_backend() == "cpu")(*args)

    return call
