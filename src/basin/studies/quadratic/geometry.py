r"""The shape of a quadratic: eigenvectors as axes, definiteness, ellipses, where the gradient points (slides 7 to 10).

With H u_i = lambda_i u_i and alpha_i = u_i'(w - w*),

.. math:: E(w) = E^* + \tfrac12 \sum_i \lambda_i \alpha_i^2 ,

contours are ellipses with half-axes sqrt(C / lambda_i), C = 2 (E - E*), and v'Hv > 0 for all v if and only if every
eigenvalue is positive. Each is measured without the eigenvalues where it can be: half-axes by finding where a ray
meets the contour, definiteness by descending v'Hv / v'v over the sphere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from scipy.stats import ortho_group

from basin.loss.precision import arithmetic
from basin.surfaces.functions import surface
from basin.surfaces.quadratics import quadratic

LEVEL = 0.5
"""The contour E - E* at which ellipses are measured: C = 1."""

ANGLES = np.linspace(0, np.pi / 2, 91)[:-1] + np.pi / 360
"""Half-degrees between the directions of the flattest and the steepest eigenvector."""

FLAT_MINIMA = {
    "x^4": (lambda p: p[0] ** 4, (0.0,)),
    "x^4 + y^4": (lambda p: jnp.sum(p**4), (0.0, 0.0)),
    "x^2 + y^4": (lambda p: p[0] ** 2 + p[1] ** 4, (0.0, 0.0)),
    "x^6 + x^2 y^2 + y^6": (lambda p: p[0] ** 6 + (p[0] * p[1]) ** 2 + p[1] ** 6, (0.0, 0.0)),
}
"""Strict minima at the origin whose Hessian is not positive definite."""


def eigen_axes(count: int) -> Mapping[str, np.ndarray]:
    """Return, for random quadratics of two to six dimensions, how well their measured Hessian fits their eigen-axes.

    Returns:
        Errors by case: `equation` |H U - U Lambda| over the largest eigenvalue, `orthonormal` |U'U - 1|, `rebuilt`
        |w - w* - U alpha| over |w - w*|; and `value` E(w) - E*, `sum` 1/2 sum lambda alpha^2, `printed` what slide 6's
        derivation leaves if it is carried out: -1/2 (w - w*)'H(w - w*).
    """
    rows = [_eigen_axes(np.random.default_rng([7, index]), 2 + index % 5) for index in range(count)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _eigen_axes(rng: np.random.Generator, size: int) -> dict[str, float]:
    eigenvalues = np.exp(rng.uniform(-2, 2, size))
    turned = ortho_group.rvs(size, random_state=rng)
    centre, away, lowest = rng.uniform(-2, 2, size), rng.uniform(-3, 3, size), rng.uniform(-1, 1)
    bowl = quadratic(eigenvalues.tolist(), rotation=turned, minimum=centre.tolist(), value=lowest)
    with arithmetic("float64"):
        seen = jax.jit(lambda w: (bowl(w), jax.grad(bowl.function)(w), jax.hessian(bowl.function)(w)))(centre + away)
    value, slope, hessian = (np.asarray(part) for part in seen)
    value = float(value) - lowest
    found, axes = np.linalg.eigh(hessian)
    alpha = axes.T @ away
    return {
        "equation": float(np.abs(hessian @ axes - axes * found).max() / found.max()),
        "orthonormal": float(np.abs(axes.T @ axes - np.eye(size)).max()),
        "rebuilt": float(np.linalg.norm(axes @ alpha - away) / np.linalg.norm(away)),
        "value": value,
        "sum": float((found * alpha**2).sum() / 2),
        "printed": float(-away @ slope + away @ hessian @ away / 2),
    }


def definiteness(count: int, size: int = 6) -> Mapping[str, np.ndarray]:
    """Return, for random matrices with and without a negative eigenvalue, the least v'Hv / v'v found by descent.

    Eigenvalues lie between 0.05 and 1 in magnitude, so that their sign is beyond doubt.

    Returns:
        `smallest`: the smallest eigenvalue by construction; `least`: what descent over the sphere found.
    """
    smallest, least = [], []
    for index in range(2 * count):
        rng = np.random.default_rng([9, index])
        eigenvalues = rng.uniform(0.05, 1.0, size)
        if index % 2:
            eigenvalues[: rng.integers(1, size)] *= -1
        turned = ortho_group.rvs(size, random_state=rng)
        smallest.append(eigenvalues.min())
        least.append(_least_quotient((turned * eigenvalues) @ turned.T, rng))
    return {"smallest": np.array(smallest), "least": np.array(least)}


def _least_quotient(matrix: np.ndarray, rng: np.random.Generator) -> float:
    """Return the least v'Hv / v'v, whose only local minima are global ones."""

    def quotient(v: np.ndarray) -> tuple[float, np.ndarray]:
        square = float(v @ v)
        value = float(v @ matrix @ v) / square
        return value, 2 * (matrix @ v - value * v) / square

    start = rng.standard_normal(len(matrix))
    tight = {"gtol": 1e-9, "ftol": 1e-15}
    return float(scipy.optimize.minimize(quotient, start, jac=True, method="L-BFGS-B", options=tight).fun)


def minima(names: Sequence[str]) -> Mapping[str, Mapping[str, np.ndarray]]:
    """Return what stands at known minima: gradient, smallest eigenvalue, and whether every near point is higher.

    Returns:
        By name of a surface, or formula of a flat minimum: `gradient` its norm, `smallest` and `largest` eigenvalue of
        the Hessian, `higher` the share of 720 points on circles of radius 0.01 and 0.1 that are higher; an entry for
        each minimum.
    """
    known = {name: (surface(name).function, surface(name).minima) for name in names}
    known |= {name: (function, (point,)) for name, (function, point) in FLAT_MINIMA.items()}
    with arithmetic("float64"):
        return {name: _minima(function, np.array(points)) for name, (function, points) in known.items()}


def _minima(function: Callable[[jax.Array], jax.Array], points: np.ndarray) -> dict[str, np.ndarray]:
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)[:, : points.shape[1]]
    ring = np.concatenate([0.01 * circle, 0.1 * circle])
    ring = ring[np.abs(ring).max(axis=1) > 1e-6]

    @jax.jit
    @jax.vmap
    def seen(point: jax.Array) -> tuple[jax.Array, ...]:
        around = jax.vmap(function)(point + ring)
        return jax.grad(function)(point), jax.hessian(function)(point), around > function(point)

    slopes, curvature, higher = (np.asarray(part) for part in seen(points))
    eigenvalues = np.linalg.eigvalsh(curvature)
    return {
        "gradient": np.linalg.norm(slopes, axis=1),
        "smallest": eigenvalues[:, 0],
        "largest": eigenvalues[:, -1],
        "higher": higher.mean(axis=1),
    }


def ellipses(condition_numbers: Sequence[float]) -> Mapping[str, np.ndarray]:
    """Return where rays from the minimum meet the contour E = E* + LEVEL, on quadratics of largest eigenvalue 1.

    Returns:
        `long` and `short`: the half-axes, the radii along the flattest and the steepest eigenvector; `radii`: along
        directions between them (condition numbers, angles).
    """
    found = np.array([_radii(1 / kappa, (0.0, np.pi / 2, *ANGLES)) for kappa in condition_numbers])
    return {"long": found[:, 0], "short": found[:, 1], "radii": found[:, 2:]}


def _radii(flattest: float, angles: Sequence[float], turned: float = 0.4) -> list[float]:
    """Return the radius at which the contour is met at each angle away from the flattest eigenvector."""
    centre, far = np.array([0.5, -1.0]), 2 / np.sqrt(flattest)
    bowl = jax.jit(quadratic([flattest, 1.0], rotation=turned, minimum=centre.tolist(), value=2.0).function)

    def height(radius: float, direction: np.ndarray) -> float:
        return float(bowl(centre + radius * direction)) - 2.0 - LEVEL

    def radius(angle: float) -> float:
        direction = np.array([np.cos(turned + angle), np.sin(turned + angle)])
        found = scipy.optimize.root_scalar(height, args=(direction,), bracket=(0.0, far), xtol=1e-13, rtol=1e-14)
        return float(found.root)

    with arithmetic("float64"):
        return [radius(angle) for angle in angles]


def aim(condition_numbers: Sequence[float], blocks: int, each: int = 500) -> Mapping[str, np.ndarray]:
    """Return the angle, in degrees, between the way to the minimum and the direction of steepest descent.

    Points are uniform on a disc around the minimum of quadratics with the condition numbers.

    Returns:
        `angles`: (condition numbers, blocks, points).
    """
    rng = np.random.default_rng(22)
    turned = rng.uniform(0, 2 * np.pi, (blocks * each))
    away = np.sqrt(rng.uniform(0, 1, (blocks * each, 1))) * np.stack([np.cos(turned), np.sin(turned)], axis=1)
    found = []
    for kappa in condition_numbers:
        bowl = quadratic([1 / kappa, 1.0], rotation=0.4)
        with arithmetic("float64"):
            slopes = np.asarray(jax.jit(jax.vmap(jax.grad(bowl.function)))(away))
        cosine = (slopes * away).sum(axis=1) / np.linalg.norm(slopes, axis=1) / np.linalg.norm(away, axis=1)
        found.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))).reshape(blocks, each))
    return {"angles": np.array(found)}
