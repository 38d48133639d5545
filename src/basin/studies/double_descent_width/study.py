"""Double descent over width: does a larger network generalise worse, until it is larger still?

**Source.** Nakkiran, Kaplun, Bansal, Yang, Barak & Sutskever, "Deep double descent: where bigger models and more data
hurt", ICLR 2020; Belkin, Hsu, Ma & Mandal, "Reconciling modern machine-learning practice and the classical
bias-variance trade-off", PNAS 116 (2019); Zhang et al., "Understanding deep learning requires rethinking
generalization", ICLR 2017.

**Design.** A family of networks differs in its width alone. Every width is trained for as many steps, on labels of
which a share is wrong, and judged on clean ones. Each seed has a training sample, first weights and an order of its
own. The runs of a width (seeds, rates of noise, sample sizes, decays) are one compiled program.

**Expected signature.** Test error falls, rises to a peak where the training error comes down to 0, and falls again,
with more noise the higher; more examples move the peak to larger networks, so that some networks get worse with them.

**What would refute it.** Each claim says so itself; a curve that only falls refutes the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from basin.spec.double_descent import DoubleDescentWidth
from basin.studies import sweeps
from basin.studies.double_descent_width import arms, claims, evidence, view
from basin.studies.double_descent_width.presets import PAPER, QUICK, STANDARD
from basin.studies.study import Study


def protocol(spec: DoubleDescentWidth) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    return [
        *sweeps.protocol(spec.families, spec.seeds),
        "The best epoch of a run is that of its held-out examples, which are as noisy as its training examples.",
        "Data, widths, rate and length of quick were chosen in a pilot on seeds 1000 to 1003; what was changed after "
        "its verdicts had been seen is told on the page of the study.",
    ]


STUDY = Study(
    name="double-descent-width",
    title="Double descent over width",
    question="Classical wisdom says that a network may be too large for its data. Deep double descent says that only "
    "the size at which the data can just be fitted is bad, and that larger is better again. Families of networks are "
    "trained over a range of widths, with wrong labels and without.",
    source="Nakkiran et al. 2020; Belkin et al. 2019; Zhang et al. 2017",
    presets={"quick": QUICK, "standard": STANDARD, "paper": PAPER},
    cost={
        "quick": "100 s on two cores (492 trainings)",
        "standard": "23 min on two cores with other work beside it (2 100 trainings)",
        "paper": "not measured; needs a GPU",
    },
    protocol=protocol,
    claims=claims.claims,
    runs=arms.runs,
    evidence=evidence.evidence,
    figures=view.figures,
    tables=view.tables,
)
