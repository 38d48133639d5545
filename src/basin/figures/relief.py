"""The ground that walks are drawn on: a surface's contours, at levels that show its valleys, and what stands on it.

With m the smallest value in the picture, levels are equally spaced in f - m where the heights are spread evenly, and in
its logarithm where most of the picture lies low (the median of f - m is below a tenth of its range), between its
quantiles of 3 and 99.5 per cent. Where it is higher the ground is darker: each level adds a layer of one opacity, so a
band needs no colour of its own and follows the reader's theme.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.path import Path as Outline

from basin.figures.palette import LIGHT

Symbol = Literal["minimum", "saddle", "start"]

NUM_LEVELS = 12
_MARKERS = {"minimum": "*", "saddle": "D", "start": "o"}
_SIZES = {"minimum": 11.0, "saddle": 5.5, "start": 6.5}


@dataclass(frozen=True)
class Mark:
    """A point of the ground with a name: a minimum, a saddle, the start of the walks."""

    label: str
    x: float
    y: float
    symbol: Symbol = "minimum"


def levels(values: Float[np.ndarray, "rows columns"], count: int = NUM_LEVELS) -> list[float]:
    """Return the heights of contours, ascending.

    Args:
        values: A surface on a grid; what is not finite is passed over.
        count: About how many.

    Example:
        >>> even = np.linspace(0.0, 13.0, 14).reshape(2, 7)
        >>> levels(even)[:3]  # heights that are spread evenly
        [1.0, 2.0, 3.0]
        >>> steep = 10.0 ** np.linspace(-3, 3, 601).reshape(1, -1)
        >>> found = np.diff(np.log10(np.array(levels(steep)) - 1e-3))
        >>> bool(np.ptp(found) < 1e-6)  # heights of many magnitudes
        True
    """
    kept = values[np.isfinite(values)].astype(float)
    if not len(kept) or kept.min() == kept.max():
        return []
    lowest, above = kept.min(), kept - kept.min()
    if are_even(values):
        return np.linspace(lowest, kept.max(), count + 2)[1:-1].tolist()
    low, high = np.quantile(above[above > 0], [0.03, 0.995])
    return sorted(set((lowest + np.geomspace(low, high, count)).tolist()))


def are_even(values: Float[np.ndarray, "rows columns"]) -> bool:
    """Return whether a surface's contours are equal steps apart, and not equal factors of the height above its lowest.

    Example:
        >>> are_even(np.linspace(0.0, 1.0, 9).reshape(3, 3)), are_even(np.logspace(-6, 0, 9).reshape(3, 3))
        (True, False)
    """
    kept = values[np.isfinite(values)].astype(float)
    above = kept - kept.min(initial=np.inf)
    return bool(len(kept) and np.median(above) >= 0.1 * above.max())


def draw_relief(
    axes: Axes,
    x: Float[np.ndarray, "columns"],
    y: Float[np.ndarray, "rows"],
    values: Float[np.ndarray, "rows columns"],
    heights: list[float],
) -> None:
    """Shade the ground above each of some heights and draw its edge."""
    if not heights:
        return
    top = heights[-1] + max(1.0, abs(heights[-1]))
    held = np.ma.masked_invalid(np.minimum(np.where(values == np.inf, top, values), top))
    fill, edge = to_rgba(LIGHT["muted"], 0.3 / len(heights)), to_rgba(LIGHT["rule"], 0.55)
    for height in heights:
        band = axes.contourf(x, y, held, levels=[height, 2 * top - height], colors=[fill])
        band.set(edgecolor=edge, linewidth=0.7)
        band.set_paths([_simpler(path, axes) for path in band.get_paths()])


def _simpler(path: Outline, axes: Axes) -> Outline:
    """Return an outline without the points that lie within a ninth of a pixel of the line through their neighbours."""
    pixels = path.cleaned(axes.transData, simplify=True)
    points, codes = np.asarray(pixels.vertices), np.asarray(pixels.codes)
    kept = codes != Outline.STOP
    return Outline(axes.transData.inverted().transform(points[kept]), codes[kept])


def draw_mark(axes: Axes, mark: Mark) -> None:
    """Draw the symbol of a mark; its name is placed with those of the walks."""
    filled = LIGHT["ink"] if mark.symbol == "minimum" else LIGHT["surface"]
    axes.plot(
        mark.x,
        mark.y,
        marker=_MARKERS[mark.symbol],
        markersize=_SIZES[mark.symbol],
        markerfacecolor=filled,
        markeredgecolor=LIGHT["ink"],
        markeredgewidth=0.6 if mark.symbol == "minimum" else 1.6,
        linestyle="none",
        zorder=4,
    )
