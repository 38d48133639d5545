"""CIFAR-5m: six million images of a diffusion model trained on CIFAR-10, labelled by a classifier of 98.5 % accuracy.

Parts 0 to 4, 5 002 240 images, are trained on; the first `num_test` of part 5 are the test set. A run trains on a
random sample of its seed, the first `num_train` entries of a permutation of all training images, so that smaller
samples are parts of larger ones. Levels x become (x / 255 - 0.5) / 0.5, computed as (2 x - 255) (1 / 255) with one
rounding, so that all programs agree to the bit.

The archives are converted when first used (:mod:`basin.data.convert`) and never loaded whole.

References:
    Nakkiran, Neyshabur & Sedghi 2021, "The Deep Bootstrap Framework"; the data is described at
    github.com/preetum/cifar5m.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from basin.data.convert import NUM_CLASSES, SHAPE, Part, converted
from basin.data.corrupt import corrupt
from basin.data.keys import seed_key
from basin.data.source import DataInfo, Dataset, OnDisk, Source
from basin.data.stored import StoredExamples, StoredRows
from basin.data.subset import random_rows
from basin.spec.data import Cifar5m

MAX_LOADED = 2**17
"""Most examples that are brought into memory: each takes 12 KiB in single precision, and training holds four copies."""

_AT_ONCE = 4096  # examples that are scaled together, so that what is in between stays small


def describe(spec: Cifar5m) -> DataInfo:
    """Return the sizes of the data, from what was noted when it was converted.

    Raises:
        ValueError: A part is missing, damaged or unfit, or the data is not what is stated.
    """
    parts = _parts(spec)
    return DataInfo(_num_train(spec, parts), spec.num_test, SHAPE, NUM_CLASSES, _sha256(parts)[:32])


def load(spec: Cifar5m, seed: int) -> Dataset:
    """Return the seed's sample of the training images and the common test set.

    Raises:
        ValueError: The seed is out of range, the sample is too large for memory, or the files are missing, damaged, not
            those stated or not of CIFAR-5m's form.
    """
    parts = _parts(spec)
    num_train = _num_train(spec, parts)
    if num_train + spec.num_validation > MAX_LOADED:
        raise ValueError(
            f"expected at most {MAX_LOADED} examples to bring into memory, got {num_train + spec.num_validation} of "
            "cifar5m; set num_train, such as 50000, or read them with basin.data.batches"
        )
    return _in_memory(spec, parts, _examples(spec, parts, seed), num_train)


def open_examples(spec: Cifar5m, seed: int, first: int = 0) -> tuple[StoredExamples, Dataset]:
    """Return the seed's sample as it lies on the disk, levels 0 to 255, for reading it batch by batch.

    Args:
        spec: What to read.
        seed: Decides the order of the sample, which images it has if not all, and which labels are wrong.
        first: How many of its examples to bring into memory.

    Returns:
        The sample without what is held out, and in memory its first examples, the test set and what is held out.

    Raises:
        ValueError: As of :func:`load`, except that no sample is too large.
    """
    parts = _parts(spec)
    num_train, sample = _num_train(spec, parts), _examples(spec, parts, seed)
    train = StoredExamples(sample.inputs, sample.rows[:num_train], sample.labels[:num_train])
    return train, _in_memory(spec, parts, sample, num_train, min(first, num_train))


def depends_on_seed(spec: Cifar5m) -> bool:
    """Return whether another seed gives other arrays: each has its own sample."""
    return True


def resolve(spec: Cifar5m) -> Cifar5m:
    """Return the specification with the hash of the images and labels, by which it is identified from now on.

    Raises:
        ValueError: The files are missing, damaged, or hold something else than what is stated.
    """
    return spec.replace(sha256=_sha256(_parts(spec)))


def scaled(levels: Any, standardise: bool) -> Any:
    """Return inputs in [-1, 1], or in [0, 1], of levels 0 to 255, on the host or in a program alike.

    Example:
        >>> scaled(np.array([0, 255], np.uint8), True).tolist(), scaled(np.array([0, 255], np.uint8), False).tolist()
        ([-1.0, 1.0], [0.0, 1.0])
    """
    x = levels.astype(np.float32)
    return (2 * x - 255 if standardise else x) * np.float32(1 / 255)


def _too_many(spec: Cifar5m) -> bool:
    return (spec.num_train or 0) + spec.num_validation > MAX_LOADED


ON_DISK = OnDisk(_too_many, open_examples, lambda spec, levels: scaled(levels, spec.standardise))

SOURCE = Source(Cifar5m, describe, load, depends_on_seed, resolve=resolve, on_disk=ON_DISK)


def _parts(spec: Cifar5m) -> tuple[Part, ...]:
    parts = converted(Path(spec.path))
    found = _sha256(parts)
    if spec.sha256 not in (None, found):
        raise ValueError(f"{spec.path}: expected SHA-256 {spec.sha256}, got {found}; restore it, or leave sha256 out")
    if spec.num_test > parts[-1].count:
        raise ValueError(
            f"{spec.path}: expected num_test of at most {parts[-1].count}, the images of part 5, got {spec.num_test}; "
            "ask for fewer"
        )
    return parts


def _sha256(parts: tuple[Part, ...]) -> str:
    return hashlib.sha256("".join(digest for part in parts for digest in part.sha256).encode()).hexdigest()


def _num_train(spec: Cifar5m, parts: tuple[Part, ...]) -> int:
    limit = sum(part.count for part in parts[:-1]) - spec.num_validation
    if (spec.num_train or 1) > limit:
        raise ValueError(
            f"{spec.path}: expected num_train of at most {limit}{' beside num_validation' * bool(spec.num_validation)}"
            f", got {spec.num_train or 1}; ask for fewer examples"
        )
    return spec.num_train or limit


def _examples(spec: Cifar5m, parts: tuple[Part, ...], seed: int) -> StoredExamples:
    """Return the seed's sample and what follows it, held out."""
    key, noise = seed_key(seed, "cifar5m", "sample"), seed_key(seed, "cifar5m", "label noise")
    labels = np.concatenate([part.read_labels() for part in parts[:-1]])
    rows = random_rows(key, _num_train(spec, parts) + spec.num_validation, len(labels))
    y = labels[rows].astype(np.int32)
    if spec.label_noise > 0:
        y = np.array(corrupt(noise, y, spec.label_noise, NUM_CLASSES))
    return StoredExamples(StoredRows([part.images for part in parts[:-1]]), rows, y)


def _in_memory(
    spec: Cifar5m, parts: tuple[Part, ...], sample: StoredExamples, num_train: int, first: int | None = None
) -> Dataset:
    """Return the first of a sample's training examples, all if not said how many, with the test set and the rest."""
    train = slice(num_train if first is None else first)
    x_train, x_validation = (
        _levels(spec, sample.inputs, sample.rows[part]) for part in (train, slice(num_train, None))
    )
    x_test = _levels(spec, StoredRows([parts[-1].images]), np.arange(spec.num_test))
    y_test = parts[-1].read_labels()[: spec.num_test].astype(np.int32)
    return Dataset(x_train, sample.labels[train], x_test, y_test, x_validation, sample.labels[num_train:])


def _levels(spec: Cifar5m, stored: StoredRows, rows: Int[np.ndarray, " n"]) -> Float32[np.ndarray, "n 32 32 3"]:
    """Return inputs as networks see them, brought into memory some at a time."""
    x = np.empty((len(rows), *SHAPE), np.float32)
    for first in range(0, len(rows), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        x[part] = scaled(stored.take(rows[part]), spec.standardise)
    return x
