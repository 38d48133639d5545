"""Does one arm differ from the other, seed by seed?

Left, both arms: a line joins the two values of each seed. Right, the mean difference with its interval, over a
shaded strip that holds the differences too small to matter (after Gardner and Altman, 1986). On a logarithmic scale
the difference is a factor: exp of the mean difference of the logarithms.
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
from basin.figures.palette import LIGHT, series
from basin.figures.style import Box, Layout, add_axes, compose, foot, new_drawing, padded, panels, scale_axis, write
from basin.figures.words import LINE, TEXT, counted, interval, note_lines, span_of

_HEIGHT = 258.0


@dataclass(frozen=True)
class Pairs:
    """The values of two arms by seed, for one data set or protocol.

    Attributes:
        title: Of its panel.
        first: Value of the first arm for each seed; not finite where the run diverged.
        second: Value of the second arm for the same seeds in the same order.
        seeds: Their names; numbers from 0 if empty.
        interval: Estimate, low and high of second - first (of second / first on a logarithmic scale), where the
            analysis has its own; computed here as Student's interval of the paired differences if None.
    """

    title: str
    first: Float[np.ndarray, "seeds"]
    second: Float[np.ndarray, "seeds"]
    seeds: tuple[int, ...] = ()
    interval: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.first.shape != self.second.shape or self.first.ndim != 1:
            raise ValueError(
                f"expected two rows of equal length for '{self.title}', got {self.first.shape} and {self.second.shape}"
            )


@dataclass(frozen=True)
class _Scale:
    arms: tuple[str, str]
    unit: str
    label: str
    smallest: float | None
    log: bool
    level: float
    repeat: str


def draw(
    name: str,
    title: str,
    caption: str,
    multiples: Sequence[Pairs],
    *,
    arms: tuple[str, str],
    label: str,
    unit: str = "",
    smallest_effect: float | None = None,
    log: bool = False,
    level: float = LEVEL,
    repeat: str = "seed",
) -> Figure:
    """Draw the values of two arms, paired by seed, and the mean difference with its interval.

    Args:
        name: Stem of the figure's files.
        title: One line.
        caption: What is seen and under which protocol; n and the interval are added to it.
        multiples: One panel each.
        arms: Their labels, short.
        label: Of the vertical axis, with its unit.
        unit: Of the difference, such as `points`; unused on a logarithmic scale.
        smallest_effect: The smallest difference (or factor) that would matter, drawn as a strip on both sides of none.
        log: Whether the scale is logarithmic and the difference a factor.
        level: Confidence of the interval, 0 to 1.
        repeat: What each pair is of, if not of a seed.

    Example:
        >>> pairs = Pairs("digits", np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0]))
        >>> draw("gap", "The gap", "", [pairs], arms=("batch 16", "batch 143"), label="error (%)").data["difference"]
        [1.0, 1.0, 1.0]
    """
    scale = _Scale(arms, unit, label, smallest_effect, log, level, repeat)
    note = _note(multiples, scale)
    data = _data(multiples, scale)
    return compose(
        name,
        title,
        f"{caption} {note}".strip(),
        data,
        lambda layout: _draw(multiples, scale, _short(multiples, scale), layout),
    )


def _kept(pairs: Pairs, scale: _Scale) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs in which both values exist (and are positive, on a logarithmic scale)."""
    good = np.isfinite(pairs.first) & np.isfinite(pairs.second)
    if scale.log:
        good &= np.where(good, np.minimum(pairs.first, pairs.second), 0) > 0
    return pairs.first[good], pairs.second[good]


def _difference(pairs: Pairs, scale: _Scale) -> tuple[float, float, float]:
    """Return the mean difference, or factor, and its interval; NaN where there is none."""
    if pairs.interval is not None:
        return pairs.interval
    first, second = _kept(pairs, scale)
    values = (second / first if scale.log else second - first)[:, None]
    result = band(values, log=scale.log, level=scale.level)
    return float(result.mean[0]), float(result.low[0]), float(result.high[0])


def _draw(multiples: Sequence[Pairs], scale: _Scale, short: list[str], layout: Layout) -> Drawing:
    boxes = panels(layout, max(1, len(multiples)), _HEIGHT)
    lines = note_lines(short, layout.width)
    total = boxes[-1].top + _HEIGHT + 14 + LINE * len(lines)
    drawing = new_drawing(layout.width, total)
    for pairs, box in zip(multiples, boxes, strict=False):
        _draw_panel(drawing, pairs, box, scale)
    foot(drawing, lines, total)
    return drawing


def _draw_panel(drawing: Drawing, pairs: Pairs, box: Box, scale: _Scale) -> None:
    first, second = _kept(pairs, scale)
    write(drawing, box.left, box.top + 12, pairs.title, size=TEXT, weight="bold")
    write(drawing, box.left, box.top + 28, _summary(pairs, scale))
    gutter, width = 116.0, min(box.width, 420.0)
    height = box.height - 60 - 24
    write(drawing, box.left, box.top + 48, scale.label, color=LIGHT["muted"])
    kind = "factor" if scale.log else "difference"
    write(drawing, box.left + width, box.top + 48, kind, color=LIGHT["muted"], ha="right")
    axes = add_axes(drawing, Box(box.left + 40, box.top + 60, width - 40 - gutter, height))
    _draw_pairs(axes, first, second, scale)
    side = add_axes(drawing, Box(box.left + width - 52, box.top + 60, 52, height), grid="", spines=())
    _draw_difference(side, pairs, scale)


