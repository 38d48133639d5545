"""Who races where, and what is kept of it: walks over a surface, trainings of a network.

Both give the same arrays for each rule, so that one page can show either:

| array | what |
|---|---|
| `rates`, `reached`, `best` | the learning rates tried, what each reached on the tuning starts, which is chosen |
| `at`, `heights` | the steps at which the ranking is looked at, and each start's height there, NaN once diverged |
| `points`, `values`, `left_at` | on a surface: the walk of the picture |
| `test_errors` | of a network: at the same steps |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from basin.loss.precision import arithmetic
from basin.spec.base import unknown_name
from basin.spec.optimizer import Optimizer
from basin.spec.race import NetworkRace, Race, SurfaceRace
from basin.spec.run import Evaluations, RunSpec
from basin.studies.experiment import Experiment
from basin.studies.race.tuning import Tuning, tune
from basin.surfaces import SURFACES, Surface, on_grid, trajectories
from basin.training.run import Run
from basin.training.train import train

TUNING, RANKING = 1, 2
"""Which of two streams of starts a number is drawn from."""

TUNING_SEEDS_FROM = 1_000_000
"""Seeds of a network's tuning begin here, out of reach of those of the ranking."""

BOTTOM = 1e-12
"""Height that counts as the very bottom: lower ones are equal."""

GRID = 121
"""Points a side of the picture of a surface."""

SLOTS = 8
"""Trainings side by side, where the specification does not say; one number for all, hence one program for all."""

USUAL_STARTS = {
    "beale": (1.0, 1.5),
    "booth": (-8.0, 8.0),
    "himmelblau": (0.0, 0.0),
    "monkey-saddle": (1.2, 0.05),
    "rastrigin": (3.3, -2.7),
    "ravine": (-9.0, 2.5),
    "rosenbrock": (-1.2, 1.0),
    "saddle": (1.2, 0.01),
    "valley": (1.8, 0.02),
}
"""Where the walks of a picture begin; on the valley and the saddle beside the ridge that leads to the saddle point."""


def scene(spec: SurfaceRace) -> Surface:
    """Return the surface of a race, with a start that fits it.

    Raises:
        ValueError: There is no surface of this name, it has another dimension than two, or the start lies outside.
    """
    if spec.surface not in SURFACES:
        raise ValueError(unknown_name(spec.surface, [*SURFACES, "network"], "scene"))
    surface = SURFACES[spec.surface]
    if surface.dimension != 2:
        raise ValueError(f"expected a surface over 2 coordinates, got {surface.dimension} on '{surface.name}'")
    if spec.start is not None:
        surface.check_starts(spec.start)
    return surface


def experiments(spec: Race) -> Mapping[str, Experiment]:
    """Return one experiment for each rule, and one for the ground that they walk on."""
    shared = {name: getattr(spec, name) for name in ("rates", "per_decade", "most_rates", "tuning_seeds", "seeds")}
    if isinstance(spec, SurfaceRace):
        surface = scene(spec)
        shared |= {"surface": spec.surface, "steps": spec.steps, "start": list(picture_start(spec))}
        shared["around"] = spec.around
        ground = Experiment({"surface": spec.surface, "grid": GRID}, lambda: _ground(surface))
        return {"surface": ground, **{name: _on_surface(spec, surface, name, shared) for name in spec.optimizers}}
    assert isinstance(spec, NetworkRace)
    own = ("data", "model", "batch_size", "looks")
    shared |= {name: getattr(spec, name) for name in own} | {"budget": str(spec.budget), "slots": spec.slots or SLOTS}
    return {name: _on_network(spec, name, shared) for name in spec.optimizers}


def picture_start(spec: SurfaceRace) -> tuple[float, ...]:
    """Return where the walks of the picture begin."""
    surface = scene(spec)
    between = tuple((0.75 * np.array(surface.lower) + 0.25 * np.array(surface.upper)).tolist())
    return spec.start or USUAL_STARTS.get(spec.surface, between)


def starts(spec: SurfaceRace, stream: int, count: int) -> Float[np.ndarray, "count dimension"]:
    """Return starts drawn evenly from the box around the picture's start; more of them begin with the same ones."""
    lower, upper = np.array(scene(spec).lower), np.array(scene(spec).upper)
    half = spec.around * (upper - lower) / 2
    low, high = (np.clip(picture_start(spec) + side, lower, upper) for side in (-half, half))
    return np.array([np.random.default_rng([stream, seed]).uniform(low, high) for seed in range(count)])


def floor(surface: Surface, values: Float[np.ndarray, "rows columns"]) -> float:
    """Return the value from which heights are counted: that of the known minima, or the lowest in the picture."""
    if surface.minima:
        with arithmetic("float64"):
            return min(float(surface(jnp.array(minimum))) for minimum in surface.minima)
    return float(np.nanmin(values))


def _ground(surface: Surface) -> Mapping[str, Any]:
    grid = on_grid(surface, GRID)
    return {**grid._asdict(), "floor": np.float64(floor(surface, grid.values))}


