"""What does a surface look like, and where do walkers go on it?

One panel a scene: the contours of a surface, walks over it as lines with their names beside them, and the points that
matter (minima, the start). A walk ends in a dot where it still is, or in a cross where it left the picture for good or
diverged. The axes have one scale, so that circles are round and a ravine is as narrow as it is.

An SVG stays small: a contour is as fine as the grid that is handed in (100 points a side are enough), a walk is drawn
with at most :data:`basin.figures.trails.MOST_POINTS` points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Rectangle

from basin.figures.figure import Cell, Figure
from basin.figures.palette import LIGHT, SERIES, series
from basin.figures.placement import Place, place
from basin.figures.relief import Mark, are_even, draw_mark, draw_relief, levels
from basin.figures.style import Box, Layout, add_axes, compose, foot, new_drawing, panels, scale_axis, write
from basin.figures.trails import Path, Trail, thinned, trail
from basin.figures.words import LINE, SMALL, TEXT, counted, note_lines, text_width

__all__ = ["Mark", "Panel", "Path", "draw"]

PATHS = "layer-paths"
"""The class of everything in a drawing that shows where walks went; a player hides it to move the walkers itself."""

_LEFT, _FOOT = 44.0, 40.0


@dataclass(frozen=True)
class Panel:
    """One scene.

    Attributes:
        title: May be empty where there is one panel.
        x: Ascending.
        y: Ascending.
        values: The surface, (y, x); what is not finite is left blank.
        paths: Walks over it.
        marks: Points that matter.
        heights: Of the contours; chosen from the values if not given.
    """

    title: str
    x: Float[np.ndarray, "columns"]
    y: Float[np.ndarray, "rows"]
    values: Float[np.ndarray, "rows columns"]
    paths: tuple[Path, ...] = ()
    marks: tuple[Mark, ...] = ()
    heights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.y), len(self.x)) or min(self.values.shape) < 2:
            raise ValueError(
                f"expected values of shape ({len(self.y)}, {len(self.x)}) in the panel '{self.title}', 2 points a side "
                f"at least, got {self.values.shape}"
            )

    @property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper corner of the picture."""
        return np.array([self.x[0], self.y[0]]), np.array([self.x[-1], self.y[-1]])

    def trail(self, path: Path) -> Trail:
        """Return what of a walk is seen."""
        return trail(path, *self.corners)


@dataclass(frozen=True)
class _Look:
    x_label: str
    y_label: str
    equal: bool
    names: tuple[str, ...]


def draw(
    name: str,
    title: str,
    caption: str,
    multiples: Sequence[Panel],
    *,
    x_label: str = "x",
    y_label: str = "y",
    equal: bool = True,
    note: str = "",
) -> Figure:
    """Draw walks over the contours of surfaces.

    Args:
        name: Stem of the figure's files.
        title: One line.
        caption: What is seen; the number of walks and what a cross means are added to it.
        multiples: One panel a scene. Walks of one name share a colour.
        x_label: Name of the first coordinate.
        y_label: Name of the second.
        equal: Whether a unit is as long on both axes; otherwise the picture fills its place.
        note: A few words more at the foot of the drawing, parts joined by " · ".

    Raises:
        ValueError: More names of walks than there are colours.

    Example:
        >>> x = np.linspace(-1, 1, 21)
        >>> down = Path("descent", np.array([[0.8, 0.6], [0.4, 0.1], [0.2, 0.0]]))
        >>> figure = draw("bowl", "A bowl", "", [Panel("", x, x, x**2 + 4 * x[:, None] ** 2, (down,))])
        >>> figure.caption
        'Contours at equal steps of height. n = 1 walk.'
    """
    names = tuple(dict.fromkeys(path.label for panel in multiples for path in panel.paths))
    if len(names) > len(SERIES):
        raise ValueError(f"expected at most {len(SERIES)} names of walks in '{name}', got {len(names)}; use panels")
    look = _Look(x_label, y_label, equal, names)
    said = _said(multiples)
    caption = " ".join(part for part in (caption, _spacing(multiples), f"{'; '.join(said)}.") if part)
    parts = [*(note.split(" · ") if note else []), *said]
    return compose(name, title, caption, _data(multiples), lambda layout: _draw(multiples, look, parts, layout))


