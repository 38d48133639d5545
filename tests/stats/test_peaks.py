"""Statistics of curves over size: heights against curves whose peak is known, error rates against their design."""

from __future__ import annotations

import numpy as np
import pytest

from basin.stats import Direction, choosing, largest, peak, peak_sizes
from basin.stats.nulls import falling, hump, naive_peak_draw, peak_draw, verdict_rates


def test_heights_are_those_of_the_seeds_that_did_not_choose() -> None:
    chosen_by = [30.0, 10.0, 20.0, 5.0]  # valley at 1, peak at 2
    measured = [30.0, 12.0, 17.0, 9.0]
    found = peak(np.array([chosen_by, measured, chosen_by, measured]))
    assert (found.valley, found.place) == (1, 2)
    assert found.left.tolist() == [5.0, 5.0]
    assert found.right.tolist() == [8.0, 8.0]


def test_the_limiting_height_is_chosen_by_the_choosing_seeds() -> None:
    chosen_by, measured = [30.0, 10.0, 20.0, 15.0], [30.0, 10.0, 20.0, 5.0]
    found = peak(np.array([chosen_by, measured] * 2))
    assert found.limiting.tolist() == [15.0, 15.0]  # over the far right, 5 there, though here the left is lower


def test_a_curve_that_only_falls_has_no_height_over_its_valley() -> None:
    found = peak(np.tile(falling("even"), (4, 1)))
    assert (found.left < 0).all()
    assert (found.limiting == found.left).all()


def test_a_curve_that_only_rises_has_no_height_over_its_end() -> None:
    assert (peak(np.tile(-falling("even"), (4, 1))).right < 0).all()


def test_a_seed_that_diverged_chooses_nothing_and_measures_nothing() -> None:
    curve = [30.0, 10.0, 20.0, 5.0]
    broken = [30.0, 10.0, np.nan, 5.0]
    found = peak(np.array([curve, curve, broken, broken]))
    assert (found.valley, found.place) == (1, 2)
    assert np.isnan(found.left).tolist() == [False, True]


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        (np.zeros((4, 2)), "at least 3 sizes"),
        (np.zeros(5), "one row a seed"),
        (np.zeros((1, 5)), "at least 2 seeds"),
        (np.full((4, 5), np.nan), "complete curve"),
    ],
)
def test_what_has_no_peak_to_choose_is_refused(curves: np.ndarray, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        peak(curves)


def test_the_place_of_a_contrast_is_chosen_on_other_seeds() -> None:
    contrasts = np.random.default_rng(0).normal(size=(2000, 1, 6, 8))[:, 0]  # no contrast anywhere
    values = [largest(study)[1].mean() for study in contrasts]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    assert choosing(6).sum() == 3


def test_the_place_between_sizes_is_that_of_the_parabola_over_logarithms() -> None:
    sizes = np.geomspace(1, 100, 9)
    parabola = 40 - 3 * (np.log(sizes) - np.log(17.0)) ** 2  # its vertex is at 17 by construction
    assert peak_sizes(sizes, parabola[None], 0) == pytest.approx([17.0])


@pytest.mark.parametrize("shape", ["flat", "even", "early", "step"])
@pytest.mark.parametrize("margin", [0.0, 1.0])
def test_a_falling_curve_is_not_said_to_have_a_peak(shape: str, margin: float) -> None:
    rates = verdict_rates(
        peak_draw(6, falling(shape), 1.0, shared=2.0), Direction.GREATER, margin, num_draws=400, seed=3
    )
    assert rates.supported <= 0.05  # 0.025 designed; more than 20 of 400 has a chance below 1e-3 at that rate


def test_choosing_and_measuring_on_the_same_seeds_errs_more_often_than_designed() -> None:
    rates = verdict_rates(naive_peak_draw(10, falling("flat"), 1.0), Direction.GREATER, 0.0, num_draws=600, seed=1)
    assert rates.supported > 0.035


def test_a_peak_above_the_margin_is_rarely_refuted_and_a_high_one_is_seen() -> None:
    rates = verdict_rates(peak_draw(10, hump(8.0), 1.0), Direction.GREATER, 1.0, num_draws=200, seed=2)
    assert rates.refuted <= 0.05
    assert rates.supported > 0.8
