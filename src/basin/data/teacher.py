r"""A random network as a source: Gaussian inputs, and labels drawn from the softmax of its outputs.

The teacher is f(x) = standardised(W_2 relu(W_1 x)), and the label of x is argmax_c (f_c(x) + T G_c) with independent
standard Gumbel G_c, which has the probabilities softmax(f(x) / T) (Gumbel 1954), and is argmax f at T = 0. So

    Bayes error = E_x[1 - max_c softmax_c(f(x) / T)].

Inputs, weights and hidden units are multiples of 1/64 (hidden units are rounded), and small enough for every sum to be
exact in float32: whatever order a program adds in, it finds the same label.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Int32

from basin.data.bayes import BayesError, from_sample
from basin.data.corrupt import replace_label
from basin.data.deviates import gumbel, normal
from basin.data.drawn import CHUNK, sampled
from basin.data.keys import named_key
from basin.data.source import DataInfo, Dataset, Sample, Source
from basin.spec.data import Teacher

GRAIN = 64
"""Levels in a unit."""

LARGEST_WEIGHT = 4.0
LARGEST_INPUT = 5.0
_MOMENT_EXAMPLES = 2**14


class _Network(NamedTuple):
    """The teacher's arrays; outputs are (relu(x W_1) W_2 - mean) * inverse_deviation."""

    first: Float32[Array | np.ndarray, "dimension width"]
    second: Float32[Array | np.ndarray, "width classes"]
    mean: Float32[Array | np.ndarray, " classes"]
    inverse_deviation: Float32[Array | np.ndarray, " classes"]


def describe(spec: Teacher) -> DataInfo:
    """Return the sizes of the data."""
    settings = f"teacher 1 {spec.num_classes} {spec.dimension} {spec.width} {spec.teacher}"
    fingerprint = hashlib.sha256(settings.encode()).hexdigest()[:32]
    return DataInfo(spec.num_train, spec.num_test, (spec.dimension,), spec.num_classes, fingerprint)


def load(spec: Teacher, seed: int) -> Dataset:
    """Return the seed's sample of the stream (none, if training is on the stream itself) and the common test set."""
    network = reference(spec)
    clean = spec.replace(label_noise=0.0)
    draws = (functools.partial(_draw_chunk, network, *_traced(which)) for which in (spec, clean))
    return sampled("teacher", seed, spec.num_train, spec.num_validation, spec.num_test, *draws)


def depends_on_seed(spec: Teacher) -> bool:
    """Return whether another seed gives other arrays: a finite sample does, the test set does not."""
    return spec.num_train is not None


def reference(spec: Teacher) -> _Network:
    """Return the teacher."""
    return _network(spec.num_classes, spec.dimension, spec.width, spec.teacher)


def stream(spec: Teacher, network: Any = None) -> Sample:
    """Return the sampling function of the stream; the specification's traced numbers may be tracers.

    Example:
        >>> x, y = stream(Teacher(dimension=4, num_classes=3))(jax.random.key(0), 5)
        >>> x.shape, bool((x * 64 == jnp.round(x * 64)).all())
        ((5, 4), True)
    """
    network = reference(spec) if network is None else network

    def sample(key: jax.Array, n: int) -> tuple[Array, Array]:
        return _draw(network, *_traced(spec), key, jnp.uint32(0), n)

    return sample


def bayes_error(spec: Teacher) -> BayesError:
    """Return the least error that any classifier can have on clean examples of the stream.

    Example:
        >>> bayes_error(Teacher(temperature=0.0)).value
        0.0
    """
    if spec.temperature == 0:
        return BayesError(0.0, 0.0)
    network = reference(spec)
    return from_sample(
        stream(spec.replace(label_noise=0.0)), lambda x: jax.nn.softmax(_outputs(network, x) / spec.temperature)
    )


def _traced(spec: Teacher) -> tuple[Array, Array]:
    return jnp.asarray(spec.temperature, jnp.float32), jnp.asarray(spec.label_noise, jnp.float32)


@jax.jit
def _draw_chunk(
    network: _Network, temperature: Array, label_noise: Array, key: jax.Array, start: Array
) -> tuple[Array, Array]:
    return _draw(network, temperature, label_noise, key, start, CHUNK)


def _draw(
    network: _Network, temperature: Array, label_noise: Array, key: jax.Array, start: Array, n: int
) -> tuple[Float32[Array, "n dimension"], Int32[Array, " n"]]:
    dimension, num_classes = network.first.shape[0], network.second.shape[1]

    def one(index: Array) -> tuple[Array, Array, Array]:
        own = jax.random.fold_in(key, index)
        words = jax.random.bits(own, (2,), jnp.uint32)
        inputs, chance = normal(jax.random.fold_in(own, 1), dimension), gumbel(jax.random.fold_in(own, 2), num_classes)
        return _rounded(inputs, LARGEST_INPUT), chance, words

    x, chance, words = jax.vmap(one)(start + jnp.arange(n, dtype=jnp.uint32))
    labels = jnp.argmax(_outputs(network, x) + temperature * chance, axis=-1).astype(jnp.int32)
    replaced = functools.partial(replace_label, rate=label_noise, num_classes=num_classes)
    return x, jax.vmap(replaced)(words, labels)


def _outputs(network: _Network, x: Array) -> Array:
    hidden = _rounded(jax.nn.relu(_exact(x, network.first)), 2.0**10)
    return (_exact(hidden, network.second) - network.mean) * network.inverse_deviation


def _exact(x: Array, w: Array | np.ndarray) -> Array:
    """Return x w, whose sums are exact where JAX is told not to use fewer digits."""
    return jnp.matmul(x, jnp.asarray(w), precision=jax.lax.Precision.HIGHEST)


def _rounded(x: Array, largest: float) -> Array:
    return jnp.clip(jnp.floor(x * GRAIN + 0.5) / GRAIN, -largest, largest)


@functools.lru_cache(maxsize=8)
def _network(num_classes: int, dimension: int, width: int, teacher: int) -> _Network:
    with jax.ensure_compile_time_eval():
        first, second, inputs = jax.random.split(jax.random.fold_in(named_key("teacher", "weights"), teacher), 3)
        weights = [
            _rounded(jax.random.normal(key, shape) / np.sqrt(shape[0]), LARGEST_WEIGHT)
            for key, shape in ((first, (dimension, width)), (second, (width, num_classes)))
        ]
        raw = _Network(weights[0], weights[1], jnp.zeros(num_classes), jnp.ones(num_classes))
        x = _rounded(jax.random.normal(inputs, (_MOMENT_EXAMPLES, dimension)), LARGEST_INPUT)
        outputs = np.asarray(_outputs(raw, x), np.float64)
    mean = np.floor(outputs.mean(0) * GRAIN + 0.5) / GRAIN
    inverse_deviation = 1 / np.maximum(outputs.std(0), 1 / GRAIN)
    return _Network(*(np.asarray(part, np.float32) for part in (*weights, mean, inverse_deviation)))


SOURCE = Source(Teacher, describe, load, depends_on_seed, stream, reference, bayes_error=bayes_error)
