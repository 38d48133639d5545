"""The page is read back with the standard library's HTML parser, which knows nothing of how it was made."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from basin.figures import Figure, load, paired, samples, save
from basin.report import build, build_index

HOSTILE = '<script>alert("x")</script><img src=https://example.org/a.png onerror=alert(1)>&amp;{{ 7 * 7 }}'
CLAIM = {
    "id": "gap",
    "statement": "Large batches generalise worse.",
    "source": "Keskar et al. 2017, Table 2",
    "refuted_by": "an interval wholly below 0.5 points",
    "statistic": "paired difference",
    "estimate": 1.384,
    "ci_low": 0.851,
    "ci_high": 1.909,
    "p_value": 0.00001,
    "n": 8,
    "published": 4.8,
    "verdict": "supported",
    "note": "a note",
    "unit": "points",
    "smallest_effect": 0.5,
    "level": 0.975,
    "false_verdict_bound": 0.025,
}
RECORD = {
    "study": "large-batch",
    "preset": "quick",
    "title": "Do large batches generalise worse?",
    "question": "A question in plain words.",
    "spec": {"seeds": 8},
    "environment": {"machine": {"cpu": "two cores"}, "jax": "0.10.2"},
    "claims": [
        CLAIM,
        CLAIM
        | {
            "id": "other",
            "verdict": None,
            "false_verdict_bound": None,
            "estimate": None,
            "ci_low": None,
            "ci_high": None,
        },
    ],
    "finished": "2026-03-01",
    "seconds": 134.2,
    "protocol": ["Equal epochs.", "Adam."],
    "runs": [{"arm": "batch 16", "runs": 8, "outcomes": {"completed": 7, "diverged": 1}}],
    "tables": [{"title": "Published", "caption": "Table 2.", "columns": ["net", "error"], "rows": [["F1", 1.97]]}],
}
VOID = {"meta", "link", "input", "img", "br"}


class Page(HTMLParser):
    """Collects tags, addresses, text and ids, and checks that every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.addresses, self.ids, self.words, self.attributes, self.open = [], [], [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.addresses += [value for name, value in attrs if name in ("href", "src", "xlink:href", "action", "srcset")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def figures() -> list[Figure]:
    pairs = paired.Pairs("digits", np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.5, 3.9]))
    sheet = samples.Sheet("digits", np.linspace(0, 1, 128).reshape(2, 8, 8), np.array([0, 1]))
    return [
        paired.draw("gap", "The gap", "Last iterate.", [pairs], arms=("16", "143"), label="error (%)"),
        samples.draw("samples", "Samples", "", [sheet], rows=1),
    ]


@pytest.fixture(scope="module")
def html() -> str:
    return build(RECORD, figures())


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_no_request_leaves_the_page(html, page):
    assert page.addresses
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_anchors_lead_somewhere_and_ids_are_unique(page):
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_the_policy_admits_the_style_sheet_by_its_hash_and_no_script(html, page):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert policy is not None
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src &#39;sha256-{digest}&#39;" in policy[1] or f"style-src 'sha256-{digest}'" in policy[1]
    assert "default-src" in policy[1]
    assert page.tags.count("style") == 1
    assert "script" not in page.tags
    assert "style" not in page.attributes
    assert not [name for name in page.attributes if name.startswith("on")]


def test_the_parts_come_in_their_order(page):
    headings = ["Do large batches", "Claims and verdicts", "Figures", "Tables", "What was run", "Environment", "Terms"]
    places = [page.text.rindex(heading) for heading in headings]
    assert places[0] < page.text.index("Claims and verdicts")
    assert places[1:] == sorted(places[1:])


def test_a_claim_shows_all_that_the_ledger_owes(page):
    for text in (
        "Large batches generalise worse.",
        "Keskar et al. 2017, Table 2",
        "smallest effect that matters: 0.5 points",
        "an interval wholly below 0.5 points",
        "✓ supported",
        "1.38 points",
        "97.5 %: 0.85 to 1.91",
        "p < 0.001",
        "4.8",
        "a note",
    ):
        assert text in page.text


def test_verdicts_are_counted_and_false_ones_expected(page):
    assert "2 claims: 1 supported, 1 not tested." in page.text
    assert "At most 0.025 false verdicts are to be expected" in page.text


def test_runs_environment_command_and_tables_are_shown(page):
    for text in ("7 completed, 1 diverged", "machine.cpu two cores", "basin run large-batch --preset quick", "F1 1.97"):
        assert text in page.text
    assert "took 2 min 14 s" in page.text


