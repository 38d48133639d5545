"""What did all the claims of a study come to, against the effects that would matter?

One row a claim. Effects of different units share one axis as multiples of the smallest effect that would matter,
signed so that the claimed side is on the right: x = +- estimate / smallest, or log(estimate) / log(smallest) for a
factor. A claim is `supported` when its whole simultaneous interval (thin, with
ends) lies in the shaded region, which begins
at 1; for a claim that two things are the same the region is -1 to 1. The thick line is the plain 95 % interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from basin.figures.figure import Cell, Figure
from basin.figures.palette import LIGHT, SYMBOLS
from basin.figures.style import Box, Layout, add_axes, compose, foot, new_drawing, write, write_lines
from basin.figures.words import LINE, TEXT, as_factor, interval, is_logarithmic, note_lines, number, wrap

Direction = Literal["greater", "less", "same", "at_most", "at_least", "formula"]
_REGIONS = {"greater": (1, 1), "less": (-1, 1), "at_most": (-1, -1), "at_least": (1, -1)}
"""One-sided directions: the sign that puts the claimed side on the right, and where the claimed region then begins."""

_SHORT = ("thick: 95 % interval", "thin: simultaneous interval", "shaded: supported if wholly inside")
_MARKS = {"supported": "o", "refuted": "X", "inconclusive": "D"}


@dataclass(frozen=True)
class Row:
    """One claim with its estimate; every interval may be absent (None).

    Attributes:
        label: The claim in a few words.
        estimate: In `unit`.
        low: Lower end of the interval at the simultaneous level, which decides.
        high: Its upper end.
        plain_low: Lower end of the plain 95 % interval.
        plain_high: Its upper end.
        smallest_effect: The smallest effect that would matter, in `unit`.
        verdict: `supported`, `refuted`, `inconclusive`, or None where nothing was tested.
        unit: `factor` means that estimates are ratios.
        n: Sample size.
        direction: What the claim says of the effect; a formula has no interval and is not drawn.
    """

    label: str
    estimate: float | None
    low: float | None
    high: float | None
    plain_low: float | None = None
    plain_high: float | None = None
    smallest_effect: float | None = None
    verdict: str | None = None
    unit: str = ""
    n: int | None = None
    direction: Direction = "greater"

    def scaled(self, value: float | None) -> float:
        """Return a value as a multiple of the smallest effect on the claimed side; NaN where that has no meaning."""
        if value is None or not self.smallest_effect or not math.isfinite(value):
            return math.nan
        sign = _REGIONS.get(self.direction, (1, 1))[0]
        if self.unit != "factor":
            return sign * value / abs(self.smallest_effect)
        if value <= 0 or self.smallest_effect <= 0 or self.smallest_effect == 1:
            return math.nan
        return sign * math.log(value) / abs(math.log(self.smallest_effect))

    @property
    def region(self) -> tuple[float, float]:
        """Where the whole interval has to lie, as multiples of the smallest effect."""
        return (-1.0, 1.0) if self.direction == "same" else (float(_REGIONS.get(self.direction, (1, 1))[1]), math.inf)

    @property
    def is_drawn(self) -> bool:
        """Whether the row has an estimate and an interval on the common axis."""
        return all(math.isfinite(self.scaled(value)) for value in (self.estimate, self.low, self.high))


def rows(claims: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each claim of a study's record.

    Args:
        claims: As in `study.json`; `label` (else the id), `plain_ci_low`, `plain_ci_high`, `smallest_effect`, `unit`,
            `scale` and `direction` are used where they stand. What is on a logarithmic scale is shown as a factor.
    """
    keys = {"estimate": "estimate", "low": "ci_low", "high": "ci_high"}
    keys |= {"plain_low": "plain_ci_low", "plain_high": "plain_ci_high", "smallest_effect": "smallest_effect"}
    return [
        Row(
            label=claim.get("label") or str(claim["id"]).replace("-", " "),
            unit="factor" if is_logarithmic(claim) else claim.get("unit") or "",
            direction=claim.get("direction") or "greater",
            verdict=claim.get("verdict"),
            n=claim.get("n"),
            **{name: as_factor(claim, key) for name, key in keys.items()},
        )
        for claim in claims
    ]


def draw(name: str, title: str, caption: str, claims: Sequence[Row]) -> Figure:
    """Draw all claims of a study with their intervals against the smallest effects that would matter.

    Args:
        name: Stem of the figure's files.
        title: One line.
        caption: How to read it beyond what is added: the intervals, the shading, n, and what could not be drawn.
        claims: One row each, in this order.

    Example:
        >>> row = Row("large batches are worse", 1.2, 0.7, 1.7, smallest_effect=0.5, verdict="supported")
        >>> "✓ supported" in draw("claims", "Claims", "", [row]).svg
        True
    """
    note = _note(claims)
    caption = f"{caption} {note}".strip()
    return compose(name, title, caption, _data(claims), lambda layout: _draw(claims, layout))


