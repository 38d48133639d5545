"""Choices among things of unequal weight that are the same in every program: a random word against whole thresholds.

With whole weights w_0, w_1, ... of sum W, thing j is chosen by the words in [2^32 c_j / W, 2^32 c_(j+1) / W), rounded
down, where c_j is the sum of the weights before j. Its probability is a multiple of 2^-32 and known exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float64, Int32, UInt32

WORDS = 2**32


def thresholds(weights: Iterable[int]) -> UInt32[np.ndarray, " things-1"]:
    """Return where, among all words, the second thing begins, the third and so on.

    Args:
        weights: Whole numbers above 0, at least one.
    """
    *sums, total = accumulate(weights)
    return np.array([WORDS * part // total for part in sums], np.uint32)


def probabilities(begins: UInt32[np.ndarray, " things-1"]) -> Float64[np.ndarray, " things"]:
    """Return with which probability each thing is chosen.

    Example:
        >>> probabilities(thresholds([1, 2, 1])).tolist()
        [0.25, 0.5, 0.25]
    """
    ends = np.concatenate([[0], begins.astype(np.int64), [WORDS]])
    return np.diff(ends) / WORDS


def choose(begins: UInt32[Array | np.ndarray, " things-1"], words: UInt32[Array, "*shape"]) -> Int32[Array, "*shape"]:
    """Return which thing each word chooses.

    Example:
        >>> choose(thresholds([1, 2, 1]), jnp.array([0, 2**30, 2**31, 2**32 - 1], jnp.uint32)).tolist()
        [0, 1, 1, 2]
    """
    return jnp.searchsorted(jnp.asarray(begins), words, side="right").astype(jnp.int32)
