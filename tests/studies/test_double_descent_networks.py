"""The studies of double descent that train networks: claims on curves made for them, and a tiny run of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import basin
from basin.data.corrupt import noisy_error
from basin.spec.budget import Budget
from basin.spec.double_descent import Below, EpochFamily, SampleFamily, WidthFamily
from basin.spec.run import RunSpec
from basin.studies.conduct import conduct
from basin.studies.double_descent_epochs.study import STUDY as EPOCHS
from basin.studies.double_descent_samples.evidence import doubled
from basin.studies.double_descent_samples.study import STUDY as SAMPLES
from basin.studies.double_descent_width.study import STUDY as WIDTH
from basin.studies.judgement import judge
from basin.studies.study import Findings, Study
from basin.studies.sweeps import MAIN, Cell, table
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import plan, resolve

Shape = Callable[[Cell, RunSpec, np.ndarray], dict[str, np.ndarray]]
"""From a cell, its run and shares of training to errors in per cent by split."""


class Ended:
    """A run as the studies' analysis sees it."""

    def __init__(self, run: RunSpec, rows: list[Row]) -> None:
        self.spec, self.outcome, self.history = run, Outcome("completed", 1), History(tuple(rows))


def made_up(study: Study[Any, Any], spec: Any, shape: Shape, spread: float = 0.05) -> Findings[Cell]:
    """Return findings in which every run has the errors of a shape, with a little noise."""
    rng = np.random.default_rng(0)
    found = {}
    for cell, run in study.runs(spec).items():
        steps = np.array(run.evaluations.steps(1000))
        rows = []
        for split, errors in shape(cell, run, np.maximum(steps, 1) / 1000).items():
            noisy = np.clip(errors + spread * rng.standard_normal(len(steps)) * (errors > 0), 0, 100) / 100
            rows += [
                Row(int(step), step / 100, 0, split, "error", float(value))
                for step, value in zip(steps, noisy, strict=True)
            ]
        found[cell] = Ended(run, rows)
    return Findings(found)  # type: ignore[arg-type]


def verdicts(study: Study[Any, Any], spec: Any, shape: Shape) -> dict[str, str]:
    found = study.evidence(spec, made_up(study, spec, shape))
    return {one.claim.id.removesuffix("-two-layer"): one.verdict.value for one in judge(study.claims(spec), found)}


def bump(x: np.ndarray | float, height: float, width: float = 0.5) -> np.ndarray | float:
    """Return a peak at x = 1, over the logarithm of x."""
    return height * np.exp(-((np.log(x) / width) ** 2))


def fitted(ratio: np.ndarray | float) -> np.ndarray:
    """Return a training error that is 10 % where the size is that of the threshold, and 0 soon after it."""
    return np.clip(10 - 30 * np.log(ratio), 0, 90)


# --- Over width ------------------------------------------------------------------------------------------------------

WIDE = WIDTH.presets["quick"].replace(
    seeds=8,
    families=tuple(
        one.replace(
            widths=(2, 4, 6, 8, 11, 16, 23, 32, 64, 128), fewer=500, augmented=({"kind": "crop", "padding": 1},)
        )
        for one in WIDTH.presets["quick"].families
    ),
)


def over_width(cell: Cell, run: RunSpec, share: np.ndarray, *, moves: bool = True, peaks: bool = True) -> dict:
    """Return errors of a world as it is claimed to be, or of one without what is said."""
    rate, count = run.data.label_noise, run.data.num_train or 0
    threshold = 12.0 * (count / 1000 * (1 if cell.arm != "noise 0" else 0.4) if moves else 1.0)
    threshold = threshold * (1.5 if moves and run.augment else 1.0) * share ** (-0.4 if moves else 0.0)
    ratio = cell.width / threshold
    decay = run.optimizer.weight_decay > 1e-6  # less has no effect
    height = 0.0 if not peaks else 2.0 if rate == 0 else 20.0 * np.clip(share / 0.3, 0, 1) ** 4
    falls = 10 + 30 * cell.width**-0.7 - 4 * np.log(count / 1000)
    test = falls + (0.0 if decay else bump(ratio, height)) + (0.5 if decay else 0)
    train = fitted(ratio) if cell.arm != "random labels" else 0 * share
    return {"test": test + 0 * share, "train": train + 0 * share, "validation": test + 0 * share}


