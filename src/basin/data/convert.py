"""CIFAR-5m's archives in a form that is read image by image: two `.npy` files a part, written once.

An archive can only be read from its beginning, so each `part<n>.npz` is copied, a few megabytes at a time, to
`part<n>-images.npy` and `part<n>-labels.npy`, in the folder `converted` beside it or, where that cannot be written, in
a folder of the user's cache. What is copied is checked on the way: types, shapes, labels, lengths and checksums. A part
is done when `part<n>.json` is there, which says what the two files hold and which archive they came from; it is written
last, and every file under another name first, so a conversion that was killed goes on with the part it was at. A part
whose archive has changed is converted again; one whose archive was removed, to save space, is as good as before.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock
from jaxtyping import Shaped, UInt8
from numpy.lib import format as npy

from basin.data.archive import Archive, open_archive
from basin.data.kept import first_writable, places, sweep, written

NUM_PARTS = 6
SHAPE = (32, 32, 3)
NUM_CLASSES = 10
KINDS = {"X": "fiub", "Y": "iu"}
"""Keys of an archive; NumPy's letters of what may be told apart from a wrong type (images must be bytes)."""

VERSION = 1
"""Of the converted form; another is converted again."""

Report = Callable[[str, int, int], None]
"""`report(name, done, total)`: told how many images of an archive have been converted."""


@dataclass(frozen=True)
class Part:
    """A part that is converted.

    Attributes:
        images: File of uint8 images (count, 32, 32, 3).
        labels: File of uint8 labels (count,).
        count: How many there are.
        sha256: Hash of the images' bytes and of the labels'.
    """

    images: Path
    labels: Path
    count: int
    sha256: tuple[str, str]

    def read_labels(self) -> UInt8[np.ndarray, " count"]:
        """Return the labels.

        Raises:
            ValueError: They are not what was written.
        """
        labels = np.fromfile(self.labels, np.uint8, offset=len(_npy_header((self.count,))))
        if hashlib.sha256(labels.tobytes()).hexdigest() != self.sha256[1]:
            raise ValueError(f"{self.labels}: expected the labels that were converted, got others; remove this file")
        return labels


