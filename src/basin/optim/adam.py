"""Adam's direction, which AdamW shares: they differ in where the decay enters, and that is not decided here."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from basin.spec.optimizer import Adam, AdamW


class Averages(NamedTuple):
    """Memory of Adam without its correction: the averages of g and of g^2, shaped like the parameters."""

    s: Any
    r: Any


def adam(spec: Adam | AdamW) -> optax.GradientTransformation:
    """Return u = s^ / (sqrt(r^) + epsilon), the averages of g and g^2 corrected for their start, or as they are."""
    if isinstance(spec, Adam) and not spec.bias_correction:
        return _uncorrected(spec)
    return optax.scale_by_adam(b1=spec.beta1, b2=spec.beta2, eps=spec.epsilon, eps_root=0.0)


def _uncorrected(spec: Adam) -> optax.GradientTransformation:
    def init(params: Any) -> Averages:
        return Averages(jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Averages]:
        del params
        s = optax.tree_utils.tree_update_moment(updates, state.s, spec.beta1, 1)
        r = optax.tree_utils.tree_update_moment(updates, state.r, spec.beta2, 2)
        direction = jax.tree.map(lambda s, r: s / (jnp.sqrt(r) + spec.epsilon), s, r)
        return direction, Averages(s, r)

    return optax.GradientTransformation(init, update)
