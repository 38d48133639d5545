"""Families of networks over width: their runs, and the errors of these as arrays over seeds and widths.

Runs of one width differ in traced numbers only (seed, label noise, sample size, decay) and are one compiled program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from basin.spec.double_descent import Family
from basin.spec.run import Evaluations, RunSpec
from basin.studies.descent import EPSILON, Sweep
from basin.studies.study import Findings
from basin.training.run import Run


@dataclass(frozen=True)
class Cell:
    """One run's place in the design."""

    family: str
    arm: str
    width: int
    seed: int


@dataclass(frozen=True)
class Arm:
    """A way in which a family is trained.

    Attributes:
        name: Unique in the family.
        changes: Fields of the run that differ from the family's own.
        data: Fields of its data that do.
        widths: Those that are trained; none for all.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    widths: tuple[int, ...] | None = None


MAIN = Arm("main")


def noise_arm(rate: float) -> Arm:
    """Return training with another rate of label noise."""
    return Arm(f"noise {rate:g}", data={"label_noise": rate})


def runs_of(family: Family, arm: Arm, seeds: int) -> Iterator[tuple[Cell, RunSpec]]:
    """Yield an arm's runs by their cells, width by width."""
    for width in arm.widths or family.widths:
        for seed in range(num_seeds(family, seeds)):
            run = RunSpec(
                data=family.data.replace(**arm.data),
                model=family.at(width),
                optimizer=family.optimizer,
                batch_size=family.batch_size,
                budget=family.budget,
                seed=seed,
                augment=family.augment,
                loss=family.loss,
                evaluations=Evaluations(early=family.early, regular=family.regular),
                gradient_norm=False,
            )
            yield Cell(family.name, arm.name, width, seed), run.replace(**arm.changes)


def num_seeds(family: Family, seeds: int) -> int:
    """Return how many seeds a family is run with."""
    return min(family.seeds or seeds, seeds)


def in_note(families: Sequence[Family], seeds: int) -> str:
    """Return how many seeds the families of a figure have, for the note at its foot."""
    fewer = [f"{one.name} {one.seeds}" for one in families if num_seeds(one, seeds) < seeds]
    return f"n = {seeds} seeds" + (f" ({', '.join(fewer)})" if fewer else "")


def members(found: Findings[Cell], family: Family, arm: Arm, width: int) -> list[Run]:
    """Return the runs of an arm at a width, a run a seed, in order."""
    cells = [cell for cell in found.runs if (cell.family, cell.arm, cell.width) == (family.name, arm.name, width)]
    return [found.runs[cell] for cell in sorted(cells, key=lambda cell: cell.seed)]


def table(found: Findings[Cell], family: Family, arm: Arm, split: str) -> Float[np.ndarray, "seeds widths looks"]:
    """Return errors in points at every look; those of a run that stopped stay, those of one that diverged are NaN.

    Args:
        found: The study's findings.
        family: Of networks.
        arm: Of the family.
        split: The data.
    """
    columns = []
    for width in arm.widths or family.widths:
        runs = members(found, family, arm, width)
        columns.append([_errors(run, split) for run in runs])
    longest = max(len(row) for column in columns for row in column)
    rows = [[np.pad(row, (0, longest - len(row)), mode="edge") for row in column] for column in columns]
    return np.array(rows).swapaxes(0, 1)


def _errors(run: Run, split: str) -> np.ndarray:
    """Return a run's errors in points at its looks."""
    values = 100 * run.history.curve(split, "error")[1]
    return values if run.outcome.kind in ("completed", "stopped") else np.full(len(values), np.nan)


def epochs(found: Findings[Cell], family: Family, arm: Arm) -> Float[np.ndarray, "looks"]:
    """Return the epochs of the looks."""
    runs = members(found, family, arm, (arm.widths or family.widths)[0])
    return np.asarray(max((run.history.curve("test", "error", "epoch")[0] for run in runs), key=len))


def over_width(found: Findings[Cell], family: Family, arm: Arm, look: int = -1) -> Sweep:
    """Return the errors over width at a look, counted as Python counts: -1 is the end of training."""
    test, train = (table(found, family, arm, split)[..., look] for split in ("test", "train"))
    return Sweep("width", np.array(arm.widths or family.widths, float), test, train, _resolution(found, family, arm))


def over_width_at_best(found: Findings[Cell], family: Family, arm: Arm) -> Sweep:
    """Return the errors over width, each run at the look at which its held-out examples had the fewest."""
    test, train, held_out = (table(found, family, arm, split) for split in ("test", "train", "validation"))
    best = np.where(np.isfinite(held_out), held_out, np.inf).argmin(axis=-1)[..., None]
    test, train = (np.take_along_axis(values, best, axis=-1)[..., 0] for values in (test, train))
    return Sweep("width", np.array(family.widths, float), test, train, _resolution(found, family, arm))


def over_epochs(found: Findings[Cell], family: Family, arm: Arm, width: int) -> Sweep:
    """Return the errors over epochs at a width, from the first look after the start."""
    index = (arm.widths or family.widths).index(width)
    test, train = (table(found, family, arm, split)[:, index, 1:] for split in ("test", "train"))
    return Sweep("epoch", epochs(found, family, arm)[1:], test, train, _resolution(found, family, arm))


def _resolution(found: Findings[Cell], family: Family, arm: Arm) -> float:
    """Return the smallest step that a training error can take, in points."""
    num_train = members(found, family, arm, (arm.widths or family.widths)[0])[0].spec.data.num_train
    assert num_train is not None, "a family has a finite sample"
    return 100 / num_train


def protocol(families: Sequence[Family], seeds: int) -> list[str]:
    """Return what was held equal in families, and what was selected on which data."""
    lengths = "; ".join(f"{family.name} {family.budget}, batches of {family.batch_size}" for family in families)
    return [
        f"Every run of a family: the same optimiser and length ({lengths}); nothing stops a run.",
        "Wrong labels: each training label is another class with the stated probability, drawn once for a seed. "
        "Training error is on these labels, test error on clean ones; the test set is the same for all.",
        f"Interpolation threshold: the smallest size with a training error of at most {100 * EPSILON:g} %, between "
        "sizes too. No test error enters it.",
        "Valley and peak are chosen on the seeds at even places and their heights measured on the others, and so is "
        "every other place or setting that is chosen.",
        f"Seeds: {seeds}" + "".join(f", {one.name} {one.seeds}" for one in families if one.seeds) + ".",
    ]
