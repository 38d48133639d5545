"""A small network as two plain functions, data for it, and its loss written out a second time, without Basin."""

import jax
import jax.numpy as jnp
import numpy as np

from basin.models.model import Mode, Model

INPUTS, HIDDEN, CLASSES = 5, 12, 3


def init(key):
    first, second = jax.random.split(key)
    params = {
        "first": {
            "w": jax.random.normal(first, (INPUTS, HIDDEN), jnp.float32),
            "b": jnp.full((HIDDEN,), 0.1, jnp.float32),
        },
        "second": {
            "w": jax.random.normal(second, (HIDDEN, CLASSES), jnp.float32),
            "b": jnp.zeros(CLASSES, jnp.float32),
        },
    }
    return params, {}


def apply(params, state, x, *, mode, key=None):
    hidden = jnp.tanh(x @ params["first"]["w"] + params["first"]["b"])
    return hidden @ params["second"]["w"] + params["second"]["b"], state


MLP = Model("tanh", init, apply, (INPUTS,), CLASSES)


def data(num_examples=50, seed=0):
    random = np.random.default_rng(seed)
    x = random.standard_normal((num_examples, INPUTS)).astype(np.float32)
    return x, random.integers(0, CLASSES, num_examples).astype(np.int32)


def weights(seed=0):
    return init(jax.random.key(seed))[0]


def outputs_by_numpy(params, x):
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    return np.tanh(x @ p["first"]["w"] + p["first"]["b"]) @ p["second"]["w"] + p["second"]["b"]


def normalise(params, state, x, *, mode, key=None):
    """A layer that subtracts a mean: of its batch, or the one it was given."""
    mean = jnp.mean(x, axis=0) if mode is not Mode.EVAL else state["mean"]
    return (x - mean) @ params["w"], {"mean": mean}


NORMALISED = Model("normalised", None, normalise, (INPUTS,), CLASSES, has_batch_statistics=True)
