"""A disk that fails: stands for `os` in basin.store.atomic, the only module that changes a disk.

* `Disk(fail_at=i, error=ENOSPC)`: the i-th call fails as a full disk would, and the process goes on.
* `Disk(fail_at=i)`: the process is killed at the i-th call: nothing that it would have done afterwards happens.
* `Disk(fail_at=i, power_cut=True)`: the machine stops there as well, and the disk loses what nobody had flushed: the
  second half of files without fsync, and renames, new folders and removals in folders without fsync.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from basin.store import atomic


class Killed(BaseException):
    """The process ends here; not an Exception, so nothing may handle it."""


class Disk:
    def __init__(self, fail_at: int | None = None, *, error: int | None = None, power_cut: bool = False) -> None:
        self.fail_at, self.error, self.power_cut = fail_at, error, power_cut
        self.calls = 0
        self.dead = False
        self._paths: dict[int, Path] = {}
        self._unflushed: set[Path] = set()
        self._pending: list[tuple[Path, Callable[[], None]]] = []

    def __getattr__(self, name: str):
        return getattr(os, name)

    def open(self, path, flags, mode=0o777):
        self._step()
        descriptor = os.open(path, flags, mode)
        self._paths[descriptor] = Path(path)
        return descriptor

    def write(self, descriptor, content):
        self._unflushed.add(self._paths[descriptor])
        half = memoryview(content)[: len(content) // 2 + 1]  # a disk may take less than it was given
        if self._is_next() and self.error is None:
            os.write(descriptor, half)
        self._step()
        return os.write(descriptor, half)

    def fsync(self, descriptor):
        self._step()
        path = self._paths[descriptor]
        self._unflushed.discard(path)
        self._pending = [(folder, undo) for folder, undo in self._pending if folder != path]

    def close(self, descriptor):
        os.close(descriptor)  # the kernel closes a dead process's files too
        self._step()

    def replace(self, source, target):
        self._step()
        source, target = Path(source), Path(target)
        old = target.read_bytes() if target.exists() else None
        os.replace(source, target)
        if source in self._unflushed:
            self._unflushed.remove(source)
            self._unflushed.add(target)
        self._pending.append((target.parent, lambda: self._restore(target, old)))

    def rename(self, source, target):
        self._step()
        os.rename(source, target)
        self._pending.append((Path(target).parent, lambda: os.rename(target, source)))

    def mkdir(self, path):
        self._step()
        os.mkdir(path)
        self._pending.append((Path(path).parent, lambda: shutil.rmtree(path)))

    def unlink(self, path):
        self._step()
        old = Path(path).read_bytes() if Path(path).exists() else None
        os.unlink(path)
        self._pending.append((Path(path).parent, lambda: self._restore(Path(path), old)))

    def _is_next(self) -> bool:
        return self.calls + 1 == self.fail_at

    def _step(self) -> None:
        if self.dead:
            raise Killed
        self.calls += 1
        if self.calls == self.fail_at:
            if self.error is not None:
                raise OSError(self.error, os.strerror(self.error))
            self.dead = True
            if self.power_cut:
                self.cut_power()
            raise Killed

    def cut_power(self) -> None:
        for path in self._unflushed:
            if path.exists():
                os.truncate(path, path.stat().st_size // 2)
        for _, undo in reversed(self._pending):
            undo()

    def _restore(self, path: Path, old: bytes | None) -> None:
        path.unlink(missing_ok=True)
        if old is not None:
            path.write_bytes(old)


def run_on(disk: Disk, action: Callable[[], object]) -> bool:
    """Do the action on this disk; return whether it came to its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "os", disk)
        try:
            action()
        except (Killed, ValueError):
            return False
    return True


def every_fault(**kind):
    """Yield a disk that fails at the first call, then the second, ..., until an action is through without a fault."""
    number = 0
    while True:
        number += 1
        disk = Disk(number, **kind)
        yield disk
        if disk.calls < number:
            return
