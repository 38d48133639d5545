"""The specification of the study `averages`: how many series, how long, and which averages are taken of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from basin.spec.base import HOST, HostInt
from basin.spec.study import StudySpec


class Averages(StudySpec):
    """Exponential averages A <- beta A + (1 - beta) X of series whose true signal is known.

    Attributes:
        seeds: Number of draws of every noisy series.
        betas: The averages whose n, lag and cold start are measured; below 1.
        white_length: Length of the series of pure noise.
        signal_length: Length of the series with a signal.
        periods: Of the sines, in values; their amplitude is 1.
        noises: Standard deviation of the noise on a sine.
        steps: Standard deviation of a step of the random walks, whose noise has a standard deviation of 1.
    """

    seeds: Annotated[HostInt, Field(ge=4, le=1000)] = 20
    betas: Annotated[tuple[float, ...], HOST, Field(min_length=1)] = (0.5, 0.9, 0.98, 0.99)
    white_length: Annotated[HostInt, Field(ge=2000)] = 200_000
    signal_length: Annotated[HostInt, Field(ge=100)] = 2000
    periods: Annotated[tuple[float, ...], HOST, Field(min_length=1)] = (30.0, 100.0, 300.0, 1000.0)
    noises: Annotated[tuple[float, ...], HOST, Field(min_length=1)] = (0.1, 0.3, 1.0, 3.0)
    steps: Annotated[tuple[float, ...], HOST, Field(min_length=1)] = (1.0, 0.3, 0.1, 0.03)
