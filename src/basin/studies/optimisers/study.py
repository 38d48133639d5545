"""The optimisers side by side: which is fastest, which generalises best, and which forgives its learning rate?

**Source.** The comparison that closes the document on the mathematics of optimisers (gradient descent, mini-batches,
momentum, RMSProp, Adam; contours and time evolution), and Bishop & Bishop, Deep Learning (2024), section 7.3.

**Design.** Every optimiser gets the same number of learning rates, the same number of steps and the same batches. The
rate of each is chosen on seeds and held-out examples (on surfaces: on starts) that the ranking never uses. Loss on the
training set and error on the test set are ranked apart, because the fastest need not be the best. A best rate at the
end of the grid is said: that optimiser was not given its chance.

**Expected signature.** Momentum needs several times fewer steps than descent in a ravine; adaptive rules reach a low
training loss over a wider range of rates; test errors of well tuned rules differ by little.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from basin.loss.precision import arithmetic
from basin.spec.budget import Budget
from basin.spec.data import Digits, Glyphs
from basin.spec.optimisers import Arm, Optimisers, Scene
from basin.spec.optimisers import Task as Network
from basin.spec.run import Evaluations, RunSpec
from basin.spec.schedule import Constant
from basin.stats import Direction, Scale, paired
from basin.studies.claim import Claim, Evidence, Measured, Reading, ratio
from basin.studies.experiment import Experiment
from basin.studies.optimisers import view
from basin.studies.optimisers.view import Cell
from basin.studies.study import Findings, Study
from basin.surfaces import surface, trajectories

SOURCE = "Optimisers from gradient descent to Adam"
BISHOP = "Bishop & Bishop 2024, section 7.3"

# --- What is run -----------------------------------------------------------------------------------------------------


def grid(low: float, high: float, count: int) -> tuple[float, ...]:
    """Return learning rates from `low` to `high` by a constant factor, to three digits."""
    return tuple(float(f"{rate:.3g}") for rate in np.geomspace(low, high, count))


QUICK = Optimisers(
    seeds=6,
    tuning_seeds=2,
    rates=grid(1e-4, 10.0, 7),
    tasks=(
        Network(name="digits", data=Digits(num_validation=237), epochs=5),
        Network(
            name="glyphs",
            data=Glyphs(size=8, difficulty=0.3, num_train=1200, num_test=2000, num_validation=300),
            epochs=5,
        ),
    ),
    scenes=(
        Scene(surface="ravine"),
        Scene(surface="beale"),
        Scene(surface="rosenbrock", num_steps=1000),
        Scene(surface="valley"),
    ),
    surface_rates=grid(1e-5, 100.0, 22),
)

STANDARD = QUICK.replace(
    seeds=14,
    tuning_seeds=4,
    rates=grid(1e-5, 10.0, 19),
    tasks=tuple(task.replace(epochs=40) for task in QUICK.tasks),
    surface_rates=grid(1e-5, 100.0, 43),
    starts=256,
)


def runs(spec: Optimisers) -> Mapping[Cell, RunSpec]:
    """Return every optimiser at every rate for every seed, on every network."""
    return {
        Cell(task.name, arm.name, index, seed): RunSpec(
            data=task.data,
            model=task.model,
            optimizer=at_rate(arm, rate),
            batch_size=task.batch_size,
            budget=Budget.model_validate(f"{task.epochs} epochs"),
            seed=seed,
            evaluations=Evaluations(early=0, regular=3),
        )
        for task in spec.tasks
        for arm in spec.arms
        for index, rate in enumerate(spec.rates)
        for seed in range(spec.seeds)
    }


def at_rate(arm: Arm, rate: float):
    """Return an arm's optimiser at a constant learning rate."""
    return arm.optimizer.replace(learning_rate=Constant(value=rate))


# --- What is walked --------------------------------------------------------------------------------------------------


def experiments(spec: Optimisers) -> Mapping[str, Experiment]:
    """Return the walks over each surface."""
    return {
        scene.surface: Experiment(
            {"scene": scene, "arms": list(spec.arms), "rates": list(spec.surface_rates), "starts": spec.starts},
            functools.partial(walks, scene, spec.arms, spec.surface_rates, spec.starts),
        )
        for scene in spec.scenes
    }


