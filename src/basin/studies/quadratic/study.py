"""Gradient descent on a quadratic: does the textbook's theory hold, step by step, and how far does it reach?

**Source.** Bishop & Bishop, "Deep Learning" (2024), sections 7.1 to 7.3, by its slides (2, 3, 5 to 10, 13, 22 to 28),
and the article on optimisers (document 003: descent, momentum).

**Design.** Formulas are held against walks in float64, over grids of cases, to the accuracy of the arithmetic. What is
approximate (expansions, swing, progress) is an effect with an interval over random points, starts or seeds. Then the
same on a trained network: its dense Hessian, at two moments of training, against full-batch descent on its loss.

**Expected signature.** All formulas to a billionth or better; slopes 2 and 3 of the remainders; four printed sentences
that do not hold: slide 6's derivation, slide 10's "necessary", slide 25's "larger is faster" taken of the whole
distance, slide 27's "close to eta".

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from basin.measure.result import Measurement
from basin.spec.budget import Budget
from basin.spec.quadratic import Quadratic
from basin.spec.run import Evaluations, RunSpec
from basin.stats import Scale, mean, paired, sample, scaled_errors
from basin.studies.claim import Cases, Evidence, Measured, Reading
from basin.studies.experiment import Experiment
from basin.studies.quadratic import expansion, geometry, modes, view
from basin.studies.quadratic.claims import claims
from basin.studies.quadratic.expansion import LENGTHS, reach, slopes
from basin.studies.quadratic.network import local_quadratic
from basin.studies.quadratic.ravine import ravine
from basin.studies.quadratic.view import MOMENTS, Cell, local
from basin.studies.study import Findings, Study, Task
from basin.training.run import Run

QUICK = Quadratic()
STANDARD = QUICK.replace(seeds=20, points=100, matrices=100, quadratics=20, starts=100)
SIDES = (-1.8, -1.2, -0.6, -0.3, 0.5, 1.0, 2.0, 3.5)
"""Starts on either side of the minimum at 0 of an error curve."""

SIDES_RATE = 0.2
"""Small enough that no step passes the minimum: the curve's largest slope on the left is 5."""

CREEPING = (0.5, 0.1, 0.03, 0.01)
"""Learning rates, in units of 1 over the eigenvalue, whose steps to a thousandth are counted."""


# --- What is run -----------------------------------------------------------------------------------------------------


def runs(spec: Quadratic) -> Mapping[Cell, RunSpec]:
    """Return the trainings: a short and a long one for every seed."""
    length = dict(zip(MOMENTS, (spec.early_epochs, spec.late_epochs), strict=True))
    return {
        Cell(moment, seed): RunSpec(
            data=spec.data,
            model=spec.model,
            optimizer=spec.optimizer,
            batch_size=spec.batch_size,
            budget=Budget(amount=length[moment], unit="epochs"),
            seed=seed,
            precision="float64",
            evaluations=Evaluations(early=2, regular=4),
        )
        for moment in MOMENTS
        for seed in range(spec.seeds)
    }


def tasks(spec: Quadratic, cell: Cell) -> Sequence[Task]:
    """Return the one measurement of a network: its local quadratic."""

    def compute(run: Run) -> Measurement:
        return local_quadratic(run, steps=spec.predicted_steps, rates=spec.predicted_rates)

    return [Task(view.measure_name(spec), "train", compute)]


