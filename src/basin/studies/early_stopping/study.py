"""Early stopping: does it limit a network's complexity, and is it weight decay by another name?

**Source.** Slides 48 to 50 on Bishop & Bishop, Deep Learning (2024), section 9.3.1 and exercise 9.6.

**Design.** On quadratics descent is walked from the origin and held against its formula, and its shares of the minimum
against those that a decay of 1 / (rho tau) leaves. Networks that can learn noisy labels by heart are trained to the
end, with others held out: where the held-out loss is lowest is where one would have stopped, and what that is worth is
read on the test set. Last, networks stopped after tau steps of descent stand beside networks with the decay that theory
pairs with tau: a linear one from the origin, where theory nearly holds, and one with a hidden layer from a random
start.

**Expected signature.** The training loss falls all the way; the held-out loss falls and rises. The two shares have the
same limits and are up to a fifth apart in between, so that they are alike and not equal.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from basin.measure.effective_parameters import effective_parameters
from basin.measure.result import Measurement
from basin.measure.shrinkage import Decayed, Stopped
from basin.spec.data import Digits, Glyphs
from basin.spec.early_stopping import EarlyStopping, LearningCurves, Likeness
from basin.spec.optimizer import Adam, GradientDescent
from basin.spec.run import Evaluations, RunSpec, StopAtValidation
from basin.stats import Scale, fall_after_peak, mean, paired, sample
from basin.studies.claim import Cases, Evidence, Measured, Reading
from basin.studies.early_stopping import quadratics as exact
from basin.studies.early_stopping import view
from basin.studies.early_stopping.claims import SOURCE, claims
from basin.studies.early_stopping.view import NETWORKS, Cell
from basin.studies.experiment import Experiment
from basin.studies.runs import one_test_example
from basin.studies.study import Findings, Study, Task
from basin.training.run import Run

# --- What is run -----------------------------------------------------------------------------------------------------

QUICK = EarlyStopping()

STANDARD = EarlyStopping(
    seeds=12,
    curves=(
        LearningCurves(
            name="digits", data=Digits(num_train=700, num_validation=500, label_noise=0.2), epochs=120, looks=60
        ),
        LearningCurves(
            name="glyphs",
            data=Glyphs(size=16, num_train=2000, num_validation=1000, num_test=10_000, label_noise=0.2),
            epochs=120,
            looks=60,
        ),
    ),
    likeness=Likeness(
        data=Glyphs(size=8, num_train=500, num_test=5000, label_noise=0.1),
        steps=(10, 30, 100, 300, 1000, 3000),
        decayed_steps=5000,
    ),
)


def runs(spec: EarlyStopping) -> Mapping[Cell, RunSpec]:
    """Return the runs: learning curves with and without the rule, and networks stopped beside networks decayed."""
    found = {}
    for seed in range(spec.seeds):
        for on in spec.curves:
            found[Cell(on.name, "to the end", 0, seed)] = _curve(spec, on, seed)
            rule = StopAtValidation(patience=spec.patience)
            found[Cell(on.name, "rule", 0, seed)] = _curve(spec, on, seed).replace(stop=(rule,))
        for network in NETWORKS:
            for steps in spec.likeness.steps:
                found[Cell(network, "stopped", steps, seed)] = _stopped(spec, network, steps, seed)
                found[Cell(network, "decayed", steps, seed)] = _decayed(spec, network, steps, seed)
    return found


def _curve(spec: EarlyStopping, on: LearningCurves, seed: int) -> RunSpec:
    return RunSpec.model_validate(
        {
            "data": on.data,
            "model": spec.model,
            "optimizer": Adam(learning_rate=spec.learning_rate),
            "batch_size": on.batch_size,
            "budget": f"{on.epochs} epochs",
            "seed": seed,
            "evaluations": Evaluations(early=3, regular=on.looks),
        }
    )


def _stopped(spec: EarlyStopping, network: str, steps: int, seed: int) -> RunSpec:
    return _alike(spec, network, GradientDescent(learning_rate=spec.likeness.learning_rate), steps, seed)


def _decayed(spec: EarlyStopping, network: str, steps: int, seed: int) -> RunSpec:
    of = spec.likeness
    optimizer = Adam(learning_rate=of.decayed_rate, weight_decay=view.decay_like(of, steps))
    return _alike(spec, network, optimizer, of.decayed_steps, seed)


def _alike(spec: EarlyStopping, network: str, optimizer: GradientDescent | Adam, steps: int, seed: int) -> RunSpec:
    return RunSpec.model_validate(
        {
            "data": spec.likeness.data,
            "model": getattr(spec, network),
            "optimizer": optimizer,
            "batch_size": "full",
            "budget": f"{steps} steps",
            "seed": seed,
            "evaluations": Evaluations(early=0, regular=1),
        }
    )


def experiments(spec: EarlyStopping) -> Mapping[str, Experiment]:
    """Return what is computed on quadratics."""
    of = spec.descent
    return {
        "descent": Experiment({"descent": of}, lambda: exact.descent(of)),
        "likeness": Experiment({"descent": of}, lambda: exact.likeness(of)),
        "paths": Experiment({"descent": of}, lambda: exact.paths(of)),
    }


# --- What is measured ------------------------------------------------------------------------------------------------


def tasks(spec: EarlyStopping, cell: Cell) -> Sequence[Task]:
    """Return the measurement of gamma where descent was stopped, or where decay has its minimum."""
    if cell.arm not in ("stopped", "decayed"):
        return []
    of = spec.likeness
    stopped = Stopped(learning_rate=of.learning_rate, num_steps=cell.steps)
    shrinkage = stopped if cell.arm == "stopped" else Decayed(view.decay_like(of, cell.steps))

    def compute(run: Run) -> Measurement:
        return effective_parameters(run.loss(), run.params, shrinkage)

    return [Task(view.GAMMA, "train", compute)]


# --- What was found --------------------------------------------------------------------------------------------------


def evidence(spec: EarlyStopping, found: Findings[Cell]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    collected = _exact_evidence(found)
    for on in spec.curves:
        collected |= _curve_evidence(spec, found, on)
    for network in NETWORKS:
        collected |= _network_evidence(spec, found, network)
    return collected


def _exact_evidence(found: Findings[Cell]) -> dict[str, Evidence]:
    walks, alike, paths = (found.computed[name] for name in ("descent", "likeness", "paths"))
    x, shares, gap = alike["x"], (alike["stopped"], alike["decayed"]), np.abs(alike["stopped"] - alike["decayed"])
    near, far = x <= 0.1, x >= 10
    remainders = [np.abs(share[near] / x[near] - 1) / x[near] for share in shares]
    remainders += [np.abs(1 - share[far]) * x[far] for share in shares]
    return {
        "descent": Cases(np.abs(walks["walked"] - walks["formula"]).max(axis=1).ravel()),
        "gamma-grows": Cases(_gamma_errors(walks["walked"][:1])),
        "gamma-grows-at-any-rate": Cases(_gamma_errors(walks["walked"])),
        "same-limits": Cases(np.concatenate(remainders)),
        "equal-to-decay": Cases(gap),
        "largest-gap": Cases(np.array([abs(gap.max() - 0.204)])),
        "largest-gap-where": Cases(np.array([abs(x[gap.argmax()] - 2.5)])),
        "gap-at-0535": Cases(np.array([abs(exact.largest_gap(alike["stopped"], 0.535) - 0.103)])),
        "best-factor": Cases(np.array([abs(alike["best-factor"] - 0.532)])),
        "best-gap": Cases(np.array([abs(alike["best-gap"] - 0.102)])),
        "gap-at-any-rate": Cases(np.maximum(alike["few-gaps"] - 0.204, 0)),
        "path": Measured.of(mean(sample(paths["nearest"]))),
    }


def _gamma_errors(walked: np.ndarray) -> np.ndarray:
    """Return how far gamma starts from 0, ends from the number of directions with data, and falls, by walk."""
    gamma, needed = walked.sum(axis=-1), (walked[:, -1] > 0.5).sum(axis=-1)
    falls = np.maximum(-np.diff(gamma, axis=1), 0).max(axis=1)
    return np.concatenate([np.abs(gamma[:, 0]), np.abs(gamma[:, -1] - needed), falls])


def _curve_evidence(spec: EarlyStopping, found: Findings[Cell], on: LearningCurves) -> dict[str, Evidence]:
    loss = {split: view.curves(spec, found, on, split, "loss")[1] for split in ("train", "validation", "test")}
    error = {split: 100 * view.curves(spec, found, on, split, "error")[1] for split in ("validation", "test")}
    rises = np.where(np.isfinite(loss["train"]).all(axis=1), (np.diff(loss["train"], axis=1) > 0).mean(axis=1), np.nan)
    rows, best = np.arange(spec.seeds), view.stopping_look(spec, found, on)
    falls = loss["test"][:, 0] - loss["test"][rows, best]
    gained = {name: of["test"][:, -1] - of["test"][rows, best] for name, of in (("loss", loss), ("error", error))}
    by_rule = view.best_look(spec, found, on, "rule") - view.best_look(spec, found, on, "to the end")
    steps = {"train-falls": 1 / (loss["train"].shape[1] - 1), "error": one_test_example(on.data), "patience": 1.0}
    return {
        f"train-falls-{on.name}": _measured(rises, steps["train-falls"]),
        f"validation-turns-{on.name}": Measured(
            (
                Reading("falls", mean(sample(falls))),
                Reading("rises", mean(sample(fall_after_peak(loss["validation"], loss["test"])))),
            )
        ),
        f"validation-error-turns-{on.name}": _measured(fall_after_peak(error["validation"], error["test"])),
        f"stopping-loss-{on.name}": _measured(gained["loss"]),
        f"stopping-error-{on.name}": _measured(gained["error"], steps["error"]),
        f"patience-{on.name}": _measured(by_rule, steps["patience"]),
    }


def _network_evidence(spec: EarlyStopping, found: Findings[Cell], network: str) -> dict[str, Evidence]:
    steps = spec.likeness.steps
    gammas = {arm: view.gammas(spec, found, network, arm) for arm in ("stopped", "decayed")}
    errors = {arm: view.last_errors(spec, found, network, arm) for arm in ("stopped", "decayed")}
    apart = view.weights_apart(spec, found, network)
    pairs = list(itertools.pairwise(steps))
    grown = [paired(*gammas["stopped"].T[i : i + 2], scale=Scale.LOG) for i in range(len(pairs))]
    ratios = [paired(*both, scale=Scale.LOG) for both in zip(gammas["decayed"].T, gammas["stopped"].T, strict=True)]
    differences = [paired(*both) for both in zip(errors["decayed"].T, errors["stopped"].T, strict=True)]
    after = [f"after {count} steps" for count in steps]
    return {
        f"network-gamma-grows-{network}": Measured(
            tuple(Reading(f"{a} to {b} steps", one) for (a, b), one in zip(pairs, grown, strict=True))
        ),
        f"like-decay-gamma-{network}": Measured(tuple(map(Reading, after, ratios))),
        f"like-decay-error-{network}": Measured(tuple(map(Reading, after, differences))),
        f"like-decay-weights-{network}": Measured(
            tuple(Reading(name, mean(sample(column))) for name, column in zip(after, apart.T, strict=True))
        ),
    }


def _measured(values: np.ndarray, resolution: float | None = None) -> Measured:
    return Measured.of(mean(sample(values, resolution=resolution)))


def protocol(spec: EarlyStopping) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    of = spec.likeness
    held = ", ".join(f"{on.name} {on.data.num_train} and {on.data.num_validation}" for on in spec.curves)
    return [
        f"Examples trained on and held out: {held}; both have the same share of wrong labels, the test set has none.",
        "The look at which one would have stopped, the last left out, has the lowest held-out loss; what it is worth "
        "is read on the test set. The rise of the held-out loss is read at an epoch that other seeds chose.",
        "Networks are stopped by giving them a budget: those of one seed walk the same path on the full batch at a "
        f"rate of {of.learning_rate:g} and stop after {', '.join(map(str, of.steps))} steps.",
        f"Each stands beside a network with decay 1 / (rho tau), trained by Adam for {of.decayed_steps} updates with a "
        "rate that falls to 0, from the same start.",
        "Gamma is taken from the Gauss-Newton matrix of the data term, where the training ended.",
    ]


STUDY = Study(
    name="early-stopping",
    title="Early stopping",
    question="Training loss falls as long as one trains, and the loss on other examples falls and rises again. Here "
    "stopping at its lowest point is compared with training on, the formula of descent from the origin with walks, "
    "and early stopping with the weight decay that it is said to resemble.",
    source=SOURCE,
    presets={"quick": QUICK, "standard": STANDARD},
    cost={
        "quick": "43 s on two cores (160 trainings, 128 measurements, 3 experiments)",
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
