"""Shared by the tests of measures."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _compiled_cheaply(compiled_cheaply: None) -> None:
    """Each measure is compiled for a network of a few weights."""
