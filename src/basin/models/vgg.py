"""VGG-11 with batch normalisation (Simonyan & Zisserman 2015), at any width and image size."""

from __future__ import annotations

import itertools

import jax
from flax import nnx

from basin.models.adapt_flax import flax_model
from basin.models.convolution import Convolution, max_pool
from basin.models.images import check_square
from basin.models.initializers import initializer
from basin.models.model import Model
from basin.spec.model import VGG11

POOLED = (True, True, False, True, False, True, False, True)
"""After which of the eight convolutions the image is halved."""


class Plain(nnx.Module):
    """Eight times convolution, batch normalisation and ReLU, halved five times at most; the mean; a linear layer."""

    def __init__(self, spec: VGG11, channels: int, num_classes: int, *, rngs: nnx.Rngs) -> None:
        sizes = itertools.pairwise((channels, *spec.widths))
        self.convolutions = nnx.List([Convolution(m, n, kernel_init=spec.initializer, rngs=rngs) for m, n in sizes])
        self.norms = nnx.List([nnx.BatchNorm(n, momentum=spec.norm_momentum, rngs=rngs) for n in spec.widths])
        init = initializer(spec.initializer)
        self.output = nnx.Linear(spec.widths[-1], num_classes, kernel_init=init, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, size, size, channels) to outputs (batch, num_classes)."""
        for convolution, norm, pooled in zip(self.convolutions, self.norms, POOLED, strict=True):
            x = jax.nn.relu(norm(convolution(x)))
            if pooled and x.shape[1] > 1:
                x = max_pool(x, 2)
        return self.output(x.mean(axis=(1, 2)))


def build_vgg11(spec: VGG11, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build the network.

    Raises:
        ValueError: The input is no square image whose side is 2, 4, 8, 16 or a multiple of 32.
    """
    check_square(input_shape, input_shape[0] if input_shape[0] in (2, 4, 8, 16) else 32, "VGG11")
    return flax_model(
        lambda rngs: Plain(spec, input_shape[-1], num_classes, rngs=rngs),
        name=f"VGG11 width {spec.width}",
        input_shape=input_shape,
        num_classes=num_classes,
        has_convolution=True,
    )
