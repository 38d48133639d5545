"""What every kind of figure owes: the same bytes, its labels, its n, its numbers, and both themes."""

import re
from xml.etree import ElementTree

import matplotlib
import pytest
from figure_examples import draw_paired

from basin.figures import load, palette, save
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
    """Each painted shape has the class of its role, and the style sheet defines that role in both themes."""
    for element in ElementTree.fromstring(figure.svg).iter():
        for key, mark in (("fill", "f-"), ("stroke", "k-")):
            if element.get(key, "none") != "none":
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
