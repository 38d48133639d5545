"""Races: rates chosen apart from the ranking, targets set before it, counts of steps against walks counted by hand."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basin.optim import GradientDescent
from basin.spec.overrides import override
from basin.spec.race import NetworkRace, Race, Rules, SurfaceRace
from basin.store.study import StudyFolder
from basin.studies.conduct import conduct, findings, write_up
from basin.studies.race import view
from basin.studies.race.scene import RANKING, TUNING, USUAL_STARTS, experiments, picture_start, starts
from basin.studies.race.tool import command, race, rebuilt
from basin.studies.race.tuning import tune
from basin.studies.registry import recorded
from basin.studies.study import Findings
from basin.surfaces import SURFACES, trajectory

TINY = SurfaceRace(surface="booth", optimizers=("sgd", "adam"), steps=40, seeds=6, tuning_seeds=4, rates=5)


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Findings]:
    out = tmp_path_factory.mktemp("runs")
    page = race(TINY)
    conducted = conduct(page, TINY, preset="", out=out)
    return out, findings(page, TINY, conducted.folder)


# --- The search for a rate -------------------------------------------------------------------------------------------


def bowl(curvature: float, steps: int = 30):
    """Gradient descent on curvature x^2 / 2 from 1: what is left after so many steps, in closed form."""

    def reach(rates):
        left = np.abs(1 - curvature * np.array(rates)[:, None]) ** steps * np.ones((1, 3))
        return np.where(left > 1e3, np.nan, left), np.full(left.shape, np.inf)

    return reach


@settings(deadline=None)
@given(st.floats(-3.5, 3.5))
def test_the_best_rate_is_found_wherever_it_lies(power):
    """Neighbours a and sqrt(10) a of the grid do equally well where a curvature = 2 / (1 + sqrt(10)) = 10^-0.319."""
    tuning = tune(bowl(10.0**power), 1.0, count=5, per_decade=2, most=40)
    assert not tuning.at_the_end
    assert abs(np.log10(tuning.rates[tuning.best] * 10.0**power)) <= 0.32


def test_a_grid_grows_no_further_than_it_may():
    tuning = tune(bowl(1e-9), 1.0, count=5, per_decade=2, most=8)
    assert len(tuning.rates) == 8
    assert tuning.at_the_end
    assert tuning.best == 7


def test_rates_that_diverge_everywhere_lead_to_smaller_ones():
    tuning = tune(bowl(1e4), 1.0, count=3, per_decade=1, most=20)
    assert tuning.rates[tuning.best] == pytest.approx(1e-4)


def test_of_rates_that_reach_the_bottom_the_quickest_is_taken():
    def reach(rates):
        return np.full((len(rates), 1), 1e-12), np.array([[30.0], [10.0], [20.0]])

    assert tune(reach, 1.0, count=3, per_decade=1, most=3).best == 1


# --- The scene -------------------------------------------------------------------------------------------------------


def test_starts_of_the_ranking_are_none_of_the_tuning_and_lie_in_the_region():
    spec = SurfaceRace(surface="valley")
    ranking, tuning = starts(spec, RANKING, 30), starts(spec, TUNING, 30)
    assert not {tuple(point) for point in ranking} & {tuple(point) for point in tuning}
    for points in (ranking, tuning):
        SURFACES["valley"].check_starts(points)
        assert (np.abs(points - picture_start(spec)) <= 0.25 * 4 / 2 + 1e-12).all()


def test_more_starts_begin_with_the_same_ones():
    np.testing.assert_array_equal(starts(TINY, RANKING, 9)[:4], starts(TINY, RANKING, 4))


@pytest.mark.parametrize("name", [name for name, surface in SURFACES.items() if surface.dimension == 2])
def test_every_surface_can_be_raced_on(name):
    spec = SurfaceRace(surface=name)
    assert race(spec).name == f"race-{name}"
    SURFACES[name].check_starts(picture_start(spec))
    assert set(USUAL_STARTS) <= set(SURFACES)


@pytest.mark.parametrize("field", ["steps=41", "rules.adam.beta2=0.9", "seeds=7", "around=0.5", "start=[1.0, 1.0]"])
def test_what_changes_a_race_changes_its_experiments(field):
    changed = override(TINY, [field])
    keys = [{name: one.key(name) for name, one in experiments(spec).items()} for spec in (TINY, changed)]
    assert keys[0]["adam"] != keys[1]["adam"]
    assert keys[0]["surface"] == keys[1]["surface"]


MISTAKES = {
    "surface": ({"surface": "beal"}, "unknown scene: 'beal'; did you mean 'beale'?"),
    "dimension": ({"start": (1.0, 2.0, 3.0)}, "expected starts of 2 coordinates"),
    "outside": ({"start": (99.0, 0.0)}, "expected starts between"),
}


@pytest.mark.parametrize(("fields", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_scene_that_cannot_be_is_refused_before_anything_is_computed(fields, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        race(SurfaceRace(**fields))


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("rules.adam.learning_rate=0", "expected a positive number as rules.adam.learning_rate, .* got 0"),
        ("rules.adam.learning_rate=nan", "finite number"),
        ("rules.adam.learning_rate.kind=cosine", "learning_rate"),
        ('optimizers=["adm"]', "unknown optimiser: 'adm'; did you mean 'adam'"),
        ('optimizers=["adam", "adam"]', "expected each optimiser once"),
        ("target=0", "target"),
    ],
)
def test_fields_that_cannot_be_are_refused(field, message):
    with pytest.raises(ValueError, match=message):
        override(SurfaceRace(), [field])


def test_a_schedule_is_no_middle_of_a_grid():
    with pytest.raises(ValueError, match="got the schedule 'cosine'"):
        Rules.model_validate({"sgd": {"learning_rate": {"kind": "cosine", "initial": 0.1}}})


# --- A race ----------------------------------------------------------------------------------------------------------


def test_steps_to_the_target_are_those_of_walks_counted_by_hand(raced):
    """The walks are made anew, one by one, and counted with a loop."""
    _, found = raced
    goal = view.target(TINY, found)
    standing = next(one for one in view.standings(TINY, found) if one.name == "sgd")
    for start, steps in zip(starts(TINY, RANKING, TINY.seeds), standing.steps, strict=True):
        walk = trajectory(SURFACES["booth"], start, GradientDescent(learning_rate=standing.rate), num_steps=TINY.steps)
        below = [step for step, value in enumerate(walk.values) if max(value, 1e-12) <= goal]
        assert steps == (below[0] if below else np.inf)


def test_the_target_rests_on_the_tuning_starts_alone(raced):
    _, found = raced
    altered = dict(found.computed)
    for name in TINY.optimizers:
        arrays = {**altered[name].arrays, "heights": 7 * altered[name]["heights"]}
        altered[name] = dataclasses.replace(altered[name], arrays=arrays)
    assert view.target(TINY, Findings(computed=altered)) == view.target(TINY, found)
    assert view.target(TINY.replace(target=0.5), found) == 0.5


def test_the_median_counts_those_that_never_arrived_as_the_slowest():
    one = view.Standing("adam", 0.1, False, np.array([3.0, np.inf, 5.0, 4.0, np.inf]), np.zeros(5))
    assert one.median == 5.0
    assert one.arrived == 3
    low, high = one.interval
    assert low <= 5.0 <= high
    assert view.Standing("adam", 0.1, False, np.array([3.0, np.inf, np.inf]), np.zeros(3)).median == np.inf


def test_those_that_are_first_at_the_target_rank_first(raced):
    _, found = raced
    medians = [one.median for one in view.standings(TINY, found)]
    assert medians == sorted(medians)
    assert len(view.ranking(TINY, found).rows) == 2


def test_the_same_race_twice_computes_nothing_and_a_rule_more_computes_one(raced):
    out, _ = raced
    folder = StudyFolder(out, "race-booth").experiments_path
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    conduct(race(TINY), TINY, preset="", out=out)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    more = TINY.replace(optimizers=("sgd", "adam", "rmsprop"))
    conduct(race(more), more, preset="", out=out)
    assert len(list(folder.iterdir())) == len(before) + 1
    conduct(race(TINY), TINY, preset="", out=out)


def test_a_race_is_rebuilt_from_its_record(raced):
    out, _ = raced
    folder = StudyFolder(out, "race-booth")
    report, record = folder.report_path.read_text(), folder.read()
    assert record is not None
    page, spec = recorded(record)
    assert spec == TINY
    write_up(page, spec, preset="", folder=folder, finished=record["finished"])
    assert folder.report_path.read_text() == report


def test_the_report_is_that_of_a_tool(raced):
    out, _ = raced
    report = StudyFolder(out, "race-booth").report_path.read_text()
    assert "Race race-booth" in report
    assert "Claims and verdicts" not in report
    assert "steps=40" in report
    assert 'class="player"' in report
    assert (out / "race-booth" / "figures" / "race.gif").read_bytes()[:4] == b"GIF8"


@pytest.mark.parametrize("spec", [TINY, NetworkRace(seeds=3, rates=3, optimizers=("adam",))])
def test_the_command_asks_for_the_same_race(spec: Race):
    words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", command(spec))]
    usual = NetworkRace() if words[2] == "network" else SurfaceRace(surface=words[2])
    assert override(usual, words[3:]) == spec
    assert rebuilt(json.loads(spec.model_dump_json()))[1] == spec


def test_a_walk_that_diverges_is_an_outcome(tmp_path):
    """At a rate of 1 and no smaller one to choose from, gradient descent on Beale's function diverges at once."""
    spec = override(
        SurfaceRace(optimizers=("sgd", "adam"), steps=20, seeds=4, tuning_seeds=3, rates=1, most_rates=1),
        ["rules.sgd.learning_rate=1.0"],
    )
    page = race(spec)
    found = findings(page, spec, conduct(page, spec, preset="", out=tmp_path).folder)
    standing = next(one for one in view.standings(spec, found) if one.name == "sgd")
    assert np.isnan(standing.last).any()
    assert standing.median == np.inf
    assert found.computed["sgd"]["left_at"] <= 20
    picture = (tmp_path / "race-beale" / "figures" / "race.svg").read_text()
    assert "gradient descent" in picture


