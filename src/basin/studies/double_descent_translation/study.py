"""Double descent of transformers: does a larger one translate worse, and do more sentences hurt?

**Source.** Nakkiran, Kaplun, Bansal, Yang, Barak & Sutskever, "Deep double descent: where bigger models and more data
hurt", ICLR 2020, figures 3 and 8: encoder-decoder transformers (Vaswani et al. 2017) on IWSLT'14 and WMT'14.

**Design.** Transformers differ in their embedding dimension alone; the hidden layers have four times as many units.
Each is trained on fewer and on more sentences of a made-up pair of languages, for as many updates, with smoothed
labels; the schedule rises and then falls with the root of the updates. Nothing else regularises. Loss and error are
those of the next word, given the true words before it; no sentence is decoded. A share of the target words is wrong by
the language's own noise, in test sentences too, so the least possible loss and error are known.

**Expected signature.** Test loss over the dimension has a peak where the sentences are just fitted. More sentences
lower the loss at both ends and raise it in between, as they move the peak to larger dimensions.

**What would refute it.** Each claim says so itself; a test loss that only falls with the dimension refutes the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from basin.spec.double_descent_translation import DoubleDescentTranslation
from basin.studies import descent
from basin.studies.double_descent_translation import arms, claims, evidence, view
from basin.studies.double_descent_translation.presets import PAPER, QUICK, STANDARD
from basin.studies.study import Study


def protocol(spec: DoubleDescentTranslation) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    lengths = "; ".join(
        f"{one.name} {one.budget}, batches of {one.batch_size}, label smoothing {one.label_smoothing:g}"
        for one in spec.families
    )
    return [
        f"Every dimension and both samples: the same optimiser and length ({lengths}); nothing stops a run.",
        "The smaller sample is the first sentences of the larger; test sentences are the same for every seed.",
        "Losses and errors are means over words, each predicted from the true words before it, labels not smoothed.",
        f"Interpolation threshold: the smallest dimension with a training error of at most "
        f"{100 * descent.EPSILON:g} %, between dimensions too. No test error enters it.",
        "Valley and peak are chosen on the seeds at even places, their heights measured on the others, and so is every "
        "other place that is chosen.",
        "Data, rate and length of quick were chosen in a pilot on seeds 1000 and 1001, before any verdict.",
        f"Seeds: {spec.seeds}.",
    ]


STUDY = Study(
    name="double-descent-translation",
    title="Double descent of transformers",
    question="Transformers that translate are trained over a range of embedding dimensions, on fewer and on more "
    "sentences. Is there a dimension at which the test loss peaks, and do more sentences hurt there?",
    source="Nakkiran et al. 2020, figures 3 and 8",
    presets={"quick": QUICK, "standard": STANDARD, "paper": PAPER},
    cost={
        "quick": "99 s on two cores (144 trainings)",
        "standard": "34 min on two cores with other work beside it (144 trainings, 47 CPU minutes)",
        "paper": "not measured; needs a GPU",
    },
    protocol=protocol,
    claims=claims.claims,
    runs=arms.runs,
    evidence=evidence.evidence,
    figures=view.figures,
    tables=view.tables,
)
