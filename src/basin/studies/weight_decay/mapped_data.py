r"""The experiment of the study `weight-decay` on networks trained on linearly mapped data.

The network is z = tanh(W1 x + b1), y = W2 z + b2. Inputs a x + b are absorbed by W1/a and a shift of b1, targets c y +
d by c W2 and c b2 + d, so the *transform* A(w) of a network answers on the mapped data what it answered before, mapped.
A regulariser is consistent if the minimiser on the mapped data is the transform of the minimiser on the original data.

    E(w) = (1 / (2 N s)) sum_n |y(x_n) - t_n|^2 + (lambda1/2) |W1|^2 + (lambda2/2) |W2|^2

on the original data (s = 1), with these pairs on the mapped data:

* `scaled`: s = c^2, (a^2 lambda1, lambda2 / c^2): the error is divided as the targets grow;
* `plain error`: s = 1, (a^2 c^2 lambda1, lambda2): the same minimiser, all of E times c^2;
* `unscaled`: s = 1, (a^2 lambda1, lambda2 / c^2): the rescaling of the regulariser beside an error that is not divided;
* `printed`: s = c^2, (a^(1/2) lambda1, c^(-1/2) lambda2): slide 46;
* `plain`: s = 1, one lambda for everything, biases included, on both data sets.

Minimisers are found by Newton steps in a trust region, in float64, to a gradient below 1e-10; training paths are not
equivalent, as the shift of the biases shears the coordinates, so paths are compared only to show that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

from basin.loss.precision import arithmetic
from basin.spec.weight_decay import LinearMaps

FORMS = ("scaled", "plain error", "unscaled", "printed", "plain")
PATH_STEPS, PATH_RATE = 200, 0.05
RESTED = 1e-10


class Problem(NamedTuple):
    """A data set and what is minimised on it: s of the error, and the decays of W1, b1, W2 and b2."""

    x: np.ndarray
    t: np.ndarray
    scale: float
    decays: tuple[float, float, float, float]


class Shape(NamedTuple):
    """Sizes of the two-layer network with one output."""

    inputs: int
    hidden: int

    @property
    def cuts(self) -> list[int]:
        """Where the vector of weights is cut into W1, b1, W2 and b2."""
        return np.cumsum([self.inputs * self.hidden, self.hidden, self.hidden]).tolist()


def predict(w: Any, x: Any, shape: Shape) -> jax.Array:
    """Return the network's outputs (examples,) for a vector of weights."""
    w1, b1, w2, b2 = jnp.split(w, shape.cuts)
    return jnp.tanh(x @ w1.reshape(shape.inputs, shape.hidden) + b1) @ w2 + b2[0]


def transform(w: np.ndarray, shape: Shape, maps: LinearMaps) -> np.ndarray:
    """Return the weights that answer c y + d on a x + b where `w` answers y on x."""
    w1, b1, w2, b2 = np.split(w, shape.cuts)
    kernel = w1.reshape(shape.inputs, shape.hidden)
    shifted = b1 - maps.b / maps.a * kernel.sum(axis=0)
    return np.concatenate([w1 / maps.a, shifted, maps.c * w2, maps.c * b2 + maps.d])


def objective(w: Any, problem: Problem, shape: Shape) -> jax.Array:
    """Return E(w)."""
    residuals = predict(w, problem.x, shape) - problem.t
    parts = jnp.split(w, shape.cuts)
    penalty = sum(decay * jnp.sum(part**2) for decay, part in zip(problem.decays, parts, strict=True))
    return jnp.mean(residuals**2) / (2 * problem.scale) + penalty / 2


_value = jax.jit(objective, static_argnums=2)
_gradient = jax.jit(jax.grad(objective), static_argnums=2)
_hessian = jax.jit(jax.hessian(objective), static_argnums=2)


def mapped(x: np.ndarray, t: np.ndarray, maps: LinearMaps, form: str) -> Problem:
    """Return the problem on the mapped data under one of :data:`FORMS`."""
    a, c, first, second = maps.a, maps.c, maps.first, maps.second
    scale, one, two = {
        "scaled": (c**2, a**2 * first, second / c**2),
        "plain error": (1.0, a**2 * c**2 * first, second),
        "unscaled": (1.0, a**2 * first, second / c**2),
        "printed": (c**2, a**0.5 * first, second * c**-0.5),
        "plain": (1.0, first, first),
    }[form]
    decays = (one, one, two, two) if form == "plain" else (one, 0.0, two, 0.0)
    return Problem(a * x + maps.b, c * t + maps.d, scale, decays)


def original(x: np.ndarray, t: np.ndarray, maps: LinearMaps, form: str) -> Problem:
    """Return the problem on the data as they are that belongs to a form."""
    first, second = maps.first, maps.second
    return Problem(x, t, 1.0, (first, first, first, first) if form == "plain" else (first, 0.0, second, 0.0))


