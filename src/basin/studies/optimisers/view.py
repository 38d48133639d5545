"""The findings of the study `optimisers` as arrays, figures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from basin.figures import curves as curve_figure
from basin.figures import lines
from basin.figures.figure import Figure
from basin.spec.optimisers import Optimisers, Scene, Task
from basin.stats import Scale
from basin.studies import runs, views
from basin.studies.study import Findings, Table
from basin.studies.tuning import Tuned, on_first, on_halves

GOOD = 0.02
"""A learning rate is good when its test error is at most this far above the optimiser's best."""


@dataclass(frozen=True)
class Cell:
    """One run's place in the design: a network, an optimiser, a learning rate by its place in the grid, a seed."""

    task: str
    arm: str
    rate: int
    seed: int


# --- Arrays ----------------------------------------------------------------------------------------------------------


def at_end(spec: Optimisers, found: Findings[Cell], task: Task, arm: str, split: str, metric: str) -> np.ndarray:
    """Return a metric at the end, (rates, seeds); NaN where the run did not end."""
    rates, seeds = range(len(spec.rates)), range(spec.seeds)
    at_rates = [[found.runs[Cell(task.name, arm, rate, seed)] for seed in seeds] for rate in rates]
    return np.stack([runs.at_end(members, split, metric) for members in at_rates])


def tuned(spec: Optimisers, found: Findings[Cell], where: Task | Scene, arm: str) -> Tuned:
    """Choose an optimiser's learning rate on the seeds, or starts, that the ranking does not use.

    On a network it is the rate of the least mean loss on held-out examples, on a surface that of the fewest steps.
    """
    if isinstance(where, Task):
        losses = at_end(spec, found, where, arm, "validation", "loss")
        return on_first(losses, spec.tuning_seeds, scale=Scale.NATURAL)
    return on_halves(np.maximum(_steps(spec, found, where, arm), 1))


def chosen_rate(spec: Optimisers, found: Findings[Cell], where: Task | Scene, arm: str) -> int:
    """Return the place in the grid of the rate that was chosen for an optimiser."""
    return int(tuned(spec, found, where, arm).index[0])


def ranked(spec: Optimisers, found: Findings[Cell], task: Task, arm: str, split: str, metric: str) -> np.ndarray:
    """Return a metric at the end at the chosen rate, for the seeds that rank."""
    table = at_end(spec, found, task, arm, split, metric)
    return table[chosen_rate(spec, found, task, arm), spec.tuning_seeds :]


