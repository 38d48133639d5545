"""The first weights: what their distribution decides, and where else they may come from.

**Source.** Bishop & Bishop, "Deep Learning" (2024), section 7.2.5, as slides 4, 12 and 17 to 20 of document 001 give
it.

**Design.** *Trainings* of one network on the digits that differ in the spread of the first weights (a traced number),
in the first biases, or in having all weights equal; and of networks of three widths from many starts, the examples in
one order for all. *An experiment on random layers*: what 20 ReLU layers do to a signal, forward and backward, over
draws of the weights. *An experiment on warm starts*: few digits, from random weights, from the hidden layers of a
network trained on another task, and from those of an autoencoder.

**Where the slides err.** Slide 18 prints "variance" after the ReLU and assumes mean 0 for what comes in: both are false
after a ReLU, and stand here as claims that should be refuted (`half-after-relu-printed`, `zero-mean-printed`). The
formula holds for mean squares, over draws of the weights (`preactivation-variance`, `half-after-relu`); the variance is
0.341 of the incoming one. Over data at fixed weights it falls with depth even under He (`over-data`).

**What is chosen where.** The spread and the best start are chosen on held-out validation examples, the spread on other
seeds too; errors are read on the test set.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from basin.optim import GradientDescent
from basin.spec.initialisation import Initialisation
from basin.spec.initializer import Constant, Normal
from basin.spec.model import MLP
from basin.spec.run import Evaluations, RunSpec
from basin.stats import Scale, mean, paired, sample, welch
from basin.studies.claim import Cases, Evidence, Measured, Reading
from basin.studies.experiment import Computed
from basin.studies.initialisation import view
from basin.studies.initialisation.claims import AFTER_RELU, claims
from basin.studies.initialisation.experiments import ARMS, experiments
from basin.studies.initialisation.view import Cell
from basin.studies.runs import crossing, one_test_example
from basin.studies.study import Findings, Study

# --- What is run -----------------------------------------------------------------------------------------------------

QUICK = Initialisation()

STANDARD = Initialisation(
    seeds=60,
    sweep_seeds=20,
    factors=(0.125, 0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0),
    epochs=30,
    widths=(2, 4, 8, 16, 32, 64),
)

LOOKS = Evaluations(early=5, regular=10)


def runs(spec: Initialisation) -> Mapping[Cell, RunSpec]:
    """Return the runs: spreads, biases and equal weights over some seeds, three widths over all of them."""
    return dict(_runs(spec))


def _runs(spec: Initialisation) -> Iterator[tuple[Cell, RunSpec]]:
    deep, he = MLP(widths=(spec.width,) * spec.depth), view.he(spec)
    normal = deep.replace(initializer=Normal(epsilon=he))
    for seed in range(spec.sweep_seeds):
        for factor in spec.factors:
            yield Cell("spread", factor, seed), _run(spec, deep.replace(initializer=Normal(epsilon=factor * he)), seed)
        for bias in spec.biases:
            model = normal.replace(bias_initializer=Constant(value=bias))
            yield Cell("bias", bias, seed), _run(spec, model, seed)
        yield Cell("equal", 0, seed), _run(spec, deep.replace(initializer=Constant(value=spec.constant)), seed)
    for seed in range(spec.seeds):
        for width in spec.widths:
            yield Cell("width", width, seed), _run(spec, MLP(widths=(width,)), seed).replace(order="cyclic")


def _run(spec: Initialisation, model: MLP, seed: int) -> RunSpec:
    return RunSpec.model_validate(
        {
            "data": spec.data,
            "model": model,
            "optimizer": GradientDescent(learning_rate=spec.rate),
            "batch_size": spec.batch_size,
            "budget": f"{spec.epochs} epochs",
            "seed": seed,
            "evaluations": LOOKS,
        }
    )


# --- What was found --------------------------------------------------------------------------------------------------


def evidence(spec: Initialisation, found: Findings[Cell]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {
        **_on_symmetry(spec, found),
        **_on_signal(found.computed["signal"]),
        **_on_spread(spec, found),
        **_on_biases(spec, found),
        **_on_starts(spec, found),
        **_on_warm(spec, found.computed["warm"]),
    }


def _on_symmetry(spec: Initialisation, found: Findings[Cell]) -> Mapping[str, Evidence]:
    equal = view.last(spec, found, "equal", 0, "test", "error")
    random = view.last(spec, found, "spread", 1.0, "test", "error")
    ends = [found.runs[Cell("equal", 0, seed)].params for seed in range(spec.sweep_seeds)]
    return {
        "symmetry-kept": Cases(np.array([view.difference_of_units(params) for params in ends])),
        "symmetry-costs": Measured.of(paired(100 * random, 100 * equal, resolution=one_test_example(spec.data))),
    }


def _on_signal(signal: Computed) -> Mapping[str, Evidence]:
    def over_arms(statistic: str, minus: float) -> Measured:
        values = {arm: view.ratios(signal[arm])[statistic].mean(axis=1) - minus for arm in ARMS}
        return Measured(tuple(Reading(arm, mean(sample(each))) for arm, each in values.items()))

    def through(arm: str, *, upwards: bool) -> Measured:
        ways = {way: view.gain(signal[arm], way) for way in ("forward", "backward")}
        return Measured(
            tuple(
                Reading(way, mean(sample(gain if upwards else 1 / gain, scale=Scale.LOG10)))
                for way, gain in ways.items()
            )
        )

    he = signal["he"]
    ways = {way: view.gain(he, way) - 1 for way in ("forward", "backward")}
    fall = he["over_data"][:, -1] / he["over_data"][:, 0]
    return {
        "preactivation-variance": _pre(signal),
        "half-after-relu": over_arms("after", 0.5),
        "half-after-relu-printed": over_arms("variance", 0.5),
        "variance-after-relu": over_arms("variance", AFTER_RELU),
        "zero-mean-printed": over_arms("mean_after", 0.0),
        "zero-mean-weights": over_arms("mean_pre", 0.0),
        "over-data": Measured.of(mean(sample(fall, scale=Scale.LOG10))),
        "depth-he": Measured(tuple(Reading(way, mean(sample(gain))) for way, gain in ways.items())),
        "depth-small": through("small", upwards=False),
        "depth-large": through("large", upwards=True),
    }


def _pre(signal: Computed) -> Measured:
    """Return the mean square of the pre-activations over the formula's, for each distribution of the weights."""
    readings = []
    for arm in ARMS:
        layers = view.ratios(signal[arm])["pre"]
        readings.append(Reading(arm, mean(sample(layers.mean(axis=1) - 1))))
    return Measured(tuple(readings))


