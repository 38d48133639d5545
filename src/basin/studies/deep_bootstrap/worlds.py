"""The runs of the study `deep-bootstrap` and their curves in both worlds, arm by arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from basin.measure import Worlds
from basin.spec.budget import Budget
from basin.spec.data import Classified
from basin.spec.deep_bootstrap import Arm, DeepBootstrap
from basin.spec.run import Evaluations, RunSpec, Start
from basin.studies.runs import crossing
from basin.studies.study import Findings
from basin.training.run import Run


@dataclass(frozen=True)
class Cell:
    """One run's place in the design: an arm, a world, N in the Real World (0 in the Ideal World), a seed."""

    arm: str
    world: Literal["real", "ideal"]
    size: int
    seed: int


PARENTS = 2**20
"""The seeds of pretrainings begin here, apart from those of any study."""


# --- What is run -----------------------------------------------------------------------------------------------------


def runs(spec: DeepBootstrap) -> Mapping[Cell, RunSpec]:
    """Return every arm in the Ideal World and, for each sample size, in the Real World, for each of its seeds."""
    return {
        cell: run for arm in spec.arms for seed in range(num_seeds(spec, arm)) for cell, run in _of(spec, arm, seed)
    }


def _of(spec: DeepBootstrap, arm: Arm, seed: int) -> Iterator[tuple[Cell, RunSpec]]:
    common = RunSpec(
        data=data_of(spec, arm),
        model=arm.model,
        optimizer=arm.optimizer,
        batch_size=spec.batch_size,
        budget=Budget(amount=spec.steps, unit="steps"),
        seed=seed,
        augment=arm.augment,
        batch_norm="running",
        evaluations=Evaluations(early=spec.early, regular=spec.looks),
        start=_parent(spec, arm, seed),
        gradient_norm=False,
    )
    fresh = spec.fresh if has_all_seeds(spec, arm) else 0
    yield Cell(arm.name, "ideal", 0, seed), in_ideal_world(common).replace(fresh=fresh)
    for size in sizes_of(spec, arm):
        yield Cell(arm.name, "real", size, seed), common.replace(data=sample_of(data_of(spec, arm), size))


def sample_of(source: Classified, size: int) -> Classified:
    """Return the source with so many examples, a sample of the run's seed wherever there is a choice."""
    own = {"sample": "random"} if "sample" in type(source).model_fields else {}
    return source.replace(num_train=size, **own)


def in_ideal_world(run: RunSpec) -> RunSpec:
    """Return the run on fresh examples only: on an endless stream, or in one pass through a finite set."""
    fresh = run.replace(data=run.data.replace(num_train=None))
    return fresh if fresh.data.endless else fresh.replace(order="once")


def _parent(spec: DeepBootstrap, arm: Arm, seed: int) -> Start | None:
    """Return what a pretrained arm begins from: a run of a seed of its own, so that it shares nothing by chance."""
    if arm.pretraining is None:
        return None
    run = RunSpec(
        data=arm.pretraining.data,
        model=arm.model,
        optimizer=arm.optimizer,
        batch_size=spec.batch_size,
        budget=Budget(amount=arm.pretraining.steps, unit="steps"),
        seed=PARENTS + seed,
        batch_norm="running",
        evaluations=Evaluations(early=0, regular=1),
        gradient_norm=False,
    )
    return Start(run=in_ideal_world(run), layers=arm.pretraining.layers)


def data_of(spec: DeepBootstrap, arm: Arm) -> Classified:
    """Return where an arm's examples come from."""
    return spec.data if arm.data is None else arm.data


def sizes_of(spec: DeepBootstrap, arm: Arm) -> tuple[int, ...]:
    """Return the sample sizes of an arm's Real World."""
    return arm.sizes or spec.sizes


def num_seeds(spec: DeepBootstrap, arm: Arm) -> int:
    """Return how many seeds an arm is run with."""
    return min(arm.seeds or spec.seeds, spec.seeds)


def has_all_seeds(spec: DeepBootstrap, arm: Arm) -> bool:
    """Return whether an arm is run with every seed; then its Ideal World also looks at fresh examples."""
    return num_seeds(spec, arm) == spec.seeds


# --- Which arms ------------------------------------------------------------------------------------------------------


def arms_of(spec: DeepBootstrap, *topics: str) -> list[Arm]:
    """Return the arms of some topics, in their order."""
    return [arm for arm in spec.arms if arm.varies in topics]


