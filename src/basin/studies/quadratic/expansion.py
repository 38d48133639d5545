r"""What gradient and Hessian at a point say of a function nearby (slides 3, 5 and 6).

With gradient g and Hessian H at w, and a step d = h u along a unit vector u, the remainders are

.. math::

    r_1(h) = |E(w + d) - E(w) - d^T g|, \quad r_2(h) = |E(w + d) - E(w) - d^T g - \tfrac12 d^T H d|, \quad
    r_3(h) = \|\nabla E(w + d) - g - H d\| .

They fall as h^2, h^3 and h^2: slopes 2, 3 and 2 on logarithmic axes. Each is the root mean square over several random
directions, because in a single direction the leading term may happen to vanish. Point w is any point, so g is not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss.precision import arithmetic
from basin.surfaces.definition import Surface
from basin.surfaces.functions import surface

SURFACES = ("beale", "himmelblau", "rastrigin", "rosenbrock")
LENGTHS = np.logspace(-3, 1, 17)
FITTED = slice(0, 5)
"""The lengths from 1e-3 to 1e-2, to which the slopes are fitted: long enough not to drown in rounding."""

DIRECTIONS = 16
ANGLES = 720
SMALL = 1e-3
"""A small step is this share of |g| over the largest curvature; the linear term is then off by half as much."""

REMAINDERS = ("first", "second", "gradient")
Function = Callable[[jax.Array], jax.Array]


def on_surfaces(names: Sequence[str], points: int) -> Mapping[str, Any]:
    """Return, by surface, the remainders at random points, small steps, and the remainder about its minima."""
    return {name: _on_surface(surface(name), points, index) for index, name in enumerate(names)}


def _on_surface(of: Surface, count: int, index: int) -> Mapping[str, np.ndarray]:
    rng = np.random.default_rng([3, index])
    points = np.concatenate([rng.uniform(of.lower, of.upper, (count, of.dimension)), of.minima])
    turned = rng.uniform(0, 2 * np.pi, (len(points), DIRECTIONS))
    directions = np.stack([np.cos(turned), np.sin(turned)], axis=-1)
    with arithmetic("float64"):
        found = jax.tree.map(np.asarray, _both(of.function, points, directions))
    near = {name: values[:count] for name, values in found.items()}
    return {**near, "about minima": found["second"][count:]}


@partial(jax.jit, static_argnums=0)
def _both(function: Function, points: Any, directions: Any) -> dict[str, jax.Array]:
    angles = jnp.linspace(0, 2 * jnp.pi, ANGLES, endpoint=False)
    circle = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)

    def one(point: jax.Array, some: jax.Array) -> dict[str, jax.Array]:
        bent = jnp.max(jnp.abs(jnp.linalg.eigvalsh(jax.hessian(function)(point))))
        return {**remainders(function, point, some, LENGTHS), **small_steps(function, point, circle, bent)}

    return jax.vmap(one)(points, directions)


def remainders(function: Function, point: Any, directions: Any, lengths: Any) -> dict[str, jax.Array]:
    """Return the remainders at each length, and the sizes of the model's two terms, root mean squares over directions.

    Args:
        function: From a point (dimension,) to a scalar.
        point: Where it is expanded.
        directions: Unit vectors, (directions, dimension).
        lengths: Of the steps.
    """
    value, slope = jax.value_and_grad(function)(point)

    def along(direction: jax.Array) -> dict[str, jax.Array]:
        bent = jax.jvp(jax.grad(function), (point,), (direction,))[1]
        first = lengths * jnp.dot(direction, slope)
        second = lengths**2 * jnp.dot(direction, bent) / 2
        there = point + lengths[:, None] * direction
        values, slopes = jax.vmap(jax.value_and_grad(function))(there)
        rise = values - value
        off = slopes - slope - lengths[:, None] * bent
        model = jnp.abs(first) + jnp.abs(second)
        return {
            "first": jnp.abs(rise - first),
            "second": jnp.abs(rise - first - second),
            "gradient": jnp.sqrt(jnp.sum(off**2, axis=-1)),
            "model": model,
        }

    each = jax.vmap(along)(directions)
    return {name: jnp.sqrt(jnp.mean(values**2, axis=0)) for name, values in each.items()}


def small_steps(function: Function, point: Any, directions: Any, curvature: Any) -> dict[str, jax.Array]:
    """Return what a small step along the gradient, against it, and along other directions does.

    The length is h = SMALL |g| / L, with L the curvature.

    Returns:
        `excess`: the largest rise along the directions over that along the gradient, minus 1.
        `fall`: the fall against the gradient, over h |g|, minus 1.
    """
    value, slope = jax.value_and_grad(function)(point)
    size = jnp.sqrt(jnp.sum(slope**2))
    length = SMALL * size / curvature
    rises = jax.vmap(lambda u: function(point + length * u) - value)(directions)
    up = function(point + length * slope / size) - value
    down = value - function(point - length * slope / size)
    return {"excess": jnp.max(rises) / up - 1, "fall": down / (length * size) - 1}


def slopes(lengths: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the slope of log values against log lengths over the fitted lengths, one for each row.

    Example:
        >>> slopes(LENGTHS, LENGTHS[None] ** 3).round(6).tolist()
        [3.0]
    """
    x, y = np.log(lengths[FITTED]), np.log(np.atleast_2d(values)[:, FITTED])
    return np.polyfit(x, y.T, 1)[0]


def reach(lengths: np.ndarray, error: np.ndarray, model: np.ndarray, share: float = 0.1) -> np.ndarray:
    """Return the first length at which the error exceeds a share of the model's own terms, one for each row.

    A row that never exceeds it has the last length, one that always does the first.

    Example:
        >>> reach(np.array([1.0, 2.0, 3.0]), np.array([[0.0, 1.0, 5.0]]), np.array([[4.0, 4.0, 4.0]])).tolist()
        [2.0]
    """
    beyond = np.atleast_2d(error > share * model)
    return lengths[np.where(beyond.any(axis=1), beyond.argmax(axis=1), len(lengths) - 1)]
