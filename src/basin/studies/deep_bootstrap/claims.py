"""The claims of the study `deep-bootstrap`: what its arms are held to, and what would refute it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from basin.spec.deep_bootstrap import Arm, DeepBootstrap
from basin.stats import Direction
from basin.studies.claim import Claim, ratio
from basin.studies.deep_bootstrap import worlds

SOURCE = "Nakkiran, Neyshabur & Sedghi 2021"

TOPICS = {"optimisers": "optimiser", "rates": "learning rate", "data": "data"}
"""Claims that join all arms of a topic."""

SMALLEST_TAU = 0.3


def claims(spec: DeepBootstrap) -> Sequence[Claim]:
    """Return the claims that the arms of a specification can be held to."""
    return [
        *(_agreement(spec, name, arms) for name, arms in agreeing(spec).items()),
        *_of_the_gap(spec),
        *_of_sizes(spec),
        *_of_ranks(spec),
        *_of_augmentation(spec),
        *_of_pretraining(spec),
        *_of_limits(spec),
        _fresh(spec),
    ]


def agreeing(spec: DeepBootstrap) -> Mapping[str, list[Arm]]:
    """Return the arms of each claim that both worlds agree: an architecture each, a topic each, and none without arms.

    Example:
        >>> from basin.studies.deep_bootstrap.study import STUDY
        >>> {name: len(arms) for name, arms in agreeing(STUDY.presets["quick"]).items()}
        {'mlp': 1, 'cnn': 1, 'vit': 1, 'optimisers': 2, 'rates': 2, 'data': 4}
    """
    found = {arm.name: [arm] for arm in worlds.arms_of(spec, "architecture")}
    found |= {name: worlds.arms_of(spec, topic) for name, topic in TOPICS.items()}
    return {name: arms for name, arms in found.items() if arms}


def _agreement(spec: DeepBootstrap, name: str, arms: Sequence[Arm]) -> Claim:
    over = {"optimisers": "whatever the optimiser", "rates": "whatever the learning rate"}
    over |= {"data": "whatever the data distribution"}
    who = over.get(name, name)
    return Claim(
        id=f"agrees-{name}",
        statement=f"Until it has nearly fitted its data, a network hardly cares whether they are reused ({who}).",
        source=f"{SOURCE}, main claim",
        refuted_by=f"a bootstrap error beyond {spec.margin:g} points, in any of the readings",
        statistic="bootstrap error (test error, Real World minus Ideal World, paired by seed) for each arm and N: at "
        f"the stopping time (training soft-error below {100 * spec.soft_error:g} %) in error and soft-error, at the "
        f"look between {spec.passes:g} passes and the stopping time where it is largest (chosen on one half of the "
        "test set by the other seeds, read on the other half)",
        direction=Direction.SAME,
        smallest_effect=spec.margin,
        unit="points",
        published="small up to the stopping time",
        inventory=("D02", "D03", "D09", "D14", "D16", "D17", "D20", "D26", "D28", "D29", "I13", "I14"),
    )


def _of_the_gap(spec: DeepBootstrap) -> Iterator[Claim]:
    yield Claim(
        id="share-of-gap",
        statement="At the stopping time the bootstrap error is small beside the generalisation gap.",
        source=f"{SOURCE}, section 4",
        refuted_by=f"a bootstrap error of more than {spec.share:g} of the gap, for any architecture and N",
        statistic=f"bootstrap error minus {spec.share:g} times the generalisation gap (test minus training error of "
        "the Real World), at the stopping time",
        direction=Direction.AT_MOST,
        smallest_effect=0.0,
        unit="points",
        published="small while the gap is large",
        inventory=("D03", "D05", "D12"),
    )
    yield Claim(
        id="after-stopping",
        statement="Past the stopping time the claim weakens: training on, the two worlds part.",
        source=f"{SOURCE}, section 2",
        refuted_by=f"a bootstrap error below {spec.margin:g} points at the end, for any architecture and N",
        statistic=f"bootstrap error after all {spec.steps} steps, of the seeds that had stopped before the last "
        f"look and after {spec.passes:g} passes",
        direction=Direction.GREATER,
        smallest_effect=spec.margin,
        unit="points",
        inventory=("D02", "D27"),
    )


def _of_sizes(spec: DeepBootstrap) -> Iterator[Claim]:
    if not worlds.arms_of(spec, "architecture"):
        return
    yield ratio(
        id="follows-longer",
        statement="On more examples the Real World follows the Ideal World for longer.",
        source=f"{SOURCE}, section 5 (sample size)",
        refuted_by="fewer than 1.2 times as many steps, for any architecture and any two neighbouring N",
        statistic="ratio of steps after which the bootstrap soft-error stays beyond "
        f"{spec.margin:g} points, the larger N over the smaller; {spec.steps} where it never does, if that bound tells",
        direction=Direction.GREATER,
        factor=1.2,
        inventory=("D01", "D02", "D29"),
    )


def _of_ranks(spec: DeepBootstrap) -> Iterator[Claim]:
    if len(worlds.ranked_arms(spec)) < 2:
        return
    when = {"stopping": "at its own stopping time", "equal-time": "after as many steps"}
    for name, words in when.items():
        yield Claim(
            id=f"ranks-{name}",
            statement="Good online learners are good offline generalisers: what trains fast on endless data "
            f"generalises well from finite data ({words}).",
            source=f"{SOURCE}, title",
            refuted_by=f"a rank correlation below {SMALLEST_TAU:g}, at any N",
            statistic=f"Kendall's tau over arms on the same data: Ideal-World error after {spec.steps} steps and "
            f"Real-World test error {words}, means over seeds",
            direction=Direction.GREATER,
            smallest_effect=SMALLEST_TAU,
            unit="tau",
            inventory=("D08", "D09", "D11"),
            resampled="arms",
        )


def _of_augmentation(spec: DeepBootstrap) -> Iterator[Claim]:
    for arm in worlds.arms_of(spec, "augmentation"):
        plain = worlds.other_of(spec, arm).name
        yield Claim(
            id=f"augmentation-ideal-{arm.name}",
            statement=f"Augmentation hardly slows the Ideal World ({arm.name}).",
            source=f"{SOURCE}, section 5 (augmentation)",
            refuted_by=f"an Ideal-World error more than {spec.margin:g} points higher, at half of the steps or at all",
            statistic=f"Ideal-World test error, {arm.name} minus {plain}, after half of the steps and after all",
            direction=Direction.AT_MOST,
            smallest_effect=spec.margin,
            unit="points",
            inventory=("D12",),
        )
        yield ratio(
            id=f"augmentation-postpones-{arm.name}",
            statement=f"Augmentation postpones the Real World's stopping time ({arm.name}).",
            source=f"{SOURCE}, section 5 (augmentation)",
            refuted_by="a stopping time less than 1.2 times as late, at any N",
            statistic=f"ratio of stopping times, {arm.name} over {plain}; {spec.steps} steps for a training that does "
            "not stop, if that bound tells",
            direction=Direction.GREATER,
            factor=1.2,
            inventory=("D12", "I14"),
        )
    for arm in worlds.arms_of(spec, "bad augmentation"):
        yield Claim(
            id=f"bad-augmentation-{arm.name}",
            statement=f"A bad augmentation slows the Ideal World ({arm.name}).",
            source=f"{SOURCE}, section 5 (augmentation)",
            refuted_by=f"an Ideal-World error less than {spec.margin:g} points higher, at half of the steps or at all",
            statistic=f"Ideal-World test error, {arm.name} minus {worlds.other_of(spec, arm).name}, after half of the "
            "steps and after all",
            direction=Direction.GREATER,
            smallest_effect=spec.margin,
            unit="points",
            inventory=("D12",),
        )


def _of_pretraining(spec: DeepBootstrap) -> Iterator[Claim]:
    for arm in worlds.arms_of(spec, "pretraining"):
        plain = worlds.other_of(spec, arm).name
        yield ratio(
            id=f"pretrained-faster-{arm.name}",
            statement=f"A pretrained network optimises faster in the Ideal World ({arm.name}).",
            source=f"{SOURCE}, section 5 (pretraining)",
            refuted_by="fewer than 1.2 times as many steps without pretraining",
            statistic=f"ratio of Ideal-World steps to a test soft-error of {100 * spec.reach:g} %, {plain} over "
            f"{arm.name}",
            direction=Direction.GREATER,
            factor=1.2,
            inventory=("D12",),
        )
        yield Claim(
            id=f"pretrained-better-{arm.name}",
            statement=f"And it generalises better from finite data ({arm.name}).",
            source=f"{SOURCE}, section 5 (pretraining)",
            refuted_by="a test error that is not lower by 0.1 points, at any N",
            statistic=f"Real-World test error where training ends (stopping time, or {spec.steps} steps), {plain} "
            f"minus {arm.name}",
            direction=Direction.GREATER,
            smallest_effect=0.1,
            unit="points",
            inventory=("D11", "D12"),
        )


def _of_limits(spec: DeepBootstrap) -> Iterator[Claim]:
    for arm in worlds.arms_of(spec, "label noise"):
        yield Claim(
            id=f"weaker-{arm.name}",
            statement=f"With label noise the claim weakens: the worlds part further ({arm.name}).",
            source=f"{SOURCE}, discussion of limits",
            refuted_by=f"a bootstrap error at the end less than {spec.margin:g} points above that on clean labels",
            statistic=f"bootstrap error after all {spec.steps} steps, {arm.name} minus "
            f"{worlds.other_of(spec, arm).name}",
            direction=Direction.GREATER,
            smallest_effect=spec.margin,
            unit="points",
            inventory=("D03",),
        )
    for arm in worlds.arms_of(spec, "few examples"):
        sizes = ", ".join(map(str, worlds.sizes_of(spec, arm)))
        yield Claim(
            id=f"weaker-{arm.name}",
            statement=f"On very few examples the claim weakens (N = {sizes}).",
            source=f"{SOURCE}, discussion of limits",
            refuted_by=f"a bootstrap error below {spec.margin:g} points at the stopping time",
            statistic="bootstrap error at the stopping time",
            direction=Direction.GREATER,
            smallest_effect=spec.margin,
            unit="points",
            inventory=("D03", "D29"),
        )


def _fresh(spec: DeepBootstrap) -> Claim:
    return Claim(
        id="fresh-equals-test",
        statement="In the Ideal World training error and test error do not differ.",
        source=f"{SOURCE}, section 2; an account of it",
        refuted_by="a difference beyond 0.5 points, on any data",
        statistic=f"error on the {spec.fresh} or more examples of the coming steps before they are trained on, minus "
        "test error, in the same mode and without augmentation: mean over all looks after the start and over the arms "
        "on the same data; the interval has the sampling error of the test set too",
        direction=Direction.SAME,
        smallest_effect=0.5,
        unit="points",
        published=0.0,
        inventory=("D18", "D10"),
    )
