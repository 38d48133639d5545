"""Gradient descent on a finite sum, written out: w <- w - rate * (mean gradient of the examples that came).

It does what the trainer does with plain gradient descent, for sums that are no network (a double well) and for sets
that are no data source (one with copies). The orders are those of :mod:`basin.data.sampler`. Everything is traceable,
so many walks are one `vmap`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from basin import data
from basin.data.sampler import batch_indices
from basin.loss.examples import EXAMPLE_LOSSES
from basin.models import build
from basin.models.model import Mode, Params
from basin.spec.data import AnyData
from basin.spec.model import AnyModel
from basin.spec.run import Order

ExampleLosses = Callable[[Params, jax.Array], jax.Array]
"""`losses(w, indices)`: one number for each of the examples named."""


class Trace(NamedTuple):
    """A walk: where it ended, and what was watched before each block of steps and after the last, (looks, ...)."""

    end: Params
    watched: Any


def descend(
    losses: ExampleLosses,
    start: Params,
    key: jax.Array,
    *,
    rate: float | jax.Array,
    batch_size: int,
    num_examples: int | jax.Array,
    order: Order,
    num_looks: int,
    steps_per_look: int,
    watch: Callable[[Params], Any],
    reduce: Callable[[jax.Array], jax.Array] = jnp.mean,
) -> Trace:
    """Walk downhill and watch.

    Args:
        losses: The terms of the sum.
        start: Where to begin.
        key: Decides the order.
        rate: Learning rate.
        batch_size: Examples an update; all of them for batch descent.
        num_examples: N.
        order: One of the sampler's four.
        num_looks: Blocks of steps.
        steps_per_look: Steps in each.
        watch: What to look at, a function of the point.
        reduce: Mean, or sum for the error of slide 14.
    """

    def step(offset: jax.Array, w: Params, first: jax.Array) -> Params:
        indices = batch_indices(key, first + offset, batch_size, num_examples, order)
        gradient = jax.grad(lambda w: reduce(losses(w, indices)))(w)
        return jax.tree.map(lambda a, g: a - rate * g, w, gradient)

    def block(w: Params, look: jax.Array) -> tuple[Params, Any]:
        first = look * steps_per_look
        return lax.fori_loop(0, steps_per_look, lambda offset, w: step(offset, w, first), w), watch(w)

    end, watched = lax.scan(block, start, jnp.arange(num_looks, dtype=jnp.int32))
    last = watch(end)
    return Trace(end, jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), watched, last))


@dataclass(frozen=True, eq=False)
class NetworkSum:
    """The loss of a network as a finite sum over training examples.

    Attributes:
        init: Draws weights.
        outputs: The network's, of weights and inputs.
        x: Inputs.
        y: Labels.
    """

    init: Callable[[jax.Array], Params]
    outputs: Callable[[Params, jax.Array], jax.Array]
    x: jax.Array
    y: jax.Array

    @property
    def num_examples(self) -> int:
        """Terms of the sum."""
        return len(self.y)

    def example_losses(self, w: Params, x: jax.Array, y: jax.Array) -> jax.Array:
        """Return one number an example: the cross-entropy."""
        return EXAMPLE_LOSSES["cross_entropy"](self.outputs(w, x), y)

    def losses(self, w: Params, indices: jax.Array) -> jax.Array:
        """Return the terms of the sum that are named."""
        return self.example_losses(w, self.x[indices], self.y[indices])

    def mean_loss(self, w: Params) -> jax.Array:
        """Return the mean of all terms."""
        return self.example_losses(w, self.x, self.y).mean()


def network_sum(source: AnyData, model: AnyModel, *, copies: int = 1, dtype: str = "float32") -> NetworkSum:
    """Return the cross-entropy of a network without batch statistics on a training set, or on copies of it.

    Args:
        source: A finite set.
        model: The network.
        copies: How many times the set stands there, one whole copy after another.
        dtype: Of inputs and weights.

    Raises:
        ValueError: A network whose examples depend on one another through batch statistics.
    """
    about = data.describe(source)
    network = build(model, about.input_shape, about.num_classes)
    if network.has_batch_statistics:
        raise ValueError("expected a network without batch normalisation, which makes no loss of single examples")
    found = data.load(source, 0)
    _, state = jax.eval_shape(network.init, jax.random.key(0))

    def init(key: jax.Array) -> Params:
        return jax.tree.map(lambda a: a.astype(dtype), network.init(key)[0])

    def outputs(w: Params, x: jax.Array) -> jax.Array:
        return network.apply(w, state, x, mode=Mode.EVAL)[0]

    x = jnp.concatenate([jnp.asarray(found.x_train, dtype)] * copies)
    return NetworkSum(init, outputs, x, jnp.concatenate([jnp.asarray(found.y_train)] * copies))
