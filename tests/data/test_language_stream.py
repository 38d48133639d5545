"""The pair of languages as a stream: examples that depend on nothing but the key, samples, and bits that stay."""

import hashlib

import jax
import numpy as np
import pytest

from basin.data import Language, describe, load, stream
from basin.spec.base import with_leaves
from basin.spec.data import EOS

KEY = jax.random.key(0, impl="threefry2x32")
SMALL = Language(nouns=6, verbs=4, adjectives=3, ambiguous=0.4, free=0.6, noise=0.2, language=1)


def drawn(spec, n, key=KEY):
    x, y = stream(spec)(key, n)
    return np.asarray(x), np.asarray(y)


def test_an_example_does_not_depend_on_how_many_are_drawn():
    few, many = drawn(SMALL, 7), drawn(SMALL, 40_000)
    np.testing.assert_array_equal(few[0], many[0][:7])
    np.testing.assert_array_equal(few[1], many[1][:7])


def test_a_sample_is_what_the_stream_gives_and_what_is_held_out_follows():
    more = load(SMALL.replace(num_train=60, num_test=10), 2)
    held = load(SMALL.replace(num_train=40, num_validation=20, num_test=10), 2)
    np.testing.assert_array_equal(held.x_validation, more.x_train[40:])
    np.testing.assert_array_equal(held.y_validation, more.y_train[40:])


def test_test_examples_have_the_noise_of_the_language():
    noisy, clean = (load(SMALL.replace(noise=rate, num_test=2000), 0).y_test for rate in (0.2, 0.0))
    assert (noisy != clean)[clean > EOS].mean() == pytest.approx(0.2, abs=0.02)


def test_the_bits_never_change():
    """Whoever changes them changes what every finished run was trained on: then the fingerprint must change too."""
    x, y = drawn(Language(), 1000)
    assert hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest()[:16] == "593b0c057bed72d7"
    assert describe(Language()).fingerprint == "f71974340bc3812b954398fd5b780b5e"


def test_runs_side_by_side_have_the_bits_of_each_alone():
    rates = np.array([0.0, 0.2, 0.7], np.float32)

    def both(rate):
        return stream(with_leaves(SMALL, {"noise": rate}))(KEY, 64)

    together = jax.jit(jax.vmap(both))(rates)
    for i, rate in enumerate(rates.tolist()):
        for many, one in zip(together, drawn(SMALL.replace(noise=rate), 64), strict=True):
            np.testing.assert_array_equal(many[i], one)


def test_sentences_are_the_same_whichever_arithmetic_was_there_first() -> None:
    """A program that was compiled in JAX's 64-bit mode must not be in the way of one that is not."""
    spec = Language(nouns=5, verbs=3, adjectives=2, length=9, num_train=20, num_test=20)
    with jax.enable_x64(True):
        wide = load(spec, 0)
    narrow = load(spec, 0)
    assert (wide.x_train.tobytes(), wide.y_train.tobytes()) == (narrow.x_train.tobytes(), narrow.y_train.tobytes())
