"""Gradients through a deep network, layer by layer, with and without normalisation.

The network is written out here, because what is wanted is the gradient with respect to every layer's pre-activations,
which no weight of it has: weights' gradients hide the effect without normalisation, where each is a product of all
layers but its own and so of one size at every depth.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from basin import data
from basin.spec.data import Digits
from basin.spec.normalisation import Normalisation

NORMS = ("none", "batch", "layer")
DELTA = 1e-5


def normalise(norm: str, a: Float[Array, "batch units"]) -> Float[Array, "batch units"]:
    """Return (a - mu) / sqrt(sigma^2 + delta), over the batch or over the units of each example."""
    if norm == "none":
        return a
    axis = 0 if norm == "batch" else 1
    return (a - a.mean(axis, keepdims=True)) / jnp.sqrt(a.var(axis, keepdims=True) + DELTA)


def forward(norm: str, weights: Any, nudges: Float[Array, "depth batch units"], x: Float[Array, "batch inputs"]) -> Any:
    """Return the outputs: for every layer a = z W + nudge, normalised, scaled, offset, and rectified; then linear."""

    def layer(z: jax.Array, one: Any) -> tuple[jax.Array, None]:
        hidden, nudge = one
        a = normalise(norm, z @ hidden["kernel"] + nudge)
        return jax.nn.relu(hidden["scale"] * a + hidden["offset"]), None

    return lax.scan(layer, x, (weights["hidden"], nudges))[0] @ weights["output"]


def initial(spec: Normalisation, key: Array, scale: Array | float) -> Any:
    """Return weights of He's distribution times `scale`; as many inputs as units, so that all layers are alike."""
    first, last = jax.random.split(key)
    units = spec.deep_width
    size = scale * np.sqrt(2 / units)
    return {
        "hidden": {
            "kernel": size * jax.random.normal(first, (spec.depth, units, units), jnp.float32),
            "scale": jnp.ones((spec.depth, units)),
            "offset": jnp.zeros((spec.depth, units)),
        },
        "output": size * jax.random.normal(last, (units, 10), jnp.float32),
    }


def loss(norm: str, weights: Any, nudges: Array, x: Array, y: Array) -> Array:
    """Return the mean cross-entropy of a batch, in nats."""
    logits = forward(norm, weights, nudges, x)
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1).mean()


def gradient_sizes(
    norm: str, weights: Any, x: Array, y: Array
) -> tuple[Float[Array, "depth"], Float[Array, "depth"], Array]:
    """Return the norms of the gradients by pre-activations and by weights, layer by layer, and the loss."""
    depth, units = weights["hidden"]["scale"].shape
    nudges = jnp.zeros((depth, len(x), units))
    value, (by_weights, by_nudges) = jax.value_and_grad(loss, argnums=(1, 2))(norm, weights, nudges, x, y)
    by_kernels = by_weights["hidden"]["kernel"]
    return _safe_norm(by_nudges.reshape(depth, -1)), _safe_norm(by_kernels.reshape(depth, -1)), value


def _safe_norm(rows: Array) -> Array:
    """Return Euclidean norms of rows whose squares may be too small or too large for a float."""
    largest = jnp.abs(rows).max(axis=1)
    return largest * jnp.linalg.norm(rows / jnp.where(largest > 0, largest, 1.0)[:, None], axis=1)


def depth(spec: Normalisation) -> dict[str, Any]:
    """Return, for each normalisation, gradient norms at the start and after training, (scales, seeds, depth)."""
    digits = data.load(Digits(), 0)
    x, y = digits.x_train.reshape(len(digits.x_train), -1)[:, : spec.deep_width], digits.y_train
    keys = jax.random.split(jax.random.key(0), spec.seeds)
    found = {}
    for norm in NORMS:
        one = functools.partial(_one, spec, norm, jnp.asarray(x), jnp.asarray(y))
        parts = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(jnp.asarray(spec.scales), keys)
        found[norm] = jax.tree.map(np.asarray, parts)
    return found


def _one(spec: Normalisation, norm: str, x: Array, y: Array, scale: Array, key: Array) -> dict[str, Array]:
    begun = initial(spec, key, scale)
    batches = jax.random.randint(jax.random.fold_in(key, 1), (spec.deep_steps + 1, spec.deep_batch), 0, len(x))
    none = jnp.zeros((spec.depth, spec.deep_batch, spec.deep_width))

    def step(weights: Any, batch: Array) -> tuple[Any, None]:
        gradient = jax.grad(loss, argnums=1)(norm, weights, none, x[batch], y[batch])
        return jax.tree.map(lambda w, g: w - spec.deep_rate * g, weights, gradient), None

    trained = lax.scan(step, begun, batches[1:])[0]
    sizes = {}
    for when, weights in (("start", begun), ("trained", trained)):
        by_units, by_weights, value = gradient_sizes(norm, weights, x[batches[0]], y[batches[0]])
        sizes[when] = {"by_units": by_units, "by_weights": by_weights, "loss": value}
    return sizes


def slopes(norms: Float[np.ndarray, "... depth"]) -> Float[np.ndarray, "..."]:
    """Return the slope of the log of gradient norms towards the input, a layer; NaN where one is 0 or not finite.

    Positive: gradients explode on their way back; negative: they vanish.

    Example:
        >>> float(np.exp(slopes(np.array([8.0, 4.0, 2.0, 1.0]))).round(6))
        2.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(norms)
    logs = np.where(np.isfinite(logs), logs, np.nan)
    layer = np.arange(norms.shape[-1]) - (norms.shape[-1] - 1) / 2
    return -(logs * layer).sum(axis=-1) / (layer**2).sum()
