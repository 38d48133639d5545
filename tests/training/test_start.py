"""Runs that begin from other runs, and runs that keep the weights of their best look."""

import functools
import re
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import basin
from basin.data import Digits, Npz
from basin.loss.precision import arithmetic
from basin.models import MLP, build
from basin.optim import SGD, Adam
from basin.spec.ids import content_id
from basin.spec.run import Evaluations, RunSpec
from basin.store.study import StudyFolder
from basin.training.bench import Bench
from basin.training.keep import InFolder
from basin.training.keys import named_key
from basin.training.plan import plan, resolve
from basin.training.run import Run

pytestmark = pytest.mark.usefixtures("compiled_cheaply")

PARENT = RunSpec(
    data=Digits(num_train=100, num_validation=100),
    model=MLP(widths=(16, 8)),
    optimizer=SGD(learning_rate=0.1),
    batch_size=20,
    budget="10 steps",
    order="cyclic",
    evaluations=Evaluations(early=0, regular=2),
)
CHILD = PARENT.replace(seed=1, start=PARENT)


@functools.cache
def parent() -> Run:
    return basin.train(PARENT, slots=1)


def flat(tree: Any) -> dict[str, np.ndarray]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path, simple=True, separator="."): np.asarray(leaf) for path, leaf in leaves}


def same_bits(a: Any, b: Any) -> None:
    jax.tree.map(np.testing.assert_array_equal, a, b)


def first(child: RunSpec, trained: Run) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A run's weights and state before its first update."""
    with arithmetic(child.precision):
        slot = Bench(plan([child])[-1]).fresh(resolve(child), trained)
        return flat(slot.params), flat(slot.model_state)


def drawn(child: RunSpec) -> dict[str, np.ndarray]:
    """The weights that a run would begin with by itself, from the model zoo."""
    return flat(jax.jit(build(child.model, (8, 8, 1), 10).init)(named_key(child.seed, "init"))[0])


def test_two_runs_one_after_the_other_are_one_run_of_their_length() -> None:
    # Plain descent has no memory and both halves read the 100 examples in one order, so composition is the oracle.
    long, second = basin.train([PARENT.replace(budget="20 steps", evaluations=Evaluations(early=0, regular=4)), CHILD])
    same_bits(second.params, long.params)
    for split in ("train", "test"):
        losses = long.history.curve(split, "loss")[1]
        np.testing.assert_array_equal(second.history.curve(split, "loss")[1], losses[2:])
    assert second.history.curve("none", "distance")[1][0] == 0, "distance is counted from where the run began"


def test_the_optimiser_begins_anew() -> None:
    # Adam's first update is the learning rate along each sign, whatever came before: its moments start at 0.
    rate = 1e-3
    adam = PARENT.replace(optimizer=Adam(learning_rate=rate), budget="1 step", start=PARENT)
    moved = [
        a - b for a, b in zip(jax.tree.leaves(basin.train(adam).params), jax.tree.leaves(parent().params), strict=True)
    ]
    steps = np.abs(np.concatenate([np.ravel(each) for each in moved]))
    assert np.isclose(steps[steps > 0], rate, rtol=1e-2).mean() > 0.95


def test_layers_that_agree_are_taken_and_the_rest_stays_as_drawn() -> None:
    # The last bias would fit, but not its kernel: half a layer is not taken.
    child = CHILD.replace(model=MLP(widths=(16, 12)))
    found, own, given = first(child, parent())[0], drawn(child), flat(parent().params)
    assert own["output.bias"].shape == given["output.bias"].shape
    for name, array in found.items():
        np.testing.assert_array_equal(array, given[name] if name.startswith("dense.0.") else own[name])


def test_a_last_layer_for_other_classes_stays_as_drawn(tmp_path: Path) -> None:
    digits = basin.data.load(Digits(num_train=100), 0)
    few = {split: getattr(digits, f"y_{split}") < 3 for split in ("train", "test")}
    arrays = {f"{part}_{split}": getattr(digits, f"{part}_{split}")[few[split]] for part in "xy" for split in few}
    np.savez(tmp_path / "three.npz", **arrays)
    child = CHILD.replace(data=Npz(path=str(tmp_path / "three.npz"), standardise=False))
    found = first(child, parent())[0]
    same_bits(found["dense.1.kernel"], np.asarray(parent().params["dense"]["1"]["kernel"]))
    assert found["output.kernel"].shape == (8, 3)
    assert basin.train(child).outcome.kind == "completed"


