"""Lines that can be read on every colour of a heat map, and the key that says what each sign over the cells means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.patches import Rectangle

from basin.figures.palette import LIGHT
from basin.figures.style import Box, add_axes, write
from basin.figures.words import LINE, text_width, wrap

Look = Literal["solid", "dashed", "dotted", "lowest", "highest", "missing"]

_DASHES: dict[str, Any] = {"solid": "solid", "dashed": (0, (5, 2.5)), "dotted": (0, (1.5, 2))}
_ROOM, _GAP = 32.0, 22.0


class Sign(NamedTuple):
    """One sign and what it means."""

    look: Look
    text: str


class Entry(NamedTuple):
    """One line of text in the key, with its sign where the meaning begins."""

    left: float
    look: Look | None
    text: str


def stroke(axes: Axes, x: Sequence[float], y: Sequence[float], *, style: str) -> None:
    """Draw a line in ink over a wider one in the colour of the ground: one of the two stands out on every colour."""
    wide, thin = (3.2, 1.4) if style == "dotted" else (4.2, 2.0)
    axes.plot(x, y, color=LIGHT["surface"], linewidth=wide, solid_capstyle="round", zorder=3)
    axes.plot(x, y, color=LIGHT["ink"], linewidth=thin, linestyle=_DASHES[style], zorder=3)


def dot(axes: Axes, x: Sequence[float], y: Sequence[float], *, kind: str) -> None:
    """Draw dots in ink with a rim in the colour of the ground."""
    marks: dict[str, Any] = {"markerfacecolor": LIGHT["ink"], "markeredgecolor": LIGHT["surface"]}
    shape = "o" if kind == "lowest" else "D"
    axes.plot(
        x, y, linestyle="none", marker=shape, markersize=5.5, markeredgewidth=1.2, zorder=4, clip_on=False, **marks
    )


def key_lines(signs: Sequence[Sign], width: float) -> list[list[Entry]]:
    """Return the key, line by line: as many signs a line as a width in pixels holds.

    Example:
        >>> signs = [Sign("solid", "threshold"), Sign("lowest", "best")]
        >>> [[entry.text for entry in line] for line in key_lines(signs, 130.0)]
        [['threshold'], ['best']]
    """
    lines: list[list[Entry]] = []
    left = width
    for sign in signs:
        first, *rest = wrap(sign.text, width - _ROOM)
        needed = _ROOM + text_width(first)
        if lines and left + needed <= width and not rest:
            lines[-1].append(Entry(left, sign.look, first))
        else:
            lines.append([Entry(0.0, sign.look, first)])
            lines += [[Entry(0.0, None, text)] for text in rest]
            left = 0.0
        left = width if rest else left + needed + _GAP
    return lines


def draw_key(drawing: Drawing, lines: Sequence[Sequence[Entry]], top: float) -> None:
    """Draw a key from a height in pixels on."""
    for row, line in enumerate(lines):
        for entry in line:
            baseline = top + LINE * row + 11
            write(drawing, entry.left + _ROOM, baseline, entry.text, color=LIGHT["muted"])
            if entry.look is not None:
                _draw_sign(drawing, Box(entry.left, baseline - 9, _ROOM - 8, 10), entry.look)


def _draw_sign(drawing: Drawing, box: Box, look: Look) -> None:
    axes = add_axes(drawing, box, spines=(), grid="")
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    if look == "missing":
        axes.add_patch(Rectangle((0.2, 0), 0.6, 1, facecolor=LIGHT["shade"], edgecolor=LIGHT["rule"], linewidth=0.8))
        axes.plot([0.2, 0.8], [0, 1], color=LIGHT["rule"], linewidth=1)
    elif look in ("lowest", "highest"):
        dot(axes, [0.5], [0.5], kind=look)
    else:
        stroke(axes, [0, 1], [0.5, 0.5], style=look)
