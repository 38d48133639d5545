"""Shared by the tests of studies."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _compiled_cheaply(compiled_cheaply: None) -> None:
    """Each study is compiled in many programs that run for a moment at a test's size."""