def to_stderr() -> Report:
    """Return a report that writes a line to standard error once a second."""
    last = time.monotonic()

    def report(name: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= 1:
            last = time.monotonic()
            print(f"converting {name}, once: {done / total:.0%}", file=sys.stderr, flush=True)

    return report


def converted(folder: Path, report: Report | None = None) -> tuple[Part, ...]:
    """Return the six parts of CIFAR-5m, after converting those that are not.

    Args:
        folder: Where `part0.npz` to `part5.npz` lie.
        report: Told of progress; standard error is, if it is not given.

    Raises:
        ValueError: A part is missing, damaged or not of CIFAR-5m's form, or there is no space for its conversion.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected the folder of CIFAR-5m, got none; check the path")
    parts = [_found(folder, number) for number in range(NUM_PARTS)]
    if None not in parts:
        return tuple(part for part in parts if part is not None)
    _check_sources(folder)
    place = first_writable(_places(folder))
    with FileLock(place / ".lock"):
        sweep(place)
        _check_space(folder, place)
        report = report or to_stderr()
        return tuple(_found(folder, number) or _convert(folder, place, number, report) for number in range(NUM_PARTS))


def verify(parts: tuple[Part, ...]) -> None:
    """Read all images and compare them with the hashes that were taken when they were converted.

    Raises:
        ValueError: A file does not hold what was written to it.
    """
    for part in parts:
        part.read_labels()
        with part.images.open("rb") as file:
            file.seek(len(_npy_header((part.count, *SHAPE))))
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != part.sha256[0]:
            raise ValueError(f"{part.images}: expected SHA-256 {part.sha256[0]}, got {found}; remove this file")


def _places(folder: Path) -> tuple[Path, Path]:
    return places(folder, "converted", "cifar5m")


def _found(folder: Path, number: int) -> Part | None:
    """Return a part that was converted, wherever it was put; None if it was not."""
    kept = (_kept(folder, place, number) for place in _places(folder))
    return next((part for part in kept if part is not None), None)


def _kept(folder: Path, place: Path, number: int) -> Part | None:
    """Return a part that was converted there, or None if it was not, or not from the archive that is there now."""
    images, labels, manifest = _files(place, number)
    try:
        said = json.loads(manifest.read_text(encoding="utf-8"))
        count, sha256 = int(said["count"]), (str(said["images_sha256"]), str(said["labels_sha256"]))
        sizes = [len(_npy_header(shape)) + int(np.prod(shape)) for shape in ((count, *SHAPE), (count,))]
        archive, whole = said["archive"], said["version"] == VERSION
        whole = whole and [images.stat().st_size, labels.stat().st_size] == sizes
    except (OSError, ValueError, KeyError, TypeError):
        return None
    with suppress(OSError):
        whole = whole and archive == _signature(_source(folder, number))
    return Part(images, labels, count, sha256) if whole else None


def _files(place: Path, number: int) -> tuple[Path, Path, Path]:
    return (
        place / f"part{number}-images.npy",
        place / f"part{number}-labels.npy",
        place / f"part{number}.json",
    )


def _source(folder: Path, number: int) -> Path:
    return folder / f"part{number}.npz"


def _signature(path: Path) -> dict[str, int]:
    found = path.stat()
    return {"bytes": found.st_size, "modified_ns": found.st_mtime_ns}


def _check_sources(folder: Path) -> None:
    """Refuse a folder without all parts before anything is converted."""
    missing = [
        f"part{number}.npz"
        for number in range(NUM_PARTS)
        if not _source(folder, number).is_file() and _found(folder, number) is None
    ]
    if missing:
        raise ValueError(
            f"{folder}: expected part0.npz to part{NUM_PARTS - 1}.npz, got no {', '.join(missing)}; fetch what is "
            "missing"
        )


def _check_space(folder: Path, place: Path) -> None:
    """Refuse a disk without the space for what is not converted yet."""
    sources = [_source(folder, number) for number in range(NUM_PARTS) if _found(folder, number) is None]
    needed, free = sum(path.stat().st_size for path in sources), shutil.disk_usage(place).free
    if needed > free:
        raise ValueError(
            f"{place}: expected {needed / 1e9:.1f} GB of space to convert CIFAR-5m, got {free / 1e9:.1f}; free some"
        )


def _convert(folder: Path, place: Path, number: int, report: Report) -> Part:
    source = _source(folder, number)
    images, labels, manifest = _files(place, number)
    signature = _signature(source)
    manifest.unlink(missing_ok=True)  # what it says of older files must not be read of newer ones
    with open_archive(str(source), None, KINDS) as archive:
        y = _labels(archive)
        hashes = (
            _copied(images, (len(y), *SHAPE), _reported(archive, source.name, report)),
            _copied(labels, (len(y),), iter([y])),
        )
    said = {"images_sha256": hashes[0], "labels_sha256": hashes[1], "archive": signature}
    with written(manifest) as file:
        file.write(json.dumps({"version": VERSION, "count": len(y), **said}).encode())
    return Part(images, labels, len(y), hashes)


def _reported(archive: Archive, name: str, report: Report) -> Iterator[UInt8[np.ndarray, "n 32 32 3"]]:
    done, total = 0, archive.headers["X"].shape[0]
    report(name, done, total)
    for rows in archive.rows("X"):
        yield rows
        done += len(rows)
        report(name, done, total)


def _labels(archive: Archive) -> UInt8[np.ndarray, " n"]:
    """Return the labels of an archive of CIFAR-5m's form."""
    x, y = archive.headers["X"], archive.headers["Y"]
    if x.dtype != np.uint8:
        raise ValueError(f"expected bytes (uint8) in X, got {x.dtype}; images are levels 0 to 255")
    if x.shape[1:] != SHAPE or x.shape[0] < 1 or y.shape != x.shape[:1]:
        raise ValueError(f"expected X of shape (n, 32, 32, 3) and Y of shape (n,), got {x.shape} and {y.shape}")
    labels = archive.read("Y")
    if labels.min() < 0 or labels.max() >= NUM_CLASSES:
        raise ValueError(f"expected labels in [0, {NUM_CLASSES}), got {labels.min()} to {labels.max()}")
    return labels.astype(np.uint8)


def _copied(path: Path, shape: tuple[int, ...], chunks: Iterator[Shaped[np.ndarray, "..."]]) -> str:
    """Write an array of bytes chunk by chunk, and return the hash of its numbers."""
    digest = hashlib.sha256()
    with written(path) as file:
        _put(file, path, _npy_header(shape))
        for chunk in chunks:
            digest.update(chunk.data)
            _put(file, path, chunk.data)
    return digest.hexdigest()


def _put(file: BinaryIO, path: Path, content: Any) -> None:
    try:
        file.write(content)
    except OSError as error:
        raise ValueError(f"expected to write {path}, got '{error.strerror}'; free some space, it goes on") from error


def _npy_header(shape: tuple[int, ...]) -> bytes:
    held = io.BytesIO()
    npy.write_array_header_1_0(held, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return held.getvalue()
