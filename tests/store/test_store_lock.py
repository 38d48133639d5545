"""Claims between real processes, and SIGKILL inside real writes."""

import errno
import fcntl
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_samples import finish

from basin.store.errors import StoreError
from basin.store.lock import try_claim
from basin.store.study import StudyFolder

HERE = Path(__file__).parent


def start(script: str, *arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables)


def kill(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_claim_excludes_until_released(tmp_path):
    claim = try_claim(tmp_path, "a")
    assert claim.held
    assert try_claim(tmp_path, "a") is None
    assert try_claim(tmp_path, "a", timeout_s=0.05) is None
    with try_claim(tmp_path, "b") as other:
        assert other.name == "b"
    claim.release()
    claim.release()
    assert not claim.held
    with try_claim(tmp_path, "a") as again:
        assert again.held


def test_lock_files_are_not_deleted_on_release(tmp_path):
    """A deleted lock file lets a late opener and a newcomer each lock a file of their own."""
    with try_claim(tmp_path, "a"):
        inode = (tmp_path / "a.lock").stat().st_ino
    with try_claim(tmp_path, "a"):
        assert (tmp_path / "a.lock").stat().st_ino == inode


def test_an_unusable_folder_or_name_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="--out"):
        try_claim(tmp_path / "file", "a")
    with pytest.raises(StoreError, match="expected a name"):
        try_claim(tmp_path, "../a")
    (tmp_path / "b.lock").mkdir()
    with pytest.raises(StoreError, match="cannot lock files"):
        try_claim(tmp_path, "b")


def test_a_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    """The library would fall back to files that exist, and those outlive a killed process."""

    def flock(descriptor, operation):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StoreError, match=r"cannot lock files .* choose a folder on a local disk"):
        try_claim(tmp_path, "a")


HOLD = """
import sys, time; from pathlib import Path; from basin.store.lock import try_claim
claim = try_claim(Path(sys.argv[1]), "a"); print(claim.held, flush=True); time.sleep(600)
"""


def test_sigkill_frees_a_claim(tmp_path):
    holder = start(HOLD, tmp_path)
    assert holder.stdout.readline() == "True\n"
    assert try_claim(tmp_path, "a") is None
    kill(holder)
    with try_claim(tmp_path, "a") as claim:
        assert claim.held


SHARE = """
import sys; from pathlib import Path
from store_samples import finish; from basin.store.study import StudyFolder
study, done = StudyFolder(sys.argv[1], "shared"), []
print("ready", flush=True); sys.stdin.readline()
for number in range(int(sys.argv[2])):
    claim = study.try_claim(f"{number:02}")
    if claim is None: continue
    with claim:
        assert study.recover(claim.name) is None
        if not study.run(claim.name).finished:
            finish(study, claim.name, float(number)); done.append(number)
print(done)
"""


def test_processes_that_share_a_study_do_every_run_once(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-c", SHARE, str(tmp_path), "24"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, env=environment, **pipes) for _ in range(3)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    done = [json.loads(worker.communicate()[0]) for worker in workers]
    assert sorted(itertools.chain(*done)) == list(range(24))
    assert StudyFolder(tmp_path, "shared").run_ids(finished=True) == [f"{number:02}" for number in range(24)]


WRITE = """
import sys, numpy as np; from store_samples import finish, metric_row, SPEC; from basin.store.study import StudyFolder
study = StudyFolder(sys.argv[1], "killed")
first = len(study.run_ids(finished=True))
print("ready", flush=True)
for number in range(first, 10_000):
    name = f"{number:05}"
    with study.try_claim(name):
        assert study.recover(name) is None
        run = study.run(name)
        run.begin({**SPEC, "seed": number}, {})
        found = run.load_snapshot()
        for step in range(found.info["step"] + 1 if found else 0, 4):
            state = {"w": np.full(100_000, step, np.int32), "key": np.full(2, step, np.uint32)}
            run.save_snapshot(state, {"step": step}, [metric_row(i) for i in range(step)])
        finish(study, name, float(number), {**SPEC, "seed": number})
"""


def check_after_kill(study: StudyFolder) -> None:
    for name in study.run_ids():
        assert study.recover(name) is None
        run = study.run(name)
        if run.finished:
            assert run.weights()["params"]["dense"]["kernel"][0, 0] == run.spec()["seed"]
        elif (found := run.load_snapshot()) is not None:
            step = found.info["step"]
            assert set(found.arrays["w"].tolist()) | set(found.arrays["key"].tolist()) == {step}
            assert len(found.metrics) == step
    assert len(study.run_ids(finished=False)) <= 1
    assert not list(study.runs_path.rglob("*.tmp"))


def kill_at_random_moments(folder: Path, times: int, seed: int) -> None:
    study, moments = StudyFolder(folder, "killed"), random.Random(seed)
    for _ in range(times):
        writer = start(WRITE, folder)
        assert writer.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0.0, 0.3))
        assert writer.poll() is None
        kill(writer)
        check_after_kill(study)
    finish(study, "last")
    assert study.run_ids(finished=True)


def test_sigkill_at_random_moments_leaves_sound_runs(tmp_path):
    kill_at_random_moments(tmp_path, times=4, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_sigkill_at_many_random_moments_leaves_sound_runs(tmp_path, seed):
    kill_at_random_moments(tmp_path, times=20, seed=seed)
