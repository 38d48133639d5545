"""The pages refer to things that exist: files, names, commands and one another."""

import ast
import re
from pathlib import Path

import pytest
from project_tree import ROOT, importable

from basin.cli import VERBS

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
MADE = re.compile(r"^([a-z][\w-]*):", re.M)
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def missing(text: str, folder: Path) -> list[str]:
    """Return what a page in a folder refers to and what is not there."""
    links = re.findall(r"\]\((?!https?:|mailto:|#|data:)([^)#\s]+)", text)
    paths = re.findall(r"`((?:src|tests|docs|benchmarks|examples)/[\w./-]+)`", text)
    names = re.findall(r"`(basin(?:\.\w+)+)[`(]", text)
    targets = re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)[ `]", text, re.M)
    verbs = re.findall(r"^basin ([a-z]+)\b|`basin ([a-z]+)\b", text, re.M)
    made = MADE.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    return [
        *(f"link {link}" for link in links if not (folder / link).exists()),
        *(f"path {path}" for path in paths if not (ROOT / path).exists()),
        *(f"name {name}" for name in names if not importable(name)),
        *(f"make {one or other}" for one, other in targets if (one or other) not in made),
        *(f"basin {one or other}" for one, other in verbs if (one or other) not in VERBS),
    ]


@by_page
def test_what_a_page_refers_to_exists(page):
    assert missing(page.read_text(encoding="utf-8"), page.parent) == []


@by_page
def test_python_on_a_page_can_be_read(page):
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
        ast.parse(block)


def test_every_page_can_be_reached_from_the_first():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    others = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert others <= set(re.findall(r"\]\(([\w-]+\.md)\)", index))


@pytest.mark.parametrize(
    "text",
    [
        "see [there](no-such-page.md)",
        "in `src/basin/no_such_file.py`",
        "the function `basin.train.no_such_thing`",
        "the function `basin.measure.no_such_measure(loss)`",
        "run `make no-such-target`",
        "make tea\n",
        "type `basin brew`",
    ],
)
def test_a_reference_to_nothing_is_found(text):
    assert missing(text, ROOT / "docs")
