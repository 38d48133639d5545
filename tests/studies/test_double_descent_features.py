"""The study of random features: its experiments against solvers that share nothing with it, its evidence on findings
made up, and a tiny size from end to end."""

from pathlib import Path

import numpy as np
import pytest

from basin.spec.data import Digits, Glyphs
from basin.spec.double_descent_features import DoubleDescentFeatures, FeatureFamily, LinearModel
from basin.studies.conduct import conduct
from basin.studies.double_descent_features import evidence as read
from basin.studies.double_descent_features import experiments as computing
from basin.studies.double_descent_features import study as page
from basin.studies.double_descent_features import theory
from basin.studies.experiment import Computed
from basin.studies.judgement import judge
from basin.studies.study import Findings

DIGITS = FeatureFamily(name="digits-fourier", data=Digits(standardise=False), features="fourier", bandwidth=1.5)
RELU = FeatureFamily(name="digits-relu", data=Digits(), features="relu")
TINY = DoubleDescentFeatures(
    seeds=4,
    families=(DIGITS, RELU),
    num_train=40,
    num_validation=30,
    ratios=(0.1, 0.5, 1.0, 1.5, 5.0),
    penalties=(1e-3, 0.1, 1.0, 10.0, 100.0),
    samples=(10, 20, 40),
    fewer=10,
    linear=LinearModel(num_examples=20, num_features=60, sizes=(0.25, 0.5, 1.0, 1.5, 3.0), draws=20),
    demo_sizes=(12, 60),
)


@pytest.fixture(scope="module")
def given() -> computing.Problem:
    return computing.problem(3, TINY, DIGITS)


def test_labels_are_wrong_at_the_rates_asked_for_and_those_of_the_test_set_are_clean() -> None:
    wide = TINY.replace(num_train=1000)
    found = computing.problem(0, wide, DIGITS)
    wrong = [(row != found.labels[0]).mean() for row in found.labels]
    # a share p of incorrect classes, within four standard errors; random labels agree with the true ones by chance
    assert wrong == pytest.approx([0.0, 0.1, 0.2, 0.9], abs=0.05)
    assert ((found.labels[1] != found.labels[0]) <= (found.labels[2] != found.labels[0])).all()
    right = computing.data.load(Digits(), 0)
    np.testing.assert_array_equal(found.test_labels, right.y_test)


def test_seeds_draw_other_examples_and_a_test_set_in_common(given: computing.Problem) -> None:
    other = computing.problem(4, TINY, DIGITS)
    assert not np.array_equal(given.train, other.train)
    np.testing.assert_array_equal(given.test, other.test)
    shown = {row.tobytes() for row in given.train}
    assert not any(row.tobytes() in shown for row in given.held_out)


def test_curves_are_those_of_a_solver_for_one_size_and_one_rate(given: computing.Problem) -> None:
    # independent: numpy's lstsq on one-hot labels of one rate at a time, and errors counted one by one
    draw = computing.feature_map(DIGITS, 64, 200, 3)
    train, test = draw(given.train), draw(given.test)
    found = computing.curves(train, test, given, TINY.sizes())
    for place, size in enumerate(TINY.sizes()):
        for rate, labels in enumerate(given.labels):
            w = np.linalg.lstsq(train[:, :size], np.eye(10)[labels], rcond=None)[0]
            outputs = test[:, :size] @ w
            wrong = np.mean([int(row.argmax()) != label for row, label in zip(outputs, given.test_labels, strict=True)])
            assert found["test_error"][rate, place] == pytest.approx(wrong)
            squared = np.mean(
                [((row - np.eye(10)[t]) ** 2).sum() for row, t in zip(outputs, given.test_labels, strict=True)]
            )
            assert found["test_risk"][rate, place] == pytest.approx(squared, rel=1e-6)
            assert found["norm"][rate, place] == pytest.approx(np.sqrt(size) * np.linalg.norm(w), rel=1e-6)
            fitted = (train[:, :size] @ w).argmax(axis=1)
            assert found["train_error"][rate, place] == pytest.approx((fitted != labels).mean())
    assert found["rank"].tolist() == [4, 20, 40, 40, 40]


