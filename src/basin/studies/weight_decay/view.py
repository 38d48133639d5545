"""The findings of the study `weight-decay` as arrays, figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from basin import data
from basin.figures import contours, lines, paired
from basin.figures.figure import Figure
from basin.spec.model import mlp_parameters
from basin.spec.weight_decay import DecayRace, WeightDecay
from basin.studies import views
from basin.studies.study import Findings, Table
from basin.studies.weight_decay.mapped_data import FORMS

ARMS = ("coupled", "decoupled", "kernels")
WORDS = {"coupled": "coupled", "decoupled": "decoupled", "kernels": "coupled, kernels only"}
GAMMA = "effective parameters at this decay"
LEAST = 1e-4
"""A distance below this share of the first is not drawn."""
FINE = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Strengths of the larger presets."""


@dataclass(frozen=True)
class Cell:
    """One run's place in the design.

    Attributes:
        part: `capacity`, or the name of a race.
        arm: `decayed` or `free` for the capacity, else one of :data:`ARMS`.
        value: The strength for `decayed`, the width for `free`, the place in the grid of strengths for a race.
        seed: Of the run.
    """

    part: str
    arm: str
    value: float
    seed: int


# --- Arrays ----------------------------------------------------------------------------------------------------------


def strengths(race: DecayRace, arm: str) -> tuple[float, ...]:
    """Return the strengths that an arm tries."""
    return race.decoupled if arm == "decoupled" else race.coupled


def last(found: Findings[Cell], cell: Cell, split: str, metric: str = "error") -> float:
    """Return the last value of a metric, in points for errors; NaN for a run that diverged."""
    run = found.runs[cell]
    factor = 100 if metric == "error" else 1
    return factor * run.history.last(split, metric) if run.outcome.kind == "completed" else float("nan")


def raced(spec: WeightDecay, found: Findings[Cell], race: DecayRace, arm: str, split: str) -> np.ndarray:
    """Return the errors of an arm at every strength, (seeds, strengths), in points."""
    grid = range(len(strengths(race, arm)))
    return _table(spec, grid, lambda place, seed: last(found, Cell(race.name, arm, place, seed), split))


def chosen(spec: WeightDecay, found: Findings[Cell], race: DecayRace, arm: str) -> np.ndarray:
    """Return each seed's test error at a strength chosen on one half of the test set by the other seeds, (seeds,)."""
    halves = [raced(spec, found, race, arm, f"test_{half}") for half in "ab"]
    return np.mean([chosen_by_others(*pair) for pair in (halves, halves[::-1])], axis=0)


def chosen_by_others(choose_on: np.ndarray, read_on: np.ndarray) -> np.ndarray:
    """Return each row of one table at the column that is best in the mean of the other rows of another.

    Example:
        >>> errors = np.array([[0.0, 3.0], [2.0, 1.0], [2.0, 1.0]])
        >>> chosen_by_others(errors, errors).tolist()
        [3.0, 2.0, 2.0]
    """
    seeds = len(choose_on)
    others = [np.delete(np.arange(seeds), seed) for seed in range(seeds)]
    return np.array([read_on[seed, np.argmin(_mean(choose_on[rest]))] for seed, rest in enumerate(others)])


def _mean(rows: np.ndarray) -> np.ndarray:
    """Return the mean of the columns; one in which a run diverged is no choice."""
    return np.where(np.isfinite(rows).all(axis=0), rows.mean(axis=0), np.inf)


def gammas(spec: WeightDecay, found: Findings[Cell]) -> np.ndarray:
    """Return the effective number of parameters, (seeds, strengths)."""
    measured = found.measured
    return _table(
        spec, _grid(spec), lambda at, seed: measured[Cell("capacity", "decayed", at, seed)][GAMMA, "train"].value
    )


def decayed_errors(spec: WeightDecay, found: Findings[Cell]) -> np.ndarray:
    """Return the test error of the large network, (seeds, strengths)."""
    return _table(spec, _grid(spec), lambda at, seed: last(found, Cell("capacity", "decayed", at, seed), "test"))


