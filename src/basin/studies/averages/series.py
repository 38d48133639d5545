r"""Exponential averages of series, as the optimisers take them, and what they do to a signal and to its noise.

.. math:: A_t = \beta A_{t-1} + (1 - \beta) X_t, \qquad A_0 = 0,

gives the value of k steps ago the weight (1 - beta) beta^k. The weights of t values add up to 1 - beta^t, hence the
cold start and its correction A_t / (1 - beta^t). Their mean age is beta/(1 - beta); the sum of their squares, and with
it the variance left of white noise, is (1 - beta)/(1 + beta).

The averages are not written anew here: they are the velocity of momentum in its averaged form, fed with the series.

References:
    Muth, Optimal properties of exponentially weighted forecasts (1960): the best beta for a random walk in noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss.precision import arithmetic
from basin.optim import build
from basin.spec.base import with_leaves
from basin.spec.optimizer import SGD

GRID = 1 - np.logspace(0, -3, 31)
"""The averages among which the best is looked for: beta from 0, which averages nothing, to 0.999; ten a decade."""

NINE_TENTHS = 0.9
WEIGHTS_LENGTH = 5000
"""Long enough that at beta = 0.99 the weights that are cut off have a sum of 1e-22."""

SLOW = 100
"""The sine whose shift is measured takes so many times 1/(1 - beta) values a period."""


def averages(series: np.ndarray, betas: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the uncorrected averages of one or several series.

    Args:
        series: (..., length).
        betas: One or several, between 0 and 1.

    Returns:
        (betas, ..., length), float64.

    Example:
        >>> averages(np.array([1.0, 1.0]), [0.9]).round(6).tolist()
        [[0.1, 0.19]]
    """
    series = np.asarray(series, np.float64)
    with arithmetic("float64"):
        found = np.asarray(_velocities(np.asarray(betas, np.float64), np.moveaxis(series, -1, 0)))
    return np.moveaxis(found, 1, -1)


@jax.jit
def _velocities(betas: jax.Array, series: jax.Array) -> jax.Array:
    """Return (betas, length, ...) from a series (length, ...)."""
    template = SGD(learning_rate=1.0, momentum=0.5, momentum_form="averaged")

    def one(beta: jax.Array) -> jax.Array:
        rule = build(with_leaves(template, {"momentum": beta}))  # pyright: ignore[reportArgumentType]  still an SGD
        point = jnp.zeros(series.shape[1:], series.dtype)

        def step(state: object, gradient: jax.Array) -> tuple[object, jax.Array]:
            update, state = rule.update(gradient, state, point)  # pyright: ignore[reportArgumentType]
            return state, jnp.negative(update)  # pyright: ignore[reportArgumentType]  an array, as the series is

        return jax.lax.scan(step, rule.init(point), series)[1]

    return jax.vmap(one)(betas)


