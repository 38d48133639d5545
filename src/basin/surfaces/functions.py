"""The surfaces that optimisers are shown on, under the names that the literature gives them.

References:
    Jamil & Yang, A literature survey of benchmark functions for global optimisation problems (2013): Beale, Booth,
    Himmelblau, Rastrigin, Rosenbrock.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from basin.spec.base import unknown_name
from basin.surfaces.definition import Surface
from basin.surfaces.quadratics import quadratic


def _beale(p: jax.Array) -> jax.Array:
    x, y = p
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def _booth(p: jax.Array) -> jax.Array:
    x, y = p
    return (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2


def _himmelblau(p: jax.Array) -> jax.Array:
    x, y = p
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def _monkey_saddle(p: jax.Array) -> jax.Array:
    x, y = p
    return x**3 - 3 * x * y**2


def _rastrigin(p: jax.Array) -> jax.Array:
    return 10.0 * p.shape[0] + jnp.sum(p**2 - 10.0 * jnp.cos(2 * jnp.pi * p))


def _rosenbrock(p: jax.Array) -> jax.Array:
    x, y = p
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _saddle(p: jax.Array) -> jax.Array:
    x, y = p
    return x**2 - y**2


def _valley(p: jax.Array) -> jax.Array:
    x, y = p
    return x**2 / 2 - y**2 / 2 + y**4 / 4


HIMMELBLAU_MINIMA = (
    (3.0, 2.0),
    (-2.805118086952745, 3.131312518250573),
    (-3.779310253377747, -3.283185991286170),
    (3.584428340330492, -1.848126526964404),
)
"""The first exactly, the others roots of a quartic, to 16 digits."""

_SURVEY = "Jamil & Yang 2013"

_MADE = (
    Surface(
        "beale",
        _beale,
        (-4.5, -4.5),
        (4.5, 4.5),
        ((3.0, 0.5),),
        "(1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2",
        _SURVEY,
    ),
    Surface("booth", _booth, (-10.0, -10.0), (10.0, 10.0), ((1.0, 3.0),), "(x + 2y - 7)^2 + (2x + y - 5)^2", _SURVEY),
    Surface(
        "himmelblau",
        _himmelblau,
        (-5.0, -5.0),
        (5.0, 5.0),
        HIMMELBLAU_MINIMA,
        "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
        _SURVEY,
    ),
    Surface("monkey-saddle", _monkey_saddle, (-1.5, -1.5), (1.5, 1.5), (), "x^3 - 3 x y^2"),
    Surface(
        "rastrigin",
        _rastrigin,
        (-5.12, -5.12),
        (5.12, 5.12),
        ((0.0, 0.0),),
        "20 + x^2 - 10 cos(2 pi x) + y^2 - 10 cos(2 pi y)",
        _SURVEY,
    ),
    Surface("rosenbrock", _rosenbrock, (-2.0, -1.0), (2.0, 3.0), ((1.0, 1.0),), "(1 - x)^2 + 100 (y - x^2)^2", _SURVEY),
    Surface("saddle", _saddle, (-1.5, -1.5), (1.5, 1.5), (), "x^2 - y^2"),
    Surface(
        "valley",
        _valley,
        (-2.0, -2.0),
        (2.0, 2.0),
        ((0.0, -1.0), (0.0, 1.0)),
        "x^2/2 - y^2/2 + y^4/4: a saddle at the origin between two minima",
    ),
)


def _ravine() -> Surface:
    made = quadratic([0.02, 1.0], minimum=[0.0, 0.0], half_width=10.0)
    return Surface("ravine", made.function, (-10.0, -3.0), (10.0, 3.0), made.minima, "x^2/100 + y^2/2")


SURFACES = {surface.name: surface for surface in (*_MADE, _ravine())}
"""Every surface by name; being here enrols one in the contract test."""


def surface(name: str) -> Surface:
    """Return a surface by its name.

    Raises:
        ValueError: There is none of this name; the nearest is named.

    Example:
        >>> surface("beale").minima
        ((3.0, 0.5),)
    """
    if name not in SURFACES:
        raise ValueError(unknown_name(name, SURFACES, "surface"))
    return SURFACES[name]
