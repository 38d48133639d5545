"""Shared by the tests of models."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _compiled_cheaply(compiled_cheaply: None) -> None:
    """Each network is compiled to be called once."""
