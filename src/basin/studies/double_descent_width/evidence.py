"""From the runs of the study `double-descent-width` to the evidence for its claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from basin.spec.double_descent import DoubleDescentWidth, WidthFamily
from basin.stats import mean, sample
from basin.studies import descent
from basin.studies.claim import Evidence, Measured
from basin.studies.descent import Sweep
from basin.studies.double_descent_width.arms import (
    AUGMENTED,
    FEWER,
    REUSE,
    decay_arm,
    num_classes,
    random_arm,
    true_arm,
)
from basin.studies.double_descent_width.claims import EARLY
from basin.studies.study import Findings
from basin.studies.sweeps import MAIN, Arm, Cell, epochs, noise_arm, over_width, over_width_at_best, table

Found = Findings[Cell]


def evidence(spec: DoubleDescentWidth, found: Found) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    pairs = {name: measured for family in spec.families for name, measured in _of(family, found)}
    return descent.known(pairs)


def _of(family: WidthFamily, found: Found) -> Iterator[tuple[str, Measured | None]]:
    name, main = family.name, over_width(found, family, MAIN)
    early = over_width(found, family, MAIN, early_look(family, found))
    yield f"peak-{name}", descent.peak_exists(main)
    yield f"at-threshold-{name}", descent.peak_at_threshold(main)
    yield f"bigger-{name}", descent.largest_is_best(main)
    yield f"train-falls-{name}", descent.train_falls(main)
    yield f"after-the-fit-{name}", descent.falls_after_fit(main)
    yield f"longer-{name}", descent.threshold_moves(main, early)
    yield f"early-stopping-{name}", descent.peak_removed(main, over_width_at_best(found, family, MAIN))
    if family.noises:
        other = over_width(found, family, noise_arm(family.noises[0]))
        yield f"noise-{name}", descent.noise_raises(other, main)
        yield f"noise-moves-{name}", descent.threshold_moves(other, main)
    if family.fewer is not None:
        fewer = over_width(found, family, Arm(FEWER))
        yield f"moves-{name}", descent.moves_right(fewer, main)
        yield f"more-hurts-{name}", descent.more_hurts(fewer, main)
    if family.decays:
        yield f"decay-{name}", descent.peak_removed(main, best_decay(family, found))
    if family.augmented:
        augmented = over_width(found, family, Arm(AUGMENTED))
        yield f"augmentation-moves-{name}", descent.threshold_moves(main, augmented)
    if family.below is not None and family.below.new_weights_std is not None:
        reused = over_width(found, family, Arm(REUSE))
        yield f"reuse-peak-{name}", descent.peak_exists(reused)
        yield f"reuse-train-{name}", descent.train_falls(reused)
    if family.random_labels:
        yield f"fits-random-{name}", _fits_random(family, found)
        yield f"generalises-{name}", _generalises(family, found)


def early_look(family: WidthFamily, found: Found) -> int:
    """Return which look is nearest to the early point of training, on a logarithmic scale."""
    where = epochs(found, family, MAIN)[1:]
    return 1 + int(np.abs(np.log(where) - np.log(where[-1] / EARLY)).argmin())


def best_decay(family: WidthFamily, found: Found) -> Sweep:
    """Return the errors under the decay that is best at each width, none among them, chosen by other seeds."""
    arms = [MAIN, *(decay_arm(family, decay) for decay in family.decays)]
    sweeps = [over_width(found, family, arm) for arm in arms]
    test = descent.best_of_settings([sweep.test for sweep in sweeps])
    return Sweep("width", sweeps[0].sizes, test, sweeps[0].train)


def _fits_random(family: WidthFamily, found: Found) -> Measured:
    error = table(found, family, random_arm(family), "train")[:, 0, -1]
    test = table(found, family, random_arm(family), "test")[:, 0, -1]
    resolution = over_width(found, family, random_arm(family)).resolution
    return Measured.of(mean(sample(error, resolution=resolution)), f"its test error is then {np.nanmean(test):.1f} %")


def _generalises(family: WidthFamily, found: Found) -> Measured:
    chance = 100 * (1 - 1 / num_classes(family))
    error = table(found, family, true_arm(family), "test")[:, 0, -1]
    note = f"test error {np.nanmean(error):.1f} %, chance {chance:g} %"
    return Measured.of(mean(sample(chance - error - chance / 2)), note)
