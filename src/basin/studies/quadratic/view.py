"""The findings of the study `quadratic` as arrays, figures and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from basin.figures import contours, lines
from basin.figures import curves as curve_figure
from basin.figures.figure import Figure
from basin.figures.lines import Line, Mark, Panel
from basin.spec.quadratic import Quadratic
from basin.studies import views
from basin.studies.quadratic.expansion import LENGTHS, SURFACES, reach
from basin.studies.quadratic.ravine import COMMON_RATE, HORIZON, RATES
from basin.studies.study import Findings, Table

MOMENTS = ("early", "late")
OPTIMIZERS = ("descent", "momentum", "RMSProp")


@dataclass(frozen=True)
class Cell:
    """One network's place in the design: how long it was trained, from which seed."""

    moment: str
    seed: int


# --- Arrays ----------------------------------------------------------------------------------------------------------


def measure_name(spec: Quadratic) -> str:
    """Return the name of the one measurement with its settings."""
    rates = ", ".join(f"{rate:g}" for rate in spec.predicted_rates)
    return f"local_quadratic: {spec.predicted_steps} steps at {rates} over lambda_max"


def local(spec: Quadratic, found: Findings[Cell], moment: str, name: str) -> np.ndarray:
    """Return a field of the networks' measurement, a row a seed; `remainders` by `remainders.first` and so on."""
    key = (measure_name(spec), "train")
    measured = [found.measured[Cell(moment, seed)][key] for seed in range(spec.seeds)]
    if name == "value":
        return np.array([one.value for one in measured])
    field, _, part = name.partition(".")
    return np.array([one.details[field][part] if part else one.details[field] for one in measured], np.float64)


def remainders(spec: Quadratic, found: Findings[Cell]) -> Mapping[str, Mapping[str, np.ndarray]]:
    """Return the remainders and the size of the model by place: each surface, and the network at each moment."""
    kinds = ("first", "second", "gradient", "model")
    on = {name: found.computed["expansion"][name] for name in SURFACES}
    networks = {
        f"network, {moment}": {kind: local(spec, found, moment, f"remainders.{kind}") for kind in kinds}
        for moment in MOMENTS
    }
    return {**on, **networks}


# --- Figures ---------------------------------------------------------------------------------------------------------


