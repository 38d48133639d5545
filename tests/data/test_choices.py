"""Weighted choices: which words choose what, by bisection and by counting."""

from bisect import bisect_right
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from basin.data.choices import choose, probabilities, thresholds

WEIGHTS = st.lists(st.integers(1, 2**40), min_size=1, max_size=40)


@given(WEIGHTS)
def test_every_probability_is_its_share_to_the_last_word(weights):
    # independent: exact fractions
    found = probabilities(thresholds(weights))
    for weight, p in zip(weights, found.tolist(), strict=True):
        assert abs(Fraction(p) - Fraction(weight, sum(weights))) < Fraction(1, 2**32)
    assert sum(map(Fraction, found.tolist())) == 1


@given(WEIGHTS, st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
def test_a_word_chooses_the_thing_whose_share_it_lies_in(weights, words):
    begins = thresholds(weights)
    near = [int(begin) + by for begin in begins for by in (-1, 0, 1) if 0 <= int(begin) + by < 2**32]
    words = (words + near)[:64] + [0] * (64 - len(words + near))
    padded = np.concatenate([begins, np.full(40 - len(begins), 2**32 - 1, np.uint32)])  # one shape, compiled once
    found = np.asarray(choose(padded, jnp.array(words, jnp.uint32))).tolist()
    expected = [bisect_right(begins.tolist(), word) for word in words]
    assert [a for a, word in zip(found, words, strict=True) if word < 2**32 - 1] == [
        b for b, word in zip(expected, words, strict=True) if word < 2**32 - 1
    ]


def test_things_come_as_often_as_their_weights_say():
    weights = np.array([5, 1, 3, 1])
    found = choose(thresholds(weights.tolist()), jax.random.bits(jax.random.key(0), (100_000,), jnp.uint32))
    counts, expected = np.bincount(np.asarray(found)), 100_000 * weights / 10
    assert ((counts - expected) ** 2 / expected).sum() < 25
