"""Every example in a docstring of the package gives what it says."""

import doctest
import importlib

import pytest
from project_tree import module_name, modules

EXEMPLARY = [module_name(path) for path in modules() if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", EXEMPLARY)
def test_examples_hold(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
