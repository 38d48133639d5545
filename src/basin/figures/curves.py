"""How does a metric go as training goes on, and how far apart are the seeds?

One line an arm, the mean over its seeds, with a band that is the interval of that mean; one panel a data set or
protocol. Arms differ in colour and are labelled at their ends; splits (test, train) differ in the dash. A run that
diverged is drawn as a thin line up to a cross and is in no mean.
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
from matplotlib.lines import Line2D

from basin.figures.band import LEVEL, Band, band
from basin.figures.figure import Cell, Figure
from basin.figures.labels import End, label_ends, label_room, lead_to_label
from basin.figures.palette import LIGHT, series
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
    write,
    write_head,
)
from basin.figures.words import LINE, counted, note_lines, span_of, text_width, wrap

_DASHES = ("solid", (0, (5, 2.5)), (0, (1.5, 2)))


@dataclass(frozen=True)
class Curve:
    """One metric of one arm as training goes on.

    Attributes:
        arm: Its label, short: it stands at the end of the line.
        x: Where it was measured, ascending.
        values: One row a seed, in the unit of the axis; NaN after the last point of a run that ended early.
        split: `test`, `train` or another word; where a panel has two, they differ in the dash.
        outcomes: How each seed's run ended (`completed`, `stopped`, `diverged`, `failed`).
    """

    arm: str
    x: Float[np.ndarray, "points"]
    values: Float[np.ndarray, "seeds points"]
    split: str = "test"
    outcomes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.x):
            raise ValueError(
                f"expected values of shape (seeds, {len(self.x)}) for '{self.arm}', got {self.values.shape}"
            )

    def band(self, *, log: bool) -> Band:
        """Return the mean over seeds and its interval."""
        return band(self.values, outcomes=self.outcomes, log=log)


@dataclass(frozen=True)
class Panel:
    """The curves of one data set or protocol.

    Attributes:
        title: May be empty.
        curves: What is drawn, in this order; arms are labelled by their curves of the first split.
        x_label: Of its own horizontal axis, where panels differ in it.
        y_label: Of its own vertical axis.
    """

    title: str
    curves: tuple[Curve, ...]
    x_label: str = ""
    y_label: str = ""


@dataclass(frozen=True)
class _Axis:
    x_label: str
    y_label: str
    log_x: bool
    log_y: bool
    arms: tuple[str, ...]
    splits: tuple[str, ...]
    titled: bool

    def dash(self, split: str) -> Any:
        """Return how a split is drawn: solid if it is the first, or if no panel has two."""
        return _DASHES[self.splits.index(split) % len(_DASHES)] if self.splits else _DASHES[0]


def draw(
    name: str,
    title: str,
    caption: str,
    multiples: Sequence[Panel],
    *,
    x_label: str = "epochs",
    y_label: str = "error (%)",
    log_x: bool = False,
    log_y: bool = False,
) -> Figure:
    """Draw a metric against training for several arms, with bands over seeds.

    Args:
        name: Stem of the figure's files.
        title: One line.
        caption: What is seen and under which protocol; n, the bands and the runs left out are added to it.
        multiples: One panel each; each has its own vertical axis.
        x_label: With its unit.
        y_label: With its unit.
        log_x: Whether the horizontal axis is logarithmic; what lies at or below 0 is then left out, and said.
        log_y: Whether the vertical axis is; means and intervals are then those of the logarithms.

    Example:
        >>> small = Curve("batch 16", np.array([1.0, 2.0]), np.array([[9.0, 5.0], [8.0, 6.0]]))
        >>> figure = draw("error", "Test error", "Equal epochs.", [Panel("digits", (small,))])
        >>> figure.caption
        'Equal epochs. Lines: mean over 2 seeds; bands: 95 % interval of the mean.'
    """
    curves = [curve for panel in multiples for curve in panel.curves]
    splits = [dict.fromkeys(curve.split for curve in panel.curves) for panel in multiples]
    mixed = dict.fromkeys(split for one in splits for split in one) if any(len(one) > 1 for one in splits) else ()
    arms = tuple(dict.fromkeys(curve.arm for curve in curves))
    titled = any(panel.title for panel in multiples)
    axis = _Axis(x_label, y_label, log_x, log_y, arms, tuple(mixed), titled)
    note = _note(multiples, axis)
    short = _short(multiples, axis)
    caption = f"{caption} {note}".strip()
    return compose(name, title, caption, _data(multiples, axis), lambda layout: _draw(multiples, axis, short, layout))


def _draw(multiples: Sequence[Panel], axis: _Axis, short: list[str], layout: Layout) -> Drawing:
    height = 250.0 if layout.columns == 1 or len(multiples) > 1 else 320.0
    top = 22.0 if len(axis.splits) > 1 else 4.0
    boxes = panels(layout, max(1, len(multiples)), height, top=top)
    lines = note_lines(short, layout.width)
    total = boxes[-1].top + height + 12 + LINE * len(lines)
    drawing = new_drawing(layout.width, total)
    _draw_key(drawing, axis.splits)
    for panel, box in zip(multiples, boxes, strict=False):
        _draw_panel(drawing, panel, box, axis)
    foot(drawing, lines, total)
    return drawing


def _draw_key(drawing: Drawing, splits: Sequence[str]) -> None:
    """Show which dash is which split, where there is more than one."""
    if len(splits) < 2:
        return
    x, (width, height) = 0.0, drawing.get_size_inches() * 72
    for split, dash in zip(splits, _DASHES, strict=False):
        y = 1 - 8 / height
        drawing.add_artist(
            Line2D([x / width, (x + 26) / width], [y, y], color=LIGHT["muted"], linewidth=2, linestyle=dash)
        )
        write(drawing, x + 32, 12, split, color=LIGHT["muted"])
        x += 32 + text_width(split) + 16


def _draw_panel(drawing: Drawing, panel: Panel, box: Box, axis: _Axis) -> None:
    head = write_head(drawing, box, panel.title, panel.y_label or axis.y_label, titled=axis.titled)
    height = box.height - head - 38
    labels = {arm: wrap(arm, 96, bold=True) for arm in axis.arms}
    right = label_room(labels.values())
    axes = add_axes(drawing, Box(box.left + 38, box.top + head, box.width - 38 - right, height))
    bands = [curve.band(log=axis.log_y) for curve in panel.curves]
    _set_scales(axes, panel, bands, axis)
    below = panel.x_label or axis.x_label
    write(axes, 0.5, -32 / height, below, color=LIGHT["muted"], ha="center", transform=axes.transAxes)
    if not any(result.n for result in bands):
        message = "every run diverged" if panel.curves else "no runs"
        write(axes, 0.5, 0.5, message, color=LIGHT["muted"], ha="center", transform=axes.transAxes)
    for curve, result in zip(panel.curves, bands, strict=True):
        _draw_curve(axes, curve, result, axis)
    ends = []
    for curve, result in zip(panel.curves, bands, strict=True):
        if curve.split == panel.curves[0].split and np.isfinite(result.mean).any():
            x, y = _last(curve, result)
            lead_to_label(axes, x, y)
            ends.append(End(y, labels[curve.arm], series(axis.arms.index(curve.arm))))
    label_ends(axes, ends)


def _set_scales(axes: Axes, panel: Panel, bands: Sequence[Band], axis: _Axis) -> None:
    x = [float(value) for curve in panel.curves for value in curve.x if value > 0 or not axis.log_x]
    y = [
        float(v) for result in bands for part in (result.mean, result.low, result.high) for v in part if np.isfinite(v)
    ]
    x_limits = (min(x), max(x)) if x and min(x) < max(x) else padded(x, log=axis.log_x)
    scale_axis(axes, "x", x_limits, log=axis.log_x, most=5)
    floor = 0.0 if not axis.log_y and all(_nonnegative(curve) for curve in panel.curves) else None
    scale_axis(axes, "y", padded(y, log=axis.log_y, floor=floor), log=axis.log_y)


def _nonnegative(curve: Curve) -> bool:
    return bool((curve.values[np.isfinite(curve.values)] >= 0).all())


def _draw_curve(axes: Axes, curve: Curve, result: Band, axis: _Axis) -> None:
    colour = series(axis.arms.index(curve.arm))
    dash = axis.dash(curve.split)
    axes.fill_between(curve.x, result.low, result.high, color=colour, alpha=0.16, linewidth=0)
    axes.plot(curve.x, result.mean, color=colour, linewidth=2, linestyle=dash)
    for row in curve.values[~result.used]:
        axes.plot(curve.x, row, color=colour, linewidth=0.8, alpha=0.7, linestyle=dash)
        finite = np.flatnonzero(np.isfinite(row))
        if len(finite):
            low, high = axes.get_ylim()
            end = float(np.clip(row[finite[-1]], low, high))
            axes.plot(
                curve.x[finite[-1]], end, color=colour, marker="x", markersize=7, markeredgewidth=2, clip_on=False
            )


def _last(curve: Curve, result: Band) -> tuple[float, float]:
    """Return where a curve's mean ends."""
    last = np.flatnonzero(np.isfinite(result.mean))[-1]
    return float(curve.x[last]), float(result.mean[last])


