"""Curves in two worlds: stopping times read from stored curves, and what a test error is made of."""

from types import SimpleNamespace

import numpy as np
import pytest

from basin.measure import Worlds, bootstrap_decomposition
from basin.spec.data import Glyphs
from basin.training.evaluate import Row
from basin.training.history import History

STEPS = np.array([0, 10, 20, 30, 40])
NOISE = np.random.default_rng(0)


def worlds(
    ideal: list[float], reuse: list[float], soft: list[float], *, seeds: int = 6, jitter: float = 1e-3, **halves: list
) -> Worlds:
    """Curves around means by look, each seed a little off; both halves of the test set as the whole, or as given."""

    def spread(means: list[float]) -> np.ndarray:
        return np.array(means) + jitter * NOISE.standard_normal((seeds, len(STEPS)))

    fresh, paid = spread(ideal), spread(reuse)
    real = dict.fromkeys(("error", "error_a", "error_b", "soft_error"), fresh + paid)
    own = {name: spread(means) for name, means in halves.items()}
    ideal_curves = dict.fromkeys(("error", "error_a", "error_b", "soft_error"), fresh) | own
    train = {"soft_error": np.tile(soft, (seeds, 1)), "error": np.tile(soft, (seeds, 1))}
    return Worlds(STEPS, 50, 10, real, ideal_curves, train)


FIT = [0.9, 0.2, 0.02, 0.005, 0.001]
FAST = worlds([0.9, 0.2, 0.1, 0.08, 0.06], [0, 0, 0, 0.01, 0.03], FIT)
SLOW = worlds([0.9, 0.5, 0.3, 0.2, 0.15], [0, 0, 0, 0.01, 0.03], FIT)
GREEDY = worlds([0.9, 0.2, 0.1, 0.08, 0.06], [0, 0.05, 0.08, 0.1, 0.12], FIT)


def test_a_training_stops_at_its_first_look_below_the_threshold() -> None:
    assert FAST.stopping_look().tolist() == [3] * 6
    assert FAST.stopping_look(threshold=0.05).tolist() == [2] * 6
    assert FAST.stopping_step().tolist() == [30.0] * 6


def test_a_dip_below_the_threshold_counts_and_touching_it_does_not() -> None:
    dip = worlds([0.5] * 5, [0.0] * 5, [0.9, 0.01, 0.009, 0.5, 0.4])
    assert dip.stopping_look().tolist() == [2] * 6


def test_a_training_that_never_gets_there_has_no_stopping_time() -> None:
    never = worlds([0.5] * 5, [0.0] * 5, [0.9, 0.5, 0.4, 0.3, 0.2])
    assert never.stopping_look().tolist() == [-1] * 6
    assert np.isnan(never.stopping_step()).all()


def test_passes_are_counted_over_the_sample() -> None:
    assert FAST.passes.tolist() == [0, 2, 4, 6, 8]  # 10 steps of 10 examples are two passes over 50


def test_the_test_error_is_that_of_the_ideal_world_plus_the_bootstrap_error() -> None:
    for metric in ("error", "soft_error"):
        np.testing.assert_allclose(FAST.ideal[metric] + FAST.bootstrap_error(metric), FAST.real[metric], atol=1e-15)


def test_the_parts_of_a_decomposition_add_up() -> None:
    found = bootstrap_decomposition({"fast": FAST, "slow": SLOW}, against="fast")["slow"]
    assert found.ideal_error.value + found.bootstrap_error.value == pytest.approx(found.test_error.value)
    against = found.against
    parts = against.optimisation.value + against.length.value + against.reuse.value
    assert parts == pytest.approx(found.against.test_error.value)
    assert found.test_error.value == pytest.approx(0.21, abs=2e-3)  # 0.2 + 0.01, at step 30


