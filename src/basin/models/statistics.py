"""Batch statistics recomputed over a training set, so that no lagging average poses as a property of the minimum.

Running averages remember the weights of earlier steps, the more so the fewer steps were taken; a large batch takes few
and looks worse than it is. Recomputing passes the training set through the network in `Mode.BATCH` and pools what each
chunk gives: with chunk means m_c and variances v_c, weights n_c / n,

    mean = sum_c (n_c / n) m_c,      var = sum_c (n_c / n) (v_c + m_c^2) - mean^2.

With one chunk these are exactly the statistics of the set at every layer; with several, exact at the first layer and,
deeper, the pooled statistics of activations that were normalised chunk by chunk.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from basin.models.model import Mode, Model, Params, State

CHUNK = 10_000
"""Examples that share one pass; a set no larger has exact statistics."""


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
