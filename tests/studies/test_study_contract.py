"""What every registered study keeps: claims that can fail, runs that can be planned, evidence for every claim."""

import pytest

from basin.spec.ids import content_id
from basin.studies.registry import MODULES, study
from basin.studies.study import Study
from basin.training.plan import lineage, plan, resolve

CASES = [(name, preset) for name in MODULES for preset in study(name).presets]


@pytest.fixture(params=CASES, ids=[f"{name}-{preset}" for name, preset in CASES])
def sized(request: pytest.FixtureRequest) -> tuple[Study, object]:
    name, preset = request.param
    return study(name), study(name).presets[preset]


def test_it_is_known_by_its_own_name() -> None:
    assert all(study(name).name == name for name in MODULES)


def test_it_has_a_quick_preset_and_says_what_each_costs(sized: tuple[Study, object]) -> None:
    page, _ = sized
    assert "quick" in page.presets
    assert page.cost.keys() == page.presets.keys()


def test_its_claims_say_what_would_refute_them(sized: tuple[Study, object]) -> None:
    page, spec = sized
    claims = page.claims(spec)
    assert claims
    assert len({claim.id for claim in claims}) == len(claims)
    assert all(claim.refuted_by and claim.source for claim in claims)


def test_its_runs_can_be_planned_and_none_is_asked_for_twice_under_two_names(sized: tuple[Study, object]) -> None:
    page, spec = sized
    resolved = [resolve(run) for run in page.runs(spec).values()]
    planned = [name for group in plan(resolved, spec.slots) for name in group.runs]
    assert sorted(planned) == sorted({content_id(one) for run in resolved for one in lineage(run)})


def test_its_seeds_start_at_zero_and_are_chosen_by_number(sized: tuple[Study, object]) -> None:
    page, spec = sized
    runs = page.runs(spec).values()
    assert {run.seed for run in runs} == (set(range(spec.seeds)) if runs else set())


def test_its_specification_survives_json(sized: tuple[Study, object]) -> None:
    _, spec = sized
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec


def test_it_runs_or_computes_something(sized: tuple[Study, object]) -> None:
    page, spec = sized
    assert page.runs(spec) or page.experiments(spec)


def test_measurements_of_a_run_have_names_of_their_own(sized: tuple[Study, object]) -> None:
    page, spec = sized
    for cell in page.runs(spec):
        names = [(task.measure, task.split) for task in page.tasks(spec, cell)]
        assert len(set(names)) == len(names)


def test_unknown_studies_are_met_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="unknown study: 'large_batch'; did you mean 'large-batch'"):
        study("large_batch")