def test_an_arm_that_optimises_more_slowly_is_told_from_one_that_pays_for_reuse() -> None:
    found = bootstrap_decomposition({"fast": FAST, "slow": SLOW, "greedy": GREEDY}, against="fast")
    assert found["slow"].against.cause() == "optimises more slowly"
    assert found["greedy"].against.cause() == "pays more for reuse"
    assert found["fast"].against is None
    assert found["slow"].advice().startswith("optimising as fast as")
    assert found["greedy"].advice().startswith("more data")


def test_an_arm_that_only_stops_sooner_does_not_optimise_more_slowly() -> None:
    curve, paid = [0.9, 0.4, 0.3, 0.2, 0.1], [0.0] * 5
    sooner = worlds(curve, paid, [0.9, 0.2, 0.005, 0.004, 0.001])
    found = bootstrap_decomposition({"usual": worlds(curve, paid, FIT), "sooner": sooner}, against="usual")["sooner"]
    assert found.against.cause() == "stops sooner"
    assert found.against.length.value == pytest.approx(0.1, abs=3e-3)
    assert found.against.optimisation.value == pytest.approx(0.0, abs=3e-3)


def test_arms_that_are_looked_at_after_other_steps_cannot_be_held_against_one_another() -> None:
    other = Worlds(2 * STEPS, 50, 10, FAST.real, FAST.ideal, FAST.train)
    with pytest.raises(ValueError, match="expected arms that are looked at after the same steps"):
        bootstrap_decomposition({"a": FAST, "b": other}, against="a")


def test_a_training_that_never_stopped_does_not_say_what_more_steps_would_gain() -> None:
    never = worlds([0.9, 0.5, 0.4, 0.35, 0.3], [0.0] * 5, [0.9, 0.5, 0.4, 0.3, 0.2])
    assert bootstrap_decomposition({"never": never})["never"].more_steps.value is None


def test_an_arm_like_the_other_has_no_cause() -> None:
    assert bootstrap_decomposition({"one": FAST, "two": FAST}, against="one")["two"].against.cause() == (
        "no difference seen"
    )


def test_an_arm_that_gains_on_one_side_what_it_loses_on_the_other_is_told_so() -> None:
    thrifty = worlds([0.9, 0.5, 0.3, 0.2, 0.15], [0, 0, 0, -0.11, -0.1], FIT)
    found = bootstrap_decomposition({"fast": FAST, "thrifty": thrifty}, against="fast")["thrifty"].against
    assert found.cause() == "optimises more slowly and pays less for reuse; together no difference seen"
    slower = worlds([0.9, 0.5, 0.3, 0.3, 0.15], [0, 0, 0, -0.11, -0.1], FIT)
    found = bootstrap_decomposition({"fast": FAST, "slower": slower}, against="fast")["slower"].against
    assert found.cause() == "optimises more slowly, though it pays less for reuse"


def test_going_on_is_measured_where_a_training_stops_and_not_before() -> None:
    # at step 30 the Real World has 0.09, at step 40 again 0.09; the Ideal World goes on by 0.02
    found = bootstrap_decomposition({"fast": FAST})["fast"]
    assert found.more_steps.value == pytest.approx(0.0, abs=3e-3)
    assert found.more_steps_of_more_data.value == pytest.approx(0.02, abs=3e-3)


def test_the_fastest_arm_is_not_judged_by_the_seeds_and_examples_that_chose_it() -> None:
    # five arms that are equal but for noise, which both halves of a seed share: to choose must gain nothing
    gains = []
    for _ in range(30):
        equal = {name: worlds([0.5] * 5, [0.0] * 5, FIT, jitter=0.05) for name in "abcde"}
        gains.append(bootstrap_decomposition(equal)["a"].faster_optimizer.value)
    assert abs(np.mean(gains)) < 4 * np.std(gains) / np.sqrt(30)


