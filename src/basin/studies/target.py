"""When a curve of training comes down to a loss: between two looks, by a straight line in its logarithm."""

from __future__ import annotations

import numpy as np

from basin.training.run import Run


def crossing(x: np.ndarray, loss: np.ndarray, target: float) -> float:
    """Return where a curve first comes down to a target; NaN if it never does.

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