def _draw_pairs(axes: Axes, first: np.ndarray, second: np.ndarray, scale: _Scale) -> None:
    axes.set_xlim(-0.35, 1.35)
    axes.set_xticks([0, 1], scale.arms)
    axes.tick_params(axis="x", length=0, labelcolor=LIGHT["ink"])
    scale_axis(axes, "y", padded([*first, *second], log=scale.log, share=0.1), log=scale.log)
    if not len(first):
        write(axes, 0.5, 0.5, "no complete pair", ha="center", color=LIGHT["muted"], transform=axes.transAxes)
    for pair in zip(first, second, strict=True):
        axes.plot([0, 1], pair, color=LIGHT["rule"], linewidth=1)
    for index, (values, marker) in enumerate(((first, "o"), (second, "s"))):
        axes.plot(
            [index] * len(values), values, marker, color=series(index), markersize=6.5, markeredgecolor=LIGHT["surface"]
        )


def _draw_difference(axes: Axes, pairs: Pairs, scale: _Scale) -> None:
    none = 1.0 if scale.log else 0.0
    estimate, low, high = _difference(pairs, scale)
    strip = _strip(scale)
    limits = padded([none, estimate, low, high, *strip], log=scale.log, share=0.12)
    axes.set(xlim=(-1, 1), xticks=[])
    scale_axis(axes, "y", limits, log=scale.log, most=5)
    if strip:
        axes.axhspan(*strip, color=LIGHT["shade"], linewidth=0)
    axes.axhline(none, color=LIGHT["rule"], linewidth=1)
    colour = LIGHT["ink"]
    axes.plot([0, 0], [low, high], color=colour, linewidth=2.5)
    axes.plot([0], [estimate], "D", color=colour, markersize=7, markeredgecolor=LIGHT["surface"])


def _strip(scale: _Scale) -> tuple[float, ...]:
    if scale.smallest is None:
        return ()
    size = abs(scale.smallest)
    return (min(size, 1 / size), max(size, 1 / size)) if scale.log else (-size, size)


def _summary(pairs: Pairs, scale: _Scale) -> str:
    """Return the estimate in words, such as `+0.82 points (0.41 to 1.23), n = 8`."""
    n = len(_kept(pairs, scale)[0])
    estimate, low, high = _difference(pairs, scale)
    if not math.isfinite(estimate):
        return f"n = {n}: no difference to show"
    shown = f"×{interval(estimate, low, high)}" if scale.log else interval(estimate, low, high, sign=True)
    return f"{shown.replace(' ', f' {scale.unit} ', 1) if scale.unit else shown}, n = {n}"


def _note(multiples: Sequence[Pairs], scale: _Scale) -> str:
    what = "Factor" if scale.log else "Difference"
    sign = "÷" if scale.log else "−"
    n = span_of([len(_kept(pairs, scale)[0]) for pairs in multiples])
    arms = f"{scale.arms[1]} {sign} {scale.arms[0]}"
    how = f"mean with {scale.level * 100:.3g} % interval, paired by {scale.repeat}"
    said = [f"One line a {scale.repeat}, n = {n}. {what}: {arms}, {how}."]
    if scale.smallest is not None:
        said.append("Shaded: too small to matter.")
    for pairs in multiples:
        lost = len(pairs.first) - len(_kept(pairs, scale)[0])
        if lost:
            total = f"of {len(pairs.first)} pairs"
            out = counted(lost, f"{total} is", f"{total} are")
            said.append(f"{pairs.title}: {out} left out, because a run diverged or a value is missing.")
    return " ".join(said)


def _short(multiples: Sequence[Pairs], scale: _Scale) -> list[str]:
    """Return the note in parts, for the drawing itself."""
    said = [
        f"n = {span_of([len(_kept(pairs, scale)[0]) for pairs in multiples])} pairs",
        f"bar: {scale.level * 100:.3g} % interval",
    ]
    return said + ["shaded: too small to matter"] * (scale.smallest is not None)


def _data(multiples: Sequence[Pairs], scale: _Scale) -> dict[str, list[Cell]]:
    columns: dict[str, list[Cell]] = {
        name: [] for name in ("panel", "seed", *scale.arms, "factor" if scale.log else "difference")
    }
    for pairs in multiples:
        for index, (a, b) in enumerate(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)):
            change = (b / a if a else None) if scale.log else b - a
            row = (pairs.title, pairs.seeds[index] if pairs.seeds else index, a, b, change)
            for column, cell in zip(columns.values(), row, strict=True):
                column.append(cell)
    return columns
