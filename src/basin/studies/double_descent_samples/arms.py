"""The runs of the study `double-descent-samples`, and their errors over width, over examples and over both."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from basin.measure import Threshold, effective_model_complexity
from basin.spec.double_descent import DoubleDescentSamples, SampleFamily
from basin.spec.run import RunSpec
from basin.studies.descent import EPSILON, Sweep
from basin.studies.study import Findings
from basin.studies.sweeps import Arm, Cell, over_width, runs_of

Found = Findings[Cell]
Grid = Float[np.ndarray, "seeds samples widths"]


def runs(spec: DoubleDescentSamples) -> Mapping[Cell, RunSpec]:
    """Return every family on every number of examples, at every width."""
    return {
        cell: run
        for family in spec.families
        for size in family.samples
        for cell, run in runs_of(family, sample_arm(size), spec.seeds)
    }


def sample_arm(size: int) -> Arm:
    """Return training on so many examples: the first of those of any larger number."""
    return Arm(f"{size} examples", data={"num_train": size})


def by_size(found: Found, family: SampleFamily) -> Mapping[int, Sweep]:
    """Return the errors over width by the number of examples."""
    return {size: over_width(found, family, sample_arm(size)) for size in family.samples}


def grids(found: Found, family: SampleFamily) -> tuple[Grid, Grid]:
    """Return test and training errors in points over the number of examples and the width."""
    sweeps = by_size(found, family).values()
    return np.stack([one.test for one in sweeps], axis=1), np.stack([one.train for one in sweeps], axis=1)


def over_samples(found: Found, family: SampleFamily, width: int) -> Sweep:
    """Return the errors of one width over the number of examples."""
    index = family.widths.index(width)
    test, train = (grid[:, :, index] for grid in grids(found, family))
    return Sweep("examples", np.array(family.samples, float), test, train)


def complexity(found: Found, family: SampleFamily, width: int) -> Threshold:
    """Return the effective model complexity of a width: how many examples it fits."""
    sweep = over_samples(found, family, width)
    return effective_model_complexity(sweep.sizes, sweep.train / 100, epsilon=EPSILON)