def other_of(spec: DeepBootstrap, arm: Arm) -> Arm:
    """Return the arm that an arm is held against: the one that it names, or the first."""
    name = arm.against or spec.arms[0].name
    return next(other for other in spec.arms if other.name == name)


def ranked_arms(spec: DeepBootstrap) -> list[Arm]:
    """Return the arms on the study's own data and sizes, which can be ranked by their errors."""
    return [arm for arm in spec.arms if arm.data is None and set(spec.sizes) <= set(sizes_of(spec, arm))]


# --- Arrays ----------------------------------------------------------------------------------------------------------


def runs_of(spec: DeepBootstrap, found: Findings[Cell], arm: Arm, size: int = 0) -> list[Run]:
    """Return the runs of an arm by seed: of the Real World on `size` examples, or of the Ideal World if that is 0."""
    world: Literal["real", "ideal"] = "real" if size else "ideal"
    return [found.runs[Cell(arm.name, world, size, seed)] for seed in range(num_seeds(spec, arm))]


def worlds_of(spec: DeepBootstrap, found: Findings[Cell], arm: Arm, size: int) -> Worlds:
    """Return the curves of an arm in both worlds, on `size` examples in the Real World."""
    return Worlds.of_runs(runs_of(spec, found, arm, size), runs_of(spec, found, arm))


def stopping_looks(spec: DeepBootstrap, worlds: Worlds) -> np.ndarray:
    """Return each seed's stopping look, (seeds,); -1 where it never stops, diverged, or stops before enough passes."""
    looks = worlds.stopping_look(spec.soft_error)
    return np.where((looks >= 0) & worlds.has_ended & (worlds.passes[looks] >= spec.passes), looks, -1)


def stopping_times(spec: DeepBootstrap, worlds: Worlds) -> np.ndarray:
    """Return when each seed's training soft-error comes down to the threshold, in steps between looks, (seeds,).

    Infinite for one that never stops, NaN for one that diverged.
    """
    curves = worlds.train["soft_error"]
    times = np.array([crossing(worlds.steps, curve, spec.soft_error) for curve in curves])
    return np.where(worlds.has_ended, np.where(np.isnan(times), np.inf, times), np.nan)


def ideal_curve(spec: DeepBootstrap, found: Findings[Cell], arm: Arm) -> np.ndarray:
    """Return the test error of the Ideal World, (seeds, looks)."""
    return worlds_of(spec, found, arm, sizes_of(spec, arm)[-1]).ideal["error"]


def steps_to_reach(spec: DeepBootstrap, found: Findings[Cell], arm: Arm) -> np.ndarray:
    """Return the steps of the Ideal World up to the test soft-error `reach`, (seeds,); infinite if it is not reached.

    One that is there before its first step has the number of its first look; NaN for one that diverged.
    """
    ideal = runs_of(spec, found, arm)
    steps = np.array([crossing(*run.history.curve("test", "soft_error"), spec.reach) for run in ideal])
    first = np.array([run.history.curve("test", "soft_error")[0][1] for run in ideal])
    ended = np.array([run.outcome.kind != "diverged" for run in ideal])
    return np.where(ended, np.where(np.isnan(steps), np.inf, np.maximum(steps, first)), np.nan)


def leaving_times(spec: DeepBootstrap, worlds: Worlds) -> np.ndarray:
    """Return when each seed's bootstrap soft-error exceeds the margin for good, in steps between looks, (seeds,).

    Infinite for a seed that is within the margin at the end, NaN for one that diverged.
    """
    apart, margin = worlds.bootstrap_error("soft_error"), spec.margin / 100
    last = apart.shape[1] - 1 - (apart <= margin)[:, ::-1].argmax(axis=1)
    times = np.full(len(apart), np.inf)
    for seed, (look, errors) in enumerate(zip(last, apart, strict=True)):
        if look + 1 < len(errors):
            share = (margin - errors[look]) / (errors[look + 1] - errors[look])
            times[seed] = worlds.steps[look] + share * (worlds.steps[look + 1] - worlds.steps[look])
    return np.where(worlds.has_ended, times, np.nan)


def shared_sizes(spec: DeepBootstrap, *arms: Arm) -> list[int]:
    """Return the sample sizes that arms have in common, ascending."""
    return sorted(set.intersection(*(set(sizes_of(spec, arm)) for arm in arms)))
