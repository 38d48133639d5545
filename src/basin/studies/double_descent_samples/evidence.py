"""From the runs of the study `double-descent-samples` to the evidence for its claims."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float

from basin.spec.double_descent import DoubleDescentSamples, SampleFamily
from basin.stats import Scale, first_at_most, mean, sample
from basin.studies import descent
from basin.studies.claim import Evidence, Measured, joint
from basin.studies.descent import EPSILON
from basin.studies.double_descent_samples.arms import Found, by_size, grids


def evidence(spec: DoubleDescentSamples, found: Found) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {name: measured for family in spec.families for name, measured in _of(family, found)}


def _of(family: SampleFamily, found: Found) -> Iterator[tuple[str, Measured]]:
    sweeps = by_size(found, family)
    fewest, most = sweeps[family.samples[0]], sweeps[family.samples[-1]]
    yield f"more-hurts-{family.name}", _more_hurts(family, found)
    yield f"more-helps-{family.name}", descent.more_helps(fewest, most)
    yield f"moves-{family.name}", descent.moves_right(fewest, most)
    located = {f"{size} examples": descent.peak_at_threshold(sweep) for size, sweep in sweeps.items()}
    yield f"at-threshold-{family.name}", joint(located)
    growth = doubled(np.array(family.widths, float), complexities(family, found))
    yield f"complexity-grows-{family.name}", Measured.of(mean(sample(growth, scale=Scale.LOG)))


def _more_hurts(family: SampleFamily, found: Found) -> Measured:
    """Return the largest rise of the test error from one number of examples to the next, over all widths."""
    test, _ = grids(found, family)
    rises = np.diff(test, axis=1)
    names = [
        f"width {width}, from {fewer} to {more} examples"
        for fewer, more in itertools.pairwise(family.samples)
        for width in family.widths
    ]
    return descent.somewhere(rises.reshape(len(rises), -1), names)


def complexities(family: SampleFamily, found: Found) -> Float[np.ndarray, "seeds widths"]:
    """Return each seed's own number of examples that it fits; NaN where it is beyond those that were trained on."""
    sizes = np.array(family.samples, float)[::-1]
    _, train = grids(found, family)
    each = [[first_at_most(sizes, row[::-1], 100 * EPSILON) for row in seed.T] for seed in train]
    values = np.array(each)
    return np.where((values > 0) & np.isfinite(values), values, np.nan)


def doubled(
    widths: Float[np.ndarray, "widths"], complexity: Float[np.ndarray, "seeds widths"]
) -> Float[np.ndarray, "seeds"]:
    """Return each seed's factor of growth at twice the width, by a straight line through the logarithms.

    Args:
        widths: Above 0.
        complexity: A row a seed; NaN where it is not known. A seed that knows fewer than two has NaN.

    Example:
        >>> doubled(np.array([1.0, 2.0, 4.0]), np.array([[10.0, 40.0, np.nan], [np.nan, np.nan, 5.0]]))
        array([ 4., nan])
    """
    found = np.full(len(complexity), np.nan)
    for seed, row in enumerate(complexity):
        known = np.isfinite(row)
        if known.sum() >= 2:
            found[seed] = 2 ** np.polyfit(np.log2(widths[known]), np.log2(row[known]), 1)[0]
    return found
