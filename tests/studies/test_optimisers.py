"""The study `optimisers`: choices made apart from the ranking, claims that can fail, and a tiny one end to end."""

from pathlib import Path

import numpy as np
import pytest

from basin.spec.data import Digits
from basin.spec.model import MLP
from basin.spec.optimisers import ARMS, Optimisers, Scene, Task
from basin.studies.conduct import conduct, findings
from basin.studies.experiment import Computed
from basin.studies.judgement import judge
from basin.studies.optimisers import view
from basin.studies.optimisers.study import QUICK, STUDY, claims, evidence, grid, walks
from basin.studies.optimisers.view import Cell
from basin.studies.study import Findings
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome

SPEC = QUICK.replace(
    seeds=8,
    tuning_seeds=3,
    rates=(0.001, 0.01, 0.1, 1.0),
    surface_rates=(0.01, 0.1, 1.0),
    starts=16,
    tasks=(Task(name="digits", data=Digits(num_validation=200)),),
    scenes=(Scene(surface="ravine", num_steps=100),),
)
NAMES = [arm.name for arm in SPEC.arms]


class Ended:
    """A run as the study's analysis sees it."""

    def __init__(self, kind: str = "completed", **values: float) -> None:
        self.outcome = Outcome(kind, 10)  # type: ignore[arg-type]
        splits = {"train_loss": "train", "validation_loss": "validation", "test_error": "test"}
        rows = [Row(10, 1.0, 100, splits[name], name.split("_")[1], value) for name, value in values.items()]
        self.history = History(tuple(rows))


def doctored(*, loss: dict[str, float], error: float = 0.1, wide: str = "adam", steps: dict[str, int]) -> Findings:
    """Findings in which each optimiser is best at rate 0.1, with the training losses, errors and steps asked for."""
    noise = np.random.default_rng(0)
    runs = {}
    for arm in NAMES:
        for rate in range(4):
            for seed in range(SPEC.seeds):
                jitter = 1 + 0.02 * noise.standard_normal()
                off = abs(rate - 2)
                poor = 0.3 * off * (arm != wide or (rate == 0 and seed % 2 == 1))
                runs[Cell("digits", arm, rate, seed)] = Ended(
                    train_loss=loss.get(arm, 1.0) * jitter * (1 + off),
                    validation_loss=1.0 + off + 0.01 * seed,
                    test_error=error * (0.9 + 0.1 * jitter) + poor,
                )
    table = np.stack([steps.get(arm, 90) * np.ones((3, 16)) for arm in NAMES])
    table *= np.array([2.0, 1.0, 3.0])[:, None] * (1 + 0.05 * noise.random(table.shape))
    return Findings(runs=runs, computed={"ravine": Computed({"steps": table}, 0.0)})


def verdicts(found: Findings) -> dict[str, str]:
    return {one.claim.id: one.verdict.value for one in judge(claims(SPEC), evidence(SPEC, found))}


def test_each_claim_is_supported_where_it_holds() -> None:
    low = {"momentum": 0.3, "adam": 0.3, "rmsprop": 0.3}
    found = doctored(loss=low, steps={"momentum": 20, "adam": 20, "rmsprop": 20, "descent": 60})
    assert set(verdicts(found).values()) == {"supported"}


def test_each_claim_is_refuted_where_it_does_not() -> None:
    high = {"momentum": 3.0, "adam": 3.0, "rmsprop": 3.0}
    found = doctored(loss=high, steps={"momentum": 60, "adam": 60, "rmsprop": 60, "descent": 20}, wide="descent")
    runs = {
        cell: Ended(train_loss=3.0, validation_loss=1.0, test_error=0.3 + 0.001 * cell.seed)
        if (cell.arm, cell.rate) == ("adam", 2)
        else run
        for cell, run in found.runs.items()
    }
    assert set(verdicts(Findings(runs=runs, computed=found.computed)).values()) == {"refuted"}


