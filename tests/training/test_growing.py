"""Networks that begin as smaller ones that were trained, and two-layer networks as Belkin et al. train them."""

import functools
import re
from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

import basin
from basin.data import Digits
from basin.loss.precision import arithmetic
from basin.models import MLP, build
from basin.models.model import Mode
from basin.optim import SGD
from basin.spec.run import Evaluations, RunSpec, StopAtError
from basin.training.bench import Bench
from basin.training.keys import named_key
from basin.training.plan import plan, resolve
from basin.training.run import Run

pytestmark = pytest.mark.usefixtures("compiled_cheaply")

NARROW = RunSpec(
    data=Digits(num_train=60),
    model=MLP(widths=(5,), initializer={"kind": "glorot"}),
    optimizer=SGD(learning_rate=0.005, momentum=0.95),
    batch_size=20,
    budget="6 steps",
    loss="mse",
    evaluations=Evaluations(early=0, regular=2),
    gradient_norm=False,
)
STD = 0.1


def wider(*widths: int, run: RunSpec = NARROW, **changes: Any) -> RunSpec:
    model = run.model.replace(widths=widths)
    return run.replace(**{"seed": 1, "model": model, "start": {"run": run, "new_weights_std": STD}} | changes)


@functools.cache
def narrow() -> Run:
    return basin.train(NARROW)


def flat(tree: Any) -> dict[str, np.ndarray]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path, simple=True, separator="."): np.asarray(leaf) for path, leaf in leaves}


def begin(child: RunSpec, parent: Run) -> tuple[Any, Any]:
    """A run's weights and state before its first update."""
    with arithmetic(child.precision):
        slot = Bench(plan([child])[-1]).fresh(resolve(child), parent)
        return slot.params, slot.model_state


def outside(array: np.ndarray, corner: tuple[int, ...]) -> np.ndarray:
    """The numbers that do not lie in a corner."""
    inside = np.zeros(array.shape, dtype=bool)
    inside[tuple(slice(size) for size in corner)] = True
    return array[~inside]


def test_the_smaller_network_stands_in_the_corner_and_the_rest_is_new() -> None:
    found, given = flat(begin(wider(400), narrow())[0]), flat(narrow().params)
    assert {name: array.shape for name, array in found.items()} == {
        "dense.0.bias": (400,),
        "dense.0.kernel": (64, 400),
        "output.bias": (10,),
        "output.kernel": (400, 10),
    }
    np.testing.assert_array_equal(found["dense.0.kernel"][:, :5], given["dense.0.kernel"])
    np.testing.assert_array_equal(found["dense.0.bias"][:5], given["dense.0.bias"])
    np.testing.assert_array_equal(found["output.kernel"][:5], given["output.kernel"])
    np.testing.assert_array_equal(found["output.bias"], given["output.bias"])
    new = {name: outside(array, given[name].shape) for name, array in found.items() if name != "output.bias"}
    for name, numbers in new.items():
        assert stats.kstest(numbers, stats.norm(0, STD).cdf).pvalue > 1e-3, name
    kernels = new["dense.0.kernel"][:3950], new["output.kernel"]
    assert abs(np.corrcoef(kernels)[0, 1]) < 0.1, "each array has a key of its own"


def test_what_a_grown_network_computes_is_what_its_parts_do_by_hand() -> None:
    """Hidden units act side by side: the output is the parent's plus what the new units add, in plain NumPy."""
    child = wider(9)
    params = begin(child, narrow())[0]
    x = np.random.default_rng(0).normal(size=(7, 64)).astype(np.float32)
    forward = build(child.model, (64,), 10).apply
    found = np.asarray(forward(params, {}, x, mode=Mode.EVAL)[0])
    old = flat(narrow().params)
    kernel, out = np.asarray(params["dense"]["0"]["kernel"])[:, 5:], np.asarray(params["output"]["kernel"])[5:]
    parent = np.maximum(x @ old["dense.0.kernel"] + old["dense.0.bias"], 0) @ old["output.kernel"] + old["output.bias"]
    added = np.maximum(x @ kernel + np.asarray(params["dense"]["0"]["bias"])[5:], 0) @ out
    np.testing.assert_allclose(found, parent + added, rtol=1e-5, atol=1e-6)


def test_with_new_weights_of_zero_the_curve_goes_on_where_the_parent_ended() -> None:
    child = basin.train(wider(9, start={"run": NARROW, "new_weights_std": 0.0}))
    for split in ("train", "test"):
        assert child.history.at(split, "loss", 0) == pytest.approx(narrow().history.last(split, "loss"), rel=1e-5)


