"""Estimates against published tables, SciPy's own tests, and the cases where no honest interval exists."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from basin.stats import Sample, Scale, differences, effect_size, mean, paired, sample, welch
from basin.stats.bootstrap import bootstrap_interval

# Cushny and Peebles' hours of sleep gained, the data of Student (1908); the results below are printed in textbooks
# and in the manual of R's t.test, so they share no code with ours.
DRUG_1 = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
DRUG_2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])

arms = st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=12)


def test_paired_agrees_with_students_table():
    sleep = paired(DRUG_1, DRUG_2)
    assert sleep.value == pytest.approx(1.58)
    assert sleep.value / sleep.stderr == pytest.approx(4.0621, abs=5e-5)
    assert sleep.p_value() == pytest.approx(0.002833, abs=5e-7)
    assert sleep.interval(0.95) == pytest.approx((0.7001142, 2.4598858), abs=5e-8)


def test_welch_agrees_with_students_table():
    sleep = welch(DRUG_1, DRUG_2)
    assert sleep.df == pytest.approx(17.776, abs=5e-4)
    assert sleep.p_value() == pytest.approx(0.07939, abs=5e-6)
    assert sleep.interval(0.95) == pytest.approx((-0.2054832, 3.3654832), abs=5e-7)


def test_three_differences_by_hand():
    # mean 2, s = 1, t(0.975, 2) = 4.302653 from the printed table: 2 +- 4.302653 / sqrt(3)
    assert mean(sample(np.array([1.0, 2.0, 3.0]))).interval(0.95) == pytest.approx((-0.484138, 4.484138), abs=2e-6)


@given(arms, st.sampled_from([0.9, 0.95, 0.995]), st.floats(-3, 3))
def test_paired_agrees_with_scipy(pairs, level, margin):
    a, b = np.array(pairs).T
    ours = paired(a, b)
    if ours.sd == 0.0 or ours.sd < 1e-9:
        return  # SciPy warns of cancellation there
    theirs = scipy.stats.ttest_rel(b - margin, a)
    assert ours.p_value(margin) == pytest.approx(theirs.pvalue, rel=1e-5, abs=1e-12)
    expected = scipy.stats.ttest_rel(b, a).confidence_interval(level)
    assert ours.interval(level) == pytest.approx((expected.low, expected.high), rel=1e-6, abs=1e-9)


@given(arms, st.sampled_from([0.9, 0.95, 0.995]), st.floats(-3, 3))
def test_a_margin_is_excluded_exactly_where_its_p_value_is_small(pairs, level, margin):
    estimate = paired(*np.array(pairs).T)
    interval, p_value = estimate.interval(level), estimate.p_value(margin)
    if interval is None or abs(p_value - (1 - level)) < 1e-9:
        return
    assert (p_value < 1 - level) == (not interval[0] <= margin <= interval[1])


def test_logarithms_make_ratios():
    small, large = np.array([1.0, 2.0, 4.0]), np.array([10.0, 40.0, 20.0])
    estimate = paired(small, large, scale=Scale.LOG10)
    assert Scale.LOG10.ratio(estimate.value) == pytest.approx((10 * 20 * 5) ** (1 / 3))
    natural = paired(small, large, scale=Scale.LOG)
    assert Scale.LOG.ratio(natural.value) == pytest.approx(Scale.LOG10.ratio(estimate.value))
    assert natural.p_value() == pytest.approx(estimate.p_value())


def test_one_pair_has_no_interval():
    alone = paired(np.array([1.0]), np.array([3.0]))
    assert (alone.value, alone.sd, alone.interval(), alone.p_value()) == (2.0, None, None, None)
    assert "n = 1" in alone.note


def test_no_pair_has_no_value():
    nothing = paired(np.array([np.nan]), np.array([1.0]))
    assert (nothing.value, nothing.n, nothing.interval(), nothing.p_value()) == (None, 0, None, None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_differences_that_agree_to_rounding_have_no_interval(dtype):
    a = np.array([0.1, 0.2, 0.3, 7.7], dtype)
    copied = paired(a, (a + dtype(0.1)).astype(dtype))
    assert copied.sd == 0.0
    assert copied.interval() is None
    assert copied.p_value() is None
    assert "do the seeds differ" in copied.note


def test_equal_values_on_a_known_grid_bound_what_was_missed():
    # None of 5 moved by one step of 0.1: Garwood's bound on the mean number of steps is -ln(0.025) / 5 = 0.738 < 1,
    # and at 99.9 % it is -ln(0.0005) / 5 = 1.52.
    still = paired(np.full(5, 2.0), np.full(5, 2.0), resolution=0.1)
    assert still.interval(0.95) == pytest.approx((-0.1, 0.1))
    assert still.interval(0.999)[1] == pytest.approx(-math.log(0.0005) / 5 * 0.1)
    assert still.p_value(0.3) == pytest.approx(2 * math.exp(-15))
    assert still.p_value(0.05) == 1.0


def test_equal_steps_off_zero_on_a_grid_have_no_interval():
    assert paired(np.zeros(4), np.full(4, 0.1), resolution=0.1).interval() is None


def test_pairs_that_are_not_finite_are_dropped_and_counted():
    a = np.array([1.0, 2.0, np.nan, 4.0, np.inf, np.inf])
    b = np.array([2.0, 4.0, 5.0, 5.0, 1.0, np.inf])
    estimate = paired(a, b)
    assert estimate.n == 3
    assert estimate.value == pytest.approx(4 / 3)
    assert "3 of 6 dropped (not finite" in estimate.note


def test_values_without_a_logarithm_are_counted_apart():
    found = differences(np.array([1.0, 0.0, 1.0, -2.0, np.nan]), np.array([2.0, 1.0, 4.0, 1.0, 1.0]), scale=Scale.LOG)
    assert (found.n, found.num_nonpositive, found.num_dropped) == (2, 2, 1)
    assert "no logarithm" in found.dropped_note()


def test_welch_needs_two_runs_in_each_arm_and_some_spread():
    assert welch(np.array([1.0]), np.array([1.0, 2.0])).interval() is None
    flat = welch(np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    assert (flat.value, flat.interval(), flat.p_value()) == (1.0, None, None)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired(np.zeros(2), np.zeros(3)), "one length, got 2 and 3"),
        (lambda: paired(np.zeros((2, 2)), np.zeros((2, 2))), r"got an array \(2, 2\)"),
        (lambda: sample(np.array(["a"])), "one number per run"),
        (lambda: sample(np.ones(3), resolution=0.0), "positive resolution"),
        (lambda: sample(np.ones(3), resolution=0.1, scale=Scale.LOG), "natural scale"),
        (lambda: mean(sample(np.ones(3))).interval(95), "between 0 and 1"),
        (lambda: Scale.NATURAL.effect(1.2), "logarithmic scale"),
        (lambda: Scale.LOG.effect(0.0), "positive factor"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_overflowing_ratio_is_none():
    assert Scale.LOG10.ratio(400.0) is None
    assert Scale.LOG.ratio(1e4) is None
    assert Scale.NATURAL.ratio(1.0) is None


def test_bootstrap_is_refused_below_ten_and_near_t_above():
    with pytest.raises(ValueError, match="at least 10"):
        bootstrap_interval(sample(np.arange(9.0)))
    many = sample(np.random.default_rng(0).standard_normal(200))
    assert bootstrap_interval(many) == pytest.approx(mean(many).interval(), abs=0.02)
    assert bootstrap_interval(many) == bootstrap_interval(many)
    assert bootstrap_interval(sample(np.ones(12))) is None


def test_effect_size_by_hand_and_by_simulation():
    # d = 2 / 1; J(2) = Gamma(1) / (sqrt(1) Gamma(1/2)) = 1 / sqrt(pi)
    found = effect_size(mean(sample(np.array([1.0, 2.0, 3.0]))))
    assert found.d == 2.0
    assert found.g == pytest.approx(2 / math.sqrt(math.pi))
    # At either end of the interval the observed t is at the 2.5 % tail: drawn, where the code solves.
    draws = np.random.default_rng(1).standard_normal((40_000, 3))
    for true_d, tail in ((found.low, 0.025), (found.high, 0.975)):
        x = draws + true_d
        observed = x.mean(axis=1) / x.std(axis=1, ddof=1)
        assert (observed > 2.0).mean() == pytest.approx(tail, abs=0.004)


def test_effect_size_needs_spread_and_pairs():
    assert effect_size(mean(Sample(np.ones(4)))) is None
    with pytest.raises(ValueError, match="paired or one-sample"):
        effect_size(welch(DRUG_1, DRUG_2))
