"""Shared by the tests of losses."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _compiled_cheaply(compiled_cheaply: None) -> None:
    """Each loss is compiled for a handful of examples."""
