import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from basin.data import Glyphs, load, stream
from basin.data.atlas import EXTENT, TEXELS, load_atlas
from basin.data.glyph_drawing import HEIGHT, draw
from basin.data.glyphs import _drawn, _moments
from basin.data.keys import named_key, seed_key

KEY = jax.random.key(0)
NOUGHT = jnp.float32(0)


@functools.partial(jax.jit, static_argnums=(1, 4, 5))
def _draw(key, n, difficulty, noise, size, channels, start):
    return draw(key, n, difficulty, noise, size=size, channels=channels, start=start)


def drawn(n=512, difficulty=0.5, noise=0.0, size=8, channels=1, key=KEY, start=0):
    images, labels = _draw(key, n, np.float32(difficulty), np.float32(noise), size, channels, np.uint32(start))
    return np.asarray(images), np.asarray(labels)


def test_a_key_gives_the_same_examples_for_ever():
    # Written down once; pixels may differ by one level between machines, labels may not.
    images, labels = drawn(20, noise=0.25, size=16, channels=3)
    assert labels.tolist() == [2, 7, 1, 2, 5, 9, 1, 7, 7, 8, 9, 0, 7, 4, 4, 6, 8, 3, 3, 3]
    assert np.abs(images[0, ::5, 8, 0].astype(int) - [36, 34, 126, 68]).max() <= 1
    assert np.abs(images[1, 7, ::4, 1].astype(int) - [63, 26, 189, 0]).max() <= 1


def test_only_arithmetic_is_used_that_all_machines_agree_on():
    program = str(jax.make_jaxpr(lambda key: draw(key, 2, NOUGHT, NOUGHT, size=8, channels=1))(KEY))
    inexact = {"sin", "cos", "tan", "exp", "exp2", "log", "pow", "tanh", "logistic", "erf_inv", "sqrt", "dot_general"}
    assert "= mul " in program
    assert not [name for name in inexact if f"= {name} " in program or f"= {name}[" in program]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(0, 400))
def test_an_example_is_a_pure_function_of_its_key_and_number(seed, start):
    key = jax.random.key(seed)
    (images, labels), (part, part_labels) = drawn(key=key), drawn(100, key=key, start=start)
    assert (part == images[start : start + 100]).all()
    assert (part_labels == labels[start : start + 100]).all()


def test_the_number_of_examples_does_not_change_them():
    assert (drawn(37)[0] == drawn(512)[0][:37]).all()


@pytest.mark.parametrize(("size", "channels"), [(16, 1), (8, 3)])
def test_size_and_channels_change_the_rendering_and_not_the_scene(size, channels):
    (small, labels), (other, other_labels) = drawn(difficulty=0.0), drawn(size=size, channels=channels, difficulty=0.0)
    shrunk = other[..., 0].reshape(-1, 8, size // 8, 8, size // 8).mean((2, 4))
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(small, shrunk, strict=True)]
    assert (labels == other_labels).all()
    assert min(correlation) > 0.9


def test_double_precision_elsewhere_changes_nothing():
    single = drawn(64)
    with jax.enable_x64(True):
        double = drawn(64)
    assert all((a == b).all() for a, b in zip(single, double, strict=True))


def test_labels_are_uniform():
    labels = np.concatenate([drawn(key=jax.random.key(k))[1] for k in range(20)])
    assert stats.chisquare(np.bincount(labels, minlength=10)).pvalue > 1e-4


def test_without_difficulty_only_the_typeface_varies():
    samples = [drawn(difficulty=0, key=jax.random.key(k)) for k in range(8)]
    images, labels = (np.concatenate(parts) for parts in zip(*samples, strict=True))
    counts = [len(np.unique(images[labels == digit].reshape(-1, 64), axis=0)) for digit in range(10)]
    assert counts == [len(load_atlas())] * 10


def test_a_clean_image_is_the_glyph_filled():
    # Independent: each pixel is cut into 8x8 points, which are in or out by the nearest texel; nothing is interpolated.
    size = 32
    axis = ((np.arange(8 * size) + 0.5) / (8 * size) - 0.5) / HEIGHT
    texel = np.clip(np.rint((axis / EXTENT + 0.5) * TEXELS - 0.5), 0, TEXELS - 1).astype(int)
    filled = load_atlas()[:, :, texel[:, None], texel] > 128
    expected = filled.reshape(-1, 10, size, 8, size, 8).mean((3, 5))
    images, labels = drawn(64, difficulty=0, size=size)
    distance = np.abs(images[:, None, :, :, 0] / 255 - expected[:, labels].swapaxes(0, 1)).mean((2, 3))
    assert distance.min(axis=1).max() < 0.02
    assert np.median(distance) > 0.05


