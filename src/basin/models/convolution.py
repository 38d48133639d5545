"""Convolutions and poolings that can be lowered in two ways.

`native` is XLA's own operation, the right one on a GPU. On a CPU training is faster as `rows` (measured by
`benchmarks/kernels.py`): XLA's gradient with respect to the kernel is slow there, and inside a compiled loop about
twenty times slower still. So a 3x3 convolution becomes one matrix product of three column shifts of the image, and the
sum of three row shifts of what comes out, with the bias inside the sum (of five and five for 5x5); with stride 2, where
two rows out of three would be thrown away, one product of all nine shifts. The gradient of a maximum over tiles is a
comparison, ties sharing it equally, in place of a scatter. Both lowerings compute the same sums in another order.
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
    """A 3x3 convolution with padding 1, 5x5 with padding 2, or a 1x1 convolution; channels last.

    Args:
        channels_in: Channels of the images.
        channels_out: Channels that come out.
        kernel_init: Specification of the distribution of the kernel.
        rngs: Keys for it.
        size: Side of the kernel, 1, 3 or 5.
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
        size: Literal[1, 3, 5] = 3,
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

    Position (i, j) of what comes out is sum_ab kernel[a, b] x[stride i + a - p, stride j + b - p], where p = 0, 1 or 2
    for a kernel of side 1, 3 or 5.
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


def overlapping_max_pool(x: Images) -> jax.Array:
    """Return the largest entry of the 3x3 window at every second position, (B, H, W, C) to (B, H/2, W/2, C) rounded up.

    The first window begins in the corner if the side is even, and one pixel outside of it if the side is odd: what
    TensorFlow calls the padding `same`. What lies outside is never the largest.
    """
    return _highest_of_three(_highest_of_three(x, 1), 2)


def mean_pool(x: Images, size: int) -> jax.Array:
    """Return the mean of each size x size tile, (B, H, W, C) to (B, H/size, W/size, C)."""
    return _tiles(x, size).mean(axis=(2, 4))


def _native(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    padding = ((kernel.shape[0] // 2,) * 2,) * 2
    return lax.conv_general_dilated(x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _rows(x: jax.Array, kernel: jax.Array, bias: jax.Array | None) -> jax.Array:
    size = kernel.shape[0]
    across = jnp.concatenate(_shifts(x, 2, size), axis=-1)
    by_rows = kernel.transpose(1, 2, 0, 3).reshape(across.shape[-1], -1)
    wide = across.reshape(-1, across.shape[-1]) @ by_rows
    rows = jnp.split(wide.reshape(*x.shape[:3], -1), size, axis=-1)
    found = rows[size // 2] if bias is None else rows[size // 2] + bias
    for row in (row for row in range(size) if row != size // 2):
        found = found + _shifts(rows[row], 1, size)[row]
    return found


def _patches(x: jax.Array, kernel: jax.Array, bias: jax.Array | None, stride: int) -> jax.Array:
    (height, width), size = x.shape[1:3], kernel.shape[0]
    padded = jnp.pad(x, ((0, 0), *((size // 2,) * 2,) * 2, (0, 0)))
    shifts = [padded[:, a : a + height : stride, b : b + width : stride] for a in range(size) for b in range(size)]
    found = jnp.concatenate(shifts, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])
    return found if bias is None else found + bias


def _shifts(x: jax.Array, axis: int, size: int) -> list[jax.Array]:
    """Return x moved by -p, ..., 0, ..., p along an axis, p being half the size rounded down, zeros moving in."""
    pad = [(0, 0)] * x.ndim
    pad[axis] = (size // 2, size // 2)
    padded = jnp.pad(x, pad)
    return [lax.slice_in_dim(padded, i, i + x.shape[axis], axis=axis) for i in range(size)]


def _highest_of_three(x: jax.Array, axis: int) -> jax.Array:
    """Return the largest of three entries in a row along an axis, at every second position."""
    length = x.shape[axis]
    count = (length + 1) // 2
    pad = [(0, 0)] * x.ndim
    pad[axis] = (length % 2, 1)
    padded = jnp.pad(x, pad, constant_values=-jnp.inf)
    return functools.reduce(
        jnp.maximum, [lax.slice_in_dim(padded, i, i + 2 * count - 1, 2, axis=axis) for i in range(3)]
    )


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
