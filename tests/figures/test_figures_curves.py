"""Means and bands against SciPy's own interval, and what is said of runs that are not in them."""

import numpy as np
import pytest
from figure_examples import draw_curves
from scipy import stats

from basin.figures import curves
from basin.figures.band import band


def test_band_is_students_interval():
    """SciPy's `ttest_1samp` computes the interval by another road."""
    values = np.random.default_rng(0).normal(size=(6, 4))
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    result = band(values)
    np.testing.assert_allclose([result.low, result.high], expected)


def test_a_logarithmic_band_is_the_exponential_of_the_band_of_the_logarithms():
    values = np.exp(np.random.default_rng(1).normal(size=(6, 4)))
    np.testing.assert_allclose(np.log(band(values, log=True).low), band(np.log(values)).low)


def test_a_diverged_run_is_in_no_mean_from_the_first_step_on():
    figure = draw_curves()
    rows = [
        row for row in zip(*(figure.data[key] for key in ("arm", "n", "mean")), strict=True) if row[0] == "batch 143"
    ]
    assert rows[0] == ("batch 143", 2, 61.0)
    assert "batch 143: 1 of 3 runs diverged (×) and is in no mean." in figure.caption


def test_a_stopped_run_ends_the_mean():
    values = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, np.nan]])
    curve = curves.Curve("a", np.arange(3.0), values, outcomes=("completed", "stopped"))
    figure = curves.draw("f", "", "", [curves.Panel("p", (curve,))])
    assert figure.data["mean"] == [3.0, 2.0, None]
    assert figure.data["n"] == [2, 2, 2]
    assert "ends where the first of its runs was stopped" in figure.caption


def test_one_seed_has_no_interval_and_says_so():
    curve = curves.Curve("a", np.arange(3.0), np.ones((1, 3)))
    figure = curves.draw("f", "", "", [curves.Panel("p", (curve,))])
    assert figure.data["low"] == [None] * 3
    assert figure.caption == "Lines: 1 seed, hence no interval."


def test_all_runs_diverged():
    curve = curves.Curve("a", np.arange(1.0, 4.0), np.full((2, 3), np.nan))
    figure = curves.draw("f", "", "", [curves.Panel("p", (curve,))], log_y=True)
    assert "every run diverged" in figure.svg
    assert "2 of 2 runs diverged (×) and are in no mean" in figure.caption


@pytest.mark.parametrize("panels", [[], [curves.Panel("p", ())]], ids=["no panel", "empty panel"])
def test_nothing_to_show(panels):
    assert curves.draw("f", "", "", panels).caption == "No runs to show."


def test_zero_has_no_place_on_a_logarithmic_axis():
    curve = curves.Curve("a", np.array([0.0, 1.0]), np.array([[1.0, 0.0], [1.0, 2.0]]))
    figure = curves.draw("f", "", "", [curves.Panel("p", (curve,))], log_x=True, log_y=True)
    assert "The point at 0 epochs has no place" in figure.caption
    assert "Where a value is 0 or less" in figure.caption


def test_labels_units_and_dashes():
    x = np.array([1.0, 2.0])
    pair = tuple(curves.Curve("batch 16", x, np.ones((2, 2)) * v, split=s) for v, s in ((5.0, "test"), (1.0, "train")))
    figure = curves.draw("f", "", "", [curves.Panel("digits", pair)], x_label="epochs", y_label="error (%)")
    for text in (">batch 16<", ">epochs<", ">error (%)<", ">digits<", ">train<"):
        assert text in figure.svg
    assert figure.svg.count(">batch 16<") == 1
    assert "stroke-dasharray" in figure.svg


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"expected values of shape \(seeds, 3\) for 'a', got \(2, 2\)"):
        curves.Curve("a", np.arange(3.0), np.ones((2, 2)))


def test_outcomes_of_another_number_are_refused():
    with pytest.raises(ValueError, match="an outcome for each of 2 seeds, got 1"):
        curves.Curve("a", np.arange(2.0), np.ones((2, 2)), outcomes=("completed",)).band(log=False)