def picture(panel: Panel, layout: Layout, count: int = 1, *, equal: bool = True) -> Box:
    """Return where the picture of a panel lies in its cell, the cell's top left corner being the origin."""
    across = max(1, min(layout.columns, count))
    width = (layout.width - 30.0 * (across - 1)) / across - _LEFT - 8
    tallest = 440.0 if across == 1 and layout.columns > 1 else 330.0
    (left, low), (right, high) = panel.corners
    ratio = (high - low) / (right - left) if equal else min(0.75, tallest / width)
    height = min(width * ratio, tallest)
    shown = min(width, height / ratio)
    head = (22.0 if panel.title else 4.0) + _room(height)
    centred = (width - shown) / 2 if across == 1 else 0.0
    return Box(_LEFT + centred, head, shown, height)


def _room(height: float) -> float:
    """Return the room for names above a picture that is too low to hold them all."""
    return max(0.0, 150.0 - height)


def _draw(multiples: Sequence[Panel], look: _Look, parts: Sequence[str], layout: Layout) -> Drawing:
    inner = [picture(panel, layout, len(multiples), equal=look.equal) for panel in multiples]
    height = max((box.top + box.height + _FOOT for box in inner), default=40.0)
    cells = panels(layout, max(1, len(multiples)), height, gap=30.0)
    lines = note_lines(parts, layout.width)
    total = cells[-1].top + height + 12 + LINE * len(lines)
    drawing = new_drawing(layout.width, total)
    for panel, cell, box in zip(multiples, cells, inner, strict=False):
        write(drawing, cell.left, cell.top + 12, panel.title, size=TEXT, weight="bold")
        axes = ground(drawing, panel, Box(cell.left + box.left, cell.top + box.top, box.width, box.height))
        _label_axes(axes, box, look)
        _draw_walks(axes, panel, look)
    foot(drawing, lines, total)
    return drawing


def ground(drawing: Drawing, panel: Panel, box: Box) -> Axes:
    """Draw a panel's surface and marks, without walks, and return its axes."""
    axes = add_axes(drawing, box, spines=("left", "right", "top", "bottom"), grid="")
    lower, upper = panel.corners
    scale_axis(axes, "x", (lower[0], upper[0]), log=False, most=6)
    scale_axis(axes, "y", (lower[1], upper[1]), log=False, most=6)
    draw_relief(axes, panel.x, panel.y, panel.values, list(panel.heights) or levels(panel.values))
    for mark in panel.marks:
        draw_mark(axes, mark)
    return axes


def _label_axes(axes: Axes, box: Box, look: _Look) -> None:
    style: dict[str, Any] = {"color": LIGHT["muted"], "transform": axes.transAxes}
    write(axes, 0.5, -32 / box.height, look.x_label, ha="center", **style)
    upright: dict[str, Any] = {"rotation": 90, "rotation_mode": "anchor", "ha": "center"}
    write(axes, -33 / box.width, 0.5, look.y_label, **upright, **style)


def _draw_walks(axes: Axes, panel: Panel, look: _Look) -> None:
    """Draw the walks, the names of walks and marks, and where each walk ends."""
    seen = [(path, found) for path in panel.paths if (found := panel.trail(path)).tip is not None]
    lines = []
    for path, found in seen:
        colour = series(look.names.index(path.label))
        pixels = [thinned(axes.transData.transform(piece)) for piece in found.pieces]
        lines.append(np.concatenate(pixels))
        back = axes.transData.inverted()
        for piece in pixels:
            axes.plot(*back.transform(piece).T, color=colour, linewidth=1.8, solid_capstyle="round", gid=PATHS)
    for path, found in seen:
        draw_tip(axes, found, series(look.names.index(path.label)), gid=PATHS)
    _write_names(axes, panel, [path.label for path, _ in seen], lines, look)


def draw_tip(axes: Axes, found: Trail, colour: str, gid: str | None = None) -> None:
    """Draw where a walk ends: a dot, or a cross if it was lost."""
    assert found.tip is not None
    lost: dict[str, Any] = {"marker": "x", "markersize": 8, "markeredgewidth": 2.2}
    style = lost if found.fate else {"marker": "o", "markersize": 6}
    axes.plot(*found.tip, color=colour, linestyle="none", clip_on=False, zorder=5, gid=gid, **style)


