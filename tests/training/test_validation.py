"""Held-out examples: never trained on, looked at like any other split, and the rule that stops at their best."""

import numpy as np
import pytest

import basin
from basin.data import Digits, Glyphs
from basin.models import MLP
from basin.optim import Adam
from basin.spec.run import Evaluations, RunSpec, StopAtValidation
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.stop import check

pytestmark = pytest.mark.usefixtures("compiled_cheaply")

RUN = RunSpec(
    data=Digits(num_train=300, num_validation=200),
    model=MLP(widths=(16,)),
    optimizer=Adam(learning_rate=1e-2),
    batch_size=30,
    budget="6 epochs",
    evaluations=Evaluations(early=0, regular=6),
)


def test_held_out_examples_change_nothing_of_the_training() -> None:
    held, plain = basin.train([RUN, RUN.replace(data=Digits(num_train=300))])
    assert held.history.curve("train", "loss")[1].tolist() == plain.history.curve("train", "loss")[1].tolist()
    assert held.history.curve("test", "error")[1].tolist() == plain.history.curve("test", "error")[1].tolist()


def test_their_metrics_are_those_of_the_final_network_on_them() -> None:
    """The oracle computes the outputs once more, in NumPy from there on."""
    run = basin.train(RUN)
    examples = basin.data.load(RUN.data, RUN.seed)
    outputs, _ = run.model.apply(run.params, run.state, examples.x_validation, mode=basin.models.Mode.EVAL)
    wrong = np.asarray(outputs).argmax(axis=1) != examples.y_validation
    assert run.history.last("validation", "error") == pytest.approx(wrong.mean())
    assert len(wrong) == 200


@pytest.mark.parametrize(
    ("values", "patience", "stopped"),
    [
        ([3.0, 2.0, 1.0], 1, False),
        ([3.0, 2.0, 2.5], 1, True),
        ([3.0, 2.0, 2.5], 2, False),
        ([3.0, 2.0, 2.5, 2.0], 2, True),
        ([3.0, 2.0, 2.5, 1.9], 2, False),
        ([3.0], 1, False),
    ],
    ids=["falling", "one worse", "patient", "a tie is no new best", "better again", "first look"],
)
def test_the_rule_waits_for_a_new_best(values: list[float], patience: int, stopped: bool) -> None:
    history = [
        (step, {("train", "loss"): 1.0, ("train", "soft_error"): 0.5, ("validation", "loss"): value})
        for step, value in enumerate(values)
    ]
    found = check((StopAtValidation(patience=patience),), history)
    assert isinstance(found, Outcome) == stopped


def test_looks_at_the_training_set_alone_are_no_looks_at_held_out_examples() -> None:
    train = {("train", "loss"): 1.0, ("train", "soft_error"): 0.5}
    history = [(0, {**train, ("validation", "loss"): 1.0}), (1, train), (2, train), (3, train)]
    assert check((StopAtValidation(patience=1),), history) is None


def test_a_run_stops_when_held_out_examples_get_no_better_and_says_where_the_best_was() -> None:
    rule = StopAtValidation(patience=3, metric="loss")
    run = basin.train(RUN.replace(budget="200 epochs", stop=(rule,), evaluations=Evaluations(early=0, regular=200)))
    assert run.outcome.kind == "stopped"
    steps, losses = run.history.curve("validation", "loss")
    best = run.history.best("validation", "loss")
    assert best == steps[np.argmin(losses)] == steps[-4]
    assert run.history.at("validation", "loss", best) == losses.min()


def test_the_best_step_passes_over_what_is_not_finite() -> None:
    rows = [Row(step, 0.0, 0, "validation", "loss", value) for step, value in ((0, np.nan), (1, 3.0), (2, np.inf))]
    history = History(tuple(rows))
    assert history.best("validation", "loss") == 1
    with pytest.raises(ValueError, match="expected a step at which validation loss was taken, such as 2, got 7"):
        history.at("validation", "loss", 7)
    with pytest.raises(ValueError, match="expected a finite validation loss"):
        History(tuple(rows[:1])).best("validation", "loss")


def test_a_rule_about_held_out_examples_needs_some() -> None:
    with pytest.raises(ValueError, match=r"set data.num_validation"):
        RUN.replace(data=Digits(num_train=300), stop=(StopAtValidation(),))


@pytest.mark.parametrize("endless", [False, True], ids=["sample", "stream"])
def test_held_out_glyphs_are_neither_trained_on_nor_tested(endless: bool) -> None:
    spec = Glyphs(size=8, num_train=None if endless else 50, num_test=40, num_validation=30)
    first, second = (basin.data.load(spec, seed) for seed in (0, 1))
    assert len(first.y_validation) == 30
    everything = np.concatenate([first.x_train, first.x_test, first.x_validation]).reshape(-1, 64)
    assert len(np.unique(everything, axis=0)) == len(everything)
    assert (first.x_validation == second.x_validation).all() == endless


def test_a_sample_is_the_same_whether_or_not_more_is_held_out() -> None:
    spec = Glyphs(size=8, num_train=50, num_test=10)
    plain, held = basin.data.load(spec, 3), basin.data.load(spec.replace(num_validation=20), 3)
    np.testing.assert_array_equal(plain.x_train, held.x_train)


def test_more_digits_than_there_are_cannot_be_held_out() -> None:
    with pytest.raises(ValueError, match="num_train and num_validation of at most 1437 together"):
        Digits(num_train=1400, num_validation=100)
    rest = basin.data.load(Digits(num_validation=137), 0)
    assert (len(rest.y_train), len(rest.y_validation)) == (1300, 137)
