"""ImageFolder: images of the user's, a folder a class, or some folders a class.

Classes are numbered in the order of their folders' names, or as the specification lists them. Without a folder `test`,
a share of every class is set aside by a draw that no seed changes, from a generator whose bits NumPy promises to keep;
the rest is trained on in a random order, which no seed changes either, so that the first n are a random sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from basin.data.corrupt import corrupt
from basin.data.image_files import ImageFile, decode_files, folders_in, hash_files, images_in
from basin.data.keys import seed_key
from basin.data.source import DataInfo, Dataset, Source
from basin.data.standardise import fit_standardiser
from basin.data.subset import random_rows
from basin.spec.data import ImageFolder

TEST_SHARE = 0.2
"""Share of each class that is the test part unless a specification or a folder says otherwise."""


@dataclass(frozen=True)
class _Listing:
    """What a folder holds: training images in the order in which they are used, test images, and the classes."""

    train: tuple[ImageFile, ...]
    train_labels: tuple[int, ...]
    test: tuple[ImageFile, ...]
    test_labels: tuple[int, ...]
    num_classes: int

    @property
    def sha256(self) -> str:
        """Hash of the content of all files that are used."""
        parts = hash_files(self.train, self.train_labels), hash_files(self.test, self.test_labels)
        return hashlib.sha256("".join(parts).encode()).hexdigest()


def describe(spec: ImageFolder) -> DataInfo:
    """Return the sizes of the data, without decoding an image.

    Raises:
        ValueError: A folder is missing or unfit, or the images are not those stated.
    """
    listing = _listed(spec)
    shape = (spec.size, spec.size, spec.channels)
    return DataInfo(
        _num_train(spec, listing), len(listing.test), shape, listing.num_classes, _checked(spec, listing)[:32]
    )


def load(spec: ImageFolder, seed: int) -> Dataset:
    """Return the images at the size asked for; the seed decides which training labels are wrong, if any are to be.

    Raises:
        ValueError: The seed is out of range, a folder is missing or unfit, the images are not those stated, or one is
            damaged.
    """
    key = seed_key(seed, "image folder", "label noise")
    listing = _listed(spec)
    _checked(spec, listing)
    num_train = _num_train(spec, listing)
    used = num_train + spec.num_validation
    is_random = spec.sample == "random"
    rows = np.arange(used)
    if is_random:
        rows = random_rows(seed_key(seed, "image folder", "sample"), used, len(listing.train))
    files = listing.train if is_random and spec.standardise else tuple(listing.train[row] for row in rows)
    decoded, x_test = (
        decode_files(each, spec.size, spec.channels).astype(np.float32) * np.float32(1 / 255)
        for each in (files, listing.test)
    )
    x = decoded[rows] if len(decoded) > used else decoded
    y, y_test = (np.array(labels, np.int32) for labels in (listing.train_labels, listing.test_labels))
    y = y[rows]
    if spec.label_noise > 0:
        y = np.array(corrupt(key, y, spec.label_noise, listing.num_classes))
    parts = [x[:num_train], x_test, x[num_train:]]
    if spec.standardise:
        parts = list(map(fit_standardiser(decoded if is_random else parts[0]), parts))
    return Dataset(parts[0], y[:num_train], parts[1], y_test, parts[2], y[num_train:])


def depends_on_seed(spec: ImageFolder) -> bool:
    """Return whether another seed gives other arrays: a random sample and label noise do."""
    return spec.label_noise > 0 or spec.sample == "random"


def resolve(spec: ImageFolder) -> ImageFolder:
    """Return the specification with the hash of the images, by which it is identified from now on.

    Raises:
        ValueError: A folder is missing or unfit, or the images are not those stated.
    """
    return spec.replace(sha256=_checked(spec, _listed(spec)))


SOURCE = Source(ImageFolder, describe, load, depends_on_seed, resolve=resolve)


def _checked(spec: ImageFolder, listing: _Listing) -> str:
    found = listing.sha256
    if spec.sha256 not in (None, found):
        raise ValueError(f"{spec.path}: expected SHA-256 {spec.sha256}, got {found}; restore it, or leave sha256 out")
    return found


def _listed(spec: ImageFolder) -> _Listing:
    root = Path(spec.path)
    names = folders_in(root)
    if {"train", "test"} <= set(names):
        if spec.test_share is not None:
            raise ValueError(f"{root}: expected no test_share beside a folder test, got {spec.test_share}; leave it")
        if spec.classes is None and folders_in(root / "train") != folders_in(root / "test"):
            raise ValueError(f"{root}: expected the same folders in train and test, got others; or set classes")
        classes = _classes(spec, root / "train")
        train, test = (list(_members(root / part, classes)) for part in ("train", "test"))
        return _listing(train, test)
    members = list(_members(root, _classes(spec, root)))
    split = [_split(files, spec.test_share or TEST_SHARE) for files in members]
    return _listing([train for train, _ in split], [test for _, test in split])


def _classes(spec: ImageFolder, folder: Path) -> list[tuple[str, ...]]:
    """Return the folders of each class."""
    names = folders_in(folder)
    classes = [(name,) for name in names] if spec.classes is None else [members for _, members in spec.classes]
    absent = [name for name in chain(*classes) if name not in names]
    if absent:
        raise ValueError(f"{folder}: expected a folder for each of classes, got no {absent[0]}; check the names")
    if len(classes) < 2:
        raise ValueError(f"{folder}: expected a folder for each of at least two classes, got {len(classes)}")
    return classes


def _members(root: Path, classes: list[tuple[str, ...]]) -> Iterator[list[ImageFile]]:
    present = folders_in(root)
    for folders in classes:
        absent = [name for name in folders if name not in present]
        if absent:
            raise ValueError(f"{root}: expected a folder for each class, got no {absent[0]}; add it")
        yield [file for name in folders for file in images_in(root / name)]


def _split(files: list[ImageFile], share: float) -> tuple[list[ImageFile], list[ImageFile]]:
    """Return the training and the test images of a class, at least one of each."""
    count = min(max(round(share * len(files)), 1), len(files) - 1)
    if count < 1:
        raise ValueError(f"{files[0].path}: expected at least two images of a class, got one; add some")
    order = _shuffled(len(files))
    return [files[i] for i in sorted(order[count:])], [files[i] for i in sorted(order[:count])]


def _listing(train: list[list[ImageFile]], test: list[list[ImageFile]]) -> _Listing:
    files, labels = _labelled(train)
    order = _shuffled(len(files))
    test_files, test_labels = _labelled(test)
    return _Listing(
        tuple(files[i] for i in order), tuple(labels[i] for i in order), test_files, test_labels, len(train)
    )


def _labelled(classes: list[list[ImageFile]]) -> tuple[tuple[ImageFile, ...], tuple[int, ...]]:
    return tuple(chain(*classes)), tuple(label for label, files in enumerate(classes) for _ in files)


def _shuffled(count: int) -> Int32[np.ndarray, " count"]:
    return np.argsort(np.random.PCG64(5_000_000).random_raw(count), kind="stable").astype(np.int32)


def _num_train(spec: ImageFolder, listing: _Listing) -> int:
    limit = len(listing.train) - spec.num_validation
    if (spec.num_train or 1) > limit:
        raise ValueError(
            f"{spec.path}: expected num_train of at most {limit}{' beside num_validation' * bool(spec.num_validation)}"
            f", got {spec.num_train or 1}; ask for fewer examples"
        )
    return spec.num_train or limit
