"""The five-layer convolutional network of Nakkiran et al. 2019 (double descent), at any width and image size."""

from __future__ import annotations

import itertools

import jax
from flax import nnx

from basin.models.adapt_flax import flax_model
from basin.models.convolution import Convolution, max_pool
from basin.models.images import check_square
from basin.models.initializers import initializer
from basin.models.model import Model
from basin.spec.model import CNN5


class FiveLayer(nnx.Module):
    """Four times convolution, batch normalisation, ReLU and max pooling, then one linear layer."""

    def __init__(self, spec: CNN5, input_shape: tuple[int, ...], num_classes: int, *, rngs: nnx.Rngs) -> None:
        size, _, channels = input_shape
        widths = [channels, *(spec.width * factor for factor in (1, 2, 4, 8))]
        self.pools = (1, 2, 2, size // 4)
        self.convolutions = nnx.List(
            [Convolution(m, n, kernel_init=spec.initializer, rngs=rngs) for m, n in itertools.pairwise(widths)]
        )
        self.norms = nnx.List([nnx.BatchNorm(n, momentum=spec.norm_momentum, rngs=rngs) for n in widths[1:]])
        self.output = nnx.Linear(widths[-1], num_classes, kernel_init=initializer(spec.initializer), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, size, size, channels) to outputs (batch, num_classes)."""
        for convolution, norm, pool in zip(self.convolutions, self.norms, self.pools, strict=True):
            x = max_pool(jax.nn.relu(norm(convolution(x))), pool)
        return self.output(x.reshape(x.shape[0], -1))


def build_cnn5(spec: CNN5, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build the network.

    Raises:
        ValueError: The input is no square image whose side is a multiple of 4.
    """
    check_square(input_shape, 4, "CNN5")
    return flax_model(
        lambda rngs: FiveLayer(spec, input_shape, num_classes, rngs=rngs),
        name=f"CNN5 width {spec.width}",
        input_shape=input_shape,
        num_classes=num_classes,
        has_convolution=True,
    )
