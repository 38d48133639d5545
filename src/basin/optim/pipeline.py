"""From the specification of an optimiser to an optax transformation, in the five stages that every rule shares.

The stages (clip, coupled decay, rule, decoupled decay, step) are defined in :mod:`basin.spec.optimizer`. Numbers of
the specification may be tracers, put there by :func:`basin.spec.base.with_leaves`: no stage is chosen by the value of
a number, only by what is absent (`None`, or `False` for a momentum or decay of 0) and by the kind of rule.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import ArrayLike

from basin.optim.decay import decayed_weights
from basin.optim.registry import RULES
from basin.optim.schedules import schedule_value
from basin.spec.optimizer import AdamW, AnyOptimizer
from basin.spec.schedule import Constant, Rate


def build(optimizer: AnyOptimizer, num_steps: ArrayLike | None = None) -> optax.GradientTransformation:
    """Return the optax transformation that an optimiser's specification describes.

    Updates and memory keep the types of the parameters, whatever the types of the numbers in the specification.

    Args:
        optimizer: What to build; its numbers may be tracers.
        num_steps: Length of training in updates, at least 1, a tracer perhaps. Only a learning rate that changes
            needs it: its progress is updates done / num_steps, so the last update is made at (T - 1)/T.

    Returns:
        `init(params) -> state` and `update(gradient, state, params) -> (update, state)`, the update to be added to the
        parameters; `params` are needed where there is weight decay.

    Raises:
        ValueError: Not an optimiser's specification; a schedule without `num_steps`, or a number below 1
            for it. The transformation's `init`: `decays="kernels"` for parameters without kernels.

    Example:
        >>> from basin.spec.optimizer import SGD
        >>> rule = build(SGD(learning_rate=0.5, momentum=0.9))
        >>> w, state = jnp.array(1.0), rule.init(jnp.array(1.0))
        >>> for _ in range(2):  # on E = w^2 / 2, whose gradient is w
        ...     update, state = rule.update(w, state, w)
        ...     w = w + update
        ...     print(round(float(w), 6))
        0.5
        -0.2
    """
    if type(optimizer) not in RULES:
        names = ", ".join(rule.__name__ for rule in RULES)
        raise ValueError(f"expected the specification of an optimiser ({names}), got {type(optimizer).__name__}")
    decoupled = isinstance(optimizer, AdamW) or getattr(optimizer, "decay", "coupled") == "decoupled"
    decay = decayed_weights(optimizer.weight_decay, optimizer.decays)
    stages = [
        _clip(optimizer.clip_norm),
        optax.identity() if decoupled else decay,
        RULES[type(optimizer)](optimizer),
        decay if decoupled else optax.identity(),
        _step(optimizer.learning_rate, num_steps),
    ]
    return _keeping_types(optax.chain(*stages))


def _clip(max_norm: float | jax.Array | None) -> optax.GradientTransformation:
    """Scale to at most `max_norm`; written out because optax's mixes types when a traced bound is wider than a leaf."""
    if max_norm is None:
        return optax.identity()

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        del params
        factor = jnp.minimum(1.0, max_norm / optax.tree.norm(updates))
        return jax.tree.map(lambda g: g * factor.astype(g.dtype), updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _step(rate: Rate, num_steps: ArrayLike | None) -> optax.GradientTransformation:
    if not isinstance(rate, Constant):
        total = _length(rate, num_steps)
        return optax.scale_by_schedule(lambda count: -schedule_value(rate, jnp.asarray(count, float) / total))
    return optax.scale_by_learning_rate(rate.value)


def _length(rate: Any, num_steps: ArrayLike | None) -> ArrayLike:
    if num_steps is None:
        raise ValueError(
            f"expected num_steps, the length of training in updates, for a learning rate of kind '{rate.kind}', "
            "got None; call build(optimizer, num_steps=...)"
        )
    if isinstance(num_steps, Real) and num_steps < 1:
        raise ValueError(f"expected num_steps of at least 1, got {num_steps}; give the budget in updates")
    return num_steps


def _keeping_types(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        new_updates, new_state = inner.update(updates, state, params)
        return _cast(new_updates, updates), _cast(new_state, state)

    return optax.GradientTransformation(inner.init, update)


def _cast(tree: Any, like: Any) -> Any:
    return jax.tree.map(lambda new, old: jnp.asarray(new, old.dtype), tree, like)
