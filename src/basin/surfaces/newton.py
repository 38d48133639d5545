r"""Newton's method for the zeros of a gradient, damped where the Hessian is singular, from many starts at once.

With the gradient :math:`g` and the Hessian :math:`\sum_i \lambda_i u_i u_i^T` at a point, a step is

.. math:: d = - \sum_i \frac{\lambda_i}{\lambda_i^2 + \nu \max_j \lambda_j^2} u_i (u_i^T g) ,

the step of Levenberg and Marquardt on :math:`\|g\|^2 / 2`; with :math:`\nu = 0` it is Newton's. A step that lowers
:math:`\|g\|` is taken and :math:`\nu` divided by ten; any other is not, and :math:`\nu` grows. It ends where no step
lowers :math:`\|g\|`, which at a regular point is where rounding begins.

In a curved valley, such as Rosenbrock's, damped steps have to follow it and get stuck. Newton's own steps leave it,
with a larger :math:`\|g\|` on the way. So a few of them go on from where the damped ones ended, and the point of the
least :math:`\|g\|` counts.

At a degenerate point Newton's method itself converges only linearly: the distance from the zero of :math:`x^p` falls by
:math:`(p - 2) / (p - 1)` a step, a half at the monkey saddle. The damping does not slow it further: it falls by ten,
:math:`\lambda^2` by :math:`e^2` at most. Hence the generous number of steps.

References:
    Nocedal & Wright, Numerical Optimization (2006), section 10.3.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from basin.loss.precision import arithmetic

MAX_STEPS, PLAIN_STEPS = 200, 50
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-30, 1e10


class Settled(NamedTuple):
    """Where Newton's method began and ended, for each start.

    Attributes:
        points: Ends, (starts, dimension).
        values: The function there.
        gradient_norms: The norm of its gradient there; infinite where the start has no finite one.
        steps: The undamped step that would come next: how far away the zero is thought to be.
        start_values: The function at the start.
        start_norms: The norm of its gradient at the start.
    """

    points: Float[np.ndarray, "starts dimension"]
    values: Float[np.ndarray, " starts"]
    gradient_norms: Float[np.ndarray, " starts"]
    steps: Float[np.ndarray, "starts dimension"]
    start_values: Float[np.ndarray, " starts"]
    start_norms: Float[np.ndarray, " starts"]


def settle(function: Callable[[jax.Array], jax.Array], starts: Float[np.ndarray, "starts dimension"]) -> Settled:
    """Follow Newton's method on the gradient from each start, in float64; all starts are one program.

    Example:
        >>> import numpy as np
        >>> found = settle(lambda x: x[0] ** 3 - 3 * x[0], np.array([[-2.0], [0.3]]))
        >>> found.points.round(12).tolist()
        [[-1.0], [1.0]]
    """
    with arithmetic("float64"):
        return Settled(*(np.asarray(part) for part in _program(function)(np.asarray(starts, np.float64))))


class _At(NamedTuple):
    point: Any
    gradient: Any
    norm: Any


class _Best(NamedTuple):
    point: Any
    norm: Any
    step: Any


class _State(NamedTuple):
    at: _At
    best: _Best
    damping: Any
    damped_steps: Any
    plain_steps: Any


@functools.lru_cache(maxsize=64)
def _program(function: Callable[[jax.Array], jax.Array]) -> Any:
    both, hessian = jax.value_and_grad(function), jax.hessian(function)

    def arrive(point: jax.Array) -> _At:
        gradient = both(point)[1]
        return _At(point, gradient, jnp.linalg.norm(gradient))

    def one(start: jax.Array) -> tuple[Any, ...]:
        at, nowhere = arrive(start), jnp.full_like(start, jnp.inf)
        begin = _State(at, _Best(start, jnp.inf, nowhere), FIRST_DAMPING, 0, 0)
        best = lax.while_loop(_goes_on, lambda state: _advance(state, arrive, hessian), begin).best
        return best.point, function(best.point), best.norm, best.step, function(start), at.norm

    return jax.jit(jax.vmap(one))


def _goes_on(state: _State) -> jax.Array:
    return (state.plain_steps < PLAIN_STEPS) & (state.best.norm > 0)


def _advance(state: _State, arrive: Callable[[jax.Array], _At], hessian: Callable[[jax.Array], jax.Array]) -> _State:
    """Take a damped step if it lowers the norm; once none does, take plain ones and remember the best point."""
    at, is_plain = state.at, state.plain_steps > 0
    step = _step(hessian(at.point), at.gradient, jnp.where(is_plain, LEAST_DAMPING, state.damping))
    best = _choose(is_plain & (at.norm < state.best.norm), _Best(at.point, at.norm, step), state.best)
    trial = arrive(at.point + step)
    better = trial.norm < at.norm
    damping = jnp.where(better, jnp.maximum(state.damping / 10, LEAST_DAMPING), state.damping * 100)
    is_stuck = jnp.all(trial.point == at.point) | (damping > MOST_DAMPING) | (at.norm == 0)
    turns_plain = is_plain | is_stuck | (state.damped_steps >= MAX_STEPS)
    return _State(
        at=_choose(is_plain | better, trial, at),
        best=best,
        damping=damping,
        damped_steps=state.damped_steps + 1,
        plain_steps=state.plain_steps + turns_plain,
    )


def _choose(first: jax.Array, a: Any, b: Any) -> Any:
    return jax.tree.map(lambda x, y: jnp.where(first, x, y), a, b)


def _step(hessian: jax.Array, gradient: jax.Array, damping: jax.Array) -> jax.Array:
    curvatures, axes = jnp.linalg.eigh(hessian)
    squares = curvatures**2 + damping * jnp.max(curvatures**2)
    inverse = jnp.where(squares > 0, curvatures / jnp.where(squares > 0, squares, 1.0), 0.0)
    return -axes @ (inverse * (axes.T @ gradient))
