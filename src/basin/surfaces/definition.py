"""What a surface is: a function of a point, the region that is looked at, and what is known of its minima."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

Point = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Surface:
    """A differentiable function of a point, with a region.

    Attributes:
        name: What messages and figures call it.
        function: From a point (dimension,) to a scalar; written with `jax.numpy`.
        lower: Lower corner of the region: where starts may lie and what figures show. Walks may leave it.
        upper: Upper corner.
        minima: The global minima that are known in closed form; empty where there are none, or none are known.
        formula: The function in writing.
        source: Where it is from.

    Example:
        >>> import jax.numpy as jnp
        >>> bowl = Surface("bowl", lambda x: jnp.sum(x**2), lower=(-1.0, -1.0), upper=(1.0, 1.0), minima=((0.0, 0.0),))
        >>> float(bowl(jnp.array([1.0, 2.0])))
        5.0
    """

    name: str
    function: Callable[[Float[Array, "dimension"]], Float[Array, ""]]
    lower: Point
    upper: Point
    minima: tuple[Point, ...] = ()
    formula: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        corners = list(zip(self.lower, self.upper, strict=False))
        ordered = all(math.isfinite(a) and math.isfinite(b) and a < b for a, b in corners)
        if not corners or len(self.lower) != len(self.upper) or not ordered:
            raise ValueError(
                f"expected a region whose lower corner lies below its upper one in every coordinate, got {self.lower} "
                f"and {self.upper}"
            )

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return len(self.lower)

    def __call__(self, point: Float[Array, "dimension"]) -> Float[Array, ""]:
        """Return the value at a point."""
        return self.function(point)

    def check_scalar(self) -> None:
        """Refuse a function that does not return one number.

        Raises:
            ValueError: It returns an array of another shape, or no array.
        """
        returned = jax.eval_shape(self.function, jax.ShapeDtypeStruct((self.dimension,), float))
        if getattr(returned, "shape", None) != ():
            raise ValueError(f"expected the surface '{self.name}' to return a scalar, got {returned}; sum it")

    def check_starts(self, starts: ArrayLike) -> Float[np.ndarray, "starts dimension"]:
        """Return starting points as an array of float64, (starts, dimension).

        Raises:
            ValueError: A start of another dimension, one that is not finite, or one outside the region.
        """
        points = np.atleast_2d(np.asarray(starts, np.float64))
        if points.ndim != 2 or points.shape[1] != self.dimension:
            raise ValueError(
                f"expected starts of {self.dimension} coordinates on the surface '{self.name}', got an array of shape "
                f"{np.shape(starts)}"
            )
        inside = ((points >= self.lower) & (points <= self.upper)).all(axis=1)
        if not inside.all():
            raise ValueError(
                f"expected starts between {self.lower} and {self.upper}, the region of the surface '{self.name}', got "
                f"{tuple(points[~inside][0].tolist())}"
            )
        return points


def as_surface(function: Surface | Callable[[jax.Array], jax.Array], dimension: int) -> Surface:
    """Return a surface as it is, and any other function with all of space as its region."""
    if isinstance(function, Surface):
        return function
    far = (float(np.finfo(np.float64).max),) * dimension
    name = getattr(function, "__name__", "function")
    return Surface(name, function, tuple(-x for x in far), far)
