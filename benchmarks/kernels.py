"""Which way of lowering a small convolutional network is fastest on a CPU: the study behind basin.models.convolution.

One update (forward, backward, SGD with momentum, batch statistics) of the five-layer network of Nakkiran et al.,
lowered in several ways, each stepped inside a compiled loop and from the host. The ways take turns, so that a busy
machine slows all alike. Three columns: the fastest and the median wall time of a step, and half its processor time,
which is what two perfectly shared cores would need and hardly moves when other programs run.

    python benchmarks/kernels.py [--seconds 60] [--size 16] [--host]

What it found with JAX 0.10 on two cores:

* `rows`: three column shifts side by side, one matrix product to three outputs a pixel, then the sum of three row
  shifts. It copies a third of what im2col copies, runs as fast inside a compiled loop as outside, keeps both cores busy
  and needs no derivative of its own. It is the fastest at both sizes.
* The bias belongs to the unshifted third, inside that sum. Added after it, it makes XLA repeat the whole sum in every
  operation that reads the result: half as much time again, and twice the memory.
* The gradient of XLA's own convolution with respect to its kernel runs without a threaded kernel inside a loop (420 ms
  against 14). With that gradient written out (`written out`) the rest is fast in a loop too, but uses one core.
* The gradient of a maximum by slices or by `reduce_window` scatters through interior padding or `select_and_scatter`;
  comparing with the broadcast maximum is elementwise and several times faster.
* Stepped from the host, or in short loops, every call takes fresh memory, and its page faults cost a third of the time.
* The variance as E[x^2] - E[x]^2 needs one pass and a gradient half as dear as that of E[(x - E[x])^2].
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Convolve = Callable[[jax.Array, jax.Array], jax.Array]
Layer = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
Pool = Callable[[jax.Array, int], jax.Array]


def native(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolve by XLA's own operation."""
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def shifts(x: jax.Array, axis: int) -> list[jax.Array]:
    """Return x moved by -1, 0 and 1 along an axis, zeros moving in."""
    pad = [(0, 0)] * x.ndim
    pad[axis] = (1, 1)
    padded = jnp.pad(x, pad)
    return [lax.slice_in_dim(padded, i, i + x.shape[axis], axis=axis) for i in range(3)]


def patches(x: jax.Array) -> jax.Array:
    """Return the nine shifted copies side by side, (B H W, 9 C)."""
    columns = [column for row in shifts(x, 1) for column in shifts(row, 2)]
    return jnp.concatenate(columns, axis=-1).reshape(-1, 9 * x.shape[-1])


