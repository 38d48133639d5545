"""The rule of verdicts: its table, its invariances, and conjunctions."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from basin.stats import Direction, Verdict, conjunction, decide, mean, paired, rule, sample
from basin.stats.verdict import false_verdict_bound

SUPPORTED, REFUTED, INCONCLUSIVE = Verdict.SUPPORTED, Verdict.REFUTED, Verdict.INCONCLUSIVE
STATISTICAL = [direction for direction in Direction if direction is not Direction.FORMULA]
MIRROR = {
    Direction.GREATER: Direction.LESS,
    Direction.LESS: Direction.GREATER,
    Direction.SAME: Direction.SAME,
    Direction.AT_MOST: Direction.AT_LEAST,
    Direction.AT_LEAST: Direction.AT_MOST,
}
OPPOSITE = {SUPPORTED: REFUTED, REFUTED: SUPPORTED, INCONCLUSIVE: INCONCLUSIVE}

numbers = st.floats(-10, 10, allow_subnormal=False)
intervals = st.tuples(numbers, numbers).map(sorted).map(tuple)
directions = st.sampled_from(STATISTICAL)
effects = st.floats(0, 5, allow_subnormal=False)
arms = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("interval", "greater", "less", "same", "at_most", "at_least"),
    [
        ((1.1, 2.0), SUPPORTED, REFUTED, REFUTED, REFUTED, SUPPORTED),
        ((0.9, 2.0), INCONCLUSIVE, REFUTED, INCONCLUSIVE, INCONCLUSIVE, SUPPORTED),
        ((-0.5, 0.5), REFUTED, REFUTED, SUPPORTED, SUPPORTED, SUPPORTED),
        ((-1.5, 0.5), REFUTED, INCONCLUSIVE, INCONCLUSIVE, SUPPORTED, INCONCLUSIVE),
        ((-2.0, -1.1), REFUTED, SUPPORTED, REFUTED, SUPPORTED, REFUTED),
        ((-9.0, 9.0), INCONCLUSIVE, INCONCLUSIVE, INCONCLUSIVE, INCONCLUSIVE, INCONCLUSIVE),
        ((1.0, 2.0), INCONCLUSIVE, REFUTED, INCONCLUSIVE, INCONCLUSIVE, SUPPORTED),
        (None, INCONCLUSIVE, INCONCLUSIVE, INCONCLUSIVE, INCONCLUSIVE, INCONCLUSIVE),
    ],
)
def test_the_table_for_an_effect_of_one(interval, greater, less, same, at_most, at_least):
    found = [decide(interval, Direction(name), 1.0) for name in ("greater", "less", "same", "at_most", "at_least")]
    assert found == [greater, less, same, at_most, at_least]


@given(intervals, directions, effects)
def test_swapping_the_arms_mirrors_the_direction(interval, direction, effect):
    mirrored = (-interval[1], -interval[0])
    assert decide(interval, direction, effect) is decide(mirrored, MIRROR[direction], effect)


@given(intervals, directions, effects, st.sampled_from([2.0**k for k in range(-8, 9)]))
def test_the_unit_does_not_matter(interval, direction, effect, unit):
    scaled = (interval[0] * unit, interval[1] * unit)
    assert decide(interval, direction, effect) is decide(scaled, direction, effect * unit)


@given(intervals, effects)
def test_at_most_is_the_denial_of_greater(interval, effect):
    assert decide(interval, Direction.AT_MOST, effect) is OPPOSITE[decide(interval, Direction.GREATER, effect)]


@given(intervals, directions, effects, st.floats(0, 5))
def test_a_wider_interval_never_decides_what_a_narrower_left_open(interval, direction, effect, more):
    wide = decide((interval[0] - more, interval[1] + more), direction, effect)
    assert wide in (INCONCLUSIVE, decide(interval, direction, effect))


@given(arms, directions, st.integers(0, 20))
def test_swapping_the_arms_of_the_data_mirrors_the_verdict(pairs, direction, effect):
    a, b = np.array(pairs, float).T
    forward, backward = rule([paired(a, b)], direction, effect), rule([paired(b, a)], MIRROR[direction], effect)
    assert forward.verdict is backward.verdict
    assert forward.p_value == pytest.approx(backward.p_value) if forward.p_value is not None else True


@given(st.lists(arms, min_size=1, max_size=4), directions, st.integers(0, 20))
def test_verdict_interval_and_p_value_agree(readings, direction, effect):
    ruling = rule([paired(*np.array(pairs, float).T) for pairs in readings], direction, effect, alpha=0.05)
    assume(ruling.p_value is None or abs(ruling.p_value - 0.05) > 1e-9)
    if ruling.p_value is not None:
        assert (ruling.verdict is not INCONCLUSIVE) == (ruling.p_value < 0.05)
        assert decide(ruling.interval, direction, effect) is ruling.verdict


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([SUPPORTED, SUPPORTED], SUPPORTED),
        ([SUPPORTED, INCONCLUSIVE], INCONCLUSIVE),
        ([SUPPORTED, REFUTED], REFUTED),
        ([INCONCLUSIVE, REFUTED], REFUTED),
        ([REFUTED, REFUTED], REFUTED),
    ],
)
def test_all_of_these(parts, whole):
    assert conjunction(parts) is whole


def test_a_conjunction_supports_at_the_level_of_one_and_refutes_at_a_corrected_one():
    # p of the mean against 0 is between 0.0125 and 0.05: enough to support alone, not for one of four to refute
    up = mean(sample(np.array([1.0, 2.0, 3.0, 0.2, 3.4])))
    down = mean(sample(-np.array([1.0, 2.0, 3.0, 0.2, 3.4])))
    assert 0.0125 < up.p_value() < 0.05
    assert rule([up] * 4, Direction.GREATER, 0.0).verdict is SUPPORTED
    assert rule([down], Direction.GREATER, 0.0).verdict is REFUTED
    assert rule([up, up, up, down], Direction.GREATER, 0.0).verdict is INCONCLUSIVE


def test_the_weakest_reading_is_shown():
    strong, weak = mean(sample(np.array([9.0, 9.1, 9.2]))), mean(sample(np.array([1.0, 3.0, 2.0])))
    against = mean(sample(np.array([-9.0, -9.1, -9.2])))
    untested = mean(sample(np.array([5.0])))
    assert rule([strong, weak], Direction.GREATER, 0.0).deciding == 1
    assert rule([strong, weak, against, untested], Direction.GREATER, 0.0).deciding == 2
    assert rule([strong, untested], Direction.GREATER, 0.0).deciding == 1
    assert rule([strong, untested], Direction.GREATER, 0.0).verdict is INCONCLUSIVE


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: decide((0.0, 1.0), Direction.GREATER, -0.1), "0 or more"),
        (lambda: decide((0.0, 1.0), Direction.FORMULA, 0.1), "decide_formula"),
        (lambda: decide((1.0, 0.0), Direction.SAME, 0.1), "low <= high"),
        (lambda: rule([], Direction.SAME, 0.1), "at least one reading"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_formula_has_no_error_rate():
    assert false_verdict_bound(Direction.FORMULA, 0.05) == 0.0