def test_a_family_holds_ridge_of_the_chosen_penalty(given: computing.Problem) -> None:
    found = computing.family_seed(3, TINY, DIGITS)
    draw = computing.feature_map(DIGITS, 64, 200, 3)
    train, test, held_out = (draw(rows) for rows in (given.train, given.test, given.held_out))
    y, chosen_on = np.eye(10)[given.labels[2]], np.eye(10)[given.held_out_labels]
    for place, size in enumerate(TINY.sizes()):
        # independent: the normal equations
        a = train[:, :size]
        solutions = [np.linalg.solve(a.T @ a + p * np.eye(size), a.T @ y) for p in TINY.penalties]
        best = int(np.argmin([np.square(held_out[:, :size] @ w - chosen_on).sum() for w in solutions]))
        assert found["ridge_penalty"][place] == TINY.penalties[best]
        wrong = ((test[:, :size] @ solutions[best]).argmax(axis=1) != given.test_labels).mean()
        assert found["ridge_error"][place] == pytest.approx(wrong, abs=1e-12)
    assert (np.diff(found["swept_gamma"]) < 0).all()
    assert found["kernel_norm"].shape == (4,)


def test_samples_are_the_first_rows(given: computing.Problem) -> None:
    found = computing.samples_seed(3, TINY, DIGITS)
    sizes = TINY.sample_sizes()
    draw = computing.feature_map(DIGITS, 64, sizes[-1], 3)
    alone = computing.curves(draw(given.train[:20]), draw(given.test), _first(given, 20), sizes)
    np.testing.assert_allclose(found["test_error"][:, 1], alone["test_error"])
    assert set(TINY.samples) <= set(sizes)


def _first(given: computing.Problem, n: int) -> computing.Problem:
    return computing.Problem(**{**vars(given), "train": given.train[:n], "labels": given.labels[:, :n]})


def test_the_linear_model_is_met_by_theory_where_its_mean_exists() -> None:
    how = LinearModel(num_examples=30, num_features=120, sizes=(0.2, 0.5, 1.0, 1.5, 4.0), draws=200)
    found = theory.linear_model(how)
    for arm in theory.ARMS:
        ratio = found[arm]["risk"].mean(axis=0) / found[arm]["theory"].mean(axis=0)
        away = np.array(how.sizes) != 1
        np.testing.assert_allclose(ratio[away], 1, atol=0.12)
        np.testing.assert_allclose(found[arm]["ridge_risk"].mean(0) / found[arm]["ridge_theory"].mean(0), 1, atol=0.06)
    assert np.isinf(found["isotropic"]["theory"][:, 2]).all()


def test_both_functions_of_the_drawing_pass_through_its_points() -> None:
    found = theory.demo((40, 4000))
    for values in found["functions"]:
        # by linear interpolation on the grid, whose step is 0.005
        np.testing.assert_allclose(np.interp(found["x"], found["grid"], values), found["y"], atol=0.1)
    assert found["norms"][1] < found["norms"][0]


# ---------------------------------------------------------------- evidence

SPEC = DoubleDescentFeatures(families=(DIGITS, RELU))
SIZES, N = np.array(SPEC.sizes(), float), SPEC.num_train
SAMPLE_SIZES = np.array(SPEC.sample_sizes(), float)

Worlds = dict[str, dict]


def bump(sizes: np.ndarray, at: float, height: float, end: float) -> np.ndarray:
    """Points: from about 60 down to `end`, with a bump."""
    return end + (60 - end) / (1 + sizes / 20) + height * np.exp(-8 * np.log(sizes / at) ** 2)


def scattered(rng: np.random.Generator, curve: np.ndarray, spread: float = 0.1) -> np.ndarray:
    """Return a row a seed."""
    return curve + spread * rng.normal(size=(SPEC.seeds, *curve.shape))


def fits(rng: np.random.Generator, sizes: np.ndarray, n: float) -> np.ndarray:
    """Training errors that reach 0 at n, a row a seed."""
    own = sizes * np.exp(0.01 * rng.normal(size=(SPEC.seeds, 1)))
    return np.clip(60 - 60 * own / n, 0, None) / 100


def literature() -> Worlds:
    """The arrays of every experiment in a world as the literature has it."""
    rng = np.random.default_rng(0)
    worlds: Worlds = {family.name: _family(rng) for family in SPEC.families}
    tests = [scattered(rng, bump(SAMPLE_SIZES, n, 30, 30 - 5 * np.log(n))) for n in SPEC.samples]
    trains = [fits(rng, SAMPLE_SIZES, n) for n in SPEC.samples]
    both = {"test_error": np.stack(tests, axis=1) / 100, "train_error": np.stack(trains, axis=1)}
    worlds["samples"] = {name: np.stack([array] * 4, axis=1) for name, array in both.items()}
    return {**worlds, "linear": {arm: _arm(rng) for arm in theory.ARMS}, "demo": theory.demo(SPEC.demo_sizes)}


