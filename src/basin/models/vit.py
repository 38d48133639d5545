"""The vision transformer (Dosovitskiy et al. 2021) with the head of the Deep Bootstrap authors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from basin.models.adapt_flax import flax_model
from basin.models.attention import Attention, Tokens
from basin.models.images import check_square
from basin.models.initializers import initializer
from basin.models.model import Model
from basin.spec.model import ViT

SPREAD = 0.02
"""Standard deviation of the first positions and of the class token."""


class Perceptron(nnx.Module):
    """Dense, GELU, dense."""

    def __init__(self, spec: ViT, out: int, *, rngs: nnx.Rngs) -> None:
        init = initializer(spec.initializer)
        self.hidden = nnx.Linear(spec.width, spec.mlp_width, kernel_init=init, rngs=rngs)
        self.output = nnx.Linear(spec.mlp_width, out, kernel_init=init, rngs=rngs)
        self.dropout = nnx.Dropout(spec.dropout, rngs=rngs) if spec.dropout else None

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map (..., width) to (..., out)."""
        hidden = jax.nn.gelu(self.hidden(x), approximate=False)
        return self.output(hidden if self.dropout is None else self.dropout(hidden))


class Block(nnx.Module):
    """Tokens plus attention of them, plus a perceptron of them, each after layer normalisation."""

    def __init__(self, spec: ViT, *, rngs: nnx.Rngs) -> None:
        self.norm_1 = nnx.LayerNorm(spec.width, epsilon=1e-5, rngs=rngs)
        scale = spec.width**-0.5 if spec.attention_scale == "width" else None
        self.attention = Attention(spec.width, spec.heads, initializer(spec.initializer), scale=scale, rngs=rngs)
        self.norm_2 = nnx.LayerNorm(spec.width, epsilon=1e-5, rngs=rngs)
        self.perceptron = Perceptron(spec, spec.width, rngs=rngs)
        self.dropout = nnx.Dropout(spec.dropout, rngs=rngs) if spec.dropout else None

    def __call__(self, x: Tokens) -> Tokens:
        """Map tokens to tokens of the same shape."""
        attended = self.attention(self.norm_1(x))
        x = x + (attended if self.dropout is None else self.dropout(attended))
        return x + self.perceptron(self.norm_2(x))


class VisionTransformer(nnx.Module):
    """Patches to tokens, a class token before them, positions added, blocks, and a head on the class token."""

    def __init__(self, spec: ViT, input_shape: tuple[int, ...], num_classes: int, *, rngs: nnx.Rngs) -> None:
        size, _, channels = input_shape
        self.patch = spec.patch
        tokens = (size // spec.patch) ** 2 + 1
        init = initializer(spec.initializer)
        self.embed = nnx.Linear(spec.patch**2 * channels, spec.width, kernel_init=init, rngs=rngs)
        self.positions = nnx.Param(SPREAD * jax.random.normal(rngs.params(), (tokens, spec.width), jnp.float32))
        self.class_token = nnx.Param(SPREAD * jax.random.normal(rngs.params(), (spec.width,), jnp.float32))
        self.blocks = nnx.List([Block(spec, rngs=rngs) for _ in range(spec.depth)])
        self.norm = nnx.LayerNorm(spec.width, epsilon=1e-5, rngs=rngs)
        self.head = Perceptron(spec, num_classes, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, size, size, channels) to outputs (batch, num_classes)."""
        tokens = self.embed(patches(x, self.patch))
        first = jnp.broadcast_to(self.class_token[...], (tokens.shape[0], 1, tokens.shape[-1]))
        tokens = jnp.concatenate([first, tokens], axis=1) + self.positions[...]
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.norm(tokens[:, 0]))


def patches(x: Float[Array, "batch size size channels"], side: int) -> Float[Array, "batch patches numbers"]:
    """Return an image's patches row by row, each as one vector (row, column, channel).

    Example:
        >>> patches(jnp.arange(16.0).reshape(1, 4, 4, 1), 2)[0, 1].tolist()
        [2.0, 3.0, 6.0, 7.0]
    """
    batch, size, _, channels = x.shape
    tiles = x.reshape(batch, size // side, side, size // side, side, channels)
    return tiles.transpose(0, 1, 3, 2, 4, 5).reshape(batch, -1, side * side * channels)


def build_vit(spec: ViT, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build the network.

    Raises:
        ValueError: The input is no square image whose side is a multiple of the patch's.
    """
    check_square(input_shape, spec.patch, "ViT")
    return flax_model(
        lambda rngs: VisionTransformer(spec, input_shape, num_classes, rngs=rngs),
        name=f"ViT {spec.depth} x {spec.width}",
        input_shape=input_shape,
        num_classes=num_classes,
    )