def _on_spread(spec: Initialisation, found: Findings[Cell]) -> Mapping[str, Evidence]:
    errors = {factor: 100 * view.last(spec, found, "spread", factor, "test", "error") for factor in spec.factors}
    steps = {factor: view.steps(spec, found, "spread", factor) for factor in spec.factors}
    ends = (spec.factors[0], spec.factors[-1])
    step = one_test_example(spec.data)
    chosen = np.array([errors[factor][seed] for seed, factor in enumerate(view.chosen_factors(spec, found))])
    return {
        "start-error": Measured(
            tuple(Reading(f"eps x {end:g}", paired(errors[1.0], errors[end], resolution=step)) for end in ends)
        ),
        "start-time": Measured(
            tuple(Reading(f"eps x {end:g}", paired(steps[1.0], steps[end], scale=Scale.LOG)) for end in ends)
        ),
        "he-is-best": Measured.of(paired(chosen, errors[1.0], resolution=step), note=_choices(spec, found)),
    }


def _choices(spec: Initialisation, found: Findings[Cell]) -> str:
    chosen = view.chosen_factors(spec, found)
    return "chosen: " + ", ".join(f"{factor:g} times He's by {chosen.count(factor)}" for factor in sorted(set(chosen)))


def _on_biases(spec: Initialisation, found: Findings[Cell]) -> Mapping[str, Evidence]:
    zero, *positive = spec.biases

    def against_zero(measure: dict[float, np.ndarray], *, more: bool, scale: Scale = Scale.NATURAL) -> Measured:
        pairs = {bias: (measure[zero], measure[bias])[:: 1 if more else -1] for bias in positive}
        return Measured(tuple(Reading(f"bias {bias:g}", paired(*arms, scale=scale)) for bias, arms in pairs.items()))

    active, dead = (view.activity(spec, found, when) for when in ("start", "end"))
    steps = {bias: view.steps(spec, found, "bias", bias) for bias in spec.biases}
    return {
        "bias-active": against_zero({bias: 100 * shares[:, 0] for bias, shares in active.items()}, more=True),
        "bias-dead": against_zero({bias: 100 * shares[:, 1] for bias, shares in dead.items()}, more=False),
        "bias-time": against_zero(steps, more=False, scale=Scale.LOG),
    }


