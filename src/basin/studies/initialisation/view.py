"""The findings of the study `initialisation` as arrays, figures and tables: everything between store and claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Float

from basin import data
from basin.figures import lines
from basin.figures.figure import Figure
from basin.figures.lines import Line, Mark, Panel
from basin.models.model import Params
from basin.spec.initialisation import Initialisation
from basin.stats import Scale
from basin.studies import views
from basin.studies.experiment import Computed
from basin.studies.runs import at_end, steps_to_loss
from basin.studies.study import Findings, Table
from basin.studies.tuning import leave_one_out
from basin.training.run import Run
from basin.training.slot import initial_weights

Arm = Literal["spread", "bias", "equal", "width"]
Arrays = Mapping[str, Float[np.ndarray, "draws depth"]]


@dataclass(frozen=True)
class Cell:
    """One run's place in the design: what is varied, its value, and the seed."""

    arm: Arm
    value: float
    seed: int


# --- Arrays ----------------------------------------------------------------------------------------------------------


def he(spec: Initialisation) -> float:
    """Return He's standard deviation, sqrt(2 / M)."""
    return float(np.sqrt(2 / spec.width))


def _runs_of(spec: Initialisation, found: Findings[Cell], arm: Arm, value: float) -> list[Run]:
    count = spec.seeds if arm == "width" else spec.sweep_seeds
    return [found.runs[Cell(arm, value, seed)] for seed in range(count)]


def last(spec: Initialisation, found: Findings[Cell], arm: Arm, value: float, split: str, metric: str) -> np.ndarray:
    """Return the last value of a metric for each seed; NaN where the run diverged."""
    return at_end(_runs_of(spec, found, arm, value), split, metric)


def steps(spec: Initialisation, found: Findings[Cell], arm: Arm, value: float) -> np.ndarray:
    """Return the updates that each seed needed to the target; the whole length where it did not get there."""
    members = _runs_of(spec, found, arm, value)
    reached = np.array([steps_to_loss(run, spec.train_loss) for run in members])
    return np.where(np.isnan(reached), [run.spec.num_steps for run in members], reached)


def difference_of_units(params: Params) -> float:
    """Return the largest difference between units of a hidden layer, relative to the layer's largest weight."""
    kernels = [np.asarray(layer["kernel"]) for layer in params["dense"].values()]
    return float(max(np.ptp(kernel, axis=1).max() / np.abs(kernel).max() for kernel in kernels))


def chosen_factors(spec: Initialisation, found: Findings[Cell]) -> list[float]:
    """Return, for each seed, the spread with the least mean validation error over all other seeds."""
    errors = np.stack([last(spec, found, "spread", factor, "validation", "error") for factor in spec.factors])
    best = leave_one_out(np.where(np.isnan(errors), 1.0, errors), scale=Scale.NATURAL).index
    return [spec.factors[index] for index in best]


def activity(spec: Initialisation, found: Findings[Cell], when: str) -> dict[float, np.ndarray]:
    """Return, for each bias, the shares of active units and of dead ones, (seeds, 2), at the `start` or the `end`."""
    x = data.load(spec.data, 0).x_train
    shares = {}
    for bias in spec.biases:
        members = _runs_of(spec, found, "bias", bias)
        weights = [initial_weights(run.model, run.spec.seed)[0] if when == "start" else run.params for run in members]
        shares[bias] = np.array([active_and_dead(params, x) for params in weights])
    return shares


def active_and_dead(params: Params, x: np.ndarray) -> tuple[float, float]:
    """Return the share of (hidden unit, example) pairs above 0, and that of hidden units above 0 for no example."""
    z, active = x.reshape(len(x), -1), []
    for name in sorted(params["dense"], key=int):
        z = np.maximum(z @ np.asarray(params["dense"][name]["kernel"]) + np.asarray(params["dense"][name]["bias"]), 0)
        active.append(z > 0)
    together = np.concatenate(active, axis=1)
    return float(together.mean()), float(1 - together.any(axis=0).mean())


