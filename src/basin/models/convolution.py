"""Convolutions and poolings that can be lowered in two ways.

`native` is XLA's own operation, the right one on a GPU. On a CPU training is faster as `rows` (measured by
`benchmarks/kernels.py`): XLA's gradient with respect to the kernel is slow there, and inside a compiled loop about
twenty times slower still. So a 3x3 convolution becomes one matrix product of three column shifts of the image, and the
sum of three row shifts of what comes out, with the bias inside the sum; with stride 2, where two rows out of three
would be thrown away, one product of all nine shifts. The gradient of a maximum is a comparison, ties sharing it
equally, in place of a scatter. Both lowerings compute the same sums in another order.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float

from basin.models.initializers import initializer

Lowering = Literal["native", "rows"]
_LOWERING: ContextVar[Lowering] = ContextVar("lowering", default="native")

Images = Float[Array, "batch height width channels"]


@contextlib.contextmanager
def lowered_for_training() -> Iterator[None]:
    """Lower what is traced inside this context in the way that trains fastest on the device at hand."""
    token = _LOWERING.set("rows" if jax.default_backend() == "cpu" else "native")
    try:
        yield
    finally:
        _LOWERING.reset(token)


class Convolution(nnx.Module):
    """A 3x3 convolution with padding 1, or a 1x1 convolution; channels last.

    Args:
        channels_in: Channels of the images.
        channels_out: Channels that come out.
        kernel_init: Specification of the distribution of the kernel.
        rngs: Keys for it.
        size: Side of the kernel, 1 or 3.
        stride: Distance between the positions that are kept, 1 or 2.
        use_bias: Whether a trained number is added to each channel.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        kernel_init: object,
        rngs: nnx.Rngs,
        size: Literal[1, 3] = 3,
        stride: Literal[1, 2] = 1,
        use_bias: bool = True,
    ) -> None:
        init = initializer(kernel_init)
        self.stride = stride
        self.kernel = nnx.Param(init(rngs.params(), (size, size, channels_in, channels_out), jnp.float32))
        self.bias = nnx.Param(jnp.zeros((channels_out,), jnp.float32)) if use_bias else None

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, height, width, channels_in) to (batch, height/stride, width/stride, channels_out)."""
        bias = None if self.bias is None else self.bias[...]
        return convolve(x, self.kernel[...], bias, _LOWERING.get(), self.stride)


def convolve(
    x: Images,
    kernel: Float[Array, "size size channels out"],
    bias: Float[Array, "out"] | None = None,
    lowering: Lowering = "native",
    stride: int = 1,
) -> jax.Array:
    """Return the cross-correlation of zero-padded images with a kernel at every `stride`-th position, plus a bias.

    Position (i, j) of what comes out is sum_ab kernel[a, b] x[stride i + a - p, stride j + b - p] with p = 1 for a 3x3
    kernel and 0 for a 1x1 kernel.
    """
    if kernel.shape[0] == 1:
        found = x[:, ::stride, ::stride] @ kernel[0, 0]
        return found if bias is None else found + bias
    if lowering == "rows":
        return _rows(x, kernel, bias) if stride == 1 else _patches(x, kernel, bias, stride)
    found = _native(x, kernel, stride)
    return found if bias is None else found + bias


def max_pool(x: Images, size: int) -> jax.Array:
    """Return the largest entry of each size x size tile, (B, H, W, C) to (B, H/size, W/size, C)."""
    if size == 1:
        return x
    return _masked_pool(x, size) if _LOWERING.get() == "rows" else _tiles(x, size).max(axis=(2, 4))


def mean_pool(x: Images, size: int) -> jax.Array:
    """Return the mean of each size x size tile, (B, H, W, C) to (B, H/size, W/size, C)."""
    return _tiles(x, size).mean(axis=(2, 4))


def _native(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    padding = ((1, 1), (1, 1))
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _rows(x: jax.Array, kernel: jax.Array, bias: jax.Array | None) -> jax.Array:
    across = jnp.concatenate(_shifts(x, 2), axis=-1)
    by_rows = kernel.transpose(1, 2, 0, 3).reshape(across.shape[-1], -1)
    wide = across.reshape(-1, across.shape[-1]) @ by_rows
    above, level, below = jnp.split(wide.reshape(*x.shape[:3], -1), 3, axis=-1)
    level = level if bias is None else level + bias
    return level + _shifts(above, 1)[0] + _shifts(below, 1)[2]


def _patches(x: jax.Array, kernel: jax.Array, bias: jax.Array | None, stride: int) -> jax.Array:
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifts = [padded[:, a : a + height : stride, b : b + width : stride] for a in range(3) for b in range(3)]
    found = jnp.concatenate(shifts, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])
    return found if bias is None else found + bias


def _shifts(x: jax.Array, axis: int) -> list[jax.Array]:
    """Return x moved by -1, 0 and 1 along an axis, zeros moving in."""
    pad = [(0, 0)] * x.ndim
    pad[axis] = (1, 1)
    padded = jnp.pad(x, pad)
    return [lax.slice_in_dim(padded, i, i + x.shape[axis], axis=axis) for i in range(3)]


def _tiles(x: jax.Array, size: int) -> jax.Array:
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // size, size, width // size, size, channels)


def _corners(x: jax.Array, size: int) -> list[jax.Array]:
    """Return the first entries of all tiles, the second ones, and so on."""
    return [x[:, i::size, j::size] for i in range(size) for j in range(size)]


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _masked_pool(x: jax.Array, size: int) -> jax.Array:
    return functools.reduce(jnp.maximum, _corners(x, size))


def _masked_pool_save(x: jax.Array, size: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    highest = functools.reduce(jnp.maximum, _corners(x, size))
    return highest, (x, highest)


def _masked_pool_pull(size: int, saved: tuple[jax.Array, jax.Array], cotangent: jax.Array) -> tuple[jax.Array]:
    x, highest = saved
    ties = sum(((part == highest).astype(x.dtype) for part in _corners(x, size)), jnp.zeros_like(highest))
    share = (cotangent / ties)[:, :, None, :, None]
    return (jnp.where(_tiles(x, size) == highest[:, :, None, :, None], share, 0).reshape(x.shape),)


_masked_pool.defvjp(_masked_pool_save, _masked_pool_pull)
