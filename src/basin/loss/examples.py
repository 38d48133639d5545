"""Losses of one example, of which a :class:`~basin.loss.DatasetLoss` is the mean.

Each takes the outputs of a chunk `(chunk, outputs)` and its targets, and returns one number an example: never a mean,
so that how examples are chunked cannot change how they are weighted.

| name | of one example | targets |
|---|---|---|
| `cross_entropy` | `log(sum_j exp(z_j)) - z_y`, in nats | integer labels `y` |
| `mse` | `sum_j (z_j - t_j)^2 / 2`: the half sum over outputs | real `t`, or integer labels made one-hot |
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from basin.spec.base import unknown_name

ExampleLoss = Callable[[jax.Array, jax.Array], jax.Array]


def cross_entropy(outputs: Float[Array, "chunk outputs"], targets: Num[Array, " chunk"]) -> Float[Array, " chunk"]:
    """Return the cross-entropy of each example in nats, of integer labels under the softmax of the outputs.

    Example:
        >>> float(cross_entropy(jnp.zeros((1, 2)), jnp.array([1]))[0])  # log 2
        0.6931471824645996
    """
    chosen = jnp.take_along_axis(outputs, targets[:, None], axis=1)[:, 0]
    return jax.nn.logsumexp(outputs, axis=1) - chosen


def mse(
    outputs: Float[Array, "chunk outputs"], targets: Num[Array, " chunk"] | Num[Array, "chunk outputs"]
) -> Float[Array, " chunk"]:
    """Return half the squared distance of each example's outputs from its targets, summed over the outputs.

    Example:
        >>> float(mse(jnp.array([[1.0, 2.0]]), jnp.array([0]))[0])  # ((1 - 1)^2 + (2 - 0)^2) / 2
        2.0
    """
    if targets.ndim == 1 and jnp.issubdtype(targets.dtype, jnp.integer):
        targets = jax.nn.one_hot(targets, outputs.shape[1], dtype=outputs.dtype)
    return 0.5 * jnp.sum((outputs - targets.reshape(outputs.shape)) ** 2, axis=1)


EXAMPLE_LOSSES: dict[str, ExampleLoss] = {"cross_entropy": cross_entropy, "mse": mse}


def resolve_example_loss(example_loss: str | ExampleLoss) -> ExampleLoss:
    """Return the loss of one example by its name, or the function itself.

    Raises:
        ValueError: No loss has this name.
    """
    if callable(example_loss):
        return example_loss
    if example_loss not in EXAMPLE_LOSSES:
        raise ValueError(unknown_name(str(example_loss), EXAMPLE_LOSSES, "example loss"))
    return EXAMPLE_LOSSES[example_loss]