def test_an_arm_that_diverged_is_never_the_fastest() -> None:
    broken = Worlds(
        STEPS, 50, 10, FAST.real, {name: np.full_like(c, np.nan) for name, c in FAST.ideal.items()}, FAST.train
    )
    found = bootstrap_decomposition({"slow": SLOW, "fast": FAST, "broken": broken})["slow"]
    assert found.fastest == "fast"


def test_the_fastest_arm_is_chosen_on_one_half_and_read_on_the_other() -> None:
    # "lucky" is ahead on the half that chooses and behind on the one that is read
    lucky = worlds([0.9, 0.2, 0.1, 0.08, 0.06], [0.0] * 5, FIT, error_a=[0.5] * 3 + [0.01] * 2, error_b=[0.5] * 5)
    found = bootstrap_decomposition({"fast": FAST, "lucky": lucky})["fast"]
    assert found.fastest == "lucky"
    assert found.faster_optimizer.value == pytest.approx(0.08 - 0.5, abs=3e-3)


@pytest.mark.parametrize(
    ("arms", "options", "message"),
    [
        ({}, {}, "expected at least one arm"),
        ({"a": FAST}, {"threshold": 1.0}, "expected a threshold between 0 and 1, got 1"),
        ({"a": FAST}, {"against": "b"}, "expected arms among a to be held against one another, got 'b'"),
        ({"a": FAST}, {"against": {"c": "a"}}, "got 'c'"),
    ],
)
def test_a_decomposition_of_nothing_sensible_is_refused(arms: dict, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_decomposition(arms, **options)


# --- From runs -------------------------------------------------------------------------------------------------------


def run(seed: int, num_train: int | None, errors: list[float], *, every: int = 10) -> SimpleNamespace:
    """A finished run as `Worlds.of_runs` sees it."""
    splits = ("test", "test_a", "test_b", *(("train",) if num_train else ()))
    rows = [
        Row(every * look, 0.0, 0, split, metric, error)
        for look, error in enumerate(errors)
        for split in splits
        for metric in ("error", "soft_error", "loss", "confidence")
    ]
    spec = SimpleNamespace(seed=seed, data=Glyphs(size=8, num_train=num_train), batch_size=10, order="reshuffled")
    return SimpleNamespace(spec=spec, history=History(tuple(rows)))


def test_runs_of_the_same_seeds_become_curves() -> None:
    real, ideal = [run(s, 50, [0.9, 0.3 + s]) for s in (0, 1)], [run(s, None, [0.9, 0.2]) for s in (0, 1)]
    found = Worlds.of_runs(real, ideal)
    np.testing.assert_allclose(found.bootstrap_error(), [[0.0, 0.1], [0.0, 1.1]])
    assert (found.num_train, found.batch_size) == (50, 10)


def test_a_run_that_diverged_has_nothing_from_there_on() -> None:
    found = Worlds.of_runs([run(0, 50, [0.9, 0.3, 0.2])], [run(0, None, [0.9, 0.2])])
    np.testing.assert_allclose(found.bootstrap_error(), [[0.0, 0.1, np.nan]])


@pytest.mark.parametrize(
    ("real", "ideal", "message"),
    [
        ([run(0, 50, [0.9])], [run(1, None, [0.9])], r"got seeds \[0\] and \[1\]"),
        ([], [], "expected runs of the same seeds"),
        ([run(0, 50, [0.9, 0.1])], [run(0, None, [0.9, 0.1], every=5)], "looked at after the same steps"),
        ([run(0, None, [0.9])], [run(0, None, [0.9])], "expected a finite training set in the Real World"),
        ([run(0, 50, [0.9])], [run(0, 50, [0.9])], "an endless stream or order='once' in the Ideal World"),
    ],
)
def test_runs_that_are_no_two_worlds_are_refused(real: list, ideal: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Worlds.of_runs(real, ideal)


def test_curves_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected every curve of shape \(6, 5\)"):
        Worlds(STEPS, 50, 10, {"error": FAST.real["error"]}, {"error": np.zeros((6, 4))}, {})
