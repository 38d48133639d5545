"""A 3x3 convolution that can be lowered in two ways.

XLA's CPU back end runs its threaded convolution only outside a compiled loop (inside one, about twenty times slower),
and turns a convolution vmapped over weights into a slow grouped one. `im2col` instead gathers the nine shifted copies
of the image side by side and multiplies once by the kernel as a matrix. Both compute the same sums in another order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from basin.models.initializers import initializer

Lowering = Literal["native", "im2col"]
_LOWERING: ContextVar[Lowering] = ContextVar("lowering", default="native")


@contextlib.contextmanager
def convolutions(lowering: Lowering) -> Iterator[None]:
    """Lower the convolutions that are traced inside this context in the named way."""
    token = _LOWERING.set(lowering)
    try:
        yield
    finally:
        _LOWERING.reset(token)


class Convolution(nnx.Module):
    """A 3x3 convolution with stride 1, padding 1 and a bias, channels last."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel_init: object, rngs: nnx.Rngs) -> None:
        init = initializer(kernel_init)
        self.kernel = nnx.Param(init(rngs.params(), (3, 3, channels_in, channels_out), jnp.float32))
        self.bias = nnx.Param(jnp.zeros((channels_out,), jnp.float32))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, height, width, channels_in) to (batch, height, width, channels_out)."""
        return convolve(x, self.kernel[...], _LOWERING.get()) + self.bias[...]


def convolve(x: jax.Array, kernel: jax.Array, lowering: Lowering) -> jax.Array:
    """Return the cross-correlation of images (B, H, W, M) with a kernel (3, 3, M, N), zero-padded to the same size."""
    if lowering == "native":
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    batch, height, width, channels = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifts = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    patches = jnp.concatenate(shifts, axis=-1).reshape(batch * height * width, 9 * channels)
    return (patches @ kernel.reshape(9 * channels, -1)).reshape(batch, height, width, -1)


def max_pool(x: jax.Array, size: int) -> jax.Array:
    """Return the largest entry of each size x size tile, (B, H, W, C) to (B, H/size, W/size, C).

    A reshape and a maximum: the gradient of a window reduction is slow on a CPU.
    """
    if size == 1:
        return x
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // size, size, width // size, size, channels).max(axis=(2, 4))