def test_over_width_a_world_as_it_is_claimed_to_be_supports_every_claim() -> None:
    found = verdicts(WIDTH, WIDE, over_width)
    assert {name: verdict for name, verdict in found.items() if verdict != "supported"} == {}


def test_over_width_a_curve_that_only_falls_refutes_the_peak_and_all_that_hangs_on_it_says_nothing() -> None:
    found = verdicts(WIDTH, WIDE, lambda *of: over_width(*of, peaks=False))
    assert found["peak"] == found["more-hurts"] == "refuted"
    assert {found[name] for name in ("at-threshold", "early-stopping", "decay", "noise")} == {"inconclusive"}


def test_over_width_a_threshold_that_nothing_moves_refutes_that_it_is_moved() -> None:
    found = verdicts(WIDTH, WIDE, lambda *of: over_width(*of, moves=False))
    moved = ("longer", "noise-moves", "moves", "augmentation-moves")
    assert {name: found[name] for name in moved} == dict.fromkeys(moved, "refuted")


def test_over_width_networks_that_are_worse_the_larger_they_are_refute_that_bigger_is_better() -> None:
    def worse(cell: Cell, run: RunSpec, share: np.ndarray) -> dict:
        threshold = 12.0
        rises = 10 + 5 * np.log(cell.width) + 0 * share
        up_and_down = np.clip(fitted(cell.width / threshold) + 40 * (cell.width == 8), 0, 90) + 0 * share
        return {"test": 60 * (cell.arm == "true labels") + rises, "train": up_and_down + 5, "validation": rises}

    found = verdicts(WIDTH, WIDE, worse)
    refuted = ("peak", "bigger", "train-falls", "fits-random", "generalises")
    assert {name: found[name] for name in refuted} == dict.fromkeys(refuted, "refuted")
    assert found["after-the-fit"] == "inconclusive"  # nothing fits


def test_over_width_a_peak_that_stands_elsewhere_and_stays_refutes_place_and_remedies() -> None:
    def elsewhere(cell: Cell, run: RunSpec, share: np.ndarray) -> dict:
        errors = over_width(cell, run, share, peaks=False)
        return errors | {split: errors[split] + bump(cell.width / 32, 20.0) for split in ("test", "validation")}

    found = verdicts(WIDTH, WIDE, elsewhere)
    assert found["peak"] == "supported"
    assert {found[name] for name in ("at-threshold", "early-stopping", "decay", "noise")} == {"refuted"}


# --- Over samples ----------------------------------------------------------------------------------------------------

MANY = SAMPLES.presets["quick"].replace(seeds=8)


def over_samples(cell: Cell, run: RunSpec, share: np.ndarray, *, grows: float = 1.0, helps: float = 4.0) -> dict:
    count = run.data.num_train or 0
    ratio = cell.width / (24.0 * (count / 1000) ** grows)
    test = 10 + 30 * cell.width**-0.7 - helps * np.log(count / 1000) + bump(ratio, 25.0)
    return {"test": test + 0 * share, "train": fitted(ratio) + 0 * share}


def test_over_samples_a_world_as_it_is_claimed_to_be_supports_every_claim() -> None:
    found = verdicts(SAMPLES, MANY, over_samples)
    assert {name: verdict for name, verdict in found.items() if verdict != "supported"} == {}


def test_over_samples_a_threshold_that_stays_and_examples_that_do_not_help_refute() -> None:
    found = verdicts(SAMPLES, MANY, lambda *of: over_samples(*of, grows=0.0, helps=0.0))
    assert found["more-hurts"] == found["more-helps"] == found["moves"] == "refuted"
    assert found["complexity-grows"] == "inconclusive"  # each width fits all of the samples or none


def test_over_samples_a_peak_away_from_the_threshold_refutes_its_place() -> None:
    def elsewhere(cell: Cell, run: RunSpec, share: np.ndarray) -> dict:
        return over_samples(cell, run, share) | {"test": 20 + bump(cell.width / 64, 20.0) + 0 * share}

    assert verdicts(SAMPLES, MANY, elsewhere)["at-threshold"] == "refuted"


def test_complexity_that_falls_with_width_refutes_that_it_grows() -> None:
    def shrinks(cell: Cell, run: RunSpec, share: np.ndarray) -> dict:
        errors = over_samples(cell, run, share)
        ratio = 2500 / cell.width**0.25 / (run.data.num_train or 1)
        return errors | {"train": fitted(ratio) + 0 * share}

    assert verdicts(SAMPLES, MANY, shrinks)["complexity-grows"] == "refuted"