def distances(spec: Initialisation, found: Findings[Cell], width: int) -> np.ndarray:
    """Return the distance of the solutions of neighbouring starts over the mean distance that the two moved."""
    members = _runs_of(spec, found, "width", width)
    ends = [_flat(run.params) for run in members]
    starts = [_flat(initial_weights(run.model, run.spec.seed)[0]) for run in members]
    moved = [np.linalg.norm(end - start) for end, start in zip(ends, starts, strict=True)]
    pairs = range(0, len(ends) - 1, 2)
    return np.array([np.linalg.norm(ends[i] - ends[i + 1]) / np.mean(moved[i : i + 2]) for i in pairs])


def _flat(params: Params) -> np.ndarray:
    return np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(params)])


def gain_of_the_best(spec: Initialisation, found: Findings[Cell], width: int) -> np.ndarray:
    """Return, for each group of starts, mean test error minus that of the start best on validation, in points."""
    validation, test = (100 * last(spec, found, "width", width, split, "error") for split in ("validation", "test"))
    groups = len(test) // spec.group
    validation, test = (each[: groups * spec.group].reshape(groups, spec.group) for each in (validation, test))
    best = np.take_along_axis(test, validation.argmin(axis=1)[:, None], axis=1)[:, 0]
    return test.mean(axis=1) - best


def ratios(arm: Arrays) -> dict[str, Float[np.ndarray, "draws depth"]]:
    """Return what the formulas speak of, layer by layer and draw by draw.

    A layer is held against what came into it in the same draw: given that, its own weights alone are random, so the
    mean of the ratio over draws is that of the formula, and the spread of all layers before does not enter.
    """
    return {
        "pre": arm["pre"] / arm["formula"],
        "after": arm["after"] / arm["pre"],
        "variance": (arm["after"] - arm["mean_after"] ** 2) / arm["pre"],
        "mean_after": arm["mean_after"] / np.sqrt(arm["after"]),
        "mean_pre": arm["mean_pre"] / np.sqrt(arm["pre"]),
    }


def gain(arm: Arrays, way: str) -> Float[np.ndarray, " draws"]:
    """Return the mean square at the end of the signal's way over that at its beginning: forward or backward."""
    signal = arm["pre" if way == "forward" else "back"]
    return signal[:, -1] / signal[:, 0]


# --- Figures and tables ----------------------------------------------------------------------------------------------


def figures(spec: Initialisation, found: Findings[Cell], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _signal_figure(spec, found.computed["signal"]),
        _data_figure(spec, found.computed["signal"]),
        _spread_figure(spec, found),
        _time_figure(spec, found),
        _width_figure(spec, found),
        _warm_figure(spec, found.computed["warm"]),
    ]


def _signal_figure(spec: Initialisation, signal: Computed) -> Figure:
    layers = np.arange(1, spec.signal.depth + 1.0)
    names = {"he": "He", "small": f"{spec.signal.small:g} x He", "large": f"{spec.signal.large:g} x He"}
    factors = {"he": 1.0, "small": spec.signal.small, "large": spec.signal.large}
    panels = []
    for title, key in (("forward", "pre"), ("backward", "back")):
        drawn = []
        for arm, label in names.items():
            values = signal[arm][key]
            drawn.append(views.draws_line(label, layers, values))
            theory = values[:, 0].mean() * factors[arm] ** (2 * (layers - 1))
            drawn.append(Line(label, layers, theory, style="dashed"))
        panels.append(Panel(title, tuple(drawn)))
    return lines.draw(
        "signal",
        "A signal through random ReLU layers",
        f"Mean square of the pre-activations, and of the gradient at them. Lines: mean over {spec.signal.draws} draws "
        "of the weights; bands: the middle 80 % of the draws; dashed: M eps² / 2 a layer.",
        panels,
        x_label="layers passed",
        y_label="mean square",
        log_y=True,
        note=f"n = {spec.signal.draws} draws · band: middle 80 %",
    )


def _data_figure(spec: Initialisation, signal: Computed) -> Figure:
    layers = np.arange(1, spec.signal.depth + 1.0)
    lines_drawn = (
        views.draws_line("over weights", layers, signal["he"]["pre"]),
        views.draws_line("over data", layers, signal["he"]["over_data"]),
    )
    return lines.draw(
        "over-data",
        "Over weights the signal keeps its size, over data it does not",
        "He's spread: mean square of the pre-activations over draws of the weights, and their variance over data at "
        f"fixed weights. Lines: mean over {spec.signal.draws} draws; bands: the middle 80 %.",
        [Panel("", lines_drawn)],
        x_label="layers passed",
        y_label="mean square, variance",
        log_y=True,
        note=f"n = {spec.signal.draws} draws · band: middle 80 %",
    )


