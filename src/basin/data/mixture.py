r"""A mixture of Gaussians as a source: an endless stream whose least possible error is known.

Gaussian j of the C M (C classes, M modes each) has mean (s / sqrt 2) q_j with orthonormal q_j, so that any two means
are s apart, and covariance 1; it belongs to class j mod C. The best classifier takes the class of the largest
sum over its modes of exp((s / sqrt 2) q_j'x). With one mode a class that is the largest projection, and

    1 - Bayes error = E[Phi(Z + s / sqrt 2)^(C - 1)],  Z ~ N(0, 1),

as the projections are independent normals, one of which is shifted by s / sqrt 2; for two classes the error is
Phi(-s / 2). With more modes it is the mean of 1 - max_c p(c | x) over a large sample.
"""

from __future__ import annotations

import functools
import hashlib
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.integrate
import scipy.stats
from jaxtyping import Array, Float32, Int32

from basin.data.bayes import BayesError, from_sample
from basin.data.corrupt import replace_label
from basin.data.deviates import normal
from basin.data.drawn import CHUNK, sampled
from basin.data.source import DataInfo, Dataset, Sample, Source
from basin.spec.data import Mixture


def describe(spec: Mixture) -> DataInfo:
    """Return the sizes of the data."""
    settings = f"mixture 1 {spec.num_classes} {spec.modes} {spec.dimension}"
    fingerprint = hashlib.sha256(settings.encode()).hexdigest()[:32]
    return DataInfo(spec.num_train, spec.num_test, (spec.dimension,), spec.num_classes, fingerprint)


def load(spec: Mixture, seed: int) -> Dataset:
    """Return the seed's sample of the stream (none, if training is on the stream itself) and the common test set."""
    clean = spec.replace(label_noise=0.0)
    draws = (functools.partial(_draw_chunk, _static(which), *_traced(which)) for which in (spec, clean))
    return sampled("mixture", seed, spec.num_train, spec.num_validation, spec.num_test, *draws)


def depends_on_seed(spec: Mixture) -> bool:
    """Return whether another seed gives other arrays: a finite sample does, the test set does not."""
    return spec.num_train is not None


def reference(spec: Mixture) -> Float32[np.ndarray, "gaussians dimension"]:
    """Return the means at separation 1: q_j / sqrt 2, with q_j the first rows of a rotation that never changes."""
    return _unit_means(spec.num_classes * spec.modes, spec.dimension)


def stream(spec: Mixture, unit_means: Any = None) -> Sample:
    """Return the sampling function of the stream; the specification's traced numbers may be tracers.

    Example:
        >>> x, y = stream(Mixture(num_classes=2, modes=1, dimension=4))(jax.random.key(0), 5)
        >>> x.shape, y.shape
        ((5, 4), (5,))
    """
    unit_means = reference(spec) if unit_means is None else unit_means

    def sample(key: jax.Array, n: int) -> tuple[Array, Array]:
        return _draw(_static(spec), *_traced(spec), jnp.asarray(unit_means), key, jnp.uint32(0), n)

    return sample


def bayes_error(spec: Mixture) -> BayesError:
    """Return the least error that any classifier can have on clean examples of the stream.

    Example:
        >>> round(bayes_error(Mixture(num_classes=2, modes=1, separation=2.0)).value, 6)  # Phi(-1)
        0.158655
    """
    if spec.modes > 1:
        return from_sample(stream(spec.replace(label_noise=0.0)), functools.partial(_posterior, spec))
    shift = spec.separation / np.sqrt(2)

    def right(z: float) -> float:
        return float(scipy.stats.norm.pdf(z) * scipy.stats.norm.cdf(z + shift) ** (spec.num_classes - 1))

    return BayesError(1 - scipy.integrate.quad(right, -12, 12, epsabs=1e-12)[0], 0.0)


def _posterior(spec: Mixture, x: Array) -> Array:
    """Return p(class | x), (n, classes)."""
    scores = spec.separation * x @ jnp.asarray(reference(spec)).T
    by_class = scores.reshape(len(x), spec.modes, spec.num_classes)
    return jax.nn.softmax(jax.nn.logsumexp(by_class, axis=1), axis=-1)


def _static(spec: Mixture) -> tuple[int, int, int]:
    return spec.num_classes, spec.modes, spec.dimension


def _traced(spec: Mixture) -> tuple[Array, Array]:
    return jnp.asarray(spec.separation, jnp.float32), jnp.asarray(spec.label_noise, jnp.float32)


@functools.partial(jax.jit, static_argnums=0)
def _draw_chunk(
    sizes: tuple[int, int, int], separation: Array, label_noise: Array, key: jax.Array, start: Array
) -> tuple[Array, Array]:
    unit_means = jnp.asarray(_unit_means(sizes[0] * sizes[1], sizes[2]))
    return _draw(sizes, separation, label_noise, unit_means, key, start, CHUNK)


def _draw(
    sizes: tuple[int, int, int],
    separation: Array,
    label_noise: Array,
    unit_means: Array,
    key: jax.Array,
    start: Array,
    n: int,
) -> tuple[Float32[Array, "n dimension"], Int32[Array, " n"]]:
    num_classes, modes, dimension = sizes
    means = jax.lax.optimization_barrier(separation * unit_means)

    def one(index: Array) -> tuple[Array, Array]:
        own = jax.random.fold_in(key, index)
        words = jax.random.bits(own, (3,), jnp.uint32)
        which = (words[0] % jnp.uint32(num_classes * modes)).astype(jnp.int32)
        noise = normal(jax.random.fold_in(own, 1), dimension)
        label = replace_label(words[1:], which % num_classes, label_noise, num_classes)
        return means[which] + noise, label

    return jax.vmap(one)(start + jnp.arange(n, dtype=jnp.uint32))


@functools.lru_cache(maxsize=8)
def _unit_means(count: int, dimension: int) -> Float32[np.ndarray, "count dimension"]:
    rng = np.random.Generator(np.random.PCG64([zlib.crc32(b"mixture"), count, dimension]))
    rows, _ = np.linalg.qr(rng.normal(size=(dimension, count)))
    return np.ascontiguousarray(rows.T / np.sqrt(2), np.float32)


SOURCE = Source(Mixture, describe, load, depends_on_seed, stream, reference, bayes_error=bayes_error)
