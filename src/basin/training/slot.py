"""The state of one training, and K of them side by side.

A group's program holds K slots: the same pytree with a leading axis of length K. A slot knows its own step, so slots
may stand at different steps and runs of different lengths share a program.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from basin.models.model import Model, Params, State
from basin.training.keys import named_key
from basin.training.quick import quickly_compiled

NEVER = np.iinfo(np.int32).max
"""The value of `diverged_at` while every loss was finite."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Slot:
    """One training between two updates.

    Attributes:
        params: Trained arrays.
        model_state: Running statistics of the model.
        optimizer_state: Moments and counters of the optimiser.
        step: Updates made so far, int32.
        diverged_at: The first step whose batch loss was not finite; `NEVER` until then, int32.
    """

    params: Params
    model_state: State
    optimizer_state: Any
    step: jax.Array
    diverged_at: jax.Array


def fresh_slot(params: Params, state: State, optimizer: optax.GradientTransformation) -> Slot:
    """Return a training of these weights at step 0."""
    return Slot(
        params=params,
        model_state=state,
        optimizer_state=optimizer.init(params),
        step=jnp.zeros((), jnp.int32),
        diverged_at=jnp.full((), NEVER, jnp.int32),
    )


def initial_weights(model: Model, seed: int) -> tuple[Params, State]:
    """Return the weights and the state that runs of this model and seed start from, if from no other run.

    They come from a program of their own that depends on the model and the seed alone, and are drawn in float32
    whatever the precision, so that paired runs start from the same bytes.
    """
    return _initial(model, named_key(seed, "init"))


def _init(model: Model, key: jax.Array) -> tuple[Params, State]:
    return model.init(key)


_initial = quickly_compiled(_init, static_argnums=0)


def stack(slot: Slot, count: int) -> Slot:
    """Return `count` copies of a slot along a new leading axis."""
    return jax.tree.map(lambda a: jnp.array(np.repeat(np.asarray(a)[None], count, axis=0)), slot)  # compiles nothing


def pick(slots: Any, index: int | jax.Array) -> Any:
    """Return one of what a tree holds along its leading axes."""
    return jax.tree.map(lambda a: a[index], slots)


take = quickly_compiled(pick)
"""`take(slots, index)` is :func:`pick`, compiled."""


def _put(slots: Slot, index: int | jax.Array, slot: Slot) -> Slot:
    return jax.tree.map(lambda many, one: many.at[index].set(one), slots, slot)


put = quickly_compiled(_put, donate_argnums=0)
"""`put(slots, index, slot)` returns the stack with one slot replaced, in place."""
