"""Sets of labelled images of bytes that are held whole: what MNIST and CIFAR share once their files are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from basin.data.corrupt import corrupt
from basin.data.keys import seed_key
from basin.data.levels import level_table, looked_up
from basin.data.source import DataInfo, Dataset
from basin.data.subset import random_rows


@dataclass(frozen=True)
class ImageSet:
    """Images and labels as bytes, read-only, and the hash of the files that they come from.

    Attributes:
        folder: Where the files lie, for messages.
        x_train: Training images.
        y_train: Their labels.
        x_test: Test images, of the same shape.
        y_test: Their labels.
        sha256: Hash of the content of all files, in their order.
    """

    folder: Path
    x_train: UInt8[np.ndarray, "train height width channels"]
    y_train: UInt8[np.ndarray, " train"]
    x_test: UInt8[np.ndarray, "test height width channels"]
    y_test: UInt8[np.ndarray, " test"]
    sha256: str

    def __post_init__(self) -> None:
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            array.flags.writeable = False


def hash_contents(contents: Iterable[bytes]) -> str:
    """Return the hash of files' contents, in their order."""
    parts = [hashlib.sha256(content).hexdigest() for content in contents]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def check_labels(path: Path, labels: UInt8[np.ndarray, " n"], num_classes: int) -> None:
    """Refuse labels that are no classes.

    Raises:
        ValueError: One is too large.
    """
    if labels.max() >= num_classes:
        raise ValueError(
            f"{path}: expected labels in [0, {num_classes}), got {labels.min()} to {labels.max()}; use another file, "
            "or set num_classes where there is one"
        )


def check_identity(spec: Any, images: ImageSet) -> ImageSet:
    """Return the images if they are those that a specification states.

    Raises:
        ValueError: They are others.
    """
    if spec.sha256 not in (None, images.sha256):
        raise ValueError(
            f"{images.folder}: expected SHA-256 {spec.sha256}, got {images.sha256}; restore the files, or leave sha256 "
            "out"
        )
    return images


def describe_images(spec: Any, images: ImageSet, num_classes: int) -> DataInfo:
    """Return the sizes of the data.

    Raises:
        ValueError: The specification asks for more examples than there are.
    """
    shape = images.x_train.shape[1:]
    return DataInfo(_num_train(spec, images), len(images.y_test), shape, num_classes, images.sha256[:32])


def load_images(spec: Any, images: ImageSet, num_classes: int, seed: int) -> Dataset:
    """Return the arrays; the seed decides which examples are a random sample, and which training labels are wrong.

    Raises:
        ValueError: The seed is out of range, or the specification asks for more examples than there are.
    """
    noise, sample = seed_key(seed, spec.kind, "label noise"), seed_key(seed, spec.kind, "sample")
    num_train = _num_train(spec, images)
    used = num_train + spec.num_validation
    is_random = spec.sample == "random"
    rows = random_rows(sample, used, len(images.y_train)) if is_random else slice(used)
    table = level_table(images.x_train if is_random else images.x_train[:num_train], spec.standardise)
    x, y = looked_up(images.x_train[rows], table), images.y_train[rows].astype(np.int32)
    if spec.label_noise > 0:
        y = np.array(corrupt(noise, y, spec.label_noise, num_classes))
    x_test = looked_up(images.x_test, table)
    return Dataset(x[:num_train], y[:num_train], x_test, images.y_test.astype(np.int32), x[num_train:], y[num_train:])


def depends_on_seed(spec: Any) -> bool:
    """Return whether another seed gives other arrays: a random sample and label noise do."""
    return spec.label_noise > 0 or spec.sample == "random"


def _num_train(spec: Any, images: ImageSet) -> int:
    limit = len(images.y_train) - spec.num_validation
    if (spec.num_train or 1) > limit:
        beside = " beside num_validation" if spec.num_validation else ""
        raise ValueError(
            f"{images.folder}: expected num_train of at most {limit}{beside}, got {spec.num_train or 1}; ask for fewer"
        )
    return spec.num_train or limit