def _note(multiples: Sequence[Panel], axis: _Axis) -> str:
    """Say what lines and bands are, n, and what was left out."""
    curves = [curve for panel in multiples for curve in panel.curves]
    if not curves:
        return "No runs to show."
    counts = [curve.band(log=False).n for curve in curves]
    mean = "geometric mean" if axis.log_y else "mean"
    if max(counts) < 2:
        first = f"Lines: {counted(max(counts), 'seed', 'seeds')}, hence no interval."
    else:
        first = f"Lines: {mean} over {span_of(counts)} seeds; bands: {LEVEL * 100:g} % interval of the mean."
    return " ".join([first, *_left_out(multiples, axis)])


def _short(multiples: Sequence[Panel], axis: _Axis) -> list[str]:
    """Return the note in parts, for the drawing itself."""
    bands = [curve.band(log=axis.log_y) for panel in multiples for curve in panel.curves]
    said = [f"n = {span_of([result.n for result in bands])} seeds"]
    if any(result.n > 1 for result in bands):
        said.append(f"band: {LEVEL * 100:g} % interval of the {'geometric ' * axis.log_y}mean")
    if not all(result.used.all() for result in bands):
        said.append("×: diverged")
    return said


def _left_out(multiples: Sequence[Panel], axis: _Axis) -> list[str]:
    said = []
    for panel in multiples:
        for curve in panel.curves:
            lost = len(curve.values) - curve.band(log=False).n
            if lost and curve.split == panel.curves[0].split:
                where = f" ({panel.title.split(' (')[0]})" if len(multiples) > 1 else ""
                runs = f"of {len(curve.values)} runs diverged (×) and"
                said.append(f"{curve.arm}{where}: {counted(lost, f'{runs} is', f'{runs} are')} in no mean.")
    curves = [curve for panel in multiples for curve in panel.curves]
    if any("stopped" in curve.outcomes for curve in curves):
        said.append("The mean of an arm ends where the first of its runs was stopped.")
    if axis.log_x and any((curve.x <= 0).any() for curve in curves):
        said.append(f"The point at 0 {axis.x_label.split('(')[0].strip()} has no place on the logarithmic axis.")
    if axis.log_y and any((curve.values <= 0).any() for curve in curves):
        said.append("Where a value is 0 or less there is no point on the logarithmic axis.")
    return said


def _data(multiples: Sequence[Panel], axis: _Axis) -> dict[str, list[Cell]]:
    """Return one row a point: the mean, its interval and every seed."""
    most = max((len(curve.values) for panel in multiples for curve in panel.curves), default=0)
    seeds = [f"run_{index + 1}" for index in range(most)]
    columns: dict[str, list[Cell]] = {
        name: [] for name in ("panel", "arm", "split", "x", "n", "mean", "low", "high", *seeds)
    }
    for panel in multiples:
        for curve in panel.curves:
            result = curve.band(log=axis.log_y)
            for j, x in enumerate(curve.x.tolist()):
                ends = (float(part[j]) for part in (result.mean, result.low, result.high))
                runs = [float(value) for value in curve.values[:, j]] + [None] * (most - len(curve.values))
                row = [panel.title, curve.arm, curve.split, x, result.n, *(_cell(end) for end in ends), *runs]
                for column, cell in zip(columns.values(), row, strict=True):
                    column.append(cell)
    return columns


def _cell(value: float) -> float | None:
    return value if math.isfinite(value) else None
