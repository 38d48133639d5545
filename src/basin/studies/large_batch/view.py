"""The large-batch study's findings as arrays, figures and tables: everything between the store and the claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from basin.figures import curves as curve_figure
from basin.figures import paired, samples
from basin.figures import sharpness as sharpness_figure
from basin.figures.figure import Figure
from basin.spec.study import Comparison, LargeBatch
from basin.studies import runs, views
from basin.studies.study import Findings, Table
from basin.training.run import Run

Arm = Literal["small", "large"]
Match = Literal["epochs", "updates", "loss"]

ARMS: tuple[Arm, ...] = ("small", "large")
MATCHES: tuple[Match, ...] = ("epochs", "updates", "loss")
MEANING = {"epochs": "equal epochs", "updates": "equal updates", "loss": "equal training loss"}


@dataclass(frozen=True)
class Cell:
    """One run's place in the design. The small batch at equal epochs is also the small batch at equal updates."""

    data: str
    arm: Arm
    match: Match
    seed: int


# --- Arrays ----------------------------------------------------------------------------------------------------------


def runs_of(spec: LargeBatch, found: Findings[Cell], on: Comparison, arm: Arm, match: Match) -> list[Run]:
    """Return the runs of an arm, by seed."""
    return [found.runs[Cell(on.name, arm, match, seed)] for seed in range(spec.seeds)]


def last(
    spec: LargeBatch, found: Findings[Cell], on: Comparison, arm: Arm, match: Match, split: str, metric: str
) -> np.ndarray:
    """Return the last value of a metric for each seed, (seeds,); NaN where the run diverged or missed its loss."""
    return runs.at_end(runs_of(spec, found, on, arm, match), split, metric, ended_as(match))


def usable(run: Run, match: Match) -> bool:
    """Return whether a run did what its comparison needs: end, and at equal loss reach that loss."""
    return run.outcome.kind == ended_as(match)


def ended_as(match: Match) -> str:
    """Return how a run ends that did what its comparison needs."""
    return "stopped" if match == "loss" else "completed"


