"""The loss of one example, a user's function, as a :class:`~basin.loss.DatasetLoss`: chunked, guarded and counted.

The examples lie in the state of a model whose input is the number of an example and whose output is its loss. In
float64 all of float32 examples may be converted at once; a :class:`~basin.loss.DatasetLoss` converts a chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss import DatasetLoss
from basin.loss.dataset_loss import default_chunk_size
from basin.models.model import Mode, Model


def dataset_loss(
    loss: DatasetLoss | Callable[[Any, jax.Array, jax.Array], jax.Array], x: Any = None, y: Any = None
) -> DatasetLoss:
    """Return the mean over examples of a loss of one example.

    Args:
        loss: A function of the weights, one input and one target; or a `DatasetLoss`, which is returned as it is.
        x: Inputs, one row an example.
        y: Targets, one row an example.

    Raises:
        ValueError: A `DatasetLoss` comes with examples or counts several targets an example, a function comes without
            examples, or lengths differ.
    """
    if isinstance(loss, DatasetLoss):
        if x is not None or y is not None:
            raise ValueError("expected no x and y beside a DatasetLoss, which has its own; leave them out")
        if loss.num_targets != loss.num_examples or loss.data.num_targets is not None:
            raise ValueError("expected one target an example, got sequences; give a loss of one whole example")
        return loss
    if not callable(loss):
        raise ValueError(f"expected a function of (params, x, y), got {type(loss).__name__}")
    if x is None or y is None or len(x) != len(y) or len(x) == 0:
        got = "none" if x is None or y is None else f"{len(x)} inputs and {len(y)} targets"
        raise ValueError(f"expected as many targets as inputs and at least one, got {got}")

    def losses(params: Any, state: Any, x: jax.Array, *, mode: Mode, key: jax.Array | None = None) -> Any:
        inputs, targets = state
        each = jax.vmap(loss, in_axes=(None, 0, 0))(params, inputs[x], targets[x])
        if each.ndim != 1:
            raise ValueError(f"expected one number an example, got {each.shape[1:]}; sum over outputs")
        return each, state

    def itself(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        return outputs

    itself.__name__ = getattr(loss, "__name__", type(loss).__name__)
    with jax.enable_x64(any(np.asarray(array).dtype == np.float64 for array in (x, y))):
        examples = jnp.asarray(x), jnp.asarray(y)
    model = Model("one example", lambda key: (None, {}), losses, (), 1, has_convolution=True)
    return DatasetLoss(
        model,
        examples,
        np.arange(len(x), dtype=np.int32),
        np.zeros(len(x), np.int32),
        example_loss=itself,
        split="given",
        chunk_size=default_chunk_size(len(x), np.shape(x)[1:]),
    )
