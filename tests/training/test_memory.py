"""A group that runs out of memory: fewer slots if nothing has begun, a refusal otherwise.

Memory is made to run out by a bench that raises what XLA raises. The oracle is the same group trained with the smaller
number from the start, whose bits must be the same.
"""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest

import basin
from basin.data import Digits
from basin.models import MLP
from basin.optim import SGD
from basin.spec.run import Evaluations, RunSpec
from basin.training.bench import Bench
from basin.training.plan import plan

pytestmark = pytest.mark.usefixtures("compiled_cheaply")

RUNS = [
    RunSpec(
        data=Digits(num_train=200),
        model=MLP(widths=(16,)),
        optimizer=SGD(learning_rate=0.1),
        batch_size=10,
        budget="40 steps",
        seed=seed,
        evaluations=Evaluations(early=0, regular=2),
    )
    for seed in range(5)
]


def let_memory_hold(monkeypatch: pytest.MonkeyPatch, slots: int, *, calls: int = 0) -> None:
    """Let a bench of more than `slots` slots run out of memory after so many calls that went well."""
    advance, done = Bench.advance, []

    def limited(bench: Bench, count: int) -> np.ndarray:
        if bench._width * len(bench._lanes) > slots and len(done) >= calls:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes.")
        done.append(count)
        return advance(bench, count)

    monkeypatch.setattr(Bench, "advance", limited)


def weights(run: basin.training.Run) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(run.params)]


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "in a folder"])
def test_a_group_that_does_not_fit_goes_on_with_fewer_slots(
    kept: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expected = basin.train(RUNS, slots=2)
    let_memory_hold(monkeypatch, 2)
    found = basin.train(RUNS, slots=8, out=tmp_path if kept else None)
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(weights(one), weights(other), strict=True):
            np.testing.assert_array_equal(a, b)
    if kept:
        recorded = json.loads((tmp_path / "train" / "plan.json").read_text())
        assert recorded["slots"] == {plan(RUNS)[0].id: 2}


def test_runs_that_come_later_keep_the_lower_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as context:
        let_memory_hold(context, 2)
        basin.train(RUNS[:4], slots=4, out=tmp_path)
    late = basin.train(RUNS, slots=4, out=tmp_path)[4]
    expected = basin.train(RUNS[4], slots=2)
    for a, b in zip(weights(late), weights(expected), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_half_trained_is_never_continued_with_fewer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    let_memory_hold(monkeypatch, 2, calls=1)
    with pytest.raises(ValueError, match=r"choose another --out with slots=2"):
        basin.train(RUNS, slots=4, out=tmp_path)
    assert not (tmp_path / "train" / "plan.json").exists()


def test_one_training_that_does_not_fit_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    let_memory_hold(monkeypatch, 0)
    with pytest.raises(ValueError, match="choose a smaller batch, model or data set"):
        basin.train(RUNS[0])


def test_runs_that_ended_with_more_slots_forbid_fewer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    basin.train(RUNS[:2], slots=4, out=tmp_path)
    let_memory_hold(monkeypatch, 2)
    with pytest.raises(ValueError, match="after runs of their group had begun"):
        basin.train(RUNS, slots=4, out=tmp_path)
    assert not (tmp_path / "train" / "plan.json").exists()


def test_another_failure_of_the_device_is_not_taken_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(bench: Bench, count: int) -> np.ndarray:
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    monkeypatch.setattr(Bench, "advance", broken)
    with pytest.raises(jax.errors.JaxRuntimeError, match="something else"):
        basin.train(RUNS, slots=4)
