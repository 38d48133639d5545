"""Numbers as they are read, labels that do not cover each other, ticks that lie within the limits."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from basin.figures.labels import spread
from basin.figures.style import log_ticks, padded
from basin.figures.words import interval, note_lines, number, text_width, wrap


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (-1.5, "−1.5"),
        (0.00012, "1.2×10⁻⁴"),
        (1e-4, "10⁻⁴"),
        (0.001, "0.001"),
        (1234.0, "1230"),
        (1e6, "10⁶"),
        (math.inf, "∞"),
    ],
)
def test_number(value, text):
    assert number(value) == text


def parse(text: str) -> float:
    text = text.replace("−", "-")
    power = re.fullmatch(r"(?:(-?[\d.]+)×)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text)
    if power is None:
        return float(text)
    return float(f"{power[1] or 1}e{power[2].translate(str.maketrans('⁻⁰¹²³⁴⁵⁶⁷⁸⁹', '-0123456789'))}")


@given(st.floats(min_value=-1e300, max_value=1e300))
def test_a_number_is_right_to_three_digits(value):
    assert parse(number(value)) == pytest.approx(value, rel=0.00501, abs=1e-320)


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((0.5219, 0.2471, 0.7984), "0.52 (0.25 to 0.80)"),
        ((-3.0, -30.0, 24.0), "−3 (−30 to 24)"),
        ((2e-7, 1e-7, 3e-7), "2×10⁻⁷ (10⁻⁷ to 3×10⁻⁷)"),
        ((1.0, 1.0, 1.0), "1 (1 to 1)"),
        ((1.0, math.nan, 2.0), "1, no interval"),
    ],
)
def test_interval(ends, text):
    assert interval(*ends) == text


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8), st.floats(1, 12))
def test_labels_never_cover_each_other(wishes, height):
    places = sorted(spread(wishes, [height] * len(wishes), 0, 100))
    assert all(b - a >= height - 1e-9 for a, b in itertools.pairwise(places))
    assert places[0] >= height / 2 - 1e-9


def test_labels_stand_where_a_general_solver_puts_them():
    """SLSQP solves the quadratic programme without knowing of isotonic regression."""
    wishes, heights = np.array([10.0, 11.0, 12.0, 40.0, 41.0]), np.array([4.0, 8.0, 4.0, 4.0, 6.0])
    apart = [
        {"type": "ineq", "fun": lambda y, i=i: y[i + 1] - y[i] - (heights[i] + heights[i + 1]) / 2} for i in range(4)
    ]
    solved = optimize.minimize(lambda y: ((y - wishes) ** 2).sum(), wishes + np.arange(5) * 8, constraints=apart).x
    np.testing.assert_allclose(spread(wishes.tolist(), heights.tolist(), 0, 100), solved, atol=1e-4)


@given(st.floats(-8, 8), st.floats(0.05, 8))
def test_ticks_lie_within_the_limits_and_are_few(start, span):
    low, high = 10**start, 10 ** (start + span)
    ticks = log_ticks(low, high)
    assert all(low * 0.99 <= tick <= high * 1.01 for tick in ticks)
    assert len(ticks) <= 9


@given(st.lists(st.floats(-1e6, 1e6), max_size=5), st.booleans())
def test_limits_hold_every_value(values, log):
    low, high = padded(values, log=log)
    assert low < high
    assert all(low <= value <= high for value in values if value > 1e-300 or not log)


def test_text_is_broken_where_it_must():
    assert all(text_width(line) <= 100 for line in wrap("a few words that do not fit one line", 90))
    assert note_lines(["n = 8", "bar"], 500) == ["n = 8 · bar"]
