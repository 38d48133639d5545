"""A run's folder from begin to finish, with a failure at every call to the disk, and with every kind of damage."""

import errno
import hashlib
import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_faults import Disk, every_fault, run_on
from store_samples import (
    ENVIRONMENT,
    OUTCOME,
    RUN,
    SPEC,
    finish,
    json_values,
    measurement_row,
    metric_row,
    metric_rows,
    same,
    trees,
    weights,
)

from basin.store import snapshot, tables
from basin.store.errors import DamagedError, NewerFormatError, StoreError
from basin.store.study import StudyFolder

FAULTS = [{}, {"power_cut": True}, {"error": errno.ENOSPC}]


@pytest.fixture
def study(tmp_path):
    return StudyFolder(tmp_path, "large-batch")


@pytest.fixture
def finished(study):
    finish(study)
    return study.run(RUN)


@pytest.fixture
def begun(study):
    run = study.run(RUN)
    run.begin(SPEC, ENVIRONMENT)
    return run


def test_what_was_stored_comes_back(finished):
    assert finished.finished
    assert (finished.spec(), finished.environment(), finished.outcome()) == (SPEC, ENVIRONMENT, OUTCOME)
    assert finished.metrics()["value"].to_pylist() == [1.0, 0.5]
    assert finished.measurements()["measure"].to_pylist() == ["hessian"]
    assert same(finished.weights(), weights())


def test_the_folder_is_what_the_documentation_says_and_vouched_for(finished):
    names = {"spec.json", "environment.json", "metrics.parquet", "measurements.parquet", "weights.safetensors"}
    assert {path.name for path in finished.path.iterdir()} == names | {"outcome.json"}
    files = json.loads((finished.path / "outcome.json").read_bytes())["files"]
    for name, entry in files.items():
        content = (finished.path / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert pq.read_table(finished.path / "metrics.parquet").column_names == tables.METRICS.names


def test_two_equal_runs_are_equal_bytes(tmp_path):
    contents = []
    for name in ("a", "b"):
        study = StudyFolder(tmp_path, name)
        finish(study)
        contents.append({path.name: path.read_bytes() for path in study.run(RUN).path.iterdir()})
    assert contents[0] == contents[1]


@given(tree=trees, info=st.dictionaries(st.text(), json_values, max_size=3), rows=metric_rows)
def test_a_snapshot_round_trip(tree, info, rows, tmp_path_factory):
    content = snapshot.encode(RUN, tree, info, rows)
    found = snapshot.decode(content, RUN, tmp_path_factory.getbasetemp())
    assert same(found.arrays, tree)
    assert found.info == info
    assert tables.encode(found.metrics, tables.METRICS) == tables.encode(rows, tables.METRICS)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_run_that_stops_anywhere_is_finished_or_not_and_can_be_repeated(study, fault):
    stopped = 0
    for disk in every_fault(**fault):
        through = run_on(disk, lambda: finish(study))
        assert study.recover(RUN) is None
        run = study.run(RUN)
        assert run.finished or not through
        if not run.finished:
            stopped += 1
            assert run_on(Disk(), lambda: finish(study))
        run.check()
        assert same(run.weights(), weights())
        assert run.metrics()["value"].to_pylist() == [1.0, 0.5]
        assert len(list(run.path.iterdir())) == 6
        shutil.rmtree(study.path)
    assert stopped > 30


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_snapshot_is_the_old_or_the_new_moment_never_both(study, begun, fault):
    def save(step):
        begun.save_snapshot({"w": np.full(9, step)}, {"step": step}, [metric_row(i) for i in range(step)])

    for disk in every_fault(**fault):
        run_on(Disk(), lambda: save(1))
        through = run_on(disk, lambda: save(2))
        found = begun.load_snapshot()
        step = found.info["step"]
        assert step == 2 if through else step in (1, 2)
        assert set(found.arrays["w"].tolist()) == {step}
        assert len(found.metrics) == step
        assert study.recover(RUN) is None
    assert sorted(path.name for path in begun.path.iterdir()) == [
        "environment.json",
        "snapshot.safetensors",
        "spec.json",
    ]


def test_finishing_drops_the_snapshot_and_so_does_recovery(study, begun):
    begun.save_snapshot({}, {}, [])
    content = (begun.path / "snapshot.safetensors").read_bytes()
    finish(study)
    assert not (begun.path / "snapshot.safetensors").exists()
    (begun.path / "snapshot.safetensors").write_bytes(content)  # killed between the outcome and the removal
    assert begun.load_snapshot() is None
    assert study.recover(RUN) is None
    assert not (begun.path / "snapshot.safetensors").exists()


def test_measurements_are_added_and_renewed(finished):
    finished.add_measurements([measurement_row(2.0), measurement_row(3.0, split="test")])
    finished.add_measurements([measurement_row(4.0, split="test")])
    rows = finished.measurements().to_pylist()
    assert [(row["split"], row["value"]) for row in rows] == [("train", 2.0), ("test", 4.0)]
    finished.check()


def test_another_environment_on_resume_is_noted_and_the_same_one_is_not(begun):
    begun.begin(SPEC, ENVIRONMENT)
    assert begun.environment() == ENVIRONMENT
    other = {**ENVIRONMENT, "cores": 8}
    begun.begin(SPEC, other)
    begun.begin(SPEC, other)
    assert begun.environment() == {**ENVIRONMENT, "resumed": [other]}


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ({}, "expected a status"),
        ({"status": "fine"}, "expected a status"),
        ({"status": "failed", "id": 3}, "which the store writes"),
        ({"status": "diverged", "loss": float("nan")}, "outcome.loss is nan"),
    ],
)
def test_a_bad_outcome_is_refused_before_anything_is_written(begun, outcome, message):
    with pytest.raises(StoreError, match=message):
        begun.finish(outcome, metrics=[], weights={})
    assert len(list(begun.path.iterdir())) == 2


