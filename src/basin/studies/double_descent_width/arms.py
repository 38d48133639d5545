"""The arms of the study `double-descent-width`: in which ways each family is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from basin import data
from basin.spec.double_descent import DoubleDescentWidth, WidthFamily
from basin.spec.run import RunSpec, Start, StopAtError
from basin.studies.sweeps import MAIN, Arm, Cell, noise_arm, num_seeds, runs_of
from basin.training.plan import num_parameters, resolve

FEWER = "fewer"
AUGMENTED = "augmented"
TRUE = "true labels"
RANDOM = "random labels"
REUSE = "weight reuse"


def runs(spec: DoubleDescentWidth) -> Mapping[Cell, RunSpec]:
    """Return every arm of every family, width by width, so that the runs of one program stand together."""
    found = {
        cell: _as_below(family, run)
        for family in spec.families
        for arm in arms(family)
        for cell, run in runs_of(family, arm, spec.seeds)
    }
    return found | {cell: run for family in spec.families for cell, run in _grown(spec, family, found)}


def _as_below(family: WidthFamily, run: RunSpec) -> RunSpec:
    """Return the run as networks below the threshold are trained, if it is one of these."""
    if family.below is None or not is_below(family, run):
        return run
    return run.replace(optimizer=family.below.optimizer, stop=(StopAtError(),) if family.below.stop else ())


def is_below(family: WidthFamily, run: RunSpec) -> bool:
    """Return whether a run's network has no more parameters than there are targets, one a class and example."""
    resolved = resolve(run)
    assert resolved.data.num_train is not None, "a family has a finite sample"
    return num_parameters(resolved) <= resolved.data.num_train * num_classes(family)


def _grown(
    spec: DoubleDescentWidth, family: WidthFamily, found: Mapping[Cell, RunSpec]
) -> Iterator[tuple[Cell, RunSpec]]:
    """Yield the arm in which each network below the threshold grows out of the next smaller; the others are as ever."""
    if family.below is None or family.below.new_weights_std is None:
        return
    for seed in range(num_seeds(family, spec.seeds)):
        smaller: RunSpec | None = None
        for width in family.widths:
            cell = Cell(family.name, MAIN.name, width, seed)
            run = found[cell]
            if smaller is not None and is_below(family, run):
                run = run.replace(start=Start(run=smaller, new_weights_std=family.below.new_weights_std))
            yield dataclasses.replace(cell, arm=REUSE), run
            smaller = run


def arms(family: WidthFamily) -> list[Arm]:
    """Return the ways in which a family is trained.

    Example:
        >>> from basin.studies.double_descent_width.study import STUDY
        >>> [arm.name for arm in arms(STUDY.presets["quick"].families[0])][:3]
        ['main', 'noise 0', 'decay 0.3']
    """
    found = [MAIN, *(noise_arm(rate) for rate in family.noises)]
    if family.fewer is not None:
        found.append(Arm(FEWER, data={"num_train": family.fewer}))
    found += [decay_arm(family, decay) for decay in family.decays]
    if family.augmented:
        found.append(Arm(AUGMENTED, changes={"augment": family.augmented}))
    if family.random_labels:
        found += [random_arm(family), true_arm(family)]
    return found


def decay_arm(family: WidthFamily, decay: float) -> Arm:
    """Return training with decay of the weights."""
    return Arm(f"decay {decay:g}", changes={"optimizer": family.optimizer.replace(weight_decay=decay)})


def random_arm(family: WidthFamily) -> Arm:
    """Return training of the widest network on labels drawn uniformly: of C classes, all but one in C are wrong."""
    return Arm(RANDOM, data={"label_noise": 1 - 1 / num_classes(family)}, widths=family.widths[-1:])


def true_arm(family: WidthFamily) -> Arm:
    """Return training of the widest network on the true labels."""
    return Arm(TRUE, data={"label_noise": 0.0}, widths=family.widths[-1:])


def num_classes(family: WidthFamily) -> int:
    """Return the number of classes of a family's data."""
    return data.describe(family.data).num_classes
