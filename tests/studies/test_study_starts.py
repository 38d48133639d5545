"""A study whose runs start from runs that it does not name."""

from collections.abc import Mapping
from pathlib import Path

from basin.data import Digits
from basin.models import MLP
from basin.optim import SGD
from basin.spec.ids import content_id
from basin.spec.run import Evaluations, RunSpec
from basin.spec.study import StudySpec
from basin.studies.conduct import conduct, findings, write_up
from basin.studies.study import Study
from basin.training.plan import resolve

PARENT = RunSpec(
    data=Digits(num_train=40),
    model=MLP(widths=(4,)),
    optimizer=SGD(learning_rate=0.1),
    batch_size=20,
    budget="4 steps",
    evaluations=Evaluations(early=0, regular=1),
)


def runs(spec: StudySpec) -> Mapping[int, RunSpec]:
    return {seed: PARENT.replace(seed=seed, start=PARENT) for seed in range(spec.seeds)}


STUDY = Study(
    name="lineage",
    title="Children of one run",
    question="Are they trained?",
    source="",
    presets={"": StudySpec(seeds=2)},
    cost={"": ""},
    protocol=lambda spec: [],
    claims=lambda spec: [],
    evidence=lambda spec, found: {},
    figures=lambda spec, found, records: [],
    runs=runs,
)


def test_a_study_trains_what_its_runs_start_from_and_is_rebuilt_from_the_store(tmp_path: Path) -> None:
    spec = StudySpec(seeds=2)
    conducted = conduct(STUDY, spec, preset="", out=tmp_path)
    parent = content_id(resolve(PARENT))
    assert set(conducted.folder.run_ids(finished=True)) == {
        parent,
        *(content_id(resolve(r)) for r in runs(spec).values()),
    }
    kept = (conducted.folder.run(parent).path / "outcome.json").stat().st_mtime_ns
    extended = conduct(STUDY, StudySpec(seeds=3), preset="", out=tmp_path)
    assert (extended.folder.run(parent).path / "outcome.json").stat().st_mtime_ns == kept, "trained once"
    assert len(findings(STUDY, StudySpec(seeds=3), extended.folder).runs) == 3
    assert write_up(STUDY, StudySpec(seeds=3), preset="", folder=extended.folder)["study"] == "lineage"
