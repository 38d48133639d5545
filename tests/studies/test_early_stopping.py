"""The study of early stopping: its formulas against other ways to the numbers, its evidence on doctored findings."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.optimize

from basin.data import Digits, Glyphs
from basin.spec.early_stopping import Descent, EarlyStopping, LearningCurves, Likeness
from basin.spec.run import RunSpec
from basin.spec.schedule import Constant
from basin.store.study import StudyFolder
from basin.studies.conduct import conduct, findings
from basin.studies.early_stopping import quadratics as exact
from basin.studies.early_stopping import study as early_stopping
from basin.studies.early_stopping.view import GAMMA, Cell
from basin.studies.judgement import judge
from basin.studies.study import Findings, Measured
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import resolve
from basin.training.run import Run

TINY = EarlyStopping(
    seeds=4,
    descent=Descent(minima=5),
    curves=(
        LearningCurves(name="digits", data=Digits(num_train=60, num_validation=60, label_noise=0.2), epochs=4, looks=4),
    ),
    layered=EarlyStopping().linear,  # the same programs twice
    likeness=Likeness(data=Glyphs(size=8, num_train=40, num_test=100), steps=(2, 4), decayed_steps=10),
)
LOOKS = 8


@pytest.fixture(scope="module")
def conducted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Findings[Cell]]:
    """The tiny study, carried out once: its record and what was found."""
    out = tmp_path_factory.mktemp("runs")
    record = conduct(early_stopping.STUDY, TINY, preset="quick", out=out).record
    return dict(record), findings(early_stopping.STUDY, TINY, StudyFolder(out, "early-stopping"))


def verdicts(found: Findings[Cell]) -> dict[str, str]:
    results = judge(early_stopping.claims(TINY), early_stopping.evidence(TINY, found))
    return {result.claim.id: result.verdict.value for result in results}


def doctored(found: Findings[Cell], name: str, **changes: Callable[[np.ndarray], np.ndarray]) -> dict[str, str]:
    """The verdicts when some arrays of an experiment are changed."""
    old = found.computed[name]
    arrays = {key: changes[key](np.asarray(value)) if key in changes else value for key, value in old.arrays.items()}
    new = dataclasses.replace(old, arrays=arrays)
    return verdicts(dataclasses.replace(found, computed={**found.computed, name: new}))


def test_it_runs_from_end_to_end_and_judges_every_claim(conducted) -> None:
    record, _ = conducted
    found = {claim["id"]: claim["verdict"] for claim in record["claims"]}
    assert set(found) == {claim.id for claim in early_stopping.claims(TINY)}
    right = ["descent", "gamma-grows", "same-limits", "largest-gap", "largest-gap-where", "best-gap", "best-factor"]
    right += ["gap-at-0535"]
    assert {name: found[name] for name in right} == dict.fromkeys(right, "supported")
    wrong = ["equal-to-decay", "gap-at-any-rate", "gamma-grows-at-any-rate"]
    assert {name: found[name] for name in wrong} == dict.fromkeys(wrong, "refuted")


@pytest.mark.parametrize(
    ("experiment", "array", "change", "claim"),
    [
        ("descent", "walked", lambda shares: shares * (1 + 1e-6), "descent"),
        ("descent", "walked", lambda shares: shares[:, ::-1], "gamma-grows"),
        ("likeness", "decayed", lambda shares: shares * 1.2, "same-limits"),
        ("likeness", "stopped", lambda shares: shares * 0.99, "largest-gap"),
        ("likeness", "x", lambda x: x * 1.1, "largest-gap-where"),
        ("likeness", "best-gap", lambda gap: gap + 0.001, "best-gap"),
        ("likeness", "best-factor", lambda factor: factor + 0.001, "best-factor"),
        ("paths", "nearest", lambda distances: distances + 0.5, "path"),
    ],
)
def test_each_claim_on_quadratics_can_be_refuted(conducted, experiment, array, change, claim) -> None:
    assert doctored(conducted[1], experiment, **{array: change})[claim] == "refuted"


@pytest.mark.parametrize(
    ("experiment", "changes", "claim"),
    [
        ("likeness", {"few-gaps": np.zeros_like}, "gap-at-any-rate"),
        ("likeness", {"stopped": np.zeros_like, "decayed": np.zeros_like}, "equal-to-decay"),
    ],
)
def test_what_is_refuted_would_be_supported_were_it_so(conducted, experiment, changes, claim) -> None:
    assert doctored(conducted[1], experiment, **changes)[claim] == "supported"


# --- Networks, on runs made up so that the right answer is known -----------------------------------------------------

RUNS = early_stopping.runs(TINY)
FALLS = np.linspace(2.0, 0.1, LOOKS)
TURNS = np.array([2.0, 1.0, 0.5, 0.7, 1.0, 1.2, 1.4, 1.6])


def made_up(
    found: Findings[Cell],
    *,
    train: np.ndarray = FALLS,
    held_out: np.ndarray = TURNS,
    rule_ends: int = LOOKS,
    gamma: Callable[[Cell], float] = lambda cell: float(cell.steps),
    error: Callable[[Cell], float] = lambda cell: 20.0,
    weights: Callable[[Cell], float] = lambda cell: 1.0,
) -> dict[str, str]:
    """The verdicts when runs have these curves (errors a tenth of the losses) and ends, up to noise."""
    rng = np.random.default_rng(0)
    runs, measured = {}, {}
    for cell, spec in RUNS.items():
        if cell.part == "digits":
            curves = {"train": train, "validation": held_out, "test": held_out}
            ends = rule_ends if cell.arm == "rule" else LOOKS
            noise = 0.0 if cell.arm == "rule" else 1e-3
            runs[cell] = _run(
                spec, {split: (curve + noise * rng.standard_normal(LOOKS))[:ends] for split, curve in curves.items()}
            )
        else:
            at_end = {"test": np.array([error(cell) / 10 + 0.001 * rng.standard_normal()])}
            runs[cell] = _run(spec, at_end, {"w": np.array([weights(cell) + 1e-3 * rng.standard_normal(), 1.0])})
            measured[cell] = {(GAMMA, "train"): Measured(gamma(cell) * np.exp(1e-3 * rng.standard_normal()), True, {})}
    return verdicts(Findings(runs, measured, found.computed))


def _run(spec: RunSpec, curves: dict[str, np.ndarray], params: dict | None = None) -> Run:
    rows = [
        Row(look, float(look), look, split, metric, factor * value)
        for split, curve in curves.items()
        for metric, factor in (("loss", 1.0), ("error", 0.1))
        for look, value in enumerate(curve)
    ]
    return Run(resolve(spec), Outcome("completed", LOOKS), History(tuple(rows)), params or {}, {})


def test_curves_as_the_slides_draw_them_support_every_claim_about_them(conducted) -> None:
    found = made_up(conducted[1])
    names = ["validation-turns", "validation-error-turns", "stopping-loss", "stopping-error", "patience"]
    assert {name: found[f"{name}-digits"] for name in names} == dict.fromkeys(names, "supported")


def test_curves_that_never_turn_refute_them(conducted) -> None:
    rising = np.array([0.1, 0.2, 0.3, 0.3, 0.4, 0.5, 0.6, 0.7])
    found = made_up(conducted[1], train=rising, held_out=FALLS)
    names = ["train-falls", "validation-turns", "validation-error-turns", "stopping-loss", "stopping-error"]
    assert {name: found[f"{name}-digits"] for name in names} == dict.fromkeys(names, "refuted")


def test_a_rule_that_ends_too_early_is_found_out(conducted) -> None:
    early = np.concatenate([[1.0, 0.9, 1.0], TURNS[3:] - 0.7])
    assert made_up(conducted[1], held_out=TURNS, rule_ends=4)["patience-digits"] == "supported"
    assert made_up(conducted[1], held_out=early[::-1].copy(), rule_ends=2)["patience-digits"] != "supported"


@pytest.mark.parametrize("network", ["linear", "layered"])
def test_networks_that_are_alike_support_and_others_refute(conducted, network) -> None:
    names = ["network-gamma-grows", "like-decay-gamma", "like-decay-error", "like-decay-weights"]
    alike = made_up(conducted[1])
    assert {name: alike[f"{name}-{network}"] for name in names} == dict.fromkeys(names, "supported")

    def worse(cell: Cell) -> float:
        return 30.0 if cell.arm == "stopped" else 10.0

    other = made_up(
        conducted[1], gamma=lambda cell: worse(cell) / cell.steps, error=worse, weights=lambda cell: worse(cell) - 20
    )
    assert {name: other[f"{name}-{network}"] for name in names} == dict.fromkeys(names, "refuted")


# --- Formulas --------------------------------------------------------------------------------------------------------


def test_the_numbers_of_the_likeness_follow_from_calculus() -> None:
    """With infinitely many steps the gap is 1/(1 + x) - exp(-x); its maximum is where x = 2 log(1 + x)."""
    x: Any = scipy.optimize.brentq(lambda x: x - 2 * np.log1p(x), 1, 5)
    assert 1 / (1 + x) - np.exp(-x) == pytest.approx(0.204, abs=5e-4)
    assert x == pytest.approx(2.5, abs=0.05)


def test_the_most_alike_decay_has_equal_gaps_on_both_sides() -> None:
    """Chebyshev's condition: below x = 1 decay leaves more, above it less, and at the best factor by as much."""
    x = np.linspace(1e-3, 20, 400_001)

    def gaps(factor: float) -> np.ndarray:
        return 1 - np.exp(-x) - x / (x + factor)

    best: Any = scipy.optimize.brentq(lambda factor: gaps(factor).max() + gaps(factor).min(), 0.4, 0.8)
    assert best == pytest.approx(0.532, abs=5e-4)
    assert gaps(best).max() == pytest.approx(0.102, abs=5e-4)
    assert np.abs(gaps(0.535)).max() == pytest.approx(0.103, abs=5e-4)


def test_stopping_is_the_share_that_a_loop_reaches() -> None:
    x, w = np.array([0.1, 2.5, 30.0]), np.zeros(3)
    for _ in range(1000):
        w = w - x / 1000 * (w - 1)
    np.testing.assert_allclose(exact.walked_shares(x, 1000), w, rtol=1e-12)


def test_each_network_is_decayed_as_it_was_stopped() -> None:
    for cell, run in RUNS.items():
        if cell.arm == "decayed":
            stopped = RUNS[dataclasses.replace(cell, arm="stopped")]
            rate = stopped.optimizer.learning_rate
            assert isinstance(rate, Constant)
            assert run.optimizer.weight_decay == pytest.approx(1 / (rate.value * resolve(stopped).num_steps))
            assert (run.model, run.data, run.seed) == (stopped.model, stopped.data, stopped.seed)
