"""Reading a user's `.npz` archive with suspicion: sizes and types before arrays, lengths and checksums with them.

The archive's directory and the arrays' own headers say which arrays there are, of which type and shape and how large.
Pickles, wrong keys and archives that would unpack to an absurd size are refused before an array is read. Every sign of
damage becomes one line that names the file.
"""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Shaped
from numpy.lib import format as npy

MAX_BYTES = 8 * 2**30
"""Largest size of all arrays together, unpacked."""

MAX_RATIO = 200
"""How many times its own size an archive may unpack to, beyond the first 256 MiB."""

_FREE_BYTES = 256 * 2**20
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, UnicodeError)


@dataclass(frozen=True)
class Header:
    """Shape and type that an array of an archive claims to have, and does have in bytes; how its entries stand."""

    shape: tuple[int, ...]
    dtype: np.dtype
    by_columns: bool = False


@dataclass(frozen=True)
class Archive:
    """An open archive.

    Attributes:
        sha256: Hash of the whole file.
        headers: What each array claims to be, by key.
        file: The open archive.
    """

    sha256: str
    headers: Mapping[str, Header]
    file: zipfile.ZipFile

    def read(self, key: str) -> Shaped[np.ndarray, "..."]:
        """Return an array of numbers; a pickle is never loaded."""
        with self.file.open(f"{key}.npy") as entry:
            try:
                array = npy.read_array(entry, allow_pickle=False)
            except ValueError as error:
                raise zipfile.BadZipFile(f"{key} cut short") from error
            if entry.read(1):  # reading on to the end also verifies the checksum
                raise zipfile.BadZipFile(f"{key} longer than its header says")
        return array

    def rows(self, key: str, max_bytes: int = 4 * 2**20) -> Iterator[Shaped[np.ndarray, "..."]]:
        """Yield an array some rows at a time, so that no more than about `max_bytes` of it is held.

        Raises:
            ValueError: The array stands column by column, so that its rows lie scattered.
        """
        header = self.headers[key]
        if header.by_columns:
            raise ValueError(f"expected {key} row by row, got it column by column; save np.ascontiguousarray({key})")
        width = math.prod(header.shape[1:]) * header.dtype.itemsize
        at_once = max(1, max_bytes // max(width, 1))
        with self.file.open(f"{key}.npy") as entry:
            parse_header(entry, key)
            for first in range(0, header.shape[0], at_once):
                count = min(at_once, header.shape[0] - first)
                held = entry.read(count * width)
                if len(held) != count * width:
                    raise zipfile.BadZipFile(f"{key} cut short")
                yield np.frombuffer(held, header.dtype).reshape(count, *header.shape[1:])
            if entry.read(1):  # reading on to the end also verifies the checksum
                raise zipfile.BadZipFile(f"{key} longer than its header says")


@contextmanager
def open_archive(path: str, sha256: str | None, kinds: Mapping[str, str]) -> Iterator[Archive]:
    """Open an archive for as long as the block runs; a `ValueError` raised in the block is given the file's name.

    Args:
        path: Where it lies.
        sha256: The hash it must have; None for any.
        kinds: For each key that it must hold, NumPy's letters of the kinds of numbers allowed (`"iu"` for integers).

    Raises:
        ValueError: The file is missing, damaged, another than stated, or does not hold what it should.
    """
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if sha256 not in (None, digest):
                raise ValueError(f"expected SHA-256 {sha256}, got {digest}; restore the file, or leave sha256 out")
            with zipfile.ZipFile(file) as opened:
                yield Archive(digest, _checked_headers(opened, kinds), opened)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise ValueError(f"{path}: expected a readable .npz file, got '{error.strerror}'; check the path") from error
    except _DAMAGE as error:
        raise ValueError(f"{path}: expected an intact .npz archive, got '{error}'; write it with np.savez") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _checked_headers(archive: zipfile.ZipFile, kinds: Mapping[str, str]) -> dict[str, Header]:
    entries = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if set(entries) != set(kinds) or len(archive.infolist()) != len(kinds):
        found = ", ".join(sorted(entries)[:8]) or "none"
        raise ValueError(f"expected the keys {', '.join(kinds)}, got {found}; save these and no others")
    unpacked = sum(info.file_size for info in entries.values())
    packed = sum(info.compress_size for info in entries.values())
    limit = min(MAX_BYTES, max(_FREE_BYTES, MAX_RATIO * packed))
    if unpacked > limit:
        raise ValueError(f"expected at most {limit} bytes unpacked, got {unpacked}; save fewer, or uncompressed")
    return {key: _checked_header(archive, entries[key], key, kinds[key]) for key in kinds}


def _checked_header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, key: str, kinds: str) -> Header:
    with archive.open(entry) as file:
        header = parse_header(file, key)
        held = entry.file_size - file.tell()
    if header.dtype.kind not in kinds:
        what = "integers" if kinds == "iu" else "real numbers"
        note = " (a pickle, never loaded)" if header.dtype.hasobject else ""
        raise ValueError(f"expected {what} in {key}, got {header.dtype}{note}; convert it before saving")
    claimed = math.prod(header.shape) * header.dtype.itemsize
    if claimed != held:
        raise ValueError(f"expected {claimed} bytes in {key} by its own header, got {held}; save it again")
    return header


def parse_header(file: Any, key: str) -> Header:
    """Return what an open `.npy` file says of its array, and leave the file where its numbers begin.

    Raises:
        ValueError: It is no array of a form that NumPy writes.
    """
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        shape, by_columns, dtype = readers[npy.read_magic(file)](file)
    except (ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"expected an array in {key}, got '{reason}'; write it with np.savez") from error
    if min(shape, default=0) < 0:
        raise ValueError(f"expected an array in {key}, got the shape {shape}; write it with np.savez")
    return Header(shape, dtype, by_columns)
