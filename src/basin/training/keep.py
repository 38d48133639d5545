"""Where runs are kept: nowhere but in memory, or in a study's folder that several processes may share.

A keeper hands out claims. Whoever holds the claim of a run trains it; a run that another process holds or has finished
is not trained again. Claims of a folder are freed by the kernel when their process dies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import numpy as np

from basin.models.naming import Naming
from basin.spec.ids import content_id
from basin.spec.run import RunSpec
from basin.store.environment import environment
from basin.store.lock import Claim
from basin.store.study import StudyFolder
from basin.training import planned
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import Group
from basin.training.run import Run
from basin.training.slot import Slot

Weights = dict[str, Any]
"""What a finished run has of its network: `params` and `state`, nested dicts of arrays."""

BEST = "best"
"""Under which name a snapshot holds the weights of the best look so far."""


@dataclass(frozen=True)
class Partial:
    """A training in progress, as it was kept; `best` is what it has of its best look, if it keeps that."""

    slot: Slot
    history: History
    best: Weights | None = None


class Keeper(Protocol):
    """What the training loop asks of a place to keep runs."""

    def slots(self, group: Group) -> int:
        """Return how many trainings a group has side by side: as planned, or fewer if memory ran out since."""
        ...

    def lacks(self, group: Group) -> bool:
        """Return whether any run of a group is yet to be finished."""
        ...

    def lower_slots(self, group: Group, slots: int) -> None:
        """Go on with fewer, because memory ran out; refuse if runs of the group have begun with more."""
        ...

    def claim(self, run_id: str, run: RunSpec) -> bool:
        """Claim a run that nobody has finished or is training; say whether it is ours to train."""
        ...

    def resume(self, run_id: str, template: Slot) -> Partial | None:
        """Return what was kept of a claimed run in progress; `template` has the structure of its state."""
        ...

    def finished(self, run_id: str) -> Run:
        """Return a run that is finished, for another to start from."""
        ...

    def keep(self, run_id: str, partial: Partial) -> None:
        """Keep a claimed run in progress, so that a killed process loses little."""
        ...

    def finish(self, run: Run) -> None:
        """Keep a finished run and free its claim."""
        ...

    def release(self) -> None:
        """Free all claims, after an interruption."""
        ...


@dataclass
class InMemory:
    """Keeps nothing on a disk: for runs whose results are used at once.

    Attributes:
        runs: Those that are finished, by id.
    """

    runs: dict[str, Run] = field(default_factory=dict)

    def slots(self, group: Group) -> int:
        """As planned."""
        return group.slots

    def lacks(self, group: Group) -> bool:
        """Every run is trained here."""
        return True

    def lower_slots(self, group: Group, slots: int) -> None:
        """Nothing is kept."""

    def claim(self, run_id: str, run: RunSpec) -> bool:
        """Every run is ours."""
        return True

    def resume(self, run_id: str, template: Slot) -> Partial | None:
        """Nothing was kept."""
        return None

    def finished(self, run_id: str) -> Run:
        """Return it; runs that others start from are trained before these."""
        return self.runs[run_id]

    def keep(self, run_id: str, partial: Partial) -> None:
        """Nothing is kept."""

    def finish(self, run: Run) -> None:
        """Hold it, for those that start from it."""
        self.runs[run.id] = run

    def release(self) -> None:
        """No claims are held."""


@dataclass
class InFolder:
    """Keeps runs in a study's folder.

    Attributes:
        folder: The study's folder.
        damaged: What was found damaged and set aside, one line each.
    """

    folder: StudyFolder
    damaged: list[str] = field(default_factory=list)
    _claims: dict[str, Claim] = field(default_factory=dict)
    _environment: Mapping[str, Any] = field(default_factory=environment)

    def slots(self, group: Group) -> int:
        """Return what the study's plan says now."""
        return planned.kept_slots(self.folder, group)

    def lacks(self, group: Group) -> bool:
        """Return whether any is not in the folder."""
        return not all(self.folder.run(run_id).finished for run_id in group.runs)

    def lower_slots(self, group: Group, slots: int) -> None:
        """Note it in the study's plan, unless a run of the group has begun, here or in another process."""
        planned.lower_slots(self.folder, group, slots, self._claims.keys())

    def is_sound(self, run_id: str) -> bool:
        """Return whether a run is finished and whole; what is damaged is set aside, to be trained again."""
        claim = self.folder.try_claim(run_id)
        if claim is None:
            return False
        with claim:
            self._recover(run_id)
        return self.folder.run(run_id).finished

    def claim(self, run_id: str, run: RunSpec) -> bool:
        """Claim the run's lock, unless it is finished, held by another process, or starts from a run that is not."""
        if self.folder.run(run_id).finished or not self._can_start(run):
            return False
        if (claim := self.folder.try_claim(run_id)) is None:
            return False
        self._recover(run_id)
        kept = self.folder.run(run_id)
        if kept.finished:
            claim.release()
            return False
        kept.begin(run.record(), self._environment)
        self._claims[run_id] = claim
        return True

    def resume(self, run_id: str, template: Slot) -> Partial | None:
        """Read the run's snapshot, if it has one."""
        snapshot = self.folder.run(run_id).load_snapshot()
        if snapshot is None:
            return None
        slot = Naming.of(template).to_tree(snapshot.arrays)
        history = History.from_records(snapshot.metrics.to_pylist())
        return Partial(jax.tree.map(jax.numpy.asarray, slot), history, snapshot.arrays.get(BEST))

    def finished(self, run_id: str) -> Run:
        """Read it from the folder."""
        return load_run(self.folder, run_id)

    def keep(self, run_id: str, partial: Partial) -> None:
        """Write the run's snapshot, in place of the one before."""
        arrays = Naming.of(partial.slot).to_named(jax.tree.map(np.asarray, partial.slot))
        if partial.best is not None:
            arrays[BEST] = jax.tree.map(np.asarray, partial.best)
        self.folder.run(run_id).save_snapshot(arrays, {}, partial.history.records())

    def finish(self, run: Run) -> None:
        """Write curves, weights and outcome, and free the claim."""
        outcome = {"status": run.outcome.kind, "step": run.outcome.step, "reason": run.outcome.reason, "cost": run.cost}
        weights = {"params": run.params, "state": run.state}
        self.folder.run(run.id).finish(outcome, metrics=run.history.records(), weights=weights)
        self._claims.pop(run.id).release()

    def release(self) -> None:
        """Free all claims."""
        while self._claims:
            self._claims.popitem()[1].release()

    def _can_start(self, run: RunSpec) -> bool:
        return run.start is None or self.folder.run(content_id(run.start.run)).finished

    def _recover(self, run_id: str) -> None:
        damage = self.folder.recover(run_id)
        if damage is not None:
            self.damaged.append(str(damage))


def load_run(folder: StudyFolder, run_id: str) -> Run:
    """Read a finished run back from a study's folder.

    Raises:
        DamagedError: Its folder is not whole.
    """
    kept = folder.run(run_id)
    outcome, weights = kept.outcome(), kept.weights()
    return Run(
        spec=RunSpec.model_validate(kept.spec()),
        outcome=Outcome(outcome["status"], outcome["step"], outcome["reason"]),
        history=History.from_records(kept.metrics().to_pylist()),
        params=weights["params"],
        state=weights["state"],
        cost=outcome["cost"],
    )