def ranked_steps(spec: Optimisers, found: Findings[Cell], scene: Scene, arm: str) -> np.ndarray:
    """Return the steps to the target at the chosen rate, for the starts that rank."""
    return _steps(spec, found, scene, arm)[chosen_rate(spec, found, scene, arm), spec.starts // 2 :]


def good_range(spec: Optimisers, found: Findings[Cell], task: Task, arm: str) -> np.ndarray:
    """Return log10 of the largest over the smallest good rate, for the seeds that rank."""
    errors = at_end(spec, found, task, arm, "test", "error")[:, spec.tuning_seeds :]
    errors = np.where(np.isfinite(errors), errors, np.inf)
    good = errors <= errors.min(axis=0) + GOOD
    rates = np.log10(spec.rates)[:, None]
    return np.where(good, rates, -np.inf).max(axis=0) - np.where(good, rates, np.inf).min(axis=0)


def edge_note(spec: Optimisers, found: Findings[Cell], where: Task | Scene, arms: Sequence[str]) -> str:
    """Say which optimisers have their best rate at an end of the grid."""
    at_edge = [arm for arm in arms if tuned(spec, found, where, arm).at_edge]
    return f"the best rate lies at an end of the grid for: {', '.join(at_edge)}" if at_edge else ""


def _steps(spec: Optimisers, found: Findings[Cell], scene: Scene, arm: str) -> np.ndarray:
    names = [one.name for one in spec.arms]
    return found.computed[scene.surface]["steps"][names.index(arm)]


# --- Figures ---------------------------------------------------------------------------------------------------------

SHOWN = ("descent", "momentum", "adagrad", "rmsprop", "adam")
"""The optimisers of figures with room for five names; tables have them all."""


@dataclass(frozen=True)
class Quantity:
    """A metric as a figure shows it."""

    split: str
    metric: str
    label: str
    factor: float


LOSS = Quantity("train", "loss", "loss (nats)", 1.0)
ERROR = Quantity("test", "error", "error (%)", 100.0)


def figures(spec: Optimisers, found: Findings[Cell], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _curve_figure(spec, found, "training-loss", "Training loss at each optimiser's own rate", LOSS),
        _curve_figure(spec, found, "test-error", "Test error at each optimiser's own rate", ERROR),
        _sensitivity(spec, found, "rates-loss", "Training loss against the learning rate", LOSS),
        _sensitivity(spec, found, "rates-error", "Test error against the learning rate", ERROR),
        _surface_figure(spec, found),
    ]


NAMES = {"adagrad": "AdaGrad", "rmsprop": "RMSProp", "adam": "Adam"}
"""Optimisers whose names are written otherwise than their arms."""


def _shown(spec: Optimisers) -> list[str]:
    return [arm.name for arm in spec.arms if arm.name in SHOWN]


def _curve_figure(spec: Optimisers, found: Findings[Cell], name: str, title: str, what: Quantity) -> Figure:
    panels = []
    for task in spec.tasks:
        drawn = []
        for arm in _shown(spec):
            rate = chosen_rate(spec, found, task, arm)
            members = [found.runs[Cell(task.name, arm, rate, s)] for s in range(spec.tuning_seeds, spec.seeds)]
            epochs, values = runs.curves(members, what.split, what.metric)
            outcomes = tuple(run.outcome.kind for run in members)
            drawn.append(curve_figure.Curve(NAMES.get(arm, arm), epochs, what.factor * values, what.split, outcomes))
        panels.append(curve_figure.Panel(task.name, tuple(drawn)))
    caption = "Rates chosen on other seeds, by the loss on held-out examples."
    return curve_figure.draw(name, title, caption, panels, y_label=what.label, log_y=True)


def _sensitivity(spec: Optimisers, found: Findings[Cell], name: str, title: str, what: Quantity) -> Figure:
    panels = []
    for task in spec.tasks:
        drawn = []
        for arm in _shown(spec):
            table = what.factor * at_end(spec, found, task, arm, what.split, what.metric)[:, spec.tuning_seeds :]
            whole = np.isfinite(table).all(axis=1)
            middle, low, high = (np.where(whole, part(table, axis=1), np.nan) for part in (np.median, np.min, np.max))
            drawn.append(lines.Line(NAMES.get(arm, arm), np.asarray(spec.rates), middle, low, high))
        panels.append(lines.Panel(task.name, tuple(drawn)))
    seeds = spec.seeds - spec.tuning_seeds
    return lines.draw(
        name,
        title,
        f"At the end of training: median and range of {seeds} seeds; a line ends where a run diverged.",
        panels,
        x_label="learning rate",
        y_label=what.label,
        log_x=True,
        log_y=True,
        note=f"n = {seeds} seeds · line: median · band: smallest to largest",
    )


def _surface_figure(spec: Optimisers, found: Findings[Cell]) -> Figure:
    panels = []
    for scene in spec.scenes:
        drawn = []
        for arm in _shown(spec):
            steps = _steps(spec, found, scene, arm)[:, spec.starts // 2 :]
            drawn.append(views.median_line(NAMES.get(arm, arm), np.asarray(spec.surface_rates), steps))
        end = lines.Mark(f"not within {scene.num_steps}", y=scene.num_steps + 1)
        panels.append(lines.Panel(scene.surface, tuple(drawn), (end,)))
    shares = " or ".join(dict.fromkeys(f"{scene.share:g}" for scene in spec.scenes))
    return lines.draw(
        "steps",
        "Steps to the minimum against the learning rate, on surfaces",
        f"Steps until {shares} of the way in value is left; median and quartiles of {spec.starts // 2} starts.",
        panels,
        x_label="learning rate",
        y_label="steps",
        log_x=True,
        log_y=True,
        note=f"n = {spec.starts // 2} starts · line: median · band: quartiles",
    )


# --- Tables ----------------------------------------------------------------------------------------------------------


def tables(spec: Optimisers, found: Findings[Cell]) -> Sequence[Table]:
    """Return the ranking on every network and on every surface."""
    return [
        *(_network_table(spec, found, task) for task in spec.tasks),
        *(_surface_table(spec, found, scene) for scene in spec.scenes),
    ]


def _network_table(spec: Optimisers, found: Findings[Cell], task: Task) -> Table:
    rows = []
    for arm in spec.arms:
        loss, error = (ranked(spec, found, task, arm.name, *what) for what in (("train", "loss"), ("test", "error")))
        width = good_range(spec, found, task, arm.name)
        rate = spec.rates[chosen_rate(spec, found, task, arm.name)]
        edge = " (end of the grid)" if edge_note(spec, found, task, [arm.name]) else ""
        rows.append((float(np.exp(np.log(loss).mean())), (arm.name, f"{rate:g}{edge}", loss, 100 * error, width)))
    return Table(
        f"Ranking on {task.name}, by training loss",
        ("optimiser", "learning rate", "training loss", "test error (%)", "good range (log10)"),
        [(name, rate, *map(_mean_and_sd, values)) for _, (name, rate, *values) in sorted(rows, key=lambda row: row[0])],
        f"Mean ± standard deviation over {spec.seeds - spec.tuning_seeds} seeds that no rate was chosen on. Good: a "
        f"test error within {100 * GOOD:g} points of the optimiser's best.",
    )


def _surface_table(spec: Optimisers, found: Findings[Cell], scene: Scene) -> Table:
    rows = []
    for arm in spec.arms:
        steps = ranked_steps(spec, found, scene, arm.name)
        rate = spec.surface_rates[chosen_rate(spec, found, scene, arm.name)]
        edge = " (end of the grid)" if edge_note(spec, found, scene, [arm.name]) else ""
        arrived = f"{100 * (steps <= scene.num_steps).mean():.0f} %"
        quartiles = " to ".join(f"{step:.0f}" for step in np.quantile(steps, [0.25, 0.75]))
        rows.append(
            (float(np.median(steps)), (arm.name, f"{rate:g}{edge}", f"{np.median(steps):.0f}", quartiles, arrived))
        )
    return Table(
        f"Ranking on the surface {scene.surface}, by steps",
        ("optimiser", "learning rate", "median steps", "quartiles", "arrived"),
        [row for _, row in sorted(rows, key=lambda row: row[0])],
        f"Steps until {scene.share:g} of the way in value is left, over {spec.starts // 2} starts that no rate was "
        f"chosen on; a walk that does not arrive counts {scene.num_steps + 1}.",
    )


def _mean_and_sd(values: np.ndarray) -> str:
    return views.mean_and_sd(values, ".3g")
