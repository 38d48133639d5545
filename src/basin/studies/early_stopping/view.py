"""The findings of the study `early-stopping` as arrays, figures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from basin.figures import contours, lines, paired
from basin.figures import curves as curve_figure
from basin.figures.figure import Figure
from basin.spec.early_stopping import EarlyStopping, LearningCurves, Likeness
from basin.studies import runs, views
from basin.studies.study import Findings, Table

NETWORKS = ("linear", "layered")
GAMMA = "effective parameters where training ended"


@dataclass(frozen=True)
class Cell:
    """One run's place in the design.

    Attributes:
        part: Name of the learning curves, or one of :data:`NETWORKS`.
        arm: `to the end` or `rule`; for a network `stopped` or `decayed`.
        steps: tau, for a network.
        seed: Of the run.
    """

    part: str
    arm: str
    steps: int
    seed: int


# --- Arrays ----------------------------------------------------------------------------------------------------------


def decay_like(of: Likeness, steps: int) -> float:
    """Return the decay that theory pairs with a number of steps, 1 / (rho tau)."""
    return 1 / (of.learning_rate * steps)


def curves(
    spec: EarlyStopping, found: Findings[Cell], on: LearningCurves, split: str, metric: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return (epochs, values) of training to the end, (looks,) and (seeds, looks); NaN for a run that diverged."""
    members = [found.runs[Cell(on.name, "to the end", 0, seed)] for seed in range(spec.seeds)]
    epochs, values = runs.curves(members, split, metric)
    values[[run.outcome.kind != "completed" for run in members]] = np.nan
    return epochs, values


def best_look(spec: EarlyStopping, found: Findings[Cell], on: LearningCurves, arm: str) -> np.ndarray:
    """Return the number of the look at which each seed's held-out loss is lowest, (seeds,)."""
    histories = [found.runs[Cell(on.name, arm, 0, seed)].history for seed in range(spec.seeds)]
    return np.array([np.nanargmin(one.curve("validation", "loss")[1]) for one in histories], np.float64)


def stopping_look(spec: EarlyStopping, found: Findings[Cell], on: LearningCurves) -> np.ndarray:
    """Return the look, the last left out, at which each seed's held-out loss is lowest: there one stops, (seeds,)."""
    return curves(spec, found, on, "validation", "loss")[1][:, :-1].argmin(axis=1)


def stopped_at(spec: EarlyStopping, found: Findings[Cell], on: LearningCurves) -> np.ndarray:
    """Return the share of the budget after which the rule ended each run, (seeds,)."""
    members = [found.runs[Cell(on.name, "rule", 0, seed)] for seed in range(spec.seeds)]
    return np.array([run.outcome.step / run.spec.num_steps for run in members])


def gammas(spec: EarlyStopping, found: Findings[Cell], network: str, arm: str) -> np.ndarray:
    """Return the effective number of parameters, (seeds, budgets)."""
    return _table(spec, lambda steps, seed: found.measured[Cell(network, arm, steps, seed)][GAMMA, "train"].value)


def last_errors(spec: EarlyStopping, found: Findings[Cell], network: str, arm: str) -> np.ndarray:
    """Return the test error at the end in points, (seeds, budgets)."""
    return 100 * _table(
        spec, lambda steps, seed: found.runs[Cell(network, arm, steps, seed)].history.last("test", "error")
    )


def weights_apart(spec: EarlyStopping, found: Findings[Cell], network: str) -> np.ndarray:
    """Return the distance of stopped from decayed weights, relative to the larger norm, (seeds, budgets)."""

    def apart(steps: int, seed: int) -> float:
        stopped, decayed = (
            _vector(found.runs[Cell(network, arm, steps, seed)].params) for arm in ("stopped", "decayed")
        )
        return float(np.linalg.norm(stopped - decayed) / max(np.linalg.norm(stopped), np.linalg.norm(decayed)))

    return _table(spec, apart)


def _vector(params: Any) -> np.ndarray:
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(params)])


def _table(spec: EarlyStopping, value: Any) -> np.ndarray:
    return np.array([[value(steps, seed) for steps in spec.likeness.steps] for seed in range(spec.seeds)])


