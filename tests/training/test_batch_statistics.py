"""Batch statistics at test time, as in the code of Keskar et al. 2017: what is looked at, and what is measured."""

import jax
import numpy as np
import pytest
import scipy.special

import basin
from basin.data import Digits, load
from basin.loss import DatasetLoss
from basin.models import MLP, statistics
from basin.optim import Adam
from basin.spec.run import Evaluations, RunSpec

RUN = RunSpec(
    data=Digits(num_train=110),
    model=MLP(widths=(6, 5), norm="batch", norm_momentum=0.99, dropout=0.3),
    optimizer=Adam(learning_rate=1e-2),
    batch_size=20,
    budget="12 steps",
    batch_norm="batch",
    evaluations=Evaluations(early=0, regular=1),
)


def judged_by_hand(params: dict, x: np.ndarray, y: np.ndarray, sizes: list[int]) -> tuple[float, float]:
    """Return loss and error with the statistics of each batch, in NumPy: there is no running average to be had."""
    losses, wrong = [], []
    for rows in np.split(np.arange(len(y)), np.cumsum(sizes)[:-1]):
        out = np.asarray(x[rows], np.float64).reshape(len(rows), -1)
        for layer in ("0", "1"):
            out = out @ params["dense"][layer]["kernel"] + params["dense"][layer]["bias"]
            out = (out - out.mean(0)) / np.sqrt(out.var(0) + 1e-5)
            out = np.maximum(out * params["norm"][layer]["scale"] + params["norm"][layer]["bias"], 0)
        out = out @ params["output"]["kernel"] + params["output"]["bias"]
        losses.append(scipy.special.logsumexp(out, axis=1) - out[np.arange(len(rows)), y[rows]])
        wrong.append(out.argmax(axis=1) != y[rows])
    return float(np.concatenate(losses).mean()), float(np.concatenate(wrong).mean())


@pytest.fixture(scope="module")
def batches_of_forty():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "EVALUATION_BATCH", 40)
        yield


@pytest.fixture(scope="module")
def trained(batches_of_forty: None):
    return basin.train(RUN)


def test_a_look_uses_the_statistics_of_each_batch(trained: basin.Run) -> None:
    # independent: NumPy, which knows neither the network's state nor its modes; 110 are 37 + 37 + 36, 360 nine times 40
    data, params = load(RUN.data, 0), jax.tree.map(np.asarray, trained.params)
    for split, sizes in (("train", [37, 37, 36]), ("test", [40] * 9)):
        x, y = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
        loss, error = judged_by_hand(params, x, y, sizes)
        assert trained.history.last(split, "loss") == pytest.approx(loss, rel=1e-5)
        assert trained.history.last(split, "error") == pytest.approx(error, abs=1e-9)
        assert abs(judged_by_hand(params, x, y, [len(y)])[0] - loss) > 1e-4 * loss, (
            "which examples share a batch matters"
        )


@pytest.mark.parametrize("split", ["train", "test"])
def test_what_is_measured_is_what_was_looked_at(split: str, trained: basin.Run) -> None:
    loss = trained.loss(split)
    assert float(loss(trained.params)) == pytest.approx(trained.history.last(split, "loss"), rel=1e-5)
    assert "the statistics of each chunk of " in loss.definition


def test_no_running_average_enters(trained: basin.Run) -> None:
    data, wild = load(RUN.data, 0), jax.tree.map(lambda a: a + 1000, trained.state)
    losses = [
        DatasetLoss(trained.model, state, data.x_test, data.y_test, batch_norm="batch")
        for state in (trained.state, wild)
    ]
    assert float(losses[0](trained.params)) == float(losses[1](trained.params))


@pytest.mark.usefixtures("batches_of_forty")
def test_another_batch_is_asked_for_by_the_size_of_chunks(trained: basin.Run) -> None:
    data, params = load(RUN.data, 0), jax.tree.map(np.asarray, trained.params)
    whole = trained.loss("test", chunk_size=360)
    assert float(whole(trained.params)) == pytest.approx(
        judged_by_hand(params, data.x_test, data.y_test, [360])[0], rel=1e-5
    )


def test_a_network_without_statistics_is_looked_at_in_its_usual_chunks() -> None:
    plain = RUN.replace(model=MLP(widths=(4,)), budget="1 step")
    named = [basin.train(plain.replace(batch_norm=mode)) for mode in ("batch", "recomputed")]
    assert named[0].history.last("test", "loss") == named[1].history.last("test", "loss")
    assert named[0].loss("test").chunk_size == named[1].loss("test").chunk_size
