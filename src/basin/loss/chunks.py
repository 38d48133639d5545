"""The mean over a data set, its gradient and its Hessian-vector product, one chunk of examples at a time.

For parameters `w`, examples `i = 1..N` and a loss `l_i` of one example, the mean is `f(w) = (1/N) sum_i l_i(w)`. Each
quantity is a sum over chunks of `chunk_size` examples, and one last smaller one, divided by `N` at the end. A product
with the Hessian is the derivative of the gradient along a direction (forward over reverse). Where each example has a
sequence of targets, `l_i` is the sum over them, and what is divided by is the number of all targets.

* Memory does not grow with `N`: chunks are sliced from the data inside the program, and differentiation happens inside
  a chunk, never across the loop.
* Sums over chunks are compensated (Neumaier): the rounding of the running sum is carried beside it, so the number of
  chunks costs no digits, whatever the precision.
* A :class:`ChunkProgram` is hashable and holds no data: losses of equal shapes share one compiled program.

The same term of one chunk serves two loops: one inside the program, and one on the host. XLA runs a convolution inside
a compiled loop on a CPU some twenty times slower than outside, which is why the second exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from basin.loss.examples import ExampleLoss, has_target
from basin.loss.precision import cast_floats
from basin.models.model import Apply, Mode

Quantity = Literal["value", "value_and_grad", "hvp"]


class Data(NamedTuple):
    """What a program reads: the model's state, the examples, and the order to visit them in (none: as they lie).

    `num_targets` is the number of targets of all examples, int32; none where each example has one.
    """

    state: Any
    x: jax.Array
    y: jax.Array
    order: jax.Array | None
    num_targets: jax.Array | None = None


@dataclass(frozen=True)
class ChunkProgram:
    """The static part of a mean over a data set; two equal ones are one compiled program."""

    apply: Apply
    example_loss: ExampleLoss
    mode: Mode
    num_examples: int
    chunk_size: int
    dtype: str

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Yield the start and the size of each chunk."""
        for start in range(0, self.num_examples, self.chunk_size):
            yield start, min(self.chunk_size, self.num_examples - start)

    def outputs(self, params: Any, data: Data, start: Any, size: int) -> tuple[jax.Array, jax.Array]:
        """Return the network's outputs on one chunk, and its targets."""
        x, y = _take(data, start, size)
        state, x = cast_floats((data.state, x), self.dtype)
        outputs, _ = self.apply(params, state, x, mode=self.mode)
        return outputs, cast_floats(y, self.dtype)

    def chunk_sum(self, params: Any, data: Data, start: Any, size: int) -> jax.Array:
        """Return the sum of the losses of one chunk."""
        return jnp.sum(self.example_loss(*self.outputs(params, data, start, size)))

    def term(self, quantity: Quantity, params: Any, vector: Any, data: Data, start: Any, size: int) -> Any:
        """Return one chunk's part of the sum of a quantity."""

        def total(weights: Any) -> jax.Array:
            return self.chunk_sum(weights, data, start, size)

        if quantity == "value":
            return total(params)
        if quantity == "value_and_grad":
            return jax.value_and_grad(total)(params)
        return jax.jvp(jax.grad(total), (params,), (vector,))[1]

    def mean(self, quantity: Quantity, params: Any, vector: Any, data: Data) -> Any:
        """Return a quantity of the mean over all examples, by a loop inside the program."""
        term = partial(self.term, quantity, params, vector, data)
        full, rest = divmod(self.num_examples, self.chunk_size)
        if full == 0 or (full == 1 and rest == 0):
            return _scaled(term(0, self.num_examples), self.num_examples, data.num_targets)
        total = start_sum(jax.eval_shape(lambda: term(0, self.chunk_size)))
        total = lax.fori_loop(0, full, lambda i, acc: add_term(acc, term(i * self.chunk_size, self.chunk_size)), total)
        if rest:
            total = add_term(total, term(full * self.chunk_size, rest))
        return finish_mean(total, self.num_examples, data.num_targets)


def start_sum(like: Any) -> Any:
    """Return an empty compensated sum (running sum and lost digits) for terms shaped `like`."""
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like)
    return zeros, zeros


def add_term(total: Any, term: Any) -> Any:
    """Add one term to a compensated sum; what rounding lost goes into the second half."""
    running, lost = total
    new = jax.tree.map(jnp.add, running, term)
    return new, jax.tree.map(_lost_digits, lost, running, term, new)


def finish_mean(total: Any, num_examples: int, num_targets: jax.Array | None = None) -> Any:
    """Return a compensated sum divided by the number of targets, which without a number are the examples."""
    return _scaled(jax.tree.map(jnp.add, *total), num_examples, num_targets)


@partial(jax.jit, static_argnames=("program", "quantity"))
def mean_in_program(program: ChunkProgram, quantity: Quantity, params: Any, vector: Any, data: Data) -> Any:
    """Compiled :meth:`ChunkProgram.mean`."""
    return program.mean(quantity, params, vector, data)


@partial(jax.jit, static_argnames=("program", "quantity", "size"))
def compiled_term(
    program: ChunkProgram, quantity: Quantity, params: Any, vector: Any, data: Data, start: Any, size: int
) -> Any:
    """Return :meth:`ChunkProgram.term` of one chunk, compiled."""
    return program.term(quantity, params, vector, data, start, size)


_compiled_start = jax.jit(start_sum)
_compiled_add = jax.jit(add_term)
_compiled_finish = jax.jit(finish_mean, static_argnums=1)


def mean_from_host(program: ChunkProgram, quantity: Quantity, params: Any, vector: Any, data: Data) -> Any:
    """Return the same mean by a loop on the host over one compiled chunk."""
    return sum_from_host(
        program, data, lambda start, size: compiled_term(program, quantity, params, vector, data, start, size)
    )


def sum_from_host(program: ChunkProgram, data: Data, term: Callable[[int, int], Any]) -> Any:
    """Return the compensated mean of `term(start, size)` over a program's chunks of data."""
    total = None
    for start, size in program.chunks():
        part = term(start, size)
        total = _compiled_add(_compiled_start(part) if total is None else total, part)
    return _compiled_finish(total, program.num_examples, data.num_targets)


@partial(jax.jit, static_argnames=("program", "size"))
def output_scale(program: ChunkProgram, params: Any, data: Data, size: int) -> tuple[jax.Array, jax.Array]:
    """Return the largest output of the first chunk, and the mean 1-norm of a target's loss by its outputs there."""
    outputs, targets = program.outputs(params, data, 0, size)
    slope = jax.grad(lambda z: jnp.sum(program.example_loss(z, targets)))(outputs)
    count = size if data.num_targets is None else jnp.maximum(jnp.sum(has_target(targets)), 1)
    return jnp.max(jnp.abs(outputs)), jnp.sum(jnp.abs(slope)) / count


def _take(data: Data, start: Any, size: int) -> tuple[jax.Array, jax.Array]:
    if data.order is None:
        return lax.dynamic_slice_in_dim(data.x, start, size), lax.dynamic_slice_in_dim(data.y, start, size)
    index = lax.dynamic_slice_in_dim(data.order, start, size)
    return data.x[index], data.y[index]


def _lost_digits(lost: jax.Array, running: jax.Array, term: jax.Array, new: jax.Array) -> jax.Array:
    kept = new - running
    return lost + ((running - (new - kept)) + (term - kept))


def _scaled(total: Any, num_examples: int, num_targets: jax.Array | None) -> Any:
    count = num_examples if num_targets is None else num_targets
    return jax.tree.map(lambda leaf: leaf / count, total)
