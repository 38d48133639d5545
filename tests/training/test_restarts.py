"""Choosing among several trainings on held-out examples."""

import math

import numpy as np
import pytest

import basin
from basin.data import Digits, Glyphs
from basin.models import MLP
from basin.optim import SGD
from basin.spec.run import Evaluations, RunSpec
from basin.training.plan import plan

pytestmark = pytest.mark.usefixtures("compiled_cheaply")

RUN = RunSpec(
    data=Digits(num_train=100, num_validation=100),
    model=MLP(widths=(3,)),
    optimizer=SGD(learning_rate=0.2),
    batch_size=20,
    budget="20 steps",
    evaluations=Evaluations(early=0, regular=4),
)


def test_the_run_with_the_lowest_value_is_chosen_among_all_seeds() -> None:
    # The oracle looks at the final networks once more, in NumPy from the outputs on.
    found = basin.best_of(RUN, seeds=range(5), metric="error")
    assert [run.spec.seed for run in found.runs] == [0, 1, 2, 3, 4]
    held_out = basin.data.load(RUN.data, 0)
    wrong = []
    for run in found.runs:
        outputs, _ = run.model.apply(run.params, run.state, held_out.x_validation, mode=basin.models.Mode.EVAL)
        wrong.append(float((np.asarray(outputs).argmax(axis=1) != held_out.y_validation).mean()))
    np.testing.assert_allclose(found.values, wrong, rtol=1e-12)
    assert len(set(wrong)) > 1, "the case must have something to choose"
    assert found.best is found.runs[int(np.argmin(wrong))]


def test_seeds_are_trained_in_one_group() -> None:
    assert [len(group.runs) for group in plan([RUN.replace(seed=seed) for seed in range(5)])] == [5]


def test_runs_are_compared_at_the_weights_that_they_keep() -> None:
    kept = basin.best_of(RUN.replace(keep_best="loss", optimizer=SGD(learning_rate=1.5)), seeds=range(3))
    lowest = [run.history.curve("validation", "loss")[1].min() for run in kept.runs]
    assert list(kept.values) == lowest


def test_each_run_is_trained_with_each_seed_and_what_diverged_is_never_chosen() -> None:
    wild = RUN.replace(optimizer=SGD(learning_rate=1e30))
    found = basin.best_of([wild, RUN], seeds=[7, 8], split="train")
    assert [math.isinf(value) for value in found.values] == [True, True, False, False]
    assert found.best.spec.optimizer == RUN.optimizer
    with pytest.raises(
        ValueError, match="expected a run with a finite validation loss, got 2 without; choose a smaller"
    ):
        basin.best_of(wild, seeds=[7, 8])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"specs": RUN.replace(data=Digits(num_train=100))}, "expected held-out examples .* set data.num_validation"),
        ({"specs": RUN, "split": "test"}, "expected the split 'validation' or 'train', got 'test'"),
        ({"specs": RUN, "metric": "accuracy"}, "expected one of loss, error, soft_error as metric, got 'accuracy'"),
        ({"specs": RUN, "seeds": []}, "expected a run to train, got none; give seeds"),
        ({"specs": RUN.replace(data=Glyphs()), "split": "train"}, "expected a training set to choose on"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        basin.best_of(**{"seeds": range(2), **options})
