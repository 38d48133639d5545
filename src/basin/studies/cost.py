"""What a study will cost on this machine, told before anything is trained or stored.

Counted is what the store lacks: :mod:`basin.training.cost` counts its arithmetic, :mod:`basin.training.speed` makes
seconds of it. Experiments are functions of any kind, and measuring depends on what training found, so neither is
foreseen. Whether a study is long at all is guessed from its parameters and examples, without lowering a step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from basin.spec.study import StudySpec
from basin.store.study import StudyFolder
from basin.studies.study import Study
from basin.training.cost import group_costs, set_bytes, sets_bytes
from basin.training.plan import Group, model_of, num_parameters, plan
from basin.training.speed import Speed, measured_speed, seconds

LONG_S = 600.0
"""Seconds from which a study is a long one."""

GUESSED_FLOPS = 2e10
"""Operations a second of the guess."""

GUESSED_STEP_S = 5e-5
"""Seconds of an update, however small, of the guess."""

POSITIONS = 8
"""Of a network other than an MLP the guess has a parameter used once for so many numbers of an input."""


@dataclass(frozen=True)
class Work:
    """What of a study is still to be done.

    Attributes:
        groups: With the runs that the store lacks, those without any left out.
        finished: Runs that are there.
        experiments: Experiments that are not.
    """

    groups: Sequence[Group]
    finished: int
    experiments: int


@dataclass(frozen=True)
class Estimate:
    """What that will take.

    Attributes:
        runs: Trainings.
        programs: Programs that are compiled for them.
        steps: Updates of all runs.
        flops: Operations of all updates and looks.
        seconds: Of training, looking and compiling.
        disk_bytes: What the runs leave on the disk.
        set_bytes: Memory of the largest training set, with its test set.
        sets_bytes: Memory of all sets that a process keeps at hand.
        speed: Of this machine, as measured.
        work: What is to be done.
    """

    runs: int
    programs: int
    steps: int
    flops: float
    seconds: float
    disk_bytes: int
    set_bytes: int
    sets_bytes: int
    speed: Speed
    work: Work = field(repr=False)


def remaining(study: Study[Any, Any], spec: StudySpec, out: Path | str) -> Work:
    """Return what of a study at a size is still to be done; looks at the store, and changes nothing.

    Args:
        study: The study.
        spec: At which size.
        out: The folder of all studies.

    Raises:
        ValueError: A specification that cannot be carried out.
    """
    folder = StudyFolder(out, study.name)
    groups = plan(study.runs(spec).values(), spec.slots)
    lacking = [{name: run for name, run in group.runs.items() if not folder.run(name).finished} for group in groups]
    wanted = sum(len(group.runs) for group in groups)
    keys = [experiment.key(name) for name, experiment in study.experiments(spec).items()]
    return Work(
        groups=[replace(group, runs=runs) for group, runs in zip(groups, lacking, strict=True) if runs],
        finished=wanted - sum(map(len, lacking)),
        experiments=sum(not folder.has_experiment(key) for key in keys),
    )


def may_be_long(work: Work) -> bool:
    """Return whether training may take longer than :data:`LONG_S`, at a guess that costs nothing."""
    return sum(map(_guessed_seconds, work.groups)) > LONG_S


def estimated(work: Work, speed: Speed | None = None) -> Estimate:
    """Return what a study's trainings will take; for many wide networks it takes up to a minute itself.

    Args:
        work: What is to be done.
        speed: Of the machine; measured if not given.
    """
    costs = group_costs(work.groups)
    runs = [run for group in work.groups for run in group.runs.values()]
    speed = speed or measured_speed()
    return Estimate(
        runs=len(runs),
        programs=len(costs),
        steps=sum(cost.steps for cost in costs),
        flops=sum(cost.flops for cost in costs),
        seconds=seconds(costs, speed),
        disk_bytes=sum(cost.disk_bytes for cost in costs),
        set_bytes=max((set_bytes(run.data) for run in runs), default=0),
        sets_bytes=sets_bytes(runs),
        speed=speed,
        work=work,
    )


def _guessed_seconds(group: Group) -> float:
    template = group.template
    reuse = 1.0 if template.model.kind in ("mlp", "f1") else math.prod(model_of(template).input_shape) / POSITIONS
    flops = 6 * num_parameters(template) * template.examples_per_step * max(1.0, reuse)
    return sum(run.num_steps for run in group.runs.values()) * (flops / GUESSED_FLOPS + GUESSED_STEP_S)
