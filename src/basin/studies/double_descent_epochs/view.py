"""The findings of the study `double-descent-epochs` as figures and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from basin.figures import lines
from basin.figures.figure import Figure
from basin.spec.double_descent import DoubleDescentEpochs, EpochFamily
from basin.studies import descent_views, views
from basin.studies.descent import EPSILON
from basin.studies.double_descent_epochs.evidence import Found, arms
from basin.studies.study import Table
from basin.studies.sweeps import MAIN, epochs, in_note, noise_arm, over_epochs, table


def figures(spec: DoubleDescentEpochs, found: Found, records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _epochs_figure(spec, found),
        *_noise_figure(spec, found),
        *_maps(spec, found),
    ]


def _regimes(family: EpochFamily) -> dict[str, int]:
    """Return the widths of the three regimes by their names."""
    below, above = f"width {family.widths[0]}, small", f"width {family.widths[-1]}, large"
    return {below: family.widths[0], f"width {family.critical}, critical": family.critical, above: family.widths[-1]}


def _epochs_figure(spec: DoubleDescentEpochs, found: Found) -> Figure:
    panels = []
    for family in spec.families:
        sweeps = {name: over_epochs(found, family, MAIN, width) for name, width in _regimes(family).items()}
        panels.append(descent_views.panel(family.name, sweeps))
    return lines.draw(
        "epochs",
        "Errors over epochs, below, at and above the interpolation threshold",
        descent_views.BANDS,
        panels,
        x_label="epochs",
        y_label="error (%)",
        log_x=True,
        note=in_note(spec.families, spec.seeds),
    )


def _noise_figure(spec: DoubleDescentEpochs, found: Found) -> Iterator[Figure]:
    panels = []
    for family in spec.families:
        rates = {family.data.label_noise: MAIN} | {rate: noise_arm(rate) for rate in family.noises}
        width = family.widths[-1]
        sweeps = {
            f"{100 * rate:g} % wrong": over_epochs(found, family, arm, width) for rate, arm in sorted(rates.items())
        }
        if len(sweeps) > 1:
            panels.append(descent_views.panel(f"{family.name}, width {width}", sweeps))
    if panels:
        yield lines.draw(
            "noise",
            "The large network, by label noise",
            descent_views.BANDS,
            panels,
            x_label="epochs",
            y_label="error (%)",
            log_x=True,
            note=in_note(spec.families, spec.seeds),
        )


def _maps(spec: DoubleDescentEpochs, found: Found) -> Iterator[Figure]:
    """Yield a map of epochs by width for each family."""
    for family in spec.families:
        test, train = (table(found, family, MAIN, split)[..., 1:] for split in ("test", "train"))
        yield descent_views.map_of_errors(
            f"map-{family.name}",
            f"Errors over epochs and width: {family.name}",
            "Each row is a network as it is trained; test error on clean labels.",
            {"": (test, train)},
            ("epoch", epochs(found, family, MAIN)[1:]),
            ("width", np.array(family.widths, float)),
            best="lowest test error of a width",
            highest=descent_views.HEADROOM * float(np.nanmean(test, axis=0)[:, -1].max()),
        )


def tables(spec: DoubleDescentEpochs, found: Found) -> Sequence[Table]:
    """Return what each network comes to at its best look and at the end."""
    return [_family_table(family, found) for family in spec.families]


def _family_table(family: EpochFamily, found: Found) -> Table:
    rows = []
    for arm in arms(family):
        rate = arm.data.get("label_noise", family.data.label_noise)
        for width in family.widths:
            sweep = over_epochs(found, family, arm, width)
            best = int(np.nanmean(sweep.test, axis=0).argmin())
            errors = (sweep.test[:, best], sweep.test[:, -1], sweep.train[:, -1])
            columns = [views.mean_and_sd(values, ".1f") for values in errors]
            fits = descent_views.in_words(sweep.threshold(), below="at once", above="never")
            rows.append([str(width), f"{100 * rate:g}", f"{sweep.sizes[best]:.3g}", *columns, fits])
    return Table(
        f"Over epochs: {family.name}",
        ("width", "% wrong", "best epoch", "test error % there", "at the end", "training error %", "fits at epoch"),
        rows,
        "Mean ± standard deviation over seeds; the best epoch is that of the mean curve, chosen with all seeds, so its "
        f"error is a little too good. Fits: the mean training error comes down to {100 * EPSILON:g} %, with its 95 % "
        "interval.",
    )
