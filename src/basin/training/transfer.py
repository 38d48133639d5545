"""First weights from another run: which of its arrays are taken, and how they are put over a network's own.

A network's arrays are the leaves of `{"params": ..., "state": ...}`, each with a path such as `dense.0.kernel`; those
whose paths differ in the last part alone are a layer. Taken is

* without names, every layer whose arrays are those of the parent's in path and shape: a last layer for another number
  of classes stays as it was drawn, its bias too, and so does a first layer for inputs of another size;
* with names, every array at or below one of them, and each must be there in the parent, in the same shape.

A network may also grow: with a :class:`Growth`, an array of the parent that is nowhere larger is put into the corner of
the child's, so that its units are the child's first ones, and the rest of the array is drawn anew, from N(0, std^2).
What is no weight of a unit, the running statistics and the scales and offsets of normalisation, has the child's own
first values there. Belkin et al., "Reconciling modern machine-learning practice and the classical bias-variance
trade-off" (PNAS 2019), grow two-layer networks so, with the variance 0.01.

The running statistics of batch normalisation, which are state, belong to the layer of their scales and offsets and go
with these. Yosinski et al., "How transferable are features in deep neural networks?" (NeurIPS 2014), take the first
layers, as in `["dense.0"]`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from basin.models.naming import Naming
from basin.spec.base import unknown_name

Network = Mapping[str, Any]
"""A network's arrays, or their shapes: `params` and, if there is any, `state`."""

Path = tuple[str, ...]
Shape = tuple[int, ...]
Shapes = Mapping[Path, Shape]
Fits = Callable[[Shape, Shape], bool]
"""Whether an array of one's own shape can take one of the other's."""


@dataclass(frozen=True)
class Growth:
    """How the numbers are drawn that a smaller network does not have.

    Attributes:
        std: Their standard deviation; their mean is 0.
        key: Random key; each array folds its path into it.
    """

    std: float
    key: jax.Array

    def draw(self, path: Path, like: jax.Array) -> jax.Array:
        """Return new numbers for the array of a path, of the shape and type of `like`."""
        key = jax.random.fold_in(self.key, zlib.crc32(dotted(path).encode()))
        return self.std * jax.random.normal(key, like.shape, like.dtype)


def overlay(
    own: Network, other: Network, layers: Sequence[str] | None = None, growth: Growth | None = None
) -> dict[str, Any]:
    """Return a network's arrays with those of another in place of what is taken.

    Args:
        own: What is covered; what is taken gets the type that it has here.
        other: What is taken from.
        layers: Beginnings of dotted paths; None for all layers that agree in the paths and shapes of their arrays.
        growth: If given, arrays of `other` may be smaller.

    Raises:
        ValueError: A named array is missing or has another shape, or no weights at all are taken.

    Example:
        >>> import numpy as np
        >>> own = {"params": {"dense": np.float32([0, 0]), "output": np.float32([0, 0, 0])}}
        >>> other = {"params": {"dense": np.float32([1, 2]), "output": np.float32([1, 2, 3, 4])}}
        >>> over = overlay(own, other)["params"]
        >>> over["dense"].tolist(), over["output"].tolist()
        ([1.0, 2.0], [0.0, 0.0, 0.0])
        >>> small, large = ({"params": {"dense": np.ones(shape, np.float32)}} for shape in ((1, 2), (2, 3)))
        >>> overlay(large, small, growth=Growth(0.0, jax.random.key(0)))["params"]["dense"].astype(int).tolist()
        [[1, 1, 0], [0, 0, 0]]
    """
    taken = agreeing(shapes(own), shapes(other), layers, grow=growth is not None)
    given = dict(zip(Naming.of(other).paths, jax.tree.leaves(other), strict=True))
    naming = Naming.of(own)
    drawn = _of_units(naming.paths)

    def cover(path: Path, leaf: jax.Array) -> jax.Array:
        if path not in taken:
            return leaf
        part = jnp.asarray(given[path], leaf.dtype)
        if growth is None or part.shape == leaf.shape:
            return part
        around = growth.draw(path, leaf) if path in drawn else jnp.asarray(leaf)
        return around.at[tuple(map(slice, part.shape))].set(part)

    leaves = [cover(path, leaf) for path, leaf in zip(naming.paths, jax.tree.leaves(own), strict=True)]
    return jax.tree.unflatten(naming.structure, leaves)


