"""The loss over a data set as a function of the weights: what training lowers and what every measure is taken of.

`f(w) = (1/N) sum_i l(model(w, x_i), y_i)` over the `N` examples of one named split, with everything that could change
the number named: the loss of one example, how batch normalisation normalises, and the arithmetic. Where an example has
a sequence of labels, the sum is over all of them and `N` their number (nats a token). Dropout is off, labels are not
smoothed and nothing is augmented, because the network never runs in `Mode.TRAIN` here.

| `batch_norm` | the network normalises with | moves when the weights are perturbed |
|---|---|---|
| `recomputed` | the `state` given, which the caller computed over the training set at the point of measurement | no |
| `running` | the `state` given, as training left it: averages that lag behind the weights | no |
| `batch` | the statistics of each chunk, so that the value depends on the chunking, as in Keskar et al. 2017 | yes |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, Shaped

from basin.loss import chunks, curvature
from basin.loss.chunks import ChunkProgram, Data, Quantity
from basin.loss.examples import (
    ExampleLoss,
    are_sequences,
    has_target,
    resolve_example_loss,
)
from basin.loss.precision import Precision, arithmetic, cast_floats, check_precision, is_traced
from basin.models.model import Mode, Model
from basin.models.statistics import evaluation_batch
from basin.spec.data import NO_TOKEN

BatchNorm = Literal["recomputed", "running", "batch"]

_NORM_TEXT = {
    "recomputed": "BatchNorm statistics recomputed at the point and held fixed while weights are perturbed",
    "running": "BatchNorm with the running averages that training left, held fixed while weights are perturbed",
    "batch": "BatchNorm with the statistics of each chunk",
}


@dataclass(frozen=True, eq=False, init=False, repr=False)
class DatasetLoss:
    """The mean loss over a data set: a callable from a pytree of weights to a scalar, evaluated chunk by chunk.

    Value, gradient and Hessian-vector product are sums over chunks with compensated rounding, so that memory is that of
    one chunk and chunking changes nothing beyond rounding inside a chunk (except under `batch_norm="batch"`). Data are
    arguments of the compiled functions: another loss of the same model and shapes compiles nothing.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from basin.models.model import Model
        >>> model = Model("linear", lambda key: (None, {}), lambda p, s, x, mode, key=None: (x @ p["w"], s), (2,), 1)
        >>> loss = DatasetLoss(model, {}, jnp.eye(2), jnp.array([[1.0], [3.0]]), example_loss="mse")
        >>> float(loss({"w": jnp.zeros((2, 1))}))  # (1^2 / 2 + 3^2 / 2) / 2
        2.5
    """

    model: Model
    state: Any
    x: jax.Array
    y: jax.Array
    example_loss: ExampleLoss
    split: str
    batch_norm: BatchNorm
    precision: Precision
    chunk_size: int
    order: jax.Array | None
    _count: jax.Array | None

    def __init__(
        self,
        model: Model,
        state: Any,
        x: Shaped[Array, "examples ..."] | Shaped[np.ndarray, "examples ..."],
        y: Num[Array, "examples ..."] | Num[np.ndarray, "examples ..."],
        *,
        example_loss: str | ExampleLoss = "cross_entropy",
        split: str = "train",
        batch_norm: BatchNorm = "recomputed",
        precision: Precision = "float32",
        chunk_size: int | None = None,
    ) -> None:
        """Bind a model to the examples it is judged by.

        Args:
            model: The network.
            state: Its state, held fixed; under `recomputed`, statistics over the training set at the point measured.
            x: Inputs, one row an example.
            y: Integer labels, one an example or a sequence of them with -1 where there is none, or real targets for
                `mse`.
            example_loss: `cross_entropy`, `mse`, or a function of a chunk's outputs and targets to one loss an example.
            split: What the data are called in definitions and tables, such as `train` or `test`.
            batch_norm: See the module's table.
            precision: Arithmetic of value, gradient and product, whatever the dtype of weights and data.
            chunk_size: Examples a chunk; none chooses about a thousand, fewer for large inputs or many outputs, or with
                `batch_norm="batch"` those that :func:`basin.models.statistics.evaluation_batch` says, as looks do.

        Raises:
            ValueError: Lengths differ, there is no example, labels are out of range, or a name is unknown.
        """
        function = resolve_example_loss(example_loss)
        check_precision(precision)
        if batch_norm not in get_args(BatchNorm):
            raise ValueError(f"batch_norm: expected one of {', '.join(get_args(BatchNorm))}, got {batch_norm!r}")
        _check_data(model, x, y, labels=example_loss == "cross_entropy")
        if chunk_size is not None and (isinstance(chunk_size, bool) or chunk_size < 1):
            raise ValueError(f"chunk_size: expected at least 1 example, got {chunk_size}")
        num_examples = int(x.shape[0])
        with arithmetic("float64" if _has_float64(x, y) else "float32"):
            x, y = jnp.asarray(x), jnp.asarray(y)
        fields = {
            "model": model,
            "state": state,
            "x": x,
            "y": y,
            "example_loss": function,
            "split": split,
            "batch_norm": batch_norm,
            "precision": precision,
            "chunk_size": min(chunk_size or _chunk_size(model, batch_norm, num_examples, y), num_examples),
            "order": None,
            "_count": _count(function, y, model.num_classes),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"DatasetLoss({self.model.name}: {self.definition})"

    def __call__(self, params: Any) -> Float[Array, ""]:
        """Return the mean loss; may be differentiated, compiled and vmapped like any function of JAX's."""
        return self.value(params)

    @property
    def num_examples(self) -> int:
        """Number of examples the mean is over."""
        return int(self.x.shape[0])

    @property
    def num_targets(self) -> int:
        """Number of targets the mean is over: the examples, unless each has a sequence of labels."""
        return self.num_examples if self._count is None else int(self._count)

    @property
    def definition(self) -> str:
        """What exactly the value is, in one line."""
        name = getattr(self.example_loss, "__name__", "the loss of one example")
        norm = _NORM_TEXT[self.batch_norm] if self.model.has_batch_statistics else "no batch statistics"
        norm += f" of {self.chunk_size}" if self.model.has_batch_statistics and self.batch_norm == "batch" else ""
        labels = "" if self._count is None else f"{self.num_targets} labels of "
        return (
            f"mean over {labels}{self.num_examples} {self.split} examples of {name}; {norm}; dropout off; "
            f"no augmentation; {self.precision}"
        )

    @property
    def program(self) -> ChunkProgram:
        """The static part; losses with equal programs and shapes share compiled code."""
        mode = Mode.BATCH if self.batch_norm == "batch" else Mode.EVAL
        return ChunkProgram(
            self.model.apply, self.example_loss, mode, self.num_examples, self.chunk_size, self.precision
        )

    @property
    def data(self) -> Data:
        """The arrays that the program reads."""
        return Data(self.state, self.x, self.y, self.order, self._count)

    @property
    def steps_from_host(self) -> bool:
        """Whether the loop over chunks runs on the host: for convolutions on a CPU."""
        return self.model.has_convolution and jax.default_backend() == "cpu" and self.chunk_size < self.num_examples

    def value(self, params: Any) -> Float[Array, ""]:
        """Return the mean loss at `params`, in one pass over the data."""
        return self._mean("value", params)

    def value_and_grad(self, params: Any) -> tuple[Float[Array, ""], Any]:
        """Return the mean loss and its gradient, a pytree like `params`, in one pass over the data."""
        return self._mean("value_and_grad", params)

    def hvp(self, params: Any, vector: Any) -> Any:
        """Return the Hessian of the mean loss at `params` times `vector`, pytrees alike, in one pass over the data."""
        return self._mean("hvp", params, vector)

    def hessian_product(
        self, params: Any, *, memory_bytes: int = curvature.DEFAULT_MEMORY_BYTES, stacked: bool = False
    ) -> Callable[[Any], Any]:
        """Return `vector -> H vector` at one point for many vectors, keeping up to `memory_bytes` between products.

        With `stacked`, it takes several vectors at once, along one leading axis more of each leaf.
        """
        with arithmetic(self.precision):
            product = curvature.hessian_product(
                self.program, self._cast(params), self.data, memory_bytes, stacked=stacked
            )

        def apply(vector: Any) -> Any:
            with arithmetic(self.precision):
                return product(self._cast(vector))

        return apply

    def with_chunk_size(self, chunk_size: int) -> Self:
        """Return the same loss in chunks of another size.

        Raises:
            ValueError: `chunk_size` is below 1.
        """
        if chunk_size < 1:
            raise ValueError(f"chunk_size: expected at least 1 example, got {chunk_size}")
        return self._with(chunk_size=min(chunk_size, self.num_examples))

    def permuted(self, key: jax.Array) -> Self:
        """Return the same loss with its examples visited in a random order; the data are not copied."""
        return self._with(order=jax.random.permutation(key, self.num_examples))

    def head(self, num_examples: int) -> Self:
        """Return the mean loss over the first examples alone, in the order of visits and in one chunk."""
        size = min(num_examples, self.num_examples)
        return self.part(0, size).with_chunk_size(size)

    def part(self, start: int, stop: int) -> Self:
        """Return the mean loss over the examples from `start` to before `stop`, counted in the order of visits.

        Raises:
            ValueError: There is no such example.
        """
        if not 0 <= start < stop <= self.num_examples:
            raise ValueError(f"expected examples between 0 and {self.num_examples}, got {start} to {stop}")
        which = slice(start, stop) if self.order is None else self.order[start:stop]
        with arithmetic("float64" if _has_float64(self.x, self.y) else "float32"):
            x, y = self.x[which], self.y[which]
        count = _count(self.example_loss, y, self.model.num_classes)
        return self._with(x=x, y=y, order=None, chunk_size=min(self.chunk_size, stop - start), _count=count)

    def astype(self, precision: Precision) -> Self:
        """Return the same loss in another arithmetic; data and weights are cast where they are used.

        Raises:
            ValueError: `precision` is neither `float32` nor `float64`.
        """
        check_precision(precision)
        return self._with(precision=precision)

    def _with(self, **changes: Any) -> Self:
        new = object.__new__(type(self))
        for name in self.__dataclass_fields__:
            object.__setattr__(new, name, changes.get(name, getattr(self, name)))
        return new

    def _cast(self, tree: Any) -> Any:
        return cast_floats(tree, self.precision)

    def _mean(self, quantity: Quantity, params: Any, vector: Any = None) -> Any:
        traced = is_traced((params, vector))
        if traced and self.precision == "float64" and not jax.config.read("jax_enable_x64"):
            raise ValueError(
                "a float64 loss inside a transformation: expected 64-bit mode, got 32-bit; "
                "put `with jax.enable_x64(True):` around the transformation"
            )
        loop = chunks.mean_from_host if self.steps_from_host and not traced else chunks.mean_in_program
        with arithmetic(self.precision):
            return loop(self.program, quantity, self._cast(params), self._cast(vector), self.data)