def minimise(problem: Problem, start: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the minimiser that a trust region leads to from a start, polished by Newton steps."""
    found = scipy.optimize.minimize(
        lambda w: float(_value(w, problem, shape)),
        start,
        jac=lambda w: np.asarray(_gradient(w, problem, shape)),
        hess=lambda w: np.asarray(_hessian(w, problem, shape)),
        method="trust-exact",
        options={"gtol": 1e-6, "maxiter": 2000},
    ).x
    for _ in range(20):
        slope = np.asarray(_gradient(found, problem, shape))
        if np.linalg.norm(slope) < RESTED:
            break
        found = found - np.linalg.solve(np.asarray(_hessian(found, problem, shape)), slope)
    return found


def mapped_data(maps: LinearMaps) -> Mapping[str, Any]:
    """Return what the forms do to the minimiser, one row a data set.

    `slope-<form>` is the norm of the gradient on the mapped data at the transform of the original minimiser,
    `rest-<form>` that at the minimiser reached from there, `moved-<form>` the root mean square distance of the two
    networks' answers in standard deviations of the targets.
    """
    shape = Shape(maps.inputs, maps.hidden)
    with arithmetic("float64"):
        rows = [_one_dataset(np.random.default_rng(seed), maps, shape) for seed in range(maps.datasets)]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _one_dataset(rng: np.random.Generator, maps: LinearMaps, shape: Shape) -> dict[str, Any]:
    size = shape.cuts[-1] + 1
    x, begin = rng.standard_normal((maps.examples, maps.inputs)), rng.standard_normal(size)
    teacher = 1.5 * rng.standard_normal(size)
    t = np.asarray(predict(teacher, x, shape)) + 0.1 * rng.standard_normal(maps.examples)
    row: dict[str, Any] = _absorbed(begin, x, maps, shape)
    solutions: dict[tuple[float, ...], np.ndarray] = {}
    rests: list[float] = []
    for form in FORMS:
        before, after = original(x, t, maps, form), mapped(x, t, maps, form)
        if before.decays not in solutions:
            solutions[before.decays] = minimise(before, begin, shape)
            rests.append(_slope(solutions[before.decays], before, shape))
        start = transform(solutions[before.decays], shape, maps)
        end = minimise(after, start, shape)
        row[f"slope-{form}"], row[f"rest-{form}"] = (_slope(w, after, shape) for w in (start, end))
        row[f"moved-{form}"] = _apart(start, end, after, shape)
    row["original-rest"] = max(rests)
    row["path"] = _paths_apart(begin, x, t, maps, shape)
    return row | _regularisers(begin, maps, shape)


def _slope(w: np.ndarray, problem: Problem, shape: Shape) -> float:
    return float(np.linalg.norm(_gradient(w, problem, shape)))


def _absorbed(w: np.ndarray, x: np.ndarray, maps: LinearMaps, shape: Shape) -> dict[str, Any]:
    """Return how far a network and its transforms are from answering alike, relative to the size of the answers."""
    before, there = np.asarray(predict(w, x, shape)), maps.a * x + maps.b
    inputs_only, targets_only = maps.replace(c=1.0, d=0.0), maps.replace(a=1.0, b=0.0)
    by_inputs = np.asarray(predict(transform(w, shape, inputs_only), there, shape))
    by_targets = np.asarray(predict(transform(w, shape, targets_only), x, shape))
    wanted = maps.c * before + maps.d
    return {
        "absorbed-inputs": np.abs(by_inputs - before).max() / np.abs(before).max(),
        "absorbed-targets": np.abs(by_targets - wanted).max() / np.abs(wanted).max(),
    }


def _regularisers(w: np.ndarray, maps: LinearMaps, shape: Shape) -> dict[str, Any]:
    """Return how far the regulariser of the transform is from that of the network, relative to the latter."""

    def regulariser(at: np.ndarray, first: float, second: float) -> float:
        w1, _, w2, _ = np.split(at, shape.cuts)
        return float(first * (w1 @ w1) + second * (w2 @ w2)) / 2

    there, before = transform(w, shape, maps), regulariser(w, maps.first, maps.second)
    right = regulariser(there, maps.a**2 * maps.first, maps.second / maps.c**2)
    printed = regulariser(there, maps.a**0.5 * maps.first, maps.second * maps.c**-0.5)
    return {"regulariser-right": abs(right / before - 1), "regulariser-printed": abs(printed / before - 1)}


def _paths_apart(begin: np.ndarray, x: np.ndarray, t: np.ndarray, maps: LinearMaps, shape: Shape) -> float:
    """Return how far descent from the mapped start is from the transform of descent, after some steps."""
    here, there = original(x, t, maps, "scaled"), mapped(x, t, maps, "scaled")
    start, end = begin, transform(begin, shape, maps)
    for _ in range(PATH_STEPS):
        start = start - PATH_RATE * np.asarray(_gradient(start, here, shape))
        end = end - PATH_RATE * np.asarray(_gradient(end, there, shape))
    return _apart(transform(start, shape, maps), end, there, shape)


def _apart(one: np.ndarray, other: np.ndarray, problem: Problem, shape: Shape) -> float:
    difference = np.asarray(predict(one, problem.x, shape)) - np.asarray(predict(other, problem.x, shape))
    return float(np.sqrt(np.mean(difference**2)) / problem.t.std())
