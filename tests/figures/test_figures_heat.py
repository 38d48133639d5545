"""Heat maps: each cell where and as large as it was measured, in the colour that the bar says."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from figure_examples import draw_heat
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib import colormaps
from matplotlib.colors import LogNorm, Normalize, to_hex

from basin.figures import heat
from basin.figures.cells import Grid, edges
from basin.figures.palette import heat_colours
from basin.figures.shades import Shades

AXES = {"x_label": "width", "y_label": "epoch", "label": "error (%)"}


def draw(panel: heat.Panel, **options):
    return heat.draw("f", "", "", [panel], **AXES, **options)


def rectangles(drawing: str) -> dict[str, list[tuple[float, float, float, float]]]:
    """Return left, top, right and bottom of what is filled in each colour, in the order of the drawing."""
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for element in ElementTree.fromstring(drawing).iter():
        if element.get("fill", "none") != "none" and "d" in element.attrib:
            for part in re.findall(r"M[^M]+", element.attrib["d"]):
                points = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", part), dtype=float)
                found.setdefault(element.attrib["fill"], []).append((*points.min(axis=0), *points.max(axis=0)))
    return found


@given(st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=8, unique=True))
def test_cells_meet_at_geometric_means_on_a_logarithmic_axis(places):
    at = np.sort(np.round(places, 3))
    if len(np.unique(at)) < len(at):
        return
    ends = edges(at, log=True)
    np.testing.assert_allclose(ends[1:-1] ** 2, at[1:] * at[:-1])
    np.testing.assert_allclose([ends[0] * ends[1], ends[-1] * ends[-2]], [at[0] ** 2, at[-1] ** 2])
    assert ((ends[:-1] < at) & (at < ends[1:])).all()


def test_cells_are_drawn_at_the_sizes_measured():
    """Around 1, 2 and 8 on a logarithmic axis cells are 2, 2 to the power 1.5 and 4 wide, as factors."""
    values = np.array([[0.0, 1.0, 3.0]])
    shapes = rectangles(draw(heat.Panel("", [1, 2, 8], ["one"], values), scale_x="log").svg)
    boxes = [shapes[heat_colours()[level]][-1] for level in (0, 21, 63)]  # the bar is drawn first
    widths = np.array([right - left for left, _, right, _ in boxes])
    np.testing.assert_allclose(widths / widths.sum(), np.array([1.0, 1.5, 2.0]) / 4.5, atol=1e-3)
    assert boxes[0][2] == pytest.approx(boxes[1][0], abs=0.02)


@pytest.mark.parametrize("log", [False, True])
def test_a_value_has_the_colour_that_matplotlib_gives_it(log):
    """Matplotlib's own norm and map, to a step of 64."""
    values = np.random.default_rng(0).uniform(0.5, 200.0, 100)
    norm = (LogNorm if log else Normalize)(values.min(), values.max())
    levels = Shades.over([values], log=log, limits=None).levels(values)
    expected = np.minimum(np.floor(norm(values) * 64), 63)
    assert np.abs(levels - expected).max() <= 1e-9
    assert heat_colours()[0] == to_hex(colormaps["viridis"](0))


@given(hnp.arrays(float, (3, 4), elements=st.one_of(st.floats(0.1, 100), st.just(np.nan))))
def test_no_cell_has_two_colours_and_none_without_a_value_has_one(values):
    levels = Shades.over([values], log=False, limits=None).levels(values)
    assert ((levels >= 0) == np.isfinite(values)).all()


def test_all_panels_share_one_scale():
    low, high = heat.Panel("low", [1], [1], np.array([[0.0]])), heat.Panel("high", [1], [1], np.array([[9.0]]))
    shapes = rectangles(heat.draw("f", "", "", [low, high], **AXES).svg)
    assert len(shapes[heat_colours()[0]]) == len(shapes[heat_colours()[-1]]) == 2  # in the bar, and in one panel


def test_cells_that_were_not_measured_are_crossed_out_and_counted():
    figure = draw_heat()
    assert figure.caption.endswith("3 cells of 24 not measured: crossed out.")
    assert "not measured" in figure.svg
    assert "not measured" not in draw(heat.Panel("", [1], [1], np.ones((1, 1)))).svg


def test_values_beyond_the_limits_are_said():
    panel = heat.Panel("", [1, 2, 3], ["n = 1"], np.array([[0.0, 1.0, 10.0]]))
    figure = draw(panel, log=True, limits=(0.5, 2.0))
    assert figure.caption == "1 cell below 0.5: in the darkest colour. 1 cell above 2: in the lightest colour."


def test_a_value_of_zero_is_said_on_a_logarithmic_scale():
    figure = draw(heat.Panel("", [1, 2, 3], [1], np.array([[0.0, 1.0, 10.0]])), log=True)
    assert figure.caption == "1 cell below 1: in the darkest colour."


