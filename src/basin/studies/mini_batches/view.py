"""The findings of the study `mini-batches` as arrays, figures and tables: everything between store and claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from basin import data
from basin.figures import curves, lines
from basin.figures.figure import Figure
from basin.figures.lines import Line, Mark, Panel
from basin.spec.mini_batches import MiniBatches, Noise
from basin.spec.run import Order
from basin.studies import runs, views
from basin.studies.experiment import Computed
from basin.studies.study import Findings, Table
from basin.studies.tuning import leave_one_out

Arm = Literal["single", "mini", "batch"]

ARMS: tuple[Arm, ...] = ("single", "mini", "batch")
ORDERS: tuple[Order, ...] = ("cyclic", "fixed", "reshuffled", "replacement")
USUAL = (64, 128, 256, 512)
"""The batch sizes that document 003 names as the usual ones."""


@dataclass(frozen=True)
class Cell:
    """One run's place in the design: a size of batch at a rate, or an order of the mini-batches at one rate."""

    arm: Arm | Order
    rate: float
    seed: int


# --- Arrays ----------------------------------------------------------------------------------------------------------


def num_examples(spec: MiniBatches) -> int:
    """Return N."""
    found = data.describe(spec.data).num_train
    if found is None:
        raise ValueError("expected a finite training set for the study mini-batches, got a stream; set num_train")
    return found


def sizes(spec: MiniBatches) -> dict[Arm, int]:
    """Return the examples an update of each arm."""
    return {"single": 1, "mini": spec.mini_batch, "batch": num_examples(spec)}


def usual(spec: MiniBatches) -> list[int]:
    """Return the usual batch sizes whose cost is measured."""
    return [size for size in USUAL if size in spec.cost.batch_sizes]


def geometric_mean(values: Float[np.ndarray, "... n"]) -> Float[np.ndarray, "..."]:
    """Return the geometric mean over the last axis."""
    return np.exp(np.log(values).mean(axis=-1))


def slopes(x: Float[np.ndarray, " n"], y: Float[np.ndarray, "seeds moments n"]) -> Float[np.ndarray, "seeds moments"]:
    """Return the slope of log y against log x by least squares, for each row."""
    rows = np.log(y).reshape(-1, len(x))
    return np.polynomial.polynomial.polyfit(np.log(x), rows.T, 1)[1].reshape(y.shape[:-1])


def unreplaced_error(
    sigma: Float[np.ndarray, "..."], batch: Float[np.ndarray, " sizes"], n: int
) -> Float[np.ndarray, "... sizes"]:
    """Return sigma / sqrt(B) sqrt((N - B) / (N - 1))."""
    return sigma * np.sqrt((n - batch) / (batch * (n - 1)))


def hundredfold(how: Noise, errors: Float[np.ndarray, "seeds moments sizes"]) -> Float[np.ndarray, "seeds pairs"]:
    """Return error at B over error at 100 B, for every such pair of sizes and every moment."""
    place = {size: index for index, size in enumerate(how.batch_sizes)}
    pairs = [(place[size], place[100 * size]) for size in how.batch_sizes if 100 * size in place]
    ratios = np.stack([errors[..., small] / errors[..., large] for small, large in pairs], axis=-1)
    return ratios.reshape(len(errors), -1)


def steps_to_target(spec: MiniBatches, found: Findings[Cell], arm: Arm) -> Float[np.ndarray, "rates seeds"]:
    """Return the updates that each run of an arm needed; NaN where it did not get there."""
    cells = [[found.runs[Cell(arm, rate, seed)] for seed in range(spec.seeds)] for rate in spec.rates]
    return np.array([[runs.steps_to_loss(run, spec.train_loss) for run in row] for row in cells])


def chosen_rates(steps: Float[np.ndarray, "rates seeds"]) -> list[int]:
    """Return, for each seed, the index of the rate that needs the fewest updates on all other seeds.

    A rate with which a run did not get there is chosen only if every rate has such a run.
    """
    return leave_one_out(np.maximum(steps, 1e-9)).index.tolist()