def test_rates_are_chosen_on_seeds_that_do_not_rank() -> None:
    found = doctored(loss={}, steps={})
    task = SPEC.tasks[0]
    assert view.chosen_rate(SPEC, found, task, "adam") == 2
    worse = {
        cell: Ended(train_loss=0.0001, validation_loss=0.0, test_error=0.0)
        if cell.seed >= SPEC.tuning_seeds and cell.rate == 0
        else run
        for cell, run in found.runs.items()
    }
    assert view.chosen_rate(SPEC, Findings(runs=worse), task, "adam") == 2, "ranking seeds have no say"
    assert len(view.ranked(SPEC, found, task, "adam", "train", "loss")) == SPEC.seeds - SPEC.tuning_seeds


def test_a_rate_at_which_a_run_diverged_is_not_chosen() -> None:
    found = doctored(loss={}, steps={})
    runs = {
        cell: Ended("diverged", validation_loss=0.0) if (cell.rate, cell.seed) == (2, 0) else run
        for cell, run in found.runs.items()
    }
    assert view.chosen_rate(SPEC, Findings(runs=runs), SPEC.tasks[0], "adam") in (1, 3)


def test_a_best_rate_at_the_end_of_the_grid_is_said() -> None:
    found = doctored(loss={}, steps={})
    assert view.edge_note(SPEC, found, SPEC.scenes[0], ["adam"]) == ""
    table = np.array(found.computed["ravine"]["steps"])
    table[:, 0] = 1
    moved = Findings(runs=found.runs, computed={"ravine": Computed({"steps": table}, 0.0)})
    assert "end of the grid for: adam" in view.edge_note(SPEC, moved, SPEC.scenes[0], ["adam"])


def test_the_good_range_is_that_of_the_rates_within_two_points() -> None:
    found = doctored(loss={}, steps={}, wide="adam")
    np.testing.assert_allclose(view.good_range(SPEC, found, SPEC.tasks[0], "adam"), [2, 3, 2, 3, 2])  # to 1
    np.testing.assert_allclose(view.good_range(SPEC, found, SPEC.tasks[0], "momentum"), 0.0)  # 0.1 alone


def test_steps_on_a_ravine_are_those_of_the_closed_form() -> None:
    """Descent in a quadratic: each coordinate shrinks by 1 - rate * curvature a step, so its first arrival is known."""
    scene, rate = Scene(surface="ravine", num_steps=400, share=1e-2), 1.0
    found = walks(scene, ARMS[:1], (rate,), 8)
    curvature = np.array([0.02, 1.0])
    left = (1 - rate * curvature) ** np.arange(401)[:, None, None] * found["starts"]
    share = (curvature * left**2).sum(axis=2) / (curvature * left[0] ** 2).sum(axis=1)
    np.testing.assert_array_equal(found["steps"][0, 0], (share <= 1e-2).argmax(axis=0))


def test_a_grid_is_ascending_by_a_constant_factor() -> None:
    assert grid(1e-3, 10.0, 5) == (0.001, 0.01, 0.1, 1.0, 10.0)


def test_too_few_seeds_to_rank_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 3 seeds beside the 3 that choose learning rates, got 2"):
        Optimisers.model_validate({**SPEC.model_dump(), "seeds": 5})


def test_a_tiny_study_runs_end_to_end(tmp_path: Path) -> None:
    spec = QUICK.replace(
        seeds=4,
        tuning_seeds=1,
        arms=(ARMS[0], ARMS[1], ARMS[4], ARMS[5]),
        rates=(0.001, 0.01, 0.1),
        surface_rates=(0.01, 0.1, 1.0),
        starts=8,
        tasks=(Task(name="digits", data=Digits(num_train=200, num_validation=100), model=MLP(widths=(8,)), epochs=1),),
        scenes=(Scene(surface="ravine", num_steps=50),),
    )
    done = conduct(STUDY, spec, preset="quick", out=tmp_path)
    assert {claim["verdict"] for claim in done.record["claims"]} <= {"supported", "refuted", "inconclusive"}
    assert all(claim["n"] for claim in done.record["claims"])
    assert len(findings(STUDY, spec, done.folder).runs) == 4 * 3 * 4
    assert "Ranking on digits" in done.folder.report_path.read_text()
