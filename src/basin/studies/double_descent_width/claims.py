"""The claims of the study `double-descent-width`: what each of its families is held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from basin.spec.double_descent import DoubleDescentWidth, WidthFamily
from basin.stats import Direction
from basin.studies import descent, descent_claims
from basin.studies.claim import Claim
from basin.studies.descent import BELKIN, NAKKIRAN

ZHANG = "Zhang et al. 2017"

EARLY = 8
"""The threshold after a so many-th of the steps, at the nearest look, is compared with that at the end."""


def claims(spec: DoubleDescentWidth) -> Sequence[Claim]:
    """Return the claims that the families of a specification can be held to."""
    return [claim for family in spec.families for claim in _of(family)]


def _of(family: WidthFamily) -> Iterator[Claim]:
    name, noise = family.name, f"{100 * family.data.label_noise:g} % of the labels wrong"
    setting = f"{name}, {noise}"
    yield descent_claims.peak_exists(
        f"peak-{name}",
        setting,
        source=f"{NAKKIRAN}, figure 1; {BELKIN}",
        inventory=("B51a", "B51b", "B52a", "B52c", "B53a", "I16", "I19"),
    )
    yield descent_claims.peak_at_threshold(
        f"at-threshold-{name}", setting, source=f"{NAKKIRAN}, section 4", inventory=("B53b",)
    )
    yield descent_claims.largest_is_best(f"bigger-{name}", setting, source=NAKKIRAN, inventory=("B51d",))
    yield descent_claims.train_falls(f"train-falls-{name}", setting, source=NAKKIRAN, inventory=("B52b",))
    yield descent_claims.falls_after_fit(
        f"after-the-fit-{name}", setting, source=f"{NAKKIRAN}, figure 1", inventory=("B52b", "B52d", "B51c")
    )
    yield descent_claims.threshold_moves(
        f"longer-{name}",
        "left",
        f"{name}, after all steps against after the {EARLY}th part of them",
        "Trained for longer, smaller networks fit their examples",
        source=f"{NAKKIRAN}, section 6",
        inventory=("B54b",),
    )
    yield descent_claims.peak_removed(
        f"early-stopping-{name}",
        "Stopping at the epoch that is best on held-out examples",
        setting,
        source=f"{NAKKIRAN}, section 6",
        inventory=("B54a",),
    )
    yield from _of_noise(family)
    yield from _of_samples(family)
    yield from _of_regularisers(family)
    yield from _of_random_labels(family)
    if family.below is not None and family.below.new_weights_std is not None:
        reused = f"{name}, each network below the threshold grown out of the next smaller"
        yield descent_claims.peak_exists(
            f"reuse-peak-{name}", reused, source=f"{BELKIN}, figure 3", inventory=("B52c",)
        )
        yield descent_claims.train_falls(f"reuse-train-{name}", reused, source=BELKIN, inventory=("B52b",))


def _of_noise(family: WidthFamily) -> Iterator[Claim]:
    if not family.noises:
        return
    rates = f"{family.name}, {100 * family.data.label_noise:g} against {100 * family.noises[0]:g} %"
    yield descent_claims.noise_raises(
        f"noise-{family.name}", rates, source=f"{NAKKIRAN}, figure 4", inventory=("B52c", "I16")
    )
    yield descent_claims.threshold_moves(
        f"noise-moves-{family.name}",
        "right",
        rates,
        "Wrong labels take a larger network to fit",
        source=f"{NAKKIRAN}, figure 4",
        inventory=("B53b",),
    )


def _of_samples(family: WidthFamily) -> Iterator[Claim]:
    if family.fewer is None:
        return
    sizes = f"{family.name}, {family.data.num_train} against {family.fewer} examples"
    yield descent_claims.moves_right(
        f"moves-{family.name}", sizes, source=f"{NAKKIRAN}, figure 11", inventory=("B55b",)
    )
    yield descent_claims.more_hurts(
        f"more-hurts-{family.name}", sizes, source=f"{NAKKIRAN}, section 7", inventory=("B55a", "B55b")
    )


def _of_regularisers(family: WidthFamily) -> Iterator[Claim]:
    if family.decays:
        yield descent_claims.peak_removed(
            f"decay-{family.name}",
            "The weight decay that is best at each width",
            f"{family.name}, {', '.join(f'{decay:g}' for decay in family.decays)}",
            source="Nakkiran et al. 2021, optimal regularisation",
            inventory=("B54d",),
        )
    if family.augmented:
        yield descent_claims.threshold_moves(
            f"augmentation-moves-{family.name}",
            "right",
            f"{family.name}, with augmentation against without",
            "Augmented examples take a larger network to fit",
            source=f"{NAKKIRAN}, figure 5",
            inventory=("B53b",),
        )


def _of_random_labels(family: WidthFamily) -> Iterator[Claim]:
    if not family.random_labels:
        return
    width = f"{family.name} of width {family.widths[-1]}"
    yield Claim(
        id=f"fits-random-{family.name}",
        statement=f"An over-parametrised network fits labels that say nothing about its inputs ({width}).",
        source=f"{ZHANG}, section 2",
        refuted_by=f"more than {descent.PEAK:g} % of random labels that are not fitted",
        statistic="training error on uniformly random labels, at the end of training",
        direction=Direction.AT_MOST,
        smallest_effect=descent.PEAK,
        unit="points",
        published="training error 0",
        inventory=("D07", "B51c"),
    )
    yield Claim(
        id=f"generalises-{family.name}",
        statement=f"The same network, trained in the same way on the true labels, generalises ({width}).",
        source=f"{ZHANG}, section 2",
        refuted_by="a test error that is less than half of chance below chance",
        statistic="test error of chance minus that after training on the true labels, less half of the former",
        direction=Direction.GREATER,
        smallest_effect=0.0,
        unit="points",
        inventory=("D07", "B51c"),
    )