# --- Figures ---------------------------------------------------------------------------------------------------------


def figures(spec: EarlyStopping, found: Findings[Cell], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _curve_figure(spec, found, "loss", "loss (nats)", 1),
        _curve_figure(spec, found, "error", "error (%)", 100),
        _stopping_figure(spec, found),
        _share_figure(found),
        _gap_figure(found),
        _path_figure(found),
        _descent_figure(spec, found),
        _gamma_figure(spec, found),
        _likeness_figure(spec, found),
    ]


def _curve_figure(spec: EarlyStopping, found: Findings[Cell], metric: str, label: str, factor: float) -> Figure:
    panels = []
    for on in spec.curves:
        drawn = []
        for split in ("train", "validation", "test"):
            epochs, values = curves(spec, found, on, split, metric)
            drawn.append(curve_figure.Curve(split, epochs, factor * values, "as named"))
        panels.append(curve_figure.Panel(on.name, tuple(drawn)))
    wrong = ", ".join(f"{100 * on.data.label_noise:g} % ({on.name})" for on in spec.curves)
    return curve_figure.draw(
        f"learning-curves-{metric}",
        f"Learning curves: {metric}",
        f"Training on to the end. Wrong labels among the training and the held-out examples: {wrong}; none in the test "
        "set.",
        panels,
        y_label=label,
    )


def _stopping_figure(spec: EarlyStopping, found: Findings[Cell]) -> Figure:
    pairs = []
    for on in spec.curves:
        _, test = curves(spec, found, on, "test", "error")
        best = stopping_look(spec, found, on)
        seeds = tuple(range(spec.seeds))
        pairs.append(paired.Pairs(on.name, 100 * test[:, -1], 100 * test[np.arange(spec.seeds), best], seeds))
    return paired.draw(
        "stopping",
        "To stop or to train on",
        "Test error at the end, and at the look with the lowest held-out loss.",
        pairs,
        arms=("trained on", "stopped"),
        label="test error (%)",
        unit="points",
        smallest_effect=0.5,
    )


def _share_figure(found: Findings[Cell]) -> Figure:
    alike = found.computed["likeness"]
    names = {
        "stopped": "stopped",
        "decayed": "decay 1/(ρτ)",
        "decayed-best": f"decay {float(alike['best-factor']):.3f}/(ρτ)",
    }
    drawn = [lines.Line(label, alike["x"], alike[name]) for name, label in names.items()]
    return lines.draw(
        "shares",
        "Stopping and decay, direction by direction",
        "Share of the minimum along a direction of eigenvalue η after τ steps at rate ρ (walked), and under decay.",
        [lines.Panel("", tuple(drawn))],
        x_label="ρτη",
        y_label="share of the minimum",
        log_x=True,
    )


def _gap_figure(found: Findings[Cell]) -> Figure:
    alike = found.computed["likeness"]
    by_steps = lines.Line("largest gap", alike["few-steps"].astype(float), alike["few-gaps"], style="points")
    return lines.draw(
        "gap",
        "How far apart stopping and decay can be",
        "Largest gap between the two shares over all directions with ρη below 1: 0.204 only when steps are many.",
        [lines.Panel("", (by_steps,), (lines.Mark("0.204", y=0.204),))],
        x_label="steps",
        y_label="gap between the shares",
        log_x=True,
    )


def _path_figure(found: Findings[Cell]) -> Figure:
    paths = found.computed["paths"]
    flat, steep = paths["lambdas"]
    x, y = np.linspace(-0.4, 3.2, 121), np.linspace(-0.4, 2.4, 97)
    error = (flat * (x - paths["target"][0]) ** 2 + (steep * (y - paths["target"][1]) ** 2)[:, None]) / 2
    walks = (contours.Path("descent", paths["descent"][::10]), contours.Path("decay", paths["decay"][::-1]))
    return contours.draw(
        "paths",
        "The path of descent and the path of the minimum under decay",
        f"From the origin to the minimum of a quadratic with eigenvalues {flat:g} (across) and {steep:g} (up). Descent "
        "goes on with every step, the minimum under decay as its strength falls.",
        [contours.Panel("", x, y, error, walks, (contours.Mark("w*", *paths["target"].tolist()),))],
        x_label="u₁, the flat direction",
        y_label="u₂",
    )


