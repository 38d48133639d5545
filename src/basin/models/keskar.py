"""The networks of Keskar et al. 2017: F1 and F2 are perceptrons, C1 and C3 shallow, C2 and C4 deep and convolutional.

References:
    Keskar et al. 2017, "On large-batch training for deep learning", appendix B; the convolutional ones as `shallownet`
    and `deepnet` of the authors' code build them.
"""

from __future__ import annotations

import itertools

import jax
from flax import nnx

from basin.models.adapt_flax import flax_model
from basin.models.convolution import Convolution, max_pool, overlapping_max_pool
from basin.models.images import check_square
from basin.models.initializers import initializer
from basin.models.mlp import build_mlp
from basin.models.model import Model
from basin.spec.model import F1, F2
from basin.spec.model_keskar import Deep, Shallow

DENSE_DROPOUT = 0.5
"""Share of units dropped at the dense layers."""

STACK_DROPOUT = (0.3, 0.4, 0.4, 0.4, 0.4)
"""Share of numbers dropped between the convolutions of each stack of the deep networks."""


class Block(nnx.Module):
    """A layer, batch normalisation and ReLU."""

    def __init__(self, layer: nnx.Module, width: int, momentum: float, *, rngs: nnx.Rngs) -> None:
        self.layer = layer
        self.norm = nnx.BatchNorm(width, momentum=momentum, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map a batch of anything that the layer takes to what it gives, normalised and rectified."""
        return jax.nn.relu(self.norm(self.layer(x)))


def _convolution(spec: Shallow | Deep, m: int, n: int, size: int, rngs: nnx.Rngs) -> Block:
    side = 5 if size == 5 else 3
    layer = Convolution(m, n, kernel_init=spec.initializer, rngs=rngs, size=side)
    return Block(layer, n, spec.norm_momentum, rngs=rngs)


def _dense(spec: Shallow | Deep, m: int, n: int, rngs: nnx.Rngs) -> Block:
    return Block(_linear(spec, m, n, rngs), n, spec.norm_momentum, rngs=rngs)


def _linear(spec: Shallow | Deep, m: int, n: int, rngs: nnx.Rngs) -> nnx.Linear:
    return nnx.Linear(m, n, kernel_init=initializer(spec.initializer), rngs=rngs)


def _dropouts(spec: Shallow | Deep, shares: tuple[float, ...], rngs: nnx.Rngs) -> nnx.List:
    return nnx.List([nnx.Dropout(share, rngs=rngs) for share in shares if spec.dropout])


class ShallowNetwork(nnx.Module):
    """Two blocks of a 5x5 convolution and overlapping pooling, two dense blocks with dropout, a linear layer."""

    def __init__(self, spec: Shallow, input_shape: tuple[int, ...], num_classes: int, *, rngs: nnx.Rngs) -> None:
        channels = itertools.pairwise((input_shape[-1], spec.width, spec.width))
        units = (spec.positions(input_shape[0]) * spec.width, *spec.dense_widths)
        self.convolutions = nnx.List([_convolution(spec, m, n, 5, rngs) for m, n in channels])
        self.dense = nnx.List([_dense(spec, m, n, rngs) for m, n in itertools.pairwise(units)])
        self.dropout = _dropouts(spec, (DENSE_DROPOUT, DENSE_DROPOUT), rngs)
        self.output = _linear(spec, units[-1], num_classes, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, size, size, channels) to outputs (batch, num_classes)."""
        for convolution in self.convolutions:
            x = overlapping_max_pool(convolution(x))
        x = x.reshape(x.shape[0], -1)
        for index, dense in enumerate(self.dense):
            x = dense(x)
            if self.dropout:
                x = self.dropout[index](x)
        return self.output(x)


class DeepNetwork(nnx.Module):
    """Five stacks of 3x3 convolutions with dropout between them, each pooled; a dense block, a linear layer."""

    def __init__(self, spec: Deep, input_shape: tuple[int, ...], num_classes: int, *, rngs: nnx.Rngs) -> None:
        stacks, dropouts, channels = [], [], input_shape[-1]
        for widths, share in zip(spec.stacks, STACK_DROPOUT, strict=True):
            sizes = itertools.pairwise((channels, *widths))
            stacks.append(nnx.List([_convolution(spec, m, n, 3, rngs) for m, n in sizes]))
            dropouts.append(_dropouts(spec, (share,) * (len(widths) - 1), rngs))
            channels = widths[-1]
        self.stacks, self.dropouts = nnx.List(stacks), nnx.List(dropouts)
        self.dense = _dense(spec, spec.positions(input_shape[0]) * channels, channels, rngs)
        self.dense_dropout = _dropouts(spec, (DENSE_DROPOUT, DENSE_DROPOUT), rngs)
        self.output = _linear(spec, channels, num_classes, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, size, size, channels) to outputs (batch, num_classes)."""
        for stack, dropouts in zip(self.stacks, self.dropouts, strict=True):
            for index, convolution in enumerate(stack):
                x = convolution(dropouts[index - 1](x) if index and dropouts else x)
            x = max_pool(x, 2) if x.shape[1] > 1 else x
        x = x.reshape(x.shape[0], -1)
        before, after = self.dense_dropout or (_as_it_is, _as_it_is)
        return self.output(after(self.dense(before(x))))


def _as_it_is(x: jax.Array) -> jax.Array:
    return x


def build_perceptron(spec: F1 | F2, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build F1 or F2."""
    return build_mlp(spec.as_mlp(), input_shape, num_classes)


def build_shallow(spec: Shallow, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build C1 or C3.

    Raises:
        ValueError: The input is no square image.
    """
    check_square(input_shape, 1, _name(spec))
    return flax_model(
        lambda rngs: ShallowNetwork(spec, input_shape, num_classes, rngs=rngs),
        name=f"{_name(spec)} width {spec.width}",
        input_shape=input_shape,
        num_classes=num_classes,
        has_convolution=True,
    )


def build_deep(spec: Deep, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build C2 or C4.

    Raises:
        ValueError: The input is no square image whose side is 2, 4, 8, 16 or a multiple of 32.
    """
    check_square(input_shape, input_shape[0] if input_shape[0] in (2, 4, 8, 16) else 32, _name(spec))
    return flax_model(
        lambda rngs: DeepNetwork(spec, input_shape, num_classes, rngs=rngs),
        name=f"{_name(spec)} width {spec.width}",
        input_shape=input_shape,
        num_classes=num_classes,
        has_convolution=True,
    )


def _name(spec: Shallow | Deep) -> str:
    return type(spec).__name__
