"""The runs of the study `double-descent-translation`, and what they found over the embedding dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from basin.spec.double_descent_translation import DoubleDescentTranslation, TranslationFamily
from basin.spec.run import RunSpec
from basin.studies.descent import Quantity, Sweep
from basin.studies.study import Findings
from basin.studies.sweeps import Arm, Cell, members, over_width, runs_of

Found = Findings[Cell]
Sample = Literal["fewer", "more"]
SAMPLES: tuple[Sample, ...] = ("fewer", "more")

AXIS = "embedding dimension"

NATS = 0.05
"""Smallest difference of losses that matters, in nats a word: a twentieth more words to choose from."""

LOSS = Quantity("loss", "nats", NATS, NATS)
"""Cross-entropy a word, each predicted from the true words before it."""


def runs(spec: DoubleDescentTranslation) -> Mapping[Cell, RunSpec]:
    """Return the runs on both samples; those of one dimension are one program."""
    return {
        cell: run
        for family in spec.families
        for sample in SAMPLES
        for cell, run in runs_of(family, arm(family, sample), spec.seeds)
    }


def arm(family: TranslationFamily, sample: Sample) -> Arm:
    """Return training on one of the two samples."""
    changes = {"label_smoothing": family.label_smoothing}
    return Arm(sample, changes, {"num_train": num_examples(family, sample)})


def num_examples(family: TranslationFamily, sample: Sample) -> int:
    """Return how many sentences a sample has."""
    number = family.fewer if sample == "fewer" else family.data.num_train
    assert number is not None, "a family has a finite sample"
    return number


def errors(found: Found, family: TranslationFamily, sample: Sample) -> Sweep:
    """Return test and training errors over the dimension in points: shares of wrong words."""
    return replace(over_width(found, family, arm(family, sample)), axis=AXIS, resolution=None)


def losses(found: Found, family: TranslationFamily, sample: Sample) -> Sweep:
    """Return test and training losses over the dimension, in nats a word, labels as they are."""
    test, train = (_losses(found, family, sample, split) for split in ("test", "train"))
    return Sweep(AXIS, np.array(family.widths, float), test, train, of=LOSS)


def _losses(found: Found, family: TranslationFamily, sample: Sample, split: str) -> Float[np.ndarray, "seeds sizes"]:
    columns = [members(found, family, arm(family, sample), width) for width in family.widths]
    ended = ("completed", "stopped")
    rows = [
        [run.history.last(split, "loss") if run.outcome.kind in ended else np.nan for run in column]
        for column in columns
    ]
    return np.array(rows).T
