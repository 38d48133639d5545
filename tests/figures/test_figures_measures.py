"""Sharpness with zeros and gaps, claims in units of their smallest effect, contact sheets pixel by pixel."""

import base64
import io
import math
import re

import numpy as np
import pytest
from figure_examples import draw_forest, draw_samples, draw_sharpness
from PIL import Image

from basin.figures import forest, samples, sharpness
from basin.stats.verdict import Direction, decide


def test_a_value_of_zero_is_counted_and_gives_no_mean():
    caption = draw_sharpness().caption
    assert "1 value of ten iterations at batch size 16 (full space, ε = 10⁻³) is 0 or less" in caption
    assert "1 of 4 values of ten iterations (full space, ε = 10⁻³) is missing." in caption


def test_sharpness_of_nothing():
    empty = sharpness.Series("best", (16, 32), np.full((2, 3), np.nan))
    assert "nothing measured" in sharpness.draw("f", "", "", [sharpness.Panel("p", (empty,))]).svg
    assert sharpness.draw("f", "", "", []).caption == "Nothing was measured."


def test_sharpness_at_one_batch_size_and_one_seed():
    one = sharpness.Series("best", (16,), np.array([[2.0]]))
    assert (
        "1 seed a batch size; hence no interval" in sharpness.draw("f", "", "", [sharpness.Panel("p", (one,))]).caption
    )


@pytest.mark.parametrize(
    ("row", "scaled"),
    [
        ({"estimate": 1.0, "smallest_effect": 0.5}, 2.0),
        ({"estimate": -1.0, "smallest_effect": 0.5, "direction": "less"}, 2.0),
        ({"estimate": 1.44, "smallest_effect": 1.2, "unit": "factor"}, 2.0),
        ({"estimate": 1 / 1.2, "smallest_effect": 1.2, "unit": "factor", "direction": "less"}, 1.0),
        ({"estimate": 1 / 1.2, "smallest_effect": 1 / 1.2, "unit": "factor", "direction": "less"}, 1.0),
        ({"estimate": 1.0, "smallest_effect": 0.5, "direction": "at_most"}, -2.0),
        ({"estimate": 1.0, "smallest_effect": 0.5, "direction": "at_least"}, 2.0),
        ({"estimate": 1.0, "smallest_effect": 0.0}, math.nan),
        ({"estimate": 1.0, "smallest_effect": 0.0, "low": 0.5, "high": 1.5}, 2.0),
        ({"estimate": -1.0, "smallest_effect": 0.0, "low": -2.0, "high": 2.0, "direction": "less"}, 0.5),
        ({"estimate": 2.0, "smallest_effect": 1.0, "low": 1.0, "high": 4.0, "unit": "factor"}, 1.0),
        ({"estimate": 1.0, "smallest_effect": 0.0, "low": 0.5, "high": 1.5, "direction": "same"}, math.nan),
        ({"estimate": 1.0}, math.nan),
        ({"estimate": -1.0, "smallest_effect": 1.2, "unit": "factor"}, math.nan),
    ],
)
def test_effects_in_units_of_the_smallest(row, scaled):
    claim = forest.Row(**{"label": "", "low": None, "high": None} | row)
    assert claim.scaled(claim.estimate) == pytest.approx(scaled, nan_ok=True)


@pytest.mark.parametrize("direction", ["greater", "less", "same", "at_most", "at_least"])
@pytest.mark.parametrize("estimate", [-1.5, -0.5, 0.5, 1.5])
@pytest.mark.parametrize("smallest", [0.0, 1.0])
def test_the_shaded_region_is_where_the_rule_of_verdicts_says_supported(direction, estimate, smallest):
    """The rule itself decides on the original scale, without multiples or signs."""
    ends = (estimate - 0.1, estimate + 0.1)
    row = forest.Row("", estimate, *ends, smallest_effect=smallest, direction=direction)
    low, high = row.region
    supported = decide(ends, Direction(direction), smallest) == "supported"
    assert all(low < row.scaled(end) < high for end in ends) == supported


def test_claims_for_which_any_effect_matters_have_an_axis_of_their_own():
    common = {"smallest_effect": 0.0, "verdict": "supported"}
    small, large = (forest.Row(f"of {size}", size, 0.5 * size, 1.5 * size, **common) for size in (1e-6, 1e6))
    figure = forest.draw("f", "", "", [forest.Row("other", 2.0, 1.5, 2.5, smallest_effect=1.0), small, large])
    assert figure.svg.count("claimed side →") == 2
    assert "1 is half their thin interval" in figure.caption
    assert "Not drawn" not in figure.caption
    assert small.scaled(small.low) == pytest.approx(large.scaled(large.low))  # whatever their units


