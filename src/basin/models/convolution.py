"""Convolutions and poolings that can be lowered in two ways.

`native` is XLA's own operation, the right one on a GPU. On a CPU training is faster as `rows` (measured by
`benchmarks/kernels.py`): XLA's gradient with respect to the kernel is slow there, and inside a compiled loop about
twenty times slower still. So a 3x3 convolution becomes one matrix product of three column shifts of the image, and the
sum of three row shifts of what comes out, with the bias inside the sum (of five and five for 5x5); with stride 2, where
two rows out of three would be thrown away, one product of all nine shifts. The gradient of a maximum over tiles is a
comparison, ties sharing it equally, in place of a scatter. Both lowerings compute the same sums in another order.

Elsewhere a maximum is a choice between two entries, made as often as need be. JAX's own maximum finds where it was
attained by comparing it with the entries once more; XLA may compute these anew for the comparison, in a fusion with
other roundings, and where none is then equal the gradient is lost: on two cores and in 64 bits a directional derivative
of VGG-11 came out as -250.8 in place of -15.9. A choice always gives the gradient to one of the two.
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
    return _masked_pool(x, size) if _LOWERING.get() == "rows" else _highest(_highest(x, 1, size, size), 2, size, size)


def overlapping_max_pool(x: Images) -> jax.Array:
    """Return the largest entry of the 3x3 window at every second position, (B, H, W, C) to (B, H/2, W/2, C) rounded up.

    The first window begins in the corner if the side is even, and one pixel outside of it if the side is odd: what
    TensorFlow calls the padding `same`. What lies outside is never the largest.
    """
    for axis in (1, 2):
        pad = [(0, 0)] * x.ndim
        pad[axis] = (x.shape[axis] % 2, 1)
        x = _highest(jnp.pad(x, pad, constant_values=-jnp.inf), axis, 3, 2)
    return x


def mean_pool(x: Images, size: int) -> jax.Array:
    """Return the mean of each size x size tile, (B, H, W, C) to (B, H/size, W/size, C)."""
    return _tiles(x, size).mean(axis=(2, 4))


def _native(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    reach = kernel.shape[0] // 2
    padding = ((reach, reach), (reach, reach))
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


def _highest(x: jax.Array, axis: int, size: int, stride: int) -> jax.Array:
    """Return the largest of so many entries in a row along an axis, at every `stride`-th position."""
    span = (x.shape[axis] - size) // stride * stride + 1
    parts = [lax.slice_in_dim(x, first, first + span, stride, axis=axis) for first in range(size)]
    return functools.reduce(_larger, parts)


def _larger(a: jax.Array, b: jax.Array) -> jax.Array:
    """Return the larger of two, or what is no number; its derivative is that of one of them, whatever is recomputed."""
    return jnp.where((a >= b) | jnp.isnan(a), a, b)


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
