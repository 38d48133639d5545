"""The study `deep-bootstrap`: two worlds that differ in the sampler alone, claims that can fail, a tiny run."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import basin
from basin.measure import Worlds
from basin.spec.data import Digits, Npz
from basin.spec.deep_bootstrap import DeepBootstrap
from basin.spec.model import MLP
from basin.spec.run import Evaluations
from basin.studies.conduct import conduct
from basin.studies.deep_bootstrap import evidence as evidence_of
from basin.studies.deep_bootstrap import tables, view, worlds
from basin.studies.deep_bootstrap.evidence import evidence
from basin.studies.deep_bootstrap.presets import QUICK
from basin.studies.deep_bootstrap.study import STUDY
from basin.studies.deep_bootstrap.worlds import Cell
from basin.studies.judgement import judge
from basin.studies.study import Findings
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import resolve

MANY = 10**6
"""Test examples, so many that the test set's own error decides nothing."""

SPEC = QUICK.replace(
    seeds=6,
    data=QUICK.data.replace(num_test=MANY),
    steps=1000,
    looks=50,
    early=0,
    arms=tuple(arm.replace(seeds=None, data=arm.data and arm.data.replace(num_test=MANY)) for arm in QUICK.arms),
)
ARMS = {arm.name: arm for arm in SPEC.arms}


# --- What is run -----------------------------------------------------------------------------------------------------


def test_both_worlds_are_one_training_but_for_the_sampler() -> None:
    planned = STUDY.runs(QUICK)
    for cell, run in planned.items():
        if cell.world == "real":
            ideal = planned[Cell(cell.arm, "ideal", 0, cell.seed)]
            fresh_one = run.data.replace(num_train=None)
            assert run.replace(data=fresh_one) == ideal.replace(fresh=0)
            assert run.data.num_train == cell.size


def test_arms_that_differ_in_the_sample_alone_share_an_ideal_world() -> None:
    planned = STUDY.runs(QUICK)
    assert planned[Cell("few", "ideal", 0, 0)] == planned[Cell("mlp", "ideal", 0, 0)]


def test_a_finite_set_is_an_ideal_world_for_one_pass(tmp_path: Path) -> None:
    x, y = np.zeros((200, 4), np.float32), np.arange(200) % 2
    np.savez(tmp_path / "set.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    whole = Npz(path=str(tmp_path / "set.npz"))
    small = QUICK.replace(data=whole, arms=QUICK.arms[:1], sizes=(20, 40), steps=20, batch_size=10)
    planned = {cell: resolve(run) for cell, run in STUDY.runs(small).items()}
    assert planned[Cell("mlp", "ideal", 0, 0)].order == "once"
    too_long = STUDY.runs(small.replace(steps=21))
    with pytest.raises(ValueError, match="expected at most 20 steps of 10"):
        resolve(too_long[Cell("mlp", "ideal", 0, 0)])


def test_a_pretrained_arm_begins_from_other_data_and_another_seed() -> None:
    run = STUDY.runs(QUICK)[Cell("pretrained", "ideal", 0, 2)]
    assert run.start is not None
    assert run.start.run.seed not in range(QUICK.seeds)
    assert run.start.run.data.endless


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (1200, 300)}, "expected sizes in ascending order"),
        ({"sizes": (300, 50_000)}, r"expected sizes of at most 5632, so that 440 steps of 64 examples are 5 passes"),
        ({"arms": QUICK.arms[:1] * 2}, "expected arms of different names, got 'mlp' twice"),
        ({"arms": (QUICK.arms[0].replace(against="nobody"),)}, "expected an arm to be held against one of mlp"),
        ({"arms": (QUICK.arms[0].replace(varies="label noise"),)}, "expected another arm that 'mlp' is held against"),
        ({"arms": (QUICK.arms[0].replace(name="data"),)}, "expected another name than 'data'"),
        ({"data": Digits()}, "expected data of which every seed can have a sample of its own, got digits"),
        ({"data": QUICK.data.replace(num_validation=5)}, "expected no held-out examples, got num_validation=5"),
    ],
)
def test_a_design_that_cannot_answer_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        QUICK.replace(**changes)


# --- What is claimed, on findings made up ----------------------------------------------------------------------------


def made_up(bootstrap: Mapping[str, float], **changes: float) -> Findings[Cell]:
    """Findings in which every arm learns at a rate of its own and pays for reuse as asked.

    Args:
        bootstrap: Bootstrap error in points: `until` the stopping time, `after` all steps, and in their place for an
            arm of this name.
        changes: Speeds of arms in the Ideal World by name, `stop` (share of the steps on the smallest N), `later`
            (how many times as long on each larger N, and under augmentation), `fresh` (points off the test error).
    """
    noise = np.random.default_rng(0)
    cells = STUDY.runs(SPEC)
    return Findings({cell: _ended(cell, run, bootstrap, changes, noise) for cell, run in cells.items()})  # type: ignore[arg-type]


