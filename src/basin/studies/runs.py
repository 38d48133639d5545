"""What the runs of an arm of a study hold, as arrays of a row or a number a run; NaN where a run has none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from basin import data
from basin.spec.data import AnyData
from basin.training.run import Run


def at_end(runs: Sequence[Run], split: str, metric: str, ended: str = "completed") -> Float[np.ndarray, "runs"]:
    """Return the last value of a metric for each run; NaN for a run that ended otherwise, such as by divergence.

    Args:
        runs: Of one arm, a run a seed.
        split: The data.
        metric: By its name in the history.
        ended: The kind of outcome that counts.
    """
    return np.array([run.history.last(split, metric) if run.outcome.kind == ended else np.nan for run in runs])


def curves(
    runs: Sequence[Run], split: str, metric: str, against: str = "epoch"
) -> tuple[Float[np.ndarray, "looks"], Float[np.ndarray, "runs looks"]]:
    """Return (where, values) of a metric at every look of the longest run; NaN after the last look of a shorter one."""
    found = [run.history.curve(split, metric, against) for run in runs]
    longest = max((where for where, _ in found), key=len)
    values = np.full((len(found), len(longest)), np.nan)
    for row, (_, seen) in zip(values, found, strict=True):
        row[: len(seen)] = seen
    return longest, values


def crossing(x: np.ndarray, loss: np.ndarray, target: float) -> float:
    """Return where a curve first comes down to a target, by a straight line in its logarithm; NaN if it never does.

    Example:
        >>> crossing(np.array([0, 10, 20]), np.array([4.0, 1.0, 0.5]), 2.0)
        5.0
    """
    below = np.flatnonzero(loss <= target)
    if not below.size:
        return float("nan")
    last = int(below[0])
    if last == 0:
        return float(x[0])
    here, there = np.log(loss[last - 1]), np.log(loss[last])
    return float(x[last - 1] + (x[last] - x[last - 1]) * (here - np.log(target)) / (here - there))


def steps_to_loss(run: Run, target: float) -> float:
    """Return the updates after which a run's training loss was at most a target; NaN if it never was."""
    return crossing(*run.history.curve("train", "loss"), target)


def one_test_example(source: AnyData) -> float:
    """Return the smallest step that a test error can take, in points."""
    return 100 / data.describe(source).num_test