def walks(scene: Scene, arms: Sequence[Arm], rates: Sequence[float], num_starts: int) -> dict[str, np.ndarray]:
    """Walk over a surface with every optimiser at every rate from random starts.

    Returns:
        `steps` (arms, rates, starts): the first step at the target, or one more than there are; and `starts`.
    """
    where = surface(scene.surface)
    inner = 0.5 * np.asarray(where.upper) + 0.5 * np.asarray(where.lower), 0.4 * np.subtract(where.upper, where.lower)
    starts = inner[0] + inner[1] * np.random.default_rng(0).uniform(-1, 1, (num_starts, where.dimension))
    with arithmetic("float64"):
        lowest = float(where(jnp.asarray(where.minima[0])))
    steps = np.empty((len(arms), len(rates), num_starts))
    for row, arm in enumerate(arms):
        found = trajectories(where, starts, [at_rate(arm, rate) for rate in rates], num_steps=scene.num_steps)
        for column, walk in enumerate(found):
            with np.errstate(over="ignore"):  # a walk on its way out
                share = (walk.values - lowest) / (walk.values[:, :1] - lowest)
            reached = share <= scene.share
            steps[row, column] = np.where(reached.any(axis=1), reached.argmax(axis=1), scene.num_steps + 1)
    return {"steps": steps, "starts": starts}


# --- What is claimed -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contrast:
    """Two optimisers that a claim compares."""

    id: str
    faster: str
    slower: str
    statement: str
    source: str
    inventory: tuple[str, ...]


STEP_CONTRASTS = (
    Contrast(
        "momentum",
        "momentum",
        "descent",
        "Momentum takes fewer steps to the minimum than gradient descent",
        f"{SOURCE}, momentum",
        ("O17", "O22", "O23", "O26"),
    ),
    Contrast(
        "rmsprop",
        "rmsprop",
        "descent",
        "RMSProp takes fewer steps to the minimum than gradient descent",
        f"{SOURCE}, RMSProp",
        ("O28",),
    ),
    Contrast(
        "adam",
        "adam",
        "descent",
        "Adam takes fewer steps to the minimum than gradient descent",
        f"{SOURCE}, Adam",
        ("O34",),
    ),
)

LOSS_CONTRASTS = (
    Contrast(
        "momentum-loss",
        "momentum",
        "descent",
        "Momentum reaches a lower training loss than SGD without it in the same number of steps",
        f"{SOURCE}, momentum",
        ("O26", "O27", "B27c"),
    ),
    Contrast(
        "adam-loss",
        "adam",
        "descent",
        "Adam reaches a lower training loss than SGD in the same number of steps",
        f"{SOURCE}, Adam",
        ("O34", "O36"),
    ),
    Contrast(
        "adaptive-loss",
        "rmsprop",
        "descent",
        "Rates of their own for each parameter are effective all the same: RMSProp against SGD",
        BISHOP,
        ("B28e", "O31"),
    ),
)


def claims(spec: Optimisers) -> Sequence[Claim]:
    """Return the claims."""
    return [
        *(claim for scene in spec.scenes for claim in _claims_on_surface(scene)),
        *(claim for task in spec.tasks for claim in _claims_on_network(task)),
    ]


def _claims_on_surface(scene: Scene) -> Iterator[Claim]:
    for contrast in STEP_CONTRASTS:
        yield ratio(
            id=f"steps-{contrast.id}-{scene.surface}",
            statement=f"{contrast.statement} ({scene.surface}).",
            source=contrast.source,
            refuted_by="as many steps, or fewer than 1.2 times as many, by gradient descent",
            statistic=f"ratio of steps to {scene.share:g} of the way in value, {contrast.slower} over "
            f"{contrast.faster}, each at its own rate; a walk that does not arrive counts {scene.num_steps + 1}",
            direction=Direction.GREATER,
            factor=1.2,
            inventory=contrast.inventory,
            resampled="starts",
        )


