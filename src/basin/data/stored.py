"""Arrays on the disk that are larger than memory: rows gathered by index, and no others read.

An array is some `.npy` files one after another. Each row is read from its place in its file straight into the array
that is returned, in the order in which rows lie on the disk; what was read before comes from the system's page cache.
Memory maps would do the same with a process that seems to grow: the system maps much of the file around every row
(600 MB for 1 024 rows where it was measured), and takes longer.
"""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32, Shaped

from basin.data.archive import parse_header


class StoredRows:
    """The rows of some `.npy` files, one file after another, read by index."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the files; at least one, all of one type and one shape of row.

        Raises:
            ValueError: A file is not a whole array of rows.
        """
        self._files = [_Rows(path) for path in paths]
        assert len({(file.dtype, file.row_shape) for file in self._files}) == 1, "files of one kind"
        self.dtype, self.row_shape = self._files[0].dtype, self._files[0].row_shape
        self._starts = np.cumsum([0, *(file.count for file in self._files)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, indices: Int[np.ndarray, " n"]) -> Shaped[np.ndarray, "n *row"]:
        """Return rows, in the order asked for.

        Raises:
            IndexError: An index is not in [0, len(self)).
            OSError: A file ends before a row does.
        """
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"expected rows in [0, {len(self)}), got {indices.min()} to {indices.max()}")
        found = np.empty((len(indices), *self.row_shape), self.dtype)
        order = np.argsort(indices, kind="stable")
        ascending = indices[order]
        bounds = np.searchsorted(ascending, self._starts)
        for file, start, low, high in zip(self._files, self._starts, bounds, bounds[1:], strict=False):
            file.read_into(found, ascending[low:high] - start, order[low:high])
        return found


class _Rows:
    """The rows of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            header = parse_header(file, path.name)
            self._begin = file.tell()
        (self.count, *row), self.dtype = header.shape, header.dtype
        self.row_shape = tuple(row)
        self._width = math.prod(row) * header.dtype.itemsize
        claimed, held = self._begin + self.count * self._width, path.stat().st_size
        if header.by_columns or header.dtype.hasobject or held != claimed or 0 in header.shape:
            raise ValueError(f"{path}: expected {claimed} bytes of rows, got {held}; remove it, it is made again")
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._descriptor)

    def read_into(
        self, found: Shaped[np.ndarray, "m *row"], rows: Int[np.ndarray, " n"], places: Int[np.ndarray, " n"]
    ) -> None:
        """Read rows, each into its place of an array."""
        width, view = self._width, found.reshape(-1).view(np.uint8).data
        offsets = (self._begin + rows.astype(np.int64) * width).tolist()
        for offset, place in zip(offsets, (places.astype(np.int64) * width).tolist(), strict=True):
            if _read(self._descriptor, [view[place : place + width]], offset) != width:
                raise OSError(f"{self._path}: expected {width} bytes at {offset}, got fewer; the file was cut short")


def _seek_and_read(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
    os.lseek(descriptor, offset, os.SEEK_SET)
    content = os.read(descriptor, len(buffers[0]))
    buffers[0][: len(content)] = content
    return len(content)


_read = getattr(os, "preadv", _seek_and_read)  # Windows has no positioned reads


@dataclass(frozen=True)
class StoredExamples:
    """Examples whose inputs lie on the disk and whose labels are held.

    Attributes:
        inputs: Inputs as they are stored.
        rows: Which of them each example has.
        labels: A label for each example.
    """

    inputs: StoredRows
    rows: Int32[np.ndarray, " n"]
    labels: Int32[np.ndarray, " n"]

    def __post_init__(self) -> None:
        assert len(self.rows) == len(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Int[np.ndarray, " n"]) -> tuple[Shaped[np.ndarray, "n *row"], Int32[np.ndarray, " n"]]:
        """Return inputs and labels of the examples asked for."""
        return self.inputs.take(self.rows[indices]), self.labels[indices]
