"""The value of a schedule at a progress: the formulas of :mod:`basin.spec.schedule`, traceable.

Whether a step of a staircase is reached is decided with a margin of four units in the last place, since progress is
a rounded quotient: without it the stair at update 512 k of 500 000 comes an update late for some k.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import ArrayLike, Float

from basin.spec.base import Spec
from basin.spec.schedule import (
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    Linear,
    PowerLaw,
    Rate,
    Step,
    Warmup,
)


def schedule_value(schedule: Rate | float, progress: ArrayLike) -> Float[jax.Array, "*shape"]:
    """Return the value of a schedule at the given progress.

    Args:
        schedule: A specification from :mod:`basin.spec.schedule`, its numbers concrete or tracers; or a number.
        progress: Updates done over updates budgeted, any shape. Clipped to [0, 1]: past the budget the value holds.

    Returns:
        Values of the shape of `progress`, in its type if that is a float's.

    Raises:
        ValueError: `schedule` is neither a schedule nor a number.

    Example:
        >>> from basin.spec.schedule import Linear
        >>> round(float(schedule_value(Linear(initial=0.1, final=0.001), 0.2)), 4)
        0.0802
    """
    known = schedule if isinstance(schedule, Spec) else Constant(value=schedule)
    if type(known) not in FORMULAS:
        raise ValueError(f"expected a schedule or a number, got {type(known).__name__}; see basin.spec.schedule")
    p = jnp.clip(jnp.asarray(progress, dtype=jnp.result_type(progress, float)), 0.0, 1.0)
    return jnp.broadcast_to(FORMULAS[type(known)](known, p), p.shape).astype(p.dtype)


def _constant(s: Constant, p: jax.Array) -> jax.Array:
    return jnp.full_like(p, s.value)


def _linear(s: Linear, p: jax.Array) -> jax.Array:
    q = jnp.minimum(p / s.until, 1.0)
    return (1.0 - q) * s.initial + q * s.final


def _power_law(s: PowerLaw, p: jax.Array) -> jax.Array:
    stairs = None if s.every is None else jnp.floor(_at_least(p) / s.every) * (s.every / s.scale)
    scaled = p / s.scale if stairs is None else stairs
    return s.initial * (1.0 + scaled) ** s.power


def _exponential(s: Exponential, p: jax.Array) -> jax.Array:
    return s.initial * jnp.power(s.decay, p / s.scale)


def _cosine(s: Cosine, p: jax.Array) -> jax.Array:
    return s.final + (s.initial - s.final) * (1.0 + jnp.cos(jnp.pi * p)) / 2.0


def _step(s: Step, p: jax.Array) -> jax.Array:
    value = jnp.full_like(p, s.initial)
    for at in s.at:
        value = jnp.where(_at_least(p) >= at, value * s.factor, value)
    return value


def _warmup(s: Warmup, p: jax.Array) -> jax.Array:
    risen = jnp.minimum(p / s.fraction, 1.0)
    after = jnp.maximum((p - s.fraction) / (1.0 - s.fraction), 0.0)
    return schedule_value(s.then, after) * (s.start + (1.0 - s.start) * risen)


def _inverse_square_root(s: InverseSquareRoot, p: jax.Array) -> jax.Array:
    return s.peak * jnp.minimum(p / s.warmup, jnp.sqrt(s.warmup / jnp.maximum(p, s.warmup)))


def _at_least(p: jax.Array) -> jax.Array:
    return p * (1.0 + 4.0 * jnp.finfo(p.dtype).eps)


FORMULAS: dict[type[Spec], Callable[[Any, jax.Array], jax.Array]] = {
    Constant: _constant,
    Linear: _linear,
    PowerLaw: _power_law,
    Exponential: _exponential,
    Cosine: _cosine,
    Step: _step,
    Warmup: _warmup,
    InverseSquareRoot: _inverse_square_root,
}
"""The formula of each schedule."""
