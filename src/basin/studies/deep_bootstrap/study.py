"""The Deep Bootstrap: does it matter that training data are used again and again?

**Source.** Nakkiran, Neyshabur & Sedghi, "The Deep Bootstrap framework: good online learners are good offline
generalizers", ICLR 2021, and an account of it.

**Design.** Each way of training (an *arm*: network, optimiser, rate, data, augmentation, start) is carried out in two
worlds by one training function with two samplers. The Real World makes T steps on N examples, over and over; the Ideal
World makes T steps on fresh examples only. Initial weights, optimiser, schedule, batch size, augmentation, T and test
set are the same, and the worlds are paired by seed; every seed has a training sample of its own. Nothing stops a run:
the stopping time, the first look with a training soft-error below 1 %, is read from the curves.

**Expected signature.** Up to the stopping time the two test curves lie on each other, while the generalisation gap is
large; later the Ideal World goes on improving and the Real World does not.

**What would refute it.** Each claim says so itself. The authors' claim is about N = 50 000; on the few hundred examples
of `quick` it is expected to fail, and how far it fails is what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from basin.spec.deep_bootstrap import DeepBootstrap
from basin.studies.deep_bootstrap import claims, evidence, tables, view, worlds
from basin.studies.deep_bootstrap.presets import PAPER, QUICK, STANDARD
from basin.studies.study import Study


def protocol(spec: DeepBootstrap) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    few = ", ".join(f"{arm.name} {worlds.num_seeds(spec, arm)}" for arm in spec.arms if arm.seeds)
    return [
        f"Both worlds: {spec.steps} steps of {spec.batch_size} examples, the same looks, the same initial weights, "
        "optimiser, schedule and augmentation, one training function; paired by seed. Only the sampler differs.",
        f"Real World: N examples ({', '.join(map(str, spec.sizes))}), reshuffled every epoch; every seed has a sample "
        "of its own. Ideal World: no example twice. The test set is the same for all seeds and both worlds.",
        "Stopping time: first look at which the mean of 1 - p(label) over the N examples, as they are and in "
        f"evaluation mode, is below {100 * spec.soft_error:g} %; nothing stops a run. A run that never gets there is "
        "left out of claims about the stopping time and counted; where a time is compared or an error at the end of "
        "training it stands for all steps, if the bound that this is tells.",
        f"Worlds are compared after at least {spec.passes:g} passes over the N examples; within the first pass they "
        "agree by construction.",
        f"Margin: {spec.margin:g} points, or {spec.share:g} of the generalisation gap; both were fixed before "
        "any run. Data, sizes and rates follow a pilot on other seeds that looked at whether trainings stop in time; "
        "those of quick were changed after its verdicts had been seen, as the page of the study says.",
        "Batch normalisation: running averages in evaluation, as in the authors' code.",
        f"Seeds: {spec.seeds}" + (f", but {few}." if few else "."),
    ]


STUDY = Study(
    name="deep-bootstrap",
    title="The Deep Bootstrap: Real World and Ideal World",
    question="Training uses the same examples again and again. What would change if every step saw fresh ones? Each "
    "network is trained in both worlds, from the same weights and for as many steps: test error is then the Ideal "
    "World's (how fast does it optimise?) plus the bootstrap error (what does reuse cost?).",
    source=claims.SOURCE,
    presets={"quick": QUICK, "standard": STANDARD, "paper": PAPER},
    cost={
        "quick": "107 s on two cores (218 trainings)",
        "standard": "29 min on two cores (318 trainings)",
        "paper": "not measured; needs a GPU",
    },
    protocol=protocol,
    claims=claims.claims,
    runs=worlds.runs,
    evidence=evidence.evidence,
    figures=view.figures,
    tables=tables.tables,
)
