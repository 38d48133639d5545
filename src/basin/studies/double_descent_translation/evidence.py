"""From the runs of the study `double-descent-translation` to the evidence for its claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from basin.spec.double_descent_translation import DoubleDescentTranslation, TranslationFamily
from basin.studies import descent
from basin.studies.claim import Evidence, Measured, joint
from basin.studies.double_descent_translation.arms import Found, errors, losses, num_examples


def evidence(spec: DoubleDescentTranslation, found: Found) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {name: measured for family in spec.families for name, measured in _of(family, found)}


def _of(family: TranslationFamily, found: Found) -> Iterator[tuple[str, Measured]]:
    name = family.name
    fewer, more = (errors(found, family, one) for one in ("fewer", "more"))
    fewer_loss, more_loss = (losses(found, family, one) for one in ("fewer", "more"))
    yield f"peak-fewer-{name}", descent.peak_exists(fewer_loss)
    yield f"peak-more-{name}", descent.peak_exists(more_loss)
    yield f"peak-error-{name}", descent.peak_exists(fewer)
    yield f"at-threshold-{name}", descent.peak_at_threshold(replace(fewer_loss, train=fewer.train))
    both = {
        f"{num_examples(family, 'fewer')} sentences": fewer_loss,
        f"{num_examples(family, 'more')} sentences": more_loss,
    }
    yield f"train-falls-{name}", joint({words: descent.train_falls(sweep) for words, sweep in both.items()})
    yield f"more-helps-{name}", descent.more_helps(fewer, more)
    yield f"more-helps-loss-{name}", descent.more_helps(fewer_loss, more_loss)
    yield f"more-hurts-{name}", descent.more_hurts(fewer, more)
    yield f"more-hurts-loss-{name}", descent.more_hurts(fewer_loss, more_loss)
    yield f"moves-{name}", descent.threshold_moves(fewer, more)
