"""Where labels at the ends of curves go so that none covers another.

The labels of n curves wish to stand at heights p_1 <= ... <= p_n, and label i is h_i high. They get the heights y
that minimise sum (y_i - p_i)^2 subject to y_(i+1) - y_i >= (h_i + h_(i+1)) / 2. With z_i = y_i less the room that the
labels below i take, the constraint reads z_1 <= ... <= z_n: isotonic regression, which SciPy solves exactly; limits
clip z.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from scipy.optimize import isotonic_regression

from basin.figures.palette import LIGHT
from basin.figures.style import write
from basin.figures.words import LINE, SMALL, text_width

_OFFSET = 14.0
"""Distance of labels from the axes' right edge, in pixels."""


class End(NamedTuple):
    """What is written right of the axes, at a height.

    Attributes:
        height: Of what is named, in the axes' unit.
        lines: Its name.
        colour: Of the name.
        weight: `bold` for curves, `normal` for references.
    """

    height: float
    lines: Sequence[str]
    colour: str
    weight: str = "bold"


def spread(wishes: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Return the centres of labels, as near to their wishes as they can stand without covering each other.

    Args:
        wishes: Where each would like its centre, in any unit and order.
        heights: How high each is, in the same unit.
        low: The lowest that a label may reach.
        high: The highest; labels that do not fit between the two reach over it.

    Example:
        >>> spread([5.0, 5.0, 20.0], [2.0, 2.0, 2.0], 0.0, 30.0)
        [4.0, 6.0, 20.0]
    """
    if not wishes:
        return []
    order = np.argsort(wishes, kind="stable")
    tall = np.asarray(heights, dtype=float)[order]
    room = np.concatenate([[0.0], np.cumsum((tall[:-1] + tall[1:]) / 2)])
    free = isotonic_regression(np.asarray(wishes, dtype=float)[order] - room).x
    bottom, top = low + tall[0] / 2, high - tall[-1] / 2 - room[-1]
    centres = np.empty(len(wishes))
    centres[order] = np.clip(free, bottom, max(bottom, top)) + room
    return centres.tolist()


def label_room(labels: Iterable[Sequence[str]]) -> float:
    """Return the room that labels at the ends of curves take right of the axes, in pixels."""
    return _OFFSET + 2 + max((text_width(line, bold=True) for lines in labels for line in lines), default=0.0)


def label_ends(axes: Axes, ends: Sequence[End]) -> None:
    """Write labels right of the axes at the heights of their curves' ends, with a leader to each that had to move.

    Args:
        axes: Their limits and scales must be set.
        ends: What is written; :func:`label_room` says how wide it is.
    """
    area = axes.get_window_extent()
    wishes = [float(np.clip(axes.transData.transform((1, end.height))[1], area.y0, area.y1)) for end in ends]
    tall = [LINE * len(end.lines) for end in ends]
    for centre, wish, end in zip(spread(wishes, tall, area.y0 - 8, area.y1 + 8), wishes, ends, strict=True):
        if abs(centre - wish) > 2:
            _leader(axes, wish, centre)
        first = centre + LINE * (len(end.lines) - 1) / 2 - 0.36 * SMALL
        for row, line in enumerate(end.lines):
            x, y = axes.transAxes.inverted().transform((area.x1 + _OFFSET, first - row * LINE))
            write(axes, x, y, line, color=end.colour, weight=end.weight, transform=axes.transAxes)


def lead_to_label(axes: Axes, x: float, y: float) -> None:
    """Draw a faint line from where a curve ends to the right edge, where its label is."""
    edge = axes.get_xlim()[1]
    if x < edge:
        axes.plot([x, edge], [y, y], color=LIGHT["rule"], linewidth=0.8, linestyle=(0, (1.5, 2)))


def _leader(axes: Axes, wish: float, centre: float) -> None:
    area = axes.get_window_extent()
    points = axes.transAxes.inverted().transform([(area.x1 + 1, wish), (area.x1 + _OFFSET - 2, centre)])
    axes.plot(*points.T, color=LIGHT["rule"], linewidth=0.8, transform=axes.transAxes, clip_on=False)