def _family(rng: np.random.Generator) -> dict:
    rows = [bump(SIZES, N, 20 + 2 * rate, 5 + rate) for rate in range(3)]
    strong = np.arange(len(SPEC.penalties))
    swept = 30 - 10 * np.exp(-0.5 * (strong - 5) ** 2) - 20 * np.exp(-0.5 * strong**2)
    ones = np.ones((SPEC.seeds, len(SIZES)))
    return {
        "test_error": scattered(rng, np.stack([*rows, np.full(len(SIZES), 90.0)])) / 100,
        "train_error": np.stack([fits(rng, SIZES, N * (0.5 + 0.25 * rate)) for rate in (0, 1, 2, 2)], axis=1),
        "test_risk": np.exp(scattered(rng, np.log(np.array([[1.0], [2.0], [4.0], [4.0]]) * ones[0]))),
        "train_risk": np.stack([np.where(SIZES >= N, 1e-25, 0.1) * ones] * 4, axis=1),
        "norm": np.exp(scattered(rng, np.tile(-(np.log(SIZES / N) ** 2), (4, 1)), 0.01)),
        "rank": np.minimum(SIZES, N) * ones,
        "condition": ones,
        "ridge_error": scattered(rng, bump(SIZES, N, 0, 9)) / 100,
        "ridge_train": 0 * ones,
        "ridge_penalty": ones,
        "swept_error": scattered(rng, swept) / 100,
        "swept_train": np.zeros((SPEC.seeds, len(strong))),
        "swept_gamma": np.tile(N / (1 + strong), (SPEC.seeds, 1)),
        **{name: scattered(rng, np.full(4, 4.0)) / 100 for name in ("kernel_error", "kernel_risk", "kernel_norm")},
        "kernel_rank": np.full(SPEC.seeds, N),
    }


def _arm(rng: np.random.Generator) -> dict:
    p = np.array(SPEC.linear.sizes)
    away = 1 + 1 / np.where(p == 1, np.inf, np.abs(p - 1))
    noise = np.exp(0.05 * rng.normal(size=(SPEC.linear.draws, len(p))))
    ridge = np.tile(2 - 0.1 * np.log(p), (SPEC.linear.draws, 1))
    return {
        "risk": np.where(p == 1, 50, away) * noise,
        "theory": np.where(p == 1, np.inf, away) * np.ones_like(noise),
        "ridge_risk": ridge * noise ** (0.01 * p),
        "ridge_theory": ridge,
        "curve": np.ones(len(theory.curve_sizes(SPEC.linear))),
    }


def no_peak(worlds: Worlds) -> None:
    for family in SPEC.families:
        test = worlds[family.name]["test_error"]
        test[:] = scattered(np.random.default_rng(1), np.tile(bump(SIZES, N, 0, 5), (4, 1))) / 100


def peak_elsewhere(worlds: Worlds) -> None:
    rng = np.random.default_rng(1)
    for family in SPEC.families:
        arrays = worlds[family.name]
        arrays["test_error"][:] = scattered(rng, np.tile(bump(SIZES, 5 * N, 30, 5), (4, 1))) / 100
        arrays["norm"] = np.exp(scattered(rng, np.tile(-(np.log(SIZES / (5 * N)) ** 2), (4, 1)), 0.01))


def never_fits(worlds: Worlds) -> None:
    for family in SPEC.families:
        arrays = worlds[family.name]
        arrays["train_risk"] = np.where(SIZES >= 2 * N, 1e-25, 0.1) * np.ones_like(arrays["train_risk"])
        scatter = np.exp(0.01 * np.random.default_rng(1).normal(size=(SPEC.seeds, 1, 1)))
        arrays["train_error"] = arrays["train_error"] + np.where(SIZES > N, 0.3, 0) * scatter


def larger_is_worse(worlds: Worlds) -> None:
    for family in SPEC.families:
        worlds[family.name]["test_error"][..., -1] += 0.7


def harmless_noise(worlds: Worlds) -> None:
    for family in SPEC.families:
        arrays = worlds[family.name]
        clean, *_, guessing = arrays["test_error"].swapaxes(0, 1)
        arrays["test_error"] = np.stack([clean, clean, clean, guessing], axis=1)
        arrays["train_error"] = np.stack([arrays["train_error"][:, 2]] * 4, axis=1)
        arrays["train_error"][:, 0] = np.roll(arrays["train_error"][:, 0], 1, axis=0)
        arrays["test_error"] += 1e-4 * np.random.default_rng(1).normal(size=arrays["test_error"].shape)
        arrays["test_risk"] = np.exp(scattered(np.random.default_rng(2), np.zeros((4, len(SIZES)))))


