"""The findings of the study `double-descent-translation` as figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from basin import data
from basin.figures import lines
from basin.figures.figure import Figure
from basin.figures.lines import Mark
from basin.spec.double_descent_translation import DoubleDescentTranslation, TranslationFamily
from basin.studies import descent_views, views
from basin.studies.descent import Sweep
from basin.studies.double_descent_translation.arms import (
    AXIS,
    SAMPLES,
    Found,
    Sample,
    arm,
    errors,
    losses,
    num_examples,
)
from basin.studies.study import Table
from basin.studies.sweeps import epochs, in_note, table


def figures(spec: DoubleDescentTranslation, found: Found, records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [views.claims_figure(records), _dimensions_figure(spec, found), *_maps(spec, found)]


def _words(family: TranslationFamily, sample: Sample) -> str:
    return f"{num_examples(family, sample)} sentences"


def _sweeps(
    found: Found, family: TranslationFamily, of: Callable[[Found, TranslationFamily, Sample], Sweep]
) -> Mapping[str, Sweep]:
    return {_words(family, sample): of(found, family, sample) for sample in SAMPLES}


def _dimensions_figure(spec: DoubleDescentTranslation, found: Found) -> Figure:
    panels = []
    for family in spec.families:
        loss = descent_views.panel(f"{family.name}: loss", _sweeps(found, family, losses))
        error = descent_views.panel(
            f"{family.name}: error", _sweeps(found, family, errors), marked=[_words(family, one) for one in SAMPLES]
        )
        floors = _floors(family)
        panels.append(replace(loss, y_label="nats a word", marks=(*loss.marks, *floors[:1])))
        panels.append(replace(error, y_label="wrong words (%)", marks=(*error.marks, *floors[1:])))
    return lines.draw(
        "dimension",
        "Losses and errors over the embedding dimension",
        f"At the end of training. Solid: test; dotted: training, labels not smoothed. Bands: 95 % intervals of the "
        f"means. {descent_views.MARK} Level lines: the least that any translator can have.",
        panels,
        x_label=AXIS,
        y_label="",
        log_x=True,
        note=in_note(spec.families, spec.seeds),
    )


def _floors(family: TranslationFamily) -> tuple[Mark, ...]:
    """Return the least possible loss and error, where they are known."""
    source = data.SOURCES[family.data.kind]
    if source.entropy_floor is None or source.bayes_error is None:
        return ()
    return (
        Mark("least possible", y=data.entropy_floor(family.data)),
        Mark("least possible", y=100 * data.bayes_error(family.data).value),
    )


def _maps(spec: DoubleDescentTranslation, found: Found) -> Iterator[Figure]:
    """Yield a map of dimension by epoch for each family and sample."""
    for family in spec.families:
        for sample in SAMPLES:
            test, train = (table(found, family, arm(family, sample), split)[..., 1:] for split in ("test", "train"))
            yield descent_views.map_of_errors(
                f"map-{family.name}-{sample}",
                f"Errors over dimension and epochs: {_words(family, sample)}",
                "Shares of wrong words. Each row is a transformer as it is trained.",
                {"": (test, train)},
                ("epoch", epochs(found, family, arm(family, sample))[1:]),
                (AXIS, np.array(family.widths, float)),
                best="lowest test error of a dimension",
            )


def tables(spec: DoubleDescentTranslation, found: Found) -> Sequence[Table]:
    """Return losses and errors of every dimension of each family, and some sentences."""
    found_tables = [_dimensions_table(family, sample, found) for family in spec.families for sample in SAMPLES]
    sources = dict.fromkeys(family.data for family in spec.families)
    return [*found_tables, *(views.sentence_pairs(source) for source in sources)]


def _dimensions_table(family: TranslationFamily, sample: Sample, found: Found) -> Table:
    loss, error = losses(found, family, sample), errors(found, family, sample)
    words = data.describe(family.data)
    rows = [
        [
            str(width),
            f"{family.at(width).num_parameters(words.input_shape, words.num_classes):,}".replace(",", " "),
            *(views.mean_and_sd(values[:, index], ".3f") for values in (loss.train, loss.test)),
            *(views.mean_and_sd(values[:, index], ".1f") for values in (error.train, error.test)),
        ]
        for index, width in enumerate(family.widths)
    ]
    return Table(
        f"Every dimension: {family.name}, {_words(family, sample)}",
        (AXIS, "parameters", "training loss", "test loss", "training error %", "test error %"),
        rows,
        "Mean ± standard deviation over seeds, at the end of training; nats and shares of wrong words, each predicted "
        "from the true words before it.",
    )