def experiments(spec: Quadratic) -> Mapping[str, Experiment]:
    """Return what is computed besides, by the section of the source that it belongs to."""
    kappas, momenta, starts = spec.condition_numbers, spec.momenta, spec.starts
    return {
        "expansion": Experiment(
            {"surfaces": list(expansion.SURFACES), "points": spec.points},
            lambda: expansion.on_surfaces(expansion.SURFACES, spec.points),
        ),
        "axes": Experiment({"quadratics": spec.quadratics}, lambda: geometry.eigen_axes(spec.quadratics)),
        "definiteness": Experiment({"matrices": spec.matrices}, lambda: geometry.definiteness(spec.matrices)),
        "minima": Experiment({"surfaces": list(expansion.SURFACES)}, lambda: geometry.minima(expansion.SURFACES)),
        "ellipses": Experiment({"kappas": list(kappas)}, lambda: geometry.ellipses(kappas)),
        "aim": Experiment({"kappas": list(kappas), "blocks": starts}, lambda: geometry.aim(kappas, starts)),
        "decay": Experiment(
            {"quadratics": spec.quadratics, "steps": spec.steps}, lambda: modes.decay(spec.quadratics, spec.steps)
        ),
        "saddle": Experiment(
            {"quadratics": spec.quadratics, "steps": spec.steps},
            lambda: modes.decay(spec.quadratics, spec.steps, negative=True),
        ),
        "shown": Experiment({}, modes.shown),
        "factors": Experiment({"kappas": list(kappas)}, lambda: modes.factors(kappas)),
        "creeping": Experiment({"rates": list(CREEPING)}, lambda: modes.steps_needed(CREEPING)),
        "limits": Experiment({"momenta": list(momenta)}, lambda: modes.limits(momenta)),
        "momentum": Experiment(
            {"momenta": list(momenta), "steps": 4 * spec.steps}, lambda: modes.momentum(momenta, 4 * spec.steps)
        ),
        "one-dimension": Experiment(
            {"starts": list(SIDES), "rate": SIDES_RATE}, lambda: modes.one_dimension(SIDES, SIDES_RATE)
        ),
        "line-fit": Experiment({"seeds": spec.seeds}, lambda: modes.line_fit(spec.seeds)),
        "ravine": Experiment({"starts": starts, "steps": spec.ravine_steps}, lambda: ravine(starts, spec.ravine_steps)),
    }


# --- What was found --------------------------------------------------------------------------------------------------


