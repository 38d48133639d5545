"""How many trainings each group of a study has side by side: chosen once, kept with the study in `plan.json`.

The bits of a run depend on the number of slots of its group, so what was chosen when the group was first planned holds
for every process and every later command. Only one thing changes it: a group that ran out of memory before any of its
runs had begun goes on with fewer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

from basin.spec.run import RunSpec
from basin.store.atomic import make_folder
from basin.store.documents import read_json, write_json
from basin.store.study import StudyFolder
from basin.training.plan import Group, plan

WAIT_S = 60.0
"""Seconds to wait for another process that holds the plan; it holds it for a write."""


def plan_in_folder(folder: StudyFolder, runs: Sequence[RunSpec], slots: int | None = None) -> list[Group]:
    """Plan with the numbers of slots that the study keeps, and keep the new ones.

    Args:
        folder: The study.
        runs: What to train.
        slots: The number for groups that were never planned; chosen from the size of the work if not given.
    """
    with _held(folder):
        known = _read(folder)
        wanted = {group.id: group.slots for group in plan(runs, slots)}
        if not wanted.keys() <= known.keys():
            _write(folder, {**wanted, **known})
    return plan(runs, {**wanted, **known})


def kept_slots(folder: StudyFolder, group: Group) -> int:
    """Return how many slots a group has now: as planned, or fewer if it ran out of memory since."""
    return min(group.slots, _read(folder).get(group.id, group.slots))


def lower_slots(folder: StudyFolder, group: Group, slots: int, ours: Collection[str]) -> None:
    """Keep a smaller number of slots for a group none of whose runs has begun to train.

    Args:
        folder: The study.
        group: As it was planned.
        slots: The smaller number.
        ours: Runs that this process has claimed.

    Raises:
        ValueError: A run of the group has begun, here or in another process.
    """
    for run_id in group.runs:
        claim = None if run_id in ours else folder.try_claim(run_id)
        with claim or nullcontext():
            kept = folder.run(run_id)
            if (claim is None and run_id not in ours) or kept.finished or kept.load_snapshot() is not None:
                raise ValueError(cannot_lower(group))
    with _held(folder):
        _write(folder, {**_read(folder), group.id: slots})


def cannot_lower(group: Group) -> str:
    """Return what to say when memory ran out too late for fewer slots."""
    fewer = max(1, group.slots // 2)
    return (
        f"expected {group.slots} trainings side by side to fit in memory, and it ran out after runs of their group had "
        f"begun, whose numbers depend on that many; choose another --out with slots={fewer}"
    )


def _read(folder: StudyFolder) -> Mapping[str, int]:
    path = folder.path / "plan.json"
    return read_json(path)["slots"] if path.exists() else {}


def _write(folder: StudyFolder, slots: Mapping[str, int]) -> None:
    make_folder(folder.path)
    write_json(folder.path / "plan.json", {"slots": dict(slots)})


@contextmanager
def _held(folder: StudyFolder) -> Iterator[None]:
    claim = folder.try_claim("plan", timeout_s=WAIT_S)
    if claim is None:
        raise ValueError(f"another process holds {folder.path} for longer than a write takes; wait for it, or end it")
    with claim:
        yield
