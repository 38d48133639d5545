"""Npz: arrays of the user's, `x_train`, `y_train`, `x_test` and `y_test`, each example a row.

What the data is, is the content of the archive: `resolve` writes its SHA-256 into the specification, and a file with
another hash is refused from then on. Shapes are checked from the headers (:mod:`basin.data.archive`), values after
reading: labels are whole numbers of a class, inputs finite in single precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

import numpy as np
from jaxtyping import Float32, Int, Shaped

from basin.data.archive import Archive, Header, open_archive
from basin.data.corrupt import corrupt
from basin.data.keys import seed_key
from basin.data.source import DataInfo, Dataset, Source
from basin.data.standardise import fit_standardiser
from basin.data.subset import random_rows
from basin.spec.data import Npz

KINDS = {"x_train": "fiub", "y_train": "iu", "x_test": "fiub", "y_test": "iu"}
"""Keys of the archive, and which kinds of numbers each may hold."""


def describe(spec: Npz) -> DataInfo:
    """Return the sizes of the data from the headers and the labels, without reading the inputs.

    Raises:
        ValueError: The file is missing, damaged, not the one stated, or not four fitting arrays.
    """
    with _opened(spec) as archive:
        input_shape = _input_shape(archive.headers)
        y_train, y_test = archive.read("y_train"), archive.read("y_test")
        num_train, num_classes = _num_train(spec, len(y_train)), _num_classes(spec, y_train, y_test)
    return DataInfo(num_train, len(y_test), input_shape, num_classes, archive.sha256[:32])


def load(spec: Npz, seed: int) -> Dataset:
    """Return the arrays; the seed decides which examples are a random sample, and which training labels are wrong.

    Raises:
        ValueError: The seed is out of range, or the file is missing, damaged, not the one stated, or not four fitting
            arrays of finite inputs and labels in range.
    """
    key = seed_key(seed, "npz", "label noise")
    with _opened(spec) as archive:
        _input_shape(archive.headers)
        x_train, y_train, x_test, y_test = (archive.read(name) for name in KINDS)
        num_train, num_classes = _num_train(spec, len(y_train)), _num_classes(spec, y_train, y_test)
        used = num_train + spec.num_validation
        x_train, x_test = _finite("x_train", x_train), _finite("x_test", x_test)
        rows: slice | np.ndarray = slice(used)
        if spec.sample == "random":
            rows = random_rows(seed_key(seed, "npz", "sample"), used, len(y_train))
        parts = [x_train[rows][:num_train], x_test, x_train[rows][num_train:]]
        if spec.standardise:
            parts = list(map(fit_standardiser(x_train if spec.sample == "random" else parts[0]), parts))
    y_train, y_test = y_train[rows].astype(np.int32), y_test.astype(np.int32)
    if spec.label_noise > 0:
        y_train = np.array(corrupt(key, y_train, spec.label_noise, num_classes))
    x_train, x_test, x_validation = parts
    return Dataset(x_train, y_train[:num_train], x_test, y_test, x_validation, y_train[num_train:])


def depends_on_seed(spec: Npz) -> bool:
    """Return whether another seed gives other arrays: a random sample and label noise do."""
    return spec.label_noise > 0 or spec.sample == "random"


def resolve(spec: Npz) -> Npz:
    """Return the specification with the file's SHA-256, by which it is identified from now on.

    Raises:
        ValueError: The file is missing, damaged, or has another hash than the one stated.
    """
    with _opened(spec) as archive:
        return spec.replace(sha256=archive.sha256)


def _opened(spec: Npz) -> AbstractContextManager[Archive]:
    return open_archive(spec.path, spec.sha256, KINDS)


def _input_shape(headers: Mapping[str, Header]) -> tuple[int, ...]:
    for part in ("train", "test"):
        x, y = headers[f"x_{part}"].shape, headers[f"y_{part}"].shape
        if len(x) < 2 or len(y) != 1 or x[0] != y[0] or min(x) < 1:
            raise ValueError(
                f"expected x_{part} of shape (examples, ...) and y_{part} of shape (examples,), got {x} and {y}; "
                "give each example one row and one label"
            )
    train, test = headers["x_train"].shape[1:], headers["x_test"].shape[1:]
    if train != test:
        raise ValueError(f"expected train and test examples of one shape, got {train} and {test}; reshape one part")
    return train


def _num_train(spec: Npz, available: int) -> int:
    limit = available - spec.num_validation
    if (spec.num_train or 1) > limit:
        raise ValueError(
            f"expected num_train of at most {limit}{' beside num_validation' * bool(spec.num_validation)}, got "
            f"{spec.num_train or 1}; ask for fewer examples"
        )
    return spec.num_train or limit


def _num_classes(spec: Npz, y_train: Int[np.ndarray, " n"], y_test: Int[np.ndarray, " m"]) -> int:
    """Return the number of classes after a look at every label."""
    smallest, largest = int(min(y_train.min(), y_test.min())), int(max(y_train.max(), y_test.max()))
    limit = spec.num_classes or max(len(y_train), 2)  # labels beyond the number of examples are no classes
    if smallest < 0 or largest >= limit:
        raise ValueError(
            f"expected labels in [0, {limit}), got {smallest} to {largest}; number classes from 0, or set num_classes"
        )
    if spec.num_classes is None and largest < 1:
        raise ValueError("expected at least two classes, got the label 0 alone; add examples, or set num_classes")
    return spec.num_classes or largest + 1


def _finite(key: str, x: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Return the inputs in single precision, refusing what is not finite there."""
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
    wrong = ~np.isfinite(single)
    if wrong.any():
        first = tuple(np.argwhere(wrong)[0].tolist())
        raise ValueError(
            f"expected finite inputs in {key}, got {x[first]} at {first} and {wrong.sum()} such in all; "
            "remove or fill them"
        )
    return single


SOURCE = Source(Npz, describe, load, depends_on_seed, resolve=resolve)
