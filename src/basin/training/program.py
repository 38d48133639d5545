"""The compiled program of a group: K trainings advanced side by side by one loop with traced bounds.

Runs of a group differ only in traced numbers, which enter as arrays of length K. The loop's length is traced too, so
one compilation serves every segment between two evaluations. On a CPU a network with convolutions of XLA's own is
stepped from the host instead, because their gradient is slow inside a compiled loop.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from basin.data import on_disk
from basin.loss.precision import cast_floats
from basin.models.model import Model
from basin.optim import build
from basin.spec.base import traced_leaves, with_leaves
from basin.spec.model import MLP
from basin.spec.optimizer import SGD
from basin.spec.run import RunSpec
from basin.training.feed import Examples, Feed, disk_feed, endless_feed, finite_feed
from basin.training.keys import named_key
from basin.training.plan import model_of, program_id
from basin.training.run import Run
from basin.training.slot import Slot, fresh_slot, initial_weights, pick
from basin.training.step import batch_gradient, train_step
from basin.training.transfer import Growth, overlay

Leaves = dict[str, Any]

BLOCK = 32
"""Steps whose examples are chosen together."""

NUM_STEPS = "num_steps"
FIXED = "fixed"


def leaves_of(run: RunSpec) -> Leaves:
    """Return the numbers that a resolved run brings into its group's program, as NumPy scalars and small arrays."""
    real = np.dtype(run.precision).type
    leaves: Leaves = {
        path: np.int32(value) if isinstance(value, int) else real(value) for path, value in traced_leaves(run).items()
    }
    fixed = jax.tree.map(np.asarray, feed_of(run).fix(run))
    return {**leaves, NUM_STEPS: np.int32(run.num_steps), FIXED: fixed}


def feed_of(run: RunSpec) -> Feed:
    """Return where a run's examples come from."""
    if run.data.endless:
        return endless_feed(run.examples_per_step)
    if (disk := on_disk(run.data)) is not None:
        return disk_feed(run.examples_per_step, disk.inputs)
    return finite_feed(run.examples_per_step, run.order)