# --- On a network ----------------------------------------------------------------------------------------------------


def test_a_race_on_a_network(tmp_path):
    spec = override(
        NetworkRace(optimizers=("adam",), seeds=2, tuning_seeds=1, rates=3, most_rates=3, looks=4),
        ["model.widths=[8]", "data.num_train=200", 'budget="2 epochs"', "target=1.0"],
    )
    page = race(spec)
    conducted = conduct(page, spec, preset="", out=tmp_path)
    found = findings(page, spec, conducted.folder)
    kept = found.computed["adam"]
    assert kept["heights"].shape == kept["test_errors"].shape == (2, len(kept["at"]))
    assert (kept["heights"][:, -1] < kept["heights"][:, 0]).all()
    table = view.ranking(spec, found)
    passes = table.rows[0][list(table.columns).index("passes over the data")]
    median = view.standings(spec, found)[0].median
    assert float(passes.replace("never", "inf")) == pytest.approx(median * 32 / 200)
    assert "race on a network" in conducted.folder.report_path.read_text().lower()


def test_a_network_that_cannot_be_trained_is_refused_before_anything_is_computed():
    with pytest.raises(ValueError, match="expected a batch_size of at most 100"):
        race(override(NetworkRace(), ["data.num_train=100", "batch_size=101"]))
