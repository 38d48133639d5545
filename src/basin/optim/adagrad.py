"""AdaGrad as published: the sum of squares starts at 0 and epsilon stands outside the root.

`optax.scale_by_rss` has its epsilon inside the root, whatever its arguments.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from basin.spec.optimizer import AdaGrad


class SumOfSquares(NamedTuple):
    """Memory of AdaGrad: r, shaped like the parameters."""

    r: Any


def adagrad(spec: AdaGrad) -> optax.GradientTransformation:
    """Return u = g / (sqrt(r) + epsilon) with r <- r + g^2."""

    def init(params: Any) -> SumOfSquares:
        return SumOfSquares(jax.tree.map(jnp.zeros_like, params))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, SumOfSquares]:
        del params
        r = jax.tree.map(lambda r, g: r + jnp.square(g), state.r, updates)
        direction = jax.tree.map(lambda g, r: g / (jnp.sqrt(r) + spec.epsilon), updates, r)
        return direction, SumOfSquares(r)

    return optax.GradientTransformation(init, update)
