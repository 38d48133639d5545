"""The user's own model as a Basin model: a Flax NNX module, an Equinox module or a plain pair of functions.

Each adapter returns a :class:`UserModel`, which stands where a model specification stands::

    mine = basin.models.from_flax(lambda rngs: MyNet(rngs=rngs), input_shape=(64,), num_classes=10, name="mine")
    run = basin.train(basin.RunSpec(model=mine, data=basin.data.Digits(), ...))

A run's identity needs more than a name: the fingerprint hashes the jaxpr of the model's evaluation, so that a changed
model is another run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from basin.models.adapt_flax import flax_model
from basin.models.model import Apply, Mode, Model, Params, State
from basin.models.naming import Naming
from basin.spec.model import External


@dataclass(frozen=True)
class UserModel:
    """A model that the user brought, with the specification that names it in a run."""

    spec: External
    model: Model


_BROUGHT: dict[str, Model] = {}


def brought(spec: External) -> Model:
    """Return the model that this process was given for a specification.

    Raises:
        ValueError: It was made by another process, or has changed since.
    """
    if spec.fingerprint not in _BROUGHT:
        raise ValueError(
            f"the model '{spec.name}' ({spec.fingerprint}) was not made in this process; "
            "call basin.models.from_flax, from_equinox or from_functions with the same code first"
        )
    return _BROUGHT[spec.fingerprint]


def from_flax(
    factory: Callable[[nnx.Rngs], nnx.Module], *, input_shape: tuple[int, ...], num_classes: int, name: str
) -> UserModel:
    """Bring a Flax NNX module.

    Args:
        factory: `factory(rngs)` makes the module; called on a batch `(batch, *input_shape)` it returns
            `(batch, num_classes)`. BatchNorm and Dropout layers are switched by Basin.
        input_shape: Shape of one example.
        num_classes: Number of outputs.
        name: What figures and messages call it.

    Example:
        >>> from flax import nnx
        >>> mine = from_flax(lambda rngs: nnx.Linear(64, 10, rngs=rngs),
        ...                  input_shape=(64,), num_classes=10, name="linear")
        >>> mine.spec.num_parameters()
        650
    """
    return _bring(flax_model(factory, name=name, input_shape=input_shape, num_classes=num_classes))


def from_functions(
    init: Callable[[jax.Array], Params],
    apply: Callable[[Params, jax.Array], jax.Array],
    *,
    input_shape: tuple[int, ...],
    num_classes: int,
    name: str,
    has_convolution: bool = False,
) -> UserModel:
    """Bring a plain pair of functions: `init(key) -> params` and `apply(params, x) -> outputs` on a batch.

    Example:
        >>> import jax
        >>> mine = from_functions(lambda key: {"w": jax.random.normal(key, (64, 10))},
        ...                       lambda params, x: x @ params["w"],
        ...                       input_shape=(64,), num_classes=10, name="linear map")
        >>> mine.spec.num_parameters()
        640
    """
    names = Naming.of(jax.eval_shape(init, jax.random.key(0)))

    def named_apply(
        params: Params, state: State, x: jax.Array, *, mode: Mode, key: jax.Array | None = None
    ) -> tuple[jax.Array, State]:
        return apply(names.to_tree(params), x), state

    def named_init(key: jax.Array) -> tuple[Params, State]:
        return names.to_named(init(key)), {}

    return _bring(
        _model(
            name,
            named_init,
            named_apply,
            input_shape,
            num_classes,
            has_convolution=has_convolution,
            trains_in_loop=not has_convolution,
        )
    )


def from_equinox(
    factory: Callable[[jax.Array], Any], *, input_shape: tuple[int, ...], num_classes: int, name: str
) -> UserModel:
    """Bring an Equinox module, which maps one example and, if it draws random numbers, takes a `key`.

    Args:
        factory: `factory(key)` makes the module; called on one example `input_shape` it returns `(num_classes,)`.
            BatchNorm must name its axis `"batch"`; it and Dropout are switched by Basin.
        input_shape: Shape of one example.
        num_classes: Number of outputs.
        name: What figures and messages call it.

    Raises:
        ImportError: Equinox is not installed (`pip install basin-lab[equinox]`).
    """
    from basin.models.adapt_equinox import equinox_model

    return _bring(equinox_model(factory, name=name, input_shape=input_shape, num_classes=num_classes))


def _model(
    name: str, init: Callable[..., Any], apply: Apply, input_shape: tuple[int, ...], num_classes: int, **facts: bool
) -> Model:
    return Model(name=name, init=init, apply=apply, input_shape=input_shape, num_classes=num_classes, **facts)


def _bring(model: Model) -> UserModel:
    params, state = jax.eval_shape(model.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((2, *model.input_shape), jnp.float32)
    outputs, _ = jax.eval_shape(lambda p, s, x: model.apply(p, s, x, mode=Mode.EVAL), params, state, x)
    if outputs.shape != (2, model.num_classes):
        raise ValueError(
            f"model '{model.name}': expected outputs of shape (batch, {model.num_classes}), got {outputs.shape} "
            f"for inputs {x.shape}; check num_classes and input_shape"
        )
    size = sum(leaf.size for leaf in jax.tree.leaves(params))
    spec = External(name=model.name, fingerprint=_fingerprint(model, params, state, x), parameters=size)
    return UserModel(spec, _BROUGHT.setdefault(spec.fingerprint, model))


def _fingerprint(model: Model, params: Any, state: Any, x: Any) -> str:
    """Hash what the model computes in training and evaluation, and what its weights start from."""
    key = jax.eval_shape(jax.random.key, 0)
    start = jax.make_jaxpr(model.init)(key)
    texts = [str(start)]
    for mode in (Mode.TRAIN, Mode.EVAL):
        jaxpr = jax.make_jaxpr(lambda p, s, x, k, mode=mode: model.apply(p, s, x, mode=mode, key=k))
        texts.append(str(jaxpr(params, state, x, key)))
    stable = re.sub(r"0x[0-9a-f]+", "", "\n".join([model.name, *texts]))
    return hashlib.sha256(stable.encode()).hexdigest()[:16]
