"""Exponential averages: of how many values are they the mean, what do they cost at the start, and is 0.9 right?

**Source.** The article on optimisers (document 003), lines 47 to 59: the moving average A = b A + (1 - b) X in
momentum; the slides on Bishop & Bishop (2024), slide 31: the cold start and its correction.

**Design.** The averages are those that the optimiser takes: the velocity of momentum in its averaged form, fed with
series. "The mean of n values, n = 1/(1 - b)" has three readings, each measured: the age at which a weight has fallen to
1/e, the mean age of the weights, the number of values whose plain mean is as free of noise. Then the error against the
true signal: sines of four periods under four noises, and random walks, for which theory has the best beta.

**Expected signature.** At 0.9: 9.5, 9 and 19 values. The corrections 10, 1.535 and 1.00003. A best beta that moves with
signal and noise over two decades of 1 - beta.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from basin.spec.averages import Averages
from basin.stats import Direction, Scale, mean, paired, rounding_tolerance, sample
from basin.studies.averages import series, view
from basin.studies.averages.series import GRID, age_at, settings
from basin.studies.claim import Cases, Claim, Evidence, Measured, Reading, formula, ratio
from basin.studies.experiment import Experiment
from basin.studies.study import Findings, Study

ARTICLE = "the article on optimisers (document 003)"
SLIDE = "Bishop & Bishop 2024, slide 31"
ABOUT = 0.1
"""What the sources' "about" is taken to allow."""

PRINTED = {1: 10.0, 10: 1.5, 100: 1.0}
"""The corrections at beta 0.9 as slide 31 prints them, by step."""

SHOWN = (0.5, 0.9, 0.98)

QUICK = Averages()
STANDARD = QUICK.replace(seeds=100, white_length=400_000, signal_length=5000)


# --- What is computed ------------------------------------------------------------------------------------------------


def experiments(spec: Averages) -> Mapping[str, Experiment]:
    """Return what is computed."""
    kinds = settings(spec.periods, spec.noises, spec.steps)
    betas, draws = list(spec.betas), spec.seeds
    return {
        "weights": Experiment({"betas": betas}, lambda: series.weights(betas)),
        "correction": Experiment({}, lambda: series.weights([series.NINE_TENTHS])),
        "shifts": Experiment({"betas": betas}, lambda: series.shifts(betas)),
        "white": Experiment(
            {"betas": betas, "draws": draws, "length": spec.white_length},
            lambda: series.white(betas, draws, spec.white_length),
        ),
        "errors": Experiment(
            {"kinds": [list(kind) for kind in kinds], "draws": draws, "length": spec.signal_length},
            lambda: series.errors(kinds, draws, spec.signal_length),
        ),
        "shown": Experiment({"betas": list(SHOWN)}, lambda: series.shown(SHOWN)),
    }


# --- What is claimed -------------------------------------------------------------------------------------------------


def claims(spec: Averages) -> Sequence[Claim]:
    """Return the claims: what an average is, its cold start, its lag, and which beta is right."""
    return [*_n_of_values(), *_cold_start(), *_lag(), *_which_beta()]


def _n_of_values() -> Sequence[Claim]:
    exact = rounding_tolerance(4 * series.WEIGHTS_LENGTH)
    lines = f"{ARTICLE}, line 51"
    return [
        formula(
            "weight-time",
            "n as the age at which a weight has fallen to 1/e: -1/log(beta) values.",
            lines,
            "age in the answer to a single 1, over the formula's, minus 1",
            exact,
            ("O18", "O19"),
        ),
        formula(
            "weight-time-about",
            "That is about 1/(1 - beta) values: 10 at 0.9 and 100 at 0.99.",
            lines,
            "the same age times 1 - beta, minus 1, at betas of 0.9 and more",
            ABOUT,
            ("O19",),
        ),
        formula(
            "mean-age",
            "n as the mean age of the values in the average: beta/(1 - beta), which is 9 at 0.9 and 99 at 0.99.",
            lines,
            "sum of age times weight in the answer to a single 1, over the formula's, minus 1",
            exact,
            ("O19",),
        ),
        formula(
            "noise-weights",
            "n as the number of values whose plain mean is as free of noise: (1 + beta)/(1 - beta), which is 19 at 0.9 "
            "and 199 at 0.99.",
            lines,
            "sum of squared weights times that number, minus 1",
            exact,
            ("O19",),
        ),
        ratio(
            id="noise-measured",
            statement="White noise keeps (1 - beta)/(1 + beta) of its variance in the average.",
            source=lines,
            refuted_by="a variance more than 5 % away, at any beta",
            statistic="variance of the average of white noise over the formula's",
            direction=Direction.SAME,
            factor=1.05,
            inventory=("O19",),
            resampled="draws",
        ),
        ratio(
            id="noise-printed",
            statement="As printed: it is the mean of n = 1/(1 - beta) consecutive values (taken of its noise).",
            source=lines,
            refuted_by="a variance more than 1.2 times away from that of such a mean, at any beta of 0.9 and more",
            statistic="variance of the average over that of plain means of 1/(1 - beta) values of the same noise",
            direction=Direction.SAME,
            factor=1.2,
            published="10 values at 0.9, 100 at 0.99",
            inventory=("O19",),
            resampled="draws",
        ),
    ]