def _tuned(spec: Race, rule: Optimizer, reach: Any) -> Tuning:
    middle = rule.learning_rate.value  # pyright: ignore[reportAttributeAccessIssue]  the specification admits constants
    return tune(reach, middle, count=spec.rates, per_decade=spec.per_decade, most=spec.most_rates)


def _arrays(tuning: Tuning) -> dict[str, np.ndarray]:
    return {"rates": tuning.rates, "reached": tuning.reached, "best": np.int64(tuning.best)}  # pyright: ignore[reportReturnType]


# --- On a surface ----------------------------------------------------------------------------------------------------


def _on_surface(spec: SurfaceRace, surface: Surface, name: str, shared: Mapping[str, Any]) -> Experiment:
    rule = getattr(spec.rules, name)
    return Experiment({**shared, "rule": rule}, lambda: _walk(spec, surface, rule))


def _walk(spec: SurfaceRace, surface: Surface, rule: Optimizer) -> Mapping[str, Any]:
    """Choose the rate of one rule, then walk from the starts of the ranking and from that of the picture."""
    low = float(_ground(surface)["floor"])
    practice = starts(spec, TUNING, spec.tuning_seeds)

    def reach(rates: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        filled = [
            *rates,
            *[rates[-1]] * (spec.rates - len(rates)),
        ]  # an extension then runs in the first grid's program
        rules = [rule.replace(learning_rate=rate) for rate in filled]
        walks = trajectories(surface, practice, rules, num_steps=spec.steps)[: len(rates)]
        heights = np.array([_heights(walk.values, low) for walk in walks])
        at_bottom = heights <= BOTTOM
        first = np.where(at_bottom.any(axis=-1), at_bottom.argmax(axis=-1), np.inf)
        return heights[..., -1], first

    tuning = _tuned(spec, rule, reach)
    best = rule.replace(learning_rate=float(tuning.rates[tuning.best]))
    everywhere = np.concatenate([[picture_start(spec)], starts(spec, RANKING, spec.seeds)])
    (walk,) = trajectories(surface, everywhere, [best], num_steps=spec.steps)
    return {
        **_arrays(tuning),
        "at": np.arange(spec.steps + 1),
        "heights": _heights(walk.values[1:], low),
        "points": walk.points[0],
        "values": walk.values[0],
        "left_at": np.int64(walk.left_at[0]),
    }


def _heights(values: np.ndarray, low: float) -> np.ndarray:
    return np.maximum(values - low, BOTTOM)  # NaN stays NaN


# --- On a network ----------------------------------------------------------------------------------------------------


def _on_network(spec: NetworkRace, name: str, shared: Mapping[str, Any]) -> Experiment:
    rule = getattr(spec.rules, name)
    return Experiment({**shared, "rule": rule}, lambda: _train(spec, rule))


def _train(spec: NetworkRace, rule: Optimizer) -> Mapping[str, Any]:
    """Choose the rate of one rule, then train on the seeds of the ranking."""

    def trained(rates: Sequence[float], seeds: Sequence[int]) -> list[Run]:
        runs = [run_spec(spec, rule.replace(learning_rate=rate), seed) for rate in rates for seed in seeds]
        return train(runs, slots=spec.slots or SLOTS)

    def reach(rates: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        practice = range(TUNING_SEEDS_FROM, TUNING_SEEDS_FROM + spec.tuning_seeds)
        last = [_curve(run, "train", "loss")[-1] for run in trained(rates, practice)]
        losses = np.array(last).reshape(len(rates), -1)
        return losses, np.full(losses.shape, np.inf)

    tuning = _tuned(spec, rule, reach)
    runs = trained([float(tuning.rates[tuning.best])], range(spec.seeds))
    return {
        **_arrays(tuning),
        "at": np.array(runs[0].spec.evaluations.steps(runs[0].spec.num_steps)),
        "heights": np.array([_curve(run, "train", "loss") for run in runs]),
        "test_errors": np.array([_curve(run, "test", "error") for run in runs]),
    }


def run_spec(spec: NetworkRace, rule: Optimizer, seed: int) -> RunSpec:
    """Return one training of a race."""
    return RunSpec(
        data=spec.data,
        model=spec.model,
        optimizer=rule,
        batch_size=spec.batch_size,
        budget=spec.budget,
        seed=seed,
        evaluations=Evaluations(early=0, regular=spec.looks),
    )


def _curve(run: Run, split: str, metric: str) -> np.ndarray:
    """Return a metric at every look, NaN from where a run diverged on."""
    looks = run.spec.evaluations.steps(run.spec.num_steps)
    where, values = run.history.curve(split, metric)
    known = dict(zip(where.tolist(), values.tolist(), strict=True))
    lost = run.outcome.step if run.outcome.kind in ("diverged", "failed") else np.inf
    return np.array([known.get(look, np.nan) if look < lost else np.nan for look in looks])
