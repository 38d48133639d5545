"""Finite samples of a stream that is a function of (key, first example), a chunk of examples at a time.

A finite sample is what the stream gives for the sample's key, bit for bit, so that a training set and a stream differ
in nothing but how often an example is seen.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Array

from basin.data.keys import named_key, seed_key
from basin.data.source import Dataset

CHUNK = 1024
"""Examples drawn at a time."""

Draw = Callable[[jax.Array, np.uint32], tuple[Array, Array]]
"""`draw(key, start)`: inputs and labels of examples start to start + CHUNK - 1 of a key."""


def drawn(draw: Draw, key: jax.Array, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first `n` examples of a key."""
    parts = [draw(key, np.uint32(start)) for start in range(0, n, CHUNK)] or [draw(key, np.uint32(0))]
    x, y = (np.concatenate([np.asarray(part[i]) for part in parts])[:n] for i in range(2))
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


def sampled(
    name: str, seed: int, num_train: int | None, num_validation: int, num_test: int, noisy: Draw, clean: Draw
) -> Dataset:
    """Return a seed's sample of a stream (none for the stream itself), what is held out, and the common test set.

    Args:
        name: The kind of data, which the keys are folded from.
        seed: Selects the sample.
        num_train: Training examples; None for the stream itself, whose held-out examples no seed changes.
        num_validation: Held-out examples.
        num_test: Test examples.
        noisy: Draws with the label noise asked for.
        clean: Draws without.

    Raises:
        ValueError: The seed is out of range.
    """
    key = seed_key(seed, name, "train")
    if num_train is None:
        key = named_key(name, "validation")
    count = num_train or 0
    x, y = drawn(noisy, key, count + num_validation)
    x_test, y_test = drawn(clean, named_key(name, "test"), num_test)
    return Dataset(x[:count], y[:count], x_test, y_test, x[count:], y[count:])
