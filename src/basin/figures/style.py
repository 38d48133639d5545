"""The house style: sizes, axes, ticks and notes, so that a figure's own file says only what is its own.

Every figure is drawn twice, for a screen (720 units wide) and for a phone (344 units, one panel a row), with the
same type size in both, because a figure that is merely scaled down cannot be read. One unit is one CSS pixel:
drawings have 72 dots per inch, and boxes are given in pixels from the top left corner.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from basin.figures.figure import Cell, Figure
from basin.figures.palette import LIGHT
from basin.figures.svg import MARGIN, render
from basin.figures.words import LINE, SMALL, TEXT, number, power

_LINEAR = [1, 2, 2.5, 5, 10]


@dataclass(frozen=True)
class Layout:
    """One of the two widths that a figure is drawn at, in pixels, and how many panels stand in a row."""

    name: str
    width: float
    columns: int


WIDE = Layout("wide", 720.0 - 2 * MARGIN, 2)
NARROW = Layout("narrow", 344.0 - 2 * MARGIN, 1)


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels from the drawing's top left corner."""

    left: float
    top: float
    width: float
    height: float


def compose(
    name: str, title: str, caption: str, data: Mapping[str, Sequence[Cell]], draw: Callable[[Layout], Drawing]
) -> Figure:
    """Return a figure from a function that draws it at a given layout."""
    with house_style():
        wide = render(draw(WIDE), name=f"{name}-w", title=title, description=caption)
        narrow = render(draw(NARROW), name=f"{name}-n", title=title, description=caption)
    return Figure(name=name, title=title, caption=caption, svg=wide, data=data, narrow=narrow)


@contextmanager
def house_style() -> Iterator[None]:
    """Put matplotlib at its own defaults, whatever the user's settings are, and back again afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "basin", "axes.unicode_minus": True})
        yield


def new_drawing(width: float, height: float) -> Drawing:
    """Return an empty drawing of a size in pixels."""
    drawing = Drawing(figsize=(width / 72, height / 72), dpi=72)
    FigureCanvasSVG(drawing)
    return drawing


def add_axes(drawing: Drawing, box: Box, *, spines: Sequence[str] = ("bottom",), grid: str = "y") -> Axes:
    """Return axes at a box, with the house's spines and grid."""
    width, height = drawing.get_size_inches() * 72
    axes = drawing.add_axes(
        (box.left / width, 1 - (box.top + box.height) / height, box.width / width, box.height / height)
    )
    axes.patch.set_visible(False)
    for side, spine in axes.spines.items():
        spine.set_visible(side in spines)
        spine.set(color=LIGHT["rule"], linewidth=1)
    axes.tick_params(length=0, pad=5, labelsize=SMALL, labelcolor=LIGHT["muted"])
    axes.tick_params(axis="x", length=4, width=1, color=LIGHT["rule"])
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=LIGHT["grid"], linewidth=1)  # pyright: ignore[reportArgumentType]
    return axes


def write(target: Drawing | Axes, x: float, y: float, text: str, **options: Any) -> None:
    """Write one line of text; a dollar sign is a dollar sign.

    Args:
        target: A drawing (pixels from its top left corner, `y` is the baseline) or axes (their data's coordinates).
        x: Where the text starts, or ends for `ha="right"`.
        y: The baseline; in axes `va` decides.
        text: One line.
        options: `size`, `color`, `weight`, `ha`, `va` as in matplotlib.
    """
    style: dict[str, Any] = {"size": SMALL, "color": LIGHT["ink"], "va": "baseline", "parse_math": False} | options
    if isinstance(target, Drawing):
        width, height = target.get_size_inches() * 72
        target.text(x / width, 1 - y / height, text, **style)
    else:
        target.text(x, y, text, **style)