def figures(spec: Quadratic, found: Findings[Cell], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first, then in the order of the slides."""
    return [
        views.claims_figure(records),
        _one_dimension(found),
        _expansion(spec, found),
        _ellipses(spec, found),
        _aim(spec, found),
        _decay(found),
        _rates(spec, found),
        _condition(spec, found),
        _constant_gradient(spec, found),
        _slide_27(spec, found),
        _valley(found),
        _stability(spec, found),
        _ravine_paths(found),
        _ravine_rates(found),
        _network(spec, found),
    ]


def _one_dimension(found: Findings[Cell]) -> Figure:
    held = found.computed["one-dimension"]
    shown = [Line("error", held["curve_x"], held["curve_y"])]
    for name, index in (("from the left", 0), ("from the right", -1)):
        points, values = held["points"][index], held["values"][index]
        order = np.argsort(points)
        shown.append(Line(name, points[order], values[order], style="points"))
        span = np.array([-0.7, 0.7]) if index else np.array([-0.25, 0.25])
        shown.append(Line(name, points[0] + span, values[0] + held["slopes"][index, 0] * span, style="dashed"))
    shown.append(Line("slope 0", np.array([-1.0, 1.0]), np.zeros(2), style="dashed"))
    return lines.draw(
        "one-dimension",
        "One weight: the slope says which way to go",
        "Descent from either side of the minimum of e^-w + w - 1 at learning rate 0.2, eight steps each. Dashed: "
        "tangents, at the two starts and at the minimum.",
        [Panel("", tuple(shown))],
        x_label="weight w",
        y_label="error",
    )


def _expansion(spec: Quadratic, found: Findings[Cell]) -> Figure:
    multiples = []
    for place, one in remainders(spec, found).items():
        drawn: list[Line] = []
        for label, kind, slope in (("E, 1st order", "first", 2), ("E, 2nd order", "second", 3)):
            values = np.exp(np.log(one[kind]).mean(axis=0))
            drawn.append(Line(label, LENGTHS, values, style="points"))
            drawn.append(Line(label, LENGTHS, values[0] * (LENGTHS / LENGTHS[0]) ** slope, style="dashed"))
        multiples.append(Panel(place, tuple(drawn)))
    return lines.draw(
        "expansion",
        "What gradient and Hessian leave unexplained",
        "Remainder of the error after the first and after the second order of its expansion, against the length of the "
        f"step; geometric means over random points, or over {spec.seeds} seeds of the network. Dashed: slopes 2 and 3 "
        "through the first point.",
        multiples,
        x_label="length of the step",
        y_label="remainder",
        log_x=True,
        log_y=True,
    )


def _ellipses(spec: Quadratic, found: Findings[Cell]) -> Figure:
    kappas, rings = np.array(spec.condition_numbers), found.computed["ellipses"]
    drawn = (
        Line("measured", kappas, rings["long"] / rings["short"], style="points"),
        Line("root of κ", kappas, np.sqrt(kappas), style="dashed"),
    )
    return lines.draw(
        "ellipse-axes",
        "Contours: the long axis over the short one",
        "Half-axes of a contour, found by where rays from the minimum meet it, on turned quadratics.",
        [Panel("", drawn)],
        x_label="condition number κ",
        y_label="ratio of axes",
        log_x=True,
        log_y=True,
    )


def _aim(spec: Quadratic, found: Findings[Cell]) -> Figure:
    kappas, blocks = np.array(spec.condition_numbers), found.computed["aim"]["angles"]
    off = views.median_line("angle", kappas, blocks.reshape(len(kappas), -1))
    return lines.draw(
        "gradient-aim",
        "How far off the minimum descent sets out",
        "Angle between the direction of steepest descent and the way to the minimum, at points uniform on a disc; "
        f"line: median of {blocks[0].size} points, band: from the lower to the upper quartile.",
        [Panel("", (off,), (Mark("10 degrees", y=10.0),))],
        x_label="condition number κ",
        y_label="angle (degrees)",
        log_x=True,
        note=f"n = {blocks[0].size} points · line: median · band: quartiles",
    )


def _decay(found: Findings[Cell]) -> Figure:
    held = found.computed["shown"]
    steps, multiples = np.arange(held["alpha"].shape[1]), []
    for rate, alpha in zip(held["rates"], np.abs(held["alpha"]), strict=True):
        drawn: list[Line] = []
        for index, label in enumerate(("flat direction", "steep direction")):
            theory = alpha[0, index] * np.abs(1 - rate * held["eigenvalues"][index]) ** steps
            drawn.append(Line(label, steps[::4], alpha[::4, index], style="points"))
            drawn.append(Line(label, steps, theory, style="dashed"))
        multiples.append(Panel(f"rate {rate:g} / λ_max", tuple(drawn)))
    return lines.draw(
        "decay",
        "Each eigendirection shrinks by its own factor",
        "Distance to the minimum along the two eigenvectors of a turned quadratic of condition number 20. Points: "
        "every fourth step walked; dashed: |1 - ηλ|^T. Above 2 / λ_max the steep direction grows.",
        multiples,
        x_label="step T",
        y_label="distance along the eigenvector",
        log_y=True,
    )


def _rates(spec: Quadratic, found: Findings[Cell]) -> Figure:
    held, kappas = found.computed["factors"], np.array(spec.condition_numbers)
    multiples = []
    for index in range(min(2, len(kappas))):
        drawn = (
            Line("flattest direction", held["rates"], np.abs(held["slow"][index])),
            Line("whole distance", held["rates"], held["whole"][index], style="dotted"),
        )
        marks = (Mark("best", x=2 / (1 + 1 / kappas[index])),)
        multiples.append(Panel(f"condition number {kappas[index]:g}", drawn, marks))
    return lines.draw(
        "rates",
        "A larger rate is faster, up to a point",
        "Factor by which one step multiplies the distance along the flattest direction, and the larger of the factors "
        "of all directions. The best rate is 2 / (λ_min + λ_max); at 2 / λ_max nothing converges any more.",
        multiples,
        x_label="learning rate × λ_max",
        y_label="factor a step",
    )


def _condition(spec: Quadratic, found: Findings[Cell]) -> Figure:
    held, kappas = found.computed["factors"], np.array(spec.condition_numbers)
    drawn = (
        Line("at 2/λ_max", kappas, 1 - held["limit"], style="points"),
        Line("at 2/λ_max", kappas, 2 / kappas, style="dashed"),
        Line("at the best rate", kappas, 1 - held["best"], style="points"),
        Line("at the best rate", kappas, 2 / (kappas + 1), style="dashed"),
    )
    return lines.draw(
        "condition",
        "Long thin ellipses are slow",
        "What one step takes away of the distance along the flattest direction: points walked; dashed: 2/κ and "
        "2/(κ + 1).",
        [Panel("", drawn)],
        x_label="condition number κ",
        y_label="share taken away a step",
        log_x=True,
        log_y=True,
    )


def _constant_gradient(spec: Quadratic, found: Findings[Cell]) -> Figure:
    held = found.computed["momentum"]["constant"]
    steps, drawn = np.arange(1, held.shape[1] + 1), []
    for mu, risen in list(zip(spec.momenta, held, strict=True))[:5]:
        at = np.unique(np.geomspace(1, len(steps), 16).astype(int)) - 1
        drawn.append(Line(f"μ = {mu:g}", steps[at], risen[at], style="points"))
        drawn.append(Line(f"μ = {mu:g}", steps, (1 - mu**steps) / (1 - mu), style="dashed"))
    return lines.draw(
        "constant-gradient",
        "Momentum under a constant gradient",
        "Step over gradient, in units of the learning rate. Points: walked; dashed: (1 - μ^T)/(1 - μ).",
        [Panel("", tuple(drawn))],
        x_label="step T",
        y_label="effective rate / η",
        log_x=True,
        log_y=True,
    )


def _slide_27(spec: Quadratic, found: Findings[Cell]) -> Figure:
    held = found.computed["momentum"]
    middle = len(spec.momenta) // 2
    grown = np.concatenate([[0.0], np.cumsum(held["constant"][middle][:6])])
    slope_x = np.linspace(0, grown[-1], 2)
    swing = held["swing path"][:9, 0]
    x = np.linspace(-np.abs(swing).max(), np.abs(swing).max(), 81)
    return lines.draw(
        "momentum-gradients",
        "Momentum on a slope and across a valley",
        "As on slide 27. Left: on an even slope each step is longer than the last. Right: where the gradient changes "
        f"its sign, contributions cancel. Momentum {spec.momenta[middle]:g} on the slope, 0.9 across.",
        [
            Panel("even slope", (Line("error", slope_x, -slope_x), Line("walk", grown, -grown, style="points"))),
            Panel("high curvature", (Line("error", x, x**2 / 2), Line("walk", swing, swing**2 / 2, style="points"))),
        ],
        x_label="weight w",
        y_label="error",
    )


def _valley(found: Findings[Cell]) -> Figure:
    path = found.computed["momentum"]["valley path"]
    x, y = np.linspace(-4.4, 0.6, 101), np.linspace(-1.3, 1.8, 63)
    marks = (contours.Mark("start", float(path[0, 0]), float(path[0, 1]), "start"), contours.Mark("minimum", 0.0, 0.0))
    height = (0.02 * x**2 + y[:, None] ** 2) / 2
    return contours.draw(
        "momentum-valley",
        "Momentum through a valley",
        f"As on slide 27, below: {len(path) - 1} steps at momentum 0.9 on a quadratic with eigenvalues 0.02 and 1, "
        "whose eigenvectors are the axes.",
        [contours.Panel("", x, y, height, (contours.Path("momentum", path),), marks)],
        x_label="u₁, along the valley",
        y_label="u₂, across it",
    )


def _stability(spec: Quadratic, found: Findings[Cell]) -> Figure:
    held, mu, fine = found.computed["limits"], np.array(spec.momenta), np.linspace(0, 1, 51)
    drawn = (
        Line("momentum", mu, held["momentum"][0], style="points"),
        Line("momentum", fine, 2 * (1 + fine), style="dashed"),
        Line("Nesterov", mu, held["nesterov"][0], style="points"),
        Line("Nesterov", fine, 2 * (1 + fine) / (1 + 2 * fine), style="dashed"),
    )
    return lines.draw(
        "stability",
        "How large a rate may be with momentum",
        "Largest stable learning rate times λ_max. Points: located by walking; dashed: 2 (1 + μ) and "
        "2 (1 + μ)/(1 + 2 μ).",
        [Panel("", drawn, (Mark("descent", y=2.0),))],
        x_label="momentum μ",
        y_label="largest rate × λ_max",
    )


def _ravine_paths(found: Findings[Cell]) -> Figure:
    held = found.computed["ravine"]
    names = {"common": f"one rate for all, {COMMON_RATE:g}", "tuned": "each at its best rate"}
    tuned = ", ".join(f"{name} {float(held[name]['rate']):.3g}" for name in OPTIMIZERS)
    x, y = np.linspace(-10, 2, 97), np.linspace(-4, 3, 57)
    height = x**2 / 100 + y[:, None] ** 2 / 2
    multiples = [
        contours.Panel(title, x, y, height, tuple(contours.Path(name, held[name][rate]["path"]) for name in OPTIMIZERS))
        for rate, title in names.items()
    ]
    return contours.draw(
        "ravine-paths",
        "Swing across the ravine, progress along it",
        f"{HORIZON} steps on x²/100 + y²/2 from (−9, 2). Best rates: {tuned}.",
        multiples,
        x_label="x, along the ravine",
        y_label="y",
    )


def _ravine_rates(found: Findings[Cell]) -> Figure:
    held = found.computed["ravine"]
    drawn = tuple(Line(name, RATES, held[name]["steps over rates"]) for name in OPTIMIZERS)
    starts = len(held[OPTIMIZERS[0]]["tuned"]["steps"])
    return lines.draw(
        "ravine-rates",
        "Steps to the bottom of the ravine against the learning rate",
        f"Geometric mean over the {starts} starts that tune; a walk that never arrives counts with its whole length.",
        [Panel("", drawn)],
        x_label="learning rate",
        y_label="steps to 1/10 000 of the start",
        log_x=True,
        log_y=True,
        note=f"n = {starts} starts · line: geometric mean",
    )


def _network(spec: Quadratic, found: Findings[Cell]) -> Figure:
    from basin.studies.quadratic.network import relative_error

    steps, multiples = np.arange(1.0, spec.predicted_steps + 1), []
    for moment in MOMENTS:
        walked, predicted = (local(spec, found, moment, name) for name in ("walked", "predicted"))
        drawn = []
        for index, rate in enumerate(spec.predicted_rates[:5]):
            errors = relative_error(walked[:, index], predicted[:, index])[:, 1:]
            drawn.append(curve_figure.Curve(f"{rate:g}/λ_max", steps, 100 * errors, split="train"))
        multiples.append(curve_figure.Panel(f"{moment} in training", tuple(drawn)))
    return curve_figure.draw(
        "network-prediction",
        "How well a network's local quadratic predicts its descent",
        "Error of the predicted fall of the training loss, of full-batch descent from where training left the network, "
        f"at {len(spec.predicted_rates[:5])} learning rates, λ_max being the largest eigenvalue there.",
        multiples,
        x_label="step",
        y_label="error of the predicted fall (%)",
        log_y=True,
    )


# --- Tables ----------------------------------------------------------------------------------------------------------


def tables(spec: Quadratic, found: Findings[Cell]) -> Sequence[Table]:
    """Return how far expansions reach, what the ravine showed, and what the networks' Hessians are like."""
    return [
        Table(
            "Distance at which an expansion is 10 % off",
            ("where", "first order", "second order"),
            list(_reach_rows(spec, found)),
            "Median over points or seeds; in units of the weights. Off by 10 % of the expansion's own terms.",
        ),
        Table(
            "In the ravine",
            ("optimiser", "rate", "swing", "travel", "progress", "steps to the bottom"),
            list(_ravine_rows(found)),
            "Geometric means over the starts, of progress the mean. Swing and travel (sum of |dy|) across in units of "
            "the start's distance.",
        ),
        Table(
            "The network's Hessian",
            ("moment", "largest eigenvalue", "smallest", "condition number of the positive part", "|gradient|"),
            list(_network_rows(spec, found)),
            "Geometric means over seeds (arithmetic for the smallest). Eigenvalues below a millionth of the largest "
            "are left out of the condition number.",
        ),
    ]


def _reach_rows(spec: Quadratic, found: Findings[Cell]) -> Iterator[tuple[str, ...]]:
    for place, one in remainders(spec, found).items():
        reached = [np.median(reach(LENGTHS, one[kind], one["model"])) for kind in ("first", "second")]
        yield (place, *(f"{value:.2g}" for value in reached))


def _ravine_rows(found: Findings[Cell]) -> Iterator[tuple[str, ...]]:
    for name in OPTIMIZERS:
        held = found.computed["ravine"][name]
        for which, rate in (("common", "1.8"), ("tuned", f"{float(held['rate']):.3g} (tuned)")):
            one = held[which]
            swing, travel, steps = (np.exp(np.log(one[key]).mean()) for key in ("swing", "travel", "steps"))
            yield name, rate, f"{swing:.2f}", f"{travel:.2f}", f"{one['progress'].mean():.2f}", f"{steps:.0f}"


def _network_rows(spec: Quadratic, found: Findings[Cell]) -> Iterator[tuple[str, ...]]:
    for moment in MOMENTS:
        eigenvalues, slope = (local(spec, found, moment, name) for name in ("eigenvalues", "gradient_norm"))
        top = eigenvalues[:, -1]
        least = np.where(eigenvalues > 1e-6 * top[:, None], eigenvalues, np.inf).min(axis=1)
        largest, condition, size = (np.exp(np.log(values).mean()) for values in (top, top / least, slope))
        smallest = eigenvalues[:, 0].mean()
        yield moment, f"{largest:.3g}", f"{smallest:.2g}", f"{condition:.2g}", f"{size:.2g}"