def free_errors(spec: WeightDecay, found: Findings[Cell]) -> np.ndarray:
    """Return the test error of the networks without decay, the large one last, (seeds, widths)."""
    return _table(spec, _widths(spec), lambda width, seed: last(found, Cell("capacity", "free", width, seed), "test"))


def decayed_at(spec: WeightDecay, found: Findings[Cell], numbers: Sequence[int]) -> np.ndarray:
    """Return the large network's error where its gamma is a number, (seeds, numbers); NaN where it never is."""
    rows = zip(gammas(spec, found), decayed_errors(spec, found), strict=True)
    return np.array([interpolated(gamma, error, numbers) for gamma, error in rows])


def interpolated(gamma: np.ndarray, error: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """Return the error at some values of gamma, linear in log gamma between the points; NaN beyond them.

    Example:
        >>> interpolated(np.array([100.0, 1.0]), np.array([2.0, 4.0]), [10, 1000]).tolist()
        [3.0, nan]
    """
    order = np.argsort(gamma)
    return np.interp(np.log(numbers), np.log(gamma[order]), error[order], left=np.nan, right=np.nan)


def counts(spec: WeightDecay) -> list[int]:
    """Return the numbers of parameters of the networks without decay."""
    about = data.describe(spec.capacity.data)
    inputs = int(np.prod(about.input_shape))
    return [mlp_parameters((inputs, width, about.num_classes), normalised=False) for width in _widths(spec)]


def _table(spec: WeightDecay, values: Sequence[float], read: Callable[[float, int], float]) -> np.ndarray:
    return np.array([[read(value, seed) for value in values] for seed in range(spec.seeds)])


def _widths(spec: WeightDecay) -> tuple[int, ...]:
    return (*spec.capacity.small_widths, spec.capacity.width)


def _grid(spec: WeightDecay) -> tuple[float, ...]:
    return spec.capacity.strengths


# --- Figures ---------------------------------------------------------------------------------------------------------


def figures(spec: WeightDecay, found: Findings[Cell], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _shrinkage_figure(spec, found),
        _path_figure(found),
        _gamma_figure(spec, found),
        _capacity_figure(spec, found),
        _noise_figure(spec, found),
        _race_figure(spec, found),
        _mapping_figure(spec, found),
    ]


def _shrinkage_figure(spec: WeightDecay, found: Findings[Cell]) -> Figure:
    walks, strongest = found.computed["eigendirections"], len(spec.bowl.strengths) - 1
    alpha, rate = spec.bowl.strengths[-1], spec.bowl.learning_rate
    steps = np.arange(min(spec.bowl.num_steps, round(5 / (alpha * rate))) + 1)
    styles: dict[str, lines.Style] = {"walked": "points", "formula": "dashed"}
    drawn = []
    for place, value in enumerate(spec.bowl.eigenvalues):
        goal = walks["shrunk"][strongest, place]
        for name, style in styles.items():
            left = walks[name][strongest, 0, :, place] - goal
            share = np.abs(left[steps] / left[0])
            shown = slice(None, None, 5 if style == "points" else 1)
            drawn.append(
                lines.Line(f"λ = {value:g}", steps[shown], np.where(share > LEAST, share, np.nan)[shown], style=style)
            )
    return lines.draw(
        "eigendirections",
        "Descent with decay, direction by direction",
        f"One walk over a quadratic with α = {alpha:g}: distance from the minimum with decay along each eigenvector, "
        "relative to the start, walked (points, every fifth step) and by the formula (dashed), as long as it is above "
        f"{LEAST:g}. Where the error is flat decay alone sets the pace, (1 - ηα)^t.",
        [lines.Panel("", tuple(drawn))],
        x_label="steps",
        y_label="share of the distance left",
        log_y=True,
    )


def _path_figure(found: Findings[Cell]) -> Figure:
    path, strength = found.computed["path"], 1.0
    flat, steep = path["lambdas"]
    x, y = np.linspace(-0.8, 3.2, 121), np.linspace(-0.8, 2.4, 97)
    error = (flat * (x - path["target"][0]) ** 2 + (steep * (y - path["target"][1]) ** 2)[:, None]) / 2
    walked = contours.Path("minimum", path["path"])
    end = contours.Mark("w*", *path["target"].tolist())
    least = contours.Mark(f"at α = {strength:g}", *(path["lambdas"] / (path["lambdas"] + strength) * path["target"]))
    penalty = strength / 2 * (x**2 + y[:, None] ** 2)
    return contours.draw(
        "path",
        "The minimum as the decay grows",
        f"A quadratic with eigenvalues {flat:g} (across) and {steep:g} (up), and with α/2 |w|² added. The line is "
        "where its minimum goes as α grows from nothing to infinity: the flat direction leaves first.",
        [
            contours.Panel("the error E", x, y, error, (walked,), (end,)),
            contours.Panel(f"E + α/2 |w|², α = {strength:g}", x, y, error + penalty, (walked,), (least,)),
        ],
        x_label="u₁, the flat direction",
        y_label="u₂",
    )


def _gamma_figure(spec: WeightDecay, found: Findings[Cell]) -> Figure:
    numbers, grid = found.computed["effective-numbers"], np.array(_grid(spec))
    exact = (
        lines.Line("trace", numbers["strengths"], numbers["traces"], style="points"),
        lines.Line("sum", numbers["strengths"], numbers["sums"], style="dashed"),
    )
    trained = views.mean_line("network", grid, gammas(spec, found).T)
    return lines.draw(
        "gamma",
        "The effective number of parameters",
        f"Left: a quadratic of {len(numbers['lambdas'])} directions. Right: the large network, from the Gauss-Newton "
        f"matrix of its data term where training ended; band: 95 % interval of the mean over {spec.seeds} seeds.",
        [lines.Panel("quadratic", exact), lines.Panel("network", (trained,))],
        x_label="strength of the decay, α",
        y_label="effective number of parameters γ",
        log_x=True,
        note=f"network: n = {spec.seeds} seeds · band: 95 % interval of the mean",
    )


def _capacity_figure(spec: WeightDecay, found: Findings[Cell]) -> Figure:
    gamma = np.exp(np.log(gammas(spec, found)).mean(axis=0))
    order = np.argsort(gamma)
    decayed = views.mean_line("large, decayed", gamma[order], decayed_errors(spec, found)[:, order].T)
    free = views.mean_line("small, free", np.array(counts(spec), float), free_errors(spec, found).T)
    return lines.draw(
        "capacity",
        "Is decay like fewer parameters?",
        "Test error of one large network against its effective number of parameters, and of networks without decay "
        f"against their number of parameters. Bands: 95 % interval of the mean over {spec.seeds} seeds.",
        [lines.Panel("", (decayed, free))],
        x_label="effective number, or number, of parameters",
        y_label="test error (%)",
        log_x=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the mean",
    )


def _noise_figure(spec: WeightDecay, found: Findings[Cell]) -> Figure:
    noise = found.computed["adam-in-noise"]
    steps = np.unique(np.linspace(0, spec.noise.num_steps, 60).astype(int))
    panels = []
    for form in ("coupled", "decoupled"):
        drawn = [
            lines.Line(f"gradients of {scale:g}", steps, noise[form].mean(axis=0)[steps, place])
            for place, scale in enumerate(spec.noise.scales)
        ]
        drawn.append(lines.Line("(1 − ηα)^t", steps, noise["formula"][steps], style="dashed"))
        panels.append(lines.Panel(form, tuple(drawn)))
    return lines.draw(
        "noise",
        "Whom does decay reach under Adam?",
        "Weights that see nothing but noise of three sizes, mean over mirrored walks: coupled decay is divided by the "
        "size of the gradients, decoupled decay is not, and its three lines are one.",
        panels,
        x_label="steps",
        y_label="weight left",
        note=f"n = {spec.noise.draws} sequences of noise",
    )


def _race_figure(spec: WeightDecay, found: Findings[Cell]) -> Figure:
    panels = []
    for race in spec.races:
        errors = {arm: raced(spec, found, race, arm, "test").T for arm in ARMS}
        drawn = [views.mean_line(WORDS[arm], np.array(strengths(race, arm)), errors[arm]) for arm in ARMS]
        panels.append(lines.Panel(race.name, tuple(drawn)))
    return lines.draw(
        "race",
        "Coupled and decoupled decay under Adam",
        "Test error against the strength; coupled decay acts on all parameters or on the kernels alone. Bands: 95 % "
        f"interval of the mean over {spec.seeds} seeds.",
        panels,
        x_label="weight decay",
        y_label="test error (%)",
        log_x=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the mean",
    )


def _mapping_figure(spec: WeightDecay, found: Findings[Cell]) -> Figure:
    rows = found.computed["mapped-data"]
    floor = 1e-17  # what is 0 has a place on a logarithmic axis
    pairs = [
        paired.Pairs(
            form, np.maximum(rows["slope-scaled"], floor), rows[f"slope-{form}"], tuple(range(spec.maps.datasets))
        )
        for form in ("plain error", "unscaled", "printed", "plain")
    ]
    return paired.draw(
        "mapped-data",
        "Is the mapped minimiser the minimiser on the mapped data?",
        f"Gradient there, for a = {spec.maps.a:g} and c = {spec.maps.c:g}; on the left the consistent form beside an "
        "error divided by c², on the right each other form.",
        pairs,
        arms=("consistent", "other"),
        label="norm of the gradient",
        smallest_effect=10.0,
        log=True,
        repeat="data set",
    )


# --- Tables ----------------------------------------------------------------------------------------------------------


def tables(spec: WeightDecay, found: Findings[Cell]) -> Sequence[Table]:
    """Return the forms of decay on mapped data, and the networks as they ended."""
    return [_mapping_table(found), _capacity_table(spec, found)]


def _mapping_table(found: Findings[Cell]) -> Table:
    rows = found.computed["mapped-data"]
    return Table(
        "Networks on linearly mapped data",
        ("form", "gradient at the mapped minimiser, median", "largest", "answers moved by, median", "largest"),
        [[form, *_middle_and_most(rows[f"slope-{form}"]), *_middle_and_most(rows[f"moved-{form}"])] for form in FORMS],
        "Answers in standard deviations of the targets, from the mapped minimiser to the one reached from there.",
    )


def _middle_and_most(values: np.ndarray) -> tuple[str, str]:
    return f"{np.median(values):.2g}", f"{np.max(values):.2g}"


def _capacity_table(spec: WeightDecay, found: Findings[Cell]) -> Table:
    rows = []
    for place, strength in enumerate(_grid(spec)):
        cells = [Cell("capacity", "decayed", strength, seed) for seed in range(spec.seeds)]
        slope = np.mean([found.runs[cell].history.last("batch", "gradient_norm") for cell in cells])
        error = decayed_errors(spec, found)[:, place].mean()
        rows.append(
            [f"alpha = {strength:g}", f"{gammas(spec, found)[:, place].mean():.1f}", f"{error:.2f}", f"{slope:.2g}"]
        )
    for place, (width, count) in enumerate(zip(_widths(spec), counts(spec), strict=True)):
        error = free_errors(spec, found)[:, place].mean()
        rows.append([f"{width} hidden units, no decay", str(count), f"{error:.2f}", ""])
    return Table(
        "Effective and real numbers of parameters",
        ("network", "gamma, or number", "test error %", "gradient of the data term"),
        rows,
        "Means over seeds. At a regularised minimum the gradient of the data term is alpha times the norm of the "
        "weights.",
    )
