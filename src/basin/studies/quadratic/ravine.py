"""Descent, momentum and RMSProp in a ravine: swing across, progress along, steps to the bottom (slides 22 and 27).

The ravine is x^2/100 + y^2/2, of condition number 50, with its eigenvectors along the axes as in document 003, whose
figure this is. Learning rates are compared in two ways: one common rate, at which descent visibly swings, and each at
the rate with which it gets down fastest. That rate is chosen on other starts than those it is judged on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from basin.spec.optimizer import SGD, GradientDescent, Optimizer, RMSProp
from basin.surfaces.functions import surface
from basin.surfaces.walk import Walk, trajectories

COMMON_RATE = 1.8
"""In units of 1 over the largest eigenvalue, which is 1 here: descent then swings with a factor of -0.8."""

RATES = np.logspace(-3, 1, 81)
"""The same budget for every optimiser: twenty rates a decade."""

HORIZON = 30
"""Steps over which swing and progress are read."""

TARGET = 1e-4
"""A walk is at the bottom once its value stays below this share of the start's; passing through does not count."""

SHOWN_START = (-9.0, 2.0)

OPTIMIZERS: Mapping[str, Callable[[float], Optimizer]] = {
    "descent": lambda rate: GradientDescent(learning_rate=rate),
    "momentum": lambda rate: SGD(learning_rate=rate, momentum=0.9, momentum_form="averaged"),
    "RMSProp": lambda rate: RMSProp(learning_rate=rate, beta=0.9),
}
"""Momentum in document 003's form, which averages gradients."""


def ravine(starts: int, num_steps: int) -> Mapping[str, Any]:
    """Return, by optimiser, what the walks of two rates show.

    Returns:
        `rate`: the tuned one; `steps over rates`: geometric mean of the steps to the bottom over the starts that tune;
        and for `common` and `tuned`: `swing` peak to peak across after the first step, and `travel` the sum of |dy|,
        both over the start's distance, and `progress` along as a share of the start's distance, all over the first 30
        steps; `steps` to the bottom (the walk's length where it is never reached), one for each start; and `path` from
        the start that is drawn.
    """
    rng = np.random.default_rng(27)
    sizes = rng.uniform([5.0, 1.0], [10.0, 3.0], (2 * starts, 2))
    drawn = sizes * rng.choice([-1.0, 1.0], (2 * starts, 2))
    tuning, judging = drawn[:starts], np.concatenate([drawn[starts:], [SHOWN_START]])
    return {name: _one(make, tuning, judging, num_steps) for name, make in OPTIMIZERS.items()}


def _one(
    make: Callable[[float], Optimizer], tuning: np.ndarray, judging: np.ndarray, num_steps: int
) -> Mapping[str, Any]:
    on = surface("ravine")
    walks = trajectories(on, tuning, [make(rate) for rate in RATES], num_steps=num_steps)
    cost = np.array([np.exp(np.log(_steps(walk)).mean()) for walk in walks])
    rate = float(RATES[cost.argmin()])
    common, tuned = trajectories(on, judging, [make(COMMON_RATE), make(rate)], num_steps=num_steps)
    return {
        "rate": np.array(rate),
        "steps over rates": cost,
        "common": _read(common),
        "tuned": _read(tuned),
    }


def _read(walk: Walk) -> Mapping[str, np.ndarray]:
    judged, shown = walk.points[:-1], walk.points[-1]
    first = judged[:, : HORIZON + 1]
    return {
        "swing": np.ptp(first[:, 1:, 1], axis=1) / np.abs(first[:, 0, 1]),
        "travel": np.abs(np.diff(first[..., 1], axis=1)).sum(axis=1) / np.abs(first[:, 0, 1]),
        "progress": 1 - np.abs(first[:, -1, 0] / first[:, 0, 0]),
        "steps": _steps(walk)[:-1],
        "path": shown[: HORIZON + 1],
    }


def _steps(walk: Walk) -> np.ndarray:
    """Return the step from which on each start stays at the bottom, and the length of the walk where it does not."""
    above = ~(walk.values <= TARGET * walk.values[:, :1])
    return np.minimum(above.shape[1] - above[:, ::-1].argmax(axis=1), walk.num_steps)
