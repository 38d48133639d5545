"""Any loss as a function of one vector: value, gradient and Hessian-vector product, compiled and counted.

Measures see only this. Behind it stands a :class:`~basin.loss.DatasetLoss`, which shares compiled code with every other
of the same model and shapes, or any callable from a pytree to a real scalar. A callable is compiled anew for every
measure, because nothing tells whether what it closes over has changed since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss import DatasetLoss
from basin.loss.chunks import ChunkProgram, Quantity
from basin.loss.curvature import DEFAULT_MEMORY_BYTES
from basin.loss.precision import Precision, arithmetic, is_floating
from basin.measure.downcast import find_downcast
from basin.measure.layout import Layout

LossFn = Callable[[Any], Any]


@dataclass(frozen=True)
class CallableProgram:
    """A callable in the place of :class:`~basin.loss.chunks.ChunkProgram`."""

    function: LossFn

    def mean(self, quantity: Quantity, params: Any, vector: Any, data: Any) -> Any:
        """Return a quantity of the callable; it brings its own data."""
        if quantity == "value":
            return self.scalar(params)
        if quantity == "value_and_grad":
            return jax.value_and_grad(self.scalar)(params)
        return jax.jvp(jax.grad(self.scalar), (params,), (vector,))[1]

    def scalar(self, params: Any) -> jax.Array:
        """Return the callable's value, which must be one real number."""
        value = jnp.asarray(self.function(params))
        if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
            raise ValueError(
                f"expected a loss that returns one real number, got {value.dtype} of shape {value.shape}; take the mean"
            )
        return value


