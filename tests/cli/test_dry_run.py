"""`basin run` says what a long study will cost before it starts, and with `--dry-run` nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_command_line import TINY, status

from basin.cli import estimate, run
from basin.store.study import StudyFolder
from basin.studies.cost import remaining
from basin.studies.registry import study


class StartedError(ValueError):
    """A study was started."""


@pytest.fixture
def never_conducted(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*words: Any, **more: Any) -> None:
        raise StartedError("the study was started")

    monkeypatch.setattr(run, "conduct", started)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("never_conducted")
def test_a_dry_run_says_the_cost_and_neither_trains_nor_stores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status("run", *TINY, "--dry-run", "--out", str(tmp_path / "runs")) == 0
    printed = said(capsys)
    in_full = 90 + 9 + 90 + 360 + 36  # small and large at 3 epochs, large at as many updates, both at most 12 epochs
    assert f"to do: 10 trainings: 2 programs, {2 * in_full:,} updates, " in printed
    assert "time: about " in printed
    assert "without measuring, if no run stops early, at " in printed
    assert "space: " in printed
    assert "the study says" not in printed, "its words are of the preset, and this is another size"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("never_conducted")
def test_the_folder_of_data_sets_on_the_command_line_comes_before_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = np.arange(60.0).reshape(30, 2)
    arrays = {"x_train": frames, "y_train": np.arange(30) % 3, "x_test": frames, "y_test": np.arange(30) % 3}
    for name, count in (("here", 30), ("there", 20)):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "timit.npz", **{key: array[:count] for key, array in arrays.items()})
    monkeypatch.setenv("BASIN_DATA", str(tmp_path / "there"))
    comparison = (
        "{name='f', data={kind='frames'}, small_batch=5, large_batch=25, epochs=1, train_loss=1, most_epochs=1}"
    )
    words = ["run", TINY[0], "--seeds", "1", f"comparisons=[{comparison}]", "model.widths=[4]", "--dry-run"]
    assert status(*words) == 2
    assert "expected a batch_size of at most 20, the number of training examples, got 25" in capsys.readouterr().err
    assert status(*words, "--data-root", str(tmp_path / "here")) == 0


def test_what_is_left_of_a_study_is_costed_and_what_is_kept_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = study("quadratic")
    wanted = remaining(page, page.presets["quick"], tmp_path).groups[0].runs
    for name in list(wanted)[:3]:
        folder = StudyFolder(tmp_path, page.name).run(name).path
        folder.mkdir(parents=True)
        (folder / "outcome.json").write_text("{}")
    assert status("run", "quadratic", "--dry-run", "--out", str(tmp_path)) == 0
    assert f"to do: {len(wanted) - 3} trainings (3 kept already), " in said(capsys)


@pytest.mark.usefixtures("never_conducted")
def test_a_dry_run_of_experiments_says_that_they_have_no_estimate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status("run", "averages", "--dry-run", "--out", str(tmp_path)) == 0
    printed = said(capsys)
    assert "to do: 0 trainings, 6 experiments without an estimate" in printed
    assert "the study says of preset quick: " in printed
    assert "time: " not in printed


@pytest.mark.usefixtures("never_conducted")
def test_a_long_study_is_costed_before_it_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word.replace("epochs=3,", "epochs=300_000,") for word in TINY]
    assert status("run", *words, "--out", str(tmp_path)) == 2
    caught = capsys.readouterr()
    assert "time: about " in caught.out
    assert "the study was started" in caught.err


@pytest.mark.usefixtures("never_conducted")
def test_a_short_study_starts_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def costed(*words: Any) -> None:
        raise AssertionError("a short study was costed")

    monkeypatch.setattr(estimate, "estimated", costed)
    assert status("run", *TINY, "--out", str(tmp_path)) == 2
    caught = capsys.readouterr()
    assert "to do" not in caught.out
    assert "the study was started" in caught.err


@pytest.mark.usefixtures("never_conducted")
def test_a_study_that_cannot_be_costed_is_carried_out_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def uncounted(*words: Any) -> None:
        raise ValueError("expected a CPU to count operations for, got none")

    monkeypatch.setattr(estimate, "may_be_long", lambda work: True)
    monkeypatch.setattr(estimate, "estimated", uncounted)
    assert status("run", *TINY, "--out", str(tmp_path)) == 2
    caught = capsys.readouterr()
    assert "no estimate: expected a CPU" in " ".join(caught.out.split())
    assert "the study was started" in caught.err


def test_a_mistake_is_met_before_anything_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("run", *TINY, "--dry-run", "comparisons=[]") == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0.4 s"), (90, "90 s"), (150, "2.5 min"), (7200, "2.0 h"), (3 * 86_400, "3.0 days"), (4e9, "130 years")],
)
def test_a_duration_is_said_in_a_unit_of_its_size(seconds: float, words: str) -> None:
    assert estimate.duration(seconds) == words


def test_sizes_are_said_in_units_of_their_size() -> None:
    assert [estimate.size(number) for number in (0, 999, 3.14e6, 799e6, 2.5e9, 1.2e15)] == [
        "0 kB",
        "1 kB",
        "3.1 MB",
        "800 MB",
        "2.5 GB",
        "1200 TB",
    ]
