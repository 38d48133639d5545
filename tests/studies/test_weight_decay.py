"""The study of weight decay: its formulas against other ways to the numbers, its evidence on doctored findings."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import scipy.optimize

from basin.data import Digits, Glyphs
from basin.loss.precision import arithmetic
from basin.spec.run import RunSpec
from basin.spec.weight_decay import Bowl, Capacity, DecayRace, LinearMaps, Noise, WeightDecay
from basin.store.study import StudyFolder
from basin.studies.conduct import conduct, findings
from basin.studies.judgement import judge
from basin.studies.study import Findings, Measured
from basin.studies.weight_decay import mapped_data as mapped
from basin.studies.weight_decay import quadratics as exact
from basin.studies.weight_decay import study as weight_decay
from basin.studies.weight_decay.view import GAMMA, Cell, counts
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import resolve
from basin.training.run import Run

TINY = WeightDecay(
    seeds=3,
    bowl=Bowl(num_steps=200, starts=3, adam_steps=500),
    noise=Noise(weights=8, draws=3, num_steps=200),
    maps=LinearMaps(datasets=3),
    capacity=Capacity(
        data=Glyphs(size=8, num_train=40, num_test=100), width=4, small_widths=(1,), strengths=(1e-3, 1.0), num_steps=20
    ),
    races=(
        DecayRace(name="digits", data=Digits(num_train=100), epochs=1, coupled=(0.001, 0.1), decoupled=(0.01, 1.0)),
    ),
)


@pytest.fixture(scope="module")
def conducted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Findings[Cell]]:
    """The tiny study, carried out once: its record and what was found."""
    out = tmp_path_factory.mktemp("runs")
    record = conduct(weight_decay.STUDY, TINY, preset="quick", out=out).record
    return dict(record), findings(weight_decay.STUDY, TINY, StudyFolder(out, "weight-decay"))


def verdicts(found: Findings[Cell]) -> dict[str, str]:
    results = judge(weight_decay.claims(TINY), weight_decay.evidence(TINY, found))
    return {result.claim.id: result.verdict.value for result in results}


def doctored(found: Findings[Cell], name: str, **changes: Callable[[np.ndarray], np.ndarray]) -> dict[str, str]:
    """The verdicts when some arrays of an experiment are changed."""
    old = found.computed[name]
    arrays = {key: changes[key](np.asarray(value)) if key in changes else value for key, value in old.arrays.items()}
    new = dataclasses.replace(old, arrays=arrays)
    return verdicts(dataclasses.replace(found, computed={**found.computed, name: new}))


def test_it_runs_from_end_to_end_and_judges_every_claim(conducted) -> None:
    record, _ = conducted
    assert {claim["id"] for claim in record["claims"]} == {claim.id for claim in weight_decay.claims(TINY)}
    found = {claim["id"]: claim["verdict"] for claim in record["claims"]}
    right = ["shrinkage", "walk", "unneeded", "factor", "effective-number", "effective-limits", "absorbed-inputs"]
    right += ["absorbed-targets", "consistent-regulariser", "minimiser-scaled", "minimiser-plain-error"]
    right += ["adam-decoupled-spares-none"]
    assert {name: found[name] for name in right} == dict.fromkeys(right, "supported")
    wrong = ["factor-printed", "plain-keeps", "consistent-regulariser-printed", "minimiser-unscaled"]
    wrong += ["minimiser-printed", "paths"]
    assert {name: found[name] for name in wrong} == dict.fromkeys(wrong, "refuted")


@pytest.mark.parametrize(
    ("experiment", "array", "claims"),
    [
        ("eigendirections", "walked", ["walk", "unneeded"]),
        ("eigendirections", "minima", ["shrinkage"]),
        ("penalties", "whole", ["factor"]),
        ("effective-numbers", "sums", ["effective-number"]),
        ("adam-in-noise", "decoupled", ["adam-decoupled-spares-none"]),
        ("mapped-data", "absorbed-inputs", ["absorbed-inputs"]),
        ("mapped-data", "absorbed-targets", ["absorbed-targets"]),
        ("mapped-data", "regulariser-right", ["consistent-regulariser"]),
        ("mapped-data", "slope-scaled", ["minimiser-scaled"]),
        ("mapped-data", "slope-plain error", ["minimiser-plain-error"]),
    ],
)
def test_a_formula_that_is_off_by_a_millionth_is_refuted(conducted, experiment, array, claims) -> None:
    found = doctored(conducted[1], experiment, **{array: lambda values: values * (1 + 1e-6) + 1e-6})
    assert {name: found[name] for name in claims} == dict.fromkeys(claims, "refuted")


@pytest.mark.parametrize(
    ("array", "claim"),
    [
        ("slope-plain", "plain-keeps"),
        ("regulariser-printed", "consistent-regulariser-printed"),
        ("slope-unscaled", "minimiser-unscaled"),
        ("slope-printed", "minimiser-printed"),
        ("path", "paths"),
    ],
)
def test_what_the_slides_print_would_be_supported_were_it_right(conducted, array, claim) -> None:
    assert doctored(conducted[1], "mapped-data", **{array: np.zeros_like})[claim] == "supported"


def test_a_network_that_was_not_minimised_proves_nothing(conducted) -> None:
    found = doctored(conducted[1], "mapped-data", **{"rest-scaled": lambda rest: rest + 1e-6})
    assert found["minimiser-scaled"] == "inconclusive"


def test_effects_on_experiments_can_be_refuted(conducted) -> None:
    _, found = conducted
    assert doctored(found, "mapped-data", **{"moved-plain": lambda x: 1e-4 * x})["plain-breaks"] == "refuted"
    alike = doctored(found, "adam-in-noise", coupled=lambda w: w[..., ::-1])
    assert alike["adam-coupled-spares"] == "refuted"
    off = doctored(found, "adam-on-the-bowl", coupled=lambda w: w + 0.1 + 0.001 * w)
    assert off["adam-coupled-minimum"] == "refuted"


# --- Networks, on runs made up so that the right answer is known -----------------------------------------------------

RUNS = weight_decay.runs(TINY)


def made_up(error: Callable[[Cell], float], gamma: Callable[[Cell], float], found: Findings[Cell]) -> dict[str, str]:
    """The verdicts when runs end with these errors (in points) and gammas, up to noise."""
    rng = np.random.default_rng(0)
    runs = {cell: _ended(spec, error(cell) + rng.normal(0, 0.01)) for cell, spec in RUNS.items()}
    measured = {
        cell: {(GAMMA, "train"): Measured(gamma(cell) * np.exp(rng.normal(0, 1e-3)), True, {})}
        for cell in RUNS
        if cell.arm == "decayed"
    }
    return verdicts(Findings(runs, measured, found.computed))


def _ended(spec: RunSpec, points: float) -> Run:
    rows = tuple(Row(9, 1.0, 9, split, "error", points / 100) for split in ("test", "test_a", "test_b"))
    return Run(resolve(spec), Outcome("completed", 9), History(rows), {}, {})


@pytest.mark.parametrize(("offset", "verdict"), [(0.0, "supported"), (5.0, "refuted")])
def test_decay_is_like_fewer_parameters_where_the_curves_agree(conducted, offset, verdict) -> None:
    few, many = counts(TINY)

    def gamma(cell: Cell) -> float:
        return 2.0 * many if cell.value < 1 else few / 2

    def error(cell: Cell) -> float:
        if cell.arm == "decayed":
            return offset + 10 * np.log(gamma(cell))
        return 10 * np.log(few if cell.value == 1 else many)

    found = made_up(error, gamma, conducted[1])
    assert found["like-fewer-parameters"] == verdict
    assert found["gamma-falls"] == "supported"


def test_a_gamma_that_grows_with_decay_refutes(conducted) -> None:
    assert made_up(lambda cell: 10.0, lambda cell: cell.value, conducted[1])["gamma-falls"] == "refuted"


@pytest.mark.parametrize(("better", "verdict"), [(2.0, "supported"), (-2.0, "refuted")])
def test_decoupled_decay_is_better_where_its_best_strength_errs_less(conducted, better, verdict) -> None:
    """Its other strength is far worse than any coupled one, so that a choice has to be made."""

    def error(cell: Cell) -> float:
        return (
            10.0 - better if (cell.arm, cell.value) == ("decoupled", 1) else 30.0 if cell.arm == "decoupled" else 10.0
        )

    found = made_up(error, lambda cell: 1.0, conducted[1])
    assert found["decoupled-better-digits"] == verdict
    assert found["biases-digits"] == "supported"


# --- Formulas --------------------------------------------------------------------------------------------------------


def test_the_minimiser_is_the_one_that_another_method_finds() -> None:
    """BFGS from the same start, which sees no Hessian; both end in one basin at this start."""
    maps, shape = LinearMaps(), mapped.Shape(2, 3)
    rng = np.random.default_rng(0)
    x, t, start = rng.standard_normal((20, 2)), rng.standard_normal(20), 0.1 * rng.standard_normal(13)
    problem = mapped.original(x, t, maps.replace(first=0.1, second=0.1), "scaled")
    with arithmetic("float64"):
        found = mapped.minimise(problem, start, shape)
        other = scipy.optimize.minimize(lambda w: float(mapped.objective(w, problem, shape)), found + 0.01, tol=1e-12)
        assert float(mapped.objective(found, problem, shape)) <= other.fun + 1e-12
        np.testing.assert_allclose(mapped.predict(other.x, x, shape), mapped.predict(found, x, shape), atol=1e-4)


def test_a_mapped_network_answers_the_mapped_answer() -> None:
    """The network written out in NumPy, with other numbers than the study's."""
    maps, shape = LinearMaps(a=-0.5, b=2.0, c=3.0, d=1.0, inputs=3, hidden=4), mapped.Shape(3, 4)
    rng = np.random.default_rng(1)
    w, x = rng.standard_normal(shape.cuts[-1] + 1), rng.standard_normal((5, 3))

    def network(w: np.ndarray, x: np.ndarray) -> np.ndarray:
        w1, b1, w2, b2 = w[:12].reshape(3, 4), w[12:16], w[16:20], w[20]
        return np.tanh(x @ w1 + b1) @ w2 + b2

    there = mapped.transform(w, shape, maps)
    np.testing.assert_allclose(network(there, -0.5 * x + 2.0), 3.0 * network(w, x) + 1.0, rtol=1e-12)


def test_under_noise_coupled_decay_is_slow_where_gradients_are_large() -> None:
    found = exact.adam_in_noise(Noise(weights=16, draws=2, num_steps=300))
    small, middle, large = found["coupled"][:, -1].mean(axis=0)
    assert small < middle < large
    np.testing.assert_allclose(found["decoupled"][:, -1], (1 - 0.01 * 0.1) ** 300, rtol=1e-12)


@pytest.mark.parametrize("spec", [WeightDecay(), weight_decay.STANDARD])
def test_every_arm_has_as_many_strengths_to_choose_from(spec: WeightDecay) -> None:
    assert all(len(race.coupled) == len(race.decoupled) for race in spec.races)
