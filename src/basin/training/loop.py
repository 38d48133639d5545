"""The training loop of a group: runs from a queue into slots, forward together, out as they end.

    while anything is left:
        admit   runs from the queue into free slots
        look    at every run whose scheduled step has come: evaluate, keep its curve, apply its stop rules
        advance all slots together to the next scheduled step of any of them

A run's numbers depend on its specification and on K, not on when it was admitted, what else was in the slots or where
the segments between evaluations end. Memory that runs out before any run of the group has begun halves K.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp

from basin.loss.precision import arithmetic
from basin.models.model import Params
from basin.spec.ids import content_id
from basin.spec.run import RunSpec
from basin.training import stop
from basin.training.bench import Bench
from basin.training.evaluate import Row, evaluate, norms, rows
from basin.training.examples import judges
from basin.training.history import History
from basin.training.keep import Keeper, Partial, Weights
from basin.training.outcome import Outcome
from basin.training.plan import Group
from basin.training.planned import cannot_lower
from basin.training.run import Run
from basin.training.slot import NEVER
from basin.training.watch import Watcher

KEEP_EVERY_S = 30.0
"""Seconds between two snapshots of the runs in progress."""

SEGMENT_S = 2.0
"""Seconds that a segment should take at most, so that progress is seen and an interruption heard."""


@dataclass
class Training:
    """One admitted run, as the host sees it."""

    run_id: str
    run: RunSpec
    start: Params
    step: int = 0
    history: list[Row] = field(default_factory=list)
    train_s: float = 0.0
    evaluate_s: float = 0.0
    outcome: Outcome | None = None
    best: Weights | None = None

    def __post_init__(self) -> None:
        evaluations, length = self.run.evaluations, self.run.num_steps
        self.full_looks = frozenset(evaluations.steps(length))
        self.schedule = sorted(self.full_looks.union(evaluations.check_steps(length) if self.run.stop else ()))

    @property
    def next_look(self) -> int:
        """The next scheduled step that has not been looked at."""
        looked = self.history[-1].step if self.history else -1
        return next((step for step in self.schedule if step > looked), self.run.num_steps)

    @property
    def is_at_its_best(self) -> bool:
        """Whether the run keeps the weights of its best look, and the newest look is that one."""
        metric = self.run.keep_best
        if metric is None:
            return False
        seen = [row for row in self.history if (row.split, row.metric) == ("validation", metric)]
        if not seen or seen[-1].step < self.step or not math.isfinite(seen[-1].value):
            return False
        return not any(row.value <= seen[-1].value for row in seen[:-1])


class GroupLoop:
    """Trains the runs of one group; see the module's docstring."""

    def __init__(self, group: Group, keeper: Keeper, watcher: Watcher) -> None:
        self.group = replace(group, slots=keeper.slots(group))
        self.keeper = keeper
        self.watcher = watcher
        self._claimed: dict[str, RunSpec] = {}
        self._has_begun = False
        self._steps_per_s = 0.0
        self._kept_at = time.monotonic()
        self._open(group.runs)

    def _open(self, runs: Mapping[str, RunSpec]) -> None:
        self.bench = Bench(self.group)
        # the longest first, so that no slot is left to finish a long run alone; the order changes no bit
        self.queue = deque(sorted(runs.items(), key=lambda item: -item[1].num_steps))
        self.active: dict[int, Training] = {}

    def trained(self) -> Iterator[Run]:
        """Yield the runs that this process trained, as they end.

        Raises:
            ValueError: Memory ran out, and fewer slots cannot help.
        """
        with arithmetic(self.group.template.precision):
            while self._fitting(self._admit):
                yield from self._look()
                if self.active:
                    self._fitting(self._advance)
                    self._keep()

    def _fitting(self, work: Callable[[], bool]) -> bool:
        """Do some work; where memory runs out before any run has begun, begin again with half the slots."""
        try:
            return work()
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            self._halve_slots(error)
            return True

    def _halve_slots(self, error: Exception) -> None:
        if self.group.slots == 1:
            raise ValueError(
                "expected one training to fit in memory, and it ran out; choose a smaller batch, model or data set"
            ) from error
        if self._has_begun:
            raise ValueError(cannot_lower(self.group)) from error
        slots = self.group.slots // 2
        self.keeper.lower_slots(self.group, slots)
        self.group = replace(self.group, slots=slots)
        self._open({**self._claimed, **dict(self.queue)})

    def _admit(self) -> bool:
        for index in range(self.group.slots):
            while index not in self.active and self.queue:
                run_id, run = self.queue.popleft()
                if run_id in self._claimed or self.keeper.claim(run_id, run):
                    self._claimed[run_id] = run
                    self.active[index] = self._start(index, run_id, run)
        return bool(self.active)

    def _start(self, index: int, run_id: str, run: RunSpec) -> Training:
        slot = self.bench.fresh(run, self._parent(run))
        training = Training(run_id, run, slot.params)
        partial = self.keeper.resume(run_id, slot)
        if partial is not None:
            self._has_begun = True
            slot, training.history, training.best = partial.slot, list(partial.history.rows), partial.best
            training.step = int(slot.step)
        self.bench.admit(index, run, slot)
        return training

    def _parent(self, run: RunSpec) -> Run | None:
        """Return the run that a run starts from, which was trained before."""
        if run.start is None:
            return None
        parent = self.keeper.finished(content_id(run.start.run))
        if parent.outcome.kind in ("diverged", "failed"):
            raise ValueError(
                f"expected a run to start from that ended well, got {parent.id}, {parent.outcome}; "
                "train it otherwise, with a smaller learning rate perhaps, or leave out start"
            )
        return parent

    def _look(self) -> Iterator[Run]:
        due = [(i, one) for i, one in self.active.items() if one.outcome is None and one.step == one.next_look]
        began = time.monotonic()
        for (index, training), (values, outcome) in zip(due, self.bench.map(self._judge, due), strict=True):
            training.outcome = outcome
            self._record(training, values)
            if training.is_at_its_best:
                training.best = self._weights(index)
        for _, training in due:
            training.evaluate_s += (time.monotonic() - began) / len(due)
        for index, training in list(self.active.items()):
            if training.outcome is not None:
                yield self._finish(index, training)

    def _judge(self, one: tuple[int, Training]) -> tuple[dict[tuple[str, str], float], Outcome | None]:
        """Return the metrics of a run that is due, and how it ends if it ends here."""
        index, training = one
        in_full = training.step in training.full_looks
        values = _metrics(self.bench, index, training, in_full=in_full)
        outcome = _outcome(training, values)
        if outcome is not None and not in_full:
            values = _metrics(self.bench, index, training, in_full=True)
        return values, outcome

    def _record(self, training: Training, values: dict[tuple[str, str], float]) -> None:
        run = training.run
        training.history += rows(
            values, step=training.step, batch_size=run.examples_per_step, num_train=run.data.num_train
        )
        self.watcher.looked(training.run_id, training.step, values)

    def _weights(self, index: int) -> Weights:
        slot = self.bench.slot(index)
        return {"params": slot.params, "state": slot.model_state}

    def _finish(self, index: int, training: Training) -> Run:
        weights = jax.tree.map(jnp.asarray, training.best or self._weights(index))
        assert training.outcome is not None
        run = Run(
            spec=training.run,
            outcome=training.outcome,
            history=History(tuple(training.history)),
            **weights,
            cost={"train_s": training.train_s, "evaluate_s": training.evaluate_s},
        )
        del self.active[index], self._claimed[training.run_id]
        self.keeper.finish(run)
        self.watcher.finished(run, (run.spec.num_steps - training.step) * run.spec.examples_per_step)
        return run

    def _advance(self) -> bool:
        began = time.monotonic()
        count = min(training.next_look - training.step for training in self.active.values())
        if self._steps_per_s:
            count = min(count, max(1, int(self._steps_per_s * SEGMENT_S)))
        diverged_at = self.bench.advance(count)
        self._has_begun = True
        seconds = time.monotonic() - began
        self._steps_per_s = count / seconds
        for index, training in self.active.items():
            training.step += count
            training.train_s += seconds / len(self.active)
            if diverged_at[index] != NEVER:
                training.outcome = Outcome("diverged", int(diverged_at[index]), "the batch's loss was not finite")
        steps = count * len(self.active)
        self.watcher.advanced(steps, steps * self.group.template.examples_per_step)
        return True

    def _keep(self) -> None:
        if time.monotonic() - self._kept_at < KEEP_EVERY_S:
            return
        for index, training in self.active.items():
            if training.outcome is None:
                history = History(tuple(training.history))
                self.keeper.keep(training.run_id, Partial(self.bench.slot(index), history, training.best))
        self._kept_at = time.monotonic()


def _metrics(bench: Bench, index: int, training: Training, *, in_full: bool) -> dict[tuple[str, str], float]:
    """Return every metric of a slot, or those of the training set alone, before its next update."""
    run, slot = training.run, bench.slot(index)
    fresh = bench.coming(index, run) if in_full else None
    model = bench.program.model
    values = evaluate(run, model, slot.params, slot.model_state, judges(run), in_full=in_full, fresh=fresh)
    if not in_full:
        return values
    parameter_norm, distance = norms(slot.params, training.start)
    values |= {("none", "parameter_norm"): float(parameter_norm), ("none", "distance"): float(distance)}
    if run.gradient_norm:
        values["batch", "gradient_norm"] = bench.gradient_norm(index)
    return values


def _outcome(training: Training, values: dict[tuple[str, str], float]) -> Outcome | None:
    """Return how the run ends at the step that was just looked at, or None to go on."""
    if ("train", "loss") in values:
        seen = [*History(tuple(training.history)).by_step(), (training.step, values)]
        if (outcome := stop.check(training.run.stop, seen)) is not None:
            return outcome
    return Outcome("completed", training.step) if training.step >= training.run.num_steps else None
