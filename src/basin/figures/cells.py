"""Cells at the places where something was measured: where they end, and what their axis says.

A cell reaches half-way to its neighbours: to the arithmetic mean of the two places on a linear axis, to the geometric
mean on a logarithmic one. The first and the last cell end as far outwards as they reach inwards. On an axis of
categories all cells are of one size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from basin.figures.style import log_ticks, scale_axis, set_log_ticks, tick_texts
from basin.figures.words import number, text_width

Scale = Literal["linear", "log", "category"]


def edges(places: Float[np.ndarray, "cells"], *, log: bool) -> Float[np.ndarray, "cells+1"]:
    """Return the ends of cells around ascending places; a cell without neighbours is one unit, or a factor of 2, wide.

    Example:
        >>> edges(np.array([1.0, 2.0, 8.0]), log=True)
        array([ 0.70710678,  1.41421356,  4.        , 16.        ])
        >>> edges(np.array([1.0, 2.0, 8.0]), log=False)
        array([ 0.5,  1.5,  5. , 11. ])
    """
    at = np.log(places) if log else np.asarray(places, dtype=float)
    if len(at) == 1:
        half = np.log(2) / 2 if log else 0.5
        ends = np.array([at[0] - half, at[0] + half])
    else:
        inner = (at[1:] + at[:-1]) / 2
        ends = np.concatenate([[2 * at[0] - inner[0]], inner, [2 * at[-1] - inner[-1]]])
    return np.exp(ends) if log else ends


@dataclass(frozen=True)
class Grid:
    """One axis of cells.

    Attributes:
        values: Where something was measured, ascending numbers, or the names of categories.
        scale: How the axis runs; names are always categories.
    """

    values: tuple[float, ...] | tuple[str, ...]
    scale: Scale

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("expected at least one place on each axis of a heat map, got none")
        numbers = self.numbers
        if numbers is None:
            return
        ascending = np.isfinite(numbers).all() and (np.diff(numbers) > 0).all()
        if not ascending or (self.scale == "log" and numbers[0] <= 0):
            kind = "positive, ascending" if self.scale == "log" else "ascending"
            raise ValueError(f"expected {kind} places on an axis of a heat map, got {list(self.values)}; sort them")

    @property
    def numbers(self) -> np.ndarray | None:
        """The places as numbers, if they are numbers."""
        return None if any(isinstance(value, str) for value in self.values) else np.array(self.values, dtype=float)

    @property
    def is_category(self) -> bool:
        """Whether all cells are of one size."""
        return self.scale == "category" or self.numbers is None

    @property
    def centres(self) -> np.ndarray:
        """Where the cells are on the axis: their places, or 0, 1, 2, ... for categories."""
        return np.arange(len(self.values), dtype=float) if self.is_category else np.asarray(self.numbers)

    @property
    def edges(self) -> np.ndarray:
        """Where the cells end."""
        return edges(self.centres, log=self.scale == "log" and not self.is_category)

    def put(self, places: Float[np.ndarray, "points"]) -> np.ndarray:
        """Return where numbers lie on the axis; between two categories in proportion, beyond the outer ones nowhere.

        Raises:
            ValueError: The categories are names.
        """
        places = np.asarray(places, dtype=float)
        if not self.is_category:
            return places
        if self.numbers is None:
            raise ValueError(f"expected numbers on the axis of a line of places, got the names {list(self.values)}")
        return np.interp(places, self.numbers, self.centres, left=np.nan, right=np.nan)

    def set_ticks(self, axes: Axes, which: Literal["x", "y"]) -> None:
        """Set limits, scale and ticks of an axis: at the cells where their texts fit, else at round numbers."""
        low, high = self.edges[0], self.edges[-1]
        log = self.scale == "log" and not self.is_category
        scale_axis(axes, which, (low, high), log=log, most=6)
        texts = self.texts()
        shown = _that_fit(axes, which, self.centres, texts)
        axis = axes.xaxis if which == "x" else axes.yaxis
        if len(shown) == len(texts) or self.is_category:
            axis.set_major_locator(FixedLocator([float(self.centres[index]) for index in shown]))
            axis.set_major_formatter(FixedFormatter([texts[index] for index in shown]))
            axis.set_minor_locator(NullLocator())
        elif log:
            set_log_ticks(axes, which, log_ticks(low, high, 6))

    def texts(self) -> list[str]:
        """Return what the cells are called on the axis."""
        if self.numbers is None:
            return [str(value) for value in self.values]
        values = self.numbers.tolist()
        if all(value.is_integer() and abs(value) < 1e6 for value in values):
            return [f"{value:.0f}".replace("-", "−") for value in values]
        return tick_texts(values) if self.scale == "log" else [number(value, 4) for value in values]


def _that_fit(axes: Axes, which: Literal["x", "y"], centres: np.ndarray, texts: Sequence[str]) -> list[int]:
    """Return every k-th cell, with the least k at which no text touches the next."""
    corner = (axes.get_xlim()[0], axes.get_ylim()[0])
    points = [(place, corner[1]) if which == "x" else (corner[0], place) for place in centres.tolist()]
    pixels = axes.transData.transform(points)[:, 0 if which == "x" else 1]
    room = np.array([text_width(text) + 8 if which == "x" else 14.0 for text in texts])
    for step in range(1, len(texts) + 1):
        kept = list(range(0, len(texts), step))
        if (np.diff(pixels[kept]) >= (room[kept][1:] + room[kept][:-1]) / 2).all():
            return kept
    raise AssertionError("a single text always fits")