@dataclass(frozen=True)
class Program:
    """What a group compiles.

    Attributes:
        id: Hash of what the runs that share it have in common.
        template: A resolved run of the group; its static fields hold for all.
        model: The network.
        slots: Number of trainings side by side, K.
        shared_inputs: Whether all slots read the same inputs (labels are always a slot's own).
        in_loop: Whether steps run inside a compiled loop; otherwise each is dispatched by the host.
    """

    id: str
    template: RunSpec = field(compare=False)
    model: Model = field(compare=False)
    slots: int
    shared_inputs: bool
    in_loop: bool

    @property
    def feed(self) -> Feed:
        """Where the steps' examples come from."""
        return feed_of(self.template)

    def start(self, run: RunSpec, parent: Run | None = None) -> Slot:
        """Return the first state of a run of the group; its own model knows the spread of its first weights.

        What the run takes of its parent is put over them, and then the optimiser begins.
        """
        params, state = cast_floats(initial_weights(model_of(run), run.seed), run.precision)
        if run.start is not None:
            assert parent is not None
            given = jax.tree.map(np.asarray, {"params": parent.params, "state": parent.state})
            own, std = {"params": params, "state": state}, run.start.new_weights_std
            growth = None if std is None else Growth(std, named_key(run.seed, "grow"))
            params, state = overlay(own, given, run.start.layers, growth).values()
        return fresh_slot(params, state, _optimizer(run, leaves_of(run)))

    def advance(self, slots: Slot, leaves: Leaves, pool: Examples, count: int) -> Slot:
        """Return all slots `count` steps later; the given ones are consumed."""
        if self.in_loop:
            return self._advance_in_loop(slots, leaves, pool, np.int32(count))
        for done in range(0, count, BLOCK):
            prepared = self._prepare(leaves, slots.step)
            for offset in range(min(BLOCK, count - done)):
                slots = self._advance_once(slots, leaves, pool, prepared, np.int32(offset))
        return slots

    @functools.cached_property
    def _advance_in_loop(self) -> Any:
        def advance(slots: Slot, leaves: Leaves, pool: Examples, count: jax.Array) -> Slot:
            def block(index: jax.Array, slots: Slot) -> Slot:
                prepared = self._prepare_many(leaves, slots.step)
                length = jnp.minimum(BLOCK, count - index * BLOCK)
                step = functools.partial(self._step_many, leaves=leaves, pool=pool, prepared=prepared)
                return lax.fori_loop(0, length, lambda offset, slots: step(slots, offset=offset), slots)

            return lax.fori_loop(0, (count + BLOCK - 1) // BLOCK, block, slots)

        return jax.jit(advance, donate_argnums=0)

    @functools.cached_property
    def _prepare(self) -> Any:
        return jax.jit(self._prepare_many)

    @functools.cached_property
    def _advance_once(self) -> Any:
        def advance(slots: Slot, leaves: Leaves, pool: Examples, prepared: jax.Array, offset: jax.Array) -> Slot:
            return self._step_many(slots, leaves=leaves, pool=pool, prepared=prepared, offset=offset)

        return jax.jit(advance, donate_argnums=0)

    def _prepare_many(self, leaves: Leaves, steps: jax.Array) -> jax.Array:
        """Return what the next BLOCK steps of every slot draw from, (K, BLOCK, ...)."""

        def prepare(leaves: Leaves, step: jax.Array) -> jax.Array:
            return self.feed.prepare(self._bind(leaves), step + jnp.arange(BLOCK, dtype=jnp.int32))

        return jax.vmap(prepare)(leaves, steps)

    def _step_many(
        self, slots: Slot, *, leaves: Leaves, pool: Examples, prepared: jax.Array, offset: jax.Array
    ) -> Slot:
        def step(slot: Slot, leaves: Leaves, x: jax.Array, y: jax.Array, prepared: jax.Array) -> Slot:
            run = self._bind(leaves)
            batch = self.feed.draw(run, leaves[FIXED], prepared[offset], (x, y))
            return train_step(slot, run, self.model, leaves[NUM_STEPS], batch)

        x, y = pool
        if self.slots == 1:  # a vmap over one slot would still turn a convolution into a grouped one
            first = jax.tree.map(lambda a: a[0], (slots, leaves, y, prepared))
            slot = step(first[0], first[1], x if self.shared_inputs else x[0], first[2], first[3])
            return jax.tree.map(lambda a: a[None], slot)
        x_axis = None if self.shared_inputs else 0
        return jax.vmap(step, in_axes=(0, 0, x_axis, 0, 0))(slots, leaves, x, y, prepared)

    def gradient_norm(self, slots: Slot, leaves: Leaves, pool: Examples, index: int) -> jax.Array:
        """Return the norm of the gradient that a slot's next step will use."""
        own = {path: value for path, value in leaves.items() if not path.startswith("optimizer.")}
        return self._under_plain_descent._gradient_norm(replace(slots, optimizer_state=None), own, pool, index)

    @functools.cached_property
    def _under_plain_descent(self) -> Program:
        """The same for plain descent; gradients do not ask for the optimiser, and many groups differ in it alone."""
        template = self.template.replace(optimizer=SGD(learning_rate=1.0))
        return compiled_once(replace(self, id=program_id(template), template=template))

    @functools.cached_property
    def _gradient_norm(self) -> Any:
        def norm(slots: Slot, leaves: Leaves, pool: Examples, index: jax.Array) -> jax.Array:
            slot, own, y = pick((slots, leaves, pool[1]), index)
            x = pool[0] if self.shared_inputs else pool[0][index]
            run = self._bind(own)
            prepared = self.feed.prepare(run, slot.step[None])[0]
            _, gradient = batch_gradient(slot, run, self.model, self.feed.draw(run, own[FIXED], prepared, (x, y)))
            return optax.tree.norm(gradient)

        return jax.jit(norm)

    def coming(self, slots: Slot, leaves: Leaves, pool: Examples, index: int, count: int) -> Examples:
        """Return the examples of a slot's next `count` steps, one batch after another, before augmentation."""
        own = {
            path: value
            for path, value in leaves.items()
            if path in (FIXED, NUM_STEPS, "seed") or path.startswith("data.")
        }
        return self._without_network._coming(count, slots.step, own, pool, index)

    @functools.cached_property
    def _without_network(self) -> Program:
        """The same for a network of no account; examples do not ask for it, and many groups differ in it alone."""
        none = {"augment": (), "label_smoothing": None}
        template = self.template.replace(model=MLP(widths=(1,)), optimizer=SGD(learning_rate=1.0), **none)
        wanted = replace(self, id=program_id(template), template=template, model=model_of(template), in_loop=True)
        return compiled_once(wanted)

    @functools.cached_property
    def _coming(self) -> Any:
        def coming(count: int, steps: jax.Array, leaves: Leaves, pool: Examples, index: jax.Array) -> Examples:
            step, own, y = pick((steps, leaves, pool[1]), index)
            x = pool[0] if self.shared_inputs else pool[0][index]
            run = self._bind(own)
            prepared = self.feed.prepare(run, step + jnp.arange(count, dtype=jnp.int32))
            batches = lax.map(lambda one: self.feed.draw(run, own[FIXED], one, (x, y)), prepared)
            return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), batches)

        return jax.jit(coming, static_argnums=0)

    def _bind(self, leaves: Leaves) -> RunSpec:
        """Return the template with one run's traced numbers in place."""
        own = {path: value for path, value in leaves.items() if path not in (NUM_STEPS, FIXED)}
        bound = with_leaves(self.template, own)
        assert isinstance(bound, RunSpec)
        return bound


@functools.lru_cache(maxsize=64)
def compiled_once(program: Program) -> Program:
    """Return the program of this process that is equal to the given one, so that it is compiled once."""
    return program


def _optimizer(run: RunSpec, leaves: Leaves) -> optax.GradientTransformation:
    return build(run.optimizer, leaves[NUM_STEPS])
