"""A claim that something is so somewhere: one place may support it, only all may refute it."""

from __future__ import annotations

import numpy as np
import pytest

from basin.stats import Direction, Verdict, choosing, largest, mean, rule_existence, sample
from basin.stats.estimate import Estimate

MARGIN = 1.0


def one(value: float, spread: float = 0.1, n: int = 8) -> Estimate:
    deviations = np.resize([-spread, spread], n)
    return mean(sample(value + deviations))


def ruling(chosen: Estimate, *everywhere: Estimate):
    return rule_existence([chosen], [[place] for place in everywhere], Direction.GREATER, MARGIN)


def test_the_chosen_place_alone_can_support() -> None:
    assert ruling(one(3.0), one(3.0), one(-2.0)).verdict is Verdict.SUPPORTED


def test_one_place_that_is_not_refuted_keeps_the_claim_open() -> None:
    assert ruling(one(-2.0), one(-2.0), one(1.0, 2.0)).verdict is Verdict.INCONCLUSIVE
    assert ruling(one(-2.0), one(-2.0), one(3.0)).verdict is Verdict.INCONCLUSIVE  # it was not chosen, so it counts not


def test_all_places_together_refute_and_the_nearest_is_shown() -> None:
    found = ruling(one(0.0), one(-5.0), one(0.5), one(0.0))
    assert found.verdict is Verdict.REFUTED
    assert found.interval == one(0.5).interval(0.95)


def test_a_place_of_several_readings_is_refuted_by_any_of_them() -> None:
    place = [one(3.0), one(-3.0)]
    assert rule_existence([one(0.0)], [place], Direction.GREATER, MARGIN).verdict is Verdict.REFUTED


def test_no_place_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="expected readings at every place"):
        rule_existence([one(0.0)], [], Direction.GREATER, MARGIN)


@pytest.mark.parametrize("height", [1.0, 2.0])
def test_a_true_claim_is_refuted_no_more_often_than_designed(height: float) -> None:
    """Ten places, an effect of one or two margins at one of them; the rate is 0.025 at most by design."""
    rng, num_seeds, refuted = np.random.default_rng(0), 8, {"everywhere": 0, "chosen": 0}
    truth = np.where(np.arange(10) == 4, height, 0.0)
    for _ in range(400):
        contrasts = truth + 2.0 * rng.standard_normal((num_seeds, 10))
        chosen = mean(sample(largest(contrasts)[1]))
        places = [[mean(sample(column))] for column in contrasts.T]
        found = rule_existence([chosen], places, Direction.GREATER, MARGIN)
        refuted["everywhere"] += found.verdict is Verdict.REFUTED
        interval = chosen.interval(0.95)
        assert interval is not None
        refuted["chosen"] += interval[1] < MARGIN
    assert choosing(num_seeds).sum() == num_seeds // 2
    assert refuted["everywhere"] / 400 <= 0.03
    assert refuted["chosen"] > refuted["everywhere"]  # what a rule without the other places would do