def useless_ridge(worlds: Worlds) -> None:
    for family in SPEC.families:
        arrays = worlds[family.name]
        arrays["ridge_error"] = arrays["test_error"][:, 2]
        arrays["swept_error"] = scattered(np.random.default_rng(1), 40.0 - np.arange(len(SPEC.penalties))) / 100


def poor_kernel(worlds: Worlds) -> None:
    worlds[DIGITS.name]["kernel_error"] += 0.5


def idle_data(worlds: Worlds) -> None:
    arrays = worlds["samples"]
    for name, array in arrays.items():
        arrays[name] = array[:, :, :1] + 1e-4 * np.random.default_rng(1).normal(size=array.shape)


def wrong_theory(worlds: Worlds) -> None:
    for arrays in worlds["linear"].values():
        p = np.array(SPEC.linear.sizes)
        arrays["risk"] = np.where(p == 1, 0.02, 1.5) * arrays["risk"]
        arrays["ridge_risk"] = arrays["ridge_risk"] * p**0.5


ALTERED = [
    (no_peak, {"peak", "peak-clean"}),
    (peak_elsewhere, {"at-threshold", "at-n", "norm-at-n"}),
    (never_fits, {"interpolates", "train-falls", "fits-anything"}),
    (larger_is_worse, {"largest-is-best", "largest-is-best-noisy", "falls-after-fit"}),
    (harmless_noise, {"noise-raises", "noise-raises-risk", "threshold-with-noise"}),
    (useless_ridge, {"ridge-removes", "penalty-descent"}),
    (poor_kernel, {"kernel"}),
    (idle_data, {"moves-right", "more-hurts", "more-helps"}),
    (wrong_theory, {"theory", "theory-peak", "theory-ridge"}),
]


def verdicts(worlds: Worlds) -> dict[str, str]:
    found = Findings(computed={name: Computed(arrays, 0.0) for name, arrays in worlds.items()})
    results = judge(page.STUDY.claims(SPEC), page.STUDY.evidence(SPEC, found))
    return {result.claim.id: result.verdict.value for result in results}


def test_the_world_of_the_literature_supports_every_claim() -> None:
    assert {name: word for name, word in verdicts(literature()).items() if word != "supported"} == {}


@pytest.mark.parametrize(("alter", "refuted"), ALTERED, ids=[alter.__name__ for alter, _ in ALTERED])
def test_a_world_in_which_a_claim_is_false_refutes_it(alter, refuted: set[str]) -> None:
    worlds = literature()
    alter(worlds)
    found = verdicts(worlds)
    assert {name: found[name] for name in refuted} == dict.fromkeys(refuted, "refuted")


def test_a_peak_as_high_as_guessing_cannot_tell_whether_noise_raises_it() -> None:
    worlds = literature()
    harmless_noise(worlds)
    for family in SPEC.families:
        arrays = worlds[family.name]["test_error"]
        arrays[:, 3] = arrays[:, 0, SIZES == N]
    assert verdicts(worlds)["noise-raises"] == "inconclusive"


def test_every_claim_can_be_refuted() -> None:
    assert set().union(*(refuted for _, refuted in ALTERED)) == {claim.id for claim in page.STUDY.claims(SPEC)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ratios": (0.5, 0.8, 1.5, 2.0, 5.0)}, "expected 1 and penalty_ratio among the ratios"),
        ({"penalties": (1.0, 0.1, 1e-2, 1e-3, 1e-4)}, "penalties above 0 in ascending order"),
        ({"sampled": "mnist"}, "the name of a family"),
        ({"fewer": 77}, "fewer among them"),
        (
            {"families": (DIGITS.replace(name="x").model_dump() | {"bandwidth": None},)},
            "bandwidth for Fourier features",
        ),
        ({"families": (RELU.model_dump() | {"data": Glyphs(size=8)},)}, "finite data"),
        ({"linear": {"sizes": (0.5, 0.97, 1.0, 1.5, 2.0)}}, "no other within"),
    ],
)
def test_what_cannot_be_asked_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TINY.replace(**changes)


def test_it_is_carried_out_from_end_to_end(tmp_path: Path) -> None:
    done = conduct(page.STUDY, TINY, preset="tiny", out=tmp_path)
    found = {claim["id"]: claim for claim in done.record["claims"]}
    assert found["interpolates"]["verdict"] == "supported"
    assert all(claim["n"] > 0 for claim in found.values())
    text = done.folder.report_path.read_text()
    assert "Where the peak stands" in text
    assert "Features and examples" in text


def test_a_claim_of_several_families_needs_evidence_of_each() -> None:
    assert read.of_all({"a": None}) is None
