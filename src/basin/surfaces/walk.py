"""Walks of optimisers over a surface: each is one compiled scan, and a thousand starts are one program.

Walks that differ in numbers only (starts, learning rates, momenta) share a program and are advanced side by side.
A walk ends where its point, its value or its gradient is no longer finite: that is an outcome, and the points up to
there are kept.

Starts are filled up to a multiple of eight, so that on a CPU each is computed in the same lanes of the same loops: a
walk alone has the bits of the same walk in company. Some walks are chaotic, and one rounding apart at first is another
walk in the end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from basin.loss.precision import Precision, arithmetic, check_precision
from basin.optim import build, schedule_value
from basin.spec.base import traced_leaves, with_leaves
from basin.spec.ids import static_id
from basin.spec.optimizer import Optimizer
from basin.surfaces.definition import Surface, as_surface

LANES = 8


@dataclass(frozen=True, eq=False)
class Walk:
    """Where an optimiser went; with many starts each array has a first axis for them.

    Attributes:
        points: The start and the point after each step, (steps + 1, dimension); NaN after the walk has left.
        values: The surface there, (steps + 1,); NaN likewise.
        gradient_norms: The Euclidean norm of the gradient there, (steps + 1,).
        left_at: Index of the first point at which it, the value or the gradient is not finite; steps + 1 if all are.
        optimizer: Who walked.
    """

    points: Float[np.ndarray, "*starts points dimension"]
    values: Float[np.ndarray, "*starts points"]
    gradient_norms: Float[np.ndarray, "*starts points"]
    left_at: Int[np.ndarray, "*starts"]
    optimizer: Optimizer

    @property
    def num_steps(self) -> int:
        """Steps of the walk."""
        return self.values.shape[-1] - 1

    @property
    def diverged(self) -> np.ndarray:
        """Whether each walk has left what numbers can hold."""
        return self.left_at <= self.num_steps

    def steps_to(self, target: float) -> Int[np.ndarray, "*starts"]:
        """Return the first step after which the value is at most `target`; -1 where it never is.

        Example:
            >>> from basin.optim import GradientDescent
            >>> halving = trajectory(lambda x: x[0] ** 2 / 2, [8.0], GradientDescent(learning_rate=0.5), num_steps=5)
            >>> int(halving.steps_to(2.0))
            2
        """
        reached = self.values <= target  # NaN is below nothing
        return np.where(reached.any(axis=-1), reached.argmax(axis=-1), -1)


def trajectory(
    function: Surface | Callable[[jax.Array], jax.Array],
    start: ArrayLike,
    optimizer: Optimizer,
    *,
    num_steps: int,
    precision: Precision = "float64",
) -> Walk:
    """Walk over a surface.

    Args:
        function: A surface, or any function of a point (dimension,) written with `jax.numpy`.
        start: Where to begin: (dimension,), or (starts, dimension) for many.
        optimizer: Any optimiser's specification; a schedule runs over `num_steps`.
        num_steps: How many updates, 1 or more.
        precision: Arithmetic.

    Raises:
        ValueError: A start of another dimension or outside the region, a function that returns no scalar, a learning
            rate that is 0 at every step, or no steps.

    Example:
        >>> from basin.optim import GradientDescent
        >>> walk = trajectory(lambda x: x[0] ** 2 / 2, [8.0], GradientDescent(learning_rate=0.5), num_steps=3)
        >>> walk.points[:, 0].tolist()
        [8.0, 4.0, 2.0, 1.0]
    """
    return trajectories(function, start, [optimizer], num_steps=num_steps, precision=precision)[0]


def trajectories(
    function: Surface | Callable[[jax.Array], jax.Array],
    start: ArrayLike,
    optimizers: Sequence[Optimizer],
    *,
    num_steps: int,
    precision: Precision = "float64",
) -> list[Walk]:
    """Walk over a surface with several optimisers; those of one form are one program.

    Args:
        function: As :func:`trajectory`.
        start: As :func:`trajectory`; the same for all.
        optimizers: Specifications, such as one rule at many learning rates.
        num_steps: How many updates, 1 or more.
        precision: Arithmetic.

    Returns:
        A walk for each optimiser, in order.

    Raises:
        ValueError: As :func:`trajectory`.
    """
    check_precision(precision)
    starts = np.asarray(start, np.float64)
    if starts.ndim not in (1, 2) or not starts.size:
        raise ValueError(f"expected a start (dimension,) or starts (starts, dimension), got shape {starts.shape}")
    if not isinstance(num_steps, (int, np.integer)) or num_steps < 1:
        raise ValueError(f"expected num_steps, a whole number of at least 1, got {num_steps!r}")
    surface = as_surface(function, starts.shape[-1])
    points = surface.check_starts(starts)
    for optimizer in optimizers:
        _check_rate(optimizer, int(num_steps))
    forms: dict[str, list[int]] = {}
    for index, optimizer in enumerate(optimizers):
        forms.setdefault(static_id(optimizer), []).append(index)
    found: dict[int, Walk] = {}
    with arithmetic(precision):
        for indices in forms.values():
            members = [optimizers[index] for index in indices]
            arrays = _walk(surface, members, points.astype(precision), int(num_steps), precision)
            for place, index in enumerate(indices):
                parts = (part[place] if starts.ndim == 2 else part[place, 0] for part in arrays)
                found[index] = Walk(*parts, optimizer=optimizers[index])
    return [found[index] for index in range(len(optimizers))]


def _check_rate(optimizer: Optimizer, num_steps: int) -> None:
    with arithmetic("float64"):
        rates = np.asarray(schedule_value(optimizer.learning_rate, np.arange(num_steps) / num_steps))
    if not (rates > 0).any():
        raise ValueError(f"expected a positive learning rate for a walk, got {rates[0]:g}: it would stand still")


@dataclass(frozen=True)
class _Form:
    """What a program is compiled for: all optimisers that differ in traced numbers only are equal here."""

    id: str
    template: Optimizer = field(compare=False)


def _walk(
    surface: Surface, members: Sequence[Optimizer], points: np.ndarray, num_steps: int, precision: str
) -> list[np.ndarray]:
    """Return points, values, norms and places of leaving, each (members, starts, ...)."""
    surface.check_scalar()
    filled = np.concatenate([points, np.repeat(points[:1], -len(points) % LANES, axis=0)])
    leaves = [traced_leaves(member) for member in members]
    stacked = {name: np.array([leaf[name] for leaf in leaves], precision) for name in leaves[0]}
    program = _program(surface.function, _Form(static_id(members[0]), members[0]), num_steps)
    return [np.asarray(part)[:, : len(points)] for part in program(stacked, filled)]


@functools.lru_cache(maxsize=64)
def _program(function: Callable[[jax.Array], jax.Array], form: _Form, num_steps: int) -> Any:
    """Return `program(leaves, points)` for leaves (members,) and points (starts, dimension), compiled once."""
    both = jax.value_and_grad(function)

    def one(leaves: dict[str, jax.Array], start: jax.Array) -> tuple[jax.Array, ...]:
        bound: Any = with_leaves(form.template, leaves)
        rule = build(bound, num_steps)

        def step(carry: Any, _: None) -> tuple[Any, Any]:
            point, state, alive = carry
            value, gradient = both(point)
            alive = alive & jnp.isfinite(value) & jnp.isfinite(point).all() & jnp.isfinite(gradient).all()
            update, state = rule.update(gradient, state, point)
            seen = tuple(jnp.where(alive, item, jnp.nan) for item in (point, value, _norm(gradient)))
            return (optax.apply_updates(point, update), state, alive), (*seen, alive)

        begin = (start, rule.init(start), jnp.array(True))
        _, (walked, values, norms, alive) = lax.scan(step, begin, None, length=num_steps + 1)
        return walked, values, norms, jnp.sum(alive.astype(jnp.int32))

    return jax.jit(jax.vmap(jax.vmap(one, in_axes=(None, 0)), in_axes=(0, None)))


def _norm(vector: jax.Array) -> jax.Array:
    """Return the Euclidean norm; squares of large entries do not overflow, those of small ones do not vanish."""
    largest = jnp.max(jnp.abs(vector))
    unit = jnp.where(largest > 0, largest, 1.0)
    return unit * jnp.sqrt(jnp.sum(jnp.square(vector / unit))) * (largest > 0)
