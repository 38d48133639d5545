r"""What a function does around a stationary point, where its Hessian does not say.

The function is sampled on shells around the point, 0.1 %, 0.3 % and 1 % of the region's widths away: two points in one
dimension, 3 600 around an ellipse in two, 4 096 fixed random directions in more, and always the Hessian's own axes.
With :math:`\Delta` the difference from the value at the point and :math:`\tau` what rounding can do to it, a shell
shows

* a minimum, if :math:`\Delta > \tau` everywhere: a strict one, such as that of :math:`x^4 + y^4`;
* a maximum, if :math:`\Delta < -\tau` everywhere;
* a saddle, if both signs occur; in two dimensions :math:`\Delta` changes sign six times around a monkey saddle;
* nothing, if there are no two signs and somewhere :math:`|\Delta| \le \tau`: the function is flat that way.

The smallest shell that shows something decides. If none does, the point is called flat.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Float

from basin.loss.precision import arithmetic

Kind = Literal["minimum", "maximum", "saddle", "flat"]

RADII = (1e-3, 3e-3, 1e-2)
AROUND, DIRECTIONS = 3600, 4096
ROUNDING = 64 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class Neighbourhood:
    """What the shells around a point show.

    Attributes:
        kind: Of the point.
        sign_changes: In two dimensions, how often the difference from the point's value changes sign on the way around;
            `None` in other dimensions and where it is flat.
    """

    kind: Kind
    sign_changes: int | None


def look_around(
    function: Callable[[jax.Array], jax.Array],
    point: Float[np.ndarray, " dimension"],
    *,
    widths: Float[np.ndarray, " dimension"],
    axes: Float[np.ndarray, "dimension dimension"],
    scale: float,
) -> Neighbourhood:
    """Sample a function around a point, in float64.

    Args:
        function: Of a point (dimension,).
        point: The stationary point.
        widths: Of the region, the units of the shells' radii.
        axes: Directions, as columns, to look in whatever else: the eigenvectors of the Hessian.
        scale: A typical absolute value of the function, which says how much rounding can do.

    Example:
        >>> import numpy as np
        >>> origin, widths, axes = np.zeros(2), np.full(2, 3.0), np.eye(2)
        >>> look_around(lambda p: p[0] ** 3 - 3 * p[0] * p[1] ** 2, origin, widths=widths, axes=axes, scale=1.0)
        Neighbourhood(kind='saddle', sign_changes=6)
    """
    units = _directions(axes / widths[:, None])
    shells = np.concatenate([radius * widths * units for radius in RADII])
    with arithmetic("float64"):
        values = np.asarray(_values(function)(np.concatenate([point[None], point + shells])))
    differences = (values[1:] - values[0]).reshape(len(RADII), len(units))
    rounding = ROUNDING * max(scale, abs(float(values[0])))
    for shell in differences:
        signs = np.where(np.abs(shell) > rounding, np.sign(shell), 0)
        kind = _kind(signs)
        if kind != "flat":
            return Neighbourhood(kind, _sign_changes(signs) if len(point) == 2 else None)
    return Neighbourhood("flat", None)


def _kind(signs: np.ndarray) -> Kind:
    if (signs > 0).any() and (signs < 0).any():
        return "saddle"
    if (signs > 0).all():
        return "minimum"
    return "maximum" if (signs < 0).all() else "flat"


def _sign_changes(signs: np.ndarray) -> int:
    told = signs[signs != 0]
    return int((told != np.roll(told, 1)).sum())


def _directions(axes: np.ndarray) -> np.ndarray:
    """Return unit vectors as rows, both ways along each axis among them; in two dimensions in order of angle."""
    size = len(axes)
    both_ways = np.concatenate([axes.T, -axes.T])
    if size == 1:
        return np.array([[1.0], [-1.0]])
    if size == 2:
        even = np.linspace(-np.pi, np.pi, AROUND, endpoint=False)
        angles = np.sort(np.concatenate([even, np.arctan2(both_ways[:, 1], both_ways[:, 0])]))
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    drawn = np.concatenate([np.random.default_rng(0).standard_normal((DIRECTIONS, size)), both_ways])
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@functools.lru_cache(maxsize=64)
def _values(function: Callable[[jax.Array], jax.Array]) -> Any:
    return jax.jit(jax.vmap(function))