def _of_units(paths: Sequence[Path]) -> set[Path]:
    """Return the weights and biases of units: trained, and not of a layer that has a scale and so normalises."""
    normalising = {path[:-1] for path in paths if path[-1] == "scale"}
    return {path for path in paths if path[0] == "params" and path[:-1] not in normalising}


def shapes(network: Network) -> dict[Path, Shape]:
    """Return the shape of each array by its path, of which `params` or `state` is the first part."""
    return {
        path: tuple(leaf.shape) for path, leaf in zip(Naming.of(network).paths, jax.tree.leaves(network), strict=True)
    }


def agreeing(own: Shapes, other: Shapes, layers: Sequence[str] | None = None, *, grow: bool = False) -> set[Path]:
    """Return the paths of the arrays that are taken.

    Args:
        own: Shapes by path of the network that begins.
        other: Those of the network that it begins from.
        layers: See :func:`overlay`.
        grow: Whether arrays of the other may be smaller.

    Raises:
        ValueError: See :func:`overlay`.
    """
    fits = _is_covered if grow else tuple.__eq__
    taken = _of_fitting_layers(own, other, fits) if layers is None else _of_named_layers(own, other, layers, fits)
    if not any(path[0] == "params" for path in taken):
        sizes = "paths, and shapes no larger," if grow else "paths and shapes"
        raise ValueError(
            f"expected a layer of the same {sizes} in the run to start from, got none: {_summary(own)} here, "
            f"{_summary(other)} there; start from a network with a layer in common, or name arrays in start.layers"
        )
    return taken


def dotted(path: Path) -> str:
    """Return an array's path as a user names it.

    Example:
        >>> dotted(("params", "dense", "0", "kernel"))
        'dense.0.kernel'
    """
    return ".".join(path[1:])


def _is_covered(own: Shape, other: Shape) -> bool:
    """Return whether an array of the other's shape has a place in one of one's own."""
    return len(own) == len(other) and all(a >= b for a, b in zip(own, other, strict=True))


def _of_fitting_layers(own: Shapes, other: Shapes, fits: Fits) -> set[Path]:
    def layers(network: Shapes) -> dict[Path, dict[Path, Shape]]:
        found: dict[Path, dict[Path, Shape]] = {}
        for path, shape in network.items():
            found.setdefault(path[1:-1] or path[1:], {})[path] = shape  # an array at the top is a layer of its own
        return found

    theirs = layers(other)
    return {
        path
        for layer, arrays in layers(own).items()
        if theirs.get(layer, {}).keys() == arrays.keys()
        and all(fits(shape, other[path]) for path, shape in arrays.items())
        for path in arrays
    }


def _of_named_layers(own: Shapes, other: Shapes, layers: Sequence[str], fits: Fits) -> set[Path]:
    taken = {path for layer in layers for path in _named(own, layer)}
    for path in sorted(taken):
        if path not in other or not fits(own[path], other[path]):
            got = f"the shape {other[path]}" if path in other else "no such array"
            kind = "the shape" if fits is tuple.__eq__ else "a shape no larger than"
            raise ValueError(
                f"expected {dotted(path)} of {kind} {own[path]} in the run to start from, got {got}; "
                "name other layers in start.layers"
            )
    return taken


def _named(own: Shapes, layer: str) -> list[Path]:
    """Return the paths at or below a name."""
    found = [path for path in own if f"{dotted(path)}.".startswith(f"{layer}.")]
    if not found:
        known = sorted({".".join(path[1:end]) for path in own for end in range(2, len(path) + 1)})
        raise ValueError(f"start.layers: {unknown_name(layer, known, 'layer of the network')}")
    return found


def _summary(shapes: Shapes) -> str:
    return ", ".join(f"{dotted(path)} {shape}" for path, shape in shapes.items() if path[0] == "params")
