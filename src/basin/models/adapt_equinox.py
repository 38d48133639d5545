"""An Equinox module as a pair of pure functions; imported only when one is brought."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from basin.models.model import Mode, Model, Params, State
from basin.models.naming import Naming


def equinox_model(
    factory: Callable[[jax.Array], Any], *, name: str, input_shape: tuple[int, ...], num_classes: int
) -> Model:
    """Return a model that partitions, combines and runs an Equinox module over a batch."""
    abstract, abstract_state = eqx.filter_eval_shape(eqx.nn.make_with_state(factory), jax.random.key(0))
    params, static = eqx.partition(abstract, _is_trained)
    param_names, state_names = Naming.of(params), Naming.of(abstract_state)

    def init(key: jax.Array) -> tuple[Params, State]:
        module, state = eqx.nn.make_with_state(factory)(key)
        return param_names.to_named(eqx.filter(module, eqx.is_inexact_array)), state_names.to_named(state)

    def apply(
        params: Params, state: State, x: jax.Array, *, mode: Mode, key: jax.Array | None = None
    ) -> tuple[jax.Array, State]:
        module = _in_mode(eqx.combine(param_names.to_tree(params), static), mode)
        keys = jax.random.split(jax.random.key(0) if key is None else key, x.shape[0])
        takes_state = bool(state_names.paths)

        def one(example: jax.Array, key: jax.Array, state: Any) -> tuple[jax.Array, Any]:
            out = _call(module, example, state if takes_state else None, key)
            return out if takes_state else (out, state)

        over_batch = jax.vmap(one, in_axes=(0, 0, None), out_axes=(0, None), axis_name="batch")
        outputs, new_state = over_batch(x, keys, state_names.to_tree(state))
        if mode is Mode.BATCH:
            new_state = _without_memory(module, new_state)
        return outputs, state if mode is Mode.EVAL else state_names.to_named(new_state)

    layers = {type(layer) for layer in jax.tree.leaves(abstract, is_leaf=_is_layer) if _is_layer(layer)}
    return Model(
        name=name,
        init=init,
        apply=apply,
        input_shape=input_shape,
        num_classes=num_classes,
        has_batch_statistics=eqx.nn.BatchNorm in layers,
        has_dropout=eqx.nn.Dropout in layers,
        has_convolution=any(issubclass(layer, eqx.nn.Conv) for layer in layers),
        trains_in_loop=not any(issubclass(layer, eqx.nn.Conv) for layer in layers),
    )


def _is_trained(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct) and jnp.issubdtype(leaf.dtype, jnp.inexact)


def _is_layer(node: Any) -> bool:
    return isinstance(node, (eqx.nn.BatchNorm, eqx.nn.Dropout, eqx.nn.Conv))


def _in_mode(module: Any, mode: Mode) -> Any:
    def switch(layer: Any) -> Any:
        if isinstance(layer, eqx.nn.Dropout):
            return eqx.tree_at(lambda d: d.inference, layer, mode is not Mode.TRAIN)
        if isinstance(layer, eqx.nn.BatchNorm):
            layer = eqx.tree_at(lambda b: b.inference, layer, mode is Mode.EVAL)
            return _forgetting(layer) if mode is Mode.BATCH else layer
        return layer

    return jax.tree.map(switch, module, is_leaf=_is_layer)


def _forgetting(layer: Any) -> Any:
    """Return a copy of a BatchNorm whose averages become the statistics of the batch, with no memory."""
    copied = copy.copy(layer)
    object.__setattr__(copied, "momentum", 0.0)  # a static field of a frozen module: tree_at reaches leaves only
    return copied


def _without_memory(module: Any, state: Any) -> Any:
    """Set the counters by which Equinox corrects young averages to 0: statistics of one batch need no correction."""
    for layer in jax.tree.leaves(module, is_leaf=_is_layer):
        if isinstance(layer, eqx.nn.BatchNorm) and layer.batch_counter is not None:
            state = state.set(layer.batch_counter, jnp.zeros_like(state.get(layer.batch_counter)))
    return state


def _call(module: Any, example: jax.Array, state: Any, key: jax.Array) -> Any:
    """Call a module with the arguments that it takes: its state if it has one, and a key if it asks for one."""
    arguments = (example,) if state is None else (example, state)
    try:
        return module(*arguments, key=key)
    except TypeError as error:
        if "key" not in str(error):
            raise
        return module(*arguments)