def _claims_on_network(task: Network) -> Iterator[Claim]:
    for contrast in LOSS_CONTRASTS:
        yield ratio(
            id=f"{contrast.id}-{task.name}",
            statement=f"{contrast.statement} ({task.name}).",
            source=contrast.source,
            refuted_by="a training loss that is not lower by at least a factor 1.2",
            statistic=f"ratio of training losses after {task.epochs} epochs, {contrast.slower} over {contrast.faster}, "
            "each at its own rate",
            direction=Direction.GREATER,
            factor=1.2,
            inventory=contrast.inventory,
        )
    yield Claim(
        id=f"test-error-{task.name}",
        statement=f"Tuned alike, Adam and SGD with momentum generalise alike ({task.name}).",
        source="Choi et al. 2019, On empirical comparisons of optimizers",
        refuted_by="test errors that differ by 0.5 points or more",
        statistic="test error at the end, Adam minus momentum, each at its own rate",
        direction=Direction.SAME,
        smallest_effect=0.5,
        unit="points",
        inventory=("O34",),
    )
    yield Claim(
        id=f"range-{task.name}",
        statement=f"Adam forgives its learning rate: the range of good rates is wider than SGD's ({task.name}).",
        source="Kingma & Ba 2015, section 6",
        refuted_by="a range not wider by 0.3 in log10, a factor 2",
        statistic="log10 of the ratio between the largest and the smallest rate whose test error is within 2 points of "
        "the optimiser's best, Adam minus SGD without momentum",
        direction=Direction.GREATER,
        smallest_effect=0.3,
        unit="log10",
        inventory=("B22a",),
    )


# --- What was found --------------------------------------------------------------------------------------------------


def evidence(spec: Optimisers, found: Findings[Cell]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim, paired by start or by seed."""
    collected: dict[str, Evidence] = {}
    for scene in spec.scenes:
        for contrast in STEP_CONTRASTS:
            slower, faster = (view.ranked_steps(spec, found, scene, arm) for arm in (contrast.slower, contrast.faster))
            note = view.edge_note(spec, found, scene, (contrast.slower, contrast.faster))
            reading = Reading("", paired(np.maximum(faster, 1), np.maximum(slower, 1), scale=Scale.LOG))
            collected[f"steps-{contrast.id}-{scene.surface}"] = Measured((reading,), note=note)
    for task in spec.tasks:
        collected |= _evidence_on_network(spec, found, task)
    return collected


def _evidence_on_network(spec: Optimisers, found: Findings[Cell], task: Network) -> dict[str, Evidence]:
    collected: dict[str, Evidence] = {}
    for contrast in LOSS_CONTRASTS:
        slower, faster = (
            view.ranked(spec, found, task, arm, "train", "loss") for arm in (contrast.slower, contrast.faster)
        )
        note = view.edge_note(spec, found, task, (contrast.slower, contrast.faster))
        collected[f"{contrast.id}-{task.name}"] = Measured.of(paired(faster, slower, scale=Scale.LOG), note=note)
    momentum, adam = (100 * view.ranked(spec, found, task, arm, "test", "error") for arm in ("momentum", "adam"))
    note = view.edge_note(spec, found, task, ("momentum", "adam"))
    collected[f"test-error-{task.name}"] = Measured.of(paired(momentum, adam), note=note)
    descent, adam = (view.good_range(spec, found, task, arm) for arm in ("descent", "adam"))
    collected[f"range-{task.name}"] = Measured.of(paired(descent, adam))
    return collected


def protocol(spec: Optimisers) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    return [
        f"Each optimiser has the same {len(spec.rates)} learning rates on networks ({spec.rates[0]:g} to "
        f"{spec.rates[-1]:g}) and the same {len(spec.surface_rates)} on surfaces ({spec.surface_rates[0]:g} to "
        f"{spec.surface_rates[-1]:g}); its other numbers are those of its paper, momentum 0.9.",
        f"On networks a rate is chosen by the least mean loss on held-out examples at the end over seeds 0 to "
        f"{spec.tuning_seeds - 1}; ranked are seeds {spec.tuning_seeds} to {spec.seeds - 1}. A rate at which a run "
        "diverges is not chosen.",
        f"On surfaces a rate is chosen by the least geometric mean of steps over {spec.starts // 2} starts and the "
        "others rank; starts are uniform in the inner four fifths of the region.",
        "The same seed gives every optimiser the same initial weights and the same batches. The loss is the mean over "
        "examples; with the sum over N examples every rate would be N times smaller.",
    ]


STUDY = Study(
    name="optimisers",
    title="The optimisers side by side",
    question="Gradient descent, momentum, Nesterov's momentum, AdaGrad, RMSProp, Adam and Adadelta, each at the best "
    "of the same learning rates: which is fastest, which generalises best, and which forgives a wrong rate?",
    source=SOURCE,
    presets={"quick": QUICK, "standard": STANDARD},
    cost={"quick": "56 s on two cores (588 trainings, walks over 4 surfaces)", "standard": "not measured"},
    protocol=protocol,
    claims=claims,
    evidence=evidence,
    figures=view.figures,
    runs=runs,
    experiments=experiments,
    tables=view.tables,
)
