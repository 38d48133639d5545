"""IDX files, the form of MNIST: a magic number, the sizes of an array, its bytes; packed by gzip or not.

The magic number is two zeros, the type of the numbers (8 for bytes, the only one read here) and how many sizes follow,
each in four bytes, most significant first: 2051 for images (count, height, width), 2049 for labels (count). What the
header claims is compared with the length of the file before more is read; of a packed file with the length that gzip
notes at its end, and no more than is claimed is ever unpacked.

References:
    LeCun, Cortes & Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

MAX_BYTES = 2**31
"""Most bytes of a file, unpacked."""

_BYTES = 8
_FORMS = {3: "images", 1: "labels"}


@dataclass(frozen=True)
class IdxFile:
    """A file whose header was read and fits its length.

    Attributes:
        path: Where it lies.
        shape: Of the array.
        modified_ns: When the file was last changed, which with its path says whether it is still the same.
    """

    path: Path
    shape: tuple[int, ...]
    modified_ns: int

    @property
    def size(self) -> int:
        """Bytes of the file, unpacked."""
        return _header_size(len(self.shape)) + math.prod(self.shape)

    def read(self) -> bytes:
        """Return the file, unpacked: the header and the array.

        Raises:
            ValueError: It is damaged.
        """
        with _opened(self.path) as file:
            content = file.read(self.size + 1)
        if len(content) != self.size:
            raise ValueError(f"{self.path}: expected {self.size} bytes, got {_more(len(content), self.size)}; {_AGAIN}")
        return content

    def array(self, content: bytes) -> UInt8[np.ndarray, "..."]:
        """Return the array of a file that was read, read-only."""
        return np.frombuffer(content, np.uint8, offset=_header_size(len(self.shape))).reshape(self.shape)


def open_idx(path: Path, num_sizes: int) -> IdxFile:
    """Return what a file's header says, if it fits its length.

    Args:
        path: Where it lies; packed if its name ends in `.gz`.
        num_sizes: 3 for images, 1 for labels.

    Raises:
        ValueError: It may not be read, is no IDX file of bytes, is another kind of array or of another length.
    """
    with _opened(path) as file:
        header = file.read(_header_size(num_sizes))
    _check_magic(path, header, num_sizes)
    if len(header) < _header_size(num_sizes):
        raise ValueError(f"{path}: expected a header of {_header_size(num_sizes)} bytes, got {len(header)}; {_AGAIN}")
    found = IdxFile(path, struct.unpack(f">{num_sizes}I", header[4:]), path.stat().st_mtime_ns)
    _check_length(found)
    return found


_AGAIN = "it is damaged, fetch it again"


def _header_size(num_sizes: int) -> int:
    return 4 + 4 * num_sizes


def _check_magic(path: Path, header: bytes, num_sizes: int) -> None:
    expected = bytes([0, 0, _BYTES, num_sizes])
    if header[:4] == expected:
        return
    found = f"the bytes {header[:4].hex(' ') or 'of an empty file'}"
    if header[:2] == b"\x1f\x8b":
        found = "a file packed by gzip, whose name must end in .gz"
    elif header[:3] == expected[:3] and len(header) > 3 and header[3] in _FORMS:
        found = f"{_FORMS[header[3]]} (2048 + {header[3]}); are two files swapped?"
    raise ValueError(f"{path}: expected {_FORMS[num_sizes]} in IDX form (magic number {2048 + num_sizes}), got {found}")


def _check_length(file: IdxFile) -> None:
    if 0 in file.shape or file.size > MAX_BYTES:
        raise ValueError(f"{file.path}: expected 1 to {MAX_BYTES} bytes, got an array of {file.shape}; use other files")
    held = file.path.stat().st_size
    expected = file.size
    if file.path.suffix == ".gz":
        held = _noted_length(file.path)
        expected = file.size % 2**32
    if held != expected:
        raise ValueError(f"{file.path}: expected {file.size} bytes for an array of {file.shape}, got {held}; {_AGAIN}")


def _noted_length(path: Path) -> int:
    """Return how many bytes gzip says that it packed, modulo 2^32."""
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return struct.unpack("<I", file.read(4))[0]


def _more(found: int, size: int) -> str:
    return "more" if found > size else str(found)


@contextmanager
def _opened(path: Path) -> Iterator[gzip.GzipFile | io.BufferedReader]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: expected an intact gzip file, got '{error}'; fetch it again") from error
    except OSError as error:
        raise ValueError(
            f"{path}: expected a file that can be read, got '{error.strerror}'; mend its rights"
        ) from error
