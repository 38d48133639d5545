"""Glyphs: an endless stream of images of the ten digits, drawn from a key inside the compiled program.

One example is a pure function of its key. In this order it draws, each range scaled by the difficulty:

1. a label and a typeface, uniform;
2. for each pixel, its place in the glyph: an elastic displacement (a coarse grid of random vectors, interpolated
   smoothly), then the inverse of a translation, anisotropic scale, rotation and shear;
3. the signed distance to the outline there (:mod:`basin.data.atlas`), plus a stroke offset, over a ramp as wide as a
   pixel and a random softness: the share of ink;
4. for each channel a background level and a contrast, a smooth background field, noise on each pixel;
5. rounding to one of 256 levels, as in any image file.

Only sums, products, quotients and whole numbers are used, no transcendental function: labels are equal on every
machine and pixels to one level. Example i of `sample(key, n)` is drawn from `fold_in(key, i)`: it does not depend on n,
and the size and the number of channels change the rendering of a scene, not the scene (word i of the random bits
depends on i alone, as with every Threefry key since JAX 0.5).
"""

from __future__ import annotations

import functools
import operator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int32, UInt8, UInt32

from basin.data.atlas import EXTENT, REACH, TEXELS, load_atlas
from basin.data.corrupt import replace_label

NUM_CLASSES = 10

# Largest distortions, at difficulty 1. Lengths are in image widths unless they say heights (of the digit).
HEIGHT = 0.72  # of a digit, at any difficulty
HALF_ANGLE = 0.25  # tangent of half the rotation: 28 degrees
SHEAR = 0.45
SCALE = 0.35  # both axes together
ASPECT = 0.2  # the two axes against each other
SHIFT = 0.16
ELASTIC = 0.09
THINNER, THICKER = 0.02, 0.05  # stroke offset, in heights
SOFTNESS = 1.0  # of the edge, in pixels more than one
LEVEL = 0.35  # of the background
FIELD = 0.35  # of the smooth background field
FADING = 0.65  # of the contrast
NOISE = 0.25  # standard deviation on a pixel

_KNOTS = 4
_LABEL_WORDS, _SCALARS, _FIELDS = 4, 9, 3
_SCENE_WORDS = _LABEL_WORDS + _SCALARS + _FIELDS * _KNOTS**2 + 2 * 3


def draw(
    key: jax.Array,
    n: int,
    difficulty: Float[Array, ""],
    label_noise: Float[Array, ""],
    *,
    size: int,
    channels: int,
    start: int | UInt32[Array, ""] = 0,
) -> tuple[UInt8[Array, "n size size channels"], Int32[Array, " n"]]:
    """Return `n` images in 256 levels and their labels, some of them replaced by another class.

    Args:
        key: Decides everything.
        n: Number of examples.
        difficulty: In [0, 1]; may be a tracer.
        label_noise: Probability of a wrong label, in [0, 1); may be a tracer.
        size: Height and width in pixels.
        channels: 1 or 3.
        start: Number of the first example, for a large sample drawn in parts; may be a tracer.

    Returns:
        Images (n, height, width, channels) and labels in [0, 10).

    Example:
        >>> zero = jnp.float32(0)
        >>> images, labels = draw(jax.random.key(0), 5, zero, zero, size=8, channels=1)
        >>> images.shape, bool((labels[:3] == draw(jax.random.key(0), 3, zero, zero, size=16, channels=3)[1]).all())
        ((5, 8, 8, 1), True)
    """
    table = jnp.asarray(_atlas_table())
    one = functools.partial(_draw_one, table, difficulty, label_noise, size, channels)
    indices = jnp.asarray(start, jnp.uint32) + jnp.arange(n, dtype=jnp.uint32)
    return jax.vmap(lambda index: one(jax.random.fold_in(key, index)))(indices)


class _Scene(NamedTuple):
    """What an example shows, before it has pixels; `fields` are values at the knots of the coarse grid."""

    glyph: Array  # row of the table
    scalars: Array  # (_SCALARS,) on [-1, 1)
    fields: Array  # (_FIELDS, _KNOTS, _KNOTS) on [-1, 1)
    colours: Array  # (2, 3) on [0, 1)


def _draw_one(
    table: Array, difficulty: Array, label_noise: Array, size: int, channels: int, key: jax.Array
) -> tuple[UInt8[Array, "size size channels"], Int32[Array, ""]]:
    words = jax.random.bits(key, (_SCENE_WORDS + size * size * channels,), jnp.uint32)
    label = (words[0] % NUM_CLASSES).astype(jnp.int32)
    scene = _scene(words[:_SCENE_WORDS], label)
    ink = _ink(table, scene, difficulty, size)
    grain = words[_SCENE_WORDS:].reshape(size, size, channels)
    return _expose(scene, ink, difficulty, grain), replace_label(words[2:4], label, label_noise, NUM_CLASSES)


def _scene(words: UInt32[Array, " words"], label: Int32[Array, ""]) -> _Scene:
    num_typefaces = load_atlas().shape[0]
    typeface = (words[1] % num_typefaces).astype(jnp.int32)
    unit = (words[_LABEL_WORDS:] >> 8).astype(jnp.float32) * jnp.float32(2**-24)
    scalars, fields, colours = jnp.split(unit, [_SCALARS, _SCALARS + _FIELDS * _KNOTS**2])
    return _Scene(
        typeface * NUM_CLASSES + label,
        2 * scalars - 1,
        (2 * fields - 1).reshape(_FIELDS, _KNOTS, _KNOTS),
        colours.reshape(2, 3),
    )


