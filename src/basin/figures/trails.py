"""A walk over a picture: what of it is seen, where it was lost, and with how few points it can be drawn.

A walk is seen as far as it lies in the picture; what it does outside is cut off exactly where it crosses the border. It
is lost where it has no next point (it diverged), or where it leaves the picture for good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

Fate = Literal["", "left", "diverged"]

MOST_POINTS = 600
"""The most points that a walk is drawn with."""

SPACING = 0.7
"""Points nearer than this to the last one kept, in pixels, are passed over."""


@dataclass(frozen=True)
class Path:
    """A walk over a surface.

    Attributes:
        label: Its name, short: it stands beside the line.
        points: The start and the point after each step, (points, 2).
        left_at: Index of the first point that the walk no longer has, because something was no longer finite; none
            for a walk that was finite to its end.
        values: The surface at each point, for a figure that moves.
    """

    label: str
    points: Float[np.ndarray, "points 2"]
    left_at: int | None = None
    values: Float[np.ndarray, "points"] | None = None

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 2 or not len(self.points):
            raise ValueError(f"expected points of shape (points, 2) for '{self.label}', got {self.points.shape}")
        if self.values is not None and self.values.shape != self.points.shape[:1]:
            raise ValueError(f"expected {len(self.points)} values for '{self.label}', got {self.values.shape}")

    @property
    def finite(self) -> Float[np.ndarray, "kept 2"]:
        """The points up to where the walk was no longer finite."""
        kept = self.points[: self.left_at]
        broken = ~np.isfinite(kept).all(axis=1)
        return kept[: int(broken.argmax())] if broken.any() else kept

    @property
    def diverged(self) -> bool:
        """Whether the walk ended before its last step."""
        return len(self.finite) < len(self.points)


@dataclass(frozen=True)
class Trail:
    """What of a walk is seen in a picture.

    Attributes:
        pieces: Lines inside the picture, one for each visit to it.
        tip: Where it ends: its last point, or the place on the border where it left for good; none if it was never in
            the picture.
        fate: How it was lost, if it was.
    """

    pieces: tuple[Float[np.ndarray, "points 2"], ...]
    tip: Float[np.ndarray, "2"] | None
    fate: Fate


def trail(path: Path, lower: Float[np.ndarray, "2"], upper: Float[np.ndarray, "2"]) -> Trail:
    """Return what of a walk is seen between two corners.

    Example:
        >>> out = Path("out", np.array([[0.0, 0.0], [0.5, 0.0], [2.5, 1.0]]))
        >>> seen = trail(out, np.array([-1.0, -1.0]), np.array([1.0, 1.0]))
        >>> seen.tip.tolist(), seen.fate
        ([1.0, 0.25], 'left')
    """
    points = path.finite
    inside = np.atleast_1d(((points >= lower) & (points <= upper)).all(axis=1))
    pieces = _pieces(points, lower, upper) if len(points) > 1 else [points[inside]] if inside.any() else []
    left = bool(len(points)) and not inside[-1]
    fate: Fate = "left" if left else "diverged" if path.diverged else ""
    return Trail(tuple(pieces), pieces[-1][-1] if pieces else None, fate)


def _pieces(points: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> list[np.ndarray]:
    """Cut a polyline by a rectangle (Liang & Barsky 1984): each segment is kept for the t at which all sides agree."""
    start, step = points[:-1], np.diff(points, axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        first, second = (lower - start) / step, (upper - start) / step
    still = step == 0
    between = (start >= lower) & (start <= upper)
    enter = np.where(still, np.where(between, -np.inf, np.inf), np.fmin(first, second)).max(axis=1).clip(0, None)
    leave = np.where(still, np.inf, np.fmax(first, second)).min(axis=1).clip(None, 1)
    pieces: list[list[np.ndarray]] = []
    for i in np.flatnonzero(enter <= leave):
        ends = (np.clip(start[i] + t * step[i], lower, upper) for t in (enter[i], leave[i]))
        if pieces and enter[i] == 0 and i and leave[i - 1] == 1 and enter[i - 1] <= 1:
            next(ends)
            pieces[-1].append(next(ends))
        else:
            pieces.append(list(ends))
    return [np.array(piece) for piece in pieces]


def thinned(points: Float[np.ndarray, "points 2"], spacing: float = SPACING) -> Float[np.ndarray, "kept 2"]:
    """Return a line in pixels with fewer points: no two neighbours nearer than `spacing`, both ends as they were.

    Example:
        >>> thinned(np.array([[0.0, 0.0], [0.1, 0.0], [5.0, 0.0], [5.1, 0.0]])).tolist()
        [[0.0, 0.0], [5.0, 0.0], [5.1, 0.0]]
    """
    kept = [0]
    for index in range(1, len(points) - 1):
        if math.dist(points[index], points[kept[-1]]) >= spacing:
            kept.append(index)
    if len(points) > 1:
        kept.append(len(points) - 1)
    if len(kept) > MOST_POINTS:
        return thinned(points[kept], 1.5 * spacing)
    return points[kept]
