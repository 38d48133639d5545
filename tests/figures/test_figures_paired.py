"""The mean difference against SciPy's paired test, and pairs that are not complete."""

import numpy as np
import pytest
from figure_examples import draw_paired
from scipy import stats

from basin.figures import paired

ARMS = {"arms": ("a", "b"), "label": "error (%)"}


def draw(first, second, **options):
    pairs = paired.Pairs(
        "p", np.asarray(first, dtype=float), np.asarray(second, dtype=float), **options.pop("pairs", {})
    )
    return paired.draw("f", "", "", [pairs], **ARMS | options)


def test_interval_is_that_of_the_paired_test():
    first, second = np.random.default_rng(0).normal(size=(2, 7))
    low, high = stats.ttest_rel(second, first).confidence_interval(0.95)
    assert f"({low:.1f} to {high:.1f})".replace("-", "−") in draw(first, second, level=0.95).svg


def test_an_interval_of_the_analysis_is_shown_instead():
    assert "+9.0 (8.0 to 10.0), n = 2" in draw([1, 2], [2, 3], pairs={"interval": (9.0, 8.0, 10.0)}).svg.replace(
        "9 (8", "9.0 (8"
    )


def test_a_factor_is_the_ratio_of_geometric_means():
    assert "×2, no interval, n = 1" in draw([3], [6], log=True).svg
    assert draw([1, 2], [2, 8], log=True).data["factor"] == [2.0, 4.0]


def test_incomplete_pairs_are_left_out_and_counted():
    figure = draw_paired()
    assert "digits: 1 of 4 pairs is left out" in figure.caption
    assert "n = 3" in figure.svg


def test_one_pair_has_no_interval():
    assert "+1, no interval, n = 1" in draw([1], [2]).svg


@pytest.mark.parametrize(("first", "second"), [([], []), ([np.nan], [1.0]), ([np.inf], [1.0])])
def test_no_complete_pair(first, second):
    assert "no complete pair" in draw(first, second).svg
    assert "n = 0: no difference to show" in draw(first, second).svg


def test_equal_arms_do_not_break_the_axis():
    assert "0 (0 to 0), n = 3" in draw([1, 1, 1], [1, 1, 1]).svg


def test_rows_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="two rows of equal length"):
        draw([1, 2], [1])
