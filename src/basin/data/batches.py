"""Batches of examples that lie on the disk: gathered one block of steps ahead, while the device works on the last.

Which examples make up a batch is the sampler's matter (:mod:`basin.data.sampler`), so the batches of a set on the disk
are those of the same set in memory, and nothing needs to be kept to go on from a later step. In the order `once` every
example comes at most once; :class:`Blocks` marks what it gathers and does not take that on trust.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int32, Shaped

from basin.data.sampler import batch_indices, check_length
from basin.data.stored import StoredExamples
from basin.spec.run import Order

MAX_STEPS = 32
"""Most steps whose batches are gathered together."""

MAX_GATHERED = 4096
"""Most examples that are gathered together, unless one batch has more."""


def block_steps(batch_size: int) -> int:
    """Return for how many steps batches are gathered together: fewer of large ones, so that memory stays bounded.

    Example:
        >>> block_steps(2), block_steps(128), block_steps(1000), block_steps(10_000)
        (32, 32, 4, 1)
    """
    return max(1, min(MAX_STEPS, MAX_GATHERED // batch_size))


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
    """The blocks of a run by number, whole ones always; while one is used, a thread gathers the next.

    The last is the one with the step that would follow the run's end, where a gradient may be asked for; nobody is
    trained on what lies beyond the end.
    """

    def __init__(self, examples: StoredExamples, key: jax.Array, batch_size: int, num_steps: int, order: Order) -> None:
        self.steps = block_steps(batch_size)
        self.examples, self._batch_size, self._num_steps = examples, batch_size, num_steps
        self._key = _beside_training(key)
        self._order: Order = order
        self._last = num_steps // self.steps
        self._shown = np.zeros(len(examples), bool) if order == "once" else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._gathered: dict[int, Future[Block]] = {}

    def take(self, number: int) -> Block:
        """Return steps `number * steps` to `(number + 1) * steps - 1`, or the last block for any number beyond.

        Numbers must not descend; it is quick for one after another, and for the same again.
        """
        number = min(number, self._last)
        wanted = [number, number + 1] if (number + 1) * self.steps < self._num_steps else [number]
        self._gathered = {n: self._gathered.get(n) or self._thread.submit(self._gather, n) for n in wanted}
        return self._gathered[number].result()

    def close(self) -> None:
        """Wait for what is being gathered, and gather no more."""
        self._thread.shutdown(cancel_futures=True)

    def _gather(self, number: int) -> Block:
        first = number * self.steps
        indices = _indices(self._key, first, self.steps, self._batch_size, len(self.examples), self._order)
        if self._shown is not None:
            _mark(self._shown, indices[: max(self._num_steps - first, 0)].ravel())
        inputs, labels = self.examples.take(indices.ravel())
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
        Blocks of :func:`block_steps` steps, the first and the last of them perhaps shorter.

    Raises:
        ValueError: The run would need an example twice in the order `once`, or more than the sampler can number.
    """
    check_length(num_steps, batch_size)
    if order == "once" and num_steps * batch_size > len(examples):
        raise ValueError(
            f"expected at most {len(examples) // batch_size} steps of {batch_size}, as each of {len(examples)} "
            f"examples is shown once, got {num_steps}; shorten the run or give more examples"
        )
    return _in_turn(Blocks(examples, key, batch_size, num_steps, order), first_step, num_steps)


def _in_turn(blocks: Blocks, first_step: int, num_steps: int) -> Iterator[Block]:
    try:
        for number in range(first_step // blocks.steps, -(-num_steps // blocks.steps)):
            if first_step < num_steps:
                yield blocks.take(number).between(first_step, num_steps)
    finally:
        blocks.close()


def _mark(shown: Bool[np.ndarray, " n"], indices: Int32[np.ndarray, " m"]) -> None:
    """Note which examples are shown, and fail if any of them was before."""
    once = len(np.unique(indices)) == len(indices) and not shown[indices].any()
    assert once, "an example came twice in an order that shows each once"
    shown[indices] = True


def _beside_training(key: jax.Array) -> jax.Array:
    """Return a key on the host's processor, where indices need not wait for the steps that a GPU is busy with."""
    with suppress(RuntimeError):  # JAX was told to use no other device than the one that trains
        return jax.device_put(key, jax.local_devices(backend="cpu")[0])
    return key


def _indices(
    key: jax.Array, first: int, steps: int, batch_size: int, num_examples: int, order: Order
) -> Int32[np.ndarray, "steps batch"]:
    return np.asarray(_block_indices(key, np.int32(first), np.uint32(num_examples), steps, batch_size, order))


@functools.partial(jax.jit, static_argnums=(3, 4, 5))
def _block_indices(
    key: jax.Array, first: jax.Array, num_examples: jax.Array, steps: int, batch_size: int, order: Order
) -> Int32[jax.Array, "steps batch"]:
    numbers = first + jnp.arange(steps, dtype=jnp.int32)
    return jax.vmap(lambda step: batch_indices(key, step, batch_size, num_examples, order))(numbers)
