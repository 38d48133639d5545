"""A surface on a grid of points, as figures of contours need it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import lax
from jaxtyping import Float

from basin.loss.precision import Precision, arithmetic, check_precision
from basin.surfaces.definition import Surface


class Grid(NamedTuple):
    """A surface of two coordinates on a grid.

    Attributes:
        x: First coordinates, ascending.
        y: Second coordinates, ascending.
        values: The surface at `(x[column], y[row])`, as contour figures take it.
    """

    x: Float[np.ndarray, " columns"]
    y: Float[np.ndarray, " rows"]
    values: Float[np.ndarray, "rows columns"]


def on_grid(
    surface: Surface,
    resolution: int | tuple[int, int] = 200,
    *,
    precision: Precision = "float64",
    chunk_size: int = 4096,
) -> Grid:
    """Return a surface of two coordinates on an even grid over its region, edges included.

    Args:
        surface: Of dimension 2.
        resolution: Points along each axis, or along the first and the second; 2 or more.
        precision: Arithmetic.
        chunk_size: Points evaluated side by side, 1 or more; fewer need less memory on the slice of a large network.

    Raises:
        ValueError: The surface has another dimension or returns no scalar, or a number is too small.

    Example:
        >>> from basin.surfaces import surface
        >>> grid = on_grid(surface("saddle"), (3, 2))
        >>> grid.x.tolist(), grid.y.tolist(), grid.values.tolist()
        ([-1.5, 0.0, 1.5], [-1.5, 1.5], [[0.0, -2.25, 0.0], [0.0, -2.25, 0.0]])
    """
    columns, rows = (resolution, resolution) if isinstance(resolution, int) else resolution
    check_precision(precision)
    if surface.dimension != 2:
        raise ValueError(f"expected a surface of 2 coordinates, got '{surface.name}' of {surface.dimension}")
    if min(columns, rows) < 2 or chunk_size < 1:
        raise ValueError(
            f"expected a resolution of at least 2 and a chunk_size of at least 1, got {resolution} and {chunk_size}"
        )
    (left, bottom), (right, top) = surface.lower, surface.upper
    x, y = np.linspace(left, right, columns), np.linspace(bottom, top, rows)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    with arithmetic(precision):
        surface.check_scalar()
        values = np.asarray(_program(surface.function, min(chunk_size, len(points)))(points.astype(precision)))
    return Grid(x, y, values.reshape(rows, columns))


@functools.lru_cache(maxsize=64)
def _program(function: Callable[[jax.Array], jax.Array], chunk_size: int) -> Any:
    """Return `program(points)`: their values, one chunk after another."""
    return jax.jit(lambda points: lax.map(function, points, batch_size=chunk_size))