def _write_names(axes: Axes, panel: Panel, labels: list[str], lines: list[np.ndarray], look: _Look) -> None:
    named = [mark for mark in panel.marks if mark.label]
    spots = [axes.transData.transform([(mark.x, mark.y)]) for mark in named]
    area = axes.get_window_extent()
    symbols = [(x - 6, y - 6, x + 6, y + 6) for x, y in np.concatenate(spots)] if spots else []
    widths = [*(_width(label, "bold") for label in labels), *(_width(mark.label, "normal") for mark in named)]
    sizes = [(width, LINE) for width in widths]
    places = place([*lines, *spots], sizes, (area.x0, area.y0, area.x1, area.y1 + _room(area.height)), symbols)
    for label, where in zip(labels, places, strict=False):
        _write_name(axes, label, where, series(look.names.index(label)), "bold", PATHS)
    for mark, where in zip(named, places[len(labels) :], strict=True):
        _write_name(axes, mark.label, where, LIGHT["ink"], "normal", None)


def _width(text: str, weight: str) -> float:
    return text_width(text, bold=weight == "bold") + 6


def _write_name(axes: Axes, text: str, where: Place, colour: str, weight: str, gid: str | None) -> None:
    back = axes.transData.inverted()
    half = np.array([_width(text, weight) - 4, SMALL + 3]) / 2
    if where.gap > 10:
        near = np.clip(where.anchor, where.centre - half, where.centre + half)
        axes.plot(*back.transform([where.anchor, near]).T, color=LIGHT["rule"], linewidth=0.8, gid=gid, clip_on=False)
    low, high = back.transform([where.centre - half, where.centre + half])
    veil: dict[str, Any] = {"facecolor": LIGHT["surface"], "edgecolor": "none", "alpha": 0.72, "zorder": 5}
    axes.add_patch(Rectangle((low[0], low[1]), *(high - low), gid=gid, clip_on=False, **veil))
    x, y = back.transform(where.centre - [0, 0.36 * SMALL])
    write(axes, x, y, text, color=colour, weight=weight, ha="center", gid=gid, zorder=6)


def _spacing(multiples: Sequence[Panel]) -> str:
    """Say how far apart contours are, where they were chosen here."""
    even = {are_even(panel.values) for panel in multiples if not panel.heights and levels(panel.values)}
    words = {True: "equal steps of height", False: "equal factors of the height above the picture's lowest"}
    return f"Contours at {' or '.join(words[one] for one in sorted(even, reverse=True))}." if even else ""


def _said(multiples: Sequence[Panel]) -> list[str]:
    """Return what the drawing says of its walks: how many, and what became of those that were lost."""
    walks = [(path, panel.trail(path)) for panel in multiples for path in panel.paths]
    said = [f"n = {counted(len(walks), 'walk', 'walks')}"]
    for fate, words in (("left", "left the picture"), ("diverged", "diverged")):
        lost = list(dict.fromkeys(path.label for path, found in walks if found.fate == fate))
        if lost:
            said.append(f"×: {', '.join(lost)} {words}")
    return said


def _data(multiples: Sequence[Panel]) -> dict[str, list[Cell]]:
    """Return one row for each point of a walk, each mark and each height."""
    columns: dict[str, list[Cell]] = {key: [] for key in ("panel", "what", "label", "step", "x", "y", "value")}

    def add(*row: Cell) -> None:
        for column, cell in zip(columns.values(), row, strict=True):
            column.append(cell)

    for panel in multiples:
        for height in panel.heights or levels(panel.values):
            add(panel.title or None, "contour", None, None, None, None, float(height))
        for mark in panel.marks:
            add(panel.title or None, mark.symbol, mark.label or None, None, float(mark.x), float(mark.y), None)
        for path in panel.paths:
            for step, (x, y) in enumerate(path.finite.tolist()):
                value = None if path.values is None else float(path.values[step])
                kept = value if value is not None and math.isfinite(value) else None
                add(panel.title or None, "walk", path.label, step, x, y, kept)
    return columns
