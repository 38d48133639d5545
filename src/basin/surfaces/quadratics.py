r"""Quadratic surfaces, where theory gives every step of a walk.

With the eigenvalues :math:`\lambda_i` and the orthonormal eigenvectors :math:`u_i` of the Hessian and
:math:`\alpha_i = u_i^T (w - w^*)`,

.. math:: E(w) = E^* + \tfrac12 \sum_i \lambda_i \alpha_i^2 .

References:
    Bishop & Bishop, Deep Learning (2024), section 7.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from basin.surfaces.definition import Surface


def quadratic(
    eigenvalues: Sequence[float],
    *,
    rotation: float | Float[np.ndarray, "n n"] = 0.0,
    minimum: Sequence[float] | None = None,
    value: float = 0.0,
    half_width: float = 4.0,
) -> Surface:
    """Return the quadratic with these eigenvalues.

    Args:
        eigenvalues: Of the Hessian, of any sign; as many as there are coordinates.
        rotation: In two dimensions the angle in radians from the first axis to the first eigenvector; else, or
            instead, the orthonormal eigenvectors as columns.
        minimum: The stationary point; the origin if not given.
        value: The value there.
        half_width: The region reaches this far from the stationary point.

    Raises:
        ValueError: No eigenvalues, one that is not finite, an angle in a dimension other than two, or columns that are
            not orthonormal.

    Example:
        >>> import numpy as np
        >>> ravine = quadratic([1.0, 100.0], rotation=np.pi / 2)
        >>> float(ravine(np.array([0.0, 2.0]))), float(ravine(np.array([2.0, 0.0])))
        (2.0, 200.0)
    """
    curvature = np.asarray(eigenvalues, np.float64)
    if curvature.ndim != 1 or not len(curvature) or not np.isfinite(curvature).all():
        raise ValueError(f"expected finite eigenvalues, one a coordinate, got {list(eigenvalues)}")
    vectors = _vectors(rotation, len(curvature))
    centre = np.zeros(len(curvature)) if minimum is None else np.asarray(minimum, np.float64)
    if centre.shape != curvature.shape:
        raise ValueError(f"expected a minimum of {len(curvature)} coordinates, got {centre.shape}")
    hessian = (vectors * curvature) @ vectors.T

    def function(point: jax.Array) -> jax.Array:
        point = jnp.asarray(point)
        away = point - centre.astype(point.dtype)
        return value + away @ (hessian.astype(point.dtype) @ away) / 2

    return Surface(
        name=f"quadratic {', '.join(f'{x:g}' for x in curvature)}",
        function=function,
        lower=tuple((centre - half_width).tolist()),
        upper=tuple((centre + half_width).tolist()),
        minima=(tuple(centre.tolist()),) if (curvature > 0).all() else (),
        formula="E* + 1/2 sum_i lambda_i alpha_i^2",
    )


def _vectors(rotation: float | np.ndarray, size: int) -> np.ndarray:
    if np.ndim(rotation) == 0:
        if rotation == 0:
            return np.eye(size)
        if size != 2:
            raise ValueError(f"expected eigenvectors as columns in dimension {size}, got an angle: it needs two")
        cos, sin = np.cos(rotation), np.sin(rotation)
        return np.array([[cos, -sin], [sin, cos]])
    vectors = np.asarray(rotation, np.float64)
    if vectors.shape != (size, size) or not np.allclose(vectors.T @ vectors, np.eye(size), atol=1e-10):
        raise ValueError(f"expected {size} orthonormal columns as eigenvectors, got an array of shape {vectors.shape}")
    return vectors
