"""What the study `initialisation` computes besides training runs: signals through random layers, and warm starts."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from basin import data
from basin.models.model import Params
from basin.spec.initialisation import Initialisation, Signal, WarmStart
from basin.spec.model import MLP
from basin.studies.experiment import Experiment
from basin.studies.finite_sum import NetworkSum, descend, network_sum
from basin.training.keys import named_key
from basin.training.transfer import overlay

ARMS = ("he", "small", "large", "uniform")


def experiments(spec: Initialisation) -> dict[str, Experiment]:
    """Return the study's experiments by name."""
    return {
        "signal": Experiment({"how": spec.signal}, lambda: signal(spec.signal)),
        "warm": Experiment({"how": spec.warm}, lambda: warm(spec.warm)),
    }


# --- Signals through random layers -----------------------------------------------------------------------------------


def signal(how: Signal) -> dict[str, dict[str, np.ndarray]]:
    """Return, for each distribution of the weights, what :func:`_moments` measures for each draw."""
    keys = jax.vmap(lambda draw: named_key(draw, "signal"))(jnp.arange(how.draws))
    he = np.float32(np.sqrt(2 / how.width))

    def measure(spreads: jax.Array, *, uniform: bool) -> dict[str, jax.Array]:
        one = jax.vmap(lambda key, spread: _moments(how, key, spread, uniform), (None, 0))
        return jax.jit(lambda keys: lax.map(lambda key: one(key, spreads), keys))(keys)

    normal = measure(he * jnp.array([1.0, how.small, how.large]), uniform=False)
    arms = {arm: jax.tree.map(lambda a, i=i: a[:, i], normal) for i, arm in enumerate(("he", "small", "large"))}
    return {**arms, "uniform": jax.tree.map(lambda a: a[:, 0], measure(he * jnp.ones(1), uniform=True))}


def _moments(how: Signal, key: jax.Array, spread: jax.Array, uniform: bool) -> dict[str, jax.Array]:
    """Send normal inputs forward and a normal gradient backward through one draw of the weights.

    Returns:
        `pre` (depth,): mean square of the pre-activations a over units and inputs; `after`: that of z = max(a, 0);
        `formula`: M eps^2 times that of what came in; `mean_after`: mean of z; `mean_pre`: mean of a; `over_data`:
        variance of a over the inputs, mean over units; `back` (depth,): mean square of the error signal at a, the last
        layer first.
    """
    keys = jax.random.split(key, how.depth + 2)
    weights = [_weights(k, how.width, spread, uniform) for k in keys[2:]]
    z = jax.random.normal(keys[0], (how.inputs, how.width))
    rows, active = [], []
    for w in weights:
        below, a = jnp.square(z).mean(), z @ w
        z = jax.nn.relu(a)
        active.append(a > 0)
        rows.append(
            {
                "pre": jnp.square(a).mean(),
                "after": jnp.square(z).mean(),
                "formula": how.width * jnp.square(spread) * below,
                "mean_after": z.mean(),
                "mean_pre": a.mean(),
                "over_data": a.var(axis=0).mean(),
            }
        )
    error, back = jax.random.normal(keys[1], (how.inputs, how.width)) * active[-1], []
    for layer in range(how.depth - 1, 0, -1):
        back.append(jnp.square(error).mean())
        error = (error @ weights[layer].T) * active[layer - 1]
    back.append(jnp.square(error).mean())
    stacked = {name: jnp.stack([row[name] for row in rows]) for name in rows[0]}
    return {**stacked, "back": jnp.stack(back)}


def _weights(key: jax.Array, width: int, spread: jax.Array, uniform: bool) -> jax.Array:
    """Return weights of standard deviation `spread`: normal, or uniform on plus and minus its root-three-fold."""
    if uniform:
        return jnp.sqrt(3.0) * spread * jax.random.uniform(key, (width, width), minval=-1.0, maxval=1.0)
    return spread * jax.random.normal(key, (width, width))


# --- Warm starts -----------------------------------------------------------------------------------------------------


