"""Losses of one example, of which a :class:`~basin.loss.DatasetLoss` is the mean.

Each takes the outputs of a chunk and its targets, and returns one number a target: never a mean, so that how examples
are chunked cannot change how they are weighted.

| name | of one target | targets |
|---|---|---|
| `cross_entropy` | `log(sum_j exp(z_j)) - z_y`, in nats | integer labels `y`: one an example, or a sequence of them |
| `mse` | `sum_j (z_j - t_j)^2 / 2`: the half sum over outputs | real `t`, or integer labels made one-hot |

Outputs are `(chunk, outputs)` for one target an example. For sequences they are `(chunk, length, outputs)` and labels
`(chunk, length)`, with `NO_TOKEN` = -1 where a shorter sequence has none left. A mean is over all **targets**, in
nats a token: an example counts as often as it has targets, and what has no target counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from basin.spec.base import unknown_name
from basin.spec.data import NO_TOKEN

ExampleLoss = Callable[[jax.Array, jax.Array], jax.Array]


def cross_entropy(
    outputs: Float[Array, "chunk *length outputs"], targets: Num[Array, "chunk *length"]
) -> Float[Array, "chunk *length"]:
    """Return the cross-entropy of each target in nats, of integer labels under the softmax of the outputs.

    Of a sequence, the entry without a target is 0.

    Raises:
        ValueError: There is not one vector of outputs for each target.

    Example:
        >>> float(cross_entropy(jnp.zeros((1, 2)), jnp.array([1]))[0])  # log 2
        0.6931471824645996
        >>> cross_entropy(jnp.zeros((1, 2, 4)), jnp.array([[3, NO_TOKEN]])).tolist()  # log 4, and none
        [[1.3862943649291992, 0.0]]
    """
    _check_one_vector_each(outputs, targets)
    return _masked(jax.nn.logsumexp(outputs, axis=-1) - _chosen(outputs, targets), targets)


def smoothed_cross_entropy(
    outputs: Float[Array, "chunk *length outputs"],
    targets: Num[Array, "chunk *length"],
    smoothing: float | Float[Array, ""],
) -> Float[Array, "chunk *length"]:
    """Return the cross-entropy of each target with its label smoothed: a share of it is spread over all classes.

    The label's distribution is (1 - eps) at the label plus eps / C at each of the C classes, the label's own included
    (Szegedy et al. 2016, section 7; fairseq at the time of Nakkiran et al. 2019). Later versions of fairseq spread eps
    over the C - 1 others, which is this with eps C / (C - 1) in the place of eps.

    Args:
        outputs: As for :func:`cross_entropy`.
        targets: As for :func:`cross_entropy`.
        smoothing: eps in [0, 1); may be a tracer.

    Raises:
        ValueError: There is not one vector of outputs for each target.

    Example:
        >>> z, y = jnp.array([[0.0, 0.0, jnp.log(2.0)]]), jnp.array([2])  # probabilities 1/4, 1/4, 1/2
        >>> round(float(smoothed_cross_entropy(z, y, 0.3)[0] / jnp.log(2.0)), 4)  # 0.8 bit + 2 x 0.1 x 2 bits
        1.2
    """
    _check_one_vector_each(outputs, targets)
    aimed = (1 - smoothing) * _chosen(outputs, targets) + smoothing * jnp.mean(outputs, axis=-1)
    return _masked(jax.nn.logsumexp(outputs, axis=-1) - aimed, targets)


def mse(
    outputs: Float[Array, "chunk outputs"], targets: Num[Array, " chunk"] | Num[Array, "chunk outputs"]
) -> Float[Array, " chunk"]:
    """Return half the squared distance of each example's outputs from its targets, summed over the outputs.

    Raises:
        ValueError: There are other targets than outputs.

    Example:
        >>> float(mse(jnp.array([[1.0, 2.0]]), jnp.array([0]))[0])  # ((1 - 1)^2 + (2 - 0)^2) / 2
        2.0
    """
    if targets.ndim == 1 and jnp.issubdtype(targets.dtype, jnp.integer):
        targets = jax.nn.one_hot(targets, outputs.shape[1], dtype=outputs.dtype)
    if targets.size != outputs.size:
        raise ValueError(
            f"mse: expected one label or one target an output, got targets {targets.shape[1:]} for outputs "
            f"{outputs.shape[1:]}; sequences take loss='cross_entropy'"
        )
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


def mean_over_targets(losses: Float[Array, "chunk *length"], targets: Num[Array, "chunk ..."]) -> Float[Array, ""]:
    """Return the mean of what an example loss returned, over the targets that there are.

    Example:
        >>> float(mean_over_targets(jnp.array([[3.0, 1.0], [5.0, 0.0]]), jnp.array([[7, 2], [4, NO_TOKEN]])))
        3.0
    """
    if losses.ndim == 1:
        return jnp.mean(losses)
    return jnp.sum(losses) / jnp.maximum(jnp.sum(has_target(targets)), 1)


def has_target(targets: Int[Array, "chunk *length"] | Int[np.ndarray, "chunk *length"]) -> Bool[Array, "chunk *length"]:
    """Return where there is a target."""
    return jnp.asarray(targets) != NO_TOKEN


def are_sequences(targets: Num[Array, "chunk ..."] | Num[np.ndarray, "chunk ..."]) -> bool:
    """Return whether each example has a sequence of labels, some of which may be missing."""
    return targets.ndim > 1 and np.issubdtype(targets.dtype, np.integer)


def _chosen(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Return the output of each label; some output or other where there is none."""
    labels = targets if targets.ndim == 1 else jnp.maximum(targets, 0)
    return jnp.take_along_axis(outputs, labels[..., None], axis=-1)[..., 0]


def _masked(losses: jax.Array, targets: jax.Array) -> jax.Array:
    return losses if targets.ndim == 1 else jnp.where(has_target(targets), losses, 0)


def _check_one_vector_each(outputs: jax.Array, targets: jax.Array) -> None:
    if outputs.shape[:-1] != targets.shape:
        raise ValueError(
            f"cross_entropy: expected outputs {(*targets.shape[1:], 'classes')} for labels {targets.shape[1:]} of an "
            f"example, got {outputs.shape[1:]}; a sequence of labels takes a Transformer, one label another network"
        )
