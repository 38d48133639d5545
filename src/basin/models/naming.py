"""Names for the arrays of any pytree, so that a model's weights are a nested dict of arrays whoever wrote it.

A :class:`Naming` remembers the structure of a tree and translates both ways: `to_named` gives nested dicts with string
keys (what the store writes, what figures and messages show), `to_tree` the tree that the model's own library expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax


@dataclass(frozen=True)
class Naming:
    """The structure of a pytree and one path of names for each of its leaves."""

    structure: Any
    paths: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, tree: Any) -> Naming:
        """Name the leaves of a tree by their attributes, keys and indices."""
        leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
        paths = tuple(_names(path) for path, _ in leaves)
        assert len(set(paths)) == len(paths), f"leaves share a name: {paths}"
        return cls(structure, paths)

    def to_named(self, tree: Any) -> dict[str, Any]:
        """Return the tree's leaves as nested dicts."""
        named: dict[str, Any] = {}
        for path, leaf in zip(self.paths, jax.tree.leaves(tree), strict=True):
            node = named
            for name in path[:-1]:
                node = node.setdefault(name, {})
            node[path[-1]] = leaf
        return named

    def to_tree(self, named: dict[str, Any]) -> Any:
        """Return the tree whose leaves are those of nested dicts."""
        return jax.tree.unflatten(self.structure, [_descend(named, path) for path in self.paths])


def _names(path: tuple[Any, ...]) -> tuple[str, ...]:
    names = [jax.tree_util.keystr((part,), simple=True) for part in path]
    # Flax wraps each array in a variable whose only child is called `value`: the name says nothing.
    return tuple(names[:-1] if len(names) > 1 and names[-1] == "value" else names) or ("value",)


def _descend(named: dict[str, Any], path: tuple[str, ...]) -> Any:
    node: Any = named
    for name in path:
        node = node[name]
    return node
