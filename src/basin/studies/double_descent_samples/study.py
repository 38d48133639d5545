"""Double descent over samples: can more training data make a network worse?

**Source.** Nakkiran, Kaplun, Bansal, Yang, Barak & Sutskever, "Deep double descent: where bigger models and more data
hurt", ICLR 2020, section 7.

**Design.** Every width of a family is trained on samples of several sizes, each the beginning of the next larger, for
as many steps, with a share of the labels wrong. Test labels are clean. All runs of a width (seeds, sample sizes) are
one compiled program.

**Expected signature.** More examples lower the test error of networks far from the interpolation threshold. They also
move the threshold to larger networks, and the peak with it: a network that was beyond the threshold of the smaller
sample and is at that of the larger one gets worse.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from basin.spec.double_descent import DoubleDescentSamples
from basin.studies import sweeps
from basin.studies.descent import EPSILON
from basin.studies.double_descent_samples import arms, claims, evidence, view
from basin.studies.double_descent_samples.presets import PAPER, QUICK, STANDARD
from basin.studies.study import Study


def protocol(spec: DoubleDescentSamples) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    return [
        *sweeps.protocol(spec.families, spec.seeds),
        "A smaller sample is the beginning of a larger one, and is trained on for as many steps.",
        "Effective model complexity: the largest number of examples with a mean training error of at most "
        f"{100 * EPSILON:g} %, "
        "between the numbers too.",
        "Network, data, rate and length of quick are those of the study double-descent-width; widths and numbers of "
        "examples were fixed before any verdict.",
    ]


STUDY = Study(
    name="double-descent-samples",
    title="Double descent over samples: when more data hurt",
    question="More training data should help. At the size of network that can just fit them they may not: more "
    "examples move the interpolation threshold, and the peak of the test error with it. Families of networks are "
    "trained on samples of several sizes.",
    source="Nakkiran et al. 2020",
    presets={"quick": QUICK, "standard": STANDARD, "paper": PAPER},
    cost={
        "quick": "69 s on two cores (480 trainings)",
        "standard": "17 min on two cores with other work beside it (1 446 trainings)",
        "paper": "not measured; needs a GPU",
    },
    protocol=protocol,
    claims=claims.claims,
    runs=arms.runs,
    evidence=evidence.evidence,
    figures=view.figures,
    tables=view.tables,
)