def im2col(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolve by one matrix product of nine shifted copies."""
    flat = patches(x) @ kernel.reshape(-1, kernel.shape[-1])
    return flat.reshape(*x.shape[:3], -1)


def rows(x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """Convolve by one product of three column shifts, then add three row shifts of what comes out."""
    across = jnp.concatenate(shifts(x, 2), axis=-1)
    wide = across.reshape(-1, across.shape[-1]) @ kernel.transpose(1, 2, 0, 3).reshape(across.shape[-1], -1)
    above, level, below = jnp.split(wide.reshape(*x.shape[:3], -1), 3, axis=-1)
    level = level if bias is None else level + bias
    return level + shifts(above, 1)[0] + shifts(below, 1)[2]


def image_gradient(cotangent: jax.Array, kernel: jax.Array) -> jax.Array:
    """Return the gradient with respect to the image: a convolution with the turned kernel."""
    return native(cotangent, jnp.flip(kernel, (0, 1)).swapaxes(2, 3))


def kernel_gradient(x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Return the gradient with respect to the kernel: one product of 3 shifts with 3 shifts."""
    m, n = x.shape[-1], cotangent.shape[-1]
    across = jnp.concatenate(shifts(x, 2), axis=-1).reshape(-1, 3 * m)
    down = jnp.concatenate(shifts(cotangent, 1)[::-1], axis=-1).reshape(-1, 3 * n)
    return (across.T @ down).reshape(3, m, 3, n).transpose(2, 0, 1, 3)


def with_gradient(forward: Convolve, image: Convolve) -> Convolve:
    """Return a convolution whose gradients are written out; im2col where there are few channels in."""

    @jax.custom_vjp
    def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return forward(x, kernel)

    def save(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        return forward(x, kernel), (x, kernel)

    def pull(saved: tuple[jax.Array, jax.Array], cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
        x, kernel = saved
        return image(cotangent, kernel), kernel_gradient(x, cotangent)

    convolve.defvjp(save, pull)
    return lambda x, kernel: im2col(x, kernel) if x.shape[-1] < 8 else convolve(x, kernel)


def tiles(x: jax.Array, size: int) -> jax.Array:
    """Return (B, H/size, size, W/size, size, C)."""
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // size, size, width // size, size, channels)


def slices(x: jax.Array, size: int) -> list[jax.Array]:
    """Return the first entries of all tiles, the second ones, and so on."""
    return [x[:, i::size, j::size] for i in range(size) for j in range(size)]


def pool_reshape(x: jax.Array, size: int) -> jax.Array:
    """Pool by a maximum over two axes, differentiated by JAX."""
    return tiles(x, size).max(axis=(2, 4))


def pool_window(x: jax.Array, size: int) -> jax.Array:
    """Pool by `reduce_window`, differentiated by JAX (`select_and_scatter`)."""
    window = (1, size, size, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def pool_mask(x: jax.Array, size: int) -> jax.Array:
    """Pool by a maximum of slices, with a gradient that goes where the maximum is; ties share it."""
    return functools.reduce(jnp.maximum, slices(x, size))


def _pool_save(x: jax.Array, size: int) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    highest = functools.reduce(jnp.maximum, slices(x, size))
    return highest, (x, highest)


def _pool_pull(size: int, saved: tuple[jax.Array, jax.Array], cotangent: jax.Array) -> tuple[jax.Array]:
    x, highest = saved
    ties = sum(((part == highest).astype(x.dtype) for part in slices(x, size)), jnp.zeros_like(highest))
    share = (cotangent / ties)[:, :, None, :, None]
    return (jnp.where(tiles(x, size) == highest[:, :, None, :, None], share, 0).reshape(x.shape),)


pool_mask.defvjp(_pool_save, _pool_pull)


def normalise(x: jax.Array, scale: jax.Array, shift: jax.Array) -> jax.Array:
    """Normalise by the batch's statistics, in one pass over x."""
    mean = x.mean((0, 1, 2))
    factor = scale * lax.rsqrt(jnp.square(x).mean((0, 1, 2)) - jnp.square(mean) + 1e-5)
    return x * factor + (shift - mean * factor)


def initial(width: int, channels: int) -> list[tuple[jax.Array, ...]]:
    """Return kernels, biases, scales and shifts of four layers, and the linear layer."""
    widths = [channels, *(width * factor for factor in (1, 2, 4, 8))]
    keys = jax.random.split(jax.random.key(0), 5)
    layers: list[tuple[jax.Array, ...]] = [
        (jax.random.normal(key, (3, 3, m, n)) * (2 / (9 * m)) ** 0.5, jnp.zeros(n), jnp.ones(n), jnp.zeros(n))
        for key, (m, n) in zip(keys, itertools.pairwise(widths), strict=False)
    ]
    return [*layers, (jax.random.normal(keys[4], (widths[-1], 10)) * widths[-1] ** -0.5, jnp.zeros(10))]


def update(layer: Layer, pool: Pool) -> Callable[..., Any]:
    """Return one training step of the network, lowered in the given way."""

    def loss(params: list[tuple[jax.Array, ...]], x: jax.Array, y: jax.Array) -> jax.Array:
        for (kernel, bias, scale, shift), size in zip(params[:4], (1, 2, 2, x.shape[1] // 4), strict=True):
            x = jax.nn.relu(normalise(layer(x, kernel, bias), scale, shift))
            x = pool(x, size) if size > 1 else x
        outputs = x.reshape(x.shape[0], -1) @ params[4][0] + params[4][1]
        return jnp.mean(jax.nn.logsumexp(outputs, 1) - jnp.take_along_axis(outputs, y[:, None], 1)[:, 0])

    def step(params: Any, velocity: Any, x: jax.Array, y: jax.Array) -> tuple[Any, Any, jax.Array]:
        value, gradient = jax.value_and_grad(loss)(params, x, y)
        velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, gradient)
        return jax.tree.map(lambda p, v: p - 0.05 * v, params, velocity), velocity, value

    return step


def then_bias(convolve: Convolve) -> Layer:
    """Return the convolution with its bias added after it."""
    return lambda x, kernel, bias: convolve(x, kernel) + bias


WAYS: dict[str, tuple[Layer, Pool]] = {
    "native, pool by reduce_window": (then_bias(native), pool_window),
    "native, pool by reshape": (then_bias(native), pool_reshape),
    "im2col, pool by reshape": (then_bias(im2col), pool_reshape),
    "im2col, pool by mask": (then_bias(im2col), pool_mask),
    "written out, pool by mask": (then_bias(with_gradient(native, image_gradient)), pool_mask),
    "rows, bias after, pool by mask": (then_bias(rows), pool_mask),
    "rows, bias inside, pool by reshape": (rows, pool_reshape),
    "rows, bias inside, pool by mask": (rows, pool_mask),
}
SLOW_IN_LOOP = ("native, pool by reduce_window", "native, pool by reshape")


def runner(step: Callable[..., Any], state: Any, x: jax.Array, y: jax.Array, in_loop: bool) -> Callable[[int], Any]:
    """Return a function that makes so many steps and returns the last loss."""
    if in_loop:
        looped = jax.jit(lambda n, s: lax.fori_loop(0, n, lambda _, s: step(s[0], s[1], x, y), s))
        return lambda count: float(looped(count, (*state, jnp.float32(0)))[2])
    compiled = jax.jit(step)

    def from_host(count: int) -> float:
        params, velocity = state
        loss = jnp.float32(0)
        for _ in range(count):
            params, velocity, loss = compiled(params, velocity, x, y)
        return float(loss)

    return from_host


def study(size: int, width: int, batch: int, seconds: float, in_loop: bool) -> None:
    """Time all ways in turn and print a table."""
    params = initial(width, 3)
    state = params, jax.tree.map(jnp.zeros_like, params)
    x = jax.random.normal(jax.random.key(1), (batch, size, size, 3))
    y = jax.random.randint(jax.random.key(2), (batch,), 0, 10)
    ways = {name: way for name, way in WAYS.items() if not (in_loop and name in SLOW_IN_LOOP)}
    runners = {name: runner(update(*way), state, x, y, in_loop) for name, way in ways.items()}
    count = max(2, 20 * 128 * 256 // (batch * size * size))
    losses = {name: run(count) for name, run in runners.items()}
    wall: dict[str, list[float]] = {name: [] for name in runners}
    busy: dict[str, list[float]] = {name: [] for name in runners}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, run in runners.items():
            began, used = time.perf_counter(), time.process_time()
            run(count)
            wall[name].append((time.perf_counter() - began) / count * 1e3)
            busy[name].append((time.process_time() - used) / count * 1e3)
    place = "inside a compiled loop" if in_loop else "stepped from the host"
    print(f"\n{size}x{size}x3, width {width}, batch {batch}, {place}: ms a step\n")
    print("| way | fastest | median | processor time / 2 | loss |\n|---|---|---|---|---|")
    for name in runners:
        best, middle = min(wall[name]), statistics.median(wall[name])
        print(f"| {name} | {best:.2f} | {middle:.2f} | {min(busy[name]) / 2:.2f} | {losses[name]:.5f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="time for each table")
    parser.add_argument("--size", type=int, choices=(8, 16), help="only this image size")
    parser.add_argument("--host", action="store_true", help="only stepped from the host")
    args = parser.parse_args()
    jax.config.update("jax_platforms", "cpu")
    for size, width, batch in ((16, 16, 128), (8, 8, 32)):
        for in_loop in (True, False):
            if args.size in (None, size) and not (args.host and in_loop):
                study(size, width, batch, args.seconds, in_loop)


if __name__ == "__main__":
    main()
