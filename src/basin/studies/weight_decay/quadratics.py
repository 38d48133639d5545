r"""Experiments of the study `weight-decay` on quadratics and on pure noise, where theory knows every number.

With H u_j = lambda_j u_j and a penalty alpha/2 w'w, descent at rate eta has in direction j

    z_j(t) = s_j z*_j + (1 - eta (lambda_j + alpha))^t (z_j(0) - s_j z*_j),   s_j = lambda_j / (lambda_j + alpha).

All arithmetic is float64. What stands under `formula` is the right-hand side, in NumPy; what stands beside it comes
from optimisers that walked, or from linear algebra on the matrix itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.stats

from basin.loss.precision import arithmetic
from basin.measure.shrinkage import Decayed
from basin.optim import build
from basin.spec.optimizer import Adam, GradientDescent
from basin.spec.schedule import Cosine
from basin.spec.weight_decay import Bowl, Noise
from basin.surfaces import quadratic, trajectories


def eigendirections(bowl: Bowl) -> Mapping[str, Any]:
    """Return walks of descent with decay over a rotated quadratic by eigendirection, and the minima by linear algebra.

    `walked` and `formula`: (strengths, starts, steps + 1, directions), `minima` and `shrunk` (strengths, directions).
    """
    rng = np.random.default_rng(0)
    lambdas, size = np.array(bowl.eigenvalues), len(bowl.eigenvalues)
    vectors = scipy.stats.ortho_group.rvs(size, random_state=rng)
    minimum, starts = rng.standard_normal(size), rng.standard_normal((bowl.starts, size))
    surface = quadratic(bowl.eigenvalues, rotation=vectors, minimum=minimum.tolist(), half_width=100.0)
    rules = [GradientDescent(learning_rate=bowl.learning_rate, weight_decay=alpha) for alpha in bowl.strengths]
    walks = trajectories(surface, starts, rules, num_steps=bowl.num_steps)
    target, begin = minimum @ vectors, starts @ vectors
    steps = np.arange(bowl.num_steps + 1)[:, None]
    formula, minima, shrunk = [], [], []
    hessian = (vectors * lambdas) @ vectors.T
    for alpha in bowl.strengths:
        goal = Decayed(alpha)(lambdas) * target
        factors = (1 - bowl.learning_rate * (lambdas + alpha)) ** steps
        formula.append(goal + factors * (begin - goal)[:, None, :])
        minima.append(np.linalg.solve(hessian + alpha * np.eye(size), hessian @ minimum) @ vectors)
        shrunk.append(goal)
    return {
        "walked": np.stack([walk.points @ vectors for walk in walks]),
        "formula": np.stack(formula),
        "minima": np.stack(minima),
        "shrunk": np.stack(shrunk),
        "scale": np.linalg.norm(minimum) + np.linalg.norm(starts, axis=1),
        "target": target,
    }


def penalties(bowl: Bowl) -> Mapping[str, Any]:
    """Return, for penalties strength/2 w'w (page 42) and strength w'w (page 43), the minimum that autodiff finds.

    `halved` and `whole` hold the share of each coordinate that is left, (strengths, directions).
    """
    lambdas = np.array(bowl.eigenvalues)
    start = np.zeros(len(lambdas))

    def penalised(w: jax.Array, weight: float) -> jax.Array:
        return jnp.sum(lambdas * (w - 1.0) ** 2) / 2 + weight * jnp.sum(w**2)

    slope, curvature = jax.jit(jax.grad(penalised)), jax.jit(jax.hessian(penalised))

    def minimum(weight: float) -> np.ndarray:
        return -np.linalg.solve(np.asarray(curvature(start, weight)), np.asarray(slope(start, weight)))

    with arithmetic("float64"):
        found = {
            name: np.stack([minimum(factor * strength) for strength in bowl.strengths])
            for name, factor in (("halved", 0.5), ("whole", 1.0))
        }
    return {**found, "lambdas": lambdas, "strengths": np.array(bowl.strengths)}


def effective_numbers(bowl: Bowl) -> Mapping[str, Any]:
    """Return gamma over a grid of strengths: as the sum of shrinkages, and as the trace of H (H + alpha I)^-1."""
    lambdas = np.array([value for value in bowl.eigenvalues if value > 0])
    vectors = scipy.stats.ortho_group.rvs(len(lambdas), random_state=np.random.default_rng(1))
    hessian = (vectors * lambdas) @ vectors.T
    strengths = np.logspace(-5, 5, 41)
    return {
        "strengths": strengths,
        "sums": np.array([Decayed(alpha)(lambdas).sum() for alpha in strengths]),
        "traces": np.array([_hat_trace(hessian, alpha) for alpha in strengths]),
        "lambdas": lambdas,
    }


def _hat_trace(hessian: np.ndarray, alpha: float) -> float:
    return float(np.trace(np.linalg.solve(hessian + alpha * np.eye(len(hessian)), hessian)))


def path_of_the_minimum(num_points: int = 81) -> Mapping[str, Any]:
    """Return slide 43's figure: a steep and a flat direction, and the minimum as the strength grows."""
    lambdas, target = np.array([0.3, 3.0]), np.array([2.0, 1.5])
    strengths = np.logspace(-3, 3, num_points)
    path = np.stack([Decayed(alpha)(lambdas) * target for alpha in strengths])
    return {"lambdas": lambdas, "target": target, "strengths": strengths, "path": path}


