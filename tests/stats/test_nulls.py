"""Error rates of the rules where the truth is known: simulation is the oracle, the rules' own code is what is tested.

Each rate is of 4 000 seeded draws unless said otherwise; the allowance is 3.3 binomial standard errors.
"""

import io
from contextlib import redirect_stdout

import numpy as np
import pytest

from basin.stats import Direction, Scale, mean, sample
from basin.stats.nulls import (
    coverage,
    dip,
    fall_chosen_in_run,
    fall_draw,
    main,
    naive_fall,
    normal,
    stopping_draw,
    verdict_rates,
)

NUM_DRAWS = 4000


def allowance(rate, num_draws=NUM_DRAWS):
    return 3.3 * np.sqrt(rate * (1 - rate) / num_draws)


@pytest.mark.parametrize("n", [3, 5, 8])
@pytest.mark.parametrize("level", [0.95, 0.995])
def test_intervals_cover(n, level):
    assert coverage(n, level, num_draws=NUM_DRAWS) == pytest.approx(level, abs=allowance(level))


def test_ratios_need_logarithms():
    """Lognormal values of sd 1 (in logarithms), n = 5: the mean is missed on the natural scale, the median is not."""
    draws = np.exp(np.random.default_rng(0).standard_normal((NUM_DRAWS, 5)))
    natural = [mean(sample(row)).interval(0.95) for row in draws]
    logarithmic = [mean(sample(row, scale=Scale.LOG)).interval(0.95) for row in draws]
    assert np.mean([low <= np.exp(0.5) <= high for low, high in natural]) < 0.85
    assert np.mean([low <= 0 <= high for low, high in logarithmic]) == pytest.approx(0.95, abs=allowance(0.95))


@pytest.mark.parametrize("n", [3, 8])
@pytest.mark.parametrize(
    ("direction", "truth"),
    [(Direction.GREATER, 1.0), (Direction.LESS, -1.0), (Direction.AT_MOST, 1.0), (Direction.AT_LEAST, -1.0)],
)
def test_at_the_border_either_verdict_comes_once_in_forty(n, direction, truth):
    rates = verdict_rates(normal(n, [truth]), direction, 1.0, num_draws=NUM_DRAWS)
    assert rates.supported == pytest.approx(0.025, abs=allowance(0.025))
    assert rates.refuted == pytest.approx(0.025, abs=allowance(0.025))


@pytest.mark.parametrize("truth", [-4.0, 4.0])
def test_same_at_its_border(truth):
    rates = verdict_rates(normal(5, [truth]), Direction.SAME, 4.0, num_draws=NUM_DRAWS)
    assert rates.supported == pytest.approx(0.025, abs=allowance(0.025))
    assert rates.refuted == pytest.approx(0.025, abs=allowance(0.025))


def test_same_refutes_a_truth_within_a_tiny_effect_at_most_once_in_twenty():
    rates = verdict_rates(normal(5, [0.0]), Direction.SAME, 0.01, num_draws=NUM_DRAWS)
    assert rates.refuted <= 0.05 + allowance(0.05)
    assert rates.supported == 0.0


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_a_conjunction_with_one_part_at_its_border_is_falsely_supported_once_in_forty(correlation):
    draw = normal(5, [1.0, 9.0, 9.0, 9.0], correlation)
    rates = verdict_rates(draw, Direction.GREATER, 1.0, num_draws=2000)
    assert rates.supported == pytest.approx(0.025, abs=allowance(0.025, 2000))


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_a_true_conjunction_is_falsely_refuted_at_most_once_in_forty(correlation):
    rates = verdict_rates(normal(5, [1.0] * 4, correlation), Direction.GREATER, 1.0, num_draws=2000)
    assert rates.refuted <= 0.025 + allowance(0.025, 2000)
    assert rates.supported < 0.025


def test_without_its_correction_a_conjunction_would_be_refuted_too_often():
    rates = verdict_rates(normal(5, [1.0] * 4), Direction.GREATER, 1.0, alpha=4 * 0.05, num_draws=2000)
    assert rates.refuted > 0.07


@pytest.mark.parametrize("noise", [0.0, 2.0])
@pytest.mark.parametrize("n", [5, 8])
def test_flat_noisy_curves_rarely_peak_and_fall(n, noise):
    rates = verdict_rates(fall_draw(n, noise), Direction.AT_MOST, 0.0, num_draws=2000)
    assert rates.refuted <= 0.032 + allowance(0.032, 2000)
    assert rates.supported <= 0.032 + allowance(0.032, 2000)


def test_last_minus_best_calls_flat_curves_over_trained():
    rates = verdict_rates(fall_draw(5, 0.0, naive_fall), Direction.AT_MOST, 0.0, num_draws=300)
    assert rates.refuted > 0.8


def test_choosing_within_the_run_calls_noisy_training_over_trained():
    quiet = verdict_rates(fall_draw(5, 0.0, fall_chosen_in_run), Direction.AT_MOST, 0.0, num_draws=600)
    noisy = verdict_rates(fall_draw(5, 2.0, fall_chosen_in_run), Direction.AT_MOST, 0.0, num_draws=600)
    assert quiet.refuted < 0.06
    assert noisy.refuted > 0.5


def test_a_plain_peak_and_fall_is_found():
    rates = verdict_rates(fall_draw(5, 1.0, shape=dip(12.0)), Direction.AT_MOST, 0.0, num_draws=300)
    assert rates.refuted > 0.95


@pytest.mark.parametrize("n", [5, 8])
def test_early_stopping_at_its_border(n):
    rates = verdict_rates(stopping_draw(n), Direction.GREATER, 0.0, num_draws=2000)
    assert rates.supported == pytest.approx(0.025, abs=allowance(0.025, 2000))
    assert rates.refuted == pytest.approx(0.025, abs=allowance(0.025, 2000))


def test_zeros_on_a_grid_seldom_hide_a_step():
    """Counts with a true mean of 1.2 steps: all n zero, and so falsely below 1.2 steps, less often than 0.025."""
    rng = np.random.default_rng(0)
    n, steps, misses = 3, 1.2, 0
    for counts in rng.poisson(steps, (NUM_DRAWS, n)):
        if not counts.any():
            misses += mean(sample(counts.astype(float), resolution=1.0)).interval(0.95)[1] < steps
    assert misses / NUM_DRAWS <= 0.025


def test_the_table_is_printed_in_full():
    printed = io.StringIO()
    with redirect_stdout(printed):
        main(num_draws=2)
    rows = printed.getvalue().splitlines()
    assert rows[0].startswith("| what is simulated")
    assert len(rows) == 2 + 15 + 4 + 12 + 6 + 24 + 4
    assert all(row.count("|") == 6 for row in rows)