def _on_starts(spec: Initialisation, found: Findings[Cell]) -> Mapping[str, Evidence]:
    narrow, wide = spec.widths[0], spec.widths[-1]
    errors = {width: 100 * view.last(spec, found, "width", width, "test", "error") for width in (narrow, wide)}
    loss = view.last(spec, found, "width", narrow, "train", "loss")
    deviations = {width: np.abs(error - np.median(error)) for width, error in errors.items()}
    of_loss = np.abs(np.log(loss) - np.median(np.log(loss)))
    return {
        "solutions-differ": Measured.of(mean(sample(view.distances(spec, found, wide), scale=Scale.LOG10))),
        "best-of-starts": Measured.of(mean(sample(view.gain_of_the_best(spec, found, narrow)))),
        "narrow-starts-differ": Measured.of(mean(sample(np.exp(of_loss), scale=Scale.LOG))),
        "spread-falls": Measured.of(welch(deviations[wide], deviations[narrow])),
        "no-bad-minimum": Cases(view.last(spec, found, "width", wide, "train", "error")),
    }


def _on_warm(spec: Initialisation, warm: Computed) -> Mapping[str, Evidence]:
    looks = spec.warm.look_every * np.arange(warm["scratch_loss"].shape[1])
    names = ("scratch", "transfer", "autoencoder")
    steps = {
        name: np.array([crossing(looks, loss, spec.warm.train_loss) for loss in warm[f"{name}_loss"]]) for name in names
    }
    errors = {name: 100 * warm[f"{name}_error"] for name in names}
    collected: dict[str, Evidence] = {}
    for name in names[1:]:
        collected[f"{name}-error"] = Measured.of(paired(errors[name], errors["scratch"]))
        collected[f"{name}-time"] = Measured.of(paired(steps[name], steps["scratch"], scale=Scale.LOG))
    return collected


def protocol(spec: Initialisation) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    held_out = getattr(spec.data, "num_validation", 0)
    return [
        f"Hidden layers are as wide as an example has inputs ({spec.width}), so one spread, He's "
        f"sqrt(2 / {spec.width}) = {math.sqrt(2 / spec.width):.3g} times a factor, is that of all layers.",
        "Runs of one seed have the same normal draws, scaled, and the same order of examples; learning rate "
        f"{spec.rate:g}, batch {spec.batch_size}, {spec.epochs} epochs for all.",
        f"The spread is chosen by the mean error on {held_out} validation examples over the other seeds, the best of "
        f"{spec.group} starts by its own; both are read on the test set.",
        f"Many starts: {spec.seeds} of each width, the examples in one order for all, so that a seed decides the start "
        "alone.",
        f"Random layers: {spec.signal.depth} of {spec.signal.width} units; averages are over {spec.signal.draws} draws "
        "of all weights, and over data only where a claim says so.",
        "Warm starts take the hidden layers; the last layer is drawn anew, the same as that of the random start. The "
        "updates of the earlier training are not counted.",
    ]


STUDY = Study(
    name="initialisation",
    title="The first weights",
    question="Why must first weights differ from unit to unit, how large should they be, and does it matter which ones "
    "were drawn? Symmetry, the size of a signal through depth, time to train, test error, several starts, and warm "
    "starts from another task and from an autoencoder.",
    source="Bishop & Bishop 2024, section 7.2.5",
    presets={"quick": QUICK, "standard": STANDARD},
    cost={"quick": "43 s on two cores", "standard": "not measured"},
    protocol=protocol,
    claims=claims,
    runs=runs,
    experiments=experiments,
    evidence=evidence,
    figures=view.figures,
    tables=view.tables,
)