SPEEDS = {"mlp": 4.0, "cnn": 5.0, "vit": 3.5, "momentum": 4.4, "adam": 3.8, "slow": 3.0, "fast": 4.7}
SPEEDS |= {"easy": 6.0, "hard": 3.0, "mixture": 4.0, "teacher": 4.0, "crop": 6.0, "shuffle": 2.0, "pretrained": 8.0}
SPEEDS |= {"noisy": 4.0, "few": 4.0}


class Ended:
    """A run as the study's analysis sees it."""

    def __init__(self, run: object, rows: list[Row]) -> None:
        self.spec, self.outcome, self.history = run, Outcome("completed", SPEC.steps), History(tuple(rows))


def _ended(
    cell: Cell, run: object, bootstrap: Mapping, changes: Mapping, noise: np.random.Generator, arms: Mapping = ARMS
) -> Ended:
    steps = np.array(Evaluations(early=0, regular=SPEC.looks).steps(SPEC.steps))
    share, arm = steps / SPEC.steps, arms[cell.arm]
    speed = changes.get(cell.arm, SPEEDS[cell.arm])
    behind = cell.world == "real" and cell.arm == "pretrained"  # of two arms, so that an order is not perfect
    ideal = 0.05 + 0.85 * np.exp(-(speed - behind) * share) + 0.003 * behind
    later, place = changes.get("later", 1.6), worlds.sizes_of(SPEC, arm).index(cell.size) if cell.size else 0
    stop = changes.get("stop", 0.3) * later**place * (later if arm.varies == "augmentation" else 1.0)
    stop *= 1 + 0.05 * noise.uniform(-1, 1)
    ahead = np.clip((share - stop) / (1 - stop), 0, 1) if stop < 1 else np.zeros_like(share)
    until, after = bootstrap["until"], bootstrap["after"]
    if arm.varies in ("label noise", "few examples"):
        until, after = bootstrap.get("few", until), bootstrap.get("noisy", after)
    paid = (until + (after - until) * ahead) / 100 * (steps > 0)
    error = ideal + (paid if cell.world == "real" else 0.0) + 2e-4 * noise.standard_normal(len(steps)) * (steps > 0)
    train = 0.9 * np.exp(np.log(0.0099 / 0.9) * share / stop)
    test = {f"test{part}": error for part in ("", "_a", "_b")}
    fresh = error + changes.get("fresh", 0.0) / 100 + 2e-4 * noise.standard_normal(len(steps))
    splits = test | ({"train": train} if cell.world == "real" else {"fresh": fresh})
    return Ended(
        run,
        [
            Row(int(step), 0.0, 0, split, metric, float(value))
            for split, curve in splits.items()
            for metric in ("error", "soft_error", "loss", "confidence")
            for step, value in zip(steps, curve, strict=True)
        ],
    )


def verdicts(found: Findings[Cell]) -> dict[str, str]:
    return {one.claim.id: one.verdict.value for one in judge(STUDY.claims(SPEC), evidence(SPEC, found))}


AS_CLAIMED = {"until": 0.1, "after": 4.0, "few": 5.0, "noisy": 12.0}


def test_a_world_as_it_is_claimed_to_be_supports_every_claim() -> None:
    found = verdicts(made_up(AS_CLAIMED))
    assert {name: verdict for name, verdict in found.items() if verdict != "supported"} == {}


def test_the_opposite_world_refutes_every_claim() -> None:
    opposite = {"until": 6.0, "after": -3.0, "few": -2.0, "noisy": -3.0}
    turned = {name: -speed + 9.0 for name, speed in SPEEDS.items()} | {"crop": 1.0, "shuffle": 8.0, "pretrained": 3.0}
    found = verdicts(made_up(opposite, later=0.6, stop=0.5, fresh=3.0, **turned))
    elsewhere = {"follows-longer", "ranks-stopping", "ranks-equal-time"}  # see the tests below
    assert {name: verdict for name, verdict in found.items() if verdict != "refuted"}.keys() <= elsewhere


def test_a_larger_sample_that_is_left_sooner_refutes_that_it_follows_for_longer() -> None:
    assert verdicts(made_up(AS_CLAIMED | {"after": 8.0}, later=0.6, stop=0.5))["follows-longer"] == "refuted"


