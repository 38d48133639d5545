"""Files that hold their old content or their new content, whenever the process or the machine stops.

A file is written under a temporary name in its own folder, flushed to the disk, renamed to its name (which POSIX
makes atomic) and the folder is flushed, so that later writes cannot reach the disk before earlier ones. Every change
that the store makes to a disk is made by a function of this module.

A process that is killed leaves a temporary file behind. Nothing reads it, and :func:`sweep` removes it; only the
holder of a folder's claim sweeps (see :mod:`basin.store.lock`), so no live writer loses its file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from basin.store.errors import DamagedError, StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and have it on the disk when this returns.

    Args:
        path: The file; its folder must exist.
        content: All that the file shall hold.

    Raises:
        StoreError: The disk is full, the folder may not be written to, or the like; the old content is intact.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "a")
        >>> write_bytes(path, b"old")
        >>> write_bytes(path, b"new")
        >>> path.read_bytes(), len(list(path.parent.iterdir()))
        (b'new', 1)
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    with _explained("write", path):
        try:
            _write_durably(temporary, content)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):  # the first error is the one to report; a sweep removes the rest
                os.unlink(temporary)
            raise
        _sync_folder(path.parent)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        DamagedError: There is no such file.
        StoreError: It could not be read.
    """
    with _explained("read", path):
        try:
            return path.read_bytes()
        except FileNotFoundError as error:
            raise DamagedError(f"expected a file at {str(path)!r}, found none") from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        StoreError: It cannot be made there.
    """
    with _explained("make the folder", path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):  # another process was quicker
                os.mkdir(folder)
            _sync_folder(folder.parent)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def remove(path: Path) -> None:
    """Remove a file if it is there."""
    with _explained("remove", path), contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        _sync_folder(path.parent)


def set_aside(path: Path) -> Path:
    """Rename a file or folder to `<name>.damaged-<n>` with the first free n, and return the new path."""
    taken = {entry.name for entry in path.parent.iterdir()}
    number = next(n for n in range(1, len(taken) + 2) if f"{path.name}.damaged-{n}" not in taken)
    target = path.with_name(f"{path.name}.damaged-{number}")
    with _explained("rename", path):
        os.rename(path, target)
        _sync_folder(path.parent)
    return target


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that a write had not finished."""
    return name.startswith(".") and name.endswith(".tmp")


def sweep(folder: Path) -> None:
    """Remove what killed processes left behind; only for the holder of the folder's claim."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if is_temporary(path.name):
            remove(path)


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows opens no folders; its renames are journalled
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that has no such call
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(action: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise StoreError(f"cannot {action} {str(path)!r}: {cause}; {_remedy(error.errno)}") from error


def _remedy(number: int | None) -> str:
    if number in _FULL:
        return "free some space and repeat the command, what was stored before is intact"
    if number in _DENIED:
        return "expected a folder that you may write to, choose another with --out"
    if number in _NO_FOLDER:
        return "expected every part of the path to be a folder, choose another with --out"
    return "mend the disk or choose another folder with --out, then repeat the command"
