"""Choosing rates: what is judged has no say in what is chosen."""

import numpy as np
import pytest

from basin.stats import Scale
from basin.studies.tuning import grid, leave_one_out, on_first, on_halves


@pytest.fixture
def costs() -> np.ndarray:
    return np.random.default_rng(0).uniform(1, 9, (5, 8))


def test_the_judged_half_has_no_say(costs: np.ndarray) -> None:
    other = costs.copy()
    other[:, 4:] = np.random.default_rng(1).uniform(1e-3, 1e3, (5, 4))
    assert (on_halves(other).index == on_halves(costs).index).all()
    assert (on_halves(other).values == other[on_halves(costs).index[0], 4:]).all()


def test_the_mean_is_taken_on_the_scale_asked_for() -> None:
    uneven, even = [1.0, 8.0, 0.0], [3.0, 4.0, 0.0]  # sqrt(1 * 8) < sqrt(3 * 4), but 1 + 8 > 3 + 4
    assert on_first(np.array([uneven, even]), 2).index[0] == 0
    assert on_first(np.array([uneven, even]), 2, scale=Scale.NATURAL).index[0] == 1


def test_a_seed_has_no_say_in_its_own_rate(costs: np.ndarray) -> None:
    for seed in range(8):
        other = costs.copy()
        other[:, seed] = other[::-1, seed] * 1e3
        assert leave_one_out(other).index[seed] == leave_one_out(costs).index[seed]


def test_the_rate_that_fails_least_often_wins_and_then_the_fastest() -> None:
    often, slow, fast = [np.inf, 1.0, 1.0, 1.0], [9.0] * 4, [8.0] * 4
    assert on_halves(np.array([often, slow, fast])).index[0] == 2
    assert on_halves(np.array([often, slow, often])).index[0] == 1


def test_a_rate_at_the_edge_is_called_one() -> None:
    falling = np.linspace(9, 1, 3)[:, None] * np.ones((3, 4))
    assert on_halves(falling).at_edge
    assert not on_halves(np.abs(falling - 5) + 1).at_edge


def test_a_grid_holds_its_ends() -> None:
    rates = grid(1e-4, 10.0, 5)
    assert (rates[0], rates[-1], len(rates)) == (1e-4, 10.0, 26)
