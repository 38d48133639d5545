"""What every kind of figure owes: the same bytes, its labels, its n, its numbers, and both themes."""

import re
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from figure_examples import bowl, draw_paired
from text_boxes import strays, text_boxes

from basin.figures import contours, curves, forest, heat, lines, load, palette, save
from basin.figures.figure import Figure, read_csv
from basin.figures.svg import inline


def words(drawing: str) -> str:
    return " ".join(text for text in ElementTree.fromstring(drawing).itertext() if "{" not in text)


def parts(figure: Figure) -> tuple[str | dict[str, bytes], ...]:
    return figure.name, figure.title, figure.caption, figure.files()


def test_same_input_same_bytes(kind):
    assert parts(kind()) == parts(kind())


def test_the_users_settings_change_nothing(kind):
    expected = kind().svg
    with matplotlib.rc_context(
        {"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9, "svg.fonttype": "path"}
    ):
        assert kind().svg == expected


def test_settings_are_put_back(kind):
    before = dict(matplotlib.rcParams)
    kind()
    assert dict(matplotlib.rcParams) == before


def test_n_stands_in_the_drawing_and_what_it_counts_in_the_caption(figure):
    assert re.search(r"n = \d", words(figure.svg))
    assert re.search(r"n = \d|\d+ seeds|\d+ examples|interval", figure.caption)


def test_both_layouts_say_the_same(figure):
    assert set(re.findall(r"batch \d+|✓ \w+", words(figure.svg))) == set(
        re.findall(r"batch \d+|✓ \w+", words(figure.narrow))
    )


def test_the_narrow_layout_fits_a_phone(figure):
    assert float(ElementTree.fromstring(figure.narrow).get("width", "inf")) <= 344


def test_no_text_leaves_the_drawing_or_covers_another(figure):
    assert strays(figure.svg) == []
    assert strays(figure.narrow) == []


WIDEST = ("momentum", "MMMMMMMMMMMM", "WWWW mmmm WWWW mmmm", "1.23×10⁻¹⁶ of λ_max")
"""Names that a rule of so many pixels a letter would let run over the edge."""


def draw_wide(which: str) -> Figure:
    x = np.array([1.0, 10.0, 100.0])
    axes = {"x_label": "x", "y_label": "y"}
    if which == "lines":
        marks = (lines.Mark(WIDEST[1], y=2.0), lines.Mark(WIDEST[0], x=10.0), lines.Mark("N", x=11.0))
        panel = lines.Panel("title", tuple(lines.Line(name, x, x + i) for i, name in enumerate(WIDEST)), marks)
        return lines.draw("f", "", "", [panel] * 2, log_x=True, note=" · ".join(WIDEST), **axes)
    if which == "curves":
        arms = tuple(
            curves.Curve(name, x, np.ones((2, 3)) * i, split) for i, name in enumerate(WIDEST) for split in "ab"
        )
        return curves.draw("f", "", "", [curves.Panel("title", arms)] * 2)
    if which == "contours":
        paths = tuple(contours.Path(name, np.array([[1.0, 0.5], [0.0, i / 4]])) for i, name in enumerate(WIDEST))
        return contours.draw("f", "", "", [bowl(*paths)] * 2, **axes)
    if which == "heat":
        places = tuple(heat.Places(name, np.array([2.0, 20.0])) for name in WIDEST)
        panel = heat.Panel("title", x, WIDEST[:2], np.ones((2, 3)), places, tuple(map(heat.Best, WIDEST)))
        return heat.draw("f", "", "", [panel] * 2, label="MMMM (%)", scale_x="log", note=" · ".join(WIDEST), **axes)
    numbers = {"smallest_effect": 1e-16, "verdict": "inconclusive", "n": 1000, "unit": "correlation"}
    return forest.draw("f", "", "", [forest.Row(name, 1.23e-16, -4.56e-17, 7.89e-16, **numbers) for name in WIDEST])


@pytest.mark.parametrize("which", ["lines", "curves", "contours", "heat", "forest"])
def test_wide_names_fit(which):
    figure = draw_wide(which)
    assert strays(figure.svg) == []
    assert strays(figure.narrow) == []


@pytest.mark.parametrize("weight", ["", ' font-weight="700"'])
def test_the_instrument_sees_a_text_that_leaves_the_drawing_and_one_that_covers_another(weight):
    """Ten letters m of 9.74 or, in bold, 10.42 pixels each at size 10, by the tables of DejaVu Sans."""
    texts = "".join(f'<text x="{x}" y="20" font-size="10"{weight}>mmmmmmmmmm</text>' for x in (0, 90))
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 40">{texts}</svg>'
    assert text_boxes(drawing)[0].right == pytest.approx(104.2 if weight else 97.4, abs=0.1)
    assert strays(drawing) == (["outside: mmmmmmmmmm"] if weight else []) + ["over each other: mmmmmmmmmm | mmmmmmmmmm"]


def test_files_come_back_as_they_were(figure, tmp_path):
    save(figure, tmp_path)
    assert parts(load(tmp_path / "figures" / f"{figure.name}.svg")) == parts(figure)


def test_numbers_round_trip_exactly(figure):
    back = read_csv(figure.csv())
    assert repr(back) == repr({column: list(values) for column, values in figure.data.items()})  # NaN equals NaN


def test_title_and_caption_travel_in_the_drawing(figure):
    root = ElementTree.fromstring(figure.svg)
    assert root[0].text == figure.title
    assert root[1].text == figure.caption


def test_every_colour_follows_the_theme(figure):
    """Each painted shape has the class of its role, and the style sheet defines that role in both themes.

    In a heat map a colour is a number, so that its cells alone are the same in both.
    """
    fixed = {"none", *(palette.heat_colours() if figure.name == "map" else ())}
    for element in ElementTree.fromstring(figure.svg).iter():
        for key, mark in (("fill", "f-"), ("stroke", "k-")):
            if element.get(key, "none") not in fixed:
                assert mark in element.get("class", ""), ElementTree.tostring(element)
    assert figure.svg.count("--ink:") == 2


def test_no_style_attribute_needs_an_unsafe_policy(figure):
    assert "style=" not in figure.svg


def test_two_figures_in_one_page_share_no_id(figure):
    ids = re.findall(r' id="([^"]+)"', inline(figure.svg) + inline(figure.narrow))
    assert len(ids) == len(set(ids))
    assert all(identity.startswith(f"{figure.name}-") for identity in ids)


def test_every_reference_is_kept(figure):
    targets = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', figure.svg))
    assert {a or b for a, b in targets} == set(re.findall(r' id="([^"]+)"', figure.svg))


def test_golden_structure(figure):
    root = ElementTree.fromstring(inline(figure.svg))
    tags = {element.tag.split("}")[-1] for element in root.iter()}
    assert tags <= {"svg", "g", "path", "defs", "use", "clipPath", "rect", "text", "image"}
    assert root.get("role") == "img"
    assert root.get("aria-label") == figure.title
    assert root.get("viewBox", "").startswith("-8 -8 720 ")


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "../x", "a b", "-a"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(ValueError, match="expected a figure's name"):
        Figure(name, "", "", "")


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="equal length"):
        Figure("f", "", "", "", {"a": [1], "b": [1, 2]})


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<foreignObject/>",
        '<path onclick="alert(1)"/>',
        '<image href="https://example.org/x.png"/>',
        '<image href="data:image/svg+xml;base64,AAAA"/>',
        '<path fill="url(https://example.org/x.svg#a)"/>',
    ],
)
def test_a_drawing_that_basin_did_not_draw_is_refused(body):
    with pytest.raises(ValueError, match="expected a figure that Basin drew"):
        inline(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">{body}</svg>')


def test_text_that_is_no_drawing_is_refused():
    with pytest.raises(ValueError, match="not XML"):
        inline("<svg")


def test_hostile_labels_stay_text():
    figure = draw_paired(arms=("<script>&amp;", "$x^2$"))
    assert "<script>" not in figure.svg
    assert "$x^2$" in figure.svg
    assert palette.LIGHT["ink"] in figure.svg