def chosen(steps: Float[np.ndarray, "rates seeds"]) -> Float[np.ndarray, " seeds"]:
    """Return each seed's updates at the rate that was chosen for it."""
    return steps[chosen_rates(steps), np.arange(steps.shape[1])]


def loss_within_a_pass(spec: MiniBatches, found: Findings[Cell], arm: Arm) -> Float[np.ndarray, " seeds"]:
    """Return the training loss at the last look within the first pass, at the rate chosen for each seed."""
    rates = chosen_rates(steps_to_target(spec, found, arm))
    values = []
    for seed, rate in enumerate(rates):
        examples, loss = found.runs[Cell(arm, spec.rates[rate], seed)].history.curve("train", "loss", "examples")
        values.append(loss[examples <= num_examples(spec)][-1])
    return np.array(values)


def last(spec: MiniBatches, found: Findings[Cell], order: Order, split: str, metric: str) -> np.ndarray:
    """Return the last value of a metric with one order for each seed; NaN where the run diverged."""
    return runs.at_end([found.runs[Cell(order, spec.order_rate, seed)] for seed in range(spec.seeds)], split, metric)


def batch_cost_ratio(copies: Mapping[str, Any]) -> float:
    """Return examples that batch descent processes to the loss half-way, on two copies over one."""
    loss = copies["batch_loss"]
    middle = len(loss) // 2
    target = (loss[middle] + loss[middle - 1]) / 2  # between two losses, so that rounding decides nothing
    steps = [int(np.argmax(copies[f"{name}_loss"] <= target)) for name in ("batch", "doubled")]
    return 2 * steps[1] / steps[0]


def speed(cost: Computed) -> Float[np.ndarray, "sizes repeats"]:
    """Return examples a second."""
    return cost["sizes"][:, None] / cost["seconds"]


def knee(cost: Computed) -> float:
    """Return the batch size at which a + b B, fitted to the seconds of an update, is twice a: half of full speed."""
    overhead, each = np.polynomial.polynomial.polyfit(
        cost["sizes"].astype(float), np.median(cost["seconds"], axis=1), 1, w=1 / np.median(cost["seconds"], axis=1)
    )
    return float(overhead / each)


def memory_errors(cost: Computed, first: int) -> np.ndarray:
    """Return how far the bytes lie from the straight line through those at `first` and at the whole set."""
    kept = cost["sizes"] >= first
    x, y = cost["sizes"][kept].astype(float), cost["bytes"][kept].astype(float)
    line = y[0] + (x - x[0]) * (y[-1] - y[0]) / (x[-1] - x[0])
    return np.abs(y / line - 1)


# --- Figures and tables ----------------------------------------------------------------------------------------------


def figures(spec: MiniBatches, found: Findings[Cell], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _noise_figure(spec, found.computed["noise"]),
        _copies_figure(spec, found.computed["copies"]),
        _descent_figure(spec, found),
        *_escape_figures(spec, found.computed["escape"]),
        _order_figure(spec, found),
        _speed_figure(found.computed["cost"]),
        _memory_figure(found.computed["cost"]),
    ]