def warm(how: WarmStart) -> dict[str, np.ndarray]:
    """Train the target from each kind of start; return test error (draws,) and training loss (draws, looks) of each."""
    model = MLP(widths=(how.width, how.width))
    source, target = network_sum(how.source, model), network_sum(how.target, model)
    held_out = data.load(how.target, 0)
    x_test, y_test = jnp.asarray(held_out.x_test), jnp.asarray(held_out.y_test)
    keys = jax.vmap(lambda draw: named_key(draw, "warm start"))(jnp.arange(how.draws))
    fresh = jax.jit(jax.vmap(target.init))(keys)
    starts = {
        "scratch": fresh,
        "transfer": warmed(fresh, _pretrained(source, how)(keys)),
        "autoencoder": warmed(fresh, _encoded(network_sum(how.unlabelled, model), how)(keys)),
    }
    found = {}
    tuned = _trained(target, how)
    wrong = jax.jit(jax.vmap(lambda w: (jnp.argmax(target.outputs(w, x_test), axis=1) != y_test).mean()))
    for name, start in starts.items():
        end, losses = tuned(start, keys)
        found |= {f"{name}_loss": losses, f"{name}_error": wrong(end)}
    return {name: np.asarray(array, np.float64) for name, array in found.items()}


def warmed(fresh: Params, trained: Params) -> Params:
    """Return fresh weights with the hidden layers of trained ones; the last layer, made for its own task, stays fresh.

    Raises:
        ValueError: A hidden layer has another shape.
    """
    return overlay({"params": fresh}, {"params": trained}, ["dense"])["params"]


def _pretrained(source: NetworkSum, how: WarmStart) -> Any:
    def train(key: jax.Array) -> Params:
        start = source.init(jax.random.fold_in(key, 1))
        return _descent(source, how, start, key, looks=1, every=how.source_steps).end

    return jax.jit(jax.vmap(train))


def _trained(target: NetworkSum, how: WarmStart) -> Any:
    looks = how.steps // how.look_every

    def train(start: Params, key: jax.Array) -> tuple[Params, jax.Array]:
        return tuple(_descent(target, how, start, key, looks=looks, every=how.look_every))

    return jax.jit(jax.vmap(train))


def _descent(full: NetworkSum, how: WarmStart, start: Params, key: jax.Array, *, looks: int, every: int) -> Any:
    counts = {"batch_size": how.batch_size, "num_examples": full.num_examples, "order": "reshuffled"}
    shown = {"num_looks": looks, "steps_per_look": every, "watch": full.mean_loss}
    return descend(full.losses, start, key, rate=how.rate, **counts, **shown)


def _encoded(full: NetworkSum, how: WarmStart) -> Any:
    """Return a function of a key: weights whose hidden layers were trained to reproduce their inputs, without labels.

    The code is the last hidden layer; a linear layer of its own leads back to the inputs, in squared error.
    """
    inputs = full.x.reshape(full.num_examples, -1)

    def train(key: jax.Array) -> Params:
        w = full.init(jax.random.fold_in(key, 2))
        decoder = jax.random.normal(jax.random.fold_in(key, 3), (how.width, inputs.shape[1])) / np.sqrt(how.width)

        def losses(both: tuple[Params, jax.Array], indices: jax.Array) -> jax.Array:
            code = hidden(both[0], inputs[indices])
            return jnp.square(code @ both[1] - inputs[indices]).mean(axis=1)

        counts = {"batch_size": how.batch_size, "num_examples": full.num_examples, "order": "reshuffled"}
        shown = {"num_looks": 1, "steps_per_look": how.source_steps, "watch": lambda both: jnp.zeros(())}
        return descend(losses, (w, decoder), key, rate=how.rate, **counts, **shown).end[0]

    return jax.jit(jax.vmap(train))


def hidden(w: Params, x: jax.Array) -> jax.Array:
    """Return the last hidden layer of a ReLU perceptron."""
    for name in sorted(w["dense"], key=int):
        x = jax.nn.relu(x @ w["dense"][name]["kernel"] + w["dense"][name]["bias"])
    return x
