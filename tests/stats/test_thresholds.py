"""Where curves cross a level: against straight lines solved by hand, and the jackknife against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from basin.stats import crossing, first_at_most

SIZES = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


def test_a_line_over_the_logarithm_of_the_size_is_solved_exactly() -> None:
    curve = 0.5 - 0.1 * np.log2(SIZES)
    for level in (0.45, 0.3, 0.12):
        assert first_at_most(SIZES, curve, level) == pytest.approx(2 ** ((0.5 - level) / 0.1))


def test_the_first_of_several_crossings_counts() -> None:
    assert first_at_most(SIZES, np.array([0.5, 0.1, 0.5, 0.0, 0.0]), 0.1) == 2.0


def test_sizes_may_descend() -> None:
    assert first_at_most(SIZES[::-1], np.array([0.4, 0.3, 0.2, 0.1, 0.0]), 0.15) == pytest.approx(np.sqrt(8.0))


def test_a_missing_value_is_no_crossing() -> None:
    assert first_at_most(SIZES, np.array([0.5, np.nan, 0.0, 0.0, 0.0]), 0.1) == 4.0


@pytest.mark.parametrize("constant", [0.9, 0.01])
def test_what_is_not_crossed_within_the_sizes_has_no_value(constant: float) -> None:
    found = crossing(SIZES, np.full((3, 5), constant), 0.1)
    assert found.value is None
    assert "does not cross" in found.note


def test_a_crossing_that_hangs_on_one_seed_has_no_interval() -> None:
    curves = np.array([[0.5, 0.4, 0.3, 0.2, 0.11], [0.5, 0.4, 0.3, 0.2, 0.11], [0.5, 0.4, 0.3, 0.2, 0.0]])
    found = crossing(SIZES, curves, 0.1)
    assert found.value is not None
    assert found.interval() is None


def test_seeds_that_diverged_are_left_out_and_counted() -> None:
    curve = 0.5 - 0.1 * np.log2(SIZES)
    found = crossing(SIZES, np.array([curve, curve * np.nan, curve + 0.01]), 0.3)
    assert found.n == 2
    assert "1 of 3" in found.note


def test_the_interval_covers_the_true_crossing_about_as_often_as_it_says() -> None:
    """The truth is that of the mean curve, known because the curves are drawn around it."""
    rng, truth, curve = np.random.default_rng(0), np.log(2 ** (0.2 / 0.1)), 0.5 - 0.1 * np.log2(SIZES)
    hits = 0
    for _ in range(400):
        low, high = crossing(SIZES, curve + 0.02 * rng.standard_normal((6, 5)), 0.3).interval(0.95)  # type: ignore[misc]
        hits += low <= truth <= high
    assert 0.90 <= hits / 400 <= 0.99
