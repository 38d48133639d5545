"""DenseNet without bottlenecks or compression (Huang et al. 2017), at any depth, growth and image size."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

from basin.models.adapt_flax import flax_model
from basin.models.convolution import Convolution, mean_pool
from basin.models.images import check_square
from basin.models.initializers import initializer
from basin.models.model import Model
from basin.spec.model import DenseNet

FIRST = 16
"""Channels of the first convolution."""


class Active(nnx.Module):
    """Batch normalisation, ReLU, convolution without bias."""

    def __init__(self, spec: DenseNet, channels: int, out: int, size: int, *, rngs: nnx.Rngs) -> None:
        self.norm = nnx.BatchNorm(channels, momentum=spec.norm_momentum, rngs=rngs)
        side = 3 if size == 3 else 1
        init = spec.initializer
        self.convolution = Convolution(channels, out, kernel_init=init, rngs=rngs, size=side, use_bias=False)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, height, width, channels) to (batch, height, width, out)."""
        return self.convolution(jax.nn.relu(self.norm(x)))


class Dense(nnx.Module):
    """Three stages whose layers append to what they read; transitions between them; a linear layer."""

    def __init__(self, spec: DenseNet, channels: int, num_classes: int, *, rngs: nnx.Rngs) -> None:
        self.first = Convolution(channels, FIRST, kernel_init=spec.initializer, rngs=rngs, use_bias=False)
        stages, transitions, channels = [], [], FIRST
        for stage in range(3):
            layers = []
            for _ in range(spec.layers_per_stage):
                layers.append(Active(spec, channels, spec.growth, 3, rngs=rngs))
                channels += spec.growth
            stages.append(nnx.List(layers))
            if stage < 2:
                transitions.append(Active(spec, channels, channels, 1, rngs=rngs))
        self.stages, self.transitions = nnx.List(stages), nnx.List(transitions)
        self.norm = nnx.BatchNorm(channels, momentum=spec.norm_momentum, rngs=rngs)
        self.output = nnx.Linear(channels, num_classes, kernel_init=initializer(spec.initializer), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, size, size, channels) to outputs (batch, num_classes)."""
        x = self.first(x)
        for index, stage in enumerate(self.stages):
            for layer in stage:
                x = jnp.concatenate([x, layer(x)], axis=-1)
            if index < len(self.transitions):
                x = mean_pool(self.transitions[index](x), 2)
        return self.output(jax.nn.relu(self.norm(x)).mean(axis=(1, 2)))


def build_densenet(spec: DenseNet, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build the network.

    Raises:
        ValueError: The input is no square image whose side is a multiple of 4.
    """
    check_square(input_shape, 4, "DenseNet")
    return flax_model(
        lambda rngs: Dense(spec, input_shape[-1], num_classes, rngs=rngs),
        name=f"DenseNet {spec.depth} growth {spec.growth}",
        input_shape=input_shape,
        num_classes=num_classes,
        has_convolution=True,
    )
