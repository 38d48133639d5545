"""Batches of examples that lie on the disk: gathered one block of steps ahead, while the device works on the last.

Which examples make up a batch is the sampler's matter (:mod:`basin.data.sampler`), so the batches of a set on the disk
are those of the same set in memory, and nothing needs to be kept to go on from a later step. In the order `once` every
example comes at most once; :func:`batches` counts that as it goes and does not take it on trust.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int32, Shaped

from basin.data.sampler import batch_indices, check_length
from basin.data.stored import StoredExamples
from basin.spec.run import Order

BLOCK = 32
"""Steps whose batches are gathered together."""


@dataclass(frozen=True)
class Block:
    """The batches of some steps in a row.

    Attributes:
        first: The first of the steps.
        indices: Which examples they are.
        inputs: Inputs as they are stored.
        labels: A label for each.
    """

    first: int
    indices: Int32[np.ndarray, "steps batch"]
    inputs: Shaped[np.ndarray, "steps batch *input"]
    labels: Int32[np.ndarray, "steps batch"]

    def between(self, first: int, end: int) -> Block:
        """Return the steps that lie in [first, end)."""
        part = slice(max(first - self.first, 0), max(end - self.first, 0))
        return Block(max(first, self.first), self.indices[part], self.inputs[part], self.labels[part])


class Blocks:
    """The blocks of a run by number, whole ones always; when one is taken, a thread begins to gather the next.

    Steps of the last block beyond the run's end hold examples that nobody is shown.
    """

    def __init__(self, examples: StoredExamples, key: jax.Array, batch_size: int, num_steps: int, order: Order) -> None:
        self._examples, self._key, self._batch_size = examples, key, batch_size
        self._order: Order = order
        self._last = max(num_steps - 1, 0) // BLOCK
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._coming: tuple[int, Future[Block]] | None = None

    def take(self, number: int) -> Block:
        """Return steps `number * BLOCK` to `(number + 1) * BLOCK - 1`; quick for one number after another."""
        block = self._gathering(number).result()
        self._coming = None
        if number < self._last:
            self._coming = number + 1, self._gathering(number + 1)
        return block

    def close(self) -> None:
        """Wait for what is being gathered, and gather no more."""
        self._thread.shutdown(cancel_futures=True)

    def _gathering(self, number: int) -> Future[Block]:
        if self._coming is not None and self._coming[0] == number:
            return self._coming[1]
        return self._thread.submit(self._gather, number)

    def _gather(self, number: int) -> Block:
        first = number * BLOCK
        indices = _indices(self._key, first, self._batch_size, len(self._examples), self._order)
        inputs, labels = self._examples.take(indices.ravel())
        shape = indices.shape
        return Block(first, indices, inputs.reshape(*shape, *inputs.shape[1:]), labels.reshape(shape))


def batches(
    examples: StoredExamples,
    key: jax.Array,
    *,
    batch_size: int,
    num_steps: int,
    order: Order = "once",
    first_step: int = 0,
) -> Iterator[Block]:
    """Return the batches of steps `first_step` to `num_steps - 1`, in blocks, the next one gathered meanwhile.

    Args:
        examples: What is trained on.
        key: Decides the order; a run's own.
        batch_size: Examples in a batch.
        num_steps: Steps in the whole run.
        order: How examples follow one another.
        first_step: Where to begin.

    Returns:
        Blocks of :data:`BLOCK` steps, the first and the last of them perhaps shorter.

    Raises:
        ValueError: The run would need an example twice in the order `once`, or more than the sampler can number.
    """
    check_length(num_steps, batch_size)
    if order == "once" and num_steps * batch_size > len(examples):
        raise ValueError(
            f"expected at most {len(examples) // batch_size} steps of {batch_size}, as each of {len(examples)} "
            f"examples is shown once, got {num_steps}; shorten the run or give more examples"
        )
    found = _in_turn(Blocks(examples, key, batch_size, num_steps, order), first_step, num_steps)
    return _unrepeated(found, len(examples)) if order == "once" else found


def _in_turn(blocks: Blocks, first_step: int, num_steps: int) -> Iterator[Block]:
    try:
        for number in range(first_step // BLOCK, -(-num_steps // BLOCK)):
            if first_step < num_steps:
                yield blocks.take(number).between(first_step, num_steps)
    finally:
        blocks.close()


def _unrepeated(blocks: Iterator[Block], num_examples: int) -> Iterator[Block]:
    """Yield what comes, and fail if any example comes a second time."""
    seen, count = np.zeros(num_examples, bool), 0
    for block in blocks:
        seen[block.indices] = True
        count += block.indices.size
        assert np.count_nonzero(seen) == count, "an example came twice in an order that shows each once"
        yield block


def _indices(key: jax.Array, first: int, batch_size: int, num_examples: int, order: Order) -> np.ndarray:
    return np.asarray(_block_indices(key, np.int32(first), np.uint32(num_examples), batch_size, order))


@functools.partial(jax.jit, static_argnums=(3, 4))
def _block_indices(
    key: jax.Array, first: jax.Array, num_examples: jax.Array, batch_size: int, order: Order
) -> Int32[jax.Array, "steps batch"]:
    steps = first + jnp.arange(BLOCK, dtype=jnp.int32)
    return jax.vmap(lambda step: batch_indices(key, step, batch_size, num_examples, order))(steps)
