"""What did all the claims of a study come to, against the effects that would matter?

One row a claim. Effects of different units share one axis as multiples of the smallest effect that would matter,
signed so that the claimed side is on the right: x = +- estimate / smallest, or log(estimate) / log(smallest) for a
factor. A claim is `supported` when its whole simultaneous interval (thin, with ends) lies in the shaded region, which
begins at 1; for a claim that two things are the same the region is -1 to 1. The thick line is the plain 95 % interval.

Where any effect on the claimed side would matter (the smallest effect is 0, or a factor of 1) there is no multiple.
Those claims stand below on an axis of their own: x = +- estimate / h, with h half the width of the simultaneous
interval, which is then 1 to each side, and the region begins at 0.
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
from basin.figures.words import LINE, TEXT, as_factor, interval, is_logarithmic, note_lines, number, text_width, wrap

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
        direction: What the claim says of the effect; a formula has no interval and gets no row.
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

    @property
    def takes_any_effect(self) -> bool:
        """Whether any effect on the claimed side would matter."""
        return self.smallest_effect == (1 if self.unit == "factor" else 0) and self.direction in _REGIONS

    def scaled(self, value: float | None) -> float:
        """Return a value as a multiple of :attr:`one`, on the claimed side; NaN where that has no meaning."""
        sign = _REGIONS.get(self.direction, (1, 1))[0]
        return sign * self._plain(value) / self.one if self.one else math.nan

    @property
    def one(self) -> float:
        """The effect at 1 on the axis: the smallest that would matter, or half the interval where any would."""
        if self.takes_any_effect:
            return (self._plain(self.high) - self._plain(self.low)) / 2
        return abs(self._plain(self.smallest_effect))

    def _plain(self, value: float | None) -> float:
        """Return an effect on the scale on which no effect is 0: the logarithm of a factor."""
        if value is None or not math.isfinite(value):
            return math.nan
        if self.unit != "factor":
            return value
        return math.log(value) if value > 0 else math.nan

    @property
    def region(self) -> tuple[float, float]:
        """Where the whole interval has to lie, on the axis."""
        if self.direction == "same":
            return -1.0, 1.0
        return 0.0 if self.takes_any_effect else float(_REGIONS.get(self.direction, (1, 1))[1]), math.inf

    @property
    def is_drawn(self) -> bool:
        """Whether the row has an estimate and an interval on an axis."""
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
        claims: One row each, in this order; formulas are left out, and said to be.

    Example:
        >>> row = Row("large batches are worse", 1.2, 0.7, 1.7, smallest_effect=0.5, verdict="supported")
        >>> "✓ supported" in draw("claims", "Claims", "", [row]).svg
        True
    """
    shown = [row for row in claims if row.direction != "formula"]
    caption = f"{caption} {_note(shown, len(claims) - len(shown))}".strip()
    return compose(name, title, caption, _data(shown), lambda layout: _draw(shown, layout))


