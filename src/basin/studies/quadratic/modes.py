r"""Gradient descent and momentum along the eigenvectors of a quadratic, walked against theory (slides 22 to 27).

Along an eigenvector descent multiplies the distance by 1 - eta lambda at every step, so

.. math:: \alpha_i(T) = (1 - \eta\lambda_i)^T \alpha_i(0),

which shrinks for 0 < eta < 2/lambda. With momentum mu a step tends to eta/(1 - mu) times a constant gradient and, where
the gradient changes its sign at every step, to eta/(1 + mu) times it; the walk is stable below 2 (1 + mu)/lambda, with
Nesterov's gradient below 2 (1 + mu)/((1 + 2 mu) lambda). A limit of stability is located by walking at many rates and
narrowing down between the last that stays and the first that grows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.stats import ortho_group

from basin.spec.optimizer import SGD, GradientDescent, Optimizer
from basin.surfaces.definition import Surface
from basin.surfaces.quadratics import quadratic
from basin.surfaces.walk import trajectories, trajectory

RATES = (0.1, 0.5, 1.0, 1.5, 1.9)
"""Learning rates of the walks, in units of 1 over the largest eigenvalue."""

SECTIONS = 32
ROUNDS = 6
"""Each round of the search for a limit narrows it by the number of sections, six of them to a billionth."""

LIMIT_STEPS = 3000
WINDOW = 200
"""At momentum 0.99 what fades from the start still has 0.002 of its size in the middle of the walk; spread over the
steps that follow it moves the limit by 1e-8 of itself."""


def decay(quadratics: int, steps: int, *, negative: bool = False) -> Mapping[str, np.ndarray]:
    """Return walked against written coordinates of descent on random quadratics of two to five dimensions.

    Args:
        quadratics: How many; each is walked at all of RATES.
        steps: Length of a walk.
        negative: Make the smallest eigenvalue negative: a saddle.

    Returns:
        By case (quadratic and rate): `error` the largest deviation over steps and directions, relative to the largest
        coordinate so far (the start's where descent converges); `growth` |alpha_1(T) / alpha_1(0)| along the smallest
        eigenvalue.
    """
    errors, growths = [], []
    for index in range(quadratics):
        rng = np.random.default_rng([24, index, int(negative)])
        size = 2 + index % 4
        eigenvalues = np.sort(np.exp(rng.uniform(-3, 1, size)))
        if negative:
            eigenvalues[0] = -0.3 * eigenvalues[0]
        axes, centre = ortho_group.rvs(size, random_state=rng), rng.uniform(-1, 1, size)
        saddle = quadratic(eigenvalues.tolist(), rotation=axes, minimum=centre.tolist())
        start = centre + rng.choice([-1, 1], size) * rng.uniform(0.5, 1, size)
        rates = np.array(RATES) / eigenvalues[-1]
        walks = trajectories(saddle, start, [GradientDescent(learning_rate=rate) for rate in rates], num_steps=steps)
        for rate, walk in zip(rates, walks, strict=True):
            walked = (walk.points - centre) @ axes
            written = (1 - rate * eigenvalues) ** np.arange(steps + 1)[:, None] * walked[0]
            scale = np.maximum.accumulate(np.linalg.norm(written, axis=1))
            errors.append(float((np.abs(walked - written).max(axis=1) / scale).max()))
            growths.append(abs(float(walked[-1, 0] / walked[0, 0])))
    return {"error": np.array(errors), "growth": np.array(growths)}


def shown(rates: Sequence[float] = (0.3, 1.9, 2.02), steps: int = 40) -> Mapping[str, np.ndarray]:
    """Return the walks that are drawn, on a turned quadratic with eigenvalues 0.05 and 1.

    Returns:
        `rates`; `eigenvalues`; `points` (rates, steps + 1, 2); `alpha`: their coordinates along the eigenvectors.
    """
    eigenvalues, angle, start = np.array([0.05, 1.0]), 0.4, [3.0, 1.5]
    axes = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    bowl = quadratic(eigenvalues.tolist(), rotation=angle)
    walks = trajectories(bowl, start, [GradientDescent(learning_rate=rate) for rate in rates], num_steps=steps)
    points = np.array([walk.points for walk in walks])
    return {"rates": np.array(rates), "eigenvalues": eigenvalues, "points": points, "alpha": points @ axes}


def factors(condition_numbers: Sequence[float]) -> Mapping[str, np.ndarray]:
    """Return the factor by which a step multiplies each coordinate, on quadratics with eigenvalues 1/kappa and 1.

    One walk serves all condition numbers: a quadratic of many dimensions falls apart into its directions.

    Returns:
        `limit`: the signed factor along u_min at eta = 2/lambda_max, by condition number; `best`: the larger of the two
        factors in magnitude at eta = 2/(lambda_min + lambda_max); `rates` and `slow`, `whole`: over rates up to
        2/lambda_max, the factor along u_min and the larger of the two (condition numbers, rates).
    """
    kappa = np.array(condition_numbers)
    eigenvalues = [*(1 / kappa), 1.0]
    bowl = quadratic(eigenvalues)
    best = 2 / (1 / kappa + 1)
    rates = np.linspace(0.05, 2.0, 40)
    every = [GradientDescent(learning_rate=rate) for rate in (*best, *rates)]
    walks = trajectories(bowl, np.ones(len(eigenvalues)), every, num_steps=4)
    measured = np.array([_factor(walk.points) for walk in walks])
    at_best, over = measured[: len(kappa)], measured[len(kappa) :]
    places = np.arange(len(kappa))
    slow, steep = over[:, :-1].T, over[:, -1]
    return {
        "limit": slow[:, -1],
        "best": np.maximum(np.abs(at_best[places, places]), np.abs(at_best[:, -1])),
        "rates": rates,
        "slow": slow,
        "whole": np.maximum(np.abs(slow), np.abs(steep)),
    }


def _factor(points: np.ndarray) -> np.ndarray:
    """Return the factor of the first step that did not start at 0, which is where a factor of 0 leads."""
    return points[1] / points[0]


def steps_needed(rates: Sequence[float], to: float = 1e-3) -> Mapping[str, np.ndarray]:
    """Return the first step at which a coordinate of eigenvalue 1 has shrunk to a share of its start, by rate."""
    longest = int(np.ceil(np.log(to) / np.log1p(-min(rates)))) + 2
    walks = trajectories(quadratic([1.0]), [1.0], [GradientDescent(learning_rate=r) for r in rates], num_steps=longest)
    return {"steps": np.array([int(walk.steps_to(to**2 / 2)) for walk in walks])}


# --- Limits of stability ---------------------------------------------------------------------------------------------


def limits(momenta: Sequence[float], curvatures: Sequence[float] = (0.5, 20.0)) -> Mapping[str, np.ndarray]:
    """Return the largest stable rate times lambda_max, as the walks show it.

    Returns:
        `descent`: by curvature, on turned quadratics of condition number 30; `momentum` and `nesterov`: by curvature
        and momentum.
    """
    surfaces = [quadratic([top / 30, top], rotation=0.7) for top in curvatures]
    pairs = list(zip(surfaces, curvatures, strict=True))
    return {
        "descent": np.array([top * limit(on, descent, 3 / top) for on, top in pairs]),
        "momentum": np.array([[top * limit(on, heavy_ball(mu), 6 / top) for mu in momenta] for on, top in pairs]),
        "nesterov": np.array([[top * limit(on, nesterov(mu), 6 / top) for mu in momenta] for on, top in pairs]),
    }


def descent(rate: float) -> Optimizer:
    """Return steepest descent."""
    return GradientDescent(learning_rate=rate)


def heavy_ball(momentum: float) -> Callable[[float], Optimizer]:
    """Return descent with momentum, by rate."""
    return lambda rate: SGD(learning_rate=rate, momentum=momentum)


def nesterov(momentum: float) -> Callable[[float], Optimizer]:
    """Return Nesterov's form, by rate."""
    return lambda rate: SGD(learning_rate=rate, momentum=momentum, nesterov=True)


def limit(surface: Surface, optimizer: Callable[[float], Optimizer], high: float) -> float:
    """Return the largest stable learning rate below `high`.

    A walk is stable if the largest distance over its last steps is below that in the middle of the walk.
    """
    low, start = 0.0, np.ones(surface.dimension)
    for _ in range(ROUNDS):
        rates = np.linspace(low, high, SECTIONS + 1)[1:]
        walks = trajectories(surface, start, [optimizer(rate) for rate in rates], num_steps=LIMIT_STEPS)
        grows = np.array([_grows(walk.points) for walk in walks])
        first = int(grows.argmax()) if grows.any() else len(rates) - 1
        low, high = (low if first == 0 else rates[first - 1]), rates[first]
    return (low + high) / 2


def _grows(points: np.ndarray) -> bool:
    away = np.abs(points).max(axis=1)
    middle = len(away) // 2
    early, late = away[middle - WINDOW : middle].max(), away[-WINDOW:].max()
    return not late <= early  # what has left is NaN, and grows


# --- Momentum --------------------------------------------------------------------------------------------------------


def momentum(momenta: Sequence[float], steps: int) -> Mapping[str, Any]:
    """Return the effective rate of momentum, in units of eta, under constant and under alternating gradients.

    The constant gradient is that of a plane; the alternating one that of a quadratic at eta = 2 (1 + mu)/lambda, where
    the walk settles to swinging between two points, as across the valley of slide 27.

    Returns:
        `constant` and `constant averaged`: step over gradient at each step, (momenta, steps); `swinging`: at the end,
        by momentum; `swing path` and `valley path`: walks at momentum 0.9, drawn as on slide 27; `forms`: the largest
        distance between the averaged form at alpha and the accumulated one at (1 - mu) alpha, relative to the start.
    """
    plane, rate = (lambda point: -point[0]), 0.1
    heavy = [SGD(learning_rate=rate, momentum=mu) for mu in momenta]
    averaged = [SGD(learning_rate=rate, momentum=mu, momentum_form="averaged") for mu in momenta]
    walks = trajectories(plane, [0.0], [*heavy, *averaged], num_steps=steps)
    rises = np.array([np.diff(walk.points[:, 0]) / rate for walk in walks])
    swings = [SGD(learning_rate=2 * (1 + mu), momentum=mu) for mu in momenta]
    settled = trajectories(quadratic([1.0]), [1.0], swings, num_steps=LIMIT_STEPS)
    ends = [_effective(walk.points[:, 0], 2 * (1 + mu)) for walk, mu in zip(settled, momenta, strict=True)]
    drawn = [trajectory(quadratic([1.0]), [1.0], SGD(learning_rate=1.8, momentum=0.9), num_steps=12)]
    drawn += [trajectory(quadratic([0.02, 1.0]), [-4.0, 1.5], SGD(learning_rate=0.1, momentum=0.9), num_steps=40)]
    return {
        "constant": rises[: len(momenta)],
        "constant averaged": rises[len(momenta) :],
        "swinging": np.array(ends),
        "swing path": drawn[0].points,
        "valley path": drawn[1].points,
        "forms": _forms_apart(momenta, steps),
    }


def _effective(points: np.ndarray, rate: float) -> float:
    """Return the last step over the gradient it follows (that of E = w^2/2 is w), in units of the rate."""
    return float((points[-2] - points[-1]) / points[-2] / rate)


def _forms_apart(momenta: Sequence[float], steps: int, rate: float = 1.2) -> np.ndarray:
    bowl, start = quadratic([0.05, 1.0], rotation=0.4), [2.0, -1.0]
    averaged = [SGD(learning_rate=rate, momentum=mu, momentum_form="averaged") for mu in momenta]
    accumulated = [SGD(learning_rate=(1 - mu) * rate, momentum=mu) for mu in momenta]
    walks = trajectories(bowl, start, [*averaged, *accumulated], num_steps=steps)
    points = np.array([walk.points for walk in walks]).reshape(2, len(momenta), -1)
    return np.abs(points[0] - points[1]).max(axis=1) / np.linalg.norm(start)


# --- One dimension ---------------------------------------------------------------------------------------------------


def error_curve(point: Any) -> Any:
    """Return a convex error of one weight, steeper on the left of its minimum at 0 than on the right."""
    (w,) = point
    return jnp.exp(-w) + w - 1


def one_dimension(starts: Sequence[float], rate: float, steps: int = 8) -> Mapping[str, np.ndarray]:
    """Return descent on the error curve from either side of its minimum at 0.

    Returns:
        `points` and `values`: (starts, steps + 1); `slopes` there; `curve_x`, `curve_y`: the curve itself.
    """
    walk = trajectory(error_curve, np.array(starts)[:, None], GradientDescent(learning_rate=rate), num_steps=steps)
    x = np.linspace(-2.0, 4.0, 121)
    points = walk.points[..., 0]
    return {
        "points": points,
        "values": walk.values,
        "slopes": 1 - np.exp(-points),
        "curve_x": x,
        "curve_y": np.exp(-x) + x - 1,
    }


def line_fit(seeds: int, steps: int = 1500) -> Mapping[str, np.ndarray]:
    """Return where descent on the mean squared error of a line W x + b ends, and the least-squares solution.

    Returns:
        `reached` and `least`: (seeds, 2), W and b.
    """
    rng = np.random.default_rng(2)
    x = rng.uniform(-2, 3, (seeds, 40))
    y = rng.normal(size=(seeds, 1)) * x + rng.normal(size=(seeds, 1)) + 0.3 * rng.standard_normal((seeds, 40))

    def misfit(point: Any) -> Any:  # the fits share no weight, so one walk is a walk on each
        slope, offset = point.reshape(seeds, 2, 1).swapaxes(0, 1)
        return jnp.sum(jnp.mean((slope * x + offset - y) ** 2, axis=1)) / 2

    walk = trajectory(misfit, np.zeros(2 * seeds), GradientDescent(learning_rate=0.3), num_steps=steps)
    least = [np.linalg.lstsq(np.stack([one, np.ones(40)], axis=1), y[i], rcond=None)[0] for i, one in enumerate(x)]
    return {"reached": walk.points[-1].reshape(seeds, 2), "least": np.array(least)}