def _chunk_size(model: Model, batch_norm: BatchNorm, num_examples: int, y: Any) -> int:
    if batch_norm == "batch" and model.has_batch_statistics:
        return evaluation_batch(num_examples)
    return default_chunk_size(num_examples, _widest(model, y))


def default_chunk_size(num_examples: int, input_shape: tuple[int, ...]) -> int:
    """Return about a thousand examples, fewer for large inputs, and a divisor of `num_examples` if one is near.

    Example:
        >>> default_chunk_size(10_000, (784,)), default_chunk_size(300, (64,)), default_chunk_size(50_000, (32, 32, 3))
        (1000, 300, 250)
    """
    target = min(1024, max(32, (1 << 20) // max(1, int(np.prod(input_shape)))))
    if num_examples <= target:
        return num_examples
    divisors = [size for size in range(target // 2, target + 1) if num_examples % size == 0]
    return max(divisors, default=target)


def _has_float64(*arrays: Any) -> bool:
    return any(array.dtype == np.float64 for array in arrays)


def _widest(model: Model, y: Any) -> tuple[int, ...]:
    """Return the shape of what is largest of an example: its input, or the outputs of a sequence."""
    outputs = (*y.shape[1:], model.num_classes) if are_sequences(y) else ()
    return max(tuple(model.input_shape), outputs, key=math.prod)


def _count(example_loss: ExampleLoss, y: Any, num_classes: int) -> jax.Array | None:
    """Return the number of targets where the loss has a value for each of several, and none where it has one."""
    if not are_sequences(y):
        return None
    outputs = jax.ShapeDtypeStruct((1, *y.shape[1:], num_classes), jnp.float32)
    targets = jax.ShapeDtypeStruct((1, *y.shape[1:]), jnp.int32)
    if jax.eval_shape(example_loss, outputs, targets).ndim == 1:
        return None
    return jnp.asarray(np.count_nonzero(has_target(y)), jnp.int32)


def _check_data(model: Model, x: Any, y: Any, *, labels: bool) -> None:
    if len(x) != len(y) or len(x) == 0:
        raise ValueError(f"expected as many targets as inputs and at least one, got {len(x)} inputs, {len(y)} targets")
    if tuple(x.shape[1:]) != tuple(model.input_shape):
        raise ValueError(f"expected inputs of shape {tuple(model.input_shape)}, got {tuple(x.shape[1:])}; reshape x")
    if not labels:
        return
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"cross_entropy: expected integer labels, got {y.dtype} of shape {tuple(y.shape)}")
    low, high = int(y.min()), int(y.max())
    if low < (NO_TOKEN if are_sequences(y) else 0) or high >= model.num_classes:
        none = f", or {NO_TOKEN} for none" if are_sequences(y) else ""
        raise ValueError(
            f"expected labels from 0 to {model.num_classes - 1}{none}, got {low} to {high}; renumber the classes"
        )
    if high < 0:
        raise ValueError(f"expected at least one target, got none in {len(y)} examples")
