"""Normalisation of inputs, over a batch and over a layer: what it is, what it cures, and what it leaves to be chosen.

**Source.** Bishop & Bishop, "Deep Learning" (2024), section 7.4, in the slides' pages 33 to 40; Ioffe & Szegedy, "Batch
normalization" (2015); Ba, Kiros & Hinton, "Layer normalization" (2016).

**Design.** Formulas on Basin's own layers in float64. Linear problems and a small network on inputs whose ranges
differ. A deep ReLU network from initial weights that are too small, right and too large: the slope of the gradient's
size over depth, at the start and after a hundred updates. Handwritten digits with and without normalisation, before or
after the activation, with and without scale and offset. Then the statistics that inference needs, from batches of many
sizes.

**Expected signature.** Standardising lowers the condition number by orders of magnitude. Batch normalisation makes the
gradient's slope over depth independent of the initial scale, and yet not zero: it is known to explode by about 1.2 a
layer at the start, where He's weights without normalisation keep it. Averages of sigma from small batches fall short.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from basin.spec.data import Digits
from basin.spec.model import MLP
from basin.spec.normalisation import Normalisation
from basin.spec.optimizer import Adam
from basin.spec.run import Evaluations, RunSpec
from basin.stats import Direction, Scale, rounding_tolerance
from basin.studies.claim import Claim, formula
from basin.studies.experiment import Experiment
from basin.studies.normalisation import depth, inference, inputs, layers, view
from basin.studies.normalisation.evidence import Cell, evidence
from basin.studies.study import Study, Task

BISHOP = "Bishop & Bishop 2024, section 7.4"
FIFTH = float(np.log(1.2))

# --- What is run -----------------------------------------------------------------------------------------------------

QUICK = Normalisation()
STANDARD = QUICK.replace(
    seeds=12, draws=40, small_steps=2000, depth=30, scales=(0.3, 0.5, 1.0, 2.0, 3.0), epochs=30, num_batches=2000
)

ARMS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "batch": {"norm": "batch"},
    "batch, after": {"norm": "batch", "norm_position": "after_activation"},
    "batch, alone": {"norm": "batch", "norm_affine": False},
    "layer": {"norm": "layer"},
}
"""Fields of the network of each arm on digits; `alone` is without scale and offset."""


def runs(spec: Normalisation) -> Mapping[Cell, RunSpec]:
    """Return the trainings on digits."""
    return {
        Cell(arm, seed): RunSpec(
            data=Digits(),
            model=MLP(widths=spec.widths, **fields),
            optimizer=Adam(learning_rate=spec.rate),  # pyright: ignore[reportArgumentType]  parsed by the field
            batch_size=spec.batch_size,
            budget=f"{spec.epochs} epochs",  # pyright: ignore[reportArgumentType]  parsed by the field
            seed=seed,
            evaluations=Evaluations(early=2, regular=spec.epochs),
        )
        for arm, fields in ARMS.items()
        for seed in range(spec.seeds)
    }


def tasks(spec: Normalisation, cell: Cell) -> Sequence[Task]:
    """Return what is measured: the statistics for inference of the network with batch normalisation."""
    return inference.tasks(spec) if cell.arm == "batch" else []


def experiments(spec: Normalisation) -> Mapping[str, Experiment]:
    """Return all computations, by name."""

    def of(*fields: str, **more: Any) -> dict[str, Any]:
        return {name: getattr(spec, name) for name in fields} | more

    small = ("small_width", "small_examples", "small_steps")
    deep = ("depth", "deep_width", "deep_batch", "deep_steps", "deep_rate", "scales")
    return {
        "digits": Experiment({}, inputs.standardised_digits),
        "linear": Experiment(of("draws", "small_examples"), lambda: inputs.linear(spec)),
        "network": Experiment(of("seeds", *small, rates=inputs.RATES), lambda: inputs.network(spec)),
        "layers": Experiment(of("draws"), lambda: layers.layers(spec)),
        "depth": Experiment(of("seeds", *deep), lambda: depth.depth(spec)),
    }


# --- What is claimed -------------------------------------------------------------------------------------------------


def claims(spec: Normalisation) -> Sequence[Claim]:
    """Return the claims: formulas, inputs, depth, digits, inference."""
    return [*_formulas(), *_inputs(), *_depth(spec), *_digits(), *_inference(spec)]


def _formula(name: str, statement: str, *rest: Any, source: str = BISHOP) -> Claim:
    wrong = "a deviation beyond the tolerance"
    return formula(name, statement, source, *rest, refuted_by=wrong, unit="relative")


def _formulas() -> Iterator[Claim]:
    single = rounding_tolerance(8, np.float32)
    yield _formula(
        "standardised-inputs",
        "Standardised inputs have mean 0 and variance 1; a constant input is centred and left unscaled.",
        "deviation of each pixel's mean and variance over the training digits",
        single,
        ("B34b", "B34c"),
    )
    yield _formula(
        "same-statistics-for-test",
        "Test inputs are scaled by the mean and the deviation of the training inputs.",
        "deviation of the test digits from (x - mu) / sigma with mu and sigma of the training part",
        single,
        ("B34d",),
    )
    yield _formula(
        "condition-of-two-inputs",
        "Two standardised inputs have the condition number (1 + |rho|) / (1 - |rho|), whatever their ranges were.",
        "deviation of the condition number of the Gram matrix, relative to its own error bound",
        rounding_tolerance(1000),
        ("B34a", "B34b"),
        source="2x2 matrices with ones on the diagonal",
    )
    yield _formula(
        "gamma-beta-restore",
        "With gamma = sigma and beta = mu the normalised layer is the one that is not normalised.",
        "deviation of the outputs, relative to the largest",
        rounding_tolerance(100, condition=100),  # the variance is a difference of means of squares
        ("B36b", "B37a", "B37c"),
    )
    for norm, rows in (("batch", ("B37b",)), ("layer", ("B37b", "B40a"))):
        yield _formula(
            f"rescaling-below-{norm}",
            f"Mean and spread after {norm} normalisation are set by beta and gamma alone: weights below times c > 0 "
            "and a bias below change nothing.",
            "deviation of the outputs, as a multiple of what delta in the denominator explains",
            1.0,
            rows,
        )
    yield _formula(
        "one-example-has-no-batch",
        "Batch statistics cannot serve a single example: its output is beta, whatever the example.",
        "deviation between the outputs of different examples",
        rounding_tolerance(10),
        ("B38a",),
    )
    yield _formula(
        "layer-norm-in-any-company",
        "Layer normalisation is the same function in training and at inference, and in any batch.",
        "deviation of an example's output between modes and companies, relative to the largest",
        rounding_tolerance(100),
        ("B39c", "B40a", "B40b"),
    )
    yield _formula(
        "averages-lag",
        "Running averages lag: over a ramp mu-bar is alpha (1 - alpha^t) / (1 - alpha) steps behind.",
        "deviation of the running mean from t minus its lag, relative to t",
        rounding_tolerance(4 * layers.RAMP_STEPS),
        ("B38b", "B38c"),
    )


def _effect(
    name: str,
    statement: str,
    statistic: str,
    refuted_by: str,
    effect: float,
    *rows: str,
    direction: Direction = Direction.GREATER,
    scale: Scale = Scale.LOG,
    unit: str = "log",
    resampled: str = "seeds",
    published: str | None = None,
) -> Claim:
    return Claim(
        id=name,
        statement=statement,
        source=BISHOP,
        refuted_by=refuted_by,
        statistic=statistic,
        direction=direction,
        smallest_effect=effect,
        unit=unit,
        scale=scale,
        inventory=rows,
        resampled=resampled,
        published=published,
    )


def _inputs() -> Iterator[Claim]:
    lower = "a condition number that falls by less than a factor 2 (0.3 in log10)"
    log10 = {"scale": Scale.LOG10, "unit": "log10"}
    kappa = "log10 of the condition number of the Gram matrix of 200 digits, {} over standardised"
    for arm, words in (("different ranges", "a range of its own for every pixel"), ("as they are", "as they are")):
        yield _effect(
            f"standardising-conditions-{arm.split()[0]}",
            f"Standardising inputs lowers the condition number of a linear problem ({words}).",
            kappa.format(arm),
            lower,
            0.3,
            *("B33a", "B34a"),
            resampled="draws",
            **log10,
        )
    yield _effect(
        "standardising-speeds-linear",
        "Inputs of different ranges hamper descent (linear).",
        "log ratio of steps of descent at its best rate to a hundredth of the excess, different ranges over "
        "standardised",
        "a ratio below 1.2",
        FIFTH,
        *("B33b", "B34a"),
        resampled="draws",
    )
    yield _effect(
        "standardising-conditions-network",
        "Standardising inputs lowers the spread of a network's curvatures.",
        f"log10 of the Hessian's largest over its {inputs.LATE}th eigenvalue at the start, different "
        "ranges over standardised",
        lower,
        0.3,
        "B34a",
        **log10,
    )
    yield _effect(
        "standardising-speeds-network",
        "Inputs of different ranges hamper descent (network), each at its own tuned rate.",
        f"log ratio of updates to a training loss of {inputs.NETWORK_LOSS:g}, different ranges over "
        "standardised, each at a rate chosen on the other seeds",
        "a ratio below 1.2",
        FIFTH,
        *("B33b", "B34a"),
    )


def _depth(spec: Normalisation) -> Iterator[Claim]:
    slope = "slope of the log of the gradient's norm by pre-activations, a layer towards the input"
    natural = {"scale": Scale.NATURAL, "unit": "log a layer"}
    low, high = spec.scales[0], spec.scales[-1]
    yield _effect(
        "plain-slope-is-the-scale",
        "Without normalisation gradients vanish or explode by the scale of the weights, relative to He's, a layer.",
        f"{slope}, minus log scale, at the start, for each scale",
        "a slope that differs from log scale by more than 0.1",
        0.1,
        "B35c",
        direction=Direction.SAME,
        **natural,
    )
    for when, words in (("start", "at the start"), ("trained", f"after {spec.deep_steps} updates")):
        yield _effect(
            f"batch-norm-forgets-the-scale-{when}",
            f"With batch normalisation the gradient over depth does not depend on the initial scale ({words}).",
            f"{slope}, at scale {high:g} minus at {low:g}",
            "a difference beyond 0.02",
            0.02,
            *("B35a", "B35c"),
            direction=Direction.SAME,
            **natural,
        )
        yield _effect(
            f"batch-norm-cures-{when}",
            f"Batch normalisation largely solves vanishing and exploding gradients ({words}).",
            f"{slope}, for each scale",
            "gradients that change by more than 1.05 a layer",
            float(np.log(1.05)),
            "B35c",
            direction=Direction.SAME,
            **natural,
        )
    yield _effect(
        "batch-norm-explodes-at-the-start",
        "At the start, gradients explode through batch normalisation.",
        f"{slope}, at scale 1",
        "a growth below 1.1 a layer",
        float(np.log(1.1)),
        "B35c",
        published="1.2 a layer, 221 times in 30 layers, measured once",
        **natural,
    )
    yield _effect(
        "batch-norm-trains-from-any-scale",
        "With batch normalisation a deep network trains from weights that are too small or too large.",
        f"log ratio of the loss after {spec.deep_steps} updates, without over with, at scales {low:g} and {high:g}",
        "a ratio below 1.2 at either scale",
        FIFTH,
        *("B33a", "B35a", "B35c"),
    )


def _digits() -> Iterator[Claim]:
    points = {"scale": Scale.NATURAL, "unit": "points"}
    yield _effect(
        "batch-norm-eases-training",
        "Normalised hidden values make the next layers' task easier.",
        "log ratio of the training loss after equal epochs, without over with batch normalisation",
        "a ratio below 1.2",
        FIFTH,
        *("B35a", "B35b"),
    )
    yield _effect(
        "either-position-loss",
        "Normalising before or after the activation: both can be used (training loss).",
        "log ratio of the training loss after equal epochs, after over before",
        "losses more than 1.2 times apart",
        FIFTH,
        "B36a",
        direction=Direction.SAME,
    )
    yield _effect(
        "either-position-error",
        "Normalising before or after the activation: both can be used (test error).",
        "test error, after minus before",
        "errors more than 0.5 points apart",
        0.5,
        "B36a",
        direction=Direction.SAME,
        **points,
    )
    yield _effect(
        "gamma-beta-help-loss",
        "Scale and offset restore what normalising takes: training is better with them.",
        "log ratio of the training loss after equal epochs, without over with gamma and beta",
        "a ratio below 1.2",
        FIFTH,
        "B37a",
    )
    yield _effect(
        "gamma-beta-help-error",
        "Scale and offset restore what normalising takes: the test error is lower with them.",
        "test error, without minus with gamma and beta",
        "a gain of less than 0.5 points",
        0.5,
        "B37a",
        **points,
    )


def _inference(spec: Normalisation) -> Iterator[Claim]:
    least = spec.statistics_batches[0]
    yield _effect(
        "variance-of-small-batches",
        "The average of the batches' variance tends to (K - 1)/K of sigma^2, and with K - 1 in the divisor to sigma^2.",
        "log of the average unbiased variance over that of the training set, first layer, for each batch size",
        "a deviation beyond 0.02",
        0.02,
        *("B38b", "B39a"),
        direction=Direction.SAME,
    )
    yield _effect(
        "averaging-sigma-falls-short",
        "Averaging sigma, as the slides print it, gives less than averaging the variance.",
        f"log ratio of the variances, sigma averaged over variance averaged, batches of {least}",
        "a difference below 0.05",
        0.05,
        "B38b",
        direction=Direction.LESS,
    )
    yield _effect(
        "noise-of-small-batches",
        "Small batches give noisy statistics: the noise of the mean goes as 1/sqrt(K).",
        "log ratio of the noise, smallest over largest batch, over the square root of the batches' ratio",
        "a deviation beyond 0.1",
        0.1,
        "B39a",
        direction=Direction.SAME,
    )
    for kind in inference.KINDS:
        yield _effect(
            f"small-batches-cost-{kind.lower()}",
            f"Averages over batches of {least} serve inference worse than a full pass ({kind}).",
            "log ratio of the test loss, averages over full pass",
            "a ratio below 1.2",
            FIFTH,
            *("B38a", "B38b", "B39a"),
        )
    yield _effect(
        "running-averages-serve",
        "The moving averages that training kept serve single examples as well as a full pass does.",
        "log ratio of the test loss, running averages over full pass",
        "losses more than 1.2 times apart",
        FIFTH,
        *("B38a", "B38c"),
        direction=Direction.SAME,
    )


def protocol(spec: Normalisation) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    return [
        "Different ranges: every pixel that varies is multiplied by 10^u, u uniform in [-1, 1]; standardising undoes "
        "it exactly, so the two arms are the same problem on two scales.",
        f"The small network is trained full-batch at {len(inputs.RATES)} rates; each seed's is the best "
        "on the other seeds.",
        f"The deep network has {spec.depth} hidden layers of {spec.deep_width} ReLU units, as many as inputs, so that "
        f"all layers are alike; plain descent at {spec.deep_rate:g} with batches of {spec.deep_batch}, no rate chosen. "
        "A loss that is no number counts as that of chance, log 10.",
        f"Digits: one network, Adam at {spec.rate:g}, {spec.epochs} epochs, batches of {spec.batch_size} for all arms; "
        "batch statistics are recomputed over the training set at every look.",
        f"Statistics for inference are averages over {spec.num_batches} random batches at the final weights, so that "
        "the batch size differs and nothing else; the running averages are those that training left.",
    ]


STUDY = Study(
    name="normalisation",
    title="Normalisation of inputs, over a batch and over a layer",
    question="What does standardising inputs do to the conditioning of the problem and the time to train? Does batch "
    "normalisation cure vanishing and exploding gradients, are its scale and offset needed, and which statistics serve "
    "at inference when batches are small?",
    source=BISHOP,
    presets={"quick": QUICK, "standard": STANDARD},
    cost={"quick": "61 s on two cores beside other work", "standard": "not measured"},
    protocol=protocol,
    claims=claims,
    runs=runs,
    tasks=tasks,
    experiments=experiments,
    evidence=evidence,
    figures=view.figures,
    tables=view.tables,
)
