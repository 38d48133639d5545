"""What does the data look like?

A contact sheet: one column a class, the first examples of each in the order they came, one panel a data set. The
pictures are embedded as one PNG a panel at their own resolution, nothing is smoothed, and one grey scale (named in
the note) serves a whole panel, so that contrast can be judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure as Drawing

from basin.figures.figure import Cell, Figure
from basin.figures.palette import LIGHT
from basin.figures.style import Box, Layout, add_axes, compose, foot, new_drawing, panels, write
from basin.figures.words import LINE, TEXT, note_lines, number, span_of


@dataclass(frozen=True)
class Sheet:
    """Examples of one data set.

    Attributes:
        title: Its name and difficulty.
        images: `(examples, height, width)` or `(examples, height, width, channels)` with 1 or 3 channels, in any unit.
        labels: Class of each, 0 to classes - 1.
        classes: Names of the classes; their numbers if empty.
    """

    title: str
    images: Float[np.ndarray, "examples ..."]
    labels: Int[np.ndarray, "examples"]
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = self.images.shape
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
            raise ValueError(
                f"expected images of shape (examples, height, width[, 1 or 3]) in '{self.title}', got {shape}"
            )
        if self.labels.shape != shape[:1]:
            raise ValueError(
                f"expected {shape[0]} labels in '{self.title}', got {self.labels.shape}; pass one label an image"
            )

    def names(self) -> tuple[str, ...]:
        """Return the names of the classes, in their order."""
        return self.classes or tuple(str(label) for label in range(int(self.labels.max(initial=-1)) + 1))


def draw(name: str, title: str, caption: str, sheets: Sequence[Sheet], *, rows: int = 5) -> Figure:
    """Draw the first examples of each class of one or more data sets.

    Args:
        name: Stem of the figure's files.
        title: One line.
        caption: Which data, at which difficulty; the grey scale and the number of examples are added.
        sheets: One panel each.
        rows: How many examples of a class.

    Example:
        >>> sheet = Sheet("digits", np.zeros((4, 8, 8)), np.array([0, 1, 0, 1]))
        >>> draw("samples", "Samples", "", [sheet], rows=1).data["example"]
        [0, 1]
    """
    note = _note(sheets, rows)
    data = _data(sheets, rows)
    return compose(name, title, f"{caption} {note}".strip(), data, lambda layout: _draw(sheets, rows, layout))


def chosen(sheet: Sheet, rows: int) -> list[list[int]]:
    """Return, for each class, the positions of its first examples that are finite throughout."""
    finite = _finite(sheet)
    return [np.flatnonzero((sheet.labels == label) & finite)[:rows].tolist() for label in range(len(sheet.names()))]


def _finite(sheet: Sheet) -> np.ndarray:
    return np.array([np.isfinite(image).all() for image in sheet.images], dtype=bool)


def mosaic(sheet: Sheet, rows: int) -> np.ndarray:
    """Return the contact sheet as an RGBA array of bytes; gaps of one pixel and absent examples are transparent."""
    height, width = sheet.images.shape[1:3]
    picks = chosen(sheet, rows)
    canvas = np.zeros((rows * (height + 1) - 1, max(1, len(picks)) * (width + 1) - 1, 4), dtype=np.uint8)
    low, high = _range(sheet, rows)
    for column, positions in enumerate(picks):
        for row, position in enumerate(positions):
            picture = sheet.images[position].reshape(height, width, -1)
            grey = np.clip((picture - low) / max(high - low, 1e-12), 0, 1)
            top, left = row * (height + 1), column * (width + 1)
            canvas[top : top + height, left : left + width, :3] = np.rint(255 * grey)
            canvas[top : top + height, left : left + width, 3] = 255
    return canvas


def _range(sheet: Sheet, rows: int) -> tuple[float, float]:
    shown = [position for positions in chosen(sheet, rows) for position in positions]
    return (float(sheet.images[shown].min()), float(sheet.images[shown].max())) if shown else (0.0, 1.0)


def _draw(sheets: Sequence[Sheet], rows: int, layout: Layout) -> Drawing:
    width = panels(layout, max(1, len(sheets)), 0)[0].width
    width = min(width, 480.0)
    tallest = max((_height(sheet, rows, width) for sheet in sheets), default=20.0)
    boxes = panels(layout, max(1, len(sheets)), 42 + tallest, gap=24)
    lines = note_lines(_short(sheets, rows), layout.width)
    total = boxes[-1].top + boxes[-1].height + 16 + LINE * len(lines)
    drawing = new_drawing(layout.width, total)
    for sheet, box in zip(sheets, boxes, strict=False):
        _draw_sheet(drawing, sheet, Box(box.left, box.top, width, _height(sheet, rows, width)), rows)
    foot(drawing, lines, total)
    return drawing


def _height(sheet: Sheet, rows: int, width: float) -> float:
    picture = mosaic(sheet, rows)
    return width * picture.shape[0] / picture.shape[1]


def _draw_sheet(drawing: Drawing, sheet: Sheet, box: Box, rows: int) -> None:
    write(drawing, box.left, box.top + 12, sheet.title, size=TEXT, weight="bold")
    names = sheet.names()
    pitch = box.width / max(1, len(names))
    for index, name in enumerate(names):
        short = name[: max(1, int(pitch / 6.5))]
        write(drawing, box.left + (index + 0.5) * pitch, box.top + 34, short, color=LIGHT["muted"], ha="center")
    axes = add_axes(drawing, Box(box.left, box.top + 40, box.width, box.height), grid="", spines=())
    axes.set_axis_off()
    if any(chosen(sheet, rows)):
        axes.imshow(mosaic(sheet, rows), interpolation="none", aspect="auto")


def _note(sheets: Sequence[Sheet], rows: int) -> str:
    said = []
    for sheet in sheets:
        low, high = _range(sheet, rows)
        count = sum(len(positions) for positions in chosen(sheet, rows))
        size = "×".join(str(side) for side in sheet.images.shape[1:3])
        said.append(
            f"{sheet.title}: the first {count} examples by class, {size} pixels, "
            f"black = {number(low, 2)}, white = {number(high, 2)}."
        )
        lost = int((~_finite(sheet)).sum())
        if lost:
            said.append(f"{lost} with values that are not finite are left out.")
    return " ".join(said) or "No samples to show."


def _short(sheets: Sequence[Sheet], rows: int) -> list[str]:
    """Return the note in parts, for the drawing itself."""
    counts = [sum(len(positions) for positions in chosen(sheet, rows)) for sheet in sheets]
    return [f"n = {span_of(counts)} examples a panel", "the first of each class"]


def _data(sheets: Sequence[Sheet], rows: int) -> dict[str, list[Cell]]:
    """Return one row an example shown: where it is, its class, and its pixels' least, mean and largest value."""
    columns: dict[str, list[Cell]] = {name: [] for name in ("panel", "class", "example", "minimum", "mean", "maximum")}
    for sheet in sheets:
        for name, positions in zip(sheet.names(), chosen(sheet, rows), strict=True):
            for position in positions:
                pixels = sheet.images[position]
                facts = (float(pixels.min()), float(pixels.mean()), float(pixels.max()))
                for column, cell in zip(columns.values(), (sheet.title, name, position, *facts), strict=True):
                    column.append(cell)
    return columns
