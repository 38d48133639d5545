"""Glyphs as a source: the endless stream, finite samples of it, and a test set that every seed shares.

Test, training and reference examples come from keys of their own. A finite sample is what the stream gives for the
sample's key, bit for bit, so that a training set and a stream differ in nothing but how often an example is seen.

Standardisation uses one mean and one standard deviation a channel, taken from a reference sample of 1 024 images at the
same size and difficulty. They are found in whole numbers (a pixel has 256 levels) and rounded to a sixteenth of a
level, so that every program finds the same ones.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Int32, UInt8

from basin.data.atlas import ATLAS_SHA256
from basin.data.glyph_drawing import NUM_CLASSES, draw
from basin.data.keys import named_key, seed_key
from basin.data.source import DataInfo, Dataset, Sample, Source
from basin.spec.data import Glyphs

_CHUNK = 1024
"""Images drawn at a time, and the size of the reference sample."""


class _Moments(NamedTuple):
    """Mean and inverse standard deviation of each channel, counted in sixteenths of a level."""

    mean: Float32[Array, " channels"]
    inverse_deviation: Float32[Array, " channels"]


def describe(spec: Glyphs) -> DataInfo:
    """Return the sizes of the data.

    Example:
        >>> describe(Glyphs(size=28)).num_train, describe(Glyphs(size=28, num_train=500)).num_train
        (None, 500)
    """
    shape = (spec.size, spec.size, spec.channels)
    return DataInfo(spec.num_train, spec.num_test, shape, NUM_CLASSES, ATLAS_SHA256[:32])


def load(spec: Glyphs, seed: int) -> Dataset:
    """Return the seed's sample of the stream (none, if training is on the stream itself) and the common test set.

    Raises:
        ValueError: The seed is out of range.
    """
    count, how = spec.num_train or 0, (spec.difficulty, spec.label_noise, spec.size, spec.channels)
    key = seed_key(seed, "glyphs", "train")
    if spec.endless:
        key = named_key("glyphs", "validation")
    x, y = _drawn(key, count + spec.num_validation, *how)
    x_test, y_test = _test_set(spec.num_test, spec.difficulty, spec.size, spec.channels)
    moments = reference(spec)
    x_train, x_test, x_validation = (_scaled(part, moments) for part in (x[:count], x_test, x[count:]))
    return Dataset(x_train, y[:count], x_test, y_test.copy(), x_validation, y[count:])


def depends_on_seed(spec: Glyphs) -> bool:
    """Return whether another seed gives other arrays: a finite sample does, the test set does not."""
    return spec.num_train is not None


def reference(spec: Glyphs) -> _Moments | None:
    """Return the moments of the reference sample, by which the stream is standardised; None if it is not."""
    if not spec.standardise:
        return None
    key, start, noise = named_key("glyphs", "reference"), np.uint32(0), np.float32(0)
    images, _ = _draw_chunk(key, start, jnp.asarray(spec.difficulty, jnp.float32), noise, spec.size, spec.channels)
    return _moments(jax.lax.optimization_barrier(images))


def stream(spec: Glyphs, moments: _Moments | None = None) -> Sample:
    """Return the sampling function of the stream; the specification's traced numbers may be tracers.

    Args:
        spec: Which stream.
        moments: What :func:`reference` returned for it; drawn here if not given, so give it inside a loop.

    Example:
        >>> x, y = stream(Glyphs(size=8, difficulty=0.0))(jax.random.key(0), 4)
        >>> x.shape, y.dtype
        ((4, 8, 8, 1), dtype('int32'))
    """
    moments = reference(spec) if moments is None else moments
    difficulty, noise = jnp.asarray(spec.difficulty, jnp.float32), jnp.asarray(spec.label_noise, jnp.float32)

    def sample(key: jax.Array, n: int) -> tuple[Array, Array]:
        images, labels = draw(key, n, difficulty, noise, size=spec.size, channels=spec.channels)
        return _scaled(images, moments), labels

    return sample


def _drawn(
    key: jax.Array, n: int, difficulty: float, label_noise: float, size: int, channels: int
) -> tuple[UInt8[np.ndarray, "n size size channels"], Int32[np.ndarray, " n"]]:
    images, labels = np.empty((n, size, size, channels), np.uint8), np.empty(n, np.int32)
    for start in range(0, n, _CHUNK):
        part = slice(start, min(start + _CHUNK, n))
        chunk = _draw_chunk(key, np.uint32(start), np.float32(difficulty), np.float32(label_noise), size, channels)
        images[part], labels[part] = (np.asarray(array)[: part.stop - start] for array in chunk)
    return images, labels


@functools.partial(jax.jit, static_argnums=(4, 5))
def _draw_chunk(
    key: jax.Array, start: Array, difficulty: Array, label_noise: Array, size: int, channels: int
) -> tuple[Array, Array]:
    return draw(key, _CHUNK, difficulty, label_noise, size=size, channels=channels, start=start)


@functools.lru_cache(maxsize=4)
def _test_set(num_test: int, difficulty: float, size: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    return _drawn(named_key("glyphs", "test"), num_test, difficulty, 0.0, size, channels)


@jax.jit
def _moments(images: UInt8[Array, "n size size channels"]) -> _Moments:
    """Return the moments from sums of whole numbers below 2^32, whose order does not matter."""
    count = images[..., 0].size
    level = 16 * images.astype(jnp.uint32)
    total = 16 * jnp.sum(images, axis=(0, 1, 2), dtype=jnp.uint32)
    mean = (total + count // 2) // count
    square = jnp.square(level - mean)  # of a difference that may wrap around; its square does so back
    low = jnp.sum(square & 0xFFF, axis=(0, 1, 2), dtype=jnp.uint32).astype(jnp.float32)
    high = jnp.sum(square >> 12, axis=(0, 1, 2), dtype=jnp.uint32).astype(jnp.float32)
    deviation = jnp.round(jnp.sqrt((4096 * high + low) / count))
    return _Moments(mean.astype(jnp.float32), 1 / deviation)


def _scaled(images: Any, moments: _Moments | None) -> Any:
    """Return standardised inputs, or inputs in [0, 1]; only one product rounds, so all programs agree to the bit."""
    if moments is None:
        return images.astype(np.float32) * np.float32(1 / 255)
    mean, inverse_deviation = moments
    if isinstance(images, np.ndarray):
        mean, inverse_deviation = np.asarray(mean), np.asarray(inverse_deviation)
    return (16 * images.astype(np.float32) - mean) * inverse_deviation


SOURCE = Source(Glyphs, describe, load, depends_on_seed, stream, reference)