def test_the_numbers_of_a_figure_can_be_downloaded(page):
    links = [address for address in page.addresses if address.startswith("data:text/csv")]
    assert [base64.b64decode(link.split(",")[1]).decode() for link in links] == [figure.csv() for figure in figures()]


def test_both_layouts_of_a_figure_are_in_the_page(page):
    assert page.tags.count("svg") == 4


@pytest.mark.parametrize("key", ["study", "title", "question", "protocol", "preset", "command", "finished"])
def test_hostile_text_of_a_study_stays_text(key):
    page = Page(build(RECORD | {key: HOSTILE}))
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert 'alert("x")' in page.text
    assert "{{ 7 * 7 }}" in page.text


@pytest.mark.parametrize(
    "key", ["id", "statement", "source", "refuted_by", "statistic", "note", "unit", "published", "verdict"]
)
def test_hostile_text_of_a_claim_stays_text(key):
    page = Page(build(RECORD | {"claims": [CLAIM | {key: HOSTILE}]}))
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert not [name for name in page.attributes if name.startswith("on")]


def test_hostile_cells_and_captions_stay_text():
    figure = Figure("f", HOSTILE, HOSTILE, figures()[0].svg, {HOSTILE: [HOSTILE]})
    table = {"title": HOSTILE, "caption": HOSTILE, "columns": [HOSTILE], "rows": [[HOSTILE]]}
    record = {"tables": [table], "runs": [{HOSTILE: HOSTILE}], "environment": {HOSTILE: HOSTILE}, "spec": {HOSTILE: 1}}
    page = Page(build(RECORD | record, [figure]))
    assert "script" not in page.tags
    assert "img" not in page.tags


def test_a_hostile_drawing_is_refused():
    figure = Figure("f", "", "", '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>')
    with pytest.raises(ValueError, match="expected a figure that Basin drew"):
        build(RECORD, [figure])


def test_same_record_same_bytes(html):
    assert build(RECORD, figures()) == html


def test_a_report_is_rebuilt_from_files_alone(html, tmp_path):
    (tmp_path / "study.json").write_text(json.dumps(RECORD), encoding="utf-8")
    for figure in figures():
        save(figure, tmp_path)
    record = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    assert build(record, [load(tmp_path / "figures" / f"{name}.svg") for name in ("gap", "samples")]) == html


def test_the_least_record_makes_a_page():
    page = Page(build({"study": "x"}))
    assert "This study tests no claims." in page.text
    assert "basin run x" in page.text


def test_a_study_that_has_not_finished_says_so():
    assert "This study has not finished." in Page(build(RECORD | {"finished": None})).text
    assert "has not finished" not in Page(build(RECORD | {"finished": True})).text


def test_the_moment_is_readable():
    record = RECORD | {"finished": "2026-03-01T14:05:09+00:00"}
    assert "finished 2026-03-01 14:05:09 UTC" in Page(build(record)).text


def test_a_record_without_a_study_is_refused():
    with pytest.raises(ValueError, match="expected a study's record"):
        build({"claims": []})


def test_what_is_not_a_number_is_not_shown_as_one():
    claim = CLAIM | {"estimate": float("nan"), "ci_low": float("-inf"), "p_value": float("nan")}
    text = Page(build(RECORD | {"claims": [claim]})).text
    assert "nan" not in text.lower().replace("finance", "")
    assert "p =" not in text


def test_index_links_to_each_report_and_nowhere_else():
    page = Page(build_index([RECORD, RECORD | {"study": "deep bootstrap/2", "title": None, "claims": []}]))
    outside = [address for address in page.addresses if not address.startswith(("data:", "#"))]
    assert outside == ["large-batch/report.html", "deep%20bootstrap%2F2/report.html"]
    assert "2 studies." in page.text
    assert "2 claims: 1 supported, 1 not tested." in page.text
    assert len(page.ids) == len(set(page.ids))


def test_index_of_nothing():
    assert "No claims have been tested yet." in Page(build_index([])).text


def test_every_class_of_the_page_is_styled(html):
    """Guards against a template and a style sheet that drift apart; SVG classes are made from the palette."""
    style = (Path(__file__).parents[2] / "src/basin/report/templates/style.css").read_text(encoding="utf-8")
    body = re.sub(r"<svg.*?</svg>", "", html[html.index("<body>") :], flags=re.DOTALL)
    used = {name for group in re.findall(r'class="([^"]*)"', body) for name in group.split()}
    assert {name for name in used if f".{name}" not in style} == set()