def test_growth_at_twice_the_width_is_that_of_a_power_law() -> None:
    widths = np.array([3.0, 6.0, 24.0])
    assert doubled(widths, np.array([widths**1.5, widths**0.5])) == pytest.approx([2**1.5, 2**0.5])


# --- Over epochs -----------------------------------------------------------------------------------------------------

LONG = EPOCHS.presets["quick"].replace(seeds=8, families=EPOCHS.presets["quick"].families[:1])


def over_epochs(cell: Cell, run: RunSpec, share: np.ndarray) -> dict:
    rate, last = run.data.label_noise, LONG.families[0].widths[-1]
    learned = 10 + 60 * np.exp(-share / 0.01)
    peak = bump(share / 0.1, 15.0, 0.8) if cell.width == last and rate else 0.0
    rises = 20 * share if cell.width == LONG.families[0].critical else 0.0
    fits = {last: 0.1, LONG.families[0].critical: 0.5}.get(cell.width, 5.0)
    return {"test": learned + peak + rises, "train": fitted(share / fits)}


def test_over_epochs_a_world_as_it_is_claimed_to_be_supports_every_claim() -> None:
    found = verdicts(EPOCHS, LONG, over_epochs)
    assert {name: verdict for name, verdict in found.items() if verdict != "supported"} == {}


def test_over_epochs_networks_that_only_rise_refute_the_peak_and_that_small_ones_do_not() -> None:
    def rises(cell: Cell, run: RunSpec, share: np.ndarray) -> dict:
        fits = 0.3 if cell.width > 4 else 5.0
        return {"test": 10 + 60 * np.exp(-share / 0.01) + 20 * share, "train": fitted(share / fits)}

    found = verdicts(EPOCHS, LONG, rises)
    assert {found[name] for name in ("peak", "small", "complexity")} == {"refuted"}
    assert found["critical"] == "supported"


def test_over_epochs_networks_that_only_fall_refute_that_the_critical_one_gets_worse() -> None:
    def falls(cell: Cell, run: RunSpec, share: np.ndarray) -> dict:
        return {"test": 10 - 5 * np.log(share), "train": fitted(share / 0.3)}

    assert verdicts(EPOCHS, LONG, falls)["critical"] == "refuted"


def test_over_epochs_a_peak_long_before_the_fit_is_not_at_the_threshold() -> None:
    def early(cell: Cell, run: RunSpec, share: np.ndarray) -> dict:
        return over_epochs(cell, run, share) | {"train": fitted(share / 0.6)}

    assert verdicts(EPOCHS, LONG, early)["at-threshold"] == "refuted"


# --- What is run -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("study", [WIDTH, SAMPLES, EPOCHS], ids=lambda study: study.name)
def test_all_runs_of_a_width_are_one_program(study: Study[Any, Any]) -> None:
    spec = study.presets["quick"]
    groups = plan([resolve(run) for run in study.runs(spec).values()])
    assert len(groups) == sum(len(family.widths) for family in spec.families)


def test_below_the_threshold_of_parameters_networks_grow_and_stop_and_above_they_do_not() -> None:
    family = next(one for one in WIDTH.presets["standard"].families if one.name == "squared")
    assert family.below is not None
    planned = WIDTH.runs(WIDTH.presets["standard"].replace(seeds=2, families=(family,)))
    for width in family.widths:
        few = (64 + 1) * width + (width + 1) * 10 <= 400 * 10  # by hand: two layers with biases, targets
        alone, reused = (planned[Cell("squared", arm, width, 1)] for arm in ("main", "weight reuse"))
        assert (alone.optimizer == family.below.optimizer) is few
        assert bool(alone.stop) is few
        grows = few and width > family.widths[0]
        assert (reused.start is not None) is grows
        assert grows or reused == alone
        if reused.start is not None:
            before = family.widths[family.widths.index(width) - 1]
            assert reused.start.run == planned[Cell("squared", "weight reuse", before, 1)]
            assert reused.start.new_weights_std == 0.1


