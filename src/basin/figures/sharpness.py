"""How does a measure of the minimum depend on the batch size?

One point a seed over a logarithmic axis of batch sizes, the geometric mean with its interval beside them; one panel
a space (full, random subspace) and epsilon; one colour and mark for the best value found and another for the paper's
ten iterations, because a claim about sharpness holds only if both agree. Values at or below 0, which an optimiser
that never left its start returns, have no place on the logarithmic axis: they are drawn hollow at its lower edge and
counted in the note.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from basin.figures.band import LEVEL, band
from basin.figures.figure import Cell, Figure
from basin.figures.labels import End, label_ends, label_room
from basin.figures.palette import LIGHT, series
from basin.figures.style import Box, Layout, add_axes, compose, foot, new_drawing, padded, panels, scale_axis, write
from basin.figures.words import LINE, TEXT, counted, note_lines, number, span_of, wrap

_MARKS = "osD^v"
_HEIGHT = 224.0


@dataclass(frozen=True)
class Series:
    """One way of measuring, at several batch sizes.

    Attributes:
        label: Such as `best found` or `ten iterations`.
        batch_sizes: Ascending.
        values: One row a batch size, one column a seed; not finite where there is no value.
    """

    label: str
    batch_sizes: tuple[int, ...]
    values: Float[np.ndarray, "batches seeds"]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.values) != len(self.batch_sizes):
            raise ValueError(
                f"expected a row for each of {len(self.batch_sizes)} batch sizes in '{self.label}', "
                f"got {self.values.shape}"
            )


@dataclass(frozen=True)
class Panel:
    """What was measured in one space at one epsilon."""

    title: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class _Row:
    """One series at one batch size: its finite values and their geometric mean, if all are above 0."""

    batch_size: int
    values: np.ndarray
    mean: float
    low: float
    high: float

    @property
    def zeros(self) -> int:
        return int((self.values <= 0).sum())


def draw(
    name: str,
    title: str,
    caption: str,
    multiples: Sequence[Panel],
    *,
    label: str = "sharpness (%)",
    x_label: str = "batch size",
) -> Figure:
    """Draw a measure of the minimum against the batch size.

    Args:
        name: Stem of the figure's files.
        title: One line.
        caption: What is seen and under which protocol; n, the interval and what has no place on the axis are added.
        multiples: One panel each; their vertical axes span the same factor, so that slopes can be compared.
        label: Of the vertical axis, with its unit.
        x_label: Of the horizontal axis.

    Example:
        >>> best = Series("best found", (16, 143), np.array([[1.0, 2.0], [0.0, 8.0]]))
        >>> figure = draw("sharpness", "Sharpness", "", [Panel("full space, ε = 10⁻³", (best,))])
        >>> "1 value of best found at batch size 143 (full space, ε = 10⁻³) is 0 or less" in figure.caption
        True
    """
    note = _note(multiples)
    caption = f"{caption} {note}".strip()
    return compose(name, title, caption, _data(multiples), lambda layout: _draw(multiples, (label, x_label), layout))


def _rows(one: Series) -> list[_Row]:
    rows = []
    for size, values in zip(one.batch_sizes, one.values, strict=True):
        kept = values[np.isfinite(values)]
        positive = len(kept) > 0 and bool((kept > 0).all())
        result = band(kept[:, None], log=True) if positive else None
        ends = (result.mean[0], result.low[0], result.high[0]) if result else (math.nan,) * 3
        rows.append(_Row(size, kept, *(float(end) for end in ends)))
    return rows


def _draw(multiples: Sequence[Panel], labels: tuple[str, str], layout: Layout) -> Drawing:
    boxes = panels(layout, max(1, len(multiples)), _HEIGHT)
    lines = note_lines(_short(multiples), layout.width)
    total = boxes[-1].top + _HEIGHT + 12 + LINE * len(lines)
    drawing = new_drawing(layout.width, total)
    limits = [_limits(panel) for panel in multiples]
    span = math.sqrt(max((high / low for low, high in limits), default=10.0))
    for panel, box, (low, high) in zip(multiples, boxes, limits, strict=False):
        middle = math.sqrt(low * high)
        _draw_panel(drawing, panel, box, (middle / span, middle * span), labels)
    foot(drawing, lines, total)
    return drawing


def _limits(panel: Panel) -> tuple[float, float]:
    rows = [row for one in panel.series for row in _rows(one)]
    values = [value for row in rows for value in (*row.values, row.low, row.high)]
    return padded(values, log=True, share=0.25 if any(row.zeros for row in rows) else 0.1)


def _draw_panel(drawing: Drawing, panel: Panel, box: Box, limits: tuple[float, float], labels: tuple[str, str]) -> None:
    write(drawing, box.left, box.top + 12, panel.title, size=TEXT, weight="bold")
    write(drawing, box.left, box.top + 28, labels[0], color=LIGHT["muted"])
    words = {one.label: wrap(one.label, 96, bold=True) for one in panel.series}
    right = label_room(words.values())
    height = box.height - 42 - 38
    axes = add_axes(drawing, Box(box.left + 48, box.top + 42, box.width - 48 - right, height))
    _set_scales(axes, panel, limits)
    write(axes, 0.5, -32 / height, labels[1], color=LIGHT["muted"], ha="center", transform=axes.transAxes)
    ends = []
    for index, one in enumerate(panel.series):
        rows = _rows(one)
        _draw_series(axes, rows, index, len(panel.series))
        heights = [row.mean for row in rows if math.isfinite(row.mean)]
        ends.append(End(heights[-1] if heights else limits[0], words[one.label], series(index)))
    label_ends(axes, ends)
    if not any(len(row.values) for one in panel.series for row in _rows(one)):
        write(axes, 0.5, 0.5, "nothing measured", color=LIGHT["muted"], ha="center", transform=axes.transAxes)


def _set_scales(axes: Axes, panel: Panel, limits: tuple[float, float]) -> None:
    sizes = sorted({size for one in panel.series for size in one.batch_sizes})
    span = (min(sizes), max(sizes)) if sizes else (1, 10)
    share = math.exp(max(0.4 / max(1, len(sizes) - 1), 0.2) * max(math.log(span[1] / span[0]), 0.7))
    scale_axis(axes, "x", (span[0] / share, span[1] * share), log=True)
    axes.set_xticks(sizes, [number(size, 6) for size in sizes])
    scale_axis(axes, "y", limits, log=True, most=6)


def _draw_series(axes: Axes, rows: Sequence[_Row], index: int, count: int) -> None:
    """Draw the points of one series, each seed a little aside of the last, and the means."""
    colour, mark = series(index), _MARKS[index % len(_MARKS)]
    low, high = axes.get_xlim()
    pixel = (high / low) ** (1 / axes.get_window_extent().width)
    aside = _pitch(axes, rows, count) * (index - (count - 1) / 2)
    for row in rows:
        x = row.batch_size * pixel ** (aside - 6 + np.linspace(-4.5, 4.5, len(row.values)) * (len(row.values) > 1))
        positive = row.values > 0
        axes.plot(x[positive], row.values[positive], mark, color=colour, alpha=0.45, markersize=5, markeredgewidth=0)
        floor = [axes.get_ylim()[0]] * row.zeros
        axes.plot(x[~positive], floor, "v", color=LIGHT["surface"], markeredgecolor=colour, markersize=6, clip_on=False)
    centres = [row.batch_size * pixel ** (aside + 7) for row in rows]
    means = [row.mean for row in rows]
    axes.plot(centres, means, color=colour, linewidth=1, alpha=0.6)
    for x, row in zip(centres, rows, strict=True):
        axes.plot([x, x], [row.low, row.high], color=colour, linewidth=2.5)
    axes.plot(centres, means, mark, color=colour, markersize=8, markeredgecolor=LIGHT["surface"], markeredgewidth=1.2)


def _pitch(axes: Axes, rows: Sequence[_Row], count: int) -> float:
    """Return how far apart two series stand at one batch size, in pixels: as far as the next batch size allows."""
    places = [axes.transData.transform((row.batch_size, 1.0))[0] for row in rows]
    return min([30.0, *(0.9 * gap / count for gap in np.diff(places))])


def _note(multiples: Sequence[Panel]) -> str:
    rows = [(panel, one, row) for panel in multiples for one in panel.series for row in _rows(one)]
    if not rows:
        return "Nothing was measured."
    counts = [len(row.values) for _, _, row in rows]
    what = "hence no interval" if max(counts) < 2 else f"large marks: geometric mean with {LEVEL * 100:g} % interval"
    said = [f"Small marks: {span_of(counts)} {'seed' if max(counts) == 1 else 'seeds'} a batch size; {what}."]
    for panel, one, row in rows:
        where = f"of {one.label} at batch size {row.batch_size} ({panel.title})"
        if row.zeros:
            out = counted(row.zeros, f"value {where} is", f"values {where} are")
            said.append(f"{out} 0 or less (▽ at the edge); no mean there.")
    for place, one in ((panel.title, one) for panel in multiples for one in panel.series):
        lost = int((~np.isfinite(one.values)).sum())
        if lost:
            values = f"of {one.values.size} values of {one.label} ({place})"
            said.append(f"{counted(lost, f'{values} is', f'{values} are')} missing.")
    return " ".join(said)


def _short(multiples: Sequence[Panel]) -> list[str]:
    """Return the note in parts, for the drawing itself."""
    rows = [row for panel in multiples for one in panel.series for row in _rows(one)]
    said = [
        f"n = {span_of([len(row.values) for row in rows])} seeds",
        f"large mark: geometric mean, {LEVEL * 100:g} % interval",
    ]
    return said + ["▽: 0 or less"] * any(row.zeros for row in rows)


def _data(multiples: Sequence[Panel]) -> dict[str, list[Cell]]:
    columns: dict[str, list[Cell]] = {name: [] for name in ("panel", "series", "batch_size", "run", "value")}
    for panel in multiples:
        for one in panel.series:
            for size, values in zip(one.batch_sizes, one.values.tolist(), strict=True):
                for run, value in enumerate(values, start=1):
                    for column, cell in zip(columns.values(), (panel.title, one.label, size, run, value), strict=True):
                        column.append(cell)
    return columns
