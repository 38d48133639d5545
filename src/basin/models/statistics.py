"""Batch statistics recomputed over a training set, so that no lagging average poses as a property of the minimum.

Running averages remember the weights of earlier steps, the more so the fewer steps were taken; a large batch takes few
and looks worse than it is. Recomputing passes the training set through the network in `Mode.BATCH` and pools what each
chunk gives: with chunk means m_c and variances v_c, weights n_c / n,

    mean = sum_c (n_c / n) m_c,      var = sum_c (n_c / n) (v_c + m_c^2) - mean^2.

With one chunk these are exactly the statistics of the set at every layer; with several, exact at the first layer and,
deeper, the pooled statistics of activations that were normalised chunk by chunk.

Keskar et al. 2017 have neither: their code normalises with the statistics of the batch at test time too (`mode=2` of
Keras 1), 5 000 examples at a time. There are then no averages to lag, and none to interpolate between two solutions,
but the value depends on which examples share a batch: :func:`evaluation_batch` says how many do here.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from basin.models.model import Mode, Model, Params, State

CHUNK = 10_000
"""Examples that share one pass; a set no larger has exact statistics."""

EVALUATION_BATCH = 5_000
"""Most examples that share statistics where those of the batch are used at test time, as in Keskar et al. 2017."""


def evaluation_batch(num_examples: int) -> int:
    """Return how many examples share statistics where those of the batch are used at test time.

    As few batches as there can be of at most :data:`EVALUATION_BATCH`, and these as equal as they can be: a last batch
    of a few examples would have statistics of its own that say little.

    Example:
        >>> [evaluation_batch(n) for n in (360, 5000, 5001, 10_000, 50_000, 60_000)]
        [360, 5000, 2501, 5000, 5000, 5000]
    """
    batches = -(-num_examples // EVALUATION_BATCH)
    return -(-num_examples // batches)


def recompute(model: Model, params: Params, state: State, x: jax.Array, *, chunk: int = CHUNK) -> State:
    """Return the state with the statistics of the examples `x` (num_examples, *input_shape) at these weights."""
    if not model.has_batch_statistics:
        return state
    parts = [x[start : start + chunk] for start in range(0, x.shape[0], chunk)]
    states = [_batch_state(model, params, state, part) for part in parts]
    return _pool(states, [part.shape[0] for part in parts])


@functools.partial(jax.jit, static_argnums=0)
def _batch_state(model: Model, params: Params, state: State, x: jax.Array) -> State:
    return model.apply(params, state, x, mode=Mode.BATCH)[1]


def _pool(states: list[State], sizes: list[int]) -> State:
    if len(states) == 1:
        return states[0]
    shares = [size / sum(sizes) for size in sizes]
    return _pool_dicts(states, shares)


def _pool_dicts(nodes: list[Any], shares: list[float]) -> dict[str, Any]:
    pooled = {name: _pool_entry(nodes, name, shares) for name in nodes[0]}
    if "mean" in pooled and "var" in pooled:
        squares = [node["var"] + jnp.square(node["mean"]) for node in nodes]
        pooled["var"] = jnp.maximum(_average(squares, shares) - jnp.square(pooled["mean"]), 0)
    return pooled


def _pool_entry(nodes: list[Any], name: str, shares: list[float]) -> Any:
    entries = [node[name] for node in nodes]
    return _pool_dicts(entries, shares) if isinstance(entries[0], dict) else _average(entries, shares)


def _average(arrays: list[jax.Array], shares: list[float]) -> jax.Array:
    return sum((share * array for share, array in zip(shares, arrays, strict=True)), jnp.zeros_like(arrays[0]))