def test_a_run_that_stopped_stays_where_it_ended() -> None:
    family = WIDE.families[0].replace(noises=(), decays=(), augmented=(), random_labels=False, fewer=None)
    spec = WIDE.replace(seeds=2, families=(family,))
    found = made_up(WIDTH, spec, lambda cell, run, share: {"test": 30 - 20 * share, "train": 10 - 5 * share}, 0.0)
    run: Any = found.runs[Cell("two-layer", "main", 8, 0)]
    run.history = History(tuple(row for row in run.history.rows if row.step <= 500))
    run.outcome = Outcome("stopped", 500)
    test = table(found, family, MAIN, "test")[:, :, -1]
    assert test[0, family.widths.index(8)] == pytest.approx(20.0)
    assert test[1] == pytest.approx(10.0)


def test_a_family_grows_by_its_width() -> None:
    family = WIDTH.presets["quick"].families[0]
    assert family.at(7).widths == (7,)
    assert family.replace(model=basin.models.MLP(widths=(1, 2))).at(3).widths == (3, 6)
    assert family.replace(model=basin.models.CNN5(width=1)).at(3).width == 3
    with pytest.raises(ValueError, match="expected a network with a width"):
        family.replace(model=basin.models.F1()).at(3)


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        (WIDE.families[0], {"widths": (4, 2, 8)}, "expected widths of 1 or more in ascending order"),
        (WIDE.families[0], {"data": basin.data.Glyphs(size=8)}, "expected a finite training sample"),
        (WIDE.families[0], {"below": Below(optimizer=basin.optim.SGD(learning_rate=0.1))}, "expected no decays"),
        (WIDE.families[0], {"noises": (0.3, 0.0)}, "expected the first of noises to be lower than label_noise = 0.2"),
        (LONG.families[0], {"noises": (0.2,)}, "expected the first of noises to be lower than label_noise = 0.2"),
        (WIDE.families[0], {"fewer": 1000}, "expected fewer than num_train = 1000, got 1000"),
        (MANY.families[0], {"samples": (500, 250, 1000)}, "expected samples of 1 or more in ascending order"),
        (LONG.families[0], {"critical": 256}, "expected critical as one of"),
    ],
)
def test_a_design_that_cannot_answer_is_refused(
    family: WidthFamily | SampleFamily | EpochFamily, changes: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        family.replace(**changes)


def test_two_families_of_one_name_are_refused() -> None:
    for study in (WIDE, MANY, LONG):
        with pytest.raises(ValueError, match="expected families of different names, got 'two-layer' twice"):
            study.replace(families=study.families[:1] * 2)


def test_the_error_on_noisy_labels_is_what_counting_gives() -> None:
    """Labels are drawn and replaced one by one: the formula is not used."""
    rng, classes, rate, count = np.random.default_rng(0), 5, 0.3, 200_000
    label = rng.integers(classes, size=count)
    answer = np.where(rng.random(count) < 0.4, (label + rng.integers(1, classes, size=count)) % classes, label)
    noisy = np.where(rng.random(count) < rate, (label + rng.integers(1, classes, size=count)) % classes, label)
    counted = (answer != noisy).mean()
    assert noisy_error(float((answer != label).mean()), rate, classes) == pytest.approx(
        counted, abs=4 * 0.5 / count**0.5
    )


# --- End to end ------------------------------------------------------------------------------------------------------

TINY = {
    "widths": (2, 4, 8),
    "batch_size": 16,
    "budget": Budget(amount=30, unit="steps"),
    "early": 1,
    "regular": 2,
}
REUSED = {"decays": (), "below": Below(optimizer=basin.optim.SGD(learning_rate=0.1), new_weights_std=0.1)}
DATA = {"num_train": 40, "num_test": 100, "num_validation": 20}


@pytest.mark.parametrize(
    ("study", "changes"),
    [(WIDTH, {"fewer": 20}), (WIDTH, REUSED), (SAMPLES, {"samples": (16, 24, 40)}), (EPOCHS, {"critical": 4})],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_tiny_study_runs_from_end_to_end(study: Study[Any, Any], changes: dict, tmp_path: Path) -> None:
    family = study.presets["quick"].families[0]
    small = family.replace(**TINY | changes, data=family.data.replace(**DATA))
    spec = study.presets["quick"].replace(seeds=2, families=(small,))
    record = conduct(study, spec, preset="quick", out=tmp_path).record
    assert [claim["id"] for claim in record["claims"]] == [claim.id for claim in study.claims(spec)]
    assert (tmp_path / study.name / "report.html").stat().st_size > 10_000
