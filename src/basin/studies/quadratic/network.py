r"""The local quadratic of a trained network's loss, and how far it predicts descent (slides 3, 5 and 24).

With the gradient b and the Hessian H = U diag(lambda) U' of the training loss at the weights w_0, full-batch descent on
the quadratic is after T steps at

.. math:: w_T = w_0 - \eta \sum_i \Bigl(\sum_{k<T} (1 - \eta\lambda_i)^k\Bigr) (u_i^T b) u_i ,

which is the formula of slide 24 with the linear term kept, since b is not 0 on the way. The same descent is walked on
the network itself, in float64, with all eigenvalues known: the Hessian is dense.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from basin import data
from basin.loss.precision import arithmetic, cast_floats
from basin.measure.result import Measurement
from basin.spec.optimizer import GradientDescent
from basin.studies.quadratic.expansion import DIRECTIONS, LENGTHS, Function, remainders, small_steps
from basin.surfaces.walk import trajectories
from basin.training.run import Run

TOP = 5
"""Eigenvectors along which coordinates are followed."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LocalQuadratic(Measurement):
    """A network's loss near its weights against its second-order expansion there.

    Attributes:
        value: |predicted - measured fall of the loss| over the measured one, after the last step, at the first rate.
        eigenvalues: Of the Hessian, ascending.
        errors: |H U - U Lambda| over the largest eigenvalue, and |U'U - 1|.
        gradient_norm: |b|.
        rates: Learning rates of the descent.
        walked: The loss after each step, (rates, steps + 1).
        predicted: The same by the quadratic.
        coordinate_errors: Distance between walked and predicted coordinates along the five leading eigenvectors over
            the distance walked along them, (rates, steps + 1).
        remainders: See :func:`basin.studies.quadratic.expansion.remainders`.
        excess: See :func:`basin.studies.quadratic.expansion.small_steps`.
        fall: As above.
    """

    eigenvalues: np.ndarray
    errors: tuple[float, float]
    gradient_norm: float
    rates: tuple[float, ...]
    walked: np.ndarray
    predicted: np.ndarray
    coordinate_errors: np.ndarray
    remainders: dict[str, np.ndarray]
    excess: float
    fall: float


def local_quadratic(run: Run, *, steps: int, rates: Sequence[float]) -> LocalQuadratic:
    """Measure how well a network's local quadratic describes its training loss.

    Args:
        run: A finished run of a network without batch statistics.
        steps: Of full-batch descent.
        rates: Its learning rates, in units of 1 over the largest eigenvalue.

    Raises:
        ValueError: The network normalises by batch: its loss is no function of its weights alone.
    """
    started = time.perf_counter()
    function = _loss(run)
    with arithmetic("float64"):
        vector = np.asarray(ravel_pytree(cast_floats(run.params, "float64"))[0])
        near = jax.tree.map(np.asarray, _near(function, vector, jax.random.key(run.spec.seed)))
        eta = tuple(rate / near["eigenvalues"][-1] for rate in rates)
    walks = trajectories(function, vector, [GradientDescent(learning_rate=rate) for rate in eta], num_steps=steps)
    axes, slope = near["axes"], near["axes"].T @ near["slope"]
    moved = np.array([(walk.points - vector) @ axes for walk in walks])
    written = np.array([_descend(near["eigenvalues"], slope, rate, steps) for rate in eta])
    walked = np.array([walk.values for walk in walks])
    predicted = walked[:, :1] + written @ slope + (written**2 @ near["eigenvalues"]) / 2
    return LocalQuadratic(
        value=float(relative_error(walked, predicted)[0, -1]),
        stderr=None,
        converged=bool(np.isfinite(walked).all()),
        num_passes=len(vector) + len(eta) * steps,
        seconds=time.perf_counter() - started,
        definition=f"{steps} steps of full-batch descent against the quadratic at their start; {run.loss().definition}",
        checks="a network without batch statistics, dropout or augmentation",
        key=f"seed {run.spec.seed}",
        precision="float64",
        eigenvalues=near["eigenvalues"],
        errors=(float(near["equation"]), float(near["orthonormal"])),
        gradient_norm=float(np.linalg.norm(slope)),
        rates=eta,
        walked=walked,
        predicted=predicted,
        coordinate_errors=_coordinate_errors(moved[..., -TOP:], written[..., -TOP:]),
        remainders={name: near[name] for name in ("first", "second", "gradient", "model")},
        excess=float(near["excess"]),
        fall=float(near["fall"]),
    )


