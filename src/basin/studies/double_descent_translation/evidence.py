"""From the runs of the study `double-descent-translation` to the evidence for its claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from basin.spec.double_descent_translation import DoubleDescentTranslation, TranslationFamily
from basin.stats import Direction, mean, sample
from basin.studies import descent
from basin.studies.claim import Evidence, Measured, Premise, joint
from basin.studies.descent import Sweep
from basin.studies.double_descent_translation.arms import Found, errors, losses, num_examples
from basin.studies.double_descent_translation.claims import NATS


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
    yield f"at-threshold-{name}", loss_peak_at_threshold(fewer, fewer_loss)
    yield f"train-falls-{name}", train_falls({_words(family, "fewer"): fewer_loss, _words(family, "more"): more_loss})
    yield f"more-helps-{name}", descent.more_helps(fewer, more)
    yield f"more-helps-loss-{name}", descent.more_helps(fewer_loss, more_loss)
    yield f"more-hurts-{name}", descent.more_hurts(fewer, more)
    yield f"more-hurts-loss-{name}", descent.more_hurts(fewer_loss, more_loss)
    yield f"moves-{name}", descent.threshold_moves(fewer, more)


def _words(family: TranslationFamily, one: str) -> str:
    return f"{num_examples(family, 'fewer' if one == 'fewer' else 'more')} sentences"


def loss_peak_at_threshold(errors_found: Sweep, losses_found: Sweep) -> Measured:
    """Return the ratio of where a seed's test loss peaks to where its training error comes down to epsilon."""
    premise = Premise("there is a peak", mean(sample(losses_found.peak().limiting)), Direction.GREATER, NATS)
    both = replace(losses_found, train=errors_found.train)
    return replace(descent.peak_at_threshold(both), premise=premise)


def train_falls(sweeps: Mapping[str, Sweep]) -> Measured:
    """Return the rises of each sample's training loss between neighbouring dimensions."""
    return joint({name: descent.train_falls(sweep) for name, sweep in sweeps.items()})
