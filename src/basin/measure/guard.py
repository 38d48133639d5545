"""Whether a loss is one function of the weights, checked before anything is measured of it.

Of a :class:`~basin.loss.DatasetLoss` the guard knows the declaration and can re-arrange the work:

* batch statistics must be declared `recomputed`; dropout and augmentation are off by construction;
* the value in other chunks of permuted examples must be the same up to rounding. A network that looks at its batch, or
  draws random numbers by position, is found out here, where repeating the same pass would prove nothing: in JAX a
  dropout loss with a captured key repeats exactly.

Rounding is bounded by first-order analysis: outputs of scale `S` may move by `c eps S` when sums are re-arranged, which
moves the mean loss by at most `c eps S G`, `G` being the mean 1-norm of its gradient by the outputs, beside a few
`eps (S + |f|)` of its own arithmetic. The factor `c = 1000` leaves room for the depth and width of networks.

Of an opaque callable only repeatability can be checked, and the result says that this is all.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss.chunks import output_scale
from basin.loss.precision import arithmetic
from basin.measure.keys import fold
from basin.measure.objective import Objective
from basin.spec.base import unknown_name

CHECKS = ("batch_norm", "examples", "precision", "repeatability")
"""What may be named in `allow`, to go on where the guard would refuse."""

_ROUNDING = 1000


def guard(objective: Objective, key: jax.Array, allow: Collection[str] = ()) -> tuple[float, str]:
    """Return the loss at the point, and what was checked in words.

    Args:
        objective: The loss at the point to be measured.
        key: Draws the permutation of the examples.
        allow: Names of :data:`CHECKS` that may fail; the result then says so.

    Raises:
        ValueError: A check failed, the loss is not finite at the point, or `allow` names no check.
    """
    allow = (allow,) if isinstance(allow, str) else tuple(allow)
    for name in allow:
        if name not in CHECKS:
            raise ValueError(unknown_name(name, CHECKS, "check in `allow`"))
    value = objective.value(objective.point)
    if not math.isfinite(value):
        raise ValueError(
            f"expected a finite loss at the point measured, got {value}; measure weights that did not diverge"
        )
    failures = [_precision_failure(objective)]
    if objective.loss is None:
        failures.append(_repeatability_failure(objective, value))
        text = "repeats exactly, which is all that can be checked of an opaque callable"
    else:
        failures.append(_declaration_failure(objective))
        failure, text = _examples_failure(objective, value, key)
        failures.append(failure)
    return value, _judge([failure for failure in failures if failure], allow, text)


def _judge(failures: list[tuple[str, str]], allow: tuple[str, ...], text: str) -> str:
    for name, message in failures:
        if name not in allow:
            raise ValueError(f"{message}, or allow={name!r} to measure it as it is")
    return "; ".join(["allowed although " + message.split(";")[0] for _, message in failures] or [text])


def _precision_failure(objective: Objective) -> tuple[str, str] | None:
    where = objective.downcast() if objective.precision == "float64" else None
    if where is None:
        return None
    return "precision", (
        f"expected a loss that stays in float64, got a cast inside it ({where}); "
        "let it take the dtype of its weights, ask for precision='float32'"
    )


def _repeatability_failure(objective: Objective, value: float) -> tuple[str, str] | None:
    again = objective.value(objective.point)
    if again == value:
        return None
    return "repeatability", (
        f"expected the same loss twice, got {value!r} and {again!r}; fix its random draws and batches"
    )


def _declaration_failure(objective: Objective) -> tuple[str, str] | None:
    loss = objective.loss
    if loss is None or not loss.model.has_batch_statistics or loss.batch_norm == "recomputed":
        return None
    return "batch_norm", (
        f"expected batch_norm='recomputed', got {loss.batch_norm!r}; "
        "recompute the statistics over the training set at these weights"
    )


def _examples_failure(objective: Objective, value: float, key: jax.Array) -> tuple[tuple[str, str] | None, str]:
    loss = objective.loss
    assert loss is not None
    if loss.num_examples == 1:
        return None, "one example, so no other chunks or order to compare"
    other = loss.with_chunk_size((loss.chunk_size + 1) // 2).permuted(fold(key, "permutation"))
    with arithmetic(objective.precision):
        params = objective.layout.unravel(jnp.asarray(objective.point))
        scale, slope = (float(number) for number in output_scale(loss.program, params, loss.data, loss.chunk_size))
    difference = abs(float(other.value(params)) - value)
    objective.counts["values"] += 1
    eps = float(np.finfo(objective.precision).eps)
    allowed = eps * (_ROUNDING * scale * slope + 10 * (scale + abs(value)))
    if difference <= allowed:
        return None, f"the same in {other.chunk_size} permuted examples a chunk (difference below {allowed:.1e})"
    return (
        "examples",
        f"expected a loss that no chunking or order of examples changes, got a difference of {difference:.1e} "
        f"(rounding allows {allowed:.1e}); remove what looks across examples or draws by position",
    ), ""
