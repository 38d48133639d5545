r"""Experiments of the study `early-stopping` on quadratics: descent from the origin against decay.

With H u_j = eta_j u_j, descent at rate rho is at s_j = 1 - (1 - rho eta_j)^tau of the minimum after tau steps, and a
decay of lambda leaves eta_j / (eta_j + lambda). At lambda = k / (rho tau) both are functions of x = rho tau eta_j, up
to what the finite number of steps does. Shares are where an optimiser walked to, unless the formula is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.optimize
import scipy.stats

from basin.measure.shrinkage import Decayed, Stopped
from basin.spec.early_stopping import Descent
from basin.spec.optimizer import GradientDescent
from basin.surfaces import quadratic, trajectories, trajectory

GRID = np.unique(np.concatenate([np.logspace(-3, 3, 121), np.linspace(0.02, 6, 300)]))
"""Values of x: six decades, and so finely where the two shares are far apart that the largest gap is seen to 1e-5."""


def descent(of: Descent) -> Mapping[str, Any]:
    """Return walks from the origin by eigendirection and the formula, (rates, steps + 1, directions), as shares."""
    rng, size = np.random.default_rng(0), len(of.eigenvalues)
    vectors, shares = scipy.stats.ortho_group.rvs(size, random_state=rng), 1 + rng.random(size)
    surface = quadratic(of.eigenvalues, rotation=vectors, minimum=(vectors @ shares).tolist(), half_width=100.0)
    rules = [GradientDescent(learning_rate=rate) for rate in of.rates]
    walks = trajectories(surface, np.zeros(size), rules, num_steps=of.num_steps)
    steps, left = np.arange(of.num_steps + 1)[:, None], [1 - rate * np.array(of.eigenvalues) for rate in of.rates]
    return {
        "walked": np.stack([walk.points @ vectors / shares for walk in walks]),
        "formula": np.stack([1 - factors**steps for factors in left]),
    }


def likeness(of: Descent) -> Mapping[str, Any]:
    """Return the shares left by stopping (walked) and by decay over :data:`GRID`, and the decay that is most alike."""
    stopped = walked_shares(GRID, of.likeness_steps)
    best: Any = scipy.optimize.minimize_scalar(
        lambda k: largest_gap(stopped, k), bounds=(0.3, 1.0), method="bounded", options={"xatol": 1e-6}
    )
    few = np.array([_largest_gap_after(steps) for steps in of.few_steps])
    return {
        "x": GRID,
        "stopped": stopped,
        "decayed": Decayed(1.0)(GRID),
        "decayed-best": Decayed(best.x)(GRID),
        "best-factor": np.array(best.x),
        "best-gap": np.array(best.fun),
        "few-steps": np.array(of.few_steps),
        "few-gaps": few,
    }


def walked_shares(x: np.ndarray, num_steps: int) -> np.ndarray:
    """Return the shares of the minimum after a walk at rate 1 over a quadratic with the eigenvalues x / steps."""
    surface = quadratic((x / num_steps).tolist(), minimum=[1.0] * len(x))
    return trajectory(surface, np.zeros(len(x)), GradientDescent(learning_rate=1.0), num_steps=num_steps).points[-1]


def largest_gap(stopped: np.ndarray, factor: float) -> float:
    """Return the largest distance from the shares that a decay of factor / (rho tau) leaves, over :data:`GRID`."""
    return float(np.max(np.abs(stopped - Decayed(factor)(GRID))))


def _largest_gap_after(num_steps: int) -> float:
    """Return the largest gap for rho eta from 0 to just below 1; a walk of so few steps is the formula's own power."""
    x = num_steps * np.linspace(0, 0.999, 2000)
    return float(np.max(np.abs(Stopped(1.0, num_steps)(x / num_steps) - Decayed(1.0)(x))))


def paths(of: Descent, num_points: int = 201) -> Mapping[str, Any]:
    """Return slide 50's figure, the path of descent and that of the minimum under decay, and how near they come.

    `nearest` holds, for random minima of length 1, the largest distance of a point of the decay path from the path of
    descent, (minima,).
    """
    lambdas, rate, num_steps = np.array([0.3, 3.0]), 0.01, 5000
    strengths = np.logspace(-3, 3, num_points)
    surface = quadratic(lambdas.tolist(), minimum=[1.0, 1.0])
    descended = trajectory(surface, np.zeros(2), GradientDescent(learning_rate=rate), num_steps=num_steps).points
    decayed = np.stack([Decayed(alpha)(lambdas) for alpha in strengths])
    angles = np.random.default_rng(4).uniform(0, 2 * np.pi, of.minima)
    nearest = [_furthest(np.array([np.cos(angle), np.sin(angle)]), descended, decayed) for angle in angles]
    target = np.array([2.0, 1.5])
    return {
        "lambdas": lambdas,
        "target": target,
        "strengths": strengths,
        "descent": descended * target,
        "decay": decayed * target,
        "nearest": np.array(nearest),
        "step-beside": _step_beside(target, descended, decayed),
        "rate": np.array(rate),
    }


def _distances(target: np.ndarray, descended: np.ndarray, decayed: np.ndarray) -> np.ndarray:
    """Return the distance of every point of the decay path from every point of descent, (strengths, steps + 1)."""
    return np.linalg.norm((decayed[:, None] - descended[None]) * target, axis=-1)


def _furthest(target: np.ndarray, descended: np.ndarray, decayed: np.ndarray) -> float:
    return float(_distances(target, descended, decayed).min(axis=1).max())


def _step_beside(target: np.ndarray, descended: np.ndarray, decayed: np.ndarray) -> np.ndarray:
    """Return the step of descent that lies nearest to each point of the decay path, (strengths,)."""
    return _distances(target, descended, decayed).argmin(axis=1)
