"""The examples of trainings whose sets lie on the disk: for every slot the batches of the block that its step is in.

The next block of a slot is gathered by a thread while the device works on this one (:mod:`basin.data.batches`), so a
set of any size takes the memory of a few blocks.
"""

from __future__ import annotations

from threading import Lock

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int32

from basin.data import on_disk
from basin.data.batches import Blocks, batches
from basin.spec.run import RunSpec
from basin.training.feed import Examples
from basin.training.keys import named_key


class Window:
    """Blocks of batches, one a slot; a slot without a run has the batches of another."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._blocks: dict[int, Blocks] = {}
        self._numbers: dict[int, int] = {}
        self._pool: Examples | None = None
        self._lock = Lock()  # the slots of a lane are looked at by threads of their own

    def admit(self, index: int, run: RunSpec) -> None:
        """Give a slot the examples of a resolved run."""
        disk = on_disk(run.data)
        assert disk is not None
        if index in self._blocks:
            self._blocks[index].close()
        examples, _ = disk.open(run.data, run.seed, 0)
        key = named_key(run.seed, "order")
        self._blocks[index] = Blocks(examples, key, run.examples_per_step, run.num_steps, run.order)
        self._pool = None

    def steps_left(self, steps: Int32[jax.Array, " slots"]) -> int:
        """Return for how many steps the blocks that the slots are in last."""
        at = np.asarray(steps)
        return min(blocks.steps - int(at[index]) % blocks.steps for index, blocks in self._blocks.items())

    def at(self, steps: Int32[jax.Array, " slots"]) -> Examples:
        """Return the batches of the blocks that the slots' next steps are in: inputs as they are stored, and labels."""
        at = np.asarray(steps)
        numbers = {index: int(at[index]) // blocks.steps for index, blocks in self._blocks.items()}
        with self._lock:
            if self._pool is None or numbers != self._numbers:
                self._pool = None  # frees it before the next one is made
                self._pool, self._numbers = self._gathered(numbers), numbers
            return self._pool

    def coming(self, index: int, run: RunSpec, first: int, count: int) -> Examples:
        """Return the examples of a slot's steps `first` to `first + count - 1`, as its network sees them."""
        disk = on_disk(run.data)
        assert disk is not None
        key, size, end = named_key(run.seed, "order"), run.examples_per_step, first + count
        blocks = batches(
            self._blocks[index].examples, key, batch_size=size, num_steps=end, order=run.order, first_step=first
        )
        parts = [(block.inputs.reshape(-1, *block.inputs.shape[2:]), block.labels.ravel()) for block in blocks]
        inputs, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
        return jnp.asarray(disk.inputs(run.data, jnp.asarray(inputs)), run.precision), jnp.asarray(labels)

    def _gathered(self, numbers: dict[int, int]) -> Examples:
        blocks = {index: self._blocks[index].take(number) for index, number in numbers.items()}
        some = next(iter(blocks.values()))
        own = [blocks.get(index, some) for index in range(self._slots)]
        inputs = np.stack([block.inputs.reshape(-1, *block.inputs.shape[2:]) for block in own])
        return jnp.asarray(inputs), jnp.asarray(np.stack([block.labels.ravel() for block in own]))