def test_arms_ranked_the_other_way_round_refute_the_title() -> None:
    found = made_up(AS_CLAIMED)
    by_speed = sorted((arm.name for arm in worlds.ranked_arms(SPEC)), key=SPEEDS.__getitem__)
    others = dict(zip(by_speed, reversed(by_speed), strict=True))
    runs = dict(found.runs)
    for cell in runs:
        if cell.world == "ideal" and cell.arm in others:
            runs[cell] = found.runs[Cell(others[cell.arm], "ideal", 0, cell.seed)]
    found = verdicts(Findings(runs))
    assert found["ranks-equal-time"] == "refuted"
    assert found["ranks-stopping"] != "supported"


def test_a_training_that_never_stops_is_left_out_and_counted() -> None:
    found = judge(STUDY.claims(SPEC), evidence(SPEC, made_up(AS_CLAIMED, stop=0.9)))
    agrees = next(one for one in found if one.claim.id == "agrees-mlp")
    assert "mlp, N = 1200: 6 of 6 had not stopped after 1000 steps, left out" in agrees.note
    assert all("N = 300" in reading["name"] for reading in agrees.readings)


def test_a_training_that_stops_within_a_few_passes_says_nothing_of_reuse() -> None:
    # 0.03 of 1000 steps of 64 examples are 1.6 passes over 1200
    found = judge(STUDY.claims(SPEC), evidence(SPEC, made_up(AS_CLAIMED, stop=0.03, later=1.0)))
    agrees = next(one for one in found if one.claim.id == "agrees-mlp")
    assert "mlp, N = 1200: 6 of 6 stopped before 5 passes, left out" in agrees.note


def test_a_gap_in_soft_error_alone_refutes_the_agreement_too() -> None:
    found = made_up(AS_CLAIMED)
    sure = {cell: _with_a_soft_gap(cell, run) for cell, run in found.runs.items()}
    one = {one.claim.id: one for one in judge(STUDY.claims(SPEC), evidence(SPEC, Findings(sure)))}["agrees-cnn"]
    assert one.verdict.value == "refuted"
    assert {r["verdict"] for r in one.readings if "soft-error" not in r["name"]} == {"supported"}


def _with_a_soft_gap(cell: Cell, run: object) -> Ended:
    apart = 0.05 if cell.world == "real" else 0.0
    rows = [
        replace(row, value=row.value + apart) if (row.split, row.metric) == ("test", "soft_error") else row
        for row in run.history.rows  # type: ignore[attr-defined]
    ]
    return Ended(run.spec, rows)  # type: ignore[attr-defined]


def test_leaving_is_for_good() -> None:
    both = worlds.worlds_of(SPEC, made_up(AS_CLAIMED), ARMS["mlp"], 300)
    beyond = both.bootstrap_error("soft_error") > SPEC.margin / 100
    for seed, step in enumerate(worlds.leaving_times(SPEC, both)):
        assert beyond[seed, both.steps > step].all()
        assert not beyond[seed, both.steps <= step][-1]


LIMIT = 100.0


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [
        (20.0, 60.0, 3.0),
        (20.0, np.inf, 5.0),  # a lower bound above 1.2 speaks for the claim
        (95.0, np.inf, None),  # one below it says nothing
        (np.inf, 50.0, 0.5),  # an upper bound speaks against it
        (np.inf, np.inf, None),
        (np.nan, 60.0, None),  # diverged
    ],
)
def test_a_time_that_was_not_seen_counts_where_its_bound_tells(
    first: float, second: float, ratio: float | None
) -> None:
    found, note = evidence_of._ratio(np.array([first]), np.array([second]), LIMIT)
    assert (found.value is None) == (ratio is None)
    if ratio is not None:
        assert np.exp(found.value) == pytest.approx(ratio)
    assert bool(note) == (np.isinf(first) or np.isinf(second))


def test_the_error_of_the_test_set_is_in_the_interval_of_what_is_fresh() -> None:
    few = tuple(arm.replace(data=arm.data and arm.data.replace(num_test=2000)) for arm in SPEC.arms)
    spec = SPEC.replace(data=SPEC.data.replace(num_test=2000), arms=few)
    cells = zip(STUDY.runs(spec).items(), made_up(AS_CLAIMED).runs.values(), strict=True)
    found = Findings({cell: Ended(run, list(ended.history.rows)) for (cell, run), ended in cells})  # type: ignore[arg-type]
    reading = evidence(spec, found)["fresh-equals-test"].readings[0]  # type: ignore[union-attr]
    mean_error = np.mean([worlds.ideal_curve(spec, found, ARMS[name])[:, 1:].mean() for name in ("mlp", "cnn", "vit")])
    assert reading.estimate.stderr == pytest.approx(100 * np.sqrt(mean_error * (1 - mean_error) / 2000), rel=0.1)


