"""The claims of the study `double-descent-translation`.

The paper draws the test loss; its words, and the other studies, speak of the test error. What both can show is claimed
of both. A loss is in nats a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from basin.spec.double_descent_translation import DoubleDescentTranslation, TranslationFamily
from basin.stats import Direction
from basin.studies import descent, descent_claims
from basin.studies.claim import Claim, ratio
from basin.studies.double_descent_translation.arms import AXIS, SAMPLES, Sample, num_examples

SOURCE = f"{descent.NAKKIRAN}, figures 3 and 8"

NATS = 0.05
"""Smallest difference of losses that matters, in nats a word: a twentieth more words to choose from."""


def claims(spec: DoubleDescentTranslation) -> Sequence[Claim]:
    """Return the claims that the families of a specification can be held to."""
    return [claim for family in spec.families for claim in _of(family)]


def _of(family: TranslationFamily) -> Iterator[Claim]:
    name = family.name
    sizes = f"{name}, {num_examples(family, 'fewer')} against {num_examples(family, 'more')} sentences"
    for sample in SAMPLES:
        yield _peak_claim(family, sample)
    yield descent_claims.peak_exists(
        f"peak-error-{name}", _setting(family, "fewer"), source=SOURCE, inventory=("B56a",)
    )
    yield _at_threshold_claim(family)
    yield Claim(
        id=f"train-falls-{name}",
        statement=f"A larger {AXIS}, and so more weights, lowers the training loss ({name}, both samples).",
        source=SOURCE,
        refuted_by=f"a rise of more than {NATS:g} nats from one dimension to the next",
        statistic="largest rise of the training loss from one dimension to the next; where is chosen on one half of "
        "the seeds, how much is read on the other",
        direction=Direction.AT_MOST,
        smallest_effect=NATS,
        unit="nats",
        inventory=("B56b",),
    )
    yield descent_claims.more_helps(f"more-helps-{name}", sizes, source=SOURCE, inventory=("B56c",))
    yield _more_helps_claim(name, sizes)
    yield descent_claims.more_hurts(f"more-hurts-{name}", sizes, source=SOURCE, inventory=("B56d", "B55a"))
    yield _more_hurts_claim(name, sizes)
    yield descent_claims.threshold_moves(
        f"moves-{name}",
        "right",
        sizes,
        "More sentences take a larger transformer to fit",
        source=SOURCE,
        inventory=("B55b", "B56a"),
    )


def _setting(family: TranslationFamily, sample: Sample) -> str:
    return f"{family.name}, {num_examples(family, sample)} sentences"


def _peak_claim(family: TranslationFamily, sample: Sample) -> Claim:
    return Claim(
        id=f"peak-{sample}-{family.name}",
        statement=f"Over the {AXIS} the test loss falls, rises to a peak and falls again ({_setting(family, sample)}).",
        source=SOURCE,
        refuted_by=f"a peak of less than {NATS:g} nats over the valley on its left, or over the largest dimension",
        statistic="test loss at the peak minus that at the valley on its left, and minus that at the largest "
        "dimension; both places chosen on one half of the seeds, read on the other",
        direction=Direction.GREATER,
        smallest_effect=NATS,
        unit="nats",
        inventory=("B56a", "I16", "I19"),
    )


def _at_threshold_claim(family: TranslationFamily) -> Claim:
    return ratio(
        id=f"at-threshold-{family.name}",
        statement="The peak of the test loss stands where the sentences are just fitted "
        f"({_setting(family, 'fewer')}).",
        source=SOURCE,
        refuted_by=f"a factor of more than {descent.NEAR:g} between the two dimensions",
        statistic="ratio of the dimension at which a seed's test loss peaks to that at which its training error comes "
        f"down to {100 * descent.EPSILON:g} %, both between dimensions",
        direction=Direction.SAME,
        factor=descent.NEAR,
        inventory=("B53b", "B56d"),
    )


def _more_helps_claim(name: str, sizes: str) -> Claim:
    return Claim(
        id=f"more-helps-loss-{name}",
        statement=f"Outside the critical range more sentences lower the test loss ({sizes}).",
        source=SOURCE,
        refuted_by=f"a test loss that falls by less than {NATS:g} nats at the smallest or at the largest dimension",
        statistic="test loss on fewer sentences minus that on more, at the smallest and at the largest dimension",
        direction=Direction.GREATER,
        smallest_effect=NATS,
        unit="nats",
        inventory=("B56c",),
    )


def _more_hurts_claim(name: str, sizes: str) -> Claim:
    return Claim(
        id=f"more-hurts-loss-{name}",
        statement=f"In the critical range more sentences raise the test loss ({sizes}).",
        source=SOURCE,
        refuted_by=f"a rise of less than {NATS:g} nats at the dimension where it is largest",
        statistic="test loss on more sentences minus that on fewer, at the dimension where one half of the seeds has "
        "it largest, read on the other half",
        direction=Direction.GREATER,
        smallest_effect=NATS,
        unit="nats",
        inventory=("B56d", "B55a"),
    )
