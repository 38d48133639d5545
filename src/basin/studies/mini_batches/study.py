"""Batch, mini-batch and single-example descent: what the noise of a mini-batch costs, and what it is good for.

**Source.** Bishop & Bishop, "Deep Learning" (2024), sections 7.2.3 to 7.2.5, as slides 13 to 16 of document 001 give
them; document 003, lines 11 to 41.

**Design.** Three kinds of evidence. *Experiments on gradients*: the error of a mini-batch gradient of a network without
batch normalisation, at several moments of a training, against sigma from the gradients of its examples; descent on a
set against descent on the same set twice over, at equal updates. *Experiments on a sum of one-dimensional functions*
whose mean has a local minimum (not a saddle: rounding frees batch descent from that too): who leaves it, at equal
updates. *Trainings*: one example, a mini-batch or the whole set an update, each with the learning rate that did best
on the other seeds; and four orders of the examples at one rate and equal updates.

**Mean or sum.** Document 003 minimises the mean of the losses, slide 14 their sum. Every rate here is for the mean; for
the sum of N terms it is to be divided by N, and `sum-and-mean` tests that this is the whole difference.

**Expected signature.** Error sigma / sqrt(B); copies change nothing for single examples and double the cost of batch
descent; mini-batches need the fewest passes, the whole set the fewest updates; only noise leaves the local minimum.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from basin.optim import GradientDescent
from basin.spec.mini_batches import Cost, MiniBatches, Noise
from basin.spec.run import Evaluations, RunSpec
from basin.stats import Scale, mean, paired, sample, scaled_errors
from basin.studies.claim import Cases, Evidence, Measured, Reading
from basin.studies.experiment import Computed
from basin.studies.mini_batches import view
from basin.studies.mini_batches.claims import claims
from basin.studies.mini_batches.experiments import experiments, stationary_points
from basin.studies.mini_batches.view import ORDERS, Cell
from basin.studies.runs import crossing, one_test_example
from basin.studies.study import Findings, Study

# --- What is run -----------------------------------------------------------------------------------------------------

QUICK = MiniBatches()

STANDARD = MiniBatches(
    seeds=20,
    rates=(0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8),
    passes=(12, 40, 1000),
    noise=Noise(examples=1437, batch_sizes=(1, 3, 10, 30, 100, 300, 1000), passes=200),
    cost=Cost(examples=100_000),
)

LOOKS = Evaluations(early=6, regular=12)


def runs(spec: MiniBatches) -> Mapping[Cell, RunSpec]:
    """Return the runs: three sizes of batch at every rate, and four orders at one, each for every seed."""
    return dict(_runs(spec))


def _runs(spec: MiniBatches) -> Iterator[tuple[Cell, RunSpec]]:
    for seed in range(spec.seeds):
        for (arm, size), passes in zip(view.sizes(spec).items(), spec.passes, strict=True):
            for rate in spec.rates:
                yield Cell(arm, rate, seed), _run(spec, size, rate, passes, seed)
        for order in ORDERS:
            one = _run(spec, spec.mini_batch, spec.order_rate, spec.passes[1], seed)
            yield Cell(order, spec.order_rate, seed), one.replace(order=order)


def _run(spec: MiniBatches, size: int, rate: float, passes: int, seed: int) -> RunSpec:
    return RunSpec.model_validate(
        {
            "data": spec.data,
            "model": spec.model,
            "optimizer": GradientDescent(learning_rate=rate),
            "batch_size": size,
            "budget": f"{passes} epochs",
            "seed": seed,
            "evaluations": LOOKS,
        }
    )


# --- What was found --------------------------------------------------------------------------------------------------


def evidence(spec: MiniBatches, found: Findings[Cell]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    computed = found.computed
    return {
        **_on_noise(spec, computed["noise"]),
        **_on_copies(spec, computed["copies"]),
        **_on_descent(spec, found),
        **_on_orders(spec, found),
        **_on_cost(spec, computed["cost"]),
        **_on_escape(spec, computed["escape"]),
    }


def _on_noise(spec: MiniBatches, noise: Computed) -> Mapping[str, Evidence]:
    how, n = spec.noise, spec.noise.examples
    sizes = np.array(how.batch_sizes, float)
    replaced, unreplaced, sigma = noise["replaced"], noise["unreplaced"], noise["sigma"][..., None]
    slope = view.slopes(sizes, replaced) + 0.5
    level = view.geometric_mean(replaced * np.sqrt(sizes) / sigma)
    finite = view.geometric_mean(unreplaced[..., :-1] / view.unreplaced_error(sigma, sizes, n))
    hundredfold = view.geometric_mean(view.hundredfold(how, replaced))
    halves = noise["halves"][..., 1] / noise["halves"][..., 0]
    formula = np.sqrt(((2 * n - n // 2) / (2 * n - 1)) / ((n - n // 2) / (n - 1)))
    return {
        "noise-slope": _by_moment(spec, slope, Scale.NATURAL),
        "noise-hundredfold": _one(hundredfold / 10, Scale.LOG),
        "noise-sigma": _by_moment(spec, level, Scale.LOG),
        "noise-without-replacement": _by_moment(spec, finite, Scale.LOG),
        "noise-whole-set": Cases((unreplaced[..., -1] / noise["sigma"]).ravel()),
        "copies-without-replacement": _one(view.geometric_mean(halves) / formula, Scale.LOG),
    }


def _by_moment(spec: MiniBatches, values: np.ndarray, scale: Scale) -> Measured:
    names = (f"after {moment} updates" for moment in spec.noise.moments)
    return Measured(
        tuple(Reading(name, mean(sample(row, scale=scale))) for name, row in zip(names, values.T, strict=True))
    )


def _one(values: np.ndarray, scale: Scale = Scale.NATURAL) -> Measured:
    return Measured.of(mean(sample(values, scale=scale)))


def _on_copies(spec: MiniBatches, copies: Computed) -> Mapping[str, Evidence]:
    how = spec.copies
    looks = how.look_every * np.arange(copies["once_loss"].shape[1])
    once, twice = (
        np.array([crossing(looks, loss, how.train_loss) for loss in copies[f"{name}_loss"]])
        for name in ("once", "own_order")
    )
    ends, largest = copies["once_end"], np.abs(copies["once_end"]).max(axis=1)
    path = copies["batch_points"]
    size = np.abs(path).max(axis=1)
    loss = copies["batch_loss"]
    return {
        "copies-stochastic": Measured.of(paired(once, twice, scale=Scale.LOG)),
        "copies-identical": Cases(scaled_errors(copies["same_order_end"], ends, largest)),
        "copies-batch-iterates": Cases(scaled_errors(copies["doubled_points"], path, size)),
        "copies-batch-cost": Cases(np.array([abs(view.batch_cost_ratio(copies.arrays) / 2 - 1)])),
        "sum-and-mean": Cases(scaled_errors(copies["summed_points"], path, size)),
        "descent-lowers": Cases(np.maximum(0, np.diff(loss)) / loss[0]),
    }


def _on_descent(spec: MiniBatches, found: Findings[Cell]) -> Mapping[str, Evidence]:
    steps = {arm: view.chosen(view.steps_to_target(spec, found, arm)) for arm in view.ARMS}
    passes = {arm: steps[arm] * size / view.num_examples(spec) for arm, size in view.sizes(spec).items()}
    early = {arm: view.loss_within_a_pass(spec, found, arm) for arm in view.ARMS}
    smaller = [arm for arm in view.ARMS if arm != "batch"]
    return {
        "first-pass": Measured(tuple(Reading(arm, paired(early[arm], early["batch"])) for arm in smaller)),
        "passes-to-target": Measured(
            tuple(Reading(arm, paired(passes[arm], passes["batch"], scale=Scale.LOG)) for arm in smaller)
        ),
        "steps-to-target": Measured(
            tuple(
                Reading(f"{small} over {large}", paired(steps[large], steps[small], scale=Scale.LOG))
                for small, large in itertools.pairwise(view.ARMS)
            )
        ),
    }


def _on_orders(spec: MiniBatches, found: Findings[Cell]) -> Mapping[str, Evidence]:
    def readings(split: str, metric: str, factor: float, **how: Any) -> Measured:
        last = {order: factor * view.last(spec, found, order, split, metric) for order in ORDERS}
        kept = ("cyclic", "fixed")
        return Measured(tuple(Reading(order, paired(last["reshuffled"], last[order], **how)) for order in kept))

    return {
        "order-loss": readings("train", "loss", 1, scale=Scale.LOG),
        "order-test": readings("test", "error", 100, resolution=one_test_example(spec.data)),
    }


def _on_cost(spec: MiniBatches, cost: Computed) -> Mapping[str, Evidence]:
    sizes, speed = cost["sizes"], view.speed(cost)
    usual = [int(np.flatnonzero(sizes == size)[0]) for size in view.usual(spec)]
    best = int(np.median(speed, axis=1).argmax())
    relative = speed / np.median(speed[best])
    return {
        "single-example-speed": Measured.of(paired(speed[0], speed[usual[0]], scale=Scale.LOG)),
        "usual-sizes-speed": Measured(
            tuple(Reading(f"B = {sizes[i]}", mean(sample(relative[i], scale=Scale.LOG))) for i in usual),
            note=f"fastest: B = {sizes[best]}; knee: B = {view.knee(cost):.3g}",
        ),
        "memory": Cases(view.memory_errors(cost, view.usual(spec)[0])),
    }


def _on_escape(spec: MiniBatches, escape: Computed) -> Mapping[str, Evidence]:
    sizes = spec.escape.batch_sizes
    single, largest = (escape[f"size {size}"] for size in (sizes[0], sizes[-1]))
    orders = {order: escape[order][-1] for order in ORDERS}
    kept = ("cyclic", "fixed")
    return {
        "escape-batch": Cases(escape["batch"].ravel()),
        "escape-single": Measured.of(mean(sample(1 - single[-1], resolution=1 / spec.escape.walks))),
        "escape-rate": _one(single[-1] - single[0]),
        "escape-size": _one(single[-1] - largest[-1]),
        "escape-order": Measured(tuple(Reading(name, paired(orders[name], orders["reshuffled"])) for name in kept)),
    }


def protocol(spec: MiniBatches) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    low, top, high = stationary_points(spec.escape.tilt)
    return [
        "Every learning rate is for the mean of the losses (document 003); for their sum (slide 14) it is to be "
        f"divided by the number of terms, {view.num_examples(spec)} for a batch of the whole set.",
        f"Mini-batch noise: the set is the first {spec.noise.examples} examples; for each size, moment and training "
        f"({spec.seeds}), {spec.noise.passes} times as many are drawn and cut into mini-batches. No batch "
        "normalisation, which would make the gradient of an example depend on its batch.",
        "Copies, escapes and orders are compared at equal updates, not at equal epochs.",
        f"Each batch size has the rate, among {', '.join(f'{rate:g}' for rate in spec.rates)}, that reached the "
        f"training loss {spec.train_loss:g} in the fewest updates on all other seeds.",
        "Steps to a loss are read between two looks by a straight line in the logarithm of the loss.",
        f"Escape: the mean has minima at {low:.3g} and {high:.3g} and a barrier at {top:.3g}; walks begin within "
        f"{spec.escape.spread:g} of the higher minimum, where the second derivative is {3 * high**2 - 1:.3g}: a "
        "minimum, no saddle. A walk has left once it was beyond the barrier.",
        "Seconds are those of the machine named below; they decide the two claims about speed and nothing else.",
    ]


STUDY = Study(
    name="mini-batches",
    title="Batch, mini-batch and single-example descent",
    question="How noisy is the gradient of a mini-batch, what does the noise cost, and what is it good for? Descent "
    "with one example, a mini-batch and the whole set an update is compared in passes, updates, seconds and memory, "
    "on a set and on the same set twice over, and in a local minimum that holds batch descent.",
    source="Bishop & Bishop 2024, section 7.2; document 003",
    presets={"quick": QUICK, "standard": STANDARD},
    cost={"quick": "56 s on two cores", "standard": "not measured"},
    protocol=protocol,
    claims=claims,
    runs=runs,
    experiments=experiments,
    evidence=evidence,
    figures=view.figures,
    tables=view.tables,
)
