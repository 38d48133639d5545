r"""The loss of a network along a few directions through its weights, as a surface that optimisers can walk.

With the weights :math:`w` and the directions :math:`d_1, d_2`,

.. math:: f(a, b) = L(w + a d_1 + b d_2) .

Its gradient is the network's, projected: :math:`\partial f / \partial a = \langle \nabla L, d_1 \rangle`; its Hessian
has the entries :math:`d_i^T H d_j`. With orthonormal directions a distance in the plane is one in weight space.

References:
    Goodfellow, Vinyals & Saxe, Qualitatively characterizing neural network optimization problems (2015), for lines;
    Li et al., Visualizing the loss landscape of neural nets (2018), for planes, there with filter-wise scaled
    directions, which may be passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss import DatasetLoss
from basin.loss.precision import is_floating
from basin.surfaces.definition import Surface

INDEPENDENT = 1e-6
"""Directions are dependent when the smallest singular value of the scaled ones is below this."""


def loss_slice(
    loss_fn: Callable[[Any], Any],
    params: Any,
    directions: Sequence[Any] | None = None,
    *,
    key: jax.Array | None = None,
    half_width: float = 1.0,
    name: str = "slice of a loss",
) -> Surface:
    """Return the loss on the plane through `params` along two directions, or along as many as are given.

    The arithmetic is that of whoever evaluates the surface: walks and grids are float64 unless asked otherwise, and a
    `DatasetLoss` follows them. Weights and directions are copied; changing them later changes nothing.

    Args:
        loss_fn: From a pytree of weights to a scalar, written with `jax.numpy`, or a `DatasetLoss`.
        params: The weights at the origin of the surface. Leaves that are not floating-point stay what they are.
        directions: Pytrees like `params`, taken as they are: their lengths are the units of the coordinates.
            Eigenvectors of the Hessian, differences of two solutions and filter-wise scaled draws all serve. `None`
            draws two random orthonormal ones.
        key: Of the random directions; `None` is `jax.random.key(0)`.
        half_width: The region reaches this far from the origin in each coordinate.
        name: Of the surface.

    Raises:
        ValueError: A direction that is not like `params` or not finite, directions that are linearly dependent, a key
            beside directions, weights too few for two directions, or a width that is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> weights = {"w": jnp.array([3.0, 4.0]), "b": jnp.array(0.0)}
        >>> plane = loss_slice(lambda p: jnp.sum(p["w"] ** 2) / 2 + p["b"] ** 2, weights)
        >>> float(plane(jnp.zeros(2)))
        12.5
        >>> shrink = loss_slice(lambda p: jnp.sum(p["w"] ** 2) / 2, weights, [{"w": -weights["w"], "b": 0.0}])
        >>> float(shrink(jnp.ones(1)))
        0.0
    """
    if not (np.isfinite(half_width) and half_width > 0):
        raise ValueError(f"expected a positive half_width, got {half_width:g}")
    leaves, structure = jax.tree.flatten(params)
    origin = [np.array(leaf) for leaf in leaves]
    if directions is None:
        along = _random_directions(origin, jax.random.key(0) if key is None else key)
    elif key is not None:
        raise ValueError("expected a key or directions, got both: given directions draw nothing; drop one")
    else:
        along = [_like(direction, structure, origin, index) for index, direction in enumerate(directions)]
    _check_independent(along, origin)

    def function(point: jax.Array) -> jax.Array:
        point = jnp.asarray(point)
        loss: Any = loss_fn
        if isinstance(loss, DatasetLoss):
            loss = loss.astype("float64" if point.dtype == jnp.float64 else "float32")
        moved = [_moved(leaf, point, [direction[i] for direction in along]) for i, leaf in enumerate(origin)]
        return loss(jax.tree.unflatten(structure, moved))

    corner = (float(half_width),) * len(along)
    return Surface(
        name=name,
        function=function,
        lower=tuple(-x for x in corner),
        upper=corner,
        formula="L(w + " + " + ".join(f"a{i + 1} d{i + 1}" for i in range(len(along))) + ")",
    )


def _moved(leaf: np.ndarray, point: jax.Array, along: list[np.ndarray]) -> jax.Array:
    if not is_floating(leaf):
        return jnp.asarray(leaf)
    moved = jnp.asarray(leaf, point.dtype)
    for step, direction in zip(point, along, strict=True):
        moved = moved + step * jnp.asarray(direction, point.dtype)
    return moved


def _random_directions(origin: list[np.ndarray], key: jax.Array) -> list[list[np.ndarray]]:
    """Return two random orthonormal directions, leaf by leaf; zeros where a leaf is no floating-point array."""
    sizes = [leaf.size if is_floating(leaf) else 0 for leaf in origin]
    if sum(sizes) < 2:
        raise ValueError(f"expected at least 2 weights for two directions, got {sum(sizes)}; pass one direction")
    drawn = np.asarray(jax.random.normal(key, (sum(sizes), 2), jnp.float32), np.float64)
    columns = np.linalg.qr(drawn)[0].T
    ends = np.cumsum(sizes)[:-1]
    return [
        [
            part.reshape(leaf.shape) if part.size else np.zeros(leaf.shape)
            for part, leaf in zip(parts, origin, strict=True)
        ]
        for parts in (np.split(column, ends) for column in columns)
    ]


def _like(direction: Any, structure: Any, origin: list[np.ndarray], index: int) -> list[np.ndarray]:
    leaves, found = jax.tree.flatten(direction)
    if found != structure:
        raise ValueError(f"direction {index}: expected a pytree like the weights, {structure}, got {found}")
    arrays = [np.array(leaf, np.float64) for leaf in leaves]
    shapes, expected = [array.shape for array in arrays], [leaf.shape for leaf in origin]
    if shapes != expected:
        raise ValueError(f"direction {index}: expected leaves of shapes {expected}, got {shapes}")
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f"direction {index}: expected finite numbers, got some that are not")
    return arrays


def _check_independent(along: list[list[np.ndarray]], origin: list[np.ndarray]) -> None:
    if not along:
        raise ValueError("expected at least one direction, got none; leave directions out for two random ones")
    moving = [index for index, leaf in enumerate(origin) if is_floating(leaf)]
    rows = np.stack([np.concatenate([direction[i].ravel() for i in moving] or [np.zeros(0)]) for direction in along])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if (lengths == 0).any() or np.linalg.matrix_rank(rows / lengths, tol=INDEPENDENT) < len(along):
        raise ValueError(
            f"expected {len(along)} linearly independent directions, got lengths {lengths.ravel().tolist()}; "
            "a direction of length 0 or along another one spans nothing"
        )
