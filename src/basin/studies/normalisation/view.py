"""The figures and tables of the study `normalisation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from basin.figures import curves, lines
from basin.figures.figure import Figure
from basin.spec.normalisation import Normalisation
from basin.stats import Scale
from basin.studies import views
from basin.studies.normalisation import layers
from basin.studies.normalisation.depth import NORMS, slopes
from basin.studies.normalisation.evidence import Cell, inferred, of_arm, tuned_updates
from basin.studies.normalisation.inference import KINDS
from basin.studies.normalisation.inputs import ARMS, LATE, RATES
from basin.studies.study import Findings, Table

NAMES = {"none": "no norm", "batch": "batch norm", "layer": "layer norm"}


def figures(spec: Normalisation, found: Findings[Cell], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _condition(found),
        _slopes(spec, found),
        _by_layer(spec, found),
        _digits(spec, found),
        _variance(spec, found),
        _inference(spec, found),
        _lag(found),
    ]


def _condition(found: Findings[Cell]) -> Figure:
    linear, drawn = found.computed["linear"], []
    for index, arm in enumerate(ARMS):
        order = np.argsort(linear["kappa"][:, index])
        kappa, steps = (linear[what][order, index] for what in ("kappa", "steps"))
        drawn.append(lines.Line(arm, kappa, steps, style="points"))
    return lines.draw(
        "condition",
        "Standardised inputs: a lower condition number, fewer steps",
        "Linear problems on 200 digits each, one point a draw: steps of descent at its best rate to a hundredth of the "
        "excess error. Different ranges: every pixel times 10^u, u uniform in [-1, 1].",
        [lines.Panel("", tuple(drawn))],
        x_label="condition number",
        y_label="steps",
        log_x=True,
        log_y=True,
        note=f"n = {len(linear['kappa'])} draws · one point a draw",
    )


def _slopes(spec: Normalisation, found: Findings[Cell]) -> Figure:
    scales, panels = np.array(spec.scales), []
    for when, title in (("start", "at the start"), ("trained", f"after {spec.deep_steps} updates")):
        seen = {norm: slopes(found.computed["depth"][norm][when]["by_units"]) for norm in NORMS}
        drawn = [views.mean_line(NAMES[norm], scales, rows) for norm, rows in seen.items()]
        theory = lines.Line(NAMES["none"], scales, np.log(scales), style="dashed")
        panels.append(lines.Panel(title, (*drawn, theory), (lines.Mark("neither", y=0.0),)))
    return lines.draw(
        "depth-slopes",
        "Do gradients vanish or explode on their way back?",
        f"Slope of the log of the gradient's norm by pre-activations, a layer towards the input, {spec.depth} layers: "
        "positive explodes, negative vanishes. Dashed: log of the scale. Bands: 95 % interval over "
        f"{spec.seeds} draws of the weights.",
        panels,
        x_label="initial weights, multiples of He's",
        y_label="log of the growth a layer",
        log_x=True,
        note=f"n = {spec.seeds} draws · band: 95 % interval of the mean",
    )


def _by_layer(spec: Normalisation, found: Findings[Cell]) -> Figure:
    panels = []
    places = [0, int(np.argmin(np.abs(np.log(spec.scales)))), len(spec.scales) - 1]
    depth = np.arange(1.0, spec.depth + 1)
    for place in places:
        drawn = []
        for norm in NORMS:
            sizes = found.computed["depth"][norm]["start"]["by_units"][place]
            drawn.append(views.mean_line(NAMES[norm], depth, (sizes / sizes[:, -1:]).T, Scale.LOG))
        panels.append(lines.Panel(f"scale {spec.scales[place]:g}", tuple(drawn)))
    return lines.draw(
        "depth-layers",
        "Size of the gradient, layer by layer, at the start",
        "Norm of the gradient by a layer's pre-activations over that of the last layer; geometric means, bands: 95 % "
        f"interval over {spec.seeds} draws.",
        panels,
        x_label="layer, from the input",
        y_label="relative norm",
        log_y=True,
        note=f"n = {spec.seeds} draws · band: 95 % interval of the geometric mean",
    )


def _digits(spec: Normalisation, found: Findings[Cell]) -> Figure:
    arms = tuple(dict.fromkeys(cell.arm for cell in found.runs))
    panels = []
    for split, metric, factor, title in (
        ("train", "loss", 1.0, "training loss (nats)"),
        ("test", "error", 100.0, "test error (%)"),
    ):
        drawn = []
        for arm in arms:
            ended = [found.runs[Cell(arm, seed)] for seed in range(spec.seeds)]
            drawn.append(views.curve(arm, ended, split, metric, factor))
        panels.append(curves.Panel("", tuple(drawn), y_label=title))
    return curves.draw(
        "digits",
        "Digits: which normalisation, where, and with what",
        f"MLP {'-'.join(map(str, spec.widths))}, Adam at {spec.rate:g}, batch {spec.batch_size}. After: past the "
        "activation; alone: without gamma and beta.",
        panels,
        y_label="",
        log_x=True,
        log_y=True,
    )


def _variance(spec: Normalisation, found: Findings[Cell]) -> Figure:
    sizes = np.array(spec.statistics_batches, float)
    drawn = [
        views.mean_line(kind, sizes, [inferred(spec, found, kind, int(size), "variance") for size in sizes], Scale.LOG)
        for kind in KINDS
    ]
    theory = lines.Line("Flax", sizes, (sizes - 1) / sizes, style="dashed")
    return lines.draw(
        "variance",
        "What averages of the batches' statistics tend to",
        "Variance for inference over that of the training set, first layer. Slides: sigma averaged; Flax: the "
        "variance; PyTorch: the variance with K - 1. Dashed: (K - 1)/K. Geometric means over units and seeds; bands: "
        "95 % interval.",
        [lines.Panel("", (*drawn, theory), (lines.Mark("full pass", y=1.0),))],
        x_label="batch size K",
        y_label="relative variance",
        log_x=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the geometric mean",
    )


def _inference(spec: Normalisation, found: Findings[Cell]) -> Figure:
    sizes, full = np.array(spec.statistics_batches, float), inferred(spec, found, "full pass")
    drawn = [
        views.mean_line(kind, sizes, [inferred(spec, found, kind, int(size)) / full for size in sizes], Scale.LOG)
        for kind in KINDS
    ]
    noises = [inferred(spec, found, "noise", int(size)) for size in sizes]
    noise = views.mean_line("noise of a mean", sizes, noises, Scale.LOG)
    root = lines.Line("noise of a mean", sizes, 1 / np.sqrt(sizes), style="dashed")
    return lines.draw(
        "inference",
        "Inference with statistics of small batches",
        "Left: test loss over that of a full pass, weights unchanged. Right: standard deviation over batches of a "
        "unit's mean in its own sigma, first layer; dashed: 1/sqrt(K). Geometric means over seeds; bands: 95 % "
        "interval.",
        [
            lines.Panel(
                "", tuple(drawn), (lines.Mark("full pass", y=1.0),), y_label="test loss over that of a full pass"
            ),
            lines.Panel("", (noise, root), y_label="standard deviation of a mean (sigma)"),
        ],
        x_label="batch size K",
        y_label="",
        log_x=True,
        log_y=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the geometric mean",
    )


def _lag(found: Findings[Cell]) -> Figure:
    drawn, marks = [], []
    for alpha, averages in found.computed["layers"]["ramp"].items():
        t = np.arange(1.0, len(averages) + 1)
        at = np.unique(np.geomspace(1, len(t), 40).astype(int)) - 1
        drawn.append(lines.Line(f"α = {alpha}", t[at], (t - averages)[at]))
        marks.append(
            lines.Mark(f"α/(1 − α) = {float(alpha) / (1 - float(alpha)):.0f}", y=float(alpha) / (1 - float(alpha)))
        )
    return lines.draw(
        "lag",
        "How far running averages lag behind",
        "Batches whose mean rises by 1 an update, through Basin's batch normalisation in float64.",
        [lines.Panel("", tuple(drawn), tuple(marks))],
        x_label="update",
        y_label="lag (updates)",
        log_x=True,
        log_y=True,
    )


# --- Tables ----------------------------------------------------------------------------------------------------------


def tables(spec: Normalisation, found: Findings[Cell]) -> Sequence[Table]:
    """Return inputs, depth, the arms on digits, and one example under three statistics."""
    return [_input_table(found), _depth_table(spec, found), _digit_table(spec, found), _single_table(spec, found)]


def _input_table(found: Findings[Cell]) -> Table:
    linear, network, rows = found.computed["linear"], found.computed["network"], []
    for index, arm in enumerate(ARMS):
        tuned = tuned_updates(network[arm]["steps"])
        rates = ", ".join(f"{RATES[i]:.3g}" for i in sorted(set(tuned.index.tolist()))) + "*" * tuned.at_edge
        medians = (np.median(linear[what][:, index]) for what in ("kappa", "steps"))
        spread, updates = np.median(network[arm]["spread"]), np.median(tuned.values)
        rows.append([arm, *(f"{value:.3g}" for value in medians), f"{spread:.3g}", rates, f"{updates:.0f}"])
    return Table(
        "Inputs",
        (
            "inputs",
            "condition, linear",
            "steps, linear",
            f"lambda_1 / lambda_{LATE}, network",
            "rate chosen",
            "updates, network",
        ),
        rows,
        "Medians over draws or seeds. * marks a rate at the edge of its grid.",
    )


def _depth_table(spec: Normalisation, found: Findings[Cell]) -> Table:
    rows = []
    for norm in NORMS:
        for when in ("start", "trained"):
            one = found.computed["depth"][norm][when]
            for place, scale in enumerate(spec.scales):
                by_units, by_weights = (slopes(one[what])[place] for what in ("by_units", "by_weights"))
                rows.append(
                    [
                        NAMES[norm],
                        f"{scale:g}",
                        when,
                        _factor(by_units),
                        _factor(by_weights),
                        _mean_and_sd(one["loss"][place]),
                    ]
                )
    return Table(
        "Growth of the gradient a layer towards the input",
        ("network", "scale", "when", "by pre-activations", "by weights", "loss"),
        rows,
        f"Geometric mean of the factor a layer over {spec.seeds} draws; loss: mean ± standard deviation. –: no number.",
    )


def _factor(values: np.ndarray) -> str:
    finite = values[np.isfinite(values)]
    return f"{np.exp(finite.mean()):.3f}" if finite.size else "–"


def _digit_table(spec: Normalisation, found: Findings[Cell]) -> Table:
    rows = []
    for arm in dict.fromkeys(cell.arm for cell in found.runs):
        loss, error = (of_arm(spec, found, arm, *what) for what in (("train", "loss"), ("test", "error")))
        rows.append([arm, _mean_and_sd(loss), _mean_and_sd(100 * error)])
    return Table(
        "Digits at the end", ("arm", "training loss", "test error %"), rows, "Mean ± standard deviation over seeds."
    )


def _single_table(spec: Normalisation, found: Findings[Cell]) -> Table:
    single = found.computed["layers"]["one example"]
    spreads = {kind: np.ptp(single[kind], axis=1).mean() for kind in ("batch statistics", "fixed statistics")}
    rows = [
        ["statistics of the example itself", f"{spreads['batch statistics']:.2g}", "undefined"],
        ["moving averages", f"{spreads['fixed statistics']:.2g}", _mean_and_sd(inferred(spec, found, "running"))],
        ["full pass", f"{spreads['fixed statistics']:.2g}", _mean_and_sd(inferred(spec, found, "full pass"))],
    ]
    return Table(
        "Predicting one example",
        ("normalised with", "range of a unit's output over examples", "test loss on digits"),
        rows,
        f"Range over 8 examples in a layer of {layers.UNITS} units; test loss: mean ± standard deviation over seeds.",
    )


def _mean_and_sd(values: np.ndarray) -> str:
    return views.mean_and_sd(values, ".3g")