def _cold_start() -> Sequence[Claim]:
    return [
        formula(
            "cold-start",
            "Begun at 0, the average of a constant is too small by the factor 1 - beta^t.",
            SLIDE,
            "average of ones minus the formula's, every step and beta",
            rounding_tolerance(4 * series.WEIGHTS_LENGTH),
            ("O33", "O18"),
        ),
        formula(
            "correction",
            "The correction 1/(1 - beta^t) is 10, 1.535 and 1.00003 at beta 0.9 after 1, 10 and 100 steps.",
            SLIDE,
            "one over the average of ones, relative to 1/(1 - 0.9^t)",
            rounding_tolerance(400),
            ("O33",),
        ),
        formula(
            "correction-printed",
            "As printed: the corrections are 10, 1.5 and 1.0.",
            SLIDE,
            "one over the average of ones minus the printed number; printed with one digit after the point",
            0.05,
            ("O33",),
        ),
    ]


def _lag() -> Sequence[Claim]:
    line = f"{ARTICLE}, line 53"
    return [
        formula(
            "lag-of-a-ramp",
            "The average of a steady rise is beta/(1 - beta) values behind it.",
            line,
            "measured lag over the formula's, minus 1",
            rounding_tolerance(4 * series.WEIGHTS_LENGTH, condition=100),
            ("O20",),
        ),
        formula(
            "shift-of-a-curve",
            "The curve of the average is shifted to the right by about as much.",
            line,
            f"shift of a sine of {series.SLOW}/(1 - beta) values a period, by its phase, over beta/(1 - beta), minus 1",
            ABOUT,
            ("O20",),
        ),
    ]


def _which_beta() -> Sequence[Claim]:
    line = f"{ARTICLE}, line 53"
    return [
        ratio(
            id="smaller-beta-data",
            statement="A smaller beta follows the series X more closely.",
            source=line,
            refuted_by="a distance to X at 0.5 that is less than 1.2 times below that at 0.9, on any kind of series",
            statistic="mean squared distance to the noisy series, beta 0.5 over beta 0.9",
            direction=Direction.LESS,
            factor=1.2,
            inventory=("O21",),
            resampled="draws",
        ),
        Claim(
            id="smaller-beta-signal",
            statement="As printed: a smaller beta models X correctly (taken of the signal beneath the noise).",
            source=line,
            refuted_by="a distance to the true signal at 0.5 that is not below that at 0.9, on any kind of series",
            statistic="mean squared distance to the true signal, beta 0.5 over beta 0.9",
            direction=Direction.LESS,
            smallest_effect=0.0,
            unit="log",
            scale=Scale.LOG,
            inventory=("O21",),
            resampled="draws",
        ),
        Claim(
            id="nine-tenths",
            statement="beta = 0.9 is right in most cases.",
            source=line,
            refuted_by="half or fewer of the kinds of series on which 0.9 loses less than 20 % against the best beta",
            statistic="share of the kinds of series on which the mean squared error at 0.9 is within 1.2 times that of "
            "the best beta, chosen on other draws; minus 0.5",
            direction=Direction.GREATER,
            smallest_effect=0.0,
            unit="share",
            published="0.9 is mostly right",
            inventory=("O21",),
            resampled="draws",
        ),
        ratio(
            id="best-beta-of-a-walk",
            statement="For a random walk in noise the best beta is 1 - K, K = (sqrt(r^2 + 4 r) - r)/2 with r the ratio "
            "of the variances of step and noise.",
            source="Muth 1960; makes document 003's 'find an appropriate beta' exact",
            refuted_by="an error at that beta more than 5 % above that of the best one found, at any ratio",
            statistic="mean squared error at 1 - K over that of the best beta of a grid, chosen on other draws",
            direction=Direction.AT_MOST,
            factor=1.05,
            inventory=("O21",),
            resampled="draws",
        ),
    ]


# --- What was found --------------------------------------------------------------------------------------------------