def relative_error(walked: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return |predicted - walked fall| over the walked one at each step, 0 at the start; rows are walks.

    Example:
        >>> relative_error(np.array([[2.0, 1.0]]), np.array([[2.0, 1.25]])).tolist()
        [[0.0, 0.25]]
    """
    fall, foreseen = walked[:, :1] - walked, predicted[:, :1] - predicted
    return np.abs(foreseen - fall) / np.where(fall == 0, 1.0, np.abs(fall))


def _coordinate_errors(moved: np.ndarray, written: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(moved, axis=-1)
    return np.linalg.norm(moved - written, axis=-1) / np.where(size == 0, 1.0, size)


def _descend(eigenvalues: np.ndarray, slope: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """Return where descent on the quadratic is along each eigenvector, (steps + 1, weights)."""
    powers = (1 - rate * eigenvalues) ** np.arange(steps)[:, None]
    return -rate * slope * np.concatenate([np.zeros_like(powers[:1]), np.cumsum(powers, axis=0)])


def _loss(run: Run) -> Function:
    """Return the training loss as a function of one vector of weights, and the same function for runs that share it."""
    if run.model.has_batch_statistics:
        raise ValueError("expected a network without batch normalisation, got one with it; leave out norm='batch'")
    source = run.spec.data
    key = (source, run.spec.model, run.spec.seed if data.depends_on_seed(source) else 0)
    if key not in _FUNCTIONS:
        loss = run.loss(precision="float64", chunk_size=data.describe(source).num_train)
        with arithmetic("float64"):
            unravel = ravel_pytree(cast_floats(run.params, "float64"))[1]
        _FUNCTIONS[key] = lambda vector: loss.value(unravel(vector))
    return _FUNCTIONS[key]


_FUNCTIONS: dict[Any, Function] = {}
"""What is compiled is compiled for a function, so runs on one loss share it."""


@functools.partial(jax.jit, static_argnums=0)
def _near(function: Function, vector: jax.Array, key: jax.Array) -> dict[str, jax.Array]:
    """Return gradient, eigenpairs, remainders, and what small steps do."""
    slope = jax.grad(function)(vector)
    rows = jax.lax.map(lambda unit: jax.jvp(jax.grad(function), (vector,), (unit,))[1], jnp.eye(vector.size))
    hessian = (rows + rows.T) / 2
    eigenvalues, axes = jnp.linalg.eigh(hessian)
    top = jnp.max(jnp.abs(eigenvalues))
    random = _unit_rows(jax.random.normal(key, (DIRECTIONS, vector.size), vector.dtype))
    near_slope = _unit_rows(slope / jnp.linalg.norm(slope) + jnp.logspace(-2, 0, DIRECTIONS)[:, None] * random)
    others = jnp.concatenate(
        [random, near_slope, axes[:, -TOP:].T, -axes[:, -TOP:].T, _unit_rows(jnp.sign(slope)[None])]
    )
    return {
        "slope": slope,
        "eigenvalues": eigenvalues,
        "axes": axes,
        "equation": jnp.max(jnp.abs(hessian @ axes - axes * eigenvalues)) / top,
        "orthonormal": jnp.max(jnp.abs(axes.T @ axes - jnp.eye(vector.size))),
        **remainders(function, vector, random, jnp.asarray(LENGTHS)),
        **small_steps(function, vector, others, top),
    }


def _unit_rows(rows: jax.Array) -> jax.Array:
    return rows / jnp.linalg.norm(rows, axis=1, keepdims=True)
