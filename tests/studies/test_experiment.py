"""Experiments of a study: computed once, kept whole, computed anew when anything they depend on differs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from basin.spec.study import StudySpec
from basin.stats import Direction, mean, sample
from basin.store.study import StudyFolder
from basin.studies.claim import Cases, Claim, Measured, Reading
from basin.studies.conduct import conduct, write_up
from basin.studies.experiment import Experiment, compute_missing, read
from basin.studies.study import Study


class Counting:
    """A computation that counts how often it is asked for."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Mapping[str, Any]:
        self.count += 1
        return {"a": np.arange(3.0), "deeper": {"b": np.eye(2)}}


def folder(path: Path) -> StudyFolder:
    return StudyFolder(path, "study")


def compute(where: StudyFolder, **experiments: Experiment) -> list[str]:
    lines: list[str] = []
    list(compute_missing(where, experiments, lines.append))
    return lines


def test_what_is_there_is_not_computed_again(tmp_path: Path) -> None:
    work = Counting()
    wanted = Experiment({"rate": 0.1}, work)
    for _ in range(2):
        assert compute(folder(tmp_path), walk=wanted) == []
    assert work.count == 1
    found = read(folder(tmp_path), {"walk": wanted})["walk"]
    np.testing.assert_array_equal(found["a"], [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(found["deeper"]["b"], np.eye(2))
    assert found.seconds >= 0


@pytest.mark.parametrize("settings", [{"rate": 0.2}, {"rate": 0.1, "steps": 3}])
def test_other_settings_are_another_experiment(settings: dict, tmp_path: Path) -> None:
    work = Counting()
    compute(folder(tmp_path), walk=Experiment({"rate": 0.1}, work))
    compute(folder(tmp_path), walk=Experiment(settings, work))
    assert work.count == 2


def test_one_that_fails_leaves_nothing_and_is_begun_again(tmp_path: Path) -> None:
    def broken() -> Mapping[str, Any]:
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        compute(folder(tmp_path), walk=Experiment({}, broken))
    work = Counting()
    compute(folder(tmp_path), walk=Experiment({}, work))
    assert work.count == 1


def test_a_damaged_file_is_set_aside_named_and_computed_again(tmp_path: Path) -> None:
    work = Counting()
    wanted = Experiment({}, work)
    compute(folder(tmp_path), walk=wanted)
    (path,) = folder(tmp_path).experiments_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    (line,) = compute(folder(tmp_path), walk=wanted)
    assert path.stem in line
    assert work.count == 2
    assert len(list(folder(tmp_path).experiments_path.iterdir())) == 2


def test_what_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    work = Counting()
    wanted = Experiment({}, work)
    claim = folder(tmp_path).try_claim(wanted.key("walk"))
    assert claim is not None
    steps = compute_missing(folder(tmp_path), {"other": Experiment({}, Counting()), "walk": wanted}, print)
    assert next(steps) == "other"
    assert work.count == 0
    claim.release()
    assert next(steps) == "walk"


def _study(work: Counting) -> Study:
    claims = [
        Claim("exact", "It counts.", "here", "an error", "error", Direction.FORMULA, 1e-12, ""),
        Claim("mean", "It is above 0.", "here", "0 or less", "mean", Direction.GREATER, 0.1, ""),
    ]
    return Study(
        name="counting",
        title="Counting",
        question="Does it count?",
        source="here",
        presets={"quick": StudySpec()},
        cost={"quick": "nothing"},
        protocol=lambda spec: ["It counts."],
        claims=lambda spec: claims,
        experiments=lambda spec: {"count": Experiment({"seeds": spec.seeds}, work)},
        evidence=lambda spec, found: {
            "exact": Cases(np.abs(found.computed["count"]["a"] - np.arange(3.0))),
            "mean": Measured((Reading("", mean(sample(found.computed["count"]["a"] + 5))),)),
        },
        figures=lambda spec, found, records: [],
    )


def test_a_study_may_have_experiments_and_no_runs(tmp_path: Path) -> None:
    work = Counting()
    page = _study(work)
    done = [conduct(page, StudySpec(), preset="quick", out=tmp_path) for _ in range(2)]
    assert work.count == 1, "the same command twice does no work twice"
    verdicts = [claim["verdict"] for claim in done[1].record["claims"]]
    assert verdicts == ["supported", "supported"]
    again = write_up(page, StudySpec(), preset="quick", folder=done[0].folder)
    assert [claim["estimate"] for claim in again["claims"]] == [0.0, 6.0]
    assert "count" in done[0].folder.report_path.read_text()