def evidence(spec: Averages, found: Findings[str]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {**_of_weights(spec, found), **_of_noise(spec, found), **_of_signals(spec, found)}


def _of_weights(spec: Averages, found: Findings[str]) -> dict[str, Evidence]:
    held, betas = found.computed["weights"], np.array(spec.betas)
    ages, count = np.array([age_at(one, np.exp(-1)) for one in held["weights"]]), np.arange(held["weights"].shape[1])
    lag, steps = betas / (1 - betas), 1 + count
    mean_age = (held["weights"] * count).sum(axis=1) / held["weights"].sum(axis=1)
    squares = (held["weights"] ** 2).sum(axis=1)
    corrections = 1 / found.computed["correction"]["ones"][0]
    chosen = np.array(list(PRINTED))
    return {
        "weight-time": Cases(np.abs(-ages * np.log(betas) - 1)),
        "weight-time-about": Cases(np.abs(ages * (1 - betas) - 1)[betas >= series.NINE_TENTHS]),
        "mean-age": Cases(np.abs(mean_age / lag - 1)),
        "noise-weights": Cases(np.abs(squares * (1 + betas) / (1 - betas) - 1)),
        "cold-start": Cases(np.abs(held["ones"] - (1 - betas[:, None] ** steps)).max(axis=1)),
        "correction": Cases(np.abs(corrections[chosen - 1] * (1 - series.NINE_TENTHS**chosen) - 1)),
        "correction-printed": Cases(np.abs(corrections[chosen - 1] - np.array(list(PRINTED.values())))),
        "lag-of-a-ramp": Cases(np.abs(held["lag"] / lag - 1)),
        "shift-of-a-curve": Cases(np.abs(found.computed["shifts"]["shift"] / lag - 1)),
    }


def _of_noise(spec: Averages, found: Findings[str]) -> dict[str, Evidence]:
    held = found.computed["white"]
    formula, printed = [], []
    for index, beta in enumerate(spec.betas):
        left = held["average"][:, index]
        theory = np.full_like(left, (1 - beta) / (1 + beta))
        formula.append(Reading(f"beta {beta:g}", paired(theory, left, scale=Scale.LOG)))
        if beta >= series.NINE_TENTHS:
            printed.append(Reading(f"beta {beta:g}", paired(held["mean"][:, index], left, scale=Scale.LOG)))
    return {"noise-measured": Measured(tuple(formula)), "noise-printed": Measured(tuple(printed))}


def _of_signals(spec: Averages, found: Findings[str]) -> dict[str, Evidence]:
    held, kinds = found.computed["errors"], settings(spec.periods, spec.noises, spec.steps)
    nine, half = len(GRID), len(GRID) + 1
    names = [view.kind_name(kind) for kind in kinds]

    def readings(errors: np.ndarray) -> tuple[Reading, ...]:
        return tuple(
            Reading(name, paired(one[:, nine], one[:, half], scale=Scale.LOG))
            for name, one in zip(names, errors, strict=True)
        )

    loss = view.losses(held["signal"], held["signal"][:, :, nine])
    walks = []
    for place, index in enumerate(index for index, kind in enumerate(kinds) if kind[0] == "walk"):
        one = held["signal"][index : index + 1]
        lost = view.losses(one, one[:, :, half + 1 + place])[0]
        walks.append(Reading(names[index], mean(sample(np.exp(lost), scale=Scale.LOG))))
    return {
        "smaller-beta-data": Measured(readings(held["data"])),
        "smaller-beta-signal": Measured(readings(held["signal"])),
        "nine-tenths": Measured.of(mean(sample((loss < np.log(1.2)).mean(axis=0) - 0.5))),
        "best-beta-of-a-walk": Measured(tuple(walks)),
    }


def protocol(spec: Averages) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    return [
        "Averages are the velocity of momentum in its averaged form, in float64, fed with the series as gradients.",
        "Errors against the true signal are those of corrected averages, over the whole series.",
        "The best beta is chosen on one half of the draws, by the mean error, and read on the other; then reversed.",
        f"Kinds of series: sines of periods {', '.join(f'{p:g}' for p in spec.periods)} and amplitude 1 under noise of "
        f"{', '.join(f'{s:g}' for s in spec.noises)}; random walks of steps {', '.join(f'{q:g}' for q in spec.steps)} "
        "under noise of 1. 'Most cases' means most of these, and other kinds may say otherwise.",
    ]


STUDY = Study(
    name="averages",
    title="Exponential averages",
    question="Momentum, RMSProp and Adam are built on A = beta A + (1 - beta) X, said to be the mean of about "
    "1/(1 - beta) values. Of how many values is it the mean, how late is it, what does it cost to begin at 0, and is "
    "0.9 mostly right?",
    source=f"{ARTICLE}, lines 47 to 59; {SLIDE}",
    presets={"quick": QUICK, "standard": STANDARD},
    cost={"quick": "4 s on two cores", "standard": "not measured"},
    protocol=protocol,
    claims=claims,
    experiments=experiments,
    evidence=evidence,
    figures=view.figures,
    tables=view.tables,
)