def _descent_figure(spec: EarlyStopping, found: Findings[Cell]) -> Figure:
    walks = found.computed["descent"]
    steps = np.unique(np.round(np.logspace(0, np.log10(spec.descent.num_steps), 40)).astype(int))
    panels = []
    for place, rate in enumerate(spec.descent.rates):
        walked, formula = (walks[name][place, steps].sum(axis=-1) for name in ("walked", "formula"))
        drawn = (
            lines.Line("walked", steps, walked, style="points"),
            lines.Line("formula", steps, formula, style="dashed"),
        )
        panels.append(lines.Panel(f"rate {rate:g}", drawn))
    return lines.draw(
        "gamma-quadratic",
        "The effective number of parameters grows in training",
        f"Sum of the shares of the minimum over {len(spec.descent.eigenvalues)} directions, one of which has no data.",
        panels,
        x_label="steps",
        y_label="effective number of parameters γ",
        log_x=True,
    )


def _gamma_figure(spec: EarlyStopping, found: Findings[Cell]) -> Figure:
    return _network_figure(
        spec,
        found,
        "gamma-networks",
        "Effective parameters of networks, stopped and decayed",
        "effective parameters γ",
        gammas,
    )


def _likeness_figure(spec: EarlyStopping, found: Findings[Cell]) -> Figure:
    return _network_figure(
        spec, found, "likeness-networks", "Test error of networks, stopped and decayed", "test error (%)", last_errors
    )


def _network_figure(spec: EarlyStopping, found: Findings[Cell], name: str, title: str, label: str, read: Any) -> Figure:
    panels = []
    for network in NETWORKS:
        drawn = [
            views.mean_line(arm, np.array(spec.likeness.steps), read(spec, found, network, arm).T)
            for arm in ("stopped", "decayed")
        ]
        panels.append(lines.Panel(network, tuple(drawn)))
    return lines.draw(
        name,
        title,
        "After τ steps of descent on the full batch, and at the minimum with decay 1/(ρτ). Bands: 95 % interval of the "
        f"mean over {spec.seeds} seeds.",
        panels,
        x_label="steps τ",
        y_label=label,
        log_x=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the mean",
    )


# --- Tables ----------------------------------------------------------------------------------------------------------


def tables(spec: EarlyStopping, found: Findings[Cell]) -> Sequence[Table]:
    """Return where training was stopped, and the networks beside decay."""
    return [_stopping_table(spec, found), _likeness_table(spec, found)]


def _stopping_table(spec: EarlyStopping, found: Findings[Cell]) -> Table:
    rows = []
    for on in spec.curves:
        epochs, test = curves(spec, found, on, "test", "error")
        best = stopping_look(spec, found, on)
        at_best_look = 100 * test[np.arange(spec.seeds), best]
        shown = [epochs[best], 100 * stopped_at(spec, found, on), at_best_look, 100 * test[:, -1]]
        rows.append([on.name, *map(views.mean_and_sd, shown)])
    return Table(
        "Where one would have stopped",
        (
            "data",
            "epoch of the lowest held-out loss",
            "rule stops at, % of the budget",
            "test error % there",
            "at the end",
        ),
        rows,
        "Mean ± standard deviation over seeds.",
    )


def _likeness_table(spec: EarlyStopping, found: Findings[Cell]) -> Table:
    rows = []
    for network in NETWORKS:
        columns = [read(spec, found, network, arm) for read in (gammas, last_errors) for arm in ("stopped", "decayed")]
        columns.append(weights_apart(spec, found, network))
        for place, steps in enumerate(spec.likeness.steps):
            decay = f"{decay_like(spec.likeness, steps):.3g}"
            rows.append([network, str(steps), decay, *(views.mean_and_sd(column[:, place]) for column in columns)])
    header = ("network", "steps tau", "decay", "gamma, stopped", "decayed", "test error %, stopped", "decayed")
    return Table(
        "Networks stopped after tau steps beside networks with decay 1 / (rho tau)",
        (*header, "weights apart"),
        rows,
        "Mean ± standard deviation over seeds; weights: distance relative to the larger norm.",
    )
