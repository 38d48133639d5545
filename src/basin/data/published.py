"""Lengths and checksums of the files of published sets, unpacked.

MD5 of MNIST's and Fashion-MNIST's files, SHA-1 of those of CIFAR (as in Apache MXNet's `gluon.data.vision`). They tell
damage, a file of another set and a file under another's name from what was published; they are no protection from
somebody who forges one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Published:
    """A file of a published set: its length in bytes and its MD5 or SHA-1, in hexadecimal digits."""

    size: int
    digest: str


_IDX_SIZES = {
    "train-images": 47_040_016,
    "train-labels": 60_008,
    "t10k-images": 7_840_016,
    "t10k-labels": 10_008,
}

_MNIST = (
    "6bbc9ace898e44ae57da46a324031adb",
    "a25bea736e30d166cdddb491f175f624",
    "2646ac647ad5339dbf082846283269ea",
    "27ae3e4e09519cfbb04c329615203637",
)

_FASHION_MNIST = (
    "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "9018921c3c673c538a1fc5bad174d6f9",
    "8181f5470baa50b63fa0f6fddb340f0a",
    "15d484375f8d13e6eb1aabb0c3f46965",
)

_CIFAR10 = {
    "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
    "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
    "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
    "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
    "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
    "test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c",
}


def _idx(digests: tuple[str, ...]) -> dict[str, Published]:
    return {part: Published(size, digest) for (part, size), digest in zip(_IDX_SIZES.items(), digests, strict=True)}


SETS: dict[str, Mapping[str, Published]] = {
    "MNIST": _idx(_MNIST),
    "Fashion-MNIST": _idx(_FASHION_MNIST),
    "CIFAR-10": {name: Published(30_730_000, digest) for name, digest in _CIFAR10.items()},
    "CIFAR-100": {
        "train.bin": Published(153_700_000, "e207cd2e05b73b1393c74c7f5e7bea451d63e08e"),
        "test.bin": Published(30_740_000, "8fb6623e830365ff53cf14adec797474f5478006"),
    },
}
"""The files of each set by their names; those of MNIST's form without what follows the second word."""


def check_size(path: Path, size: int, name: str, file: str) -> None:
    """Refuse a file whose length is not that of a published one.

    Args:
        path: Where it lies, for the message.
        size: Its length, unpacked.
        name: Of the set.
        file: Which of its files it must be.

    Raises:
        ValueError: It is longer or shorter.
    """
    expected = SETS[name][file].size
    if size != expected:
        raise ValueError(f"{path}: expected {expected} bytes of {name}'s {file}, got {size}; {_remedy()}")


def check_content(path: Path, content: Any, name: str, file: str) -> None:
    """Refuse a file whose checksum is not that of a published one, and say which one it is if it is another's.

    Args:
        path: Where it lies, for the message.
        content: Its bytes, unpacked.
        name: Of the set.
        file: Which of its files it must be.

    Raises:
        ValueError: It is another.
    """
    expected = SETS[name][file].digest
    kind = "md5" if len(expected) == 32 else "sha1"
    found = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
    if found == expected:
        return
    known = (f"{other}'s {its}" for other, files in SETS.items() for its in files if files[its].digest == found)
    what = next(known, f"{kind.upper()} {found}")
    raise ValueError(f"{path}: expected {name}'s {file}, {kind.upper()} {expected}, got {what}; {_remedy()}")


def _remedy() -> str:
    return "fetch it again, or set data.published to what these files are"