def _draw(claims: Sequence[Row], layout: Layout) -> Drawing:
    lines = note_lines(_SHORT, layout.width)
    wide = layout.columns > 1
    words = [wrap(row.label, 280.0 if wide else layout.width, TEXT) for row in claims]
    heights = [LINE * (len(text) + 1) + (14 if wide else 52) for text in words]
    total = 8 + sum(heights) + 48 + LINE * len(lines)
    drawing = new_drawing(layout.width, total)
    limits = _limits(claims)
    top = 4.0
    for row, text, height in zip(claims, words, heights, strict=True):
        below = _write_row(drawing, row, text, top, layout)
        place = Box(300, top, 290, height) if wide else Box(0, below - 8, layout.width, 34)
        _draw_row(add_axes(drawing, place, grid="", spines=()), row, limits)
        top += height
    left, width = (300, 290) if wide else (0, layout.width)
    _draw_scale(add_axes(drawing, Box(left, top, width, 1), grid=""), limits)
    write(
        drawing,
        left + width / 2,
        top + 34,
        "effect ÷ smallest effect that matters; claimed side →",
        color=LIGHT["muted"],
        ha="center",
    )
    foot(drawing, lines, total)
    return drawing


def _write_row(drawing: Drawing, row: Row, text: Sequence[str], top: float, layout: Layout) -> float:
    """Write the claim, its numbers and its verdict, and return the baseline below them."""
    y = write_lines(drawing, 0, top + 14, text, size=TEXT)
    verdict = f"{SYMBOLS[row.verdict]} {row.verdict}" if row.verdict and row.verdict in SYMBOLS else "– not tested"
    colour = LIGHT.get(row.verdict or "", LIGHT["muted"])
    write(drawing, 0, y, _numbers(row), color=LIGHT["muted"])
    if layout.columns > 1:
        write(drawing, 606, top + 14 + LINE * len(text) / 2, verdict, color=colour, weight="bold")
    else:
        write(drawing, layout.width, y, verdict, color=colour, weight="bold", ha="right")
    return y + LINE


def _numbers(row: Row) -> str:
    if row.estimate is None or not math.isfinite(row.estimate):
        return "no estimate"
    shown = interval(row.estimate, row.low, row.high)
    shown = f"×{shown}" if row.unit == "factor" else shown.replace(" ", f" {row.unit} ".replace("  ", " "), 1)
    return shown + (f", n = {row.n}" if row.n is not None else "")


def _limits(claims: Sequence[Row]) -> tuple[float, float]:
    ends = [
        row.scaled(end) for row in claims if row.is_drawn for end in (row.low, row.high, row.plain_low, row.plain_high)
    ]
    ends = [end for end in ends if math.isfinite(end)]
    return min([-1.6, *(1.08 * end for end in ends)]), max([2.2, *(1.08 * end for end in ends)])


def _set_scale(axes: Axes, limits: tuple[float, float]) -> bool:
    """Set the common horizontal scale: linear, or linear up to 2 and logarithmic beyond when effects are large."""
    bent = max(-limits[0], limits[1]) > 8
    if bent:
        axes.set_xscale("symlog", linthresh=2, linscale=1.2)
    axes.set_xlim(*limits)
    axes.xaxis.set_minor_locator(NullLocator())
    return bent


def _draw_row(axes: Axes, row: Row, limits: tuple[float, float]) -> None:
    _set_scale(axes, limits)
    axes.set(ylim=(-1, 1), xticks=[], yticks=[])
    left, right = row.region
    axes.axvspan(
        left,
        min(right, limits[1]),
        ymin=0.06,
        ymax=0.94,
        color=LIGHT["shade"],
        linewidth=0,
    )
    axes.axvline(0, color=LIGHT["rule"], linewidth=1)
    if not row.is_drawn:
        return
    colour = LIGHT.get(row.verdict or "", LIGHT["muted"])
    axes.plot(
        [row.scaled(row.low), row.scaled(row.high)], [0, 0], color=colour, linewidth=1.2, marker="|", markersize=9
    )
    if row.plain_low is not None and row.plain_high is not None:
        axes.plot([row.scaled(row.plain_low), row.scaled(row.plain_high)], [0, 0], color=colour, linewidth=4)
    mark = _MARKS.get(row.verdict or "", "D")
    axes.plot([row.scaled(row.estimate)], [0], mark, color=colour, markersize=9, markeredgecolor=LIGHT["surface"])


def _draw_scale(axes: Axes, limits: tuple[float, float]) -> None:
    bent = _set_scale(axes, limits)
    axes.set(ylim=(0, 1), yticks=[])
    ticks = [tick for size in (1, 10, 100, 1000, 10000) for tick in (-size, size) if limits[0] <= tick <= limits[1]]
    axes.xaxis.set_major_locator(FixedLocator([0, *ticks]) if bent else MaxNLocator(7, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.10g}"))))


def _note(claims: Sequence[Row]) -> str:
    if not claims:
        return "No claims to show."
    said = ["Thick line: plain 95 % interval; thin line: interval at the study's simultaneous level, which decides."]
    said.append("Shaded: where that whole interval has to lie for the claim to be supported.")
    if max(-_limits(claims)[0], _limits(claims)[1]) > 8:
        said.append("Beyond 2 the axis is logarithmic.")
    absent = [row.label for row in claims if not row.is_drawn]
    if absent:
        said.append(f"Not drawn, for want of an interval or of a smallest effect: {'; '.join(absent)}.")
    return " ".join(said)


def _data(claims: Sequence[Row]) -> dict[str, list[Cell]]:
    fields = (
        "label",
        "estimate",
        "low",
        "high",
        "plain_low",
        "plain_high",
        "smallest_effect",
        "unit",
        "direction",
        "n",
        "verdict",
    )
    return {name: [None if getattr(row, name) == "" else getattr(row, name) for row in claims] for name in fields}
