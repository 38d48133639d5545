"""Metrics of one network on whole sets, before the update at a scheduled step.

Definitions, each a mean over the set's examples (accumulated in float64 on the host, so that chunks leave no trace):
loss, as trained but for the smoothing of labels; error, the share whose largest output is not the label's (per cent are
for figures); soft-error, 1 minus the softmax probability of the label (Nakkiran et al. 2021); confidence, the largest
softmax probability. An error of which the network is as sure as it should be is 1 minus the confidence.

Where each example has a sequence of labels, all four are means over labels, each predicted from those before it as they
should be (teacher forcing): nats a token, share of wrong tokens. An example counts as often as it has labels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss.examples import EXAMPLE_LOSSES, are_sequences, has_target
from basin.models.model import Mode, Model, Params, State
from basin.models.statistics import evaluation_batch, recompute
from basin.spec.data import NO_TOKEN
from basin.spec.run import RunSpec
from basin.training.examples import Judges
from basin.training.feed import Examples

CHUNK = 10_000
CHUNK_OF_IMAGES = 1_000
OUTPUTS = 1 << 22
"""Outputs of sequences that are looked at together, at most: 16 MB in single precision."""

METRICS = ("loss", "error", "soft_error", "confidence")

Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]
"""Every metric of every example, (4, num_examples), in the order of METRICS; of a sequence, summed over its labels."""


@dataclass(frozen=True)
class Row:
    """One value of one metric of one split at one step, the store's long form."""

    step: int
    epoch: float
    examples: int
    split: str
    metric: str
    value: float


def evaluate(
    run: RunSpec,
    model: Model,
    params: Params,
    state: State,
    examples: Judges,
    *,
    in_full: bool = True,
    fresh: Examples | None = None,
) -> dict[tuple[str, str], float]:
    """Return {(split, metric): value} on the training set and, unless that is all that is wanted, on the others.

    The others are the held-out examples, if there are any, `fresh` ones, if they are given, the test set and its two
    halves.

    The halves `test_a` and `test_b` are the even and the odd test examples: what is selected on one is measured on the
    other.
    """
    table, state = _on_training_set(run, model, params, state, examples)
    values = {} if table is None or examples.train is None else _means("train", table, examples.train[1])
    if in_full and examples.validation is not None:
        table = per_example(run, model, params, state, *examples.validation)
        values |= _means("validation", table, examples.validation[1])
    if in_full and fresh is not None:
        values |= _means("fresh", per_example(run, model, params, state, *fresh), fresh[1])
    if in_full:
        y = examples.test[1]
        table = per_example(run, model, params, state, *examples.test)
        values |= _means("test", table, y)
        values |= _means("test_a", table[:, 0::2], y[0::2]) | _means("test_b", table[:, 1::2], y[1::2])
    return values


def _on_training_set(
    run: RunSpec, model: Model, params: Params, state: State, examples: Judges
) -> tuple[Table | None, State]:
    """Return the scores of the training set, if there is one, and the state that the test set is looked at with.

    A set of one chunk is passed once even where its statistics are recomputed: `Mode.BATCH` on all of it gives the
    outputs that its own statistics give, and these statistics.
    """
    recomputed = run.batch_norm == "recomputed" and model.has_batch_statistics
    if recomputed and examples.train is not None and len(examples.train[1]) <= _chunk(model, examples.train[1]):
        scores, state = _scores(model, run.loss, Mode.BATCH, params, state, *examples.train)
        return np.asarray(scores, np.float64), state
    if recomputed:
        state = recompute(model, params, state, examples.reference)
    return (None if examples.train is None else per_example(run, model, params, state, *examples.train)), state


def per_example(run: RunSpec, model: Model, params: Params, state: State, x: jax.Array, y: jax.Array) -> Table:
    """Return every metric of every example, (4, num_examples), float64; of a sequence, summed over its labels."""
    by_batch = run.batch_norm == "batch" and model.has_batch_statistics
    chunk = evaluation_batch(len(y)) if by_batch else _chunk(model, y)
    mode = Mode.BATCH if by_batch else Mode.EVAL
    parts = [
        _scores(model, run.loss, mode, params, state, x[start : start + chunk], y[start : start + chunk])[0]
        for start in range(0, x.shape[0], chunk)
    ]
    return np.concatenate([np.asarray(part, np.float64) for part in parts], axis=1)


def _chunk(model: Model, y: jax.Array) -> int:
    if are_sequences(y):
        return max(1, min(CHUNK, OUTPUTS // (math.prod(y.shape[1:]) * model.num_classes)))
    return CHUNK_OF_IMAGES if model.has_convolution else CHUNK


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _scores(
    model: Model, loss: str, mode: Mode, params: Params, state: State, x: jax.Array, y: jax.Array
) -> tuple[jax.Array, State]:
    outputs, state = model.apply(params, state, x, mode=mode)
    probabilities = jax.nn.softmax(outputs)
    losses = EXAMPLE_LOSSES[loss](outputs, y)
    right = jnp.take_along_axis(probabilities, jnp.maximum(y, 0)[..., None], axis=-1)[..., 0]
    wrong = jnp.argmax(outputs, axis=-1) != y
    scores = jnp.stack([losses, wrong.astype(outputs.dtype), 1 - right, jnp.max(probabilities, axis=-1)])
    if are_sequences(y):
        scores = jnp.sum(jnp.where(has_target(y), scores, 0), axis=range(2, scores.ndim))
    return scores, state


def _means(split: str, table: Table, y: jax.Array) -> dict[tuple[str, str], float]:
    count = np.count_nonzero(np.asarray(y) != NO_TOKEN) if are_sequences(y) else len(y)
    return {(split, metric): float(value) / count for metric, value in zip(METRICS, table.sum(axis=1), strict=True)}


@jax.jit
def norms(params: Params, start: Params) -> tuple[jax.Array, jax.Array]:
    """Return the Euclidean norm of the weights and their distance from the start, over all trained arrays."""
    squares = jax.tree.map(lambda a: jnp.sum(jnp.square(a)), params)
    moved = jax.tree.map(lambda a, b: jnp.sum(jnp.square(a - b)), params, start)
    return jnp.sqrt(sum(jax.tree.leaves(squares))), jnp.sqrt(sum(jax.tree.leaves(moved)))


def rows(values: dict[tuple[str, str], float], *, step: int, batch_size: int, num_train: int | None) -> Iterator[Row]:
    """Write values in the store's long form; an epoch of an endless stream has no meaning and is NaN."""
    examples = step * batch_size
    epoch = examples / num_train if num_train else float("nan")
    for (split, metric), value in values.items():
        yield Row(step, epoch, examples, split, metric, value)
