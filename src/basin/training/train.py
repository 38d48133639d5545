"""Training any number of runs: plan, train group by group, keep or return."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

from basin.spec.ids import content_id
from basin.spec.run import RunSpec
from basin.store.study import StudyFolder
from basin.training.ahead import GROUPS, Ahead
from basin.training.keep import InFolder, InMemory, Keeper, load_run
from basin.training.loop import GroupLoop
from basin.training.plan import Group, plan, resolve
from basin.training.run import Run
from basin.training.watch import Silent, Watcher

WAIT_S = 0.2
"""Seconds between two looks at runs that another process is training."""


@overload
def train(spec: RunSpec, *, out: Path | str | None = None, slots: int | None = None) -> Run: ...
@overload
def train(spec: Iterable[RunSpec], *, out: Path | str | None = None, slots: int | None = None) -> list[Run]: ...
def train(
    spec: RunSpec | Iterable[RunSpec], *, out: Path | str | None = None, slots: int | None = None
) -> Run | list[Run]:
    """Train one run or many; runs that differ only in traced numbers share one compiled program.

    Args:
        spec: What to train. Equal specifications are trained once.
        out: A folder to keep the runs in, under `out/train/runs/<id>`. Runs that are there already are read, not
            trained again; one that was interrupted goes on where it was kept.
        slots: Trainings side by side in a program; chosen from the size of the work if not given. The bits of a run
            depend on it.

    Returns:
        A run for a specification, a list in the order asked for otherwise.

    Raises:
        ValueError: A specification that cannot be carried out: one line that says what was expected.

    Example:
        >>> import basin
        >>> run = basin.train(basin.RunSpec(data=basin.data.Digits(), model=basin.models.MLP(widths=(32,)),
        ...                   optimizer=basin.optim.Adam(learning_rate=1e-2), batch_size=64, budget="5 epochs"))
        >>> str(run.outcome), run.history.last("test", "error") < 0.2
        ('completed at step 113', True)
    """
    specs = [spec] if isinstance(spec, RunSpec) else list(spec)
    resolved = [resolve(one) for one in specs]
    groups = plan(resolved, slots)
    if out is None:
        found = {run.id: run for run in train_groups(groups, InMemory(), Silent())}
    else:
        found = _train_in_folder(groups, StudyFolder(out, "train"))
    runs = [found[content_id(one)] for one in resolved]
    return runs[0] if isinstance(spec, RunSpec) else runs


def train_groups(groups: Iterable[Group], keeper: Keeper, watcher: Watcher) -> Iterator[Run]:
    """Yield the runs that this process trains, as they end; free all claims whatever happens."""
    with Ahead() as ahead:
        yield from _train_in_turn(list(groups), keeper, watcher, ahead)


def _train_in_turn(groups: Sequence[Group], keeper: Keeper, watcher: Watcher, ahead: Ahead) -> Iterator[Run]:
    try:
        for index, group in enumerate(groups):
            for following in filter(keeper.lacks, groups[index + 1 : index + 1 + GROUPS]):
                ahead.begin(replace(following, slots=keeper.slots(following)))
            if keeper.lacks(group):
                ahead.wait(group)
            yield from GroupLoop(group, keeper, watcher).trained()
    finally:
        keeper.release()


def train_beside_others(groups: Sequence[Group], keeper: InFolder, watcher: Watcher) -> Iterator[Run]:
    """Yield the runs that this process trains, and end when all are finished, by this process or by another.

    A run whose process was killed is taken over: the kernel frees its claim.
    """
    with Ahead() as ahead:
        while not all(keeper.folder.run(name).finished for group in groups for name in group.runs):
            trained_any = False
            for run in _train_in_turn(groups, keeper, watcher, ahead):
                trained_any = True
                yield run
            if not trained_any:
                time.sleep(WAIT_S)


def _train_in_folder(groups: Sequence[Group], folder: StudyFolder) -> dict[str, Run]:
    found = {run.id: run for run in train_beside_others(groups, InFolder(folder), Silent())}
    return found | {name: load_run(folder, name) for group in groups for name in group.runs if name not in found}
