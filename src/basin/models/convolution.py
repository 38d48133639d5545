"""A 3x3 convolution and a max pooling that can be lowered in two ways.

`native` is XLA's own operation, the right one on a GPU. On a CPU training is faster as `rows` (measured by
`benchmarks/kernels.py`): XLA's gradient with respect to the kernel is slow there, and inside a compiled loop about
twenty times slower still. So a convolution becomes one matrix product of three column shifts of the image, and the sum
of three row shifts of what comes out, with the bias inside the sum; and the gradient of a maximum a comparison, ties
sharing it equally, in place of a scatter. Both lowerings compute the same sums in another order.
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
    """A 3x3 convolution with stride 1, padding 1 and a bias, channels last."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel_init: object, rngs: nnx.Rngs) -> None:
        init = initializer(kernel_init)
        self.kernel = nnx.Param(init(rngs.params(), (3, 3, channels_in, channels_out), jnp.float32))
        self.bias = nnx.Param(jnp.zeros((channels_out,), jnp.float32))

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map images (batch, height, width, channels_in) to (batch, height, width, channels_out)."""
        return convolve(x, self.kernel[...], self.bias[...], _LOWERING.get())


def convolve(
    x: Images, kernel: Float[Array, "3 3 channels out"], bias: Float[Array, "out"], lowering: Lowering = "native"
) -> jax.Array:
    """Return the cross-correlation of images with a kernel, zero-padded to the same size, plus a bias."""
    return _rows(x, kernel, bias) if lowering == "rows" else _native(x, kernel) + bias


def max_pool(x: Images, size: int) -> jax.Array:
    """Return the largest entry of each size x size tile, (B, H, W, C) to (B, H/size, W/size, C)."""
    if size == 1:
        return x
    return _masked_pool(x, size) if _LOWERING.get() == "rows" else _tiles(x, size).max(axis=(2, 4))


def _native(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _rows(x: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    across = jnp.concatenate(_shifts(x, 2), axis=-1)
    by_rows = kernel.transpose(1, 2, 0, 3).reshape(across.shape[-1], -1)
    wide = across.reshape(-1, across.shape[-1]) @ by_rows
    above, level, below = jnp.split(wide.reshape(*x.shape[:3], -1), 3, axis=-1)
    return (level + bias) + _shifts(above, 1)[0] + _shifts(below, 1)[2]


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
