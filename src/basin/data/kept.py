"""Where what is made of a user's files is kept, and files that are whole or not there.

It is kept in a folder beside the user's files or, where that cannot be written, in a folder of the user's cache.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def places(folder: Path, inside: str, kind: str) -> tuple[Path, Path]:
    """Return where something made of a folder's files may be: inside the folder, or in the cache.

    Args:
        folder: The user's.
        inside: Name of the folder within.
        kind: Of the data, which the folder in the cache is named after.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return folder / inside, cache / "basin" / f"{kind}-{name}"


def first_writable(candidates: tuple[Path, ...]) -> Path:
    """Return the first of the folders that can be written to, made if need be.

    Raises:
        ValueError: None can.
    """
    reason = ""
    for place in candidates:
        try:
            place.mkdir(parents=place is not candidates[0], exist_ok=True)
            _touch(place)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            return place
    names = " or ".join(map(str, candidates))
    raise ValueError(f"expected to write to {names}, got '{reason}'; free one, or set XDG_CACHE_HOME")


def sweep(place: Path) -> None:
    """Remove what a killed process left; only where no other can be writing."""
    for path in place.glob(".*.tmp"):
        path.unlink(missing_ok=True)


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Open a file that has its name only when all of it is on the disk."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _touch(place: Path) -> None:
    probe = place / f".{secrets.token_hex(8)}.tmp"
    probe.touch()
    probe.unlink()