def _sections(claims: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Return the rows that share an axis, with its label: against a smallest effect, and without one."""
    measured = [row for row in claims if not row.takes_any_effect]
    bare = [row for row in claims if row.takes_any_effect]
    parts = [("effect ÷ smallest effect that matters; claimed side →", measured)] if measured else []
    return [*parts, ("effect ÷ half its thin interval; claimed side →", bare)] if bare else parts


def _draw(claims: Sequence[Row], layout: Layout) -> Drawing:
    lines = note_lines(_SHORT, layout.width)
    sections = _sections(claims)
    heights = [[_height(row, layout) for row in rows] for _, rows in sections]
    total = 8 + sum(sum(part) + 52 for part in heights) + LINE * len(lines)
    drawing = new_drawing(layout.width, total)
    top = 4.0
    for (label, rows), part in zip(sections, heights, strict=True):
        top = _draw_section(drawing, label, list(zip(rows, part, strict=True)), top, layout)
    foot(drawing, lines, total)
    return drawing


def _words(row: Row, layout: Layout) -> list[str]:
    return wrap(row.label, 280.0 if layout.columns > 1 else layout.width, TEXT)


def _height(row: Row, layout: Layout) -> float:
    lines = len(_words(row, layout)) + len(_numbers(row, layout))
    return LINE * lines + (14 if layout.columns > 1 else 52)


def _draw_section(
    drawing: Drawing, label: str, claims: Sequence[tuple[Row, float]], top: float, layout: Layout
) -> float:
    """Draw rows of given heights and the axis below them, and return where the next section begins."""
    limits = _limits([row for row, _ in claims])
    left, width = (300.0, 290.0) if layout.columns > 1 else (0.0, layout.width)
    for row, height in claims:
        below = _write_row(drawing, row, _words(row, layout), top, layout)
        place = Box(left, top, width, height) if layout.columns > 1 else Box(left, below - 8, width, 34)
        _draw_row(add_axes(drawing, place, grid="", spines=()), row, limits)
        top += height
    _draw_scale(add_axes(drawing, Box(left, top, width, 1), grid=""), limits)
    write(drawing, left + width / 2, top + 34, label, color=LIGHT["muted"], ha="center")
    return top + 52


def _write_row(drawing: Drawing, row: Row, text: Sequence[str], top: float, layout: Layout) -> float:
    """Write the claim, its numbers and its verdict, and return the baseline below them."""
    y = write_lines(drawing, 0, top + 14, text, size=TEXT)
    verdict = f"{SYMBOLS[row.verdict]} {row.verdict}" if row.verdict and row.verdict in SYMBOLS else "– not tested"
    colour = LIGHT.get(row.verdict or "", LIGHT["muted"])
    y = write_lines(drawing, 0, y, _numbers(row, layout), color=LIGHT["muted"]) - LINE
    if layout.columns > 1:
        write(drawing, 606, top + 14 + LINE * len(text) / 2, verdict, color=colour, weight="bold")
    else:
        write(drawing, layout.width, y, verdict, color=colour, weight="bold", ha="right")
    return y + LINE


def _numbers(row: Row, layout: Layout) -> list[str]:
    """Return a row's numbers in lines that end before the axis, or before the verdict beside the last."""
    width, text = 290.0 if layout.columns > 1 else layout.width - 100, _written(row)
    count = f"n = {row.n}" if row.n is not None else ""
    whole = ", ".join(part for part in (text, count) if part)
    return [whole] if text_width(whole) <= width else [*wrap(text, width), *([count] if count else [])]


def _written(row: Row) -> str:
    if row.estimate is None or not math.isfinite(row.estimate):
        return "no estimate"
    shown = interval(row.estimate, row.low, row.high)
    return f"×{shown}" if row.unit == "factor" else shown.replace(" ", f" {row.unit} ".replace("  ", " "), 1)


def _limits(claims: Sequence[Row]) -> tuple[float, float]:
    ends = [
        row.scaled(end) for row in claims if row.is_drawn for end in (row.low, row.high, row.plain_low, row.plain_high)
    ]
    ends = [end for end in ends if math.isfinite(end)]
    return min([-1.6, *(1.08 * end for end in ends)]), max([2.2, *(1.08 * end for end in ends)])


def _is_bent(limits: tuple[float, float]) -> bool:
    return max(-limits[0], limits[1]) > 8


def _set_scale(axes: Axes, limits: tuple[float, float]) -> bool:
    """Set the common horizontal scale: linear, or linear up to 2 and logarithmic beyond when effects are large."""
    bent = _is_bent(limits)
    if bent:
        axes.set_xscale("symlog", linthresh=2, linscale=1.2)
    axes.set_xlim(*limits)
    axes.xaxis.set_minor_locator(NullLocator())
    return bent


def _draw_row(axes: Axes, row: Row, limits: tuple[float, float]) -> None:
    _set_scale(axes, limits)
    axes.set(ylim=(-1, 1), xticks=[], yticks=[])
    left, right = row.region
    axes.axvspan(left, min(right, limits[1]), ymin=0.06, ymax=0.94, color=LIGHT["shade"], linewidth=0)
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


def _note(claims: Sequence[Row], formulas: int) -> str:
    said = ["Formulas, which are judged over cases, are in the table of claims."] if formulas else []
    if not claims:
        return " ".join([*said, "No claims with an interval to show." if formulas else "No claims to show."])
    said.append(
        "Thick line: plain 95 % interval; thin line: interval at the study's simultaneous level, which decides."
    )
    said.append("Shaded: where that whole interval has to lie for the claim to be supported.")
    if any(_is_bent(_limits(rows)) for _, rows in _sections(claims)):
        said.append("Where an axis reaches beyond 8 it is logarithmic from 2 on.")
    if any(row.takes_any_effect for row in claims):
        said.append("On the last axis stand claims for which any effect matters: 1 is half their thin interval.")
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
