"""Every test that asks for a figure, or for a way of drawing one, runs on every kind."""

import pytest
from figure_examples import KINDS

from basin.figures import Figure


@pytest.fixture(scope="session", params=KINDS)
def figure(request) -> Figure:
    return KINDS[request.param]()


@pytest.fixture(scope="session", params=KINDS)
def kind(request):
    return KINDS[request.param]
