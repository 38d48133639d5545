"""Claims: who may write a run, a group of runs or a study's document.

A claim is an exclusive advisory lock (`flock` on POSIX, through the filelock package) on `<study>/locks/<name>.lock`.
The kernel frees it when its process ends, SIGKILL and power cuts included, so no claim outlives its holder and none
has to be judged stale. Lock files are empty and never deleted: deleting one that another process has just opened
would let two processes hold "the same" lock on two different files.

What is claimed may have been finished by an earlier holder: look again after claiming.

Two limits. A process forked while a claim is held shares it until both have ended. A file system without `flock`
is refused, because the usual stand-in (a file that exists) would outlive a killed process.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from types import TracebackType
from typing import Self

import filelock

from basin.store.atomic import make_folder
from basin.store.errors import StoreError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}")


class Claim:
    """A held lock; released by `release`, at the end of a `with` block, or when the process ends."""

    def __init__(self, name: str, lock: filelock.BaseFileLock) -> None:
        self.name = name
        self._lock = lock

    @property
    def held(self) -> bool:
        """Whether the claim has not been released yet."""
        return self._lock.is_locked

    def release(self) -> None:
        """Let others claim it; a second call does nothing."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def try_claim(folder: Path, name: str, *, timeout_s: float = 0.0) -> Claim | None:
    """Claim a name within a folder, unless another process or another claim of this process holds it.

    Args:
        folder: Where the lock files are; made if missing.
        name: Letters, digits, `_`, `.` and `-`: the id of a run, or a name for a group of runs or a stage.
        timeout_s: For how many seconds to wait for the holder; 0 asks once.

    Returns:
        The claim, or None if it is held elsewhere.

    Raises:
        StoreError: The name is none, or the folder or its file system does not allow locks.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with try_claim(folder, "a"):
        ...     print(try_claim(folder, "a"))
        None
    """
    make_folder(folder)
    lock = filelock.FileLock(folder / f"{checked_name(name)}.lock", thread_local=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the stand-in, which is refused below
            lock.acquire(timeout=timeout_s, poll_interval=0.02)
    except filelock.Timeout:
        return None
    except OSError as error:
        raise _refusal(folder, error.strerror or str(error)) from error
    if isinstance(lock, filelock.SoftFileLock):
        lock.release()
        raise _refusal(folder, "its file system has no locks")
    return Claim(name, lock)


def checked_name(name: str) -> str:
    """Return the name of a run, a study or a claim, which becomes a file's name.

    Raises:
        StoreError: It holds what a file's name should not.
    """
    if not _NAME.fullmatch(name):
        raise StoreError(f"expected a name of letters, digits, '_', '.' and '-', at most 120, got {name!r}")
    return name


def _refusal(folder: Path, cause: str) -> StoreError:
    return StoreError(f"cannot lock files in {str(folder)!r}: {cause}; choose a folder on a local disk with --out")
