"""Where a step's examples come from: a finite set by index, from memory or the disk, or an endless stream.

Both are pure functions of (key, step), so a resumed run needs no state of a sampler. What can be done for many steps at
once (permuting indices) is done by `prepare`, a block of steps at a time; what must be done at the step, by `draw`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from basin.data import reference, stream
from basin.data.batches import block_steps
from basin.data.sampler import batch_indices
from basin.loss.precision import cast_floats
from basin.spec.run import Order, RunSpec
from basin.training.keys import named_key

Examples = tuple[jax.Array, jax.Array]


@dataclass(frozen=True)
class Feed:
    """A source of batches.

    Attributes:
        fix: `fix(run)`: a pytree of small arrays that a run needs at every step and that never changes.
        prepare: `prepare(run, steps)`: what `draw` needs for each of the steps (num_steps,), stacked.
        draw: `draw(run, fixed, prepared, pool)`: one step's inputs and labels, from what was fixed for the run and
            prepared for the step, and the pool of training examples.
    """

    fix: Callable[[RunSpec], Any]
    prepare: Callable[[RunSpec, jax.Array], jax.Array]
    draw: Callable[[RunSpec, Any, jax.Array, Examples], Examples]


def finite_feed(batch_size: int, order: Order = "reshuffled") -> Feed:
    """Return a feed of `num_train` examples, which come again and again in an order of :mod:`basin.data.sampler`."""

    def prepare(run: RunSpec, steps: jax.Array) -> jax.Array:
        key, num_train = named_key(run.seed, "order"), run.data.num_train
        assert num_train is not None
        return jax.vmap(lambda step: batch_indices(key, step, batch_size, num_train, order))(steps)

    def draw(run: RunSpec, fixed: Any, indices: jax.Array, pool: Examples) -> Examples:
        x, y = pool
        return x[indices], y[indices]

    return Feed(lambda run: None, prepare, draw)


def disk_feed(batch_size: int, inputs: Callable[[Any, jax.Array], jax.Array]) -> Feed:
    """Return a feed of examples on the disk, whose pool holds the batches of the block that a step is in.

    Args:
        batch_size: Examples a step.
        inputs: `inputs(data, stored)`: inputs as networks see them, of inputs as they are stored.
    """

    def prepare(run: RunSpec, steps: jax.Array) -> jax.Array:
        return (steps % block_steps(batch_size))[:, None] * batch_size + jnp.arange(batch_size, dtype=jnp.int32)

    def draw(run: RunSpec, fixed: Any, indices: jax.Array, pool: Examples) -> Examples:
        x, y = pool
        return cast_floats(inputs(run.data, x[indices]), run.precision), y[indices]

    return Feed(lambda run: None, prepare, draw)


def endless_feed(batch_size: int) -> Feed:
    """Return a feed of fresh examples: every step draws new ones from the stream."""

    def prepare(run: RunSpec, steps: jax.Array) -> jax.Array:
        key = named_key(run.seed, "stream")
        return jax.vmap(lambda step: jax.random.key_data(jax.random.fold_in(key, step)))(steps)

    def draw(run: RunSpec, fixed: Any, key_data: jax.Array, pool: Examples) -> Examples:
        x, y = stream(run.data, fixed)(jax.random.wrap_key_data(key_data), batch_size)
        return cast_floats(x, run.precision), y.astype(jnp.int32)

    return Feed(lambda run: reference(run.data), prepare, draw)
