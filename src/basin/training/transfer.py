"""First weights from another run: which of its arrays are taken, and how they are put over a network's own.

A network's arrays are the leaves of `{"params": ..., "state": ...}`, each with a path such as `dense.0.kernel`; those
whose paths differ in the last part alone are a layer. Taken is

* without names, every layer whose arrays are those of the parent's in path and shape: a last layer for another number
  of classes stays as it was drawn, its bias too, and so does a first layer for inputs of another size;
* with names, every array at or below one of them, and each must be there in the parent, in the same shape.

The running statistics of batch normalisation, which are state, belong to the layer of their scales and offsets and go
with these. Yosinski et al., "How transferable are features in deep neural networks?" (NeurIPS 2014), take the first
layers, as in `["dense.0"]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def overlay(own: Network, other: Network, layers: Sequence[str] | None = None) -> dict[str, Any]:
    """Return a network's arrays with those of another in place of what is taken.

    Args:
        own: What is covered; what is taken gets the type that it has here.
        other: What is taken from.
        layers: Beginnings of dotted paths; None for all layers that agree in the paths and shapes of their arrays.

    Raises:
        ValueError: A named array is missing or has another shape, or no weights at all are taken.

    Example:
        >>> import numpy as np
        >>> own = {"params": {"dense": np.float32([0, 0]), "output": np.float32([0, 0, 0])}}
        >>> other = {"params": {"dense": np.float32([1, 2]), "output": np.float32([1, 2, 3, 4])}}
        >>> over = overlay(own, other)["params"]
        >>> over["dense"].tolist(), over["output"].tolist()
        ([1.0, 2.0], [0.0, 0.0, 0.0])
    """
    taken = agreeing(shapes(own), shapes(other), layers)
    given = dict(zip(Naming.of(other).paths, jax.tree.leaves(other), strict=True))
    naming = Naming.of(own)
    pairs = zip(naming.paths, jax.tree.leaves(own), strict=True)
    leaves = [jnp.asarray(given[path], leaf.dtype) if path in taken else leaf for path, leaf in pairs]
    return jax.tree.unflatten(naming.structure, leaves)


def shapes(network: Network) -> dict[Path, Shape]:
    """Return the shape of each array by its path, of which `params` or `state` is the first part."""
    return {
        path: tuple(leaf.shape) for path, leaf in zip(Naming.of(network).paths, jax.tree.leaves(network), strict=True)
    }


def agreeing(own: Shapes, other: Shapes, layers: Sequence[str] | None = None) -> set[Path]:
    """Return the paths of the arrays that are taken.

    Args:
        own: Shapes by path of the network that begins.
        other: Those of the network that it begins from.
        layers: See :func:`overlay`.

    Raises:
        ValueError: See :func:`overlay`.
    """
    taken = _of_equal_layers(own, other) if layers is None else _of_named_layers(own, other, layers)
    if not any(path[0] == "params" for path in taken):
        raise ValueError(
            f"expected a layer of the same paths and shapes in the run to start from, got none: {_summary(own)} here, "
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


def _of_equal_layers(own: Shapes, other: Shapes) -> set[Path]:
    def layers(network: Shapes) -> dict[Path, dict[Path, Shape]]:
        found: dict[Path, dict[Path, Shape]] = {}
        for path, shape in network.items():
            found.setdefault(path[1:-1] or path[1:], {})[path] = shape  # an array at the top is a layer of its own
        return found

    theirs = layers(other)
    return {path for layer, arrays in layers(own).items() if theirs.get(layer) == arrays for path in arrays}


def _of_named_layers(own: Shapes, other: Shapes, layers: Sequence[str]) -> set[Path]:
    taken = {path for layer in layers for path in _named(own, layer)}
    for path in sorted(taken):
        if other.get(path) != own[path]:
            got = f"the shape {other[path]}" if path in other else "no such array"
            raise ValueError(
                f"expected {dotted(path)} of the shape {own[path]} in the run to start from, got {got}; "
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
