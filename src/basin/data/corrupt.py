"""Label noise: with probability `rate` a label is replaced by a uniformly chosen incorrect class.

This is the noise of Zhang et al. 2017 as used by Nakkiran et al. 2020: at rate p a share p of the labels is wrong, not
p (1 - 1/C). Each example has a chance and a replacement of its own, drawn from its own key, so that

* the labels that are wrong at a rate are wrong, in the same way, at every higher rate;
* the first n labels are the same whether or not more follow.
"""

from __future__ import annotations

import functools
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int32, UInt32

FloatLike = TypeVar("FloatLike", float, np.ndarray)


def corrupt(
    key: jax.Array, y: Int[Array | np.ndarray, " n"], rate: float | Float[Array, ""], num_classes: int
) -> Int32[Array, " n"]:
    """Return the labels with each replaced by another class with probability `rate`.

    Args:
        key: Decides which labels are replaced, and by what.
        y: Labels in [0, num_classes).
        rate: Probability in [0, 1); may be a tracer.
        num_classes: Number of classes, at least 2.

    Returns:
        The labels, about `rate * n` of them wrong.

    Example:
        >>> wrong = [corrupt(jax.random.key(0), jnp.zeros(9999, int), p, 10) != 0 for p in (0.1, 0.2)]
        >>> [round(float(w.mean()), 2) for w in wrong], bool((wrong[1] >= wrong[0]).all())
        ([0.1, 0.2], True)

    References:
        Zhang et al. 2017, "Understanding deep learning requires rethinking generalization"; Nakkiran et al. 2020,
        "Deep double descent".
    """
    return _corrupt(key, jnp.asarray(y, jnp.int32), jnp.float32(rate), num_classes)


def noisy_error(error: FloatLike, rate: float, num_classes: int) -> FloatLike:
    r"""Return the error that a classifier would have on labels with noise, from its error e on clean ones.

    .. math:: (1 - p) \, e + p \left( 1 - \frac{e}{C - 1} \right) = 1 - (1 - p)(1 - e) - \frac{p \, e}{C - 1}

    for labels that are replaced with probability p by a uniformly chosen incorrect class of C, independently of the
    classifier: where it is right a replaced label makes it wrong, and where it is wrong one in C - 1 makes it right.
    The last term is subtracted; the notebook released with Nakkiran et al. 2020 adds it, which is too much by
    :math:`2 p e / (C - 1)`.

    Args:
        error: e, a fraction.
        rate: p, in [0, 1].
        num_classes: C, at least 2.

    Example:
        >>> round(noisy_error(0.2, 0.15, 10), 6), noisy_error(0.9, 0.9, 10)
        (0.316667, 0.9)
    """
    return (1 - rate) * error + rate * (1 - error / (num_classes - 1))


def replace_label(
    words: UInt32[Array, "2"], label: Int32[Array, ""], rate: Float[Array, ""], num_classes: int
) -> Int32[Array, ""]:
    """Return one label, or with probability `rate` another class, from two words of random bits."""
    chance = (words[0] >> 8).astype(jnp.float32) * jnp.float32(2**-24)
    shift = 1 + (words[1] % jnp.uint32(num_classes - 1)).astype(jnp.int32)
    return jnp.where(chance < rate, (label + shift) % num_classes, label)


@functools.partial(jax.jit, static_argnums=3)
def _corrupt(key: jax.Array, y: jax.Array, rate: jax.Array, num_classes: int) -> jax.Array:
    def one(index: jax.Array, label: jax.Array) -> jax.Array:
        words = jax.random.bits(jax.random.fold_in(key, index), (2,), jnp.uint32)
        return replace_label(words, label, rate, num_classes)

    return jax.vmap(one)(jnp.arange(y.shape[0], dtype=jnp.uint32), y)
