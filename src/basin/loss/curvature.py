"""Products with one Hessian, many times: the forward and backward pass at the point are done once and kept.

An eigenvalue solver asks for `H v` at one point with a few dozen vectors `v`. Of the work of one product, the part that
does not depend on `v` is the gradient itself, about a third. Linearising the gradient keeps what that part computed.
It costs memory in proportion to the examples (F1: 70 kB each), so it is bounded: chunks are kept until `memory_bytes`
are used, and the rest are computed anew at every product.

Several vectors at once are one program: what does not depend on them is done once for all, and products of matrices are
wider. It takes the memory of the pass along one direction, once a vector.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from basin.loss.chunks import ChunkProgram, Data, compiled_term, sum_from_host

DEFAULT_MEMORY_BYTES = 1 << 29


def hessian_product(
    program: ChunkProgram,
    params: Any,
    data: Data,
    memory_bytes: int = DEFAULT_MEMORY_BYTES,
    *,
    stacked: bool = False,
) -> Callable[[Any], Any]:
    """Return `vector -> H vector` at `params`, for the Hessian `H` of the mean over the data.

    Args:
        program: The mean, without its data.
        params: Where the Hessian is taken; arrays of the program's dtype.
        data: The examples.
        memory_bytes: What may be kept between products; 0 keeps nothing.
        stacked: Whether the product is of several vectors at once: leaves then have one leading axis more.

    Returns:
        A function of a pytree like `params` that passes once over the data.
    """
    kept: dict[int, Any] = {}
    budget = memory_bytes
    for start, size in program.chunks():
        cost = _size_of(jax.eval_shape(partial(_linear_gradient, program, size=size), params, data, start))
        if cost > budget:
            break
        kept[start] = _linear_gradient(program, params, data, start, size)
        budget -= cost

    def product(vector: Any) -> Any:
        def term(start: int, size: int) -> Any:
            if start in kept:
                return _apply(kept[start], vector, stacked)
            if stacked:
                return _apply_anew(program, params, vector, data, start, size)
            return compiled_term(program, "hvp", params, vector, data, start, size)

        return sum_from_host(program, data, term)

    return product


@partial(jax.jit, static_argnames=("program", "size"))
def _linear_gradient(program: ChunkProgram, params: Any, data: Data, start: Any, size: int) -> Any:
    gradient = jax.grad(lambda weights: program.chunk_sum(weights, data, start, size))
    return jax.linearize(gradient, params)[1]


@partial(jax.jit, static_argnames="stacked")
def _apply(linear: Callable[[Any], Any], vector: Any, stacked: bool) -> Any:
    return jax.vmap(linear)(vector) if stacked else linear(vector)


@partial(jax.jit, static_argnames=("program", "size"))
def _apply_anew(program: ChunkProgram, params: Any, vectors: Any, data: Data, start: Any, size: int) -> Any:
    return jax.vmap(_linear_gradient(program, params, data, start, size))(vectors)


def _size_of(tree: Any) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
