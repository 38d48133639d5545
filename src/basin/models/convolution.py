"""A 3x3 convolution and a max pooling that can be lowered in two ways.

`native` is XLA's own operation, the right one on a GPU and wherever derivatives of derivatives are taken. On a CPU
training is faster `written_out` (measured by `benchmarks/kernels.py`): XLA's gradient with respect to the kernel and
the scatter that undoes a maximum are slow there, so both are replaced,

* the kernel's gradient by one matrix product of three column shifts of the image with three row shifts of the
  cotangent, and the image's gradient by a convolution with the turned kernel;
* a convolution of few channels by im2col, one product of nine shifted copies;
* the gradient of a maximum by a comparison, ties sharing it equally.

Both compute the same sums in another order. What is written out has no forward derivative: it is for training only.
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

Lowering = Literal["native", "written_out"]
_LOWERING: ContextVar[Lowering] = ContextVar("lowering", default="native")

_FEW_CHANNELS = 8

Images = Float[Array, "batch height width channels"]


@contextlib.contextmanager
def lowered_for_training() -> Iterator[None]:
    """Lower what is traced inside this context in the way that trains fastest on the device at hand."""
    token = _LOWERING.set("written_out" if jax.default_backend() == "cpu" else "native")
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


def convolve(x: Images, kernel: Float[Array, "3 3 channels out"], lowering: Lowering = "native") -> jax.Array:
    """Return the cross-correlation of images with a kernel, zero-padded to the same size."""
    if lowering == "native":
        return _native(x, kernel)
    return _im2col(x, kernel) if x.shape[-1] < _FEW_CHANNELS else _written_out(x, kernel)


def max_pool(x: Images, size: int) -> jax.Array:
    """Return the largest entry of each size x size tile, (B, H, W, C) to (B, H/size, W/size, C)."""
    if size == 1:
        return x
    return _masked_pool(x, size) if _LOWERING.get() == "written_out" else _tiles(x, size).max(axis=(2, 4))


def _native(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _im2col(x: jax.Array, kernel: jax.Array) -> jax.Array:
    columns = [column for row in _shifts(x, 1) for column in _shifts(row, 2)]
    patches = jnp.concatenate(columns, axis=-1).reshape(-1, 9 * x.shape[-1])
    return (patches @ kernel.reshape(-1, kernel.shape[-1])).reshape(*x.shape[:3], -1)


def _shifts(x: jax.Array, axis: int) -> list[jax.Array]:
    """Return x moved by -1, 0 and 1 along an axis, zeros moving in."""
    pad = [(0, 0)] * x.ndim
    pad[axis] = (1, 1)
    padded = jnp.pad(x, pad)
    return [lax.slice_in_dim(padded, i, i + x.shape[axis], axis=axis) for i in range(3)]


@jax.custom_vjp
def _written_out(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return _native(x, kernel)


def _written_out_save(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _native(x, kernel), (x, kernel)


def _written_out_pull(saved: tuple[jax.Array, jax.Array], cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = saved
    m, n = x.shape[-1], cotangent.shape[-1]
    across = jnp.concatenate(_shifts(x, 2), axis=-1).reshape(-1, 3 * m)
    down = jnp.concatenate(_shifts(cotangent, 1)[::-1], axis=-1).reshape(-1, 3 * n)
    by_kernel = (across.T @ down).reshape(3, m, 3, n).transpose(2, 0, 1, 3)
    return _native(cotangent, jnp.flip(kernel, (0, 1)).swapaxes(2, 3)), by_kernel


_written_out.defvjp(_written_out_save, _written_out_pull)


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