def test_the_numbers_behind_it_are_the_cells_and_the_lines():
    data = draw_heat().data
    cells = [i for i, what in enumerate(data["what"]) if what == "cell"]
    assert len(cells) == 24
    assert [data["value"][i] for i in cells[:3]] == [50.0, 40.0, 30.0]
    assert [(data["x"][i], data["y"][i]) for i in cells[2:4]] == [(64, 1), (4, 10)]
    line = [i for i, what in enumerate(data["what"]) if what == "threshold"][:4]
    assert [data["x"][i] for i in line] == [None, 64.0, 16.0, 8.0]
    assert [data["low"][i] for i in line] == [None, 32.0, 8.0, 4.0]


@given(hnp.arrays(float, (3, 4), elements=st.one_of(st.integers(0, 5).map(float), st.just(np.nan))))
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_dots_stand_on_the_best_cells(values):
    lowest = {column: values[row, column] for row, column in heat.Best("", "lowest").cells(values)}
    highest = {row: values[row, column] for row, column in heat.Best("", "highest", "row").cells(values)}
    expected = {i: v for i, v in enumerate(np.nanmin(values, axis=0)) if not np.isnan(v)}
    assert lowest == expected
    assert highest == {i: v for i, v in enumerate(np.nanmax(values, axis=1)) if not np.isnan(v)}


def test_a_line_lies_between_categories_in_proportion():
    grid = Grid((10.0, 20.0, 40.0), "category")
    np.testing.assert_allclose(grid.put(np.array([10.0, 15.0, 30.0])), [0.0, 0.5, 1.5])
    assert np.isnan(grid.put(np.array([9.0, 41.0]))).all()


def test_a_line_over_names_is_refused():
    panel = heat.Panel("", ["SGD", "Adam"], [1], np.ones((1, 2)), (heat.Places("line", np.array([1.0])),))
    with pytest.raises(ValueError, match="expected numbers on the axis of a line of places"):
        draw(panel)


@pytest.mark.parametrize("count", range(2, 30))
def test_whole_numbers_are_written_whole(count):
    """35355 is not 35360: what stands at a cell is what was measured."""
    n = np.unique(np.round(3125 * 2 ** (np.arange(count) / 2)).astype(int))
    n = n[n < 1_000_000]
    assert Grid(tuple(n.tolist()), "log").texts() == [str(value) for value in n]


@pytest.mark.parametrize(
    ("x", "scale", "said"),
    [
        ([], "linear", "at least one place"),
        ([2, 1], "linear", "expected ascending places"),
        ([1, 1], "category", "expected ascending places"),
        ([0, 1], "log", "expected positive, ascending places"),
        ([1, np.inf], "linear", "expected ascending places"),
    ],
)
def test_places_that_are_no_axis_are_refused(x, scale, said):
    with pytest.raises(ValueError, match=said):
        draw(heat.Panel("", x, [1], np.ones((1, len(x)))), scale_x=scale)


def test_other_shapes_and_limits_are_refused():
    with pytest.raises(ValueError, match=r"expected values of shape \(2, 3\), rows by columns"):
        heat.Panel("p", [1, 2, 3], [1, 2], np.ones((3, 2)))
    with pytest.raises(ValueError, match="expected 2 places for 'line', one a row"):
        heat.Panel("p", [1, 2, 3], [1, 2], np.ones((2, 3)), (heat.Places("line", np.ones(3)),))
    with pytest.raises(ValueError, match="expected both ends of the interval of 'line'"):
        heat.Places("line", np.ones(2), low=np.ones(2))
    with pytest.raises(ValueError, match="expected positive, ascending limits of the colours"):
        draw(heat.Panel("", [1], [1], np.ones((1, 1))), log=True, limits=(0.0, 1.0))


def test_nothing_and_one_value_are_drawn():
    assert heat.draw("f", "", "", [], **AXES).caption == "No cells to show."
    assert len(rectangles(draw(heat.Panel("", [1], [1], np.full((1, 1), 3.0))).svg)) >= 64
    assert draw(heat.Panel("", [1], [1], np.full((1, 1), np.nan))).caption == "1 cell of 1 not measured: crossed out."


def test_a_map_of_a_thousand_cells_is_small():
    values = np.random.default_rng(0).normal(size=(40, 25))
    panel = heat.Panel("", np.arange(1, 26), np.arange(1, 41), values)
    assert len(draw(panel).svg) < 120_000


def test_a_line_lies_over_its_interval() -> None:
    """The last stroke drawn over the cells is the solid one: a narrow interval does not hide its line."""
    panel = heat.Panel(
        "", [1, 2, 4], [1, 2], np.ones((2, 3)), (heat.Places("line", np.ones(2), np.ones(2), np.ones(2)),)
    )
    strokes = [e for e in ElementTree.fromstring(draw(panel).svg).iter() if e.get("stroke-width") in ("2", "1.4")]
    over_cells = strokes[:3]  # the key has two more
    assert ["stroke-dasharray" in stroke.attrib for stroke in over_cells] == [True, True, False]