def write_lines(drawing: Drawing, x: float, y: float, lines: Sequence[str], **options: Any) -> float:
    """Write lines below one another from a first baseline in pixels, and return the baseline after the last."""
    for line in lines:
        write(drawing, x, y, line, **options)
        y += LINE
    return y


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Return round numbers between two positive limits for a logarithmic axis, at most about `most`.

    Below half a decade they are those of a linear axis; over many decades they are powers with 1 among them.

    Example:
        >>> log_ticks(1.0, 1000.0), log_ticks(3.0, 40.0)
        ([1.0, 10.0, 100.0, 1000.0], [5.0, 10.0, 20.0])
        >>> log_ticks(0.65, 1.7, 6), log_ticks(55.0, 400.0, 6)
        ([0.8, 1.0, 1.2, 1.4, 1.6], [70.0, 100.0, 150.0, 200.0, 300.0, 400.0])
        >>> log_ticks(1e-17, 0.5, 6)
        [1e-15, 1e-12, 1e-09, 1e-06, 0.001]
    """
    if high < low * 10**0.5:
        even = MaxNLocator(most, steps=_LINEAR).tick_values(low, high)
        return [float(f"{tick:.10g}") for tick in even if low * 0.999 <= tick <= high * 1.001]
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    within = ((1, 1.5, 2, 3, 4, 5, 7),) if high < 10 * low else ()
    ticks: list[float] = []
    for steps in (*within, (1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{step}e{exponent}") for exponent in range(first, last + 1) for step in steps]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(ticks) <= most and (len(steps) == 1 or math.log10(high / low) < 2.5):
            return ticks
    stride = -(-len(ticks) // most)
    return [tick for tick in ticks if round(math.log10(tick)) % stride == 0]


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """Return the ticks of a logarithmic axis as a reader writes them: all as powers if one has to be.

    Example:
        >>> tick_texts([0.01, 1.0, 100.0]), tick_texts([1e-4, 0.01, 1.0, 100.0])
        (['0.01', '1', '100'], ['10⁻⁴', '10⁻²', '1', '10²'])
        >>> tick_texts([200_000.0, 1e6])
        ['2×10⁵', '10⁶']
    """
    far = any(not 1e-3 <= tick < 1e5 for tick in ticks)
    return [power(tick) if far and not 1 <= tick <= 10 else number(tick, 4) for tick in ticks]


def scale_axis(axes: Axes, which: str, limits: tuple[float, float], *, log: bool, most: int = 6) -> None:
    """Set the limits, the scale and the ticks of one axis.

    Args:
        axes: What to change.
        which: `x` or `y`.
        limits: Low and high, low < high; positive where `log`.
        log: Whether the axis is logarithmic.
        most: About how many ticks fit.
    """
    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log" if log else "linear", f"{which}lim": limits})
    axis.set_minor_locator(NullLocator())
    if log:
        set_log_ticks(axes, which, log_ticks(*limits, most))
    else:
        axis.set_major_locator(MaxNLocator(most, steps=_LINEAR))
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.10g}"), 4)))


def set_log_ticks(axes: Axes, which: str, ticks: Sequence[float]) -> None:
    """Set the ticks of a logarithmic axis."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter(tick_texts(ticks)))


def padded(
    values: Sequence[float], *, log: bool, share: float = 0.06, floor: float | None = None
) -> tuple[float, float]:
    """Return limits that hold all finite values with a margin; `(0, 1)`, for logarithms `(1, 10)`, if there are none.

    Args:
        values: Numbers; what is not finite, or not positive where `log`, is passed over.
        log: Whether the axis is logarithmic.
        share: Margin as a share of the span.
        floor: A limit that the margin alone does not cross: an axis of errors does not begin below 0.
    """
    kept = [float(value) for value in values if math.isfinite(value) and (value > sys.float_info.min or not log)]
    if not kept:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = (math.log10(min(kept)), math.log10(max(kept))) if log else (min(kept), max(kept))
    span = max(high - low, 0.2 if log else 0.05 * abs(high), 1e-12)
    low, high = low - share * span, high + share * span
    if log:
        return 10**low, 10**high
    return (floor if floor is not None and min(kept) >= floor > low else low), high


def foot(drawing: Drawing, lines: Sequence[str], height: float) -> None:
    """Write the note at the foot of a drawing: what n is, what the bands are."""
    write_lines(drawing, 0, height - LINE * (len(lines) - 1) - 4, lines, color=LIGHT["muted"])


def write_head(drawing: Drawing, box: Box, title: str, label: str, *, titled: bool) -> float:
    """Write a panel's title and the label of its vertical axis, and return how much room they take, in pixels.

    Args:
        drawing: What to write in.
        box: Of the panel.
        title: May be empty.
        label: Of the vertical axis; may be empty.
        titled: Whether any panel of the figure has a title: then all keep a line for one.
    """
    if titled:
        write(drawing, box.left, box.top + 12, title, size=TEXT, weight="bold")
    write(drawing, box.left, box.top + 12 + 16 * titled, label, color=LIGHT["muted"])
    return 10 + 16 * titled + 16 * bool(label)


def panels(
    layout: Layout, count: int, height: float, *, top: float = 0.0, gap: float = 30.0, columns: int | None = None
) -> list[Box]:
    """Return the boxes of small multiples in reading order.

    Args:
        layout: Decides the width and how many stand in a row.
        count: Number of panels.
        height: Of each, in pixels.
        top: Where the first row starts.
        gap: Between panels, across and down.
        columns: How many in a row, if not the layout's own number.
    """
    across = max(1, min(columns or layout.columns, count))
    width = (layout.width - gap * (across - 1)) / across
    return [
        Box((i % across) * (width + gap), top + (i // across) * (height + gap), width, height) for i in range(count)
    ]
