"""Double descent over epochs: does training for longer make a network worse, and then better again?

**Source.** Nakkiran, Kaplun, Bansal, Yang, Barak & Sutskever, "Deep double descent: where bigger models and more data
hurt", ICLR 2020, section 6.

**Design.** A family of networks differs in its width alone. Each is trained with a share of the labels wrong and looked
at along the way. The smallest never fits its examples, the critical one just does, the largest does early.

**Expected signature.** The smallest goes on improving; the critical one gets worse and stays so; the largest gets worse
until it fits its examples and then better again. Longer training is more complexity, and passes the same peak.

**What would refute it.** Each claim says so itself. Small networks on small images need not do what a ResNet18 on CIFAR
does after thousands of epochs: what they do is reported.
"""

from __future__ import annotations

from collections.abc import Sequence

from basin.spec.double_descent import DoubleDescentEpochs
from basin.studies import sweeps
from basin.studies.double_descent_epochs import claims, evidence, view
from basin.studies.double_descent_epochs.presets import PAPER, QUICK, STANDARD
from basin.studies.study import Study


def protocol(spec: DoubleDescentEpochs) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    roles = "; ".join(
        f"{one.name}: small {one.widths[0]}, critical {one.critical}, large {one.widths[-1]}" for one in spec.families
    )
    return [
        *sweeps.protocol(spec.families, spec.seeds),
        f"Widths of the three regimes were named beforehand ({roles}).",
        "A rate that is constant and no decay: nothing but the number of epochs changes along a curve.",
        "Networks, rates and lengths follow a pilot on seeds 1000 and 1001.",
    ]


STUDY = Study(
    name="double-descent-epochs",
    title="Double descent over epochs",
    question="Early stopping is advised because test error rises again. Deep double descent says that for a network "
    "that is large enough it falls a second time. Networks below, at and above the interpolation threshold are trained "
    "for long.",
    source="Nakkiran et al. 2020",
    presets={"quick": QUICK, "standard": STANDARD, "paper": PAPER},
    cost={
        "quick": "51 s on two cores (192 trainings)",
        "standard": "18 min on two cores (360 trainings), with other work beside it",
        "paper": "not measured; needs a GPU",
    },
    protocol=protocol,
    claims=claims.claims,
    runs=evidence.runs,
    evidence=evidence.evidence,
    figures=view.figures,
    tables=view.tables,
)