class Objective:
    """A loss at work: the point, the compiled functions of a vector, and the count of passes over the data."""

    def __init__(self, loss_fn: LossFn, params: Any, precision: Precision) -> None:
        """Bind a loss to the layout of `params` and to an arithmetic; neither is changed."""
        if not callable(loss_fn):
            raise ValueError(f"loss_fn: expected a callable from params to a scalar, got {type(loss_fn).__name__}")
        self.layout = Layout.of(params)
        self.precision: Precision = precision
        self.point = self.layout.flat(params, precision)
        self.counts: Counter[str] = Counter()
        self.loss = loss_fn.astype(precision) if isinstance(loss_fn, DatasetLoss) else None
        if self.loss is not None:
            self._program: ChunkProgram | CallableProgram = self.loss.program
            self._data: Any = self.loss.data
            self._compiled = _shared
        else:
            self._program = CallableProgram(loss_fn)
            self._data = None
            self._compiled = jax.jit(lambda *args: _flat(*args), static_argnums=(0, 1, 2))

    @property
    def definition(self) -> str:
        """What the value is."""
        if self.loss is not None:
            return self.loss.definition
        name = getattr(self._program.function, "__name__", type(self._program.function).__name__)  # type: ignore[union-attr]
        return f"the callable {name} of the user's; {self.precision}"

    @property
    def num_passes(self) -> int:
        """Passes over the data so far: values, gradients and products."""
        return self.counts.total()

    def value(self, vector: np.ndarray) -> float:
        """Return the loss at a vector of weights."""
        self.counts["values"] += 1
        return float(self._run("value", vector))

    def value_and_grad(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss and its gradient at a vector of weights."""
        self.counts["gradients"] += 1
        value, gradient = self._run("value_and_grad", vector)
        return float(value), np.asarray(gradient)

    def hessian_product(
        self, memory_bytes: int = DEFAULT_MEMORY_BYTES, *, stacked: bool = False
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return `v -> H v` at the point, keeping up to `memory_bytes` of the forward and backward pass.

        With `stacked`, `v` is a matrix of which each row is a vector, and each row counts as a product.
        """
        with arithmetic(self.precision):
            point = jnp.asarray(self.point)
            product = (
                _callable_product(self._program, self.layout, point, memory_bytes, stacked)
                if isinstance(self._program, CallableProgram)
                else self._dataset_product(point, memory_bytes, stacked)
            )

        def counted(vector: np.ndarray) -> np.ndarray:
            self.counts["products"] += len(vector) if stacked else 1
            with arithmetic(self.precision):
                return np.asarray(product(jnp.asarray(vector, self.precision)))

        return counted

    def head(self) -> Objective:
        """Return the objective on the first chunk of the data alone, with its own count; a callable stays whole."""
        loss = self._program.function if isinstance(self._program, CallableProgram) else self._first_chunk()
        with arithmetic(self.precision):
            params = self.layout.unravel(jnp.asarray(self.point))
        return Objective(loss, params, self.precision)

    def downcast(self) -> str | None:
        """Return where the loss leaves float64 for less, or none."""
        with arithmetic(self.precision):
            arguments = (self._program, self.layout, "value", jnp.asarray(self.point), self._data)
            return find_downcast(self._compiled.trace(*arguments).jaxpr.jaxpr)

    def _first_chunk(self) -> DatasetLoss:
        assert self.loss is not None
        return self.loss.head(self.loss.chunk_size)

    def _dataset_product(self, point: jax.Array, memory_bytes: int, stacked: bool) -> Callable[[jax.Array], jax.Array]:
        assert self.loss is not None
        layout = self.layout
        product = self.loss.hessian_product(_unravel(layout, point), memory_bytes=memory_bytes, stacked=stacked)
        return lambda vector: _ravel(layout, product(_unravel(layout, vector)))

    def _run(self, quantity: Quantity, vector: np.ndarray) -> Any:
        with arithmetic(self.precision):
            vector_ = jnp.asarray(vector, self.precision)
            if self.loss is None or not self.loss.steps_from_host:
                return self._compiled(self._program, self.layout, quantity, vector_, self._data)
            params = _unravel(self.layout, vector_)
            if quantity == "value":
                return self.loss.value(params)
            value, gradient = self.loss.value_and_grad(params)
            return value, _ravel(self.layout, gradient)


def natural_precision(params: Any) -> Precision:
    """Return `float64` when any leaf is float64, and `float32` otherwise."""
    leaves = jax.tree.leaves(params)
    return (
        "float64" if any(is_floating(leaf) and np.asarray(leaf).dtype == np.float64 for leaf in leaves) else "float32"
    )


def _flat(program: Any, layout: Layout, quantity: Quantity, vector: jax.Array, data: Any) -> Any:
    result = program.mean(quantity, layout.unravel(vector), None, data)
    return result if quantity == "value" else (result[0], layout.ravel(result[1]))


_shared = jax.jit(_flat, static_argnums=(0, 1, 2))


@partial(jax.jit, static_argnums=0)
def _unravel(layout: Layout, vector: jax.Array) -> Any:
    return layout.unravel(vector) if vector.ndim == 1 else jax.vmap(layout.unravel)(vector)


@partial(jax.jit, static_argnums=0)
def _ravel(layout: Layout, tree: Any) -> jax.Array:
    is_stacked = jnp.ndim(jax.tree.leaves(tree)[0]) > len(layout.shapes[0])
    return jax.vmap(layout.ravel)(tree) if is_stacked else layout.ravel(tree)


def _callable_product(
    program: CallableProgram, layout: Layout, point: jax.Array, memory_bytes: int, stacked: bool
) -> Callable[[jax.Array], jax.Array]:
    gradient = jax.grad(lambda vector: program.scalar(layout.unravel(vector)))
    linearise = jax.jit(lambda vector: jax.linearize(gradient, vector)[1])
    kept = jax.eval_shape(linearise, point)
    if sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(kept)) <= memory_bytes:
        return partial(jax.jit(lambda linear, vector: _each(linear, stacked)(vector)), linearise(point))
    return partial(
        jax.jit(lambda at, vector: _each(lambda one: jax.jvp(gradient, (at,), (one,))[1], stacked)(vector)), point
    )


def _each(function: Callable[[jax.Array], jax.Array], stacked: bool) -> Callable[[jax.Array], jax.Array]:
    return jax.vmap(function) if stacked else function