def _ink(table: Array, scene: _Scene, d: Array, size: int) -> Float[Array, "size size"]:
    """Return the share of each pixel that ink covers."""
    turn, shear, scale, aspect, right, down, stroke, softness, _ = scene.scalars * d
    axis = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size) - np.float32(0.5)
    x = axis[None, :] - SHIFT * right + ELASTIC * d * _interpolate(scene.fields[0], size)
    y = axis[:, None] - SHIFT * down + ELASTIC * d * _interpolate(scene.fields[1], size)

    height = HEIGHT * (1 + SCALE * scale)
    x, y = x / (height * (1 - ASPECT * aspect)), y / (height * (1 + ASPECT * aspect))
    half = HALF_ANGLE * turn
    norm = 1 / (1 + half * half)
    cosine, sine = (1 - half * half) * norm, 2 * half * norm
    x, y = cosine * x + sine * y, cosine * y - sine * x
    x = x + SHEAR * shear * y

    offset = jnp.where(stroke > 0, THICKER, THINNER) * stroke
    ramp = (1 + SOFTNESS * jnp.maximum(softness, 0)) / (size * height)
    return jnp.clip(0.5 + (_distance(table, scene.glyph, x, y) + offset) / ramp, 0, 1)


def _distance(table: Array, glyph: Array, x: Array, y: Array) -> Float[Array, "size size"]:
    """Return the signed distance to the outline at a place in heights; outside the atlas it keeps falling."""
    column, row = (x / EXTENT + 0.5) * TEXELS - 0.5, (y / EXTENT + 0.5) * TEXELS - 0.5
    inside_column, inside_row = jnp.clip(column, 0, TEXELS - 1), jnp.clip(row, 0, TEXELS - 1)
    beyond = (jnp.abs(column - inside_column) + jnp.abs(row - inside_row)) * (EXTENT / TEXELS)
    i = jnp.minimum(inside_row.astype(jnp.int32), TEXELS - 2)
    j = jnp.minimum(inside_column.astype(jnp.int32), TEXELS - 2)
    down, right = inside_row - i.astype(jnp.float32), inside_column - j.astype(jnp.float32)
    corners = table.at[(glyph * (TEXELS - 1) + i) * (TEXELS - 1) + j].get(mode="promise_in_bounds")
    a, b, c, e = ((corners >> shift & 255).astype(jnp.float32) for shift in (0, 8, 16, 24))
    top, bottom = a + right * (b - a), c + right * (e - c)
    return (top + down * (bottom - top) - 128) * (REACH / 128) - beyond


def _expose(scene: _Scene, ink: Array, d: Array, grain: Array) -> UInt8[Array, "size size channels"]:
    """Return the image in 256 levels: a background, ink at the contrast that is left of it, and noise."""
    size, _, channels = grain.shape
    level = LEVEL * d * scene.colours[0, :channels]
    contrast = (1 - level) * (1 - FADING * d * scene.colours[1, :channels])
    field = FIELD * d * _interpolate(scene.fields[2], size)
    strength = NOISE * d * jnp.abs(scene.scalars[8])
    pixels = level + field[..., None] + contrast * ink[..., None] + strength * _bell(grain)
    return jnp.floor(jnp.clip(pixels, 0, 1) * 255 + 0.5).astype(jnp.uint8)


def _bell(words: UInt32[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return a bell-shaped number of mean 0 and variance 1 from each word: the sum of its four bytes."""
    total = (words & 255) + (words >> 8 & 255) + (words >> 16 & 255) + (words >> 24)
    return (total.astype(jnp.int32) - 510).astype(jnp.float32) * np.float32(1 / np.sqrt((256**2 - 1) / 3))


def _interpolate(knots: Float[Array, "knots knots"], size: int) -> Float[Array, "size size"]:
    """Return a smooth field through its values at an even grid of knots, the outermost at the edges."""
    weights = jnp.asarray(_knot_weights(size))
    rows = _sum([weights[:, k, None] * knots[k] for k in range(_KNOTS)])
    return _sum([weights[None, :, k] * rows[:, k, None] for k in range(_KNOTS)])


def _sum(terms: list[Array]) -> Array:
    return functools.reduce(operator.add, terms)  # in this order, where a dot product's order depends on the batch


@functools.cache
def _knot_weights(size: int) -> Float[np.ndarray, "size knots"]:
    place = (np.arange(size) + 0.5) / size * (_KNOTS - 1)
    near = np.clip(1 - np.abs(place[:, None] - np.arange(_KNOTS)), 0, 1)
    return (near * near * (3 - 2 * near)).astype(np.float32)


@functools.cache
def _atlas_table() -> UInt32[np.ndarray, " texels"]:
    """Return the atlas with each texel's right, lower and lower right neighbours packed into one word with it."""
    atlas = load_atlas().reshape(-1, TEXELS, TEXELS).astype(np.uint32)
    corners = atlas[:, :-1, :-1], atlas[:, :-1, 1:], atlas[:, 1:, :-1], atlas[:, 1:, 1:]
    return functools.reduce(np.bitwise_or, [corner << np.uint32(8 * k) for k, corner in enumerate(corners)]).ravel()