def nearest_mean_error(difficulty):
    """Return the error of the classifier that takes the class whose mean image is nearest."""
    (x, y), (x_test, y_test) = (drawn(4096, difficulty, key=jax.random.key(k)) for k in (1, 2))
    x, x_test = x.reshape(len(x), -1) / 255, x_test.reshape(len(x), -1) / 255
    means = np.stack([x[y == digit].mean(0) for digit in range(10)])
    scores = x_test @ means.T - (means**2).sum(1) / 2
    return (scores.argmax(1) != y_test).mean()


def test_difficulty_makes_it_difficult():
    errors = [nearest_mean_error(difficulty) for difficulty in (0, 0.25, 0.5, 0.75, 1)]
    assert errors == sorted(errors)
    assert errors[0] < 0.1
    assert 0.5 < errors[-1] < 0.9


def test_colours_differ_only_where_there_is_difficulty():
    clean, hard = drawn(64, difficulty=0, channels=3)[0], drawn(64, difficulty=0.8, channels=3)[0].astype(int)
    assert (clean == clean[..., :1]).all()
    spread = np.ptp(hard.mean((1, 2)), axis=1)
    assert np.median(spread) > 5


def test_several_difficulties_are_one_program():
    many = jax.jit(jax.vmap(lambda d: draw(KEY, 64, d, NOUGHT, size=8, channels=1)[0]))
    together = many(jnp.float32([0.2, 0.7]))
    apart = np.stack([drawn(64, difficulty)[0] for difficulty in (0.2, 0.7)]).astype(int)
    assert np.abs(np.asarray(together).astype(int) - apart).max() <= 1


def test_label_noise_leaves_images_alone_and_grows():
    (images, clean), (same_images, some), (_, more) = (drawn(4096, noise=rate) for rate in (0, 0.2, 0.4))
    assert (images == same_images).all()
    assert (some != clean).mean() == pytest.approx(0.2, abs=0.03)
    assert (more == some)[some != clean].all()


def test_a_finite_sample_is_the_stream_bit_for_bit():
    spec = Glyphs(size=8, num_train=60, num_test=10, label_noise=0.1)
    data = load(spec, 7)
    x, y = jax.jit(stream(spec), static_argnums=1)(seed_key(7, "glyphs", "train"), 60)
    assert np.asarray(x).tobytes() == data.x_train.tobytes()
    assert (np.asarray(y) == data.y_train).all()


def test_sample_and_stream_are_standardised_alike():
    finite, endless = (load(Glyphs(size=8, num_train=n, num_test=30), 0) for n in (20, None))
    assert finite.x_test.tobytes() == endless.x_test.tobytes()
    assert endless.x_train.shape == (0, 8, 8, 1)


def test_standardisation_uses_the_moments_of_a_reference_sample():
    # Independent: NumPy's mean and standard deviation in double precision; rounding is to a sixteenth of a level.
    images, _ = _drawn(named_key("glyphs", "reference"), 1024, 0.5, 0.0, 8, 3)
    mean, inverse = (np.asarray(part) for part in _moments(images))
    np.testing.assert_allclose(mean / 16, images.mean((0, 1, 2)), atol=1 / 32 + 1e-6)
    np.testing.assert_allclose(1 / inverse / 16, images.std((0, 1, 2)), atol=1 / 32 + 1e-2)


def test_without_standardisation_pixels_are_between_nought_and_one():
    data = load(Glyphs(size=8, num_train=100, num_test=30, standardise=False, difficulty=0), 0)
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)


def test_train_test_and_reference_share_no_example():
    keys = [named_key("glyphs", "test"), named_key("glyphs", "reference"), seed_key(0, "glyphs", "train")]
    images = np.concatenate([drawn(key=key)[0].reshape(-1, 64) for key in keys])
    assert len(np.unique(images, axis=0)) == len(images)
