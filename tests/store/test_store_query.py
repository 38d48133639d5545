"""Queries against a plain Python reading of the same run folders."""

import math

import pytest
from store_samples import SPEC, finish

from basin.store import query
from basin.store.errors import StoreError
from basin.store.study import StudyFolder

FIELDS = ["seed", "optimizer.learning_rate.value", "optimizer", "widths.1", "missing.field"]


@pytest.fixture
def study(tmp_path):
    study = StudyFolder(tmp_path, "many")
    for number in range(5):
        widths = [8, 16] if number % 2 else [8]
        finish(study, f"{number:02}", 2.0**number, {**SPEC, "seed": number, "widths": widths})
    study.run("99").begin(SPEC, {})
    return study


def test_metrics_of_all_runs_are_one_table(study):
    found = query.metrics(study, FIELDS)
    expected = [
        {"run": name, "seed": study.run(name).spec()["seed"], **row}
        for name in study.run_ids(finished=True)
        for row in study.run(name).metrics().to_pylist()
    ]
    assert found.table.drop_columns(FIELDS[1:]).to_pylist() == expected
    assert found.damaged == ()


def test_fields_are_columns_of_their_own_type(study):
    found = query.runs(study, FIELDS).columns()
    assert found["seed"].tolist() == [0, 1, 2, 3, 4]
    assert found["optimizer.learning_rate.value"].tolist() == [0.1] * 5
    assert [None if math.isnan(width) else width for width in found["widths.1"]] == [None, 16, None, 16, None]
    assert found["missing.field"].tolist() == [None] * 5
    assert '"kind": "sgd"' in found["optimizer"][0]
    assert found["status"].tolist() == ["completed"] * 5


def test_measurements_of_all_runs_are_one_table(study):
    found = query.measurements(study, ["seed"]).columns()
    assert found["value"].tolist() == [2.0**seed for seed in found["seed"]]


def test_numbers_of_mixed_kind_are_floats_and_other_mixtures_are_text(tmp_path):
    study = StudyFolder(tmp_path, "mixed")
    for name, value in (("a", 1), ("b", 0.5), ("c", None)):
        finish(study, name, spec={"x": value, "y": value if value != 1 else "one"})
    found = query.runs(study, ["x", "y"]).table
    assert found["x"].to_pylist() == [1.0, 0.5, None]
    assert [kind if kind is None else '"": ' in kind for kind in found["y"].to_pylist()] == [True, True, None]


def test_a_damaged_run_is_named_and_stops_no_other(study):
    (study.run("01").path / "metrics.parquet").write_bytes(b"PAR1")
    (study.run("02").path / "spec.json").write_bytes(b"")
    (study.run("03").path / "outcome.json").write_bytes(b"{}")
    found = query.metrics(study)
    assert sorted(set(found.columns()["run"])) == ["00", "04"]
    assert [damage.name for damage in found.damaged] == ["01", "02", "03"]
    assert all(damage.moved_to is None for damage in found.damaged)
    assert study.run("01").path.is_dir()


def test_an_empty_study_is_an_empty_table(tmp_path):
    for ask in (query.metrics, query.measurements, query.runs):
        found = ask(StudyFolder(tmp_path, "none"), ["seed"])
        assert len(found.table) == 0
        assert found.table.column_names[:2] == ["run", "seed"]


def test_a_field_with_the_name_of_a_column_is_refused(study):
    with pytest.raises(StoreError, match="has the name of a column"):
        query.metrics(study, ["step"])
