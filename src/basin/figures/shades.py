"""One scale of colours for a quantity over cells: which colour a value has, and the bar that says so.

The colours are matplotlib's `viridis`, which is perceptually uniform, grows lighter all along (so it survives grey
print) and keeps its order for every kind of colour-blindness; they are the same on a light and on a dark ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from basin.figures.palette import LIGHT, heat_colours
from basin.figures.style import Box, add_axes, padded, scale_axis, write

BAR = 46.0
"""Height of a bar with the name of its quantity above and its ticks below, in pixels."""


@dataclass(frozen=True)
class Shades:
    """How values become colours.

    Attributes:
        low: What the darkest colour means; values below have it too.
        high: What the lightest means; values above have it too.
        log: Whether equal factors, and not equal differences, are equally far apart.
    """

    low: float
    high: float
    log: bool

    @classmethod
    def over(
        cls, values: Sequence[Float[np.ndarray, "..."]], *, log: bool, limits: tuple[float, float] | None
    ) -> Shades:
        """Return the scale that holds all values that can be shown, or the one with the given ends.

        Raises:
            ValueError: Ends that are no scale.
        """
        kept = np.concatenate([np.ravel(part) for part in values]) if values else np.zeros(0)
        kept = kept[np.isfinite(kept) & ((kept > 0) | (not log))]
        if limits is None:
            even = len(kept) == 0 or kept.min() == kept.max()
            low, high = padded(kept.tolist(), log=log) if even else (float(kept.min()), float(kept.max()))
            return cls(low, high, log)
        low, high = limits
        if not (np.isfinite(low) and np.isfinite(high) and low < high and (low > 0 or not log)):
            kind = "positive, ascending" if log else "ascending"
            raise ValueError(f"expected {kind} limits of the colours, got {limits}; leave them out to fit the values")
        return cls(float(low), float(high), log)

    def levels(self, values: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
        """Return which colour each value has, 0 for the darkest; -1 for what is not a number.

        Example:
            >>> Shades(1.0, 100.0, log=True).levels(np.array([np.nan, 0.0, 1.0, 10.0, 1e9])).tolist()
            [-1, 0, 0, 32, 63]
        """
        count = len(heat_colours())
        ends = (np.log(self.low), np.log(self.high)) if self.log else (self.low, self.high)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = np.log(np.maximum(values, 0.0)) if self.log else np.asarray(values, dtype=float)
            share = (at - ends[0]) / (ends[1] - ends[0])
        levels = np.minimum(np.clip(np.nan_to_num(share, nan=0.0), 0, 1) * count, count - 1).astype(int)
        return np.where(np.isnan(values), -1, levels)

    def outside(self, values: Float[np.ndarray, "..."]) -> tuple[int, int]:
        """Return how many values lie below and above what the colours span."""
        return int((np.asarray(values) < self.low).sum()), int((np.asarray(values) > self.high).sum())


def paint(axes: Axes, x: np.ndarray, y: np.ndarray, levels: Int[np.ndarray, "rows columns"]) -> None:
    """Fill cells between ends in `x` and in `y`, one shape a colour; a hair of its own colour closes its seams."""
    for level in sorted(set(levels[levels >= 0].ravel().tolist())):
        colour = heat_colours()[level]
        shape = outline(x, y, levels == level)
        axes.add_patch(PathPatch(shape, facecolor=colour, edgecolor=colour, linewidth=0.8, zorder=1))


def outline(x: np.ndarray, y: np.ndarray, chosen: np.ndarray) -> Outline:
    """Return the chosen cells as one shape; neighbours in a row are one rectangle."""
    shapes = []
    for row, columns in enumerate(chosen):
        turns = np.flatnonzero(np.diff(np.concatenate([[False], columns, [False]])))
        for left, right in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True):
            corners = [(x[left], y[row]), (x[right], y[row]), (x[right], y[row + 1]), (x[left], y[row + 1])]
            shapes.append(Outline([*corners, corners[0]], closed=True))
    return Outline.make_compound_path(*shapes)


def draw_bar(drawing: Drawing, box: Box, shades: Shades, label: str) -> None:
    """Draw the colours of a scale in a box of height :data:`BAR`, with the quantity and its unit above."""
    write(drawing, box.left, box.top + 11, label, color=LIGHT["muted"])
    sides = ("left", "right", "top", "bottom")
    axes = add_axes(drawing, Box(box.left + 6, box.top + 17, box.width - 12, 10), spines=sides, grid="")
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    scale_axis(axes, "x", (shades.low, shades.high), log=shades.log, most=5)
    space = np.geomspace if shades.log else np.linspace
    count = len(heat_colours())
    paint(axes, space(shades.low, shades.high, count + 1), np.array([0.0, 1.0]), np.arange(count)[None])
