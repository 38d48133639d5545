"""Killed at any moment and started again, a study ends with the bytes of one that was never killed."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from basin.store.study import StudyFolder
from basin.training.keep import load_run

VICTIM = Path(__file__).with_name("victim.py")
SIGKILL = -9


def start(out: Path, moment: str, what: str = "seeds") -> subprocess.Popen:
    return subprocess.Popen([sys.executable, str(VICTIM), str(out), moment, what], stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> int:
    _, error = process.communicate(timeout=300)
    assert process.returncode in (0, SIGKILL), error
    return process.returncode


def digest(out: Path) -> dict[str, str]:
    """Hash of everything that a run's numbers are in; what a run cost in seconds is not among it."""
    found = {}
    for path in sorted((out / "train" / "runs").glob("*/*")):
        if path.name in ("metrics.parquet", "weights.safetensors", "spec.json"):
            found[f"{path.parent.name}/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.name == "outcome.json":
            outcome = json.loads(path.read_bytes())
            found[path.parent.name] = f"{outcome['status']} at {outcome['step']}: {outcome['reason']}"
    return found


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("unharmed")
    assert finish(start(out, "never")) == 0
    found = digest(out)
    assert len(found) == 7 * 4
    return found


def kill_and_resume(out: Path, moment: str) -> dict[str, str]:
    assert finish(start(out, moment)) == SIGKILL, f"nothing was killed at {moment}"
    assert finish(start(out, "never")) == 0
    return digest(out)


@pytest.mark.parametrize("moment", ["left:3", "write:40"])
def test_a_killed_study_ends_with_the_bytes_of_one_never_killed(
    tmp_path: Path, unharmed: dict[str, str], moment: str
) -> None:
    assert kill_and_resume(tmp_path, moment) == unharmed


@pytest.mark.slow
@pytest.mark.parametrize("left", [1, 3, 7])
def test_killed_with_few_or_many_runs_left(tmp_path: Path, unharmed: dict[str, str], left: int) -> None:
    # 7 runs in 4 slots: 3 is K - 1, 1 leaves three slots empty, 7 dies at the first run's end
    assert kill_and_resume(tmp_path, f"left:{left}") == unharmed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_killed_inside_a_write_at_a_random_moment(tmp_path: Path, unharmed: dict[str, str], seed: int) -> None:
    assert kill_and_resume(tmp_path, f"write:{random.Random(seed).randint(1, 100)}") == unharmed


def test_runs_that_start_from_one_another_go_on_where_they_were_killed(tmp_path: Path) -> None:
    # Killed as the eldest ends, its best weights in a snapshot; as the first of its two children ends; and not at all.
    for moment, died in (("left:1", SIGKILL), ("left:2", SIGKILL), ("never", 0)):
        assert finish(start(tmp_path / "killed", moment, "lineage")) == died
    assert finish(start(tmp_path / "whole", "never", "lineage")) == 0
    found = digest(tmp_path / "killed")
    assert found == digest(tmp_path / "whole")
    assert len(found) == 4 * 4
    folder = StudyFolder(tmp_path / "killed", "train")
    eldest = next(run for name in folder.run_ids() if (run := load_run(folder, name)).spec.start is None)
    assert eldest.history.best("validation", "loss") < eldest.outcome.step, "the best look must lie before the kill"


@pytest.mark.slow
def test_two_processes_share_a_lineage(tmp_path: Path) -> None:
    both = [start(tmp_path / "both", "never", "lineage") for _ in range(2)]
    assert [finish(process) for process in both] == [0, 0]
    assert finish(start(tmp_path / "one", "never", "lineage")) == 0
    assert digest(tmp_path / "both") == digest(tmp_path / "one")


def test_two_processes_share_the_runs_and_do_none_twice(tmp_path: Path, unharmed: dict[str, str]) -> None:
    both = [start(tmp_path, "never"), start(tmp_path, "never")]
    assert [finish(process) for process in both] == [0, 0]
    assert digest(tmp_path) == unharmed


@pytest.mark.slow
def test_what_a_killed_process_had_claimed_is_taken_over(tmp_path: Path, unharmed: dict[str, str]) -> None:
    killed, survivor = start(tmp_path, "left:4"), start(tmp_path, "never")
    assert finish(killed) in (SIGKILL, 0)
    assert finish(survivor) == 0
    assert digest(tmp_path) == unharmed