@pytest.mark.parametrize("layers", [("dense",), ("dense.0",), ("dense.1.kernel", "output")])
def test_named_layers_are_taken_and_no_other(layers: tuple[str, ...]) -> None:
    child = CHILD.replace(start={"run": PARENT, "layers": layers})
    found, own, given = first(child, parent())[0], drawn(child), flat(parent().params)
    for name, array in found.items():
        is_taken = any(name == layer or name.startswith(layer + ".") for layer in layers)
        np.testing.assert_array_equal(array, given[name] if is_taken else own[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"start": {"run": PARENT, "layers": ["densee"]}},
            "start.layers: unknown layer of the network: 'densee'; did you",
        ),
        (
            {"start": {"run": PARENT, "layers": ["output"]}, "model": MLP(widths=(16, 4))},
            "expected output.kernel of the shape (4, 10) in the run to start from, got the shape (8, 10); name other",
        ),
        (
            {"start": {"run": PARENT, "layers": ["dense.2"]}, "model": MLP(widths=(16, 8, 8))},
            "expected dense.2.bias of the shape (8,) in the run to start from, got no such array; name other",
        ),
        (
            {"model": basin.models.CNN5(width=2)},
            "expected a layer of the same paths and shapes in the run to start from, got none: ",
        ),
    ],
)
def test_a_start_that_has_nothing_is_refused_before_anything_is_trained(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        resolve(CHILD.replace(**change))


def test_a_run_that_diverged_is_no_start() -> None:
    wild = PARENT.replace(optimizer=SGD(learning_rate=1e30))
    with pytest.raises(
        ValueError, match=r"expected a run to start from that ended well, got \w+, diverged at step \d+"
    ):
        basin.train(CHILD.replace(start=wild))


def test_statistics_of_batches_are_taken_with_their_layers() -> None:
    normed = PARENT.replace(model=MLP(widths=(16, 8), norm="batch"), budget="3 steps")
    trained = basin.train(normed)
    state = flat(trained.state)
    assert any(array.any() for array in state.values())
    same_bits(first(normed.replace(start=normed), trained)[1], state)
    fresh = first(normed.replace(start={"run": normed, "layers": ["dense"]}), trained)[1]
    assert all((array == (1 if name.endswith("var") else 0)).all() for name, array in fresh.items())


def test_weights_of_another_precision_are_rounded_once() -> None:
    fine = PARENT.replace(precision="float64", budget="2 steps")
    trained = basin.train(fine)
    for child, dtype in ((CHILD.replace(start=fine), np.float32), (fine.replace(start=fine), np.float64)):
        same_bits(first(child, trained)[0], {name: dtype(array) for name, array in flat(trained.params).items()})


def test_generations_follow_one_another_and_share_their_program() -> None:
    children = [CHILD.replace(seed=seed, optimizer=SGD(learning_rate=rate)) for seed in (1, 2) for rate in (0.1, 0.2)]
    other = CHILD.replace(start=PARENT.replace(seed=5))
    groups = plan([CHILD.replace(start=CHILD), *children, other, PARENT])
    assert [len(group.runs) for group in groups] == [2, 5, 1]
    assert len({group.id for group in groups}) == 3
    assert Bench(groups[0]).program.id == Bench(groups[2]).program.id


def test_a_chain_is_trained_link_by_link() -> None:
    chain = PARENT
    for _ in range(3):
        chain = chain.replace(start=chain)
    same_bits(basin.train(chain).params, basin.train(PARENT.replace(budget="40 steps"), slots=1).params)


def test_a_shared_parent_is_a_run_of_its_own_trained_once_and_kept(tmp_path: Path) -> None:
    children = [CHILD.replace(seed=seed, start={"run": PARENT, "layers": ["dense"]}) for seed in range(3)]
    kept = basin.train(children, out=tmp_path)
    folder = StudyFolder(tmp_path, "train")
    ids = {content_id(resolve(run)) for run in (PARENT, *children)}
    assert set(folder.run_ids(finished=True)) == ids
    before = {path: path.stat().st_mtime_ns for path in folder.runs_path.glob("*/outcome.json")}
    for again, first_time, in_memory in zip(
        basin.train(children, out=tmp_path), kept, basin.train(children), strict=True
    ):
        same_bits(again.params, first_time.params)
        same_bits(again.params, in_memory.params)
        assert again.spec.start == resolve(children[0]).start
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_nobody_claims_a_run_before_its_start_is_finished(tmp_path: Path) -> None:
    keeper, child = InFolder(StudyFolder(tmp_path, "train")), resolve(CHILD)
    assert not keeper.claim(content_id(child), child)
    basin.train(PARENT, out=tmp_path)
    assert keeper.claim(content_id(child), child)
    keeper.release()


BEST = PARENT.replace(
    data=Digits(num_train=40, num_validation=200),
    optimizer=SGD(learning_rate=0.5),
    budget="60 steps",
    evaluations=Evaluations(early=0, regular=30),
    keep_best="loss",
)


def test_the_weights_kept_are_those_of_the_best_look() -> None:
    # The oracle is a run that ends there; with a constant rate its length decides nothing else.
    kept, plain = basin.train([BEST, BEST.replace(keep_best=None)], slots=1)
    step = kept.history.best("validation", "loss")
    assert 0 < step < 60, "the case must have its best look in the middle"
    same_bits(kept.params, basin.train(BEST.replace(keep_best=None, budget=f"{step} steps"), slots=1).params)
    for split in ("train", "validation", "test"):
        same_bits(kept.history.curve(split, "loss"), plain.history.curve(split, "loss"))
    assert float(kept.loss_fn(kept.params)) == pytest.approx(kept.history.at("train", "loss", step), rel=1e-6)


def test_a_run_begins_from_the_best_look_of_one_that_keeps_it() -> None:
    kept, child = basin.train([BEST, BEST.replace(start=BEST, keep_best=None)], slots=1)
    assert child.history.curve("validation", "loss")[1][0] == kept.history.curve("validation", "loss")[1].min()
