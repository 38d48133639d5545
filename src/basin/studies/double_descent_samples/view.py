"""The findings of the study `double-descent-samples` as figures and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from basin.figures import lines
from basin.figures.figure import Figure
from basin.figures.lines import Line
from basin.measure import Threshold
from basin.spec.double_descent import DoubleDescentSamples, SampleFamily
from basin.studies import descent_views, views
from basin.studies.descent import EPSILON
from basin.studies.double_descent_samples.arms import Found, by_size, complexity, grids, over_samples
from basin.studies.study import Table
from basin.studies.sweeps import in_note

MOST = 4
"""The most sizes of a kind in one panel."""


def figures(spec: DoubleDescentSamples, found: Found, records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _widths_figure(spec, found),
        _samples_figure(spec, found),
        *_maps(spec, found),
        _complexity_figure(spec, found),
    ]


def spaced(sizes: Sequence[int], most: int = MOST) -> list[int]:
    """Return at most so many of the sizes, evenly spaced, the ends among them.

    Example:
        >>> spaced([1, 2, 3, 4, 5, 6, 7], 4)
        [1, 3, 5, 7]
    """
    places = np.linspace(0, len(sizes) - 1, min(most, len(sizes)))
    return [sizes[round(place)] for place in places]


def _widths_figure(spec: DoubleDescentSamples, found: Found) -> Figure:
    panels = []
    for family in spec.families:
        sweeps = by_size(found, family)
        shown = {f"n = {size}": sweeps[size] for size in spaced(family.samples)}
        panels.append(descent_views.panel(family.name, shown))
    return lines.draw(
        "width",
        "Errors over width, by the number of examples",
        f"At the end of training. {descent_views.BANDS}",
        panels,
        x_label="width",
        y_label="error (%)",
        log_x=True,
        note=in_note(spec.families, spec.seeds),
    )


def _samples_figure(spec: DoubleDescentSamples, found: Found) -> Figure:
    panels = []
    for family in spec.families:
        shown = {f"width {width}": over_samples(found, family, width) for width in spaced(family.widths)}
        panels.append(descent_views.panel(family.name, shown))
    return lines.draw(
        "samples",
        "Errors over the number of training examples",
        f"At the end of training. {descent_views.BANDS}",
        panels,
        x_label="training examples",
        y_label="error (%)",
        log_x=True,
        note=in_note(spec.families, spec.seeds),
    )


def _maps(spec: DoubleDescentSamples, found: Found) -> Iterator[Figure]:
    """Yield a map of examples by width for each family."""
    for family in spec.families:
        yield descent_views.map_of_errors(
            f"map-{family.name}",
            f"Errors over width and examples: {family.name}",
            "At the end of training; test error on clean labels. A row that is read upwards shows what more data do.",
            {"": grids(found, family)},
            ("width", np.array(family.widths, float)),
            ("training examples", np.array(family.samples, float)),
        )


def _complexity_figure(spec: DoubleDescentSamples, found: Found) -> Figure:
    panels = []
    for family in spec.families:
        located = [complexity(found, family, width) for width in family.widths]
        widths = np.array(family.widths, float)
        fits = _line("fits", widths, located)
        peaks = {size: sweep.peaks() for size, sweep in by_size(found, family).items()}
        medians = [(np.nanmedian(widths), size) for size, widths in peaks.items() if np.isfinite(widths).any()]
        places = np.array(sorted(medians)).reshape(-1, 2)
        panels.append(lines.Panel(family.name, (fits, Line("peaks", places[:, 0], places[:, 1], style="points"))))
    return lines.draw(
        "complexity",
        "How many examples a network fits, and where its test error peaks",
        "Line: effective model complexity, the number of examples up to which the mean training error is at most "
        f"{100 * EPSILON:g} %, "
        "with its 95 % interval (jackknife). Points: for each number of examples the width at which the test error "
        "peaks, the median over the seeds that have a peak.",
        panels,
        x_label="width",
        y_label="training examples",
        log_x=True,
        log_y=True,
        note=in_note(spec.families, spec.seeds),
    )


def _line(label: str, x: np.ndarray, located: Sequence[Threshold]) -> Line:
    values = np.array([one.value for one in located])
    ends = np.array([one.interval() or (np.nan, np.nan) for one in located])
    return Line(label, x, values, ends[:, 0], ends[:, 1])


def tables(spec: DoubleDescentSamples, found: Found) -> Sequence[Table]:
    """Return the test error of every width at every number of examples, and how many it fits."""
    return [_grid_table(family, found) for family in spec.families]


def _grid_table(family: SampleFamily, found: Found) -> Table:
    sweeps = by_size(found, family)
    rows = []
    for index, width in enumerate(family.widths):
        errors = [views.mean_and_sd(sweep.test[:, index], ".1f") for sweep in sweeps.values()]
        fits = complexity(found, family, width)
        words = descent_views.in_words(fits, ".0f", below="fewer than the fewest", above="more than all")
        rows.append([str(width), *errors, words])
    return Table(
        f"Test error (%) by width and number of examples: {family.name}",
        ("width", *(f"n = {size}" for size in family.samples), "fits (95 % interval)"),
        rows,
        "Mean ± standard deviation over seeds. Fits: effective model complexity, the largest number of examples with a "
        f"mean training error of at most {100 * EPSILON:g} %.",
    )
