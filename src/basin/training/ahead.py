"""Compiling the programs of the next groups while a group is trained.

Compiling keeps one core busy, and so does training a network that convolves; a study of many small groups would leave
the other cores of a processor idle. A sweep of small networks over their width is mostly compiled, so every core has a
thread for it. Compiling is done by making a step and a look on a state that nobody keeps, so
nothing that is trained can change by it, and what goes wrong here is met again where it matters.
"""

from __future__ import annotations

import contextlib
import math
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import jax

from basin.loss.precision import arithmetic
from basin.training.bench import Bench
from basin.training.evaluate import evaluate
from basin.training.examples import judges
from basin.training.plan import Group, about, num_parameters, program_id

LARGEST = 2**26
"""Numbers that the state and the examples of a group may hold together for it to be compiled ahead."""


GROUPS = 4
"""Groups that are compiled ahead of the one that is trained, at most; programs of many more would not be kept."""


class Ahead:
    """As many threads as there are cores, which compile groups ahead of their turn."""

    def __init__(self) -> None:
        self._cores = len(os.sched_getaffinity(0))
        self._threads = ThreadPoolExecutor(self._cores, thread_name_prefix="compile")
        self._begun: dict[tuple[str, int], Future[None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def begin(self, group: Group) -> None:
        """Have a group's program compiled in its turn, once, if there are several cores and the group is small."""
        can_help = jax.default_backend() == "cpu" and self._cores > 1
        if can_help and _program(group) not in self._begun and _size(group) <= LARGEST:
            self._begun[_program(group)] = self._threads.submit(_compile, group)

    def wait(self, group: Group) -> None:
        """Wait until a group is compiled that was begun; to compile it twice at a time would help nobody."""
        if _program(group) in self._begun:
            self._begun[_program(group)].exception()


def _program(group: Group) -> tuple[str, int]:
    """Return what two groups, of two generations perhaps, share if they share a program."""
    return program_id(group.template), group.slots


def _compile(group: Group) -> None:
    run = next(iter(group.runs.values()))
    with contextlib.suppress(Exception), arithmetic(run.precision):
        bench = Bench(group)
        bench.compile(run.replace(start=None))
        slot = bench.slot(0)
        evaluate(run, bench.program.model, slot.params, slot.model_state, judges(run), fresh=bench.coming(0, run))


def _size(group: Group) -> int:
    """Return about how many numbers the slots of a group hold: weights thrice, and examples."""
    template = group.template
    known = about(template.data)  # pyright: ignore[reportArgumentType]  frozen, so hashable
    examples = max(run.data.num_train or 0 for run in group.runs.values())
    return group.slots * (3 * num_parameters(template) + examples * math.prod(known.input_shape))
