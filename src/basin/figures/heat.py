"""How does a quantity depend on two others at once, such as a network's width and the number of epochs?

One panel a quantity, side by side on one scale of colours: training error beside test error. Each cell stands where
something was measured and has the one colour of its value; nothing is interpolated. A cell without a value is crossed
out. A line of places (the interpolation threshold of each row) runs over the cells, dotted at both ends of its
interval, and a dot may mark the lowest or the highest cell of each column or row.
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
from matplotlib.patches import PathPatch

from basin.figures.cells import Grid, Scale
from basin.figures.figure import Cell, Figure
from basin.figures.heat_key import Sign, dot, draw_key, key_lines, stroke
from basin.figures.palette import LIGHT
from basin.figures.shades import BAR, Shades, draw_bar, outline, paint
from basin.figures.style import Box, Layout, add_axes, compose, foot, new_drawing, panels, write, write_head
from basin.figures.words import LINE, counted, note_lines, number, text_width

__all__ = ["Best", "Panel", "Places", "draw"]

Each = Literal["row", "column"]

_LEFT = 46.0


@dataclass(frozen=True)
class Places:
    """A line over the cells: one place on the horizontal axis for each row, or on the vertical one for each column.

    Attributes:
        label: Its name, for the key.
        at: Where, in the unit of the axis; NaN where there is none.
        low: Lower end of its interval, if it has one.
        high: Upper end.
        each: Of what there is one place each.
    """

    label: str
    at: Float[np.ndarray, "lines"]
    low: Float[np.ndarray, "lines"] | None = None
    high: Float[np.ndarray, "lines"] | None = None
    each: Each = "row"

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError(f"expected both ends of the interval of '{self.label}', got one")

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        """The places, and the ends of their interval where they have one."""
        return tuple(np.asarray(part, dtype=float) for part in (self.at, self.low, self.high) if part is not None)


@dataclass(frozen=True)
class Best:
    """A dot on the cell with the lowest or the highest value of each column or row; the first of equals.

    Attributes:
        label: Its name, for the key: "lowest test error of each width".
        kind: Which value.
        each: Of what there is one dot each.
    """

    label: str
    kind: Literal["lowest", "highest"] = "lowest"
    each: Each = "column"

    def cells(self, values: Float[np.ndarray, "rows columns"]) -> list[tuple[int, int]]:
        """Return row and column of each cell with a dot; what has no value at all has none.

        Example:
            >>> Best("lowest").cells(np.array([[3.0, np.nan, 1.0], [2.0, np.nan, 1.0]]))
            [(1, 0), (0, 2)]
        """
        by = values if self.each == "row" else values.T
        worst = math.inf if self.kind == "lowest" else -math.inf
        filled = np.where(np.isnan(by), worst, by)
        found = filled.argmin(axis=1) if self.kind == "lowest" else filled.argmax(axis=1)
        kept = [(line, int(found[line])) for line in range(len(by)) if not np.isnan(by[line]).all()]
        return kept if self.each == "row" else [(cell, line) for line, cell in kept]


@dataclass(frozen=True)
class Panel:
    """One quantity over the cells.

    Attributes:
        title: May be empty where there is one panel.
        x: Where the columns are: ascending numbers, or names.
        y: Where the rows are, from the bottom up.
        values: The quantity, (rows, columns); NaN where it was not measured.
        lines: Places over the cells.
        best: Dots on the cells.
    """

    title: str
    x: Sequence[float] | Sequence[str] | np.ndarray
    y: Sequence[float] | Sequence[str] | np.ndarray
    values: Float[np.ndarray, "rows columns"]
    lines: tuple[Places, ...] = ()
    best: tuple[Best, ...] = ()

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.y), len(self.x)):
            raise ValueError(
                f"expected values of shape ({len(self.y)}, {len(self.x)}), rows by columns, in the panel "
                f"'{self.title}', got {self.values.shape}"
            )
        for line in self.lines:
            count = len(self.y if line.each == "row" else self.x)
            if any(part.shape != (count,) for part in line.parts):
                shapes = [part.shape for part in line.parts]
                raise ValueError(f"expected {count} places for '{line.label}', one a {line.each}, got {shapes}")


@dataclass(frozen=True)
class _Look:
    x_label: str
    y_label: str
    scale_x: Scale
    scale_y: Scale
    label: str
    shades: Shades
    titled: bool
    names: tuple[str, ...]

    def grids(self, panel: Panel) -> tuple[Grid, Grid]:
        """Return both axes of a panel."""
        return Grid(tuple(_plain(panel.x)), self.scale_x), Grid(tuple(_plain(panel.y)), self.scale_y)


def draw(
    name: str,
    title: str,
    caption: str,
    multiples: Sequence[Panel],
    *,
    x_label: str,
    y_label: str,
    label: str,
    scale_x: Scale = "linear",
    scale_y: Scale = "linear",
    log: bool = False,
    limits: tuple[float, float] | None = None,
    note: str = "",
) -> Figure:
    """Draw quantities over two axes as coloured cells.

    Args:
        name: Stem of the figure's files.
        title: One line.
        caption: What is seen, and what n is; what could not be shown is added to it.
        multiples: One panel a quantity, all on one scale of colours.
        x_label: With its unit.
        y_label: With its unit.
        label: Of the quantity, with its unit: it stands over the bar of colours.
        scale_x: `linear`, `log`, or `category` for cells of one size; names are always categories.
        scale_y: As `scale_x`.
        log: Whether the colours run with the logarithm of the quantity.
        limits: What the darkest and the lightest colour mean; the least and the largest value if not given.
        note: A few words at the foot of the drawing itself, such as "n = 3 seeds a cell".

    Raises:
        ValueError: Axes that are not ascending, or not positive where they are logarithmic; lines of places over axes
            of names.

    Example:
        >>> error = np.array([[30.0, 20.0], [25.0, np.nan]])
        >>> figure = draw("map", "Test error", "", [Panel("", [1, 10], [4, 8], error)], x_label="epoch",
        ...               y_label="width", label="test error (%)", scale_x="log", scale_y="log")
        >>> figure.caption
        '1 cell of 4 not measured: crossed out.'
    """
    shades = Shades.over([panel.values for panel in multiples], log=log, limits=limits)
    names = tuple(dict.fromkeys(line.label for panel in multiples for line in panel.lines))
    titled = any(panel.title for panel in multiples)
    look = _Look(x_label, y_label, scale_x, scale_y, label, shades, titled, names)
    caption = " ".join(part for part in (caption, *_said(multiples, shades)) if part)
    return compose(name, title, caption, _data(multiples), lambda layout: _draw(multiples, look, note, layout))


def _draw(multiples: Sequence[Panel], look: _Look, note: str, layout: Layout) -> Drawing:
    height = 320.0 if len(multiples) > 1 else 360.0
    boxes = panels(layout, max(1, len(multiples)), height, top=BAR + 14)
    key = key_lines(_signs(multiples, look), layout.width)
    lines = note_lines(note.split(" · "), layout.width) if note else []
    bottom = boxes[-1].top + height + 8
    total = bottom + LINE * (len(key) + len(lines)) + 6
    drawing = new_drawing(layout.width, total)
    draw_bar(drawing, Box(0, 0, min(layout.width, 344.0), BAR), look.shades, look.label)
    for panel, box in zip(multiples, boxes, strict=False):
        _draw_panel(drawing, panel, box, look)
    draw_key(drawing, key, bottom + 4)
    foot(drawing, lines, total)
    return drawing


def _draw_panel(drawing: Drawing, panel: Panel, box: Box, look: _Look) -> None:
    head = write_head(drawing, box, panel.title, look.y_label, titled=look.titled)
    x, y = look.grids(panel)
    left = max(_LEFT, *(10 + text_width(text) for text in y.texts()))
    inner = Box(box.left + left, box.top + head, box.width - left - 12, box.height - head - 38)
    axes = add_axes(drawing, inner, spines=("left", "right", "top", "bottom"), grid="")
    x.set_ticks(axes, "x")
    y.set_ticks(axes, "y")
    write(axes, 0.5, -32 / inner.height, look.x_label, color=LIGHT["muted"], ha="center", transform=axes.transAxes)
    paint(axes, x.edges, y.edges, look.shades.levels(panel.values))
    _cross_out(axes, x, y, np.isnan(panel.values))
    for line in panel.lines:
        _draw_places(axes, line, x, y, look.names.index(line.label))
    for best in panel.best:
        rows, columns = np.array(best.cells(panel.values), dtype=int).reshape(-1, 2).T
        dot(axes, x.centres[columns].tolist(), y.centres[rows].tolist(), kind=best.kind)


def _cross_out(axes: Axes, x: Grid, y: Grid, missing: np.ndarray) -> None:
    """Shade the cells without a value and draw a diagonal through each."""
    if not missing.any():
        return
    axes.add_patch(PathPatch(outline(x.edges, y.edges, missing), facecolor=LIGHT["shade"], linewidth=0, zorder=1))
    for row, column in np.argwhere(missing).tolist():
        ends = x.edges[column : column + 2], y.edges[row : row + 2]
        axes.plot(*ends, color=LIGHT["rule"], linewidth=1, zorder=1.5)


def _draw_places(axes: Axes, line: Places, x: Grid, y: Grid, index: int) -> None:
    across, along = (x, y) if line.each == "row" else (y, x)
    for part, places in reversed(list(enumerate(line.parts))):  # the line itself over its interval
        at = across.put(places)
        points = (at, along.centres) if line.each == "row" else (along.centres, at)
        stroke(axes, *(side.tolist() for side in points), style="dotted" if part else _style(index))


def _style(index: int) -> Literal["solid", "dashed"]:
    return "dashed" if index % 2 else "solid"


def _signs(multiples: Sequence[Panel], look: _Look) -> list[Sign]:
    """Return what the key explains, in the order of the drawing."""
    lines = {line.label: line for panel in reversed(multiples) for line in panel.lines}
    signs = [Sign(_style(index), label) for index, label in enumerate(look.names)]
    signs += [Sign("dotted", f"interval of the {label}") for label in look.names if lines[label].low is not None]
    signs += [Sign(best.kind, best.label) for best in dict.fromkeys(b for panel in multiples for b in panel.best)]
    if any(np.isnan(panel.values).any() for panel in multiples):
        signs.append(Sign("missing", "not measured"))
    return signs


def _said(multiples: Sequence[Panel], shades: Shades) -> list[str]:
    """Return what the caption says of cells that have no value, or more or less than the colours span."""
    values = np.concatenate([panel.values.ravel() for panel in multiples]) if multiples else np.zeros(0)
    missing = int(np.isnan(values).sum())
    below, above = shades.outside(values)
    said = ["No cells to show."] if not len(values) else []
    if missing:
        said.append(f"{counted(missing, 'cell', 'cells')} of {len(values)} not measured: crossed out.")
    for count, where, end in ((below, "below", shades.low), (above, "above", shades.high)):
        if count:
            colour = "darkest" if where == "below" else "lightest"
            said.append(f"{counted(count, 'cell', 'cells')} {where} {number(end)}: in the {colour} colour.")
    return said


def _plain(values: Sequence[float] | Sequence[str] | np.ndarray) -> list[Any]:
    return np.asarray(values).tolist()


def _data(multiples: Sequence[Panel]) -> dict[str, list[Cell]]:
    """Return one row a cell, and one a place of each line."""
    columns: dict[str, list[Cell]] = {key: [] for key in ("panel", "what", "x", "y", "value", "low", "high")}

    def add(*row: Cell) -> None:
        for column, cell in zip(columns.values(), row, strict=True):
            column.append(_cell(cell))

    for panel in multiples:
        x, y = _plain(panel.x), _plain(panel.y)
        for row, column in np.ndindex(panel.values.shape):
            add(panel.title or None, "cell", x[column], y[row], float(panel.values[row, column]), None, None)
        for line in panel.lines:
            at, *interval = line.parts
            low, high = interval or (np.full(len(at), np.nan),) * 2
            for i, of in enumerate(y if line.each == "row" else x):
                where = (float(at[i]), of) if line.each == "row" else (of, float(at[i]))
                add(panel.title or None, line.label, *where, None, float(low[i]), float(high[i]))
    return columns


def _cell(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
