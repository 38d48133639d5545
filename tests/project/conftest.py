"""Shared by the tests of the project."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _compiled_cheaply(compiled_cheaply: None) -> None:
    """Examples in docstrings and on pages are small and many."""
