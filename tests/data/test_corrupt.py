import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from basin.data import corrupt

KEY = jax.random.key(2)
CLEAN = np.arange(20_000) % 10


def noisy(rate, key=KEY, y=CLEAN, num_classes=10):
    return np.asarray(corrupt(key, y, rate, num_classes))


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2, 0.9])
def test_the_share_of_wrong_labels_is_the_rate(rate):
    wrong = (noisy(rate) != CLEAN).sum()
    assert stats.binomtest(int(wrong), len(CLEAN), rate).pvalue > 1e-4


def test_every_wrong_class_is_as_likely():
    labels = noisy(0.9)
    shift = (labels - CLEAN)[labels != CLEAN] % 10
    assert stats.chisquare(np.bincount(shift, minlength=10)[1:]).pvalue > 1e-4


@settings(deadline=None, max_examples=30)
@given(st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)).map(sorted))
def test_what_is_wrong_at_a_rate_is_wrong_alike_at_a_higher_one(rates):
    low, high = (noisy(rate) for rate in rates)
    assert (high == low)[low != CLEAN].all()


def test_the_first_labels_do_not_depend_on_those_that_follow():
    assert (noisy(0.3)[:17] == noisy(0.3, y=CLEAN[:17])).all()


def test_another_key_makes_other_labels_wrong():
    assert ((noisy(0.3) != CLEAN) != (noisy(0.3, jax.random.key(3)) != CLEAN)).mean() > 0.3


def test_the_rate_may_be_traced():
    traced = jax.jit(lambda rate: corrupt(KEY, CLEAN, rate, 10))(jnp.float32(0.3))
    assert (np.asarray(traced) == noisy(0.3)).all()


def test_with_two_classes_the_other_is_taken():
    assert (noisy(0.5, y=CLEAN % 2, num_classes=2) != CLEAN % 2).mean() == pytest.approx(0.5, abs=0.02)
