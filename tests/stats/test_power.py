"""Power, equivalence and proportions: against published tables and against simulation, which shares no formula."""

import numpy as np
import pytest
import scipy.stats

from basin.stats import (
    detectable_effect,
    is_equivalent,
    is_underpowered,
    mean,
    paired,
    proportion,
    sample,
    tost_p_value,
)
from basin.stats.power import noncentrality


def of_unit_spread(n):
    x = np.random.default_rng(n).standard_normal(n)
    return mean(sample((x - x.mean()) / x.std(ddof=1)))


@pytest.mark.parametrize(("effect", "n"), [(0.8, 15), (0.5, 34), (0.2, 199)])
def test_sample_sizes_of_cohens_table(effect, n):
    """Pairs needed for 80 % power at 0.05, two-sided, as tables and G*Power give them."""
    assert detectable_effect(of_unit_spread(n), level=0.95) <= effect
    assert detectable_effect(of_unit_spread(n - 1), level=0.95) > effect


@pytest.mark.parametrize(("n", "sds"), [(3, 3.26), (5, 1.68), (10, 1.00)])
def test_detectable_effect_of_few_seeds(n, sds):
    assert detectable_effect(of_unit_spread(n), level=0.95) == pytest.approx(sds, abs=0.005)


@pytest.mark.parametrize(("n", "level"), [(3, 0.95), (5, 0.995), (8, 0.9)])
def test_the_detectable_effect_is_detected_four_times_in_five(n, level):
    effect = detectable_effect(of_unit_spread(n), level=level)
    draws = np.random.default_rng(0).standard_normal((3000, n)) + effect
    hits = [mean(sample(row)).interval(level)[0] > 0 for row in draws]
    assert np.mean(hits) == pytest.approx(0.8, abs=3.5 * np.sqrt(0.16 / 3000))


@pytest.mark.parametrize(("n", "level"), [(3, 0.95), (8, 0.95)])
def test_the_equivalence_margin_holds_four_times_in_five(n, level):
    margin = detectable_effect(of_unit_spread(n), level=level, same=True)
    draws = np.random.default_rng(0).standard_normal((3000, n))
    hits = [is_equivalent(mean(sample(row)), margin, level=level) for row in draws]
    assert np.mean(hits) == pytest.approx(0.8, abs=3.5 * np.sqrt(0.16 / 3000))


def test_without_spread_nothing_can_be_planned():
    assert detectable_effect(mean(sample(np.ones(5))), level=0.95) is None
    assert detectable_effect(mean(sample(np.ones(1))), level=0.95) is None
    assert not is_underpowered(None, 0.1)


@pytest.mark.parametrize("level", [0.9, 0.999, 0.9999])
@pytest.mark.parametrize("n", [2, 3, 20, 200])
def test_the_solver_is_right_at_every_level(n, level):
    """Drawn as (Z + delta) / s, which needs no noncentral t; SciPy's own fails for df = 1 at large arguments."""
    rng = np.random.default_rng(n)
    spread = np.sqrt(rng.chisquare(n - 1, 40_000) / (n - 1))
    t = scipy.stats.t.isf((1 - level) / 2, n - 1)
    shift = detectable_effect(of_unit_spread(n), level=level) * np.sqrt(n)
    power = np.mean(rng.standard_normal(40_000) + shift > t * spread)
    assert power == pytest.approx(0.8, abs=3.5 * np.sqrt(0.16 / 40_000))


@pytest.mark.parametrize(("t", "df"), [(-12.7, 1), (-3.0, 4), (0.0, 2), (2.5, 7), (400.0, 4)])
@pytest.mark.parametrize("probability", [0.025, 0.5, 0.975])
def test_noncentrality_inverts_the_distribution(t, df, probability):
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal(40_000) + noncentrality(t, df, probability)
    spread = np.sqrt(rng.chisquare(df, 40_000) / df)
    assert np.mean(drawn <= t * spread) == pytest.approx(probability, abs=3.5 * np.sqrt(0.25 / 40_000))


def test_tost_by_hand():
    # mean 0.5, s / sqrt(n) = 1 / sqrt(3); against 5.5: t = -5 sqrt(3) = -8.660, and the one-sided p of t(2) is
    # (1 - t / sqrt(2 + t^2)) / 2 in closed form.
    x = mean(sample(np.array([-0.5, 0.5, 1.5])))
    t = 5 * np.sqrt(3)
    assert tost_p_value(x, 5.5) == pytest.approx((1 - t / np.sqrt(2 + t**2)) / 2)


@pytest.mark.parametrize("margin", [0.05, 0.3, 1.0, 3.0])
def test_tost_at_alpha_is_the_interval_at_one_minus_two_alpha(margin):
    rng = np.random.default_rng(3)
    for shift in (-2.0, 0.0, 0.2, 5.0):
        x = paired(rng.standard_normal(6), rng.standard_normal(6) + shift)
        assert (tost_p_value(x, margin) < 0.025) == is_equivalent(x, margin, level=0.95)


def test_equivalence_of_one_pair_is_unknown():
    one = mean(sample(np.ones(1)))
    assert tost_p_value(one, 1.0) is None
    assert not is_equivalent(one, 1.0)
    with pytest.raises(ValueError, match="positive margin"):
        tost_p_value(one, 0.0)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_newcombes_table(count, n, low, high):
    """Newcombe, Statistics in Medicine 17 (1998), table I, the score method without continuity correction."""
    rate = proportion(count, n)
    assert (rate.low, rate.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_covers():
    rng, p, n, num_draws = np.random.default_rng(0), 0.05, 360, 1500
    rates = [proportion(int(k), n) for k in rng.binomial(n, p, num_draws)]
    assert np.mean([rate.low <= p <= rate.high for rate in rates]) > 0.93


@pytest.mark.parametrize("arguments", [(-1, 10), (11, 10), (0, 0)])
def test_impossible_counts_are_refused(arguments):
    with pytest.raises(ValueError, match="expected 0 <= count <= n"):
        proportion(*arguments)
