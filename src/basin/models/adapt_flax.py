"""A Flax NNX module as a pair of pure functions.

NNX keeps weights, statistics and random state inside the module and refuses to change them across a trace. Here the
module is taken apart once; each call puts a fresh copy together, sets the mode, runs it and returns the new state.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from basin.models.model import Mode, Model, Params, State
from basin.models.naming import Naming

Factory = Callable[[nnx.Rngs], nnx.Module]
_FILTERS = (nnx.Param, nnx.RngState, ...)


def flax_model(
    factory: Factory,
    *,
    name: str,
    input_shape: tuple[int, ...],
    num_classes: int,
    has_convolution: bool | None = None,
    trains_in_loop: bool | None = None,
) -> Model:
    """Return a model that makes, takes apart and runs an NNX module.

    Args:
        factory: `factory(rngs) -> nnx.Module`; the module maps a batch of inputs to a batch of outputs.
        name: What messages call it.
        input_shape: Shape of one example.
        num_classes: Number of outputs.
        has_convolution: Found out from the module's layers if not given.
        trains_in_loop: False for layers of Flax's own that convolve, if not given.
    """
    template = nnx.eval_shape(lambda: factory(nnx.Rngs(0)))
    graph, params, rngs, state = nnx.split(template, *_FILTERS)
    param_names, state_names = Naming.of(params), Naming.of(state)

    def init(key: jax.Array) -> tuple[Params, State]:
        _, params, _, state = nnx.split(factory(nnx.Rngs(key)), *_FILTERS)
        return param_names.to_named(params), state_names.to_named(state)

    def apply(
        params: Params, state: State, x: jax.Array, *, mode: Mode, key: jax.Array | None = None
    ) -> tuple[jax.Array, State]:
        random = _random_state(rngs, key)
        module = nnx.merge(graph, param_names.to_tree(params), random, state_names.to_tree(state), copy=True)
        _set_mode(module, mode)
        outputs = module(x)
        if mode is Mode.EVAL:
            return outputs, state
        return outputs, state_names.to_named(nnx.split(module, *_FILTERS)[3])

    layers = [type(layer) for _, layer in nnx.iter_graph(template) if isinstance(layer, nnx.Module)]
    return Model(
        name=name,
        init=init,
        apply=apply,
        input_shape=input_shape,
        num_classes=num_classes,
        has_batch_statistics=nnx.BatchNorm in layers,
        has_dropout=nnx.Dropout in layers,
        has_convolution=nnx.Conv in layers if has_convolution is None else has_convolution,
        trains_in_loop=nnx.Conv not in layers if trains_in_loop is None else trains_in_loop,
    )


def _random_state(rngs: Any, key: jax.Array | None) -> Any:
    """Return the module's random state seeded from `key`: a fresh stream for each of its keys, counters at 0."""
    key = jax.random.key(0) if key is None else key
    leaves, structure = jax.tree.flatten(rngs)
    return jax.tree.unflatten(structure, [_seeded(leaf, key, index) for index, leaf in enumerate(leaves)])


def _seeded(leaf: Any, key: jax.Array, index: int) -> jax.Array:
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return jax.random.fold_in(key, index) if is_key else jnp.zeros(leaf.shape, leaf.dtype)


def _set_mode(module: nnx.Module, mode: Mode) -> None:
    set_all = functools.partial(module.set_attributes, raise_if_not_found=False)
    set_all(deterministic=mode is not Mode.TRAIN)
    set_all(nnx.BatchNorm, use_running_average=mode is Mode.EVAL)
    if mode is Mode.BATCH:
        set_all(nnx.BatchNorm, momentum=0.0)
