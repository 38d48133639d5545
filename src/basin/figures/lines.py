"""How does one quantity depend on another, and does theory lie on the measurement?

One panel a setting. A line is labelled at its end; measured values are points or a solid line, theory is dashed. A band
is whatever the caller says it is: it is named in the caption. Reference lines (a threshold, a published figure) are
thin, with their name beside them, on the right with those of the lines or above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from basin.figures.figure import Cell, Figure
from basin.figures.labels import End, label_ends, label_room, lead_to_label, spread
from basin.figures.palette import LIGHT, SERIES, series
from basin.figures.style import (
    Box,
    Layout,
    add_axes,
    compose,
    foot,
    new_drawing,
    padded,
    panels,
    scale_axis,
    set_log_ticks,
    tick_texts,
    write,
    write_head,
)
from basin.figures.words import LINE, note_lines, text_width, wrap

Style = Literal["solid", "dashed", "dotted", "points"]

_FEW, _SHORT = 7, 6
"""The most measured places, and the most characters of each, that take the place of round ticks."""

_DASHES = {"solid": "solid", "dashed": (0, (5, 2.5)), "dotted": (0, (1.5, 2)), "points": "none"}


@dataclass(frozen=True)
class Line:
    """One quantity as a function of another.

    Attributes:
        label: Its name, short: it stands at the end of the line. Lines of one name share a colour, and the first of
            them carries the label: theory beside its measurement.
        x: Where, ascending.
        y: The quantity there; NaN where there is none.
        low: Lower end of its band, if it has one.
        high: Upper end.
        style: `solid` or `points` for what was measured, `dashed` for theory, `dotted` for another arm.
    """

    label: str
    x: Float[np.ndarray, "points"]
    y: Float[np.ndarray, "points"]
    low: Float[np.ndarray, "points"] | None = None
    high: Float[np.ndarray, "points"] | None = None
    style: Style = "solid"

    def __post_init__(self) -> None:
        for part in (self.y, self.low, self.high):
            if part is not None and np.shape(part) != np.shape(self.x):
                raise ValueError(f"expected {len(self.x)} values for '{self.label}', got shape {np.shape(part)}")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"expected both ends of a band for '{self.label}', got one")


@dataclass(frozen=True)
class Mark:
    """A reference line across a panel, at a value of `x` or of `y`."""

    label: str
    x: float | None = None
    y: float | None = None

    def __post_init__(self) -> None:
        if (self.x is None) == (self.y is None):
            raise ValueError(f"expected an x or a y for the mark '{self.label}', got {self.x} and {self.y}")


@dataclass(frozen=True)
class Panel:
    """The lines of one setting.

    Attributes:
        title: May be empty.
        lines: What is drawn, in this order.
        marks: References.
        x_label: Of its own horizontal axis, where panels differ in it.
        y_label: Of its own vertical axis.
    """

    title: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()
    x_label: str = ""
    y_label: str = ""


@dataclass(frozen=True)
class _Axis:
    x_label: str
    y_label: str
    log_x: bool
    log_y: bool
    labels: tuple[str, ...]
    titled: bool
    right: float

    def colour(self, label: str) -> str:
        """Return the colour of a line by its name."""
        return series(self.labels.index(label))


def draw(
    name: str,
    title: str,
    caption: str,
    multiples: Sequence[Panel],
    *,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
    note: str = "",
) -> Figure:
    """Draw quantities as functions of another, with theory beside them.

    Args:
        name: Stem of the figure's files.
        title: One line.
        caption: What is seen, what the bands are, and what n is.
        multiples: One panel each; each has its own vertical axis.
        x_label: With its unit.
        y_label: With its unit.
        log_x: Whether the horizontal axis is logarithmic; what lies at or below 0 has no place there.
        log_y: Whether the vertical axis is.
        note: A few words at the foot of the drawing itself, such as "n = 20 draws · band: 95 % interval".

    Raises:
        ValueError: More names in a figure than there are colours.

    Example:
        >>> rate = np.array([0.1, 0.2])
        >>> figure = draw("decay", "Decay", "One start.", [Panel("", (Line("measured", rate, 1 - rate),))],
        ...               x_label="rate", y_label="factor")
        >>> figure.data["y"]
        [0.9, 0.8]
    """
    labels = tuple(dict.fromkeys(line.label for panel in multiples for line in panel.lines))
    if len(labels) > len(SERIES):
        raise ValueError(f"expected at most {len(SERIES)} names of lines in '{name}', got {len(labels)}; use panels")
    level = [mark.label for panel in multiples for mark in panel.marks if mark.y is not None]
    right = label_room(_name(text) for text in [*labels, *level])
    axis = _Axis(x_label, y_label, log_x, log_y, labels, any(panel.title for panel in multiples), right)
    return compose(name, title, caption, _data(multiples), lambda layout: _draw(multiples, axis, note, layout))


def _draw(multiples: Sequence[Panel], axis: _Axis, note: str, layout: Layout) -> Drawing:
    height = 250.0 if layout.columns == 1 or len(multiples) > 1 else 320.0
    boxes = panels(layout, max(1, len(multiples)), height, top=4.0)
    lines = note_lines(note.split(" · "), layout.width) if note else []
    total = boxes[-1].top + height + 12 + LINE * len(lines)
    drawing = new_drawing(layout.width, total)
    for panel, box in zip(multiples, boxes, strict=False):
        _draw_panel(drawing, panel, box, axis)
    foot(drawing, lines, total)
    return drawing


def _draw_panel(drawing: Drawing, panel: Panel, box: Box, axis: _Axis) -> None:
    head = write_head(drawing, box, panel.title, panel.y_label or axis.y_label, titled=axis.titled)
    head += 10 * any(mark.x is not None for mark in panel.marks)
    height = box.height - head - 38
    axes = add_axes(drawing, Box(box.left + 42, box.top + head, box.width - 42 - axis.right, height))
    _set_scales(axes, panel, axis)
    below = panel.x_label or axis.x_label
    write(axes, 0.5, -32 / height, below, color=LIGHT["muted"], ha="center", transform=axes.transAxes)
    _draw_marks(axes, panel.marks)
    for line in panel.lines:
        _draw_line(axes, line, axis)
    ends: dict[str, tuple[float, float]] = {}
    for line in panel.lines:
        shown = np.flatnonzero(_shown(line, axis))
        if len(shown):
            ends.setdefault(line.label, (float(np.asarray(line.x)[shown[-1]]), float(np.asarray(line.y)[shown[-1]])))
    for x, y in ends.values():
        lead_to_label(axes, x, y)
    names = [End(y, _name(label), axis.colour(label)) for label, (_, y) in ends.items()]
    level = [End(mark.y, _name(mark.label), LIGHT["muted"], "normal") for mark in panel.marks if mark.y is not None]
    label_ends(axes, [*names, *level])


def _name(label: str) -> list[str]:
    return wrap(label, 108, bold=True)


def _shown(line: Line, axis: _Axis) -> np.ndarray:
    """Return which points have a place on the axes."""
    x, y = np.asarray(line.x), np.asarray(line.y)
    return np.isfinite(x) & np.isfinite(y) & ((x > 0) | (not axis.log_x)) & ((y > 0) | (not axis.log_y))


def _set_scales(axes: Axes, panel: Panel, axis: _Axis) -> None:
    x = [float(v) for line in panel.lines for v in np.asarray(line.x)[_shown(line, axis)]]
    parts = [(line, part) for line in panel.lines for part in (line.y, line.low, line.high) if part is not None]
    y = [float(v) for line, part in parts for v in np.asarray(part)[_shown(line, axis)]]
    x += [mark.x for mark in panel.marks if mark.x is not None]
    y += [mark.y for mark in panel.marks if mark.y is not None]
    x_limits = (min(x), max(x)) if x and min(x) < max(x) else padded(x, log=axis.log_x)
    scale_axis(axes, "x", x_limits, log=axis.log_x, most=5)
    if axis.log_x:
        _tick_what_was_measured(axes, panel)
    scale_axis(axes, "y", padded(y, log=axis.log_y), log=axis.log_y)


def _tick_what_was_measured(axes: Axes, panel: Panel) -> None:
    """Put the ticks of a logarithmic axis at the few places where something was measured, if they fit."""
    measured = [line for line in panel.lines if line.style != "dashed"]
    places = sorted({float(x) for line in measured for x in np.asarray(line.x) if x > 0})
    if not 2 <= len(places) <= _FEW:
        return
    texts = tick_texts(places)
    centres = np.array([_pixel(axes, 0, place) for place in places])
    widths = np.array([text_width(text) for text in texts])
    short = all(len(text) <= _SHORT for text in texts)
    if short and (np.diff(centres) >= (widths[1:] + widths[:-1]) / 2 + 8).all():
        set_log_ticks(axes, "x", places)


def _draw_line(axes: Axes, line: Line, axis: _Axis) -> None:
    colour, shown = axis.colour(line.label), _shown(line, axis)
    x, y = np.asarray(line.x), np.where(shown, line.y, np.nan)
    if line.low is not None and line.high is not None:
        floor = axes.get_ylim()[0]
        low = np.maximum(line.low, floor) if axis.log_y else line.low
        axes.fill_between(x, low, line.high, where=shown.tolist(), color=colour, alpha=0.16, linewidth=0)
    marker = "o" if line.style == "points" else ""
    style = {"linestyle": _DASHES[line.style], "marker": marker, "markersize": 5, "clip_on": not marker}
    axes.plot(x, y, color=colour, linewidth=2, **style)


def _draw_marks(axes: Axes, marks: Sequence[Mark]) -> None:
    """Draw reference lines, and the names of those that stand upright, as near to them as they can."""
    across: dict[str, Any] = {"color": LIGHT["rule"], "linewidth": 1, "linestyle": (0, (3, 3))}
    area = axes.get_window_extent()
    upright = [(mark.label, mark.x) for mark in marks if mark.x is not None]
    style: dict[str, Any] = {"color": LIGHT["muted"], "transform": axes.transAxes}
    wishes = [_pixel(axes, 0, x) for _, x in upright]
    widths = [text_width(label) + 8 for label, _ in upright]
    for (label, x), centre in zip(upright, spread(wishes, widths, area.x0, area.x1), strict=True):
        axes.axvline(x, **across)
        write(axes, (centre - area.x0) / area.width, 1 + 3 / area.height, label, ha="center", **style)
    for mark in marks:
        if mark.y is not None:
            axes.axhline(mark.y, **across)


def _pixel(axes: Axes, which: int, value: float) -> float:
    """Return where a value of `x` (0) or `y` (1) lies in the drawing."""
    corner = (axes.get_xlim()[0], axes.get_ylim()[0])
    return float(axes.transData.transform((value, corner[1]) if which == 0 else (corner[0], value))[which])


def _data(multiples: Sequence[Panel]) -> dict[str, list[Cell]]:
    """Return one row a point."""
    columns: dict[str, list[Cell]] = {key: [] for key in ("panel", "line", "style", "x", "y", "low", "high")}
    for panel in multiples:
        for line in panel.lines:
            empty = np.full(len(line.x), np.nan)
            low, high = (empty if end is None else np.asarray(end) for end in (line.low, line.high))
            for x, y, a, b in zip(np.asarray(line.x), np.asarray(line.y), low, high, strict=True):
                row = (panel.title, line.label, line.style, *(_cell(float(value)) for value in (x, y, a, b)))
                for column, cell in zip(columns.values(), row, strict=True):
                    column.append(cell)
    return columns


def _cell(value: float) -> float | None:
    return value if math.isfinite(value) else None
