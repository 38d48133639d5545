"""Many claims: against R's p.adjust, and the family-wise error measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basin.stats import bonferroni_level, holm, mean, sample


def test_holm_agrees_with_the_manual_of_r():
    # p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])


def test_an_untested_claim_counts_and_stays_untested():
    assert holm([None, 0.01, None]) == [None, pytest.approx(0.03), None]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_raw_value_and_bonferroni(p_values):
    for raw, adjusted in zip(p_values, holm(p_values), strict=True):
        assert raw <= adjusted <= min(1.0, len(p_values) * raw) + 1e-15


def test_bonferroni_intervals_hold_together():
    rng, level, num_draws = np.random.default_rng(0), bonferroni_level(10), 600
    held = 0
    for draws in rng.standard_normal((num_draws, 10, 5)):
        intervals = [mean(sample(row)).interval(level) for row in draws]
        held += all(low <= 0 <= high for low, high in intervals)
    assert held / num_draws == pytest.approx(0.95, abs=3.5 * np.sqrt(0.95 * 0.05 / num_draws))


@pytest.mark.parametrize("call", [lambda: bonferroni_level(0), lambda: bonferroni_level(3, 1.0), lambda: holm([1.1])])
def test_mistakes_are_named(call):
    with pytest.raises(ValueError, match="expected"):
        call()
