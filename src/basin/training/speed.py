"""How fast this machine is, measured in a moment, and how long groups of runs will take on it.

    seconds of an update = flops / arithmetic + traffic / (2 memory) + 1 us instructions / slots

`arithmetic` is the rate of a product of large matrices in single precision, at JAX's default precision; `memory` the
rate at which two large arrays are added. The traffic that XLA counts is that of a step before its instructions are
fused, about twice what is left. The constants are fitted to :data:`FITTED`, and what they are worth is said by
:data:`SPREAD`: neither the operations alone nor a share of the peak would do, as narrow networks reach a hundredth of
it and wide ones more than half.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from basin.training.cost import GroupCost

FITTED = "49 groups of trainings of MLPs, CNN5, ResNet18, ViT and transformers on two cores"
"""What the constants below were fitted to; none of them was trained on a GPU."""

FUSED = 2.0
"""Bytes that a lowered step reads and writes for each that the compiled one does."""

INSTRUCTION_S = 1e-6
"""Seconds of an instruction, however small, for all slots together."""

LOOK_S = 2.5e-3
"""Seconds of a look, however small."""

PROGRAM_S = 1.6
"""Seconds for which a program that is compiled keeps training waiting."""

SPREAD = 2.0
"""The factor by which a study may take longer, or shorter, than is said, on a CPU."""

SPREAD_UNFITTED = 5.0
"""The same on any other device: an assumption."""

LEAST_S = 0.01
"""Seconds that a timed product takes at least, so that starting it is nothing."""

SIZES = (1024, 2048, 4096, 8192, 16_384)
"""Rows of the matrices that may be timed."""

Task = Callable[[int], tuple[Callable[..., jax.Array], tuple[jax.Array, jax.Array], float]]
"""`task(size)`: a function of two matrices of so many rows, the matrices, and the work of one call."""


@dataclass(frozen=True)
class Speed:
    """What a machine can do.

    Attributes:
        flops: Operations a second of a product of matrices in single precision.
        bytes: Bytes a second that are read and written where two arrays are added.
    """

    flops: float
    bytes: float


def measured_speed() -> Speed:
    """Return the speed of the device that JAX uses, in a second or two."""
    return Speed(flops=_rate(_product), bytes=_rate(_sum))


def seconds(costs: Iterable[GroupCost], speed: Speed) -> float:
    """Return how long groups will be trained and looked at, their programs compiled.

    Args:
        costs: Of the groups.
        speed: Of the machine.
    """
    return sum(_seconds(cost, speed) for cost in costs)


def spread() -> float:
    """Return the factor by which a study may take longer, or shorter, on the device that JAX uses."""
    return SPREAD if jax.default_backend() == "cpu" else SPREAD_UNFITTED


def _seconds(cost: GroupCost, speed: Speed) -> float:
    step = cost.step
    busy = step.flops / speed.flops + step.traffic / FUSED / speed.bytes
    update = busy + INSTRUCTION_S * step.instructions / cost.slots
    return PROGRAM_S + LOOK_S * cost.looks + update * (cost.steps + cost.look_steps)


def _rate(task: Task, sizes: Sequence[int] = SIZES) -> float:
    """Return the work a second of a task, at the first size that takes long enough to be timed, or at the last."""
    function, matrices, work = task(sizes[0])
    took = _least_seconds(function, *matrices)
    return work / took if took >= LEAST_S or len(sizes) == 1 else _rate(task, sizes[1:])


def _least_seconds(function: Callable[..., jax.Array], changed: jax.Array, kept: jax.Array, repeats: int = 5) -> float:
    """Return the shortest time of several, after one that compiles; what is changed is changed in place."""
    compiled = jax.jit(function, donate_argnums=0)
    changed = compiled(changed, kept).block_until_ready()
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        changed = compiled(changed, kept).block_until_ready()
        took.append(time.perf_counter() - began)
    return min(took)


def _product(size: int) -> tuple[Callable[..., jax.Array], tuple[jax.Array, jax.Array], float]:
    shape = size, size
    return jnp.matmul, (jnp.full(shape, 0.5), jnp.full(shape, 1 / size)), 2.0 * size**3


def _sum(size: int) -> tuple[Callable[..., jax.Array], tuple[jax.Array, jax.Array], float]:
    a = jnp.full((size, size), 0.5)
    return jnp.add, (a, jnp.zeros_like(a)), 3.0 * a.nbytes
