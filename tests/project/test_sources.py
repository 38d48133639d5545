"""Every row of `docs/sources.md` is there once, and what is done names what carries it and what tests it.

Oracles: the numbers of rows below were counted in the documents' inventory, not on the page; claims are those that the
registered studies declare, names are imported, tests are looked up in their files.
"""

import re
from collections import defaultdict
from typing import NamedTuple

import pytest
from project_tree import ROOT, claim_exists, claims, figure_exists, importable, is_test

COUNTS = {"K": 37, "B": 166, "D": 30, "O": 38, "I": 22}
LAST = {"K": 37, "B": 56, "D": 30, "O": 38, "I": 22}
"""The last number of each document; the 56 slides have several rows each, told apart by letters."""

TOPICS = {
    "the gradient-descent chapter",
    "optimisers",
    "deep bootstrap",
    "double descent",
    "the large-batch study in full",
    "your own model",
}
STATE = re.compile(r"no content|(?:done; more )?planned: (?P<topic>.+)|done")
CARRIER = re.compile(r"\b(claim|figure|tool|page)s? ((?:`[^`]+`(?:, )?)+)")
EXISTS = {
    "claim": claim_exists,
    "figure": figure_exists,
    "tool": importable,
    "page": lambda page: page.startswith("docs/") and (ROOT / page).is_file(),
}


class SourceRow(NamedTuple):
    id: str
    what: str
    carriers: str
    state: str
    tests: str


def parse(text: str) -> list[SourceRow]:
    """Return the rows of the tables, whatever else stands on the page."""
    lines = [line for line in text.splitlines() if re.match(r"\| [A-Z]\d+[a-z]? \|", line)]
    return [SourceRow(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
ROWS = parse(PAGE)


def carriers(row: SourceRow) -> list[tuple[str, str]]:
    return [(kind, name) for kind, names in CARRIER.findall(row.carriers) for name in re.findall(r"`([^`]+)`", names)]


def covering(row: SourceRow) -> list[str]:
    return re.findall(r"`([^`]+)`", row.tests)


def complaints(row: SourceRow) -> list[str]:
    """Return what is wrong with a row."""
    state = STATE.fullmatch(row.state)
    if state is None or (state["topic"] and state["topic"] not in TOPICS):
        return [f"unknown state '{row.state}'"]
    found = [f"no {kind} {name}" for kind, name in carriers(row) if not EXISTS[kind](name)]
    found += [f"no test {name}" for name in covering(row) if not is_test(name)]
    if not row.what:
        found.append("says nothing")
    if row.state.startswith("done") and not carriers(row):
        found.append("done, and carried by nothing")
    if row.state.startswith("done") and not covering(row):
        found.append("done, and tested by nothing")
    return found


def numbering(ids: list[str]) -> list[str]:
    """Return the ids that break their numbering: 1, 2, 3, ... with letters a, b, c, ... where a number has several."""
    broken, previous = [], (0, "")
    for name in ids:
        number, letter = int(re.sub(r"\D", "", name)), name.lstrip("KBDOI0123456789")
        follows = (number, letter) == (previous[0], chr(ord(previous[1] or "`") + 1)) and previous[1] != ""
        begins = number == previous[0] + 1 and letter in ("", "a")
        broken += [] if follows or begins else [name]
        previous = (number, letter)
    return broken


@pytest.mark.parametrize("document", COUNTS)
def test_every_row_is_there_once_and_in_order(document):
    ids = [row.id for row in ROWS if row.id.startswith(document)]
    assert len(ids) == len(set(ids)) == COUNTS[document]
    assert numbering(ids) == []
    assert re.sub(r"\D", "", ids[-1]) == str(LAST[document])


def test_there_are_no_other_rows_and_the_page_states_its_counts():
    assert len(ROWS) == sum(COUNTS.values())
    assert [int(count) for count in re.findall(r"^## .*\((\d+) rows\)$", PAGE, re.M)] == list(COUNTS.values())


def test_what_is_done_is_carried_and_tested():
    assert {row.id: found for row in ROWS if (found := complaints(row))} == {}


def test_the_rows_that_a_claim_names_are_done_and_name_such_a_claim():
    by_id, naming = {row.id: row for row in ROWS}, defaultdict(list)
    for claim, rows in claims().items():
        for row_id in rows:
            naming[row_id].append(claim)
    assert naming.keys() <= by_id.keys()
    assert [row_id for row_id in naming if not by_id[row_id].state.startswith("done")] == []
    assert [row_id for row_id, known in naming.items() if not names_one_of(by_id[row_id], known)] == []


def names_one_of(row: SourceRow, known: list[str]) -> bool:
    return any(kind == "claim" and claim_exists(name, known) for kind, name in carriers(row))


GOOD = SourceRow(
    "K99", "Something", "tool `basin.train`", "done", "`tests/project/test_sources.py::test_a_sound_row_passes`"
)


def test_a_sound_row_passes():
    assert complaints(GOOD) == []
    assert complaints(GOOD._replace(state="no content", carriers="–", tests="–")) == []


@pytest.mark.parametrize(
    "change",
    [
        {"carriers": "–"},
        {"carriers": "the engine"},
        {"carriers": "tool `basin.measure.no_such_measure`"},
        {"carriers": "tool `basin.no_such_package.thing`"},
        {"carriers": "tool `basin.train`, `basin.spec.budget.Budget.length`"},
        {"carriers": "claim `gap-of-nothing`"},
        {"carriers": "claims `no-such-*`"},
        {"carriers": "figure `no-such-figure`"},
        {"carriers": "page `docs/no-such-page.md`"},
        {"carriers": "page `README.md`"},
        {"tests": "–"},
        {"tests": "`tests/project/no_such_file.py`"},
        {"tests": "`tests/project/test_sources.py::test_no_such_test`"},
        {"state": ""},
        {"state": "planned"},
        {"state": "planned: some day"},
        {"what": ""},
    ],
)
def test_an_unsound_row_is_found(change):
    assert complaints(GOOD._replace(**change))


@pytest.mark.parametrize("ids", [["K01", "K03"], ["K01", "K01"], ["B01a", "B01c"], ["B01a", "B02b"], ["B01", "B01a"]])
def test_a_hole_in_the_numbering_is_found(ids):
    assert numbering(ids)