def adam_on_the_bowl(bowl: Bowl) -> Mapping[str, Any]:
    """Return where Adam ends with coupled and with decoupled decay, as shares of the minimum (starts, directions)."""
    size = len(bowl.eigenvalues)
    starts = np.random.default_rng(2).standard_normal((bowl.starts, size))
    surface = quadratic(bowl.eigenvalues, minimum=[1.0] * size, half_width=100.0)
    rate = Cosine(initial=bowl.adam_rate)
    rules = [Adam(learning_rate=rate, weight_decay=bowl.adam_strength, decay=form) for form in ("coupled", "decoupled")]
    walks = trajectories(surface, starts, rules, num_steps=bowl.adam_steps)
    return {
        "lambdas": np.array(bowl.eigenvalues),
        "coupled": walks[0].points[:, -1],
        "decoupled": walks[1].points[:, -1],
        "formula": Decayed(bowl.adam_strength)(np.array(bowl.eigenvalues)),
    }


def adam_in_noise(noise: Noise) -> Mapping[str, Any]:
    """Return weights under noise alone, the mean of each walk and its mirror image, (draws, steps + 1, scales).

    The mean is also over the weights of a scale. Noise and its negative move Adam by opposite updates, so what is left
    of their mean is what decay did.
    """
    shape = (noise.draws, noise.num_steps, len(noise.scales), noise.weights)
    drawn = np.random.default_rng(3).standard_normal(shape) * np.array(noise.scales)[:, None]
    found = {}
    with arithmetic("float64"):
        for form in ("coupled", "decoupled"):
            rule = build(Adam(learning_rate=noise.learning_rate, weight_decay=noise.strength, decay=form))
            walk = jax.jit(jax.vmap(lambda gradients, rule=rule: _walk(rule, gradients)))
            found[form] = np.asarray(walk(drawn) + walk(-drawn)).mean(axis=-1) / 2
    steps = np.arange(noise.num_steps + 1)
    return {**found, "formula": (1 - noise.learning_rate * noise.strength) ** steps}


def _walk(rule: optax.GradientTransformation, gradients: jax.Array) -> jax.Array:
    """Return all weights of a walk from 1 along given gradients, (steps + 1, scales, weights)."""
    start = jnp.ones(gradients.shape[1:])

    def step(carry: Any, gradient: jax.Array) -> tuple[Any, jax.Array]:
        weights, state = carry
        update, state = rule.update(gradient, state, weights)
        weights = weights + jnp.asarray(update)
        return (weights, state), weights

    _, later = jax.lax.scan(step, (start, rule.init(start)), gradients)
    return jnp.concatenate([start[None], later])