def test_formulas_get_no_row():
    rows = [forest.Row("gradient", 1e-16, None, None, smallest_effect=1e-12, direction="formula")]
    figure = forest.draw("f", "", "", [*rows, forest.Row("other", 2.0, 1.5, 2.5, smallest_effect=1.0)])
    assert "gradient" not in figure.svg
    assert "Formulas, which are judged over cases, are in the table of claims." in figure.caption
    assert forest.draw("f", "", "", rows).caption.endswith("No claims with an interval to show.")


def test_verdicts_have_a_word_and_a_mark():
    figure = draw_forest()
    for text in ("✓ supported", "? inconclusive", "✕ refuted", "– not tested"):
        assert text in figure.svg
        assert text in figure.narrow
    assert "Not drawn, for want of an interval or of a smallest effect: absent." in figure.caption


def test_large_effects_bend_the_axis():
    huge = forest.Row("h", 300.0, 200.0, 400.0, smallest_effect=1.0, verdict="supported")
    assert "Where an axis reaches beyond 8 it is logarithmic from 2 on." in forest.draw("f", "", "", [huge]).caption


def test_rows_come_from_a_studys_record():
    claim = {
        "id": "large-is-worse",
        "estimate": 1.0,
        "ci_low": 0.5,
        "ci_high": 1.5,
        "verdict": "supported",
        "n": 8,
        "smallest_effect": 0.5,
    }
    assert forest.rows([claim]) == [
        forest.Row("large is worse", 1.0, 0.5, 1.5, smallest_effect=0.5, verdict="supported", n=8)
    ]


def test_logarithms_become_factors():
    claim = {"id": "a", "scale": "log10", "unit": "log10", "estimate": 2.0, "ci_low": 1.0, "ci_high": 3.0}
    row = forest.rows([claim | {"smallest_effect": 1.0}])[0]
    assert (row.unit, row.estimate, row.low, row.smallest_effect) == ("factor", 100.0, 10.0, 10.0)
    assert row.scaled(row.estimate) == pytest.approx(2.0)


def test_no_claims():
    assert forest.draw("f", "", "", []).caption == "No claims to show."


def test_the_sheet_holds_the_first_of_each_class_pixel_by_pixel():
    images = np.arange(4 * 4, dtype=float).reshape(4, 2, 2)  # the fourth is not shown: the scale ends at 11
    sheet = samples.Sheet("s", images, np.array([1, 0, 1, 1]))
    picture = samples.mosaic(sheet, rows=2)
    assert picture.shape == (5, 5, 4)
    grey = np.rint(images / 11 * 255)
    np.testing.assert_array_equal(picture[:2, :2, 0], grey[1])
    np.testing.assert_array_equal(picture[:2, 3:, 0], grey[0])
    np.testing.assert_array_equal(picture[3:, 3:, 0], grey[2])
    assert not picture[3:, :2, 3].any()


def test_the_embedded_picture_is_the_sheet():
    """Pillow decodes what matplotlib encoded."""
    data = re.search(r"data:image/png;base64,([^\"]+)", draw_samples().svg)
    assert data is not None
    assert Image.open(io.BytesIO(base64.b64decode(data.group(1)))).size == (17, 17)


def test_colour_images_keep_their_channels():
    images = np.zeros((1, 2, 2, 3))
    images[..., 0] = 1
    assert samples.mosaic(samples.Sheet("s", images, np.array([0])), 1)[0, 0].tolist() == [255, 0, 0, 255]


def test_images_that_are_not_finite_are_left_out_and_counted():
    images = np.zeros((2, 2, 2))
    images[0, 0, 0] = np.nan
    figure = samples.draw("s", "", "", [samples.Sheet("s", images, np.array([0, 0]))])
    assert figure.data["example"] == [1]
    assert "1 with values that are not finite are left out" in figure.caption


def test_no_images():
    empty = samples.Sheet("s", np.zeros((0, 2, 2)), np.zeros(0, dtype=int))
    assert "the first 0 examples" in samples.draw("s", "", "", [empty]).caption
    assert samples.draw("s", "", "", []).caption == "No samples to show."


@pytest.mark.parametrize(("shape", "labels"), [((2, 4), 2), ((2, 2, 2, 4), 2), ((2, 2, 2), 3)])
def test_wrong_images_are_refused(shape, labels):
    with pytest.raises(ValueError, match="expected"):
        samples.Sheet("s", np.zeros(shape), np.zeros(labels, dtype=int))