def test_a_finished_run_does_not_begin_again_and_an_unbegun_one_does_not_finish(study, finished):
    with pytest.raises(StoreError, match="is finished"):
        finished.begin(SPEC, ENVIRONMENT)
    with pytest.raises(StoreError):
        study.run("bb").finish(OUTCOME, metrics=[], weights={})
    assert not study.run("bb").finished


FILES = ["spec.json", "environment.json", "metrics.parquet", "measurements.parquet", "weights.safetensors"]


@pytest.mark.parametrize("name", [*FILES, "outcome.json"])
@pytest.mark.parametrize("harm", ["empty", "half", "one bit"])
def test_a_harmed_file_is_found_set_aside_and_made_again(study, finished, name, harm):
    path = finished.path / name
    content = path.read_bytes()
    at = 1 if name == "outcome.json" else 150 if len(content) > 150 else len(content) // 2
    flipped = content[:at] + bytes([content[at] ^ 64]) + content[at + 1 :]
    path.write_bytes({"empty": b"", "half": content[: len(content) // 2], "one bit": flipped}[harm])
    damage = study.recover(RUN)
    assert damage is not None
    assert damage.moved_to == study.runs_path / f"{RUN}.damaged-1"
    assert name in str(damage)
    assert "\n" not in str(damage)
    assert study.run_ids() == []
    finish(study)
    assert study.recover(RUN) is None


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_damage(study, finished, name):
    (finished.path / name).unlink()
    assert name in str(study.recover(RUN))


def test_a_folder_under_another_name_is_damage(study, finished):
    shutil.copytree(finished.path, study.runs_path / "bb")
    assert f"got one of '{RUN}'" in str(study.recover("bb"))
    assert study.recover(RUN) is None


@pytest.mark.parametrize("name", ["spec.json", "environment.json", "snapshot.safetensors"])
def test_damage_to_a_run_in_progress_is_found(study, begun, name):
    begun.save_snapshot({"w": np.arange(50)}, {"step": 1}, [])
    path = begun.path / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert name in str(study.recover(RUN))


def test_no_altered_byte_of_a_snapshot_goes_unnoticed(begun):
    begun.save_snapshot({"w": np.arange(4)}, {"step": 1}, [metric_row()])
    content = (begun.path / "snapshot.safetensors").read_bytes()
    unnoticed = []
    for at in range(len(content)):
        altered = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        try:
            found = snapshot.decode(altered, RUN, begun.path)
        except (DamagedError, NewerFormatError):
            continue
        if not same(found.arrays, {"w": np.arange(4)}) or found.info != {"step": 1}:
            unnoticed.append(at)
    assert unnoticed == []


def test_a_newer_finished_run_is_refused_and_left_in_place(study, finished):
    document = json.loads((finished.path / "outcome.json").read_bytes())
    (finished.path / "outcome.json").write_text(json.dumps({**document, "format": 2}))
    for attempt in (finished.check, finished.outcome, finished.weights, lambda: study.recover(RUN)):
        with pytest.raises(NewerFormatError, match="has format 2, this version of Basin reads up to 1; install"):
            attempt()
    assert finished.path.is_dir()


def test_a_newer_run_in_progress_is_refused_and_left_in_place(study, begun):
    document = json.loads((begun.path / "spec.json").read_bytes())
    (begun.path / "spec.json").write_text(json.dumps({**document, "format": 2}))
    for attempt in (begun.check, begun.spec, lambda: study.recover(RUN)):
        with pytest.raises(NewerFormatError, match="install a newer version"):
            attempt()
    assert begun.path.is_dir()
