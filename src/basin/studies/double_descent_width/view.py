"""The findings of the study `double-descent-width` as figures and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from basin.data.corrupt import noisy_error
from basin.figures import lines, samples
from basin.figures.figure import Figure
from basin.spec.double_descent import DoubleDescentWidth, WidthFamily
from basin.studies import descent_views, views
from basin.studies.double_descent_width.arms import AUGMENTED, FEWER, REUSE, decay_arm, num_classes
from basin.studies.double_descent_width.evidence import best_decay, early_look
from basin.studies.study import Findings, Table
from basin.studies.sweeps import MAIN, Arm, Cell, epochs, in_note, noise_arm, over_width, over_width_at_best, table

Found = Findings[Cell]

SHOWN_DECAYS = 3
"""The most strengths of decay in a figure, beside none and the best."""


def figures(spec: DoubleDescentWidth, found: Found, records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _noise_figure(spec, found),
        *_maps(spec, found),
        *_samples_figure(spec, found),
        _stopping_figure(spec, found),
        *_decay_figure(spec, found),
        *_augmentation_figure(spec, found),
        _examples_figure(spec),
    ]


def _noise_figure(spec: DoubleDescentWidth, found: Found) -> Figure:
    panels = []
    for family in spec.families:
        rates = {rate: noise_arm(rate) for rate in family.noises} | {family.data.label_noise: MAIN}
        arms = {_percent(rate): arm for rate, arm in sorted(rates.items())}
        if family.below is not None and family.below.new_weights_std is not None:
            arms["weights reused"] = Arm(REUSE)
        sweeps = {name: over_width(found, family, arm) for name, arm in arms.items()}
        panels.append(descent_views.panel(family.name, sweeps, marked=(_percent(family.data.label_noise),)))
    return lines.draw(
        "width",
        "Errors over width",
        f"At the end of training, by label noise. {descent_views.BANDS} {descent_views.MARK}",
        panels,
        x_label="width",
        y_label="error (%)",
        log_x=True,
        note=_seeds(spec),
    )


def _percent(rate: float) -> str:
    return f"{100 * rate:g} % wrong"


def _seeds(spec: DoubleDescentWidth) -> str:
    return in_note(spec.families, spec.seeds)


def _maps(spec: DoubleDescentWidth, found: Found) -> Iterator[Figure]:
    """Yield a map of width by epoch for each family."""
    for family in spec.families:
        test, train = (table(found, family, MAIN, split)[..., 1:] for split in ("test", "train"))
        where = epochs(found, family, MAIN)[1:]
        yield descent_views.map_of_errors(
            f"map-{family.name}",
            f"Errors over width and epochs: {family.name}",
            f"{_percent(family.data.label_noise)}. Each row is a network as it is trained; test error on clean labels.",
            {"": (test, train)},
            ("epoch", where),
            ("width", np.array(family.widths, float)),
            best="lowest test error of a width",
            highest=descent_views.HEADROOM * float(np.nanmean(test, axis=0)[:, -1].max()),
        )


def _samples_figure(spec: DoubleDescentWidth, found: Found) -> Iterator[Figure]:
    panels = []
    for family in spec.families:
        if family.fewer is not None:
            names = (f"{family.fewer} examples", f"{family.data.num_train} examples")
            sweeps = dict(
                zip(names, (over_width(found, family, Arm(FEWER)), over_width(found, family, MAIN)), strict=True)
            )
            panels.append(descent_views.panel(family.name, sweeps, marked=names))
    if panels:
        yield lines.draw(
            "samples",
            "Fewer and more training examples",
            f"At the end of training. {descent_views.BANDS} {descent_views.MARK}",
            panels,
            x_label="width",
            y_label="error (%)",
            log_x=True,
            note=_seeds(spec),
        )


_AXES: dict[str, Any] = {"x_label": "width", "y_label": "test error (%)", "log_x": True}
_BANDS = "Bands: 95 % intervals of the means."


def _stopping_figure(spec: DoubleDescentWidth, found: Found) -> Figure:
    panels = []
    for family in spec.families:
        ends = {"at the end": over_width(found, family, MAIN), "at its best": over_width_at_best(found, family, MAIN)}
        panels.append(descent_views.panel(family.name, ends, train=False))
    caption = f"Test error. Best: the look at which a run had the fewest errors on its held-out examples. {_BANDS}"
    return lines.draw("early-stopping", "What early stopping leaves", caption, panels, **_AXES, note=_seeds(spec))


def _decay_figure(spec: DoubleDescentWidth, found: Found) -> Iterator[Figure]:
    panels = []
    for family in spec.families:
        if family.decays:
            sweeps = {"none": over_width(found, family, MAIN)}
            sweeps |= {
                f"{decay:g}": over_width(found, family, decay_arm(family, decay))
                for decay in family.decays[-SHOWN_DECAYS:]
            }
            panels.append(descent_views.panel(family.name, sweeps | {"best": best_decay(family, found)}, train=False))
    caption = (
        f"Test error under the largest decays. Best: of each width, chosen by the other half of the seeds. {_BANDS}"
    )
    if panels:
        yield lines.draw("decay", "What weight decay leaves", caption, panels, **_AXES, note=_seeds(spec))


def _augmentation_figure(spec: DoubleDescentWidth, found: Found) -> Iterator[Figure]:
    panels = []
    for family in spec.families:
        if family.augmented:
            arms = {"augmented": Arm(AUGMENTED), "as they are": MAIN}
            sweeps = {name: over_width(found, family, arm) for name, arm in arms.items()}
            panels.append(descent_views.panel(family.name, sweeps, marked=tuple(sweeps)))
    caption = f"{descent_views.BANDS} {descent_views.MARK}"
    if panels:
        yield lines.draw("augmentation", "With augmentation and without", caption, panels, **_AXES, note=_seeds(spec))


def _examples_figure(spec: DoubleDescentWidth) -> Figure:
    sources = dict.fromkeys(family.data.replace(label_noise=0.0) for family in spec.families)
    sheets = [views.sheet(source.kind, source) for source in sources]
    return samples.draw(
        "examples", "What the networks see", "Training examples by class, before standardisation.", sheets
    )


def tables(spec: DoubleDescentWidth, found: Found) -> Sequence[Table]:
    """Return the errors of every width of each family."""
    return [_widths_table(family, found) for family in spec.families]


def _widths_table(family: WidthFamily, found: Found) -> Table:
    end, best = over_width(found, family, MAIN), over_width_at_best(found, family, MAIN)
    early = over_width(found, family, MAIN, early_look(family, found))
    rate, classes = family.data.label_noise, num_classes(family)
    noisy = 100 * noisy_error(end.test / 100, rate, classes)
    columns = (end.train, end.test, noisy, best.test, early.test)
    rows = [
        [str(width), *(views.mean_and_sd(column[:, index], ".1f") for column in columns)]
        for index, width in enumerate(family.widths)
    ]
    return Table(
        f"Every width: {family.name}",
        ("width", "training error %", "test error %", "on noisy labels", "at the best epoch", "after an eighth"),
        rows,
        f"Mean ± standard deviation over seeds; {_percent(rate)}. Test labels are clean; on noisy labels: what that "
        f"error comes to where as many test labels are wrong. Interpolation threshold: "
        f"{descent_views.in_words(end.threshold())}; it is the "
        f"width whose effective model complexity is the sample of {family.data.num_train}.",
    )
