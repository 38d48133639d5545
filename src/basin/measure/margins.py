r"""Margins: by how much the output of the right class exceeds the largest other one, over the examples of a data set.

.. math:: \mu_i = z_{i, y_i} - \max_{j \ne y_i} z_{i, j} .

The value is a low percentile of them (Jiang et al. 2020 take the 10th). Below 0 an example is misclassified; the share
of those is the error. Outputs have no scale of their own: multiply the last layer by 2 and no decision changes, but
every margin doubles, and training with cross-entropy goes on doing just that. `normalised` takes margins of outputs
less their mean, divided by their norm, which lie between -sqrt(2) and sqrt(2).

Reference: Y. Jiang, B. Neyshabur, H. Mobahi, D. Krishnan, S. Bengio. Fantastic generalization measures and where to
find them. ICLR 2020.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from basin.loss import DatasetLoss
from basin.loss.chunks import ChunkProgram, Data
from basin.loss.examples import are_sequences
from basin.loss.precision import Precision, arithmetic, check_precision
from basin.measure.guard import guard
from basin.measure.keys import resolve_key
from basin.measure.objective import Objective, natural_precision
from basin.measure.result import Measurement, frozen_array


@dataclass(frozen=True, eq=False, kw_only=True)
class Margins(Measurement):
    """A percentile of the margins; `stderr` is its sampling error over examples.

    Attributes:
        value: The percentile, in the unit of the outputs, or without one if normalised.
        percentile: Which one, 0 to 100.
        margins: All of them, in the order of the examples.
        normalised: Whether outputs were centred and divided by their norm.
        error: Share of the examples whose margin is not above 0.
        loss: The loss at the point.
        num_evaluations: How many values, and passes for the outputs, by arithmetic.
    """

    value: float
    stderr: float
    percentile: float
    margins: np.ndarray
    normalised: bool
    error: float
    loss: float
    num_evaluations: dict[str, int]


def margins(
    loss: DatasetLoss,
    params: Any,
    *,
    percentile: float = 10.0,
    normalised: bool = False,
    precision: Precision | None = None,
    allow: Collection[str] = (),
) -> Margins:
    """Measure a low percentile of the margins of a classifier.

    The standard error is half the distance between the order statistics one binomial deviation to either side.

    Args:
        loss: The mean over a data set with integer labels, one an example.
        params: The weights: a pytree of floating-point arrays.
        percentile: Which percentile, above 0 and below 100.
        normalised: Whether outputs are centred and divided by their norm first.
        precision: Arithmetic of the outputs; none takes that of the weights.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        The percentile, and all margins.

    Raises:
        ValueError: The loss fails the guard or has no outputs of integer labels, or the percentile is out of range.

    Example:
        >>> from basin.models.model import Model
        >>> identity = Model("identity", None, lambda p, s, x, mode, key=None: (p * x, s), (2,), 2)
        >>> outputs = np.array([[3.0, 1.0], [0.0, 5.0], [1.0, 2.0]])
        >>> result = margins(DatasetLoss(identity, {}, outputs, np.array([0, 1, 0])), np.ones(1), percentile=50)
        >>> result.margins.tolist(), result.value, round(result.error, 3)
        ([2.0, 5.0, -1.0], 2.0, 0.333)
    """
    started = time.perf_counter()
    _check_arguments(loss, percentile)
    random_key, key_text = resolve_key(None)
    precision = precision or natural_precision(params)
    check_precision(precision)
    objective = Objective(loss, params, precision)
    value, checks = guard(objective, random_key, allow)
    found = _all_margins(objective, normalised)
    objective.counts["outputs"] += 1
    return Margins(
        value=float(np.percentile(found, percentile)),
        stderr=_percentile_error(found, percentile),
        converged=True,
        num_passes=objective.num_passes,
        seconds=time.perf_counter() - started,
        definition=f"percentile {percentile:g} of {'normalised ' if normalised else ''}margins; stderr: over examples; "
        f"f: {objective.definition}",
        checks=checks,
        key=key_text,
        precision=precision,
        percentile=percentile,
        margins=frozen_array(found),
        normalised=normalised,
        error=float(np.mean(found <= 0)),
        loss=value,
        num_evaluations={f"{name}_{precision}": count for name, count in sorted(objective.counts.items())},
    )


def _all_margins(objective: Objective, normalised: bool) -> np.ndarray:
    assert objective.loss is not None
    loss, found = objective.loss, []
    with arithmetic(objective.precision):
        params = objective.layout.unravel(jnp.asarray(objective.point))
        for start, size in loss.program.chunks():
            found.append(np.asarray(_margins(loss.program, params, loss.data, start, size, normalised)))
    return np.concatenate(found).astype(np.float64)


@partial(jax.jit, static_argnames=("program", "size", "normalised"))
def _margins(
    program: ChunkProgram, params: Any, data: Data, start: Any, size: int, normalised: bool
) -> Float[jax.Array, "chunk"]:
    outputs, labels = program.outputs(params, data, start, size)
    if normalised:
        centred = outputs - jnp.mean(outputs, axis=1, keepdims=True)
        norms = jnp.linalg.norm(centred, axis=1, keepdims=True)
        outputs = centred / jnp.where(norms > 0, norms, 1)
    right = jnp.arange(outputs.shape[1]) == labels[:, None]
    own = jnp.sum(jnp.where(right, outputs, 0), axis=1)
    return own - jnp.max(jnp.where(right, -jnp.inf, outputs), axis=1)


def _percentile_error(values: np.ndarray, percentile: float) -> float:
    share, count = percentile / 100, len(values)
    half = math.sqrt(share * (1 - share) / count)
    low, high = np.quantile(values, np.clip([share - half, share + half], 0, 1))
    return float(high - low) / 2


def _check_arguments(loss: DatasetLoss, percentile: float) -> None:
    if not isinstance(loss, DatasetLoss):
        raise ValueError(f"expected a DatasetLoss, which knows outputs and labels, got {type(loss).__name__}")
    if are_sequences(loss.y) or not np.issubdtype(loss.y.dtype, np.integer) or loss.model.num_classes < 2:
        raise ValueError(
            f"expected one integer label an example and two or more outputs, got {loss.y.dtype} of shape "
            f"{loss.y.shape} and {loss.model.num_classes}"
        )
    if not 0 < percentile < 100:
        raise ValueError(f"percentile: expected a number between 0 and 100, got {percentile}")