def _noise_figure(spec: MiniBatches, noise: Computed) -> Figure:
    n, x = spec.noise.examples, np.array(spec.noise.batch_sizes, float)
    dense = np.geomspace(1, n - 1, 200)
    panels = []
    for index, moment in enumerate(spec.noise.moments):
        sigma = geometric_mean(noise["sigma"][:, index])
        replaced = geometric_mean(noise["replaced"][:, index].T)
        unreplaced = geometric_mean(noise["unreplaced"][:, index, :-1].T)
        panels.append(
            Panel(
                f"after {moment} updates",
                (
                    Line("with replacement", x, replaced, style="points"),
                    Line("with replacement", dense, sigma / np.sqrt(dense), style="dashed"),
                    Line("without", x, unreplaced, style="points"),
                    Line("without", dense, unreplaced_error(sigma, dense, n), style="dashed"),
                ),
                (Mark("N", x=n),),
            )
        )
    return lines.draw(
        "noise",
        "The error of a mini-batch gradient",
        f"Root mean square distance of mini-batch gradients from the whole set's (points: geometric "
        f"mean over {spec.seeds} trainings). Dashed: sigma / √B, and with the factor "
        "√((N - B) / (N - 1)); sigma is from the gradients of single examples.",
        panels,
        x_label="examples in the mini-batch",
        y_label="error of the gradient",
        log_x=True,
        log_y=True,
        note=f"n = {spec.seeds} trainings · point: geometric mean",
    )


def _copies_figure(spec: MiniBatches, copies: Computed) -> Figure:
    how, n = spec.copies, num_examples(spec)
    looks = how.look_every * how.batch_size * np.arange(copies["once_loss"].shape[1]) / n
    stochastic = [
        Line("one copy", looks, geometric_mean(copies["once_loss"].T)),
        Line("two copies", looks, geometric_mean(copies["own_order_loss"].T), style="dotted"),
    ]
    passes = np.arange(how.batch_steps + 1)
    batch = [
        Line("one copy", passes, copies["batch_loss"]),
        Line("two copies", 2 * passes, copies["doubled_loss"], style="dotted"),
    ]
    return lines.draw(
        "copies",
        "The same set twice over",
        f"Mean loss against examples processed, counted in passes over one copy. Left: {how.draws} trainings with "
        f"{how.batch_size} examples an update, drawn with replacement. Right: batch descent.",
        [Panel("stochastic descent", tuple(stochastic)), Panel("batch descent", tuple(batch))],
        x_label="examples processed / N",
        y_label="mean loss (nats)",
        log_y=True,
        note=f"left: n = {how.draws} trainings · line: geometric mean",
    )


def _descent_figure(spec: MiniBatches, found: Findings[Cell]) -> Figure:
    drawn: dict[str, list[curves.Curve]] = {"passes over the data": [], "updates": []}
    used = []
    for arm, size in sizes(spec).items():
        rates = chosen_rates(steps_to_target(spec, found, arm))
        rate = spec.rates[max(set(rates), key=rates.count)]
        used.append(f"{rate:g} for B = {size}")
        members = [found.runs[Cell(arm, rate, seed)] for seed in range(spec.seeds)]
        steps, values = runs.curves(members, "train", "loss", "step")
        outcomes = tuple(run.outcome.kind for run in members)
        for name, factor in zip(drawn, (size / num_examples(spec), 1.0), strict=True):
            drawn[name].append(curves.Curve(f"B = {size}", factor * steps[1:], values[:, 1:], "train", outcomes))
    return curves.draw(
        "descent",
        "One example, a mini-batch, the whole set",
        f"Training loss with B examples an update, at the rate that most seeds chose: {', '.join(used)}.",
        [curves.Panel("", tuple(members), x_label=name) for name, members in drawn.items()],
        y_label="training loss (nats)",
        log_x=True,
        log_y=True,
    )


def _escape_figures(spec: MiniBatches, escape: Computed) -> list[Figure]:
    how = spec.escape
    by_size = {f"B = {size}": escape[f"size {size}"] for size in how.batch_sizes} | {"whole set": escape["batch"]}
    by_order = {order: escape[order] for order in ORDERS}
    drawn, size = "Examples are drawn with replacement.", f"{how.order_batch} examples an update."
    return [
        _escape_figure(spec, "escape-size", "Leaving a local minimum", by_size, drawn),
        _escape_figure(spec, "escape-order", "Leaving it in four orders", by_order, size),
    ]


