"""Shared by the tests of the command line."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _compiled_cheaply(compiled_cheaply: None) -> None:
    """The commands carry out studies at a tiny size."""
