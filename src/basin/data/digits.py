"""Digits: 1 797 handwritten digits of 8x8 pixels in 17 levels, real data that comes with scikit-learn.

The split is stratified by class, 1 437 to train on and 360 to test on, and drawn once for all from a generator whose
bits NumPy promises to keep; a checksum of the result is verified whenever the data is read. Training examples stand in
an order in which the first n are a stratified sample too, for every n.
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np
from jaxtyping import Float64, Int32

from basin.data.corrupt import corrupt
from basin.data.keys import seed_key
from basin.data.source import DataInfo, Dataset, Source
from basin.data.standardise import fit_standardiser
from basin.spec.data import DIGITS_TRAIN, Digits

NUM_TEST = 360
NUM_CLASSES = 10
FINGERPRINT = "1c45183a3de5b2cb885ed30d2a58093c"
"""First half of the SHA-256 of the split: training inputs and labels, then test inputs and labels."""


def describe(spec: Digits) -> DataInfo:
    """Return the sizes of the data.

    Example:
        >>> describe(Digits()).num_train, describe(Digits()).num_test, describe(Digits()).input_shape
        (1437, 360, (8, 8, 1))
    """
    return DataInfo(_num_train(spec), NUM_TEST, (8, 8, 1), NUM_CLASSES, FINGERPRINT)


def load(spec: Digits, seed: int) -> Dataset:
    """Return the digits; the seed decides which training labels are wrong, if any are to be.

    Raises:
        ValueError: The seed is out of range, or the installed data is not what Basin was made with.
    """
    key = seed_key(seed, "digits", "label noise")
    x_train, y_train, x_test, y_test = _split()
    count = _num_train(spec)
    y_train = y_train[: count + spec.num_validation]
    if spec.label_noise > 0:
        y_train = np.array(corrupt(key, y_train, spec.label_noise, NUM_CLASSES))
    parts = [x_train[:count], x_test, x_train[count : count + spec.num_validation]]
    if spec.standardise:
        parts = list(map(fit_standardiser(parts[0]), parts))
    x_train, x_test, x_validation = (part.astype(np.float32) for part in parts)
    return Dataset(x_train, y_train[:count].copy(), x_test, y_test.copy(), x_validation, y_train[count:].copy())


def depends_on_seed(spec: Digits) -> bool:
    """Return whether another seed gives other arrays: only the label noise does."""
    return spec.label_noise > 0


SOURCE = Source(Digits, describe, load, depends_on_seed)


def _num_train(spec: Digits) -> int:
    return spec.num_train or DIGITS_TRAIN - spec.num_validation


@functools.cache
def _split() -> tuple[
    Float64[np.ndarray, "1437 8 8 1"],
    Int32[np.ndarray, "1437"],
    Float64[np.ndarray, "360 8 8 1"],
    Int32[np.ndarray, "360"],
]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = x.reshape(-1, 8, 8, 1) / 16, y.astype(np.int32)
    train, test = _split_indices(y)
    arrays = x[train], y[train], x[test], y[test]
    found = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:32]
    if found != FINGERPRINT:
        raise ValueError(f"expected digits with fingerprint {FINGERPRINT}, got {found}; install another scikit-learn")
    return arrays


def _split_indices(y: Int32[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the training and of the test part, each in a random order that keeps classes balanced."""
    draw = np.random.PCG64(1797).random_raw(len(y)).astype(np.float64) / 2**64
    members = [np.flatnonzero(y == c)[np.argsort(draw[y == c])] for c in range(NUM_CLASSES)]
    share = np.array([len(m) for m in members]) * NUM_TEST / len(y)
    sizes = np.floor(share).astype(int)
    sizes[np.argsort(sizes - share, kind="stable")[: NUM_TEST - sizes.sum()]] += 1
    train = [rows[size:] for rows, size in zip(members, sizes, strict=True)]
    test = [rows[:size] for rows, size in zip(members, sizes, strict=True)]
    return _interleaved(train, draw), _interleaved(test, draw)


def _interleaved(classes: list[np.ndarray], draw: Float64[np.ndarray, " n"]) -> np.ndarray:
    """Return all rows, the i-th of a class with m members at a place drawn from [i/m, (i+1)/m)."""
    second = draw * 2**20 % 1  # other bits than those that ordered the class
    places = [(np.arange(len(rows)) + second[rows]) / len(rows) for rows in classes]
    return np.concatenate(classes)[np.argsort(np.concatenate(places), kind="stable")]