def test_the_look_of_the_largest_error_is_chosen_by_other_seeds_and_examples() -> None:
    # no bootstrap error at all, and noise that both halves of a seed share: to choose must find nothing
    noise, found = np.random.default_rng(0), []
    steps = np.arange(10) * 100
    for _ in range(40):
        apart = noise.standard_normal((5, 10))
        real = dict.fromkeys(("error", "error_a", "error_b"), apart)
        fresh = {name: np.zeros((5, 10)) for name in real}
        train = {"soft_error": np.tile(np.linspace(0.5, 0.001, 10), (5, 1)), "error": fresh["error"]}
        both = Worlds(steps, 300, 64, real, fresh, train)
        found.append(evidence_of._largest(SPEC, both, worlds.stopping_looks(SPEC, both)).mean())
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(40)


def test_a_diverged_training_neither_stops_nor_leaves() -> None:
    both = worlds.worlds_of(SPEC, made_up(AS_CLAIMED), ARMS["mlp"], 300)
    real = {name: curves.copy() for name, curves in both.real.items()}
    for curves in real.values():
        curves[0, 5:] = np.nan
    broken = Worlds(both.steps, 300, 64, real, both.ideal, both.train)
    assert worlds.stopping_looks(SPEC, broken)[0] == -1
    assert np.isnan(worlds.stopping_times(SPEC, broken)[0])
    assert np.isnan(worlds.leaving_times(SPEC, broken)[0])
    assert "1 of 6 diverged" in evidence_of._left_out(SPEC, broken, "mlp")


def test_arms_that_share_no_sample_size_are_not_compared() -> None:
    arms = tuple(arm.replace(sizes=(100,)) if arm.name in ("crop", "noisy") else arm for arm in SPEC.arms)
    spec = SPEC.replace(arms=arms)
    noise = np.random.default_rng(0)
    named = {arm.name: arm for arm in arms}
    runs = {cell: _ended(cell, run, AS_CLAIMED, {}, noise, named) for cell, run in STUDY.runs(spec).items()}
    found = {one.claim.id: one for one in judge(STUDY.claims(spec), evidence(spec, Findings(runs)))}
    assert found["augmentation-postpones-crop"].note == "not measured"
    assert found["weaker-noisy"].note == "not measured"


def test_figures_leave_out_the_sample_sizes_that_an_architecture_does_not_have() -> None:
    spec = SPEC.replace(arms=(*(arm.replace(sizes=(300,)) for arm in SPEC.arms[:1]), *SPEC.arms[1:3]))
    noise, named = np.random.default_rng(0), {arm.name: arm for arm in spec.arms}
    runs = {cell: _ended(cell, run, AS_CLAIMED, {}, noise, named) for cell, run in STUDY.runs(spec).items()}
    for draw in (view._bootstrap_figure, view._training_figure):
        assert draw(spec, Findings(runs)).svg  # type: ignore[arg-type]


def test_the_decomposition_says_who_is_slower_and_who_pays() -> None:
    found = made_up(AS_CLAIMED)
    parts = tables.decompositions(SPEC, found, 300)
    assert parts["slow"].against.arm == "mlp"
    assert "optimises more slowly" in parts["slow"].against.cause()
    assert parts["noisy"].against.cause().startswith("pays more for reuse")
    assert parts["easy"].against is None  # tested on other data
    assert {one.arm for one in parts.values()} == {arm.name for arm in SPEC.arms if arm.sizes is None}


# --- End to end ------------------------------------------------------------------------------------------------------

NAMES = ("mlp", "fast", "easy", "noisy", "few")
TINY = DeepBootstrap(
    seeds=2,
    data=QUICK.data.replace(num_test=200),
    sizes=(20, 40),
    batch_size=10,
    steps=60,
    looks=6,
    early=1,
    reach=0.5,
    fresh=20,
    arms=tuple(
        arm.replace(
            model=MLP(widths=(8,)),
            data=arm.data and arm.data.replace(num_test=200),
            sizes=arm.sizes and (10,),
        )
        for arm in QUICK.arms
        if arm.name in NAMES
    ),
)


def test_a_tiny_study_end_to_end(tmp_path: Path) -> None:
    found = conduct(STUDY, TINY, preset="quick", out=tmp_path)
    assert {claim["id"] for claim in found.record["claims"]} == {claim.id for claim in STUDY.claims(TINY)}
    report = found.folder.report_path.read_text()
    for words in (
        "Why is an arm worse? (N = 40)",
        "What would help? (N = 20)",
        "Every arm where it stopped",
        "scatter",
    ):
        assert words in report
    again = conduct(STUDY, TINY, preset="quick", out=tmp_path)
    assert again.record["claims"] == found.record["claims"]


def test_the_worlds_of_a_seed_start_from_the_same_weights() -> None:
    runs = [run for cell, run in STUDY.runs(TINY).items() if cell.arm == "mlp" and cell.seed == 0]
    assert len({run.history.at("test", "loss", 0) for run in basin.train(runs)}) == 1