def evidence(spec: Quadratic, found: Findings[Cell]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {
        **_of_expansions(spec, found),
        **_of_shape(spec, found),
        **_of_descent(spec, found),
        **_of_momentum(spec, found),
        **_of_ravine(found),
        **_of_networks(spec, found),
    }


def _of_expansions(spec: Quadratic, found: Findings[Cell]) -> dict[str, Evidence]:
    everywhere = view.remainders(spec, found)
    surfaces = [found.computed["expansion"][name] for name in expansion.SURFACES]
    networks = [local(spec, found, moment, name) for moment in MOMENTS for name in ("excess", "fall")]
    excess = np.concatenate([*(one["excess"] for one in surfaces), *networks[::2]])
    fall = np.concatenate([*(one["fall"] for one in surfaces), *networks[1::2]])
    about = np.concatenate([one["about minima"] for one in surfaces])
    return {
        "first-order": _slopes(everywhere, "first", 2),
        "second-order": _slopes(everywhere, "second", 3),
        "second-order-gradient": _slopes(everywhere, "gradient", 2),
        "second-order-reach": Measured(
            tuple(
                Reading(
                    name,
                    paired(
                        reach(LENGTHS, one["first"], one["model"]),
                        reach(LENGTHS, one["second"], one["model"]),
                        scale=Scale.LOG,
                    ),
                )
                for name, one in everywhere.items()
            )
        ),
        "steepest": Cases(np.maximum(excess, 0)),
        "small-step": Cases(np.abs(fall)),
        "minimum-form": Cases(np.maximum(0, 3 - slopes(LENGTHS, about))),
    }


def _slopes(everywhere: Mapping[str, Mapping[str, np.ndarray]], kind: str, expected: int) -> Measured:
    readings = {name: slopes(LENGTHS, one[kind]) - expected for name, one in everywhere.items()}
    return Measured(tuple(Reading(name, mean(sample(values))) for name, values in readings.items()))


def _of_shape(spec: Quadratic, found: Findings[Cell]) -> dict[str, Evidence]:
    axes, matrices, rings = (found.computed[name] for name in ("axes", "definiteness", "ellipses"))
    minima = {name: found.computed["minima"][name] for name in (*expansion.SURFACES, *geometry.FLAT_MINIMA)}
    pooled = {key: np.concatenate([one[key] for one in minima.values()]) for key in minima["beale"]}
    definite = pooled["smallest"] > 1e-9 * pooled["largest"]
    kappas = np.array(spec.condition_numbers)
    wide = np.cos(geometry.ANGLES) ** 2 / kappas[:, None] + np.sin(geometry.ANGLES) ** 2
    network = np.concatenate([local(spec, found, moment, "errors").ravel() for moment in MOMENTS])
    blocks = found.computed["aim"]["angles"]
    return {
        "gradient-vanishes": Cases(
            scaled_errors(pooled["gradient"], np.zeros_like(pooled["gradient"]), pooled["largest"])
        ),
        "slide-6-derivation": Cases(scaled_errors(axes["printed"], axes["value"], axes["value"])),
        "eigenvectors": Cases(np.concatenate([axes["equation"], axes["orthonormal"], axes["rebuilt"], network])),
        "eigen-sum": Cases(scaled_errors(axes["sum"], axes["value"], 1 + np.abs(axes["value"]))),
        "positive-definite": Cases(
            np.where(
                (matrices["least"] > 0) == (matrices["smallest"] > 0),
                np.abs(matrices["least"] - matrices["smallest"]),
                np.inf,
            )
        ),
        "sufficient": Cases(1 - pooled["higher"][definite]),
        "necessary": Cases(1.0 - definite[pooled["higher"] == 1]),
        "ellipse-axes": Cases(
            np.concatenate(
                [
                    np.abs(rings["long"] / np.sqrt(kappas) - 1),
                    np.abs(rings["short"] - 1),
                    np.abs(rings["radii"] * np.sqrt(wide) - 1).max(axis=1),
                ]
            )
        ),
        "gradient-aim": Measured(
            tuple(
                Reading(f"condition number {kappa:g}", mean(sample((one > 10).mean(axis=1) - 0.5)))
                for kappa, one in zip(kappas, blocks, strict=True)
                if kappa >= 10
            )
        ),
    }


def _of_descent(spec: Quadratic, found: Findings[Cell]) -> dict[str, Evidence]:
    computed, kappas = found.computed, np.array(spec.condition_numbers)
    factors, saddle, curve, fit = (computed[name] for name in ("factors", "saddle", "one-dimension", "line-fit"))
    moved, steps = np.sign(np.diff(curve["points"], axis=1)), computed["creeping"]["steps"]
    towards = (moved == -np.sign(curve["slopes"][:, :-1])) & (moved == -np.sign(curve["points"][:, :-1]))
    needed = np.ceil(np.log(1e-3) / np.log1p(-np.array(CREEPING)))
    whole = np.maximum(0, np.diff(factors["whole"][:, :-1], axis=1)).max(axis=1)
    theory = (kappas - 1) / (kappas + 1)
    return {
        "slope-sign": Cases(1.0 - towards.ravel()),
        "convex-fit": Cases(scaled_errors(fit["reached"], fit["least"], np.linalg.norm(fit["least"], axis=1))),
        "decay": Cases(computed["decay"]["error"]),
        "negative-eigenvalue": Cases(np.where(saddle["growth"] > 1, saddle["error"], np.inf)),
        "threshold": Cases(np.abs(computed["limits"]["descent"] / 2 - 1)),
        "small-rate": Cases(scaled_errors(steps, needed, np.zeros(len(needed)))),
        "slowest-factor": Cases(np.abs(factors["limit"] - (1 - 2 / kappas))),
        "larger-rate-slowest": Cases(np.maximum(0, np.diff(factors["slow"], axis=1)).max(axis=1)),
        "larger-rate-whole": Cases(whole),
        "best-rate": Cases(
            np.concatenate(
                [np.abs(factors["best"] - theory), np.maximum(0, factors["best"] - factors["whole"].min(axis=1))]
            )
        ),
    }


def _of_momentum(spec: Quadratic, found: Findings[Cell]) -> dict[str, Evidence]:
    held, limits = found.computed["momentum"], found.computed["limits"]
    mu = np.array(spec.momenta)
    risen = 1 - mu[:, None] ** np.arange(1, held["constant"].shape[1] + 1)
    averaged = np.abs(held["constant averaged"] - risen).max(axis=1)
    heavy, nesterov = 2 * (1 + mu), 2 * (1 + mu) / (1 + 2 * mu)
    return {
        "momentum-constant": Cases(scaled_errors(held["constant"], risen / (1 - mu[:, None]), 1 / (1 - mu))),
        "momentum-averaged": Cases(np.concatenate([averaged, held["forms"]])),
        "momentum-oscillation": Cases(np.abs(held["swinging"] - 1 / (1 + mu))),
        "momentum-close-to-eta": Cases(np.abs(held["swinging"] - 1)),
        "momentum-stability": Cases(np.abs(limits["momentum"] / heavy - 1).ravel()),
        "nesterov-stability": Cases(np.abs(limits["nesterov"] / nesterov - 1).ravel()),
    }


def _of_ravine(found: Findings[Cell]) -> dict[str, Evidence]:
    walks = found.computed["ravine"]
    rates = ("common", "tuned")
    plain, heavy, rms = (walks[name] for name in ("descent", "momentum", "RMSProp"))

    def readings(what: str, scale: Scale) -> Measured:
        pairs = {rate: paired(plain[rate][what], rms[rate][what], scale=scale) for rate in rates}
        return Measured(tuple(Reading(f"{rate} rate", estimate) for rate, estimate in pairs.items()))

    lost = np.concatenate([plain[rate]["progress"] - heavy[rate]["progress"] for rate in rates])
    return {
        "momentum-fewer-steps": Measured.of(paired(plain["tuned"]["steps"], heavy["tuned"]["steps"], scale=Scale.LOG)),
        "swing-momentum": Cases(np.concatenate([heavy[rate]["swing"] / plain[rate]["swing"] for rate in rates])),
        "travel-momentum": Cases(np.concatenate([heavy[rate]["travel"] / plain[rate]["travel"] for rate in rates])),
        "progress-momentum": Cases(np.maximum(0, lost)),
        "swing-rmsprop": readings("swing", Scale.LOG),
        "progress-rmsprop": readings("progress", Scale.NATURAL),
    }


def _of_networks(spec: Quadratic, found: Findings[Cell]) -> dict[str, Evidence]:
    falls = {moment: local(spec, found, moment, "value") for moment in MOMENTS}
    turns = {moment: local(spec, found, moment, "coordinate_errors")[:, 0, -1] for moment in MOMENTS}

    def readings(errors: Mapping[str, np.ndarray]) -> Measured:
        each = {moment: mean(sample(one / 0.1, scale=Scale.LOG10)) for moment, one in errors.items()}
        return Measured(tuple(Reading(f"{moment} in training", estimate) for moment, estimate in each.items()))

    return {"network-first-steps": readings(falls), "network-directions": readings(turns)}


def protocol(spec: Quadratic) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    return [
        "Walks, expansions and networks are computed in float64; a formula's tolerance is that of the arithmetic.",
        "Random points, matrices and starts come from generators with fixed seeds, told apart by slide and number.",
        "Learning rates of the ravine are tuned on other starts than those they are judged on, with the same 81 rates "
        "for every optimiser; the common rate is 1.8 over the largest eigenvalue, where descent visibly swings.",
        f"The network is trained for {spec.early_epochs:g} and for {spec.late_epochs:g} epochs; its quadratic is "
        "expanded where training left it, gradient included, and nothing is fitted.",
    ]


STUDY = Study(
    name="quadratic",
    title="Gradient descent on a quadratic",
    question="Near a minimum an error is nearly quadratic, and on a quadratic theory gives every step of gradient "
    "descent: each eigendirection shrinks by its own factor, and the largest eigenvalue limits the learning rate. Here "
    "each formula is held against walks, and then the quadratic of a trained network against its own descent.",
    source="Bishop & Bishop 2024, sections 7.1 to 7.3",
    presets={"quick": QUICK, "standard": STANDARD},
    cost={
        "quick": "54 s on two cores",
        "standard": "not measured",
    },
    protocol=protocol,
    claims=claims,
    runs=runs,
    tasks=tasks,
    experiments=experiments,
    evidence=evidence,
    figures=view.figures,
    tables=view.tables,
)
