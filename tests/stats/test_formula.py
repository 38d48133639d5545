"""Formula claims: errors on each case's own scale, tolerances from the arithmetic."""

import numpy as np
import pytest

from basin.stats import Verdict, decide_formula, rounding_tolerance, scaled_errors


def test_an_error_counts_against_the_cases_own_scale():
    start = np.array([1000.0, 1.0])
    computed, expected = np.array([1e-9, 1e-9]), np.zeros(2)
    assert scaled_errors(computed, expected, start) == pytest.approx([1e-12, 1e-9])


def test_an_error_is_absolute_near_zero():
    assert scaled_errors(np.array([1e-9]), np.array([0.0]), np.array([0.0])) == pytest.approx([1e-9])


def test_the_largest_deviation_of_a_case_counts():
    computed, expected = np.zeros((2, 2, 2)), np.arange(8.0).reshape(2, 2, 2)
    assert scaled_errors(computed, expected, np.array([1.0, 7.0])).tolist() == [3.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [10, 1000])
def test_recursive_sums_stay_within_the_tolerance_of_their_arithmetic(dtype, k):
    """The oracle is the sum in extended precision; the tolerance has to hold and not be void."""
    terms = np.random.default_rng(k).uniform(0, 1, (50, k)).astype(dtype)
    computed = np.array([np.add.accumulate(row)[-1] for row in terms])
    exact = terms.astype(np.longdouble).sum(axis=1).astype(np.float64)
    errors = scaled_errors(computed, exact, exact)
    assert decide_formula(errors, rounding_tolerance(k, dtype)) is Verdict.SUPPORTED
    assert decide_formula(errors + 0.01, rounding_tolerance(k, dtype)) is Verdict.REFUTED


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ([0.0, 1e-9], "supported"),
        ([0.0, 1e-7], "refuted"),
        ([], "inconclusive"),
        ([np.nan, 0.0], "inconclusive"),
        ([np.nan, 1.0], "refuted"),
        ([np.inf], "refuted"),
        ([1e-8], "supported"),
    ],
)
def test_the_rule(errors, verdict):
    assert decide_formula(np.array(errors), 1e-8).value == verdict


def test_two_equal_infinities_agree_with_nothing():
    errors = scaled_errors(np.array([np.inf]), np.array([np.inf]), np.array([1.0]))
    assert decide_formula(errors, 1.0) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "call",
    [
        lambda: scaled_errors(np.zeros(2), np.zeros(3), np.ones(2)),
        lambda: scaled_errors(np.zeros(2), np.zeros(2), -np.ones(2)),
        lambda: rounding_tolerance(0),
        lambda: rounding_tolerance(10, condition=0.5),
        lambda: rounding_tolerance(10**8, np.float32),
        lambda: decide_formula(np.zeros(1), 0.0),
        lambda: decide_formula(np.array([-1.0]), 1.0),
    ],
)
def test_mistakes_are_named(call):
    with pytest.raises(ValueError, match="expected"):
        call()