def test_new_weights_come_from_the_seed_alone_and_from_no_other_use_of_it() -> None:
    one, again, other = (flat(begin(wider(9, seed=seed), narrow())[0])["dense.0.kernel"][:, 5:] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.isclose(one, other).any()
    drawn = flat(jax.jit(build(wider(9).model, (8, 8, 1), 10).init)(named_key(1, "init"))[0])
    assert not np.isclose(one, drawn["dense.0.kernel"][:, 5:]).any()


def test_every_hidden_layer_grows_both_ways() -> None:
    deep = NARROW.replace(model=MLP(widths=(4, 3)))
    trained = basin.train(deep)
    found, given = flat(begin(wider(6, 5, run=deep), trained)[0]), flat(trained.params)
    np.testing.assert_array_equal(found["dense.1.kernel"][:4, :3], given["dense.1.kernel"])
    assert found["dense.1.kernel"].shape == (6, 5)


def test_a_layer_that_is_larger_in_the_parent_stays_as_drawn() -> None:
    deep = NARROW.replace(model=MLP(widths=(4, 6)))
    trained = basin.train(deep)
    child = wider(6, 5, run=deep)
    found, given = flat(begin(child, trained)[0]), flat(trained.params)
    own = flat(jax.jit(build(child.model, (8, 8, 1), 10).init)(named_key(1, "init"))[0])
    np.testing.assert_array_equal(found["dense.0.kernel"][:, :4], given["dense.0.kernel"])
    np.testing.assert_array_equal(found["dense.1.kernel"], own["dense.1.kernel"])


def test_normalisation_of_new_units_begins_as_it_would_without_a_parent() -> None:
    normed = NARROW.replace(model=MLP(widths=(5,), norm="batch"))
    trained = basin.train(normed)
    params, state = map(flat, begin(wider(9, run=normed), trained))
    old = flat(trained.params) | flat(trained.state)
    for name, first in (("norm.0.scale", 1), ("norm.0.bias", 0), ("norm.0.var", 1), ("norm.0.mean", 0)):
        array = (params | state)[name]
        np.testing.assert_array_equal(array[:5], old[name])
        assert (array[5:] == first).all(), name


def test_a_chain_of_widths_grows_link_by_link_from_parents_that_stopped() -> None:
    rule = StopAtError(threshold=0.5)
    runs = [NARROW.replace(budget="200 steps", stop=(rule,), evaluations=Evaluations(early=0, regular=40))]
    for width in (7, 12):
        runs.append(wider(width, run=runs[-1], seed=width))
    trained = basin.train(runs)
    assert all(run.outcome.kind == "stopped" for run in trained)
    assert all(run.outcome.step < 200 for run in trained)
    for smaller, child, width in zip(trained, runs[1:], (5, 7), strict=False):
        first, last = flat(begin(child, smaller)[0]), flat(smaller.params)
        np.testing.assert_array_equal(first["output.kernel"][:width], last["output.kernel"])


@pytest.mark.parametrize(
    ("child", "message"),
    [
        (
            wider(3, start={"run": NARROW, "layers": ["dense"], "new_weights_std": STD}),
            "expected dense.0.bias of a shape no larger than (3,) in the run to start from, got the shape (5,); name",
        ),
        (
            wider(9, start={"run": NARROW, "layers": ["dense"]}),
            "expected dense.0.bias of the shape (9,) in the run to start from, got the shape (5,); name other",
        ),
        (
            wider(3),
            "expected a layer of the same paths, and shapes no larger, in the run to start from, got none: ",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_trained(child: RunSpec, message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        resolve(child)


def test_a_run_stops_where_all_training_labels_are_right() -> None:
    """The oracle is the run itself without a rule: the first look at which its training error is zero."""
    looks = Evaluations(early=0, regular=40)
    run = NARROW.replace(model=MLP(widths=(40,)), budget="400 steps", evaluations=looks)
    free, stopped, tenth = basin.train(
        [run, run.replace(stop=(StopAtError(),)), run.replace(stop=(StopAtError(threshold=0.1),))]
    )
    steps, errors = free.history.curve("train", "error")
    assert errors[0] > 0.1
    assert stopped.outcome.kind == "stopped"
    assert stopped.outcome.step == steps[np.flatnonzero(errors == 0)[0]]
    assert tenth.outcome.step == steps[np.flatnonzero(errors <= 0.1)[0]] < stopped.outcome.step
    assert stopped.outcome.reason == "training error 0 <= 0"
