"""The runs of the study `double-descent-epochs`, and from them the evidence for its claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from basin.spec.double_descent import DoubleDescentEpochs, EpochFamily
from basin.spec.run import RunSpec
from basin.stats import Direction, mean, sample
from basin.studies import descent
from basin.studies.claim import Evidence, Measured, Premise, Reading
from basin.studies.descent import EPSILON, Sweep
from basin.studies.study import Findings
from basin.studies.sweeps import MAIN, Arm, Cell, noise_arm, over_epochs, runs_of

Found = Findings[Cell]


def runs(spec: DoubleDescentEpochs) -> Mapping[Cell, RunSpec]:
    """Return every family at every width and rate of label noise."""
    return {
        cell: run for family in spec.families for arm in arms(family) for cell, run in runs_of(family, arm, spec.seeds)
    }


def arms(family: EpochFamily) -> list[Arm]:
    """Return training with the family's own label noise, and with other rates."""
    return [MAIN, *(noise_arm(rate) for rate in family.noises)]


def evidence(spec: DoubleDescentEpochs, found: Found) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {name: measured for family in spec.families for name, measured in _of(family, found)}


def _of(family: EpochFamily, found: Found) -> Iterator[tuple[str, Measured]]:
    name = family.name
    small, critical, wide = (
        over_epochs(found, family, MAIN, width) for width in (family.widths[0], family.critical, family.widths[-1])
    )
    yield f"peak-{name}", descent.peak_exists(wide)
    yield f"at-threshold-{name}", descent.peak_at_threshold(wide)
    yield f"critical-{name}", worse_at_the_end(critical)
    yield f"small-{name}", no_worse_at_the_end(small)
    yield f"complexity-{name}", descent.threshold_moves(wide, critical)
    if family.noises:
        clean = over_epochs(found, family, noise_arm(family.noises[0]), family.widths[-1])
        yield f"noise-{name}", descent.noise_raises(clean, wide)


def worse_at_the_end(sweep: Sweep) -> Measured:
    """Return by how much the test error at the end exceeds that at the best look, if the examples are fitted."""
    at_end = mean(sample(sweep.train[:, -1], resolution=sweep.resolution))
    fits = Premise("it fits its examples", at_end, Direction.AT_MOST, 100 * EPSILON)
    return replace(descent.somewhere(_worse(sweep), _looks(sweep)), premise=fits)


def no_worse_at_the_end(sweep: Sweep) -> Measured:
    """Return by how much the test error at the end exceeds that at each look, if the examples are not fitted."""
    never = Premise("it does not fit its examples", mean(sample(sweep.train[:, -1])), Direction.GREATER, 100 * EPSILON)
    worse = _worse(sweep)
    readings = (Reading(name, mean(sample(worse[:, look]))) for look, name in enumerate(_looks(sweep)))
    return Measured(tuple(readings), never)


def _worse(sweep: Sweep) -> Float[np.ndarray, "seeds looks"]:
    return sweep.test[:, [-1]] - sweep.test[:, :-1]


def _looks(sweep: Sweep) -> list[str]:
    return [sweep.at(look) for look in range(len(sweep.sizes) - 1)]
