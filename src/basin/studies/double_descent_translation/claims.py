"""The claims of the study `double-descent-translation`.

The paper draws the test loss; its words, and the other studies, speak of the test error. What both can show is claimed
of both. A loss is in nats a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from basin.spec.double_descent_translation import DoubleDescentTranslation, TranslationFamily
from basin.studies import descent, descent_claims
from basin.studies.claim import Claim
from basin.studies.double_descent_translation.arms import AXIS, LOSS, SAMPLES, Sample, num_examples

SOURCE = f"{descent.NAKKIRAN}, figures 3 and 8"


def claims(spec: DoubleDescentTranslation) -> Sequence[Claim]:
    """Return the claims that the families of a specification can be held to."""
    return [claim for family in spec.families for claim in _of(family)]


def _of(family: TranslationFamily) -> Iterator[Claim]:
    name = family.name
    sizes = f"{name}, {num_examples(family, 'fewer')} against {num_examples(family, 'more')} sentences"
    peaks = ("B56a", "I16", "I19")
    for sample in SAMPLES:
        setting = _setting(family, sample)
        yield descent_claims.peak_exists(f"peak-{sample}-{name}", setting, of=LOSS, source=SOURCE, inventory=peaks)
    fewer = _setting(family, "fewer")
    yield descent_claims.peak_exists(f"peak-error-{name}", fewer, source=SOURCE, inventory=("B56a",))
    yield descent_claims.peak_at_threshold(
        f"at-threshold-{name}", fewer, of=LOSS, source=SOURCE, inventory=("B53b", "B56d")
    )
    yield descent_claims.train_falls(
        f"train-falls-{name}", f"{name}, both samples", of=LOSS, source=SOURCE, inventory=("B56b",)
    )
    for of, suffix in ((descent.ERROR, ""), (LOSS, "-loss")):
        yield descent_claims.more_helps(f"more-helps{suffix}-{name}", sizes, of=of, source=SOURCE, inventory=("B56c",))
        yield descent_claims.more_hurts(
            f"more-hurts{suffix}-{name}", sizes, of=of, source=SOURCE, inventory=("B56d", "B55a")
        )
    yield descent_claims.threshold_moves(
        f"moves-{name}",
        "right",
        sizes,
        "More sentences take a larger transformer to fit",
        source=SOURCE,
        inventory=("B55b", "B56a"),
    )


def _setting(family: TranslationFamily, sample: Sample) -> str:
    return f"size: {AXIS}; {family.name}, {num_examples(family, sample)} sentences"
