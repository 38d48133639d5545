"""The device's side of a group: K slots, their numbers and their examples, filled and emptied one slot at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from basin.data import on_disk
from basin.loss.precision import arithmetic
from basin.spec.run import RunSpec
from basin.training.examples import judges
from basin.training.feed import Examples
from basin.training.plan import Group, model_of, program_id, shares_inputs
from basin.training.program import Leaves, Program, compiled_once, leaves_of
from basin.training.run import Run
from basin.training.slot import NEVER, Slot, put, stack, take
from basin.training.window import Window

A = TypeVar("A")
B = TypeVar("B")


class Bench:
    """K trainings of a group on the device, in lanes that run at the same time.

    A compiled loop of small products keeps one core of a CPU busy, so there the slots are dealt to as many lanes as
    there are cores, each with a program of K / lanes slots and a thread of its own. Elsewhere there is one lane.
    """

    def __init__(self, group: Group) -> None:
        lanes = num_lanes(group)
        self._width = group.slots // lanes
        self._lanes = [Lane(group, self._width) for _ in range(lanes)]
        self._precision = group.template.precision
        self._threads = ThreadPoolExecutor(lanes) if lanes > 1 else None

    @property
    def program(self) -> Program:
        """What all lanes run."""
        return self._lanes[0].program

    def fresh(self, run: RunSpec, parent: Run | None = None) -> Slot:
        """Return the first state of a run, which starts from `parent` if it starts from any."""
        return self.program.start(run, parent)

    def admit(self, index: int, run: RunSpec, slot: Slot) -> None:
        """Put a training into a slot, with its numbers and its examples."""
        self._lane(index).admit(index % self._width, run, slot)

    def compile(self, run: RunSpec) -> None:
        """Compile what a step runs, by making one from the first state of a run that starts from no other."""
        self._lanes[0].admit(0, run, self.fresh(run))
        self._lanes[0].advance(1)

    def advance(self, count: int) -> np.ndarray:
        """Make `count` updates in every slot; return the step at which each slot diverged, or NEVER."""
        used = [lane for lane in self._lanes if lane.is_used]
        if self._threads is None or len(used) == 1:
            diverged = {id(lane): lane.advance(count) for lane in used}
        else:
            used[0].advance(0)  # compiles, once, what all lanes then run
            results = self.map(lambda lane: lane.advance(count), used)
            diverged = {id(lane): result for lane, result in zip(used, results, strict=True)}
        nobody = np.full(self._width, NEVER, np.int32)
        return np.concatenate([diverged.get(id(lane), nobody) for lane in self._lanes])

    def map(self, function: Callable[[A], B], items: Sequence[A]) -> list[B]:
        """Return a function of each item, on as many cores as there are lanes; it may read the slots."""
        if self._threads is None or len(items) < 2:
            return [function(item) for item in items]

        def call(item: A) -> B:
            with arithmetic(self._precision):  # a thread has a mode of its own
                return function(item)

        return list(self._threads.map(call, items))

    def slot(self, index: int) -> Slot:
        """Return a copy of one slot."""
        return self._lane(index).slot(index % self._width)

    def gradient_norm(self, index: int) -> float:
        """Return the norm of the gradient that the slot's next step will use."""
        return self._lane(index).gradient_norm(index % self._width)

    def coming(self, index: int, run: RunSpec) -> Examples | None:
        """Return the examples of the slot's next steps that a run asks to be looked at; None if none are left."""
        return self._lane(index).coming(index % self._width, run)

    def _lane(self, index: int) -> Lane:
        return self._lanes[index // self._width]


def num_lanes(group: Group) -> int:
    """Return how many programs a group's slots are dealt to: a divisor of their number, at most one a core."""
    if jax.default_backend() != "cpu" or model_of(group.template).has_convolution:
        return 1
    cores = len(os.sched_getaffinity(0))
    return max(lanes for lanes in range(1, min(cores, group.slots) + 1) if group.slots % lanes == 0)


class Lane:
    """Some slots of a group and the program that advances them.

    Every shape depends on the group alone, never on which runs happen to be in the slots, so a run's bits do not
    depend on its company. A slot that holds no run computes all the same, and nobody looks.
    """

    def __init__(self, group: Group, slots: int) -> None:
        template = group.template
        model = model_of(template)
        wanted = Program(
            id=program_id(template),
            template=template,
            model=model,
            slots=slots,
            shared_inputs=shares_inputs(group),
            in_loop=model.trains_in_loop or jax.default_backend() != "cpu",
        )
        self.program = compiled_once(wanted)
        self._window = Window(slots) if on_disk(template.data) is not None else None
        self._is_held = not template.data.endless and self._window is None
        self._capacity = max(run.data.num_train or 1 for run in group.runs.values()) if self._is_held else 1
        self._slots: Slot | None = None
        self._leaves: Leaves = {}
        self._pool: Examples | None = None

    @property
    def is_used(self) -> bool:
        """Whether any training was ever admitted."""
        return self._slots is not None

    def admit(self, index: int, run: RunSpec, slot: Slot) -> None:
        """Put a training into a slot, with its numbers and its examples."""
        if self._slots is None:
            self._slots = stack(slot, self.program.slots)
            self._leaves = jax.tree.map(
                lambda value: np.repeat(value[None], self.program.slots, axis=0), leaves_of(run)
            )
            self._pool = self._empty_pool(run) if self._window is None else None
        self._slots = put(self._slots, index, slot)
        self._leaves = jax.tree.map(lambda old, new: _replaced(old, index, new), self._leaves, leaves_of(run))
        if self._window is not None:
            self._window.admit(index, run)
        if self._is_held:
            self._fill(index, run)

    def advance(self, count: int) -> np.ndarray:
        """Make `count` updates in every slot; return the step at which each slot diverged, or NEVER."""
        assert self._slots is not None
        while self._window is not None and count > (within := self._window.steps_left(self._slots.step)):
            self._slots = self.program.advance(self._slots, self._leaves, self._examples(), within)
            count -= within
        self._slots = self.program.advance(self._slots, self._leaves, self._examples(), count)
        return np.asarray(self._slots.diverged_at)

    def slot(self, index: int) -> Slot:
        """Return a copy of one slot."""
        assert self._slots is not None
        return take(self._slots, index)

    def gradient_norm(self, index: int) -> float:
        """Return the norm of the gradient that the slot's next step will use."""
        assert self._slots is not None
        return float(self.program.gradient_norm(self._slots, self._leaves, self._examples(), index))

    def _examples(self) -> Examples:
        """Return the pool that the slots' next steps draw from."""
        assert self._slots is not None
        if self._window is not None:
            return self._window.at(self._slots.step)
        assert self._pool is not None
        return self._pool

    def coming(self, index: int, run: RunSpec) -> Examples | None:
        """Return the examples of the slot's next steps that a run asks to be looked at; None if none are left."""
        assert self._slots is not None
        step, wanted = int(self._slots.step[index]), -(-run.fresh // run.examples_per_step)
        if run.data.num_train is not None:
            wanted = min(wanted, run.data.num_train // run.examples_per_step - step)
        if wanted <= 0:
            return None
        if self._window is not None:
            return self._window.coming(index, run, step, wanted)
        return self.program.coming(self._slots, self._leaves, self._examples(), index, wanted)

    def _empty_pool(self, run: RunSpec) -> Examples:
        """Return a pool for as many examples as any run of the group has, of the types and shapes of one run's."""
        x, y = judges(run).test
        count, shape = self.program.slots, (self._capacity, *x.shape[1:])
        inputs = jnp.zeros(shape if self.program.shared_inputs else (count, *shape), x.dtype)
        return inputs, jnp.zeros((count, self._capacity, *y.shape[1:]), y.dtype)

    def _fill(self, index: int, run: RunSpec) -> None:
        assert self._pool is not None
        train = judges(run).train
        assert train is not None
        x, y = (_padded(np.asarray(part), self._capacity) for part in train)
        inputs = jnp.asarray(x) if self.program.shared_inputs else _set(self._pool[0], index, x)
        self._pool = inputs, _set(self._pool[1], index, y)


def _set_row(rows: jax.Array, index: int | jax.Array, row: Any) -> jax.Array:
    return rows.at[index].set(row)


_set = jax.jit(_set_row, donate_argnums=0)


def _replaced(values: np.ndarray, index: int, value: Any) -> np.ndarray:
    values = values.copy()  # a program in flight may still read the old array
    values[index] = value
    return values


def _padded(array: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([array, np.zeros((length - len(array), *array.shape[1:]), array.dtype)])
