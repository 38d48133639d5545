"""F1 as Basin trains it, at the point where both sides measure its minimum; and the same point as Basin's weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

import basin
from basin.loss import DatasetLoss
from basin.models import build
from tasks import LAYERS, Minimum


def train_minimum(path: Path, num_train: int = 10_000, epochs: int = 3) -> None:
    """Train F1 on glyphs of 28x28 and write its weights, recomputed statistics and examples."""
    data = basin.data.Glyphs(size=28, difficulty=0.5, num_train=num_train, num_test=100)
    run = basin.train(
        basin.RunSpec(
            data=data,
            model=basin.models.F1(),
            optimizer=basin.optim.Adam(learning_rate=1e-3),
            batch_size=256,
            budget=f"{epochs} epochs",
            evaluations={"early": 0, "regular": 1},
        )
    )
    examples = basin.data.load(run.spec.data, run.spec.seed)
    params, statistics = (jax.tree.map(np.asarray, tree) for tree in (run.params, run.loss_fn.state))
    layers = [str(index) for index in range(LAYERS)]
    size = sum(leaf.size for leaf in jax.tree.leaves(params))
    Minimum(
        x=examples.x_train.reshape(num_train, -1),
        y=examples.y_train,
        kernels=(*(params["dense"][i]["kernel"] for i in layers), params["output"]["kernel"]),
        biases=(*(params["dense"][i]["bias"] for i in layers), params["output"]["bias"]),
        scales=tuple(params["norm"][i]["scale"] for i in layers),
        shifts=tuple(params["norm"][i]["bias"] for i in layers),
        means=tuple(statistics["norm"][i]["mean"] for i in layers),
        variances=tuple(statistics["norm"][i]["var"] for i in layers),
        start=np.random.default_rng(0).uniform(-1, 1, size),
    ).save(path)


def tree(arrays: list[np.ndarray]) -> dict[str, Any]:
    """Return arrays in the order of `Minimum.arrays` as Basin's nested dict of weights."""
    named: dict[str, Any] = {"dense": {}, "norm": {}, "output": {"kernel": arrays[-2], "bias": arrays[-1]}}
    for index in range(LAYERS):
        kernel, bias, scale, shift = arrays[4 * index : 4 * index + 4]
        named["dense"][str(index)] = {"kernel": kernel, "bias": bias}
        named["norm"][str(index)] = {"scale": scale, "bias": shift}
    return named


def loss_at(minimum: Minimum, precision: str) -> DatasetLoss:
    """Return the mean cross-entropy over the minimum's examples, its statistics held fixed."""
    statistics = {
        "norm": {str(i): {"mean": minimum.means[i], "var": minimum.variances[i]} for i in range(LAYERS)},
    }
    model = build(basin.models.F1(), (minimum.x.shape[1],), 10)
    return DatasetLoss(model, statistics, minimum.x, minimum.y, precision=precision)


if __name__ == "__main__":
    train_minimum(Path(sys.argv[1]))
