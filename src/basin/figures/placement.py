"""Where names stand beside lines that cross and meet, so that each is read as its own line's.

A name may stand at any place of its line, in eight directions and at four distances. The place with the least cost is
taken, name by name: lines under the name, other names, the border of the picture, a neighbour that is nearer than the
line itself, and a stretch on which several lines run together all cost. The search is exhaustive over some thousand
places, so the same lines give the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import KDTree

GAPS = (5.0, 15.0, 30.0, 48.0)
"""Distances between a line and its name, in pixels."""

_DIRECTIONS = np.array([(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)], dtype=float)
_MOST_ANCHORS = 60
_STEP = 4.0


@dataclass(frozen=True)
class Place:
    """Where a name stands.

    Attributes:
        centre: Its middle, in pixels.
        anchor: The point of its line that it stands beside.
        gap: The distance that was taken.
    """

    centre: Float[np.ndarray, "2"]
    anchor: Float[np.ndarray, "2"]
    gap: float


def place(
    lines: Sequence[Float[np.ndarray, "points 2"]],
    sizes: Sequence[tuple[float, float]],
    area: tuple[float, float, float, float],
    taken: Sequence[tuple[float, float, float, float]] = (),
) -> list[Place]:
    """Return a place for the name of each line.

    Args:
        lines: In pixels, each with a point at least.
        sizes: Width and height of each name, in pixels.
        area: Left, low, right and high end of the picture.
        taken: Boxes in which something stands already.

    Example:
        >>> flat = np.array([[0.0, 50.0], [100.0, 50.0]])
        >>> found = place([flat], [(20.0, 10.0)], (0.0, 0.0, 100.0, 100.0))[0]
        >>> abs(float(found.centre[1]) - 50.0)  # above or below its line, not on it
        10.0
    """
    dense = [_dense(line) for line in lines]
    boxes = [np.array(box, dtype=float) for box in taken]
    found = []
    for index, (own, size) in enumerate(zip(dense, sizes, strict=True)):
        others = [line for other, line in enumerate(dense) if other != index]
        best = _best(own, np.concatenate(others) if others else np.zeros((0, 2)), np.array(size), area, boxes)
        boxes.append(np.concatenate([best.centre - np.array(size) / 2, best.centre + np.array(size) / 2]))
        found.append(best)
    return found


def _best(
    own: np.ndarray, others: np.ndarray, size: np.ndarray, area: tuple[float, ...], boxes: Sequence[np.ndarray]
) -> Place:
    anchors = own[np.unique(np.linspace(0, len(own) - 1, _MOST_ANCHORS).astype(int))]
    ways = np.array([(*way, gap) for gap in GAPS for way in _DIRECTIONS])
    anchor = np.repeat(anchors, len(ways), axis=0)
    way = np.tile(ways, (len(anchors), 1))
    centre = anchor + way[:, :2] * (way[:, 2:] + size / 2)
    low, high = centre - size / 2, centre + size / 2
    cost = 0.05 * way[:, 2] + 0.3 * (np.abs(way[:, 0]) + np.abs(way[:, 1]) - 1)
    cost += 1e4 * ((low < area[:2]) | (high > area[2:])).any(axis=1)
    cost += 2.0 * _inside(own, low - 1, high + 1) + 3.0 * _inside(others, low - 2, high + 2)
    if len(others):
        near, alone = (KDTree(others).query(points)[0] for points in (centre, anchor))
        cost += 1.5 * np.maximum(0.0, np.linalg.norm(size / 2) + 12.0 - near) + 0.4 * np.maximum(0.0, 30.0 - alone)
    for box in boxes:
        cost += 200.0 * ((low < box[2:]) & (high > box[:2])).all(axis=1)
    chosen = int(cost.argmin())
    return Place(centre[chosen], anchor[chosen], float(way[chosen, 2]))


def _inside(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return how many points lie in each box, (boxes,)."""
    return ((points[None] > low[:, None]) & (points[None] < high[:, None])).all(axis=2).sum(axis=1)


def _dense(line: np.ndarray) -> np.ndarray:
    """Return points every few pixels along a line."""
    if len(line) < 2:
        return line
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    wanted = np.linspace(0.0, along[-1], max(2, min(400, int(along[-1] / _STEP) + 1)))
    return np.stack([np.interp(wanted, along, line[:, axis]) for axis in (0, 1)], axis=1)
