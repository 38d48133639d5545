"""Inputs of different ranges: what standardising them does to the condition number and to the time to train.

A linear model's mean squared error has the Hessian X^T X / N, X with a column of ones for the bias; descent at its best
rate 2 / (lambda_min + lambda_max) shrinks the slowest direction by (kappa - 1) / (kappa + 1) a step.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from basin import data
from basin.loss import DatasetLoss
from basin.loss.precision import arithmetic, cast_floats
from basin.models import build
from basin.spec.data import Digits
from basin.spec.model import MLP
from basin.spec.normalisation import Normalisation
from basin.spec.optimizer import GradientDescent
from basin.studies.tuning import grid
from basin.surfaces import trajectories

ARMS = ("different ranges", "as they are", "standardised")
RATES = grid(0.003, 3.0, 2)
NETWORK_LOSS = 0.5
"""Mean training loss (nats) at which the small network has arrived."""

LATE = 50
"""The largest eigenvalue over the one of this rank stands for a network's condition number: its last are 0 or less."""


def standardised_digits() -> dict[str, np.ndarray]:
    """Return the digits before and after standardising, one row an example."""
    raw, made = (data.load(Digits(standardise=flag), 0) for flag in (False, True))
    return {
        name: np.asarray(x, np.float64).reshape(len(x), -1)
        for name, x in (
            ("raw train", raw.x_train),
            ("raw test", raw.x_test),
            ("train", made.x_train),
            ("test", made.x_test),
        )
    }


def linear(spec: Normalisation) -> dict[str, Any]:
    """Return condition numbers of linear problems, (draws, arms), and steps of descent to a hundredth of the error."""
    raw = standardised_digits()["raw train"]
    random = np.random.default_rng(0)
    kappa, steps, two, correlations = [], [], [], []
    for _ in range(spec.draws):
        arms = inputs(raw[random.choice(len(raw), spec.small_examples, replace=False)], random)
        spectra = [spectrum(arms[arm]) for arm in ARMS]
        kappa.append([values[-1] / values[0] for values in spectra])
        start = random.normal(size=len(spectra[0]))
        steps.append([steps_of_descent(values, start) for values in spectra])
        pair = random.normal(size=(200, 2)) @ random.normal(size=(2, 2)) * 10 ** random.uniform(-2, 2, 2)
        scaled = (pair - pair.mean(axis=0)) / pair.std(axis=0)
        two.append(np.linalg.cond(scaled.T @ scaled / len(scaled)))
        correlations.append(scaled[:, 0] @ scaled[:, 1] / len(scaled))
    lists = {"kappa": kappa, "steps": steps, "two inputs": two, "correlation": correlations}
    return {name: np.array(values) for name, values in lists.items()}


def inputs(x: Float[np.ndarray, "n inputs"], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the same examples with every input on a range of its own, as they are, and standardised."""
    x = x[:, np.ptp(x, axis=0) > 0]
    ranges = 10 ** random.uniform(-1, 1, x.shape[1])
    return {"different ranges": x * ranges, "as they are": x, "standardised": (x - x.mean(axis=0)) / x.std(axis=0)}


def spectrum(x: Float[np.ndarray, "n inputs"]) -> Float[np.ndarray, "weights"]:
    """Return the eigenvalues, ascending, of the Hessian of a linear model with a bias: of X^T X / N.

    Those that are 0 to rounding are left out: pixels that are lit in one example only are copies of each other, and
    descent does not move along their difference.
    """
    design = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    values = np.linalg.eigvalsh(design.T @ design / len(x))
    return values[values > 1e-12 * values[-1]]


def steps_of_descent(eigenvalues: Float[np.ndarray, "n"], start: Float[np.ndarray, "n"], share: float = 0.01) -> float:
    """Return the steps that descent at its best rate takes to a share of its first excess error.

    Each eigendirection is walked exactly: alpha_i(t) = (1 - eta lambda_i)^t alpha_i(0). The excess never rises, so the
    step is found by bisection.

    Example:
        >>> steps_of_descent(np.array([1.0, 3.0]), np.ones(2), share=1 / 16)  # both directions halve at eta = 1/2
        2.0
    """
    shrink = np.abs(1 - 2 * eigenvalues / (eigenvalues[0] + eigenvalues[-1]))

    def excess(t: float) -> float:
        return float(eigenvalues @ (shrink**t * start) ** 2)

    low, high = 0, 1
    while excess(high) > share * excess(0):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if excess(middle) <= share * excess(0) else (middle, high)
    return float(high)


def network(spec: Normalisation) -> dict[str, Any]:
    """Return a small network's steps to a loss, (rates, seeds), and the spread of its Hessian's spectrum, (seeds,)."""
    model = build(MLP(widths=(spec.small_width,)), (64,), 10)
    digits = data.load(Digits(num_train=spec.small_examples, standardise=False), 0)
    arms = _on_all_pixels(digits.x_train.reshape(-1, 64))
    found: dict[str, Any] = {}
    with arithmetic("float64"):
        begun = [cast_floats(model.init(jax.random.key(seed))[0], "float64") for seed in range(spec.seeds)]
        unravel = ravel_pytree(begun[0])[1]
        starts = np.stack([np.asarray(ravel_pytree(params)[0]) for params in begun])
        for arm, x in arms.items():
            loss = DatasetLoss(model, {}, x, digits.y_train, precision="float64")
            function = functools.partial(_at, loss, unravel)
            rules = [GradientDescent(learning_rate=rate) for rate in RATES]
            walks = trajectories(function, starts, rules, num_steps=spec.small_steps)
            hessian = jax.jit(jax.hessian(function))
            spectra = [np.linalg.eigvalsh(np.asarray(hessian(jnp.asarray(start)))) for start in starts]
            found[arm] = {
                "steps": np.stack([walk.steps_to(NETWORK_LOSS) for walk in walks]),
                "spread": np.array([values[-1] / np.sort(np.abs(values))[-LATE] for values in spectra]),
            }
    return found


def _on_all_pixels(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arms with the constant pixels left in place: ranges by a fixed draw."""
    constant = np.ptp(x, axis=0) == 0
    scale = np.where(constant, 1.0, x.std(axis=0))
    ranges = 10 ** np.random.default_rng(1).uniform(-1, 1, x.shape[1])
    return {"different ranges": x * ranges, "as they are": x, "standardised": (x - x.mean(axis=0)) / scale}


def _at(loss: DatasetLoss, unravel: Any, flat: jax.Array) -> jax.Array:
    return loss(unravel(flat))
