"""Statistics for inference: what running averages tend to as the batch shrinks, in three forms, and what they cost.

At fixed weights an average over many batches of K examples tends to an expectation over batches:

* the slides average sigma, so that they tend to E[sigma_K];
* Flax averages the variance, divided by K: it tends to (K - 1) / K sigma^2;
* PyTorch averages the variance divided by K - 1, which tends to sigma^2.

The full pass takes the statistics of the whole training set.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from basin import data
from basin.measure.result import Measurement
from basin.models.model import Mode, Model
from basin.models.statistics import recompute
from basin.spec.normalisation import Normalisation
from basin.studies.study import Task
from basin.training.run import Run

KINDS = ("slides", "Flax", "PyTorch")


def tasks(spec: Normalisation) -> Sequence[Task]:
    """Return what is measured of a network with batch normalisation after its training."""
    found = [Task(name("running"), "test", _running), Task(name("full pass"), "test", _full_pass)]
    for size in spec.statistics_batches:
        for kind in KINDS:
            found.append(Task(name(kind, size, "loss"), "test", _averaged(spec, size, kind)))
            found.append(Task(name(kind, size, "variance"), "train", _first_variance(spec, size, kind)))
        found.append(Task(name("noise", size), "train", _noise(spec, size)))
    return found


def name(kind: str, size: int | None = None, what: str = "loss") -> str:
    """Return what a measurement is called."""
    batch = "" if size is None else f", batch {size}"
    return f"inference: {kind}{batch}, {what}"


def _running(run: Run) -> Measurement:
    return _measurement(run, lambda: _test_loss(run, run.state), "test loss with the averages that training left")


def _full_pass(run: Run) -> Measurement:
    return _measurement(run, lambda: _test_loss(run, _full_state(run)), "test loss with statistics of the training set")


def _averaged(spec: Normalisation, size: int, kind: str) -> Any:
    def compute(run: Run) -> Measurement:
        return _measurement(
            run,
            lambda: _test_loss(run, combine(_batch_states(run, spec, size), kind, size)),
            f"test loss with the mean over {spec.num_batches} batches of {size} in the manner of {kind}",
        )

    return compute


def _first_variance(spec: Normalisation, size: int, kind: str) -> Any:
    def compute(run: Run) -> Measurement:
        def value() -> float:
            averaged = combine(_batch_states(run, spec, size), kind, size)["norm"]["0"]["var"]
            return float(np.exp(np.log(averaged / _full_state(run)["norm"]["0"]["var"]).mean()))

        return _measurement(
            run, value, "variance over that of the training set, first layer, geometric mean over units"
        )

    return compute


def _noise(spec: Normalisation, size: int) -> Any:
    def compute(run: Run) -> Measurement:
        def value() -> float:
            first = np.asarray(_batch_states(run, spec, size)["norm"]["0"]["mean"])
            return float(np.exp(np.log(first.std(axis=0) / np.sqrt(_full_state(run)["norm"]["0"]["var"])).mean()))

        return _measurement(run, value, "standard deviation over batches of a unit's mean, in its sigma, first layer")

    return compute


def combine(states: Any, kind: str, size: int) -> Any:
    """Return the state that averaging the statistics of many batches (a leading axis) tends to.

    Example:
        >>> states = {"mean": np.zeros((2, 1)), "var": np.array([[1.0], [9.0]])}
        >>> [float(combine(states, kind, 5)["var"][0]) for kind in KINDS]
        [4.0, 5.0, 6.25]
    """
    if "var" not in states:
        return {key: combine(node, kind, size) for key, node in states.items()}
    variance = np.asarray(states["var"], np.float64)
    averaged = {
        "slides": lambda: np.sqrt(variance).mean(axis=0) ** 2,
        "Flax": lambda: variance.mean(axis=0),
        "PyTorch": lambda: variance.mean(axis=0) * size / (size - 1),
    }[kind]()
    return {"mean": np.asarray(states["mean"], np.float64).mean(axis=0), "var": averaged}


def _batch_states(run: Run, spec: Normalisation, size: int) -> Any:
    """Return the statistics of many random batches of the training set, and nothing else, stacked."""
    x = jnp.asarray(data.load(run.spec.data, run.spec.seed).x_train)
    random = np.random.default_rng([run.spec.seed, size])
    picked = np.stack([random.choice(len(x), size, replace=False) for _ in range(spec.num_batches)])
    return _states(run.model, run.params, run.state, x, jnp.asarray(picked))


@functools.partial(jax.jit, static_argnums=0)
def _states(model: Model, params: Any, state: Any, x: jax.Array, picked: jax.Array) -> Any:
    return jax.lax.map(lambda rows: model.apply(params, state, x[rows], mode=Mode.BATCH)[1], picked, batch_size=50)


def _full_state(run: Run) -> Any:
    return recompute(run.model, run.params, run.state, jnp.asarray(data.load(run.spec.data, run.spec.seed).x_train))


def _test_loss(run: Run, state: Any) -> float:
    digits = data.load(run.spec.data, run.spec.seed)
    state = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), state)
    logits = run.model.apply(run.params, state, jnp.asarray(digits.x_test), mode=Mode.EVAL)[0]
    chosen = np.take_along_axis(np.asarray(jax.nn.log_softmax(logits)), digits.y_test[:, None], axis=1)
    return float(-chosen.mean())


def _measurement(run: Run, value: Any, definition: str) -> Measurement:
    began = time.monotonic()
    return Measurement(
        value=value(),
        stderr=None,
        converged=True,
        num_passes=1,
        seconds=time.monotonic() - began,
        definition=definition,
        checks="none",
        key=f"seed {run.spec.seed}",
        precision=run.spec.precision,
    )