def _spread_figure(spec: Initialisation, found: Findings[Cell]) -> Figure:
    x = np.array(spec.factors) * he(spec)
    drawn = []
    for split in ("train", "validation", "test"):
        errors = np.stack([last(spec, found, "spread", factor, split, "error") for factor in spec.factors], axis=1)
        drawn.append(views.draws_line(split, x, 100 * errors))
    return lines.draw(
        "spread",
        "Error against the spread of the first weights",
        f"After {spec.epochs} epochs. Lines: mean over {spec.sweep_seeds} seeds, those that diverged left out; bands: "
        "the middle 80 %.",
        [Panel("", tuple(drawn), (Mark("He", x=he(spec)),))],
        x_label="standard deviation of the weights",
        y_label="error (%)",
        log_x=True,
        note=f"n = {spec.sweep_seeds} seeds · band: middle 80 %",
    )


def _time_figure(spec: Initialisation, found: Findings[Cell]) -> Figure:
    x = np.array(spec.factors) * he(spec)
    values = np.stack([steps(spec, found, "spread", factor) for factor in spec.factors], axis=1)
    length = _runs_of(spec, found, "spread", 1.0)[0].spec.num_steps
    marks = (Mark("He", x=he(spec)), Mark("whole length", y=length))
    return lines.draw(
        "time",
        "Time to train against the spread of the first weights",
        f"Updates to a training loss of {spec.train_loss:g}; a run that did not get there counts as its whole length. "
        f"Line: mean over {spec.sweep_seeds} seeds; band: the middle 80 %.",
        [Panel("", (views.draws_line("updates", x, values),), marks)],
        x_label="standard deviation of the weights",
        y_label="updates",
        log_x=True,
        log_y=True,
        note=f"n = {spec.sweep_seeds} seeds · band: middle 80 %",
    )


def _width_figure(spec: Initialisation, found: Findings[Cell]) -> Figure:
    errors = np.stack([100 * last(spec, found, "width", width, "test", "error") for width in spec.widths], axis=1)
    x = np.array(spec.widths, float)
    each = [Line("one start", x, row, style="points") for row in errors]
    return lines.draw(
        "starts",
        "Test error of many starts",
        f"{spec.seeds} starts of a network with one hidden layer, the examples in one order for all.",
        [Panel("", (Line("mean", x, errors.mean(axis=0)), *each))],
        x_label="hidden units",
        y_label="test error (%)",
        log_x=True,
        note=f"n = {spec.seeds} starts",
    )


def _warm_figure(spec: Initialisation, warm: Computed) -> Figure:
    looks = spec.warm.look_every * np.arange(warm["scratch_loss"].shape[1])
    names = {"scratch": "random", "transfer": "other task", "autoencoder": "autoencoder"}
    return lines.draw(
        "warm",
        "Warm starts: weights from another task, from an autoencoder, or at random",
        f"Training loss on few examples. Lines: mean over {spec.warm.draws} draws; bands: the middle 80 %.",
        [Panel("", tuple(views.draws_line(label, looks, warm[f"{name}_loss"]) for name, label in names.items()))],
        x_label="updates",
        y_label="training loss (nats)",
        log_y=True,
        note=f"n = {spec.warm.draws} draws · band: middle 80 %",
    )


def tables(spec: Initialisation, found: Findings[Cell]) -> Sequence[Table]:
    """Return what the first biases did."""
    active, dead = (activity(spec, found, when) for when in ("start", "end"))
    rows = [
        [
            f"{bias:g}",
            f"{100 * active[bias][:, 0].mean():.1f}",
            f"{100 * dead[bias][:, 1].mean():.1f}",
            f"{steps(spec, found, 'bias', bias).mean():.0f}",
            f"{100 * last(spec, found, 'bias', bias, 'test', 'error').mean():.1f}",
        ]
        for bias in spec.biases
    ]
    columns = ["first bias", "active at the start (%)", "dead at the end (%)", "updates to the loss", "test error (%)"]
    return [Table("First biases", columns, rows, f"Means over {spec.sweep_seeds} seeds.")]
