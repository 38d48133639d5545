"""What the study `mini-batches` claims: each sentence with its source, its test and what would refute it."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from basin.spec.mini_batches import MiniBatches
from basin.stats import Direction, Scale, rounding_tolerance
from basin.studies.claim import Claim, formula, ratio
from basin.studies.mini_batches import view

SLIDE = "Bishop & Bishop 2024, section 7.2"
DOCUMENT = "document 003"
_formula = functools.partial(formula, resampled="nothing")


def claims(spec: MiniBatches) -> Sequence[Claim]:
    """Return the claims."""
    return [*_noise_claims(spec), *_copy_claims(spec), *_descent_claims(spec), *_cost_claims(spec), *_escape_claims()]


def _noise_claims(spec: MiniBatches) -> Iterator[Claim]:
    yield Claim(
        id="noise-slope",
        statement="The error of a mini-batch gradient falls as the inverse root of the batch.",
        source=f"{SLIDE}, slides 15 and 16",
        refuted_by="a slope that differs from -1/2 by more than 0.02 at any moment of training",
        statistic="slope of log error against log B, drawn with replacement, plus 1/2",
        direction=Direction.SAME,
        smallest_effect=0.02,
        unit="slope",
        inventory=("B15a", "B15b", "B15c", "B16"),
    )
    yield ratio(
        id="noise-hundredfold",
        statement="A hundred times the batch gives a tenth of the error.",
        source=f"{SLIDE}, slide 15",
        refuted_by="a factor further than 10 % from 10",
        statistic="error at B over error at 100 B, over 10; drawn with replacement, mean over moments",
        direction=Direction.SAME,
        factor=1.1,
        published="10",
        inventory=("B15b",),
    )
    yield ratio(
        id="noise-sigma",
        statement="The error is sigma / sqrt(B), with sigma the spread of the gradients of single examples.",
        source=f"{SLIDE}, slide 16",
        refuted_by="a ratio further than 5 % from 1 at any moment of training",
        statistic="error times sqrt(B) over sigma, geometric mean over B; drawn with replacement",
        direction=Direction.SAME,
        factor=1.05,
        inventory=("B15a", "B15b", "B16"),
    )
    yield ratio(
        id="noise-without-replacement",
        statement="Drawn without replacement the error is sigma / sqrt(B) sqrt((N - B) / (N - 1)).",
        source="sampling from a finite population; slide 16 assumes independent draws",
        refuted_by="a ratio further than 5 % from 1 at any moment of training",
        statistic="error over this formula, geometric mean over B < N",
        direction=Direction.SAME,
        factor=1.05,
        inventory=("B15b",),
    )
    yield _formula(
        "noise-whole-set",
        "A batch of all examples is batch descent: its gradient has no error.",
        f"{DOCUMENT}, line 39; {SLIDE}, slide 13",
        "error at B = N without replacement, over sigma",
        math.sqrt(rounding_tolerance(4 * spec.noise.examples, condition=float(spec.noise.examples))),
        ("B13c", "O14"),
        refuted_by="an error beyond rounding",
    )


def _copy_claims(spec: MiniBatches) -> Iterator[Claim]:
    yield ratio(
        id="copies-stochastic",
        statement="On a set that stands there twice, stochastic descent processes as many examples as on the set once.",
        source=f"{SLIDE}, slide 14",
        refuted_by="a ratio further than 5 % from 1",
        statistic=f"examples processed to a mean loss of {spec.copies.train_loss:g}, two copies over one; drawn with "
        "replacement, another order",
        direction=Direction.SAME,
        factor=1.05,
        published="unaffected",
        inventory=("B14d",),
        resampled="starts and orders",
    )
    yield _formula(
        "copies-identical",
        "With the index drawn modulo N, copies do not change a single bit of stochastic descent.",
        f"{SLIDE}, slide 14",
        "largest difference of the final weights, relative to the largest weight",
        float(np.finfo(np.float32).tiny),
        ("B14b", "B14d"),
        refuted_by="any difference",
    )
    yield _formula(
        "copies-batch-iterates",
        "Batch descent takes the same path on a set and on the set twice over.",
        f"{SLIDE}, slide 14",
        "largest difference of the weights at each update, relative to the largest weight; float64",
        100 * rounding_tolerance(4 * view.num_examples(spec)),
        ("B14d",),
        refuted_by="a difference beyond rounding, which 100 updates may amplify a hundredfold",
    )
    yield _formula(
        "copies-batch-cost",
        "Copies double what batch descent processes.",
        f"{SLIDE}, slide 14",
        "examples processed to the loss half-way, two copies over one, over 2",
        1e-12,
        ("B13c", "B14d"),
        refuted_by="another factor than 2",
    )
    yield ratio(
        id="copies-without-replacement",
        statement="Drawn without replacement, half a set has more error when the set stands there twice: the factor "
        "(N - B) / (N - 1) grows from 1/2 to 3/4.",
        source="sampling from a finite population",
        refuted_by="a ratio of errors further than 5 % from the root of 3/2",
        statistic="error at B = N/2, two copies over one, over the formula; mean over moments",
        direction=Direction.SAME,
        factor=1.05,
        inventory=("B14d",),
    )
    yield _formula(
        "sum-and-mean",
        "Descent on the sum of N losses at rate eta / N is descent on their mean at rate eta.",
        f"{SLIDE}, slide 14, against {DOCUMENT}, line 11",
        "largest difference of the weights at each update, relative to the largest weight; float64",
        100 * rounding_tolerance(4 * view.num_examples(spec)),
        ("B14a", "O03"),
        refuted_by="a difference beyond rounding, which 100 updates may amplify a hundredfold",
    )
    yield _formula(
        "descent-lowers",
        "Each update of batch descent lowers the mean loss.",
        f"{DOCUMENT}, lines 13 to 17",
        "rise of the loss at each update, relative to the loss at the start",
        rounding_tolerance(4 * view.num_examples(spec)),
        ("B12a", "B13c", "O04", "O05"),
        refuted_by="an update after which the loss is higher",
    )


def _descent_claims(spec: MiniBatches) -> Iterator[Claim]:
    yield Claim(
        id="first-pass",
        statement="With mini-batches learning begins at once: the first pass has lowered the loss when batch descent "
        "makes its first update.",
        source=f"{DOCUMENT}, lines 30 to 35",
        refuted_by="a training loss less than 0.5 nats below, for a mini-batch or for single examples",
        statistic="training loss after one update of batch descent, minus that of the arm within its first pass",
        direction=Direction.GREATER,
        smallest_effect=0.5,
        unit="nats",
        inventory=("O09", "O10", "O11"),
    )
    yield ratio(
        id="passes-to-target",
        statement="Mini-batches and single examples need fewer passes than batch descent: its extra examples buy "
        "little.",
        source=f"{SLIDE}, slides 14 and 15",
        refuted_by="less than twice as many passes for batch descent",
        statistic=f"passes to a training loss of {spec.train_loss:g}, batch descent over the arm",
        direction=Direction.GREATER,
        factor=2,
        inventory=("B14b", "B15c", "O10", "O13"),
    )
    yield ratio(
        id="steps-to-target",
        statement="A larger batch needs fewer updates.",
        source=f"{SLIDE}, slide 15",
        refuted_by="less than 1.5 times as many updates with the smaller batch",
        statistic=f"updates to a training loss of {spec.train_loss:g}, each arm over the next larger one",
        direction=Direction.GREATER,
        factor=1.5,
        inventory=("B14b", "B15a", "O14"),
    )
    for name, what, effect, scale, unit in (
        ("order-loss", "a lower training loss", float(np.log(1.05)), Scale.LOG, "log"),
        ("order-test", "a lower test error", 0.5, Scale.NATURAL, "points"),
    ):
        yield Claim(
            id=name,
            statement=f"A new random order for each epoch gives {what} than an order that is kept, at equal updates.",
            source=f"{SLIDE}, slide 15",
            refuted_by="a smaller difference to the order in which examples stand, or to one fixed partition",
            statistic=f"{what.split(' ', 2)[2]} with the order kept, against reshuffled",
            direction=Direction.GREATER,
            smallest_effect=effect,
            unit=unit,
            scale=scale,
            inventory=("B14c", "B15e"),
        )


def _cost_claims(spec: MiniBatches) -> Iterator[Claim]:
    yield ratio(
        id="single-example-speed",
        statement="One example an update is slow: it makes no use of vector arithmetic.",
        source=f"{DOCUMENT}, line 40",
        refuted_by="less than 1.5 times as many examples a second at the smallest usual batch",
        statistic=f"examples a second at B = {view.usual(spec)[0]} over those at B = 1, on this machine",
        direction=Direction.GREATER,
        factor=1.5,
        inventory=("B15d", "O15"),
        resampled="timings",
    )
    yield ratio(
        id="usual-sizes-speed",
        statement="The usual sizes 64 to 512 use the hardware well.",
        source=f"{SLIDE}, slide 15; {DOCUMENT}, line 41",
        refuted_by="less than half the speed of the fastest size",
        statistic="examples a second over those of the fastest size, on this machine",
        direction=Direction.AT_LEAST,
        factor=2,
        inventory=("B15d", "O13", "O16"),
        resampled="timings",
    )
    yield _formula(
        "memory",
        "What an update holds in memory grows in proportion to its batch, so a set that does not fit can be trained on "
        "in batches that do.",
        f"{DOCUMENT}, lines 30 to 36",
        "bytes of a compiled update that is given its batch alone, relative to the line",
        0.1,
        ("O09", "O12", "O16"),
        refuted_by="further than 10 % from a straight line from the smallest usual batch to the whole set",
    )


def _escape_claims() -> Iterator[Claim]:
    yield _formula(
        "escape-batch",
        "Batch descent stays in a local minimum.",
        f"{SLIDE}, slide 14",
        "share of walks that crossed, for each problem and rate",
        1e-12,
        ("B14e",),
        refuted_by="a walk that crossed the barrier",
    )
    about: dict[str, Any] = {"source": f"{SLIDE}, slides 14 and 15", "unit": "share", "resampled": "problems"}
    yield Claim(
        id="escape-single",
        statement="Single examples leave a local minimum that holds batch descent.",
        statistic="share of walks that had not crossed the barrier at the highest rate, one example an update",
        refuted_by="more than half of the walks",
        direction=Direction.AT_MOST,
        smallest_effect=0.5,
        inventory=("B14b", "B14e"),
        **about,
    )
    for name, statement, statistic, effect, inventory in (
        (
            "escape-rate",
            "The larger the rate, the likelier the escape.",
            "share of walks that crossed at the highest rate minus that at the lowest, one example an update",
            0.1,
            ("B14e",),
        ),
        (
            "escape-size",
            "The larger the batch, the rarer the escape.",
            "share of walks that crossed with one example an update minus that with the largest mini-batch, at the "
            "highest rate",
            0.1,
            ("B14e",),
        ),
        (
            "escape-order",
            "A new random order for each epoch helps to leave a local minimum.",
            "share of walks that crossed, reshuffled minus an order that is kept, at the highest rate",
            0.1,
            ("B14c", "B15e"),
        ),
    ):
        yield Claim(
            id=name,
            statement=statement,
            statistic=statistic,
            refuted_by=f"a difference below {effect:g}",
            direction=Direction.GREATER,
            smallest_effect=effect,
            inventory=inventory,
            **about,
        )
