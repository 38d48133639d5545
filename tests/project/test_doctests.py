"""Every example in a docstring of the package, and every session on a page, gives what it says."""

import doctest
import importlib
import re

import pytest
from project_tree import ROOT, module_name, modules

EXEMPLARY = [module_name(path) for path in modules() if ">>> " in path.read_text(encoding="utf-8")]

SESSIONS = [page for page in sorted((ROOT / "docs").glob("*.md")) if ">>> " in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", EXEMPLARY)
def test_examples_hold(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.name)
def test_sessions_on_pages_hold(page):
    """The end of a fenced block is a blank line to doctest, which else takes it for output."""
    text = re.sub(r"^```.*$", "", page.read_text(encoding="utf-8"), flags=re.M)
    session = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(session)
    assert result.attempted > 0
    assert result.failed == 0
