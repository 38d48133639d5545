"""Shared by the tests of optimisers."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _compiled_cheaply(compiled_cheaply: None) -> None:
    """Every optimiser takes a few steps in a few dimensions."""