def _escape_figure(
    spec: MiniBatches, name: str, title: str, arms: Mapping[str, Float[np.ndarray, "rates problems"]], how: str
) -> Figure:
    drawn = tuple(Line(label, np.array(spec.escape.rates), share.mean(axis=1)) for label, share in arms.items())
    return lines.draw(
        name,
        title,
        f"Share of {spec.escape.walks} walks on each of {spec.escape.problems} problems that crossed the barrier "
        f"within {spec.escape.steps} updates. {how}",
        [Panel("", drawn)],
        x_label="learning rate",
        y_label="share of walks that left",
        log_x=True,
        note=f"n = {spec.escape.problems} problems of {spec.escape.walks} walks · line: mean",
    )


def _order_figure(spec: MiniBatches, found: Findings[Cell]) -> Figure:
    panels = []
    for split, metric, factor, title in (("train", "loss", 1, "training loss"), ("test", "error", 100, "test error")):
        arms = []
        for order in ORDERS:
            members = [found.runs[Cell(order, spec.order_rate, seed)] for seed in range(spec.seeds)]
            epochs, values = runs.curves(members, split, metric)
            outcomes = tuple(run.outcome.kind for run in members)
            arms.append(curves.Curve(order, epochs[1:], factor * values[:, 1:], "test", outcomes))
        panels.append(curves.Panel("", tuple(arms), y_label=f"{title} ({'nats' if split == 'train' else '%'})"))
    return curves.draw(
        "orders",
        "Four orders of the examples",
        f"Batch {spec.mini_batch}, rate {spec.order_rate:g}, the same starts.",
        panels,
        y_label="",
        log_y=True,
    )


def _speed_figure(cost: Computed) -> Figure:
    rate = speed(cost)
    line = Line("measured", cost["sizes"], np.median(rate, axis=1), rate.min(axis=1), rate.max(axis=1))
    return lines.draw(
        "speed",
        "Examples a second",
        f"Median, least and most of {rate.shape[1]} timings of a compiled loop, which draws its examples. The knee is "
        "where the fixed cost of an update is as large as that of its examples.",
        [Panel("", (line,), (Mark("knee", x=max(knee(cost), 1.0)),))],
        x_label="examples an update",
        y_label="examples a second",
        log_x=True,
        log_y=True,
        note=f"n = {rate.shape[1]} timings · line: median · band: least to most",
    )


def _memory_figure(cost: Computed) -> Figure:
    return lines.draw(
        "memory",
        "What an update holds in memory",
        "Arguments, results and intermediate arrays of a compiled update that is given its batch alone.",
        [Panel("", (Line("compiled", cost["sizes"], cost["bytes"] / 1024),))],
        x_label="examples an update",
        y_label="memory of an update (KiB)",
        log_x=True,
        log_y=True,
    )


def tables(spec: MiniBatches, found: Findings[Cell]) -> Sequence[Table]:
    """Return what reaching the target cost each size of batch."""
    cost, n = found.computed["cost"], num_examples(spec)
    rows = []
    for arm, size in sizes(spec).items():
        steps = steps_to_target(spec, found, arm)
        reached = chosen(steps)
        where = int(np.abs(cost["sizes"] - size).argmin())
        each = float(np.median(cost["seconds"][where]))
        rates = sorted({f"{spec.rates[rate]:g}" for rate in chosen_rates(steps)})
        typical = float(np.nanmedian(reached))
        rows.append(
            [
                f"{size}",
                " or ".join(rates),
                f"{typical:.0f}",
                f"{typical * size / n:.2f}",
                f"{typical * each:.3g}",
                f"{cost['bytes'][where] / 1024:.0f}",
            ]
        )
    return [
        Table(
            f"To a training loss of {spec.train_loss:g}",
            ["examples an update", "rate", "updates", "passes", "seconds", "KiB an update"],
            rows,
            "Medians over seeds; seconds and memory are those of the nearest size measured, on this machine.",
        )
    ]
