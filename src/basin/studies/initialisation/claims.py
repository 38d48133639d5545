"""What the study `initialisation` claims: each sentence with its source, its test and what would refute it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from basin.spec.initialisation import Initialisation
from basin.stats import Direction, Scale, rounding_tolerance
from basin.studies.claim import Claim, formula

SLIDE = "Bishop & Bishop 2024, section 7.2.5"
AFTER_RELU = 0.5 - 1 / (2 * np.pi)
"""Variance of max(a, 0) over that of a, for normal a of mean 0: 0.341."""


def claims(spec: Initialisation) -> Sequence[Claim]:
    """Return the claims."""
    return [*_symmetry(), *_layer(), *_depth(), *_spread(spec), *_biases(), *_starts(spec), *_warm()]


def _claim(name: str, statement: str, slide: str, *rest: Any, **more: Any) -> Claim:
    return Claim(name, statement, f"{SLIDE}, {slide}", *rest, **more)


def _symmetry() -> Iterator[Claim]:
    yield formula(
        "symmetry-kept",
        "Units that start equal stay equal.",
        f"{SLIDE}, slide 17",
        "largest difference between units of a hidden layer after training, relative to its largest weight",
        1000 * rounding_tolerance(100, np.float32),
        ("B17b",),
        refuted_by="units of a layer that differ by more than rounding after training",
        resampled="seeds",
    )
    yield _claim(
        "symmetry-costs",
        "Random weights break the symmetry, and the network learns what it could not.",
        "slide 17",
        "a test error less than 10 points lower",
        "test error from equal weights minus that from random ones",
        Direction.GREATER,
        10.0,
        "points",
        inventory=("B17b", "B17c"),
    )


def _layer() -> Iterator[Claim]:
    for name, statement, refuted_by, statistic, effect, rows in (
        (
            "preactivation-variance",
            "The pre-activations of a layer have variance M eps^2 lambda^2, lambda^2 the mean square of what comes in.",
            "a ratio further than 2 % from 1 for He's spread, a smaller, a larger one, or uniform weights",
            "mean square of the pre-activations over M eps^2 lambda^2, mean over layers, minus 1; uniform weights on "
            "[-e, e] have eps^2 = e^2 / 3",
            0.02,
            ("B18a", "B18d", "B18e"),
        ),
        (
            "half-after-relu",
            "After the ReLU the mean square is M eps^2 lambda^2 / 2.",
            "a share further than 0.01 from 1/2",
            "mean square after over before the ReLU, mean over layers, minus 1/2",
            0.01,
            ("B18e",),
        ),
        (
            "half-after-relu-printed",
            "As printed: after the ReLU the variance is M eps^2 lambda^2 / 2.",
            "a share further than 0.01 from 1/2",
            "variance after the ReLU over mean square before it, mean over layers, minus 1/2",
            0.01,
            ("B18e",),
        ),
        (
            "variance-after-relu",
            "After the ReLU the variance is (1/2 - 1/(2 pi)) M eps^2 lambda^2.",
            "a share further than 0.01 from 0.341",
            "variance after the ReLU over mean square before it, mean over layers, minus 0.341",
            0.01,
            ("B18e",),
        ),
        (
            "zero-mean-printed",
            "As printed: what comes into a layer has mean 0.",
            "a mean further than 0.05 from 0, relative to the root mean square",
            "mean after the ReLU over its root mean square, mean over layers",
            0.05,
            ("B19",),
        ),
        (
            "zero-mean-weights",
            "The pre-activations have mean 0, because the weights have.",
            "a mean further than 0.05 from 0, relative to the root mean square",
            "mean before the ReLU over its root mean square, mean over layers",
            0.05,
            ("B18d", "B19"),
        ),
    ):
        yield _of_signals(name, statement, refuted_by, statistic, Direction.SAME, effect, "", inventory=rows)


def _of_signals(name: str, statement: str, *rest: Any, **more: Any) -> Claim:
    return _claim(name, statement, "slides 18 to 20", *rest, resampled="draws", **more)


def _depth() -> Iterator[Claim]:
    yield _of_signals(
        "over-data",
        "The average is over weights: at fixed weights the variance over data falls with depth even under He.",
        "a variance in the last layer of more than half of that in the first",
        "variance over data of the pre-activations, last layer over first, He's spread",
        Direction.LESS,
        float(np.log10(2)),
        "log10",
        Scale.LOG10,
        inventory=("B19",),
    )
    yield _of_signals(
        "depth-he",
        "With eps = sqrt(2 / M) the signal neither dies nor grows through depth, forward and backward.",
        "a mean square in the last layer further than 50 % from that in the first, on average over draws",
        "mean square in the last layer over that in the first, minus 1",
        Direction.SAME,
        0.5,
        "",
        inventory=("B18c", "B20a", "B20b"),
    )
    for name, statement, factor in (
        ("depth-small", "With a smaller spread the signal dies, forward and backward.", "first over last"),
        ("depth-large", "With a larger spread the signal explodes, forward and backward.", "last over first"),
    ):
        yield _of_signals(
            name,
            statement,
            "less than a factor 10",
            f"mean square of the {factor} layer on the signal's way",
            Direction.GREATER,
            1.0,
            "log10",
            Scale.LOG10,
            inventory=("B18b", "B20a"),
        )


def _spread(spec: Initialisation) -> Iterator[Claim]:
    ends = f"eps {spec.factors[0]:g} or {spec.factors[-1]:g} times He's"
    yield _claim(
        "start-error",
        "The start decides how well a network generalises.",
        "slides 17 and 18",
        "a test error less than 1 point higher at either end",
        f"test error with {ends}, minus that with He's",
        Direction.GREATER,
        1.0,
        "points",
        inventory=("B17a", "B18b"),
    )
    yield _claim(
        "start-time",
        "The start decides how long training takes.",
        "slides 17 and 18",
        "less than 1.5 times as many updates at either end",
        f"updates to a training loss of {spec.train_loss:g} with {ends}, over those with He's; never there counts as "
        "the whole length",
        Direction.GREATER,
        float(np.log(1.5)),
        "log",
        Scale.LOG,
        inventory=("B17a", "B18b"),
    )
    yield _claim(
        "he-is-best",
        "A search over eps finds nothing much better than He's.",
        "slides 18 and 20",
        "a test error of He's more than 0.5 points above that of the spread chosen on validation data",
        "test error with He's minus that with the spread of least validation error over the other seeds",
        Direction.AT_MOST,
        0.5,
        "points",
        inventory=("B18c", "B20b", "B20c"),
    )


def _biases() -> Iterator[Claim]:
    slide = "slide 20"
    yield _claim(
        "bias-active",
        "Small positive biases make more ReLU units active at the start.",
        slide,
        "less than 1 point more",
        "share of active units over training examples at the start, each positive bias minus 0",
        Direction.GREATER,
        1.0,
        "points",
        inventory=("B20d",),
    )
    yield _claim(
        "bias-dead",
        "Small positive biases leave fewer units dead at the end.",
        slide,
        "less than 1 point fewer",
        "share of hidden units that no training example activates after training, bias 0 minus each positive bias",
        Direction.GREATER,
        1.0,
        "points",
        inventory=("B20d",),
    )
    yield _claim(
        "bias-time",
        "Small positive biases shorten training.",
        slide,
        "less than 1.05 times as many updates with bias 0",
        "updates to the training loss with bias 0 over those with each positive bias",
        Direction.GREATER,
        float(np.log(1.05)),
        "log",
        Scale.LOG,
        inventory=("B20d",),
    )


def _starts(spec: Initialisation) -> Iterator[Claim]:
    narrow, wide = spec.widths[0], spec.widths[-1]
    yield _claim(
        "solutions-differ",
        "The solution found depends on the start.",
        "slide 12",
        "solutions nearer to each other than half of what either moved",
        f"distance between the final weights of two starts over the distance moved, {wide} units, the same order of "
        "examples",
        Direction.AT_LEAST,
        float(np.log10(2)),
        "log10",
        Scale.LOG10,
        inventory=("B12b",),
        resampled="pairs of starts",
    )
    yield _claim(
        "best-of-starts",
        "Of several starts the one that is best on validation data has the lower test error.",
        "slides 12 and 17",
        "less than 0.5 points lower than the mean start",
        f"test error, mean of {spec.group} starts minus that of the one with the least validation error; {narrow} "
        "units",
        Direction.GREATER,
        0.5,
        "points",
        inventory=("B04c", "B12c", "B17d"),
        resampled="groups of starts",
    )
    yield _claim(
        "narrow-starts-differ",
        "Bad local minima are possible: a small network may end much higher from one start than from another.",
        "slide 4",
        "a mean deviation of less than a factor 1.1",
        f"mean absolute deviation of log training loss from its median over starts, {narrow} units",
        Direction.GREATER,
        float(np.log(1.1)),
        "log",
        Scale.LOG,
        inventory=("B04c",),
        resampled="starts",
    )
    yield _claim(
        "spread-falls",
        "Large networks reach like performance from all starts.",
        "slide 4",
        "a mean deviation less than 0.5 points smaller",
        f"mean absolute deviation of the test error from its median over starts, {narrow} units minus {wide}",
        Direction.GREATER,
        0.5,
        "points",
        inventory=("B04d",),
        resampled="starts",
    )
    yield formula(
        "no-bad-minimum",
        "No start of a wide network ends in a bad minimum.",
        f"{SLIDE}, slide 4",
        f"training error of each start, {wide} units",
        0.02,
        ("B04d",),
        refuted_by="a start with a training error of more than 2 %",
        resampled="seeds",
    )


def _warm() -> Iterator[Claim]:
    for name, what, row in (
        ("transfer", "Weights from another task", "B20e"),
        ("autoencoder", "Weights from unsupervised training", "B20f"),
    ):
        yield _claim(
            f"{name}-error",
            f"{what} lower the test error after training on few examples.",
            "slide 20",
            "less than 1 point lower",
            "test error from random weights minus that from these",
            Direction.GREATER,
            1.0,
            "points",
            inventory=(row,),
            resampled="draws",
        )
        yield _claim(
            f"{name}-time",
            f"{what} shorten training.",
            "slide 20",
            "less than 1.2 times as many updates from random weights",
            "updates to the training loss from random weights over those from these, without the earlier training",
            Direction.GREATER,
            float(np.log(1.2)),
            "log",
            Scale.LOG,
            inventory=(row,),
            resampled="draws",
        )
