"""Losses whose curvature is known, for the tests of measures."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from basin.loss import DatasetLoss
from basin.models.model import Model

INPUTS, HIDDEN, CLASSES = 5, 12, 3
NUM_WEIGHTS = INPUTS * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES


def init(key):
    first, second = jax.random.split(key)
    return {
        "first": {"w": jax.random.normal(first, (INPUTS, HIDDEN), jnp.float32), "b": jnp.full((HIDDEN,), 0.1)},
        "second": {"w": jax.random.normal(second, (HIDDEN, CLASSES), jnp.float32), "b": jnp.zeros(CLASSES)},
    }, {}


def apply(params, state, x, *, mode, key=None):
    hidden = jnp.tanh(x @ params["first"]["w"] + params["first"]["b"])
    return hidden @ params["second"]["w"] + params["second"]["b"], state


MLP = Model("tanh", init, apply, (INPUTS,), CLASSES)


def linear(inputs, outputs):
    return Model("linear", None, lambda p, state, x, *, mode, key=None: (x @ p, state), (inputs,), outputs)


def network(num_examples=60, seed=0):
    """Return the loss of a small network and its weights."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((num_examples, INPUTS)).astype(np.float32)
    y = random.integers(0, CLASSES, num_examples).astype(np.int32)
    return DatasetLoss(MLP, {}, x, y, chunk_size=25), init(jax.random.key(seed))[0]


def quadratic(hessian, minimum=0.0, offset=0.0):
    """Return `offset + (w - minimum)' H (w - minimum) / 2`; `hessian` is a matrix, or a vector for a diagonal one."""
    hessian, minimum = np.asarray(hessian), np.asarray(minimum)

    def value(w):
        step = w - minimum.astype(w.dtype)
        image = hessian.astype(w.dtype) * step if hessian.ndim == 1 else hessian.astype(w.dtype) @ step
        return offset + 0.5 * jnp.dot(step, image)

    return value


def positive_matrix(size, seed, rank=None):
    factor = np.random.default_rng(seed).standard_normal((size, rank or size))
    return factor @ factor.T / size


def leaf_bytes(tree):
    return [(np.asarray(leaf).dtype, np.asarray(leaf).tobytes()) for leaf in jax.tree.leaves(tree)]


def dense_hessian(seed=0):
    """Return the Hessian of :func:`network`'s loss in float64: the loss written out again, no product and no solver."""
    loss, params = network(seed=seed)
    x, y = np.asarray(loss.x, np.float64), np.asarray(loss.y)
    with jax.enable_x64(True):
        flat, unravel = ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params))

        def value(vector):
            outputs, _ = apply(unravel(vector), {}, x, mode=None)
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), y[:, None], axis=1))

        return np.asarray(jax.hessian(value)(flat))
