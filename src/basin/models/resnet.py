"""The preactivation ResNet18 (He et al. 2016, "Identity mappings"), at any width and image size."""

from __future__ import annotations

from typing import Literal

import jax
from flax import nnx

from basin.models.adapt_flax import flax_model
from basin.models.convolution import Convolution
from basin.models.images import check_square
from basin.models.initializers import initializer
from basin.models.model import Model
from basin.spec.model import ResNet18


class Block(nnx.Module):
    """x plus what two convolutions make of it, each after batch normalisation and ReLU."""

    def __init__(self, spec: ResNet18, channels: int, width: int, stride: Literal[1, 2], *, rngs: nnx.Rngs) -> None:
        self.norm_1 = nnx.BatchNorm(channels, momentum=spec.norm_momentum, rngs=rngs)
        self.convolution_1 = _convolution(spec, channels, width, rngs, stride=stride)
        self.norm_2 = nnx.BatchNorm(width, momentum=spec.norm_momentum, rngs=rngs)
        self.convolution_2 = _convolution(spec, width, width, rngs)
        changes = stride != 1 or channels != width
        self.shortcut = _convolution(spec, channels, width, rngs, size=1, stride=stride) if changes else None

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, height, width, channels) to (batch, height/stride, width/stride, width)."""
        active = jax.nn.relu(self.norm_1(x))
        kept = x if self.shortcut is None else self.shortcut(active)
        return kept + self.convolution_2(jax.nn.relu(self.norm_2(self.convolution_1(active))))


class Residual(nnx.Module):
    """A convolution, eight blocks in four stages, the mean over positions, a linear layer."""

    def __init__(self, spec: ResNet18, channels: int, num_classes: int, *, rngs: nnx.Rngs) -> None:
        self.first = _convolution(spec, channels, spec.width, rngs)
        blocks, channels = [], spec.width
        for stage in range(4):
            width = spec.width * 2**stage
            blocks += [
                Block(spec, channels, width, 2 if stage else 1, rngs=rngs),
                Block(spec, width, width, 1, rngs=rngs),
            ]
            channels = width
        self.blocks = nnx.List(blocks)
        self.output = nnx.Linear(channels, num_classes, kernel_init=initializer(spec.initializer), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, size, size, channels) to outputs (batch, num_classes)."""
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.output(x.mean(axis=(1, 2)))


def build_resnet18(spec: ResNet18, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build the network.

    Raises:
        ValueError: The input is no square image whose side is a multiple of 8.
    """
    check_square(input_shape, 8, "ResNet18")
    return flax_model(
        lambda rngs: Residual(spec, input_shape[-1], num_classes, rngs=rngs),
        name=f"ResNet18 width {spec.width}",
        input_shape=input_shape,
        num_classes=num_classes,
        has_convolution=True,
    )


def _convolution(
    spec: ResNet18,
    channels: int,
    width: int,
    rngs: nnx.Rngs,
    size: Literal[1, 3] = 3,
    stride: Literal[1, 2] = 1,
) -> Convolution:
    kernel_init = spec.initializer
    return Convolution(channels, width, kernel_init=kernel_init, rngs=rngs, size=size, stride=stride, use_bias=False)
