r"""Newton's method for the zeros of a gradient, damped where the Hessian is singular, from many starts at once.

With the gradient :math:`g` and the Hessian :math:`\sum_i \lambda_i u_i u_i^T` at a point, a step is

.. math:: d = - \sum_i \frac{\lambda_i}{\lambda_i^2 + \nu \max_j \lambda_j^2} u_i (u_i^T g) ,

the step of Levenberg and Marquardt on :math:`\|g\|^2 / 2`; with :math:`\nu = 0` it is Newton's. A step that lowers
:math:`\|g\|` is taken and :math:`\nu` divided by ten; any other is not, and :math:`\nu` grows. It ends where no step
lowers :math:`\|g\|`, which at a regular point is where rounding begins.

In a curved valley, such as Rosenbrock's, damped steps have to follow it and get stuck. Newton's own steps leave it, with
a larger :math:`\|g\|` on the way. So a few of them go on from where the damped ones ended, and their end counts if in
the end :math:`\|g\|` is lower.

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
    """Where Newton's method ended, for each start.

    Attributes:
        points: (starts, dimension).
        values: The function there.
        gradient_norms: The norm of its gradient there.
        steps: The undamped step that would come next: how far away the zero is thought to be.
    """

    points: Float[np.ndarray, "starts dimension"]
    values: Float[np.ndarray, " starts"]
    gradient_norms: Float[np.ndarray, " starts"]
    steps: Float[np.ndarray, "starts dimension"]


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


@functools.lru_cache(maxsize=64)
def _program(function: Callable[[jax.Array], jax.Array]) -> Any:
    both, hessian = jax.value_and_grad(function), jax.hessian(function)

    def step(point: jax.Array, gradient: jax.Array, damping: Any) -> jax.Array:
        curvatures, axes = jnp.linalg.eigh(hessian(point))
        squares = curvatures**2 + damping * jnp.max(curvatures**2)
        inverse = jnp.where(squares > 0, curvatures / jnp.where(squares > 0, squares, 1.0), 0.0)
        return -axes @ (inverse * (axes.T @ gradient))

    def goes_on(carry: tuple[Any, ...]) -> jax.Array:
        count, _, _, norm, damping = carry
        return (count < MAX_STEPS) & (norm > 0) & (damping < MOST_DAMPING)

    def improve(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        count, point, gradient, norm, damping = carry
        trial = point + step(point, gradient, damping)
        trial_gradient = both(trial)[1]
        trial_norm = jnp.linalg.norm(trial_gradient)
        better = trial_norm < norm
        kept = [
            jnp.where(better, new, old) for new, old in ((trial, point), (trial_gradient, gradient), (trial_norm, norm))
        ]
        damping = jnp.where(better, jnp.maximum(damping / 10, LEAST_DAMPING), damping * 100)
        return count + 1, *kept, jnp.where(jnp.all(trial == point), MOST_DAMPING, damping)

    def one(start: jax.Array) -> tuple[jax.Array, ...]:
        gradient = both(start)[1]
        begin = (0, start, gradient, jnp.linalg.norm(gradient), FIRST_DAMPING)
        _, point, gradient, norm, _ = lax.while_loop(goes_on, improve, begin)
        plain = lax.fori_loop(0, PLAIN_STEPS, lambda _, at: at + step(at, both(at)[1], LEAST_DAMPING), point)
        point = jnp.where(jnp.linalg.norm(both(plain)[1]) < norm, plain, point)
        value, gradient = both(point)
        return point, value, jnp.linalg.norm(gradient), step(point, gradient, LEAST_DAMPING)

    return jax.jit(jax.vmap(one))
