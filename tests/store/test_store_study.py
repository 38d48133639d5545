"""A study's folder and the ledger over several."""

import errno
import json

import pytest
from store_faults import every_fault, run_on
from store_samples import RUN, finish

from basin.store.errors import DamagedError, NewerFormatError, StoreError
from basin.store.ledger import ledger
from basin.store.migrate import FORMAT, current
from basin.store.study import StudyFolder

CLAIM = {"id": "sharper", "estimate": 1.5, "p_value": None, "verdict": "supported"}
DOCUMENT = {
    "study": "large-batch",
    "preset": "quick",
    "spec": {"seeds": 5},
    "environment": {},
    "claims": [CLAIM],
    "finished": True,
}


@pytest.fixture
def study(tmp_path):
    return StudyFolder(tmp_path / "runs", "large-batch")


def test_an_unbegun_study_has_nothing_and_touches_no_disk(study):
    assert study.read() is None
    assert study.run_ids() == []
    assert study.recover(RUN) is None
    assert study.recover_document() is None
    assert not study.path.exists()


def test_the_document_round_trip(study):
    study.write(DOCUMENT)
    assert study.read() == DOCUMENT
    assert json.loads(study.document_path.read_bytes()) == {**DOCUMENT, "format": FORMAT}


@pytest.mark.parametrize("fault", [{}, {"power_cut": True}, {"error": errno.EIO}], ids=str)
def test_the_document_is_old_or_new_after_a_failure_anywhere(study, fault):
    new = {**DOCUMENT, "claims": []}
    for disk in every_fault(**fault):
        study.write(DOCUMENT)
        run_on(disk, lambda: study.write(new))
        assert study.read() in (DOCUMENT, new)
        assert study.recover_document() is None
        assert [path.name for path in study.path.iterdir()] == ["study.json"]


@pytest.mark.parametrize("change", [{"claims": [{"estimate": float("nan")}]}, {"claims": [{"n": float("inf")}]}])
def test_a_claim_without_a_value_is_null_not_nan(study, change):
    with pytest.raises(StoreError, match="use null for what has no value"):
        study.write({**DOCUMENT, **change})


def test_a_missing_key_is_refused_on_writing_and_is_damage_on_reading(study):
    partial = {key: value for key, value in DOCUMENT.items() if key != "claims"}
    with pytest.raises(StoreError, match="got no claims"):
        study.write(partial)
    study.write(DOCUMENT)
    study.document_path.write_text(json.dumps({**partial, "format": FORMAT}))
    with pytest.raises(DamagedError, match="got no claims"):
        study.read()
    damage = study.recover_document()
    assert damage is not None
    assert damage.moved_to == study.path / "study.json.damaged-1"
    assert study.read() is None


def test_runs_are_listed_by_state_without_strays(study):
    finish(study, "bb")
    finish(study, "aa")
    study.run("cc").begin({}, {})
    (study.runs_path / "dd.damaged-1").mkdir()
    (study.runs_path / "file").write_bytes(b"")
    assert study.run_ids() == ["aa", "bb", "cc"]
    assert study.run_ids(finished=True) == ["aa", "bb"]
    assert study.run_ids(finished=False) == ["cc"]


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "a b", "x" * 200, "a\n"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path, study, name):
    with pytest.raises(StoreError, match="expected a name"):
        StudyFolder(tmp_path, name)
    with pytest.raises(StoreError, match=r"expected a (name|run's id)"):
        study.run(name)


def test_a_runs_id_has_no_dot(study):
    with pytest.raises(StoreError, match="without a dot"):
        study.run("aa.damaged-1")


def test_figures_and_report(study):
    assert study.write_report("<p>ε</p>").read_text(encoding="utf-8") == "<p>ε</p>"
    assert study.write_figure("gap.svg", "<svg/>") == study.figures_path / "gap.svg"
    assert study.write_figure("gap.csv", b"a,b\n").read_bytes() == b"a,b\n"


def test_an_out_folder_below_a_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    study = StudyFolder(tmp_path / "file", "a")
    for attempt in (lambda: study.write(DOCUMENT), lambda: study.run("a").begin({}, {}), lambda: study.try_claim("a")):
        with pytest.raises(StoreError, match="choose another with --out") as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_the_ledger_has_the_claims_of_all_studies_and_names_the_damaged(tmp_path):
    for name in ("b", "a", "c", "d"):
        StudyFolder(tmp_path, name).write({**DOCUMENT, "study": name})
    (tmp_path / "c" / "study.json").write_bytes(b"{")
    (tmp_path / "d" / "study.json").write_text(json.dumps({**DOCUMENT, "format": FORMAT + 1}))
    (tmp_path / "not-a-study").mkdir()
    (tmp_path / "a file").write_bytes(b"")
    found = ledger(tmp_path)
    assert [(claim["study"], claim["id"], claim["preset"]) for claim in found.claims] == [
        ("a", "sharper", "quick"),
        ("b", "sharper", "quick"),
    ]
    assert [damage.name for damage in found.damaged] == ["c", "d"]


def test_a_ledger_of_no_folder_is_an_error_and_of_an_empty_one_is_empty(tmp_path):
    assert ledger(tmp_path).claims == ()
    with pytest.raises(StoreError, match="found none; run one, or name it with --out"):
        ledger(tmp_path / "missing")


@pytest.mark.parametrize("number", [FORMAT + 1, 99])
def test_a_newer_format_is_refused(tmp_path, number):
    with pytest.raises(NewerFormatError, match=f"has format {number}"):
        current({"format": number}, tmp_path)


@pytest.mark.parametrize("document", [{}, {"format": None}, {"format": 0}, {"format": "1"}, {"format": True}])
def test_a_document_without_a_format_is_damage(tmp_path, document):
    with pytest.raises(DamagedError, match="expected a format number"):
        current(document, tmp_path)


def test_older_formats_come_up_step_by_step(tmp_path, monkeypatch):
    monkeypatch.setattr("basin.store.migrate.FORMAT", 3)
    steps = {1: lambda old: {**old, "a": 1}, 2: lambda old: {**old, "b": old["a"] + 1}}
    monkeypatch.setattr("basin.store.migrate.MIGRATIONS", steps)
    assert current({"format": 1}, tmp_path) == {"format": 3, "a": 1, "b": 2}
    assert current({"format": 2, "a": 5}, tmp_path) == {"format": 3, "a": 5, "b": 6}
