"""CIFAR-10 and CIFAR-100 in their binary version: records of labels and three planes of 32x32 bytes, red, green, blue.

A record of CIFAR-10 has one label, of CIFAR-100 a coarse and a fine one. Lengths are compared with whole records, and
those of published files with what was published, before any image is read; then every checksum and all labels. The
pickled Python version is told by its names and refused: loading a pickle runs what it says.

References:
    Krizhevsky 2009, "Learning multiple layers of features from tiny images"; www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from basin.data.folders import find_folder, names_in
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
from basin.spec.data import Cifar10, Cifar100

SHAPE = (32, 32, 3)
NUM_PIXELS = 3 * 32 * 32
SITE = "https://www.cs.toronto.edu/~kriz/cifar.html"


@dataclass(frozen=True)
class _Form:
    """One of the two sets: its name, its files, those of the pickled version, and the bytes of labels in a record."""

    name: str
    archive: str
    usual: tuple[str, ...]
    train: tuple[str, ...]
    test: str
    pickled: tuple[str, ...]
    classes: dict[str, int]

    @property
    def record(self) -> int:
        return len(self.classes) + NUM_PIXELS

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.train, self.test)

    @property
    def advice(self) -> str:
        files = f"{self.files[0]} and the others of {self.name}'s binary version"
        return f"{files}; fetch and unpack {self.archive} from {SITE}"


FORMS = {
    "cifar10": _Form(
        name="CIFAR-10",
        archive="cifar-10-binary.tar.gz",
        usual=("cifar-10-batches-bin", "cifar10", "cifar-10", "cifar-10-batches-py"),
        train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        test="test_batch.bin",
        pickled=("data_batch_1", "test_batch", "batches.meta"),
        classes={"fine": 10},
    ),
    "cifar100": _Form(
        name="CIFAR-100",
        archive="cifar-100-binary.tar.gz",
        usual=("cifar-100-binary", "cifar100", "cifar-100", "cifar-100-python"),
        train=("train.bin",),
        test="test.bin",
        pickled=("train", "test", "meta"),
        classes={"coarse": 20, "fine": 100},
    ),
}
"""By the kind of their specification; the number of classes of each label, in the order of a record."""


@dataclass(frozen=True)
class _File:
    """A file of whole records, as it was when it was looked at."""

    path: Path
    size: int
    modified_ns: int


def describe(spec: Cifar10 | Cifar100) -> DataInfo:
    """Return the sizes of the data.

    Raises:
        ValueError: A file is missing, damaged or unfit, or the data is not what is stated.
    """
    return describe_images(spec, _read(spec), _num_classes(spec))


def load(spec: Cifar10 | Cifar100, seed: int) -> Dataset:
    """Return the arrays; the seed decides which examples are a random sample, and which training labels are wrong.

    Raises:
        ValueError: The seed is out of range, a file is missing, damaged or unfit, or the data is not what is stated.
    """
    return load_images(spec, _read(spec), _num_classes(spec), seed)


def resolve(spec: Cifar10 | Cifar100) -> Cifar10 | Cifar100:
    """Return the specification with the hash of the files' content, by which it is identified from now on.

    Raises:
        ValueError: A file is missing, damaged or unfit, or the data is not what is stated.
    """
    return spec.replace(sha256=_read(spec).sha256)


CIFAR10 = Source(Cifar10, describe, load, depends_on_seed, resolve=resolve)

CIFAR100 = Source(Cifar100, describe, load, depends_on_seed, resolve=resolve)


def _label(spec: Cifar10 | Cifar100) -> str:
    return spec.labels if isinstance(spec, Cifar100) else "fine"


def _num_classes(spec: Cifar10 | Cifar100) -> int:
    return FORMS[spec.kind].classes[_label(spec)]


def _read(spec: Cifar10 | Cifar100) -> ImageSet:
    form = FORMS[spec.kind]
    folder = find_folder(spec.path, form.usual, form.files, form.advice, form.pickled)
    present = names_in(folder, form.advice)
    missing = [name for name in form.files if name not in present]
    if missing and present.issuperset(form.pickled):
        raise ValueError(
            f"{folder}: expected {form.name}'s binary version, got the pickled Python version, which is never loaded; "
            f"fetch and unpack {form.archive} from {SITE}"
        )
    if missing:
        raise ValueError(f"{folder}: expected {form.advice}, into this folder; got no {missing[0]}")
    files = tuple(_looked_at(folder / name, form, spec.published) for name in form.files)
    return check_identity(spec, _held(spec.kind, files, _label(spec), spec.published))


def _looked_at(path: Path, form: _Form, published: bool) -> _File:
    try:
        found = path.stat()
        with path.open("rb"):
            pass
    except OSError as error:
        raise ValueError(f"{path}: expected a readable file, got '{error.strerror}'; mend its rights") from error
    if published:
        check_size(path, found.st_size, form.name, path.name)
    if found.st_size % form.record or not found.st_size:
        raise ValueError(
            f"{path}: expected records of {form.record} bytes each, as {form.name} has, got {found.st_size} bytes; "
            "fetch it again"
        )
    return _File(path, found.st_size, found.st_mtime_ns)


@functools.lru_cache(maxsize=2)
def _held(kind: str, files: tuple[_File, ...], label: str, published: bool) -> ImageSet:
    """Return the images of files, which are read once as long as they stay the same."""
    form = FORMS[kind]
    parts, contents = [], []
    for file in files:
        content = file.path.read_bytes()
        if published:
            check_content(file.path, content, form.name, file.path.name)
        contents.append(content)
        parts.append(_records(file.path, content, form, label))
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts[:-1], strict=True))
    x_test, y_test = parts[-1]
    return ImageSet(files[0].path.parent, images, labels, x_test, y_test, hash_contents(contents))


def _records(
    path: Path, content: bytes, form: _Form, label: str
) -> tuple[UInt8[np.ndarray, "n 32 32 3"], UInt8[np.ndarray, " n"]]:
    """Return the images and the labels of a file."""
    records = np.frombuffer(content, np.uint8).reshape(-1, form.record)
    for place, num_classes in enumerate(form.classes.values()):
        check_labels(path, records[:, place], num_classes)
    planes = records[:, len(form.classes) :].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, list(form.classes).index(label)].copy()