def curves(
    spec: LargeBatch, found: Findings[Cell], on: Comparison, arm: Arm, match: Match, split: str, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return (epochs, values): a metric at every look, (points,) and (seeds, points); NaN after a run's end."""
    return runs.curves(runs_of(spec, found, on, arm, match), split, metric)


def sharpness(
    spec: LargeBatch,
    found: Findings[Cell],
    on: Comparison,
    arm: Arm,
    match: Match,
    split: str,
    space: str,
    epsilon: float,
    kind: str,
) -> np.ndarray:
    """Return Keskar's sharpness in per cent for each seed, (seeds,); the geometric mean over the subspaces."""
    from basin.studies.large_batch.study import measure_name

    spaces = [None] if space == "full" else list(range(spec.sharpness.subspaces))
    names = [measure_name(spec.sharpness, epsilon, where) for where in spaces]
    values = np.full((spec.seeds, len(names)), np.nan)
    for seed, run in enumerate(runs_of(spec, found, on, arm, match)):
        measured = found.measured.get(Cell(on.name, arm, match, seed), {})
        for index, name in enumerate(names):
            if (name, split) in measured and usable(run, match):
                one = measured[name, split]
                values[seed, index] = one.value if kind == "best found" else one.details["paper_value"]
    with np.errstate(divide="ignore"):
        return np.exp(np.log(values).mean(axis=1))


def loss_note(spec: LargeBatch, found: Findings[Cell], on: Comparison) -> str:
    """Say at which training loss and weight norm the arms were compared at equal loss."""
    parts = []
    for arm in ARMS:
        loss = last(spec, found, on, arm, "loss", "train", "loss")
        norm = last(spec, found, on, arm, "loss", "none", "parameter_norm")
        if np.isfinite(loss).any():
            parts.append(f"{arm} batch: loss {np.nanmean(loss):.3g}, weight norm {np.nanmean(norm):.3g}")
        missed = int(np.isnan(loss).sum())
        if missed:
            parts.append(f"{arm} batch: {missed} of {spec.seeds} did not reach the loss {on.train_loss:g}")
    return "; ".join(parts)


# --- Figures ---------------------------------------------------------------------------------------------------------


def figures(spec: LargeBatch, found: Findings[Cell], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _curve_figure(
            spec, found, "test-error", "Test error as training goes on", "error", ("test",), "error (%)", 100
        ),
        _curve_figure(spec, found, "loss", "Training and test loss", "loss", ("train", "test"), "loss (nats)", 1),
        *(_gap_figure(spec, found, match) for match in MATCHES),
        _sharpness_figure(spec, found, "loss", "train"),
        _sharpness_figure(spec, found, "loss", "test"),
        _sharpness_figure(spec, found, "epochs", "train"),
        _distance_figure(spec, found),
        _sample_figure(spec),
    ]


def _label(on: Comparison, arm: Arm) -> str:
    return f"batch {on.small_batch if arm == 'small' else on.large_batch}"


def _curve_figure(
    spec: LargeBatch,
    found: Findings[Cell],
    name: str,
    title: str,
    metric: str,
    splits: tuple[str, ...],
    label: str,
    factor: float,
) -> Figure:
    panels = []
    for on in spec.comparisons:
        drawn = [
            views.curve(_label(on, arm), runs_of(spec, found, on, arm, "epochs"), split, metric, factor)
            for split in splits
            for arm in ARMS
        ]
        panels.append(curve_figure.Panel(on.name, tuple(drawn)))
    caption = f"Equal epochs, {spec.optimizer.kind}, BatchNorm statistics recomputed over the training set."
    return curve_figure.draw(name, title, caption, panels, y_label=label, log_x=True, log_y=True)


def _gap_figure(spec: LargeBatch, found: Findings[Cell], match: Match) -> Figure:
    pairs = []
    for on in spec.comparisons:
        small, large = (100 * last(spec, found, on, arm, match, "test", "error") for arm in ARMS)
        pairs.append(
            paired.Pairs(f"{on.name}: {on.small_batch} and {on.large_batch}", small, large, tuple(range(spec.seeds)))
        )
    return paired.draw(
        f"gap-{match}",
        f"The large-batch gap at {MEANING[match]}",
        "Test error of the two batch sizes.",
        pairs,
        arms=("small batch", "large batch"),
        label="test error (%)",
        unit="points",
        smallest_effect=0.1,
    )


def _sharpness_figure(spec: LargeBatch, found: Findings[Cell], match: Match, split: str) -> Figure:
    spaces = ("full", "subspace") if match == "loss" else ("full",)
    panels = [
        sharpness_figure.Panel(
            f"{on.name}, {'full space' if space == 'full' else 'subspaces'}, ε = {epsilon:g}",
            tuple(_series(spec, found, on, match, split, space, epsilon)),
        )
        for on in spec.comparisons
        for space in spaces
        for epsilon in spec.sharpness.epsilons
    ]
    usual = "" if match == "loss" else " This is the usual figure; it also shows which arm has trained further."
    return sharpness_figure.draw(
        f"sharpness-{split}-{match}",
        f"Sharpness of the {'training' if split == 'train' else 'test'} loss at {MEANING[match]}",
        f"Keskar's sharpness in per cent; subspaces: geometric mean over {spec.sharpness.subspaces}.{usual}",
        panels,
    )


def _series(
    spec: LargeBatch, found: Findings[Cell], on: Comparison, match: Match, split: str, space: str, epsilon: float
) -> Iterator[sharpness_figure.Series]:
    for kind in ("best found", "ten iterations"):
        rows = [sharpness(spec, found, on, arm, match, split, space, epsilon, kind) for arm in ARMS]
        yield sharpness_figure.Series(kind, (on.small_batch, on.large_batch), np.stack(rows))


def _distance_figure(spec: LargeBatch, found: Findings[Cell]) -> Figure:
    pairs = []
    for on in spec.comparisons:
        small, large = (last(spec, found, on, arm, "epochs", "none", "distance") for arm in ARMS)
        pairs.append(
            paired.Pairs(f"{on.name}: {on.small_batch} and {on.large_batch}", small, large, tuple(range(spec.seeds)))
        )
    return paired.draw(
        "distance",
        "Distance from the initial weights at equal epochs",
        "Euclidean, over all trained numbers.",
        pairs,
        arms=("small batch", "large batch"),
        label="distance from the start",
        smallest_effect=1.2,
        log=True,
    )


def _sample_figure(spec: LargeBatch) -> Figure:
    sheets = [views.sheet(on.name, on.data) for on in spec.comparisons]
    return samples.draw(
        "samples", "What the networks see", "Training examples by class, before standardisation.", sheets
    )


# --- Tables ----------------------------------------------------------------------------------------------------------

PUBLISHED = {
    "F1": ("98.03 ± 0.07", "97.81 ± 0.07", "1.23 ± 0.83", "205.14 ± 69.52", "0.11 ± 0.00", "9.22 ± 0.56"),
    "F2": ("64.02 ± 0.2", "59.45 ± 1.05", "1.39 ± 0.02", "310.64 ± 38.46", "0.29 ± 0.02", "23.63 ± 0.54"),
    "C1": ("80.04 ± 0.12", "77.26 ± 0.42", "28.58 ± 3.13", "707.23 ± 43.04", "2.18 ± 0.23", "137.25 ± 21.60"),
    "C2": ("89.24 ± 0.12", "87.26 ± 0.07", "8.68 ± 1.32", "925.32 ± 38.29", "0.95 ± 0.34", "25.09 ± 2.61"),
    "C3": ("49.58 ± 0.39", "46.45 ± 0.43", "29.85 ± 5.98", "258.75 ± 8.96", "17.02 ± 2.20", "236.03 ± 31.26"),
    "C4": ("63.08 ± 0.5", "57.81 ± 0.17", "12.83 ± 3.84", "421.84 ± 36.97", "6.05 ± 1.13", "72.99 ± 10.96"),
}
"""Tables 2 to 4 of the paper: test accuracy (%), sharpness in the full space and in subspaces at 1e-3; small, large."""


def tables(spec: LargeBatch, found: Findings[Cell]) -> Sequence[Table]:
    """Return the paper's figures beside ours, and the arms as they ended."""
    return [_published_table(spec, found), _arm_table(spec, found)]


def _published_table(spec: LargeBatch, found: Findings[Cell]) -> Table:
    epsilon = spec.sharpness.epsilons[0]
    ours = []
    for on in spec.comparisons:
        accuracy = [100 - 100 * last(spec, found, on, arm, "epochs", "test", "error") for arm in ARMS]
        sharp = [
            sharpness(spec, found, on, arm, "loss", "train", space, epsilon, "ten iterations")
            for space in ("full", "subspace")
            for arm in ARMS
        ]
        ours.append([f"{on.name} (here)", *map(views.mean_and_sd, [*accuracy, *sharp])])
    return Table(
        "Tables 2 to 4 of the paper beside what was measured here",
        (
            "network or data",
            "test accuracy %, small batch",
            "large batch",
            "sharpness %, small batch",
            "large batch",
            "in subspaces, small batch",
            "large batch",
        ),
        [*ours, *([name, *values] for name, values in PUBLISHED.items())],
        f"Mean ± standard deviation over runs (5 in the paper, {spec.seeds} here), epsilon = {epsilon:g}, ten "
        "iterations of L-BFGS-B. Here accuracy is at equal epochs and sharpness at equal training loss. Data, network "
        "and learning rate differ from the paper's: compare the direction and the order of magnitude.",
    )


def _arm_table(spec: LargeBatch, found: Findings[Cell]) -> Table:
    rows = []
    for on in spec.comparisons:
        for match in MATCHES:
            for arm in ARMS:
                arm_runs = runs_of(spec, found, on, arm, match)
                columns = [("train", "loss", 1), ("train", "error", 100), ("test", "error", 100)]
                columns += [("none", "parameter_norm", 1), ("none", "distance", 1)]
                shown = [
                    views.mean_and_sd(factor * last(spec, found, on, arm, match, split, metric))
                    for split, metric, factor in columns
                ]
                steps = views.mean_and_sd(np.array([float(run.outcome.step) for run in arm_runs]))
                used = sum(usable(run, match) for run in arm_runs)
                rows.append([on.name, MEANING[match], _label(on, arm), steps, *shown, f"{used} of {len(arm_runs)}"])
    header = ("data", "compared at", "arm", "updates", "train loss", "train error %", "test error %", "weight norm")
    return Table(
        "Every arm as it ended",
        (*header, "distance", "runs used"),
        rows,
        "Mean ± standard deviation over seeds.",
    )