def corrected(averaged: np.ndarray, betas: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return averages (betas, ..., length) divided by 1 - beta^t.

    Example:
        >>> corrected(averages(np.array([3.0, 3.0]), [0.9]), [0.9]).round(6).tolist()
        [[3.0, 3.0]]
    """
    betas = np.asarray(betas, np.float64).reshape(-1, *[1] * (averaged.ndim - 1))
    return averaged / (1 - betas ** np.arange(1, averaged.shape[-1] + 1))


# --- What an average is ----------------------------------------------------------------------------------------------


def weights(betas: Sequence[float]) -> Mapping[str, np.ndarray]:
    """Return what the averages do to a single 1 among zeros, to ones, and to a ramp.

    Returns:
        `weights`: by age (betas, length); `ones`: (betas, length); `lag`: what the average of 0, 1, 2, ... is behind it
        at the end, by beta.
    """
    single, ones, ramp = np.zeros(WEIGHTS_LENGTH), np.ones(WEIGHTS_LENGTH), np.arange(float(WEIGHTS_LENGTH))
    single[0] = 1.0
    found = averages(np.stack([single, ones, ramp]), betas)
    return {"weights": found[:, 0], "ones": found[:, 1], "lag": ramp[-1] - found[:, 2, -1]}


def age_at(weights: np.ndarray, share: float) -> float:
    """Return the age at which a weight has fallen to a share of the first, between ages by its logarithm.

    Example:
        >>> age_at(np.array([1.0, 0.5, 0.25]), 2**-1.5)
        1.5
    """
    seen = weights > 0
    fallen = -np.log(weights[seen] / weights[0])
    return float(np.interp(-np.log(share), fallen, np.arange(len(weights))[seen]))


def shifts(betas: Sequence[float]) -> Mapping[str, np.ndarray]:
    """Return by how many values the average of a slow sine is behind it, by the phase of its last period.

    Returns:
        `shift`: by beta.
    """
    found = []
    for beta in betas:
        period = round(SLOW / (1 - beta))
        turns = 2 * np.pi * np.arange(3 * period) / period
        last = averages(np.sin(turns), [beta])[0, -period:]
        phase = np.angle(np.sum(last * np.exp(-1j * turns[-period:]))) - np.angle(
            np.sum(np.sin(turns[-period:]) * np.exp(-1j * turns[-period:]))
        )
        found.append(-phase * period / (2 * np.pi))
    return {"shift": np.array(found)}


def white(betas: Sequence[float], draws: int, length: int) -> Mapping[str, np.ndarray]:
    """Return the variance that is left of white noise of variance 1.

    Returns:
        `average`: of the exponential average (draws, betas); `mean`: of plain means of the last 1/(1 - beta) values.
    """
    noise = np.random.default_rng(19).standard_normal((draws, length))
    settled = averages(noise, betas)[..., 1000:]
    windows = [round(1 / (1 - beta)) for beta in betas]
    sums = np.cumsum(noise, axis=1)
    plain = [(sums[:, n:] - sums[:, :-n]) / n for n in windows]
    return {
        "average": np.mean(settled**2, axis=-1).T,
        "mean": np.stack([np.mean(one**2, axis=1) for one in plain], axis=1),
    }


# --- What is gained and lost -----------------------------------------------------------------------------------------


def settings(
    periods: Sequence[float], noises: Sequence[float], steps: Sequence[float]
) -> list[tuple[str, float, float]]:
    """Return the kinds of series: ("sine", period, noise) and ("walk", step, 1)."""
    return [("sine", period, noise) for period in periods for noise in noises] + [("walk", q, 1.0) for q in steps]


def errors(kinds: Sequence[tuple[str, float, float]], draws: int, length: int) -> Mapping[str, np.ndarray]:
    """Return mean squared errors of corrected averages over GRID, at beta 0.9 and 0.5, and at a walk's best in theory.

    Returns:
        `signal`: against the true signal (kinds, draws, betas); `data`: against the noisy series itself; `betas`: GRID
        with 0.9, 0.5 and, for each walk in turn, its best beta in theory after it.
    """
    theory = [best_beta_of_a_walk(size, noise) for kind, size, noise in kinds if kind == "walk"]
    betas = np.array([*GRID, NINE_TENTHS, 0.5, *theory])
    signal_errors, data_errors = [], []
    for signal, noisy in _drawn(kinds, draws, length):
        smooth = corrected(averages(noisy, betas), betas)
        signal_errors.append(np.mean((smooth - signal) ** 2, axis=-1).T)
        data_errors.append(np.mean((smooth - noisy) ** 2, axis=-1).T)
    return {"signal": np.array(signal_errors), "data": np.array(data_errors), "betas": betas}


def _drawn(
    kinds: Sequence[tuple[str, float, float]], draws: int, length: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for index, (kind, size, noise) in enumerate(kinds):
        rng = np.random.default_rng([21, index])
        if kind == "sine":
            phases = rng.uniform(0, 2 * np.pi, (draws, 1))
            signal = np.sin(2 * np.pi * np.arange(length) / size + phases)
        else:
            signal = np.cumsum(size * rng.standard_normal((draws, length)), axis=1)
        yield signal, signal + noise * rng.standard_normal((draws, length))


def best_beta_of_a_walk(step: float, noise: float = 1.0) -> float:
    """Return the beta with the least mean squared error for a random walk seen through white noise.

    With r = (step/noise)^2 the gain of the steady state is K = (sqrt(r^2 + 4 r) - r)/2, and beta = 1 - K.

    Example:
        >>> round(best_beta_of_a_walk(0.1), 3)
        0.905
    """
    r = (step / noise) ** 2
    return float(1 - (np.sqrt(r**2 + 4 * r) - r) / 2)


def shown(betas: Sequence[float], length: int = 180) -> Mapping[str, np.ndarray]:
    """Return one noisy series that rises and falls about a level of 5, with its averages.

    Returns:
        `signal`, `series` (length,); `raw` and `corrected` averages (betas, length).
    """
    days = np.arange(length)
    signal = 5 + 3 * np.sin(2 * np.pi * days / length - np.pi / 3)
    series = signal + np.random.default_rng(53).standard_normal(length)
    raw = averages(series, betas)
    return {"signal": signal, "series": series, "raw": raw, "corrected": corrected(raw, betas)}
