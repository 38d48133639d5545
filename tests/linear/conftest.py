"""Shared by the tests of linear models."""

from collections.abc import Iterator

import pytest

from basin.measure.threads import one_blas_thread


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small matrices on one thread: on a busy machine two threads wait for each other most of the time."""
    with one_blas_thread():
        yield
