"""The colours of figures and pages, by role, for a light and a dark ground.

Every role that carries text or a label has a contrast of at least 4.5 to 1 against both surfaces of its theme, and
the eight series colours stay apart for readers with protanopia, deuteranopia and tritanopia (a difference of at least
0.07 in OKLab under the simulation of Machado et al., 2009). Colour never stands alone: curves are labelled at their
ends and verdicts carry a symbol and a word.

In an SVG each shape carries the light colour as an attribute, which every program understands, and a class (`f-` fills,
`k-` strokes) that the style sheet ties to the role; so a figure inside a page follows the page's theme. Only the scale
of a heat map (:func:`heat_colours`) has the same colours in both, because there a colour is a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "surface": "#ffffff",
        "page": "#f6f6f3",
        "ink": "#17181a",
        "muted": "#595e66",
        "rule": "#85898f",
        "grid": "#e4e4df",
        "shade": "#ecebe5",
        "series1": "#1f68b5",
        "series2": "#c8400f",
        "series3": "#00433a",
        "series4": "#7c1f77",
        "series5": "#5a2a00",
        "series6": "#bc13ad",
        "series7": "#721af1",
        "series8": "#2d03d0",
        "supported": "#1a7a4c",
        "refuted": "#b3261e",
        "inconclusive": "#5b6470",
    }
)
"""Role to colour on a light ground."""

DARK: Mapping[str, str] = MappingProxyType(
    {
        "surface": "#1b1e22",
        "page": "#121417",
        "ink": "#eceef0",
        "muted": "#a3abb5",
        "rule": "#767e88",
        "grid": "#31363c",
        "shade": "#2d323a",
        "series1": "#6aa9ed",
        "series2": "#ef8448",
        "series3": "#c8f2dc",
        "series4": "#f3a0c4",
        "series5": "#d8c75a",
        "series6": "#fe2abe",
        "series7": "#1aee9c",
        "series8": "#d7690e",
        "supported": "#5cc98f",
        "refuted": "#ff8a7a",
        "inconclusive": "#a9b1bb",
    }
)
"""Role to colour on a dark ground."""

SERIES = tuple(role for role in LIGHT if role.startswith("series"))
"""The roles of the arms of a study, in their order of use."""

SYMBOLS: Mapping[str, str] = MappingProxyType({"supported": "✓", "refuted": "✕", "inconclusive": "?"})
"""The mark that stands before a verdict, so that it does not rest on colour."""


def series(index: int) -> str:
    """Return the colour of an arm by its position, as figures write it; a ninth arm repeats the first."""
    return LIGHT[SERIES[index % len(SERIES)]]


@cache
def heat_colours() -> tuple[str, ...]:
    """Return the colours of a heat map from the lowest value to the highest: 64 steps of matplotlib's `viridis`."""
    from matplotlib import colormaps  # here, because a report is written without a drawing
    from matplotlib.colors import to_hex

    return tuple(to_hex(colour) for colour in colormaps["viridis"](range(0, 256, 4)))


def variables(theme: Mapping[str, str]) -> str:
    """Return a theme as CSS custom properties.

    Example:
        >>> variables({"ink": "#000000", "page": "#ffffff"})
        '--ink:#000000;--page:#ffffff'
    """
    return ";".join(f"--{role}:{colour}" for role, colour in theme.items())


def role_classes() -> str:
    """Return the CSS rules that tie the classes of shapes to the custom properties of the theme."""
    return "".join(f".f-{role}{{fill:var(--{role})}}.k-{role}{{stroke:var(--{role})}}" for role in LIGHT)


def standalone_css() -> str:
    """Return the style sheet of an SVG file that stands alone: it follows the reader's system."""
    return (
        f"svg{{{variables(LIGHT)};color-scheme:light dark;background:var(--surface)}}"
        f"@media (prefers-color-scheme:dark){{svg{{{variables(DARK)}}}}}"
        f"{role_classes()}"
    )
