"""MNIST, and any other set of byte-valued images in its four IDX files, Fashion-MNIST for one.

Names are the usual ones, `train-images-idx3-ubyte` or `train-images.idx3-ubyte`; where a file is there both packed and
unpacked, the unpacked one is read. Headers are compared with lengths, and counts with one another, before any image is
read; then, of a published set, every checksum.
"""

from __future__ import annotations

import functools
from pathlib import Path

from basin.data.folders import find_folder, names_in
from basin.data.idx import IdxFile, open_idx
from basin.data.image_set import (
    ImageSet,
    check_identity,
    check_labels,
    depends_on_seed,
    describe_images,
    hash_contents,
    load_images,
)
from basin.data.published import check_content, check_size
from basin.data.source import DataInfo, Dataset, Source
from basin.spec.data import Mnist

FILES = {"train-images": 3, "train-labels": 1, "t10k-images": 3, "t10k-labels": 1}
"""Beginnings of the four names, and how many sizes each file's header has."""

_NAMES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "any": "a set in MNIST's form"}
_USUAL = {
    "mnist": ("mnist", "MNIST/raw"),
    "fashion_mnist": ("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
    "any": (),
}
_SITES = {
    "mnist": " from https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion_mnist": " from https://github.com/zalandoresearch/fashion-mnist",
    "any": "",
}


def describe(spec: Mnist) -> DataInfo:
    """Return the sizes of the data.

    Raises:
        ValueError: A file is missing, damaged or unfit, or the data is not what is stated.
    """
    return describe_images(spec, _read(spec), spec.num_classes)


def load(spec: Mnist, seed: int) -> Dataset:
    """Return the arrays; the seed decides which examples are a random sample, and which training labels are wrong.

    Raises:
        ValueError: The seed is out of range, a file is missing, damaged or unfit, or the data is not what is stated.
    """
    return load_images(spec, _read(spec), spec.num_classes, seed)


def resolve(spec: Mnist) -> Mnist:
    """Return the specification with the hash of the files' content, by which it is identified from now on.

    Raises:
        ValueError: A file is missing, damaged or unfit, or the data is not what is stated.
    """
    return spec.replace(sha256=_read(spec).sha256)


SOURCE = Source(Mnist, describe, load, depends_on_seed, resolve=resolve)


def _read(spec: Mnist) -> ImageSet:
    name = _NAMES[spec.published]
    advice = f"the four files of {name}; fetch train-images-idx3-ubyte.gz and the others{_SITES[spec.published]}"
    folder = find_folder(spec.path, _USUAL[spec.published], [n for part in FILES for n in _names(part)], advice)
    present = names_in(folder, advice)
    files = []
    for part, num_sizes in FILES.items():
        there = [known for known in _names(part) if known in present]
        if not there:
            raise ValueError(f"{folder}: expected {advice}, into this folder; got no {_names(part)[0]}")
        files.append(open_idx(folder / there[0], num_sizes))
        if spec.published != "any":
            check_size(files[-1].path, files[-1].size, name, part)
    _check_shapes(files)
    images = _held(folder, tuple(files), None if spec.published == "any" else name)
    for file, labels in ((files[1], images.y_train), (files[3], images.y_test)):
        check_labels(file.path, labels, spec.num_classes)
    return check_identity(spec, images)


def _names(part: str) -> list[str]:
    sizes = FILES[part]
    return [f"{part}{mark}idx{sizes}-ubyte{packed}" for packed in ("", ".gz") for mark in "-."]


def _check_shapes(files: list[IdxFile]) -> None:
    for images, labels in (files[:2], files[2:]):
        if images.shape[0] != labels.shape[0]:
            raise ValueError(
                f"{labels.path}: expected a label for each of {images.shape[0]} images, got {labels.shape[0]}; are "
                "files of two sets mixed?"
            )
    if files[0].shape[1:] != files[2].shape[1:]:
        raise ValueError(
            f"{files[2].path}: expected images of {files[0].shape[1:]} pixels as in training, got {files[2].shape[1:]}"
            "; are files of two sets mixed?"
        )


@functools.lru_cache(maxsize=2)
def _held(folder: Path, files: tuple[IdxFile, ...], name: str | None) -> ImageSet:
    """Return the images of files, which are read once as long as they stay the same."""
    contents = [file.read() for file in files]
    if name is not None:
        for part, file, content in zip(FILES, files, contents, strict=True):
            check_content(file.path, content, name, part)
    x_train, y_train, x_test, y_test = (file.array(held) for file, held in zip(files, contents, strict=True))
    return ImageSet(folder, x_train[..., None], y_train, x_test[..., None], y_test, hash_contents(contents))
