"""Frames: features of speech with the state of each, in an `.npz` archive of vectors, TIMIT's above all.

The corpus is licensed by the Linguistic Data Consortium, and what a study needs of it is made by a recipe such as
Kaldi's: frames with their context as rows, and the states that its alignment gives them. Everything is read as
:mod:`basin.data.npz` does, from which a frame differs by being a vector; seeds draw the same samples.
"""

from __future__ import annotations

from pathlib import Path

from basin.data import npz
from basin.data.folders import find_folder
from basin.data.source import DataInfo, Dataset, Source
from basin.spec.data import Frames, Npz

FILE = "timit.npz"
"""What the archive is called in a folder."""

_ADVICE = (
    f"{FILE} with x_train, y_train, x_test and y_test, frames and their states; make it from TIMIT, which the LDC "
    "licenses, with Kaldi's recipe"
)


def describe(spec: Frames) -> DataInfo:
    """Return the sizes of the data from the headers and the labels, without reading the frames.

    Raises:
        ValueError: The file is missing, damaged, not the one stated, or not four fitting arrays.
    """
    return _checked(spec, npz.describe(_as_npz(spec)))


def load(spec: Frames, seed: int) -> Dataset:
    """Return the arrays; the seed decides which frames are a random sample, and which training labels are wrong.

    Raises:
        ValueError: The seed is out of range, or the file is missing, damaged, not the one stated, or not four fitting
            arrays of finite frames and states in range.
    """
    archive = _as_npz(spec)
    _checked(spec, npz.describe(archive))
    return npz.load(archive, seed)


def depends_on_seed(spec: Frames) -> bool:
    """Return whether another seed gives other arrays: a random sample and label noise do."""
    return spec.label_noise > 0 or spec.sample == "random"


def resolve(spec: Frames) -> Frames:
    """Return the specification with the file's SHA-256, by which it is identified from now on.

    Raises:
        ValueError: The file is missing, damaged, or has another hash than the one stated.
    """
    return spec.replace(sha256=npz.resolve(_as_npz(spec)).sha256)


SOURCE = Source(Frames, describe, load, depends_on_seed, resolve=resolve)


def _as_npz(spec: Frames) -> Npz:
    """Return the same examples as arrays of the user's."""
    path = Path(spec.path) if spec.path is not None else None
    if path is None or path.is_dir():
        path = find_folder(spec.path, ("timit", "TIMIT"), {FILE}, _ADVICE) / FILE
    same = {name: getattr(spec, name) for name in Npz.model_fields if name not in ("kind", "path")}
    return Npz(path=str(path), **same)


def _checked(spec: Frames, info: DataInfo) -> DataInfo:
    if len(info.input_shape) != 1:
        raise ValueError(
            f"{_as_npz(spec).path}: expected a vector a frame, got frames of shape {info.input_shape}; flatten "
            "each with its context, or use Npz"
        )
    return info
