"""Crash at any write. The oracle is the disk itself: what it holds after a simulated or real failure."""

import errno
import os
import subprocess
import sys

import pytest
from store_faults import Disk, every_fault, run_on

from basin.store import atomic
from basin.store.errors import DamagedError, StoreError

OLD, NEW = b"old " * 100, b"new " * 333
FAULTS = [{}, {"power_cut": True}, {"error": errno.ENOSPC}, {"error": errno.EIO}]


@pytest.mark.parametrize("old", [None, OLD])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_write_that_fails_anywhere_leaves_the_old_or_the_new_content(tmp_path, fault, old):
    through = []
    for disk in every_fault(**fault):
        path = tmp_path / f"{disk.fail_at}"
        if old is not None:
            path.write_bytes(old)
        through.append(run_on(disk, lambda path=path: atomic.write_bytes(path, NEW)))
        found = path.read_bytes() if path.exists() else None
        assert found == NEW if through[-1] else found in (old, NEW)
    assert through == [False] * (len(through) - 1) + [True]
    assert len(through) > 8


@pytest.mark.parametrize("fault", [{"error": errno.ENOSPC}, {"error": errno.EIO}], ids=str)
def test_a_process_that_lives_on_leaves_no_temporary_file_unless_its_removal_failed(tmp_path, fault):
    for disk in every_fault(**fault):
        run_on(disk, lambda: atomic.write_bytes(tmp_path / "a", NEW))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_simulated_power_cut_notices_a_write_that_is_not_flushed(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_write_durably", lambda path, content: _write_without_fsync(path, content))
    path, torn = tmp_path / "a", []
    for disk in every_fault(power_cut=True):
        path.write_bytes(OLD)
        monkeypatch.setattr(atomic, "_sync_folder", lambda folder, disk=disk: _sync_twice(disk, folder))
        run_on(disk, lambda: atomic.write_bytes(path, NEW))
        torn.append(path.read_bytes() not in (OLD, NEW))
    assert any(torn)


def _write_without_fsync(path, content):
    descriptor = atomic.os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    while content:
        content = content[atomic.os.write(descriptor, content) :]
    atomic.os.close(descriptor)


def _sync_twice(disk, folder):
    for _ in range(2):
        descriptor = disk.open(folder, os.O_RDONLY)
        disk.fsync(descriptor)
        disk.close(descriptor)


def test_what_was_done_stays_done_after_a_power_cut(tmp_path):
    for name in ("removed", "moved"):
        (tmp_path / name).write_bytes(OLD)
    disk = Disk()
    assert run_on(disk, lambda: atomic.make_folder(tmp_path / "a" / "b"))
    assert run_on(disk, lambda: atomic.write_bytes(tmp_path / "a" / "b" / "c", NEW))
    assert run_on(disk, lambda: atomic.remove(tmp_path / "removed"))
    assert run_on(disk, lambda: atomic.set_aside(tmp_path / "moved"))
    disk.cut_power()
    assert (tmp_path / "a" / "b" / "c").read_bytes() == NEW
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "moved.damaged-1"]


def test_what_a_killed_process_left_is_swept_and_nothing_else(tmp_path):
    disk = Disk(fail_at=3)
    assert not run_on(disk, lambda: atomic.write_bytes(tmp_path / "a", NEW))
    (tmp_path / ".hidden").write_bytes(OLD)
    (tmp_path / "b.tmp").write_bytes(OLD)
    assert sum(atomic.is_temporary(path.name) for path in tmp_path.iterdir()) == 1
    atomic.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "b.tmp"]
    atomic.sweep(tmp_path / "missing")


def test_folders_survive_a_power_cut_once_made(tmp_path):
    for disk in every_fault(power_cut=True):
        path = tmp_path / str(disk.fail_at) / "b" / "c"
        if run_on(disk, lambda path=path: atomic.make_folder(path)):
            assert path.is_dir()
        atomic.make_folder(path)
        assert path.is_dir()


def test_set_aside_takes_the_first_free_number(tmp_path):
    for number in (1, 2, 3):
        (tmp_path / "a").mkdir()
        assert atomic.set_aside(tmp_path / "a") == tmp_path / f"a.damaged-{number}"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EACCES, "choose another with --out"),
        (errno.EROFS, "choose another with --out"),
        (errno.EIO, "mend the disk"),
    ],
)
def test_an_error_names_the_path_and_the_remedy_in_one_line(tmp_path, monkeypatch, number, remedy):
    monkeypatch.setattr(atomic, "os", Disk(1, error=number))
    with pytest.raises(StoreError, match=remedy) as caught:
        atomic.write_bytes(tmp_path / "metrics.parquet", NEW)
    message = str(caught.value)
    assert "metrics.parquet" in message
    assert os.strerror(number) in message
    assert "\n" not in message


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(OLD)
    for path in (tmp_path / "file", tmp_path / "file" / "runs" / "a"):
        with pytest.raises(StoreError, match="expected every part of the path to be a folder"):
            atomic.make_folder(path)
    with pytest.raises(StoreError, match="cannot write"):
        atomic.write_bytes(tmp_path / "file" / "a", NEW)


def test_a_missing_file_is_damage_and_a_folder_in_its_place_is_an_error(tmp_path):
    with pytest.raises(DamagedError, match="found none"):
        atomic.read_bytes(tmp_path / "a")
    with pytest.raises(StoreError, match="cannot read"):
        atomic.read_bytes(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX's")
def test_a_limit_that_the_kernel_enforces_leaves_the_old_content(tmp_path):
    """A real failing write, not a simulated one: the kernel takes 4096 bytes and refuses the rest."""
    (tmp_path / "a").write_bytes(OLD)
    script = (
        "import resource, signal, sys; from pathlib import Path; from basin.store import atomic\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: atomic.write_bytes(Path(sys.argv[1]), b'x' * 10_000)\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "a"], capture_output=True, text=True, check=True)
    assert "free some space" in done.stdout
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [OLD]
