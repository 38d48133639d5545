"""A race as it is shown: the picture and the film, who is at the target when, the ranking, the search for the rates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from basin import data
from basin.figures import curves, lines, motion
from basin.figures.contours import Mark, Panel, Path
from basin.figures.figure import Figure
from basin.figures.words import number
from basin.spec.race import NetworkRace, Race, SurfaceRace
from basin.spec.run import RunSpec
from basin.stats import proportion
from basin.studies.race.scene import BOTTOM, picture_start, run_spec, scene
from basin.studies.study import Findings, Table

LABELS = {
    "sgd": "gradient descent",
    "momentum": "momentum",
    "nesterov": "Nesterov",
    "adagrad": "AdaGrad",
    "rmsprop": "RMSProp",
    "adam": "Adam",
    "adamw": "AdamW",
    "adadelta": "Adadelta",
}
LEVEL = 0.95
_MOST_POINTS = 120


@dataclass(frozen=True)
class Standing:
    """How one rule did.

    Attributes:
        name: The rule's.
        rate: Its learning rate.
        at_the_end: Whether that is the first or the last rate that was tried.
        steps: To the target, for each start; infinity where it never was there.
        last: Height at the end, for each start; NaN after a divergence.
    """

    name: str
    rate: float
    at_the_end: bool
    steps: np.ndarray
    last: np.ndarray

    @property
    def median(self) -> float:
        """The median of the steps; infinity where fewer than half were at the target."""
        return float(np.quantile(self.steps, 0.5, method="higher"))

    @property
    def interval(self) -> tuple[float, float]:
        """The interval of the median, by order statistics; 0 and infinity where there are too few starts for an end."""
        found = scipy.stats.quantile_test(self.steps, p=0.5).confidence_interval(LEVEL)
        return float(0 if np.isnan(found.low) else found.low), float(np.inf if np.isnan(found.high) else found.high)

    @property
    def arrived(self) -> int:
        """How many starts led to the target."""
        return int(np.isfinite(self.steps).sum())


# --- Words -----------------------------------------------------------------------------------------------------------


def scene_name(spec: Race) -> str:
    """Return what a race's folder is called after."""
    return spec.surface if isinstance(spec, SurfaceRace) else "network"


def scene_words(spec: Race) -> str:
    """Return what is raced on, in words."""
    if isinstance(spec, SurfaceRace):
        return f"the surface {spec.surface}"
    assert isinstance(spec, NetworkRace)
    return f"a network ({spec.model.kind} on {spec.data.kind})"


def unit(spec: Race) -> str:
    """Return what a race is repeated over."""
    return "starts" if isinstance(spec, SurfaceRace) else "seeds"


def height_words(spec: Race) -> str:
    """Return what is reached."""
    if isinstance(spec, NetworkRace):
        return "training loss (nats)"
    known = isinstance(spec, SurfaceRace) and scene(spec).minima
    return "height above the minimum" if known else "height above the picture's lowest"


def one_run(spec: NetworkRace) -> RunSpec:
    """Return one of the trainings, to be checked before any is begun."""
    return run_spec(spec, getattr(spec.rules, spec.optimizers[0]), 0)


def label(spec: Race, name: str) -> str:
    """Return what a rule is called in a scene."""
    return "SGD" if name == "sgd" and isinstance(spec, NetworkRace) else LABELS[name]


# --- What was found --------------------------------------------------------------------------------------------------


def target(spec: Race, found: Findings[Any]) -> float:
    """Return the height at which a race is won, from the specification or from the tuning starts alone."""
    if spec.target is not None:
        return spec.target
    reached = [_medians(found.computed[name]["reached"])[int(found.computed[name]["best"])] for name in spec.optimizers]
    middle = float(np.quantile(reached, 0.5, method="lower"))
    return max(BOTTOM, float(f"{middle:.3g}")) if np.isfinite(middle) else BOTTOM


def standings(spec: Race, found: Findings[Any]) -> list[Standing]:
    """Return how each rule did, the first at the target first."""
    goal = target(spec, found)
    unsorted = [_standing(name, found.computed[name], goal) for name in spec.optimizers]
    return sorted(unsorted, key=lambda one: (one.median, -one.arrived, float(np.nanmedian(_lost_last(one.last)))))


def _standing(name: str, kept: Any, goal: float) -> Standing:
    there = kept["heights"] <= goal
    steps = np.where(there.any(axis=1), kept["at"][there.argmax(axis=1)], np.inf)
    rates, best = kept["rates"], int(kept["best"])
    return Standing(name, float(rates[best]), best in (0, len(rates) - 1), steps, kept["heights"][:, -1])


def _medians(values: np.ndarray) -> np.ndarray:
    return np.quantile(values, 0.5, axis=1, method="higher")


def _lost_last(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), np.inf, values)


# --- Figures ---------------------------------------------------------------------------------------------------------


def figures(spec: Race, found: Findings[Any]) -> Sequence[Figure]:
    """Return the picture with its film (on a surface), the curves, the shares at the target, the search for rates."""
    first = [_picture(spec, found)] if isinstance(spec, SurfaceRace) else [_curves(spec, found)]
    heights = [_heights(spec, found)] if isinstance(spec, SurfaceRace) else []
    return [*first, _shares(spec, found), *heights, _rates(spec, found)]


def _picture(spec: SurfaceRace, found: Findings[Any]) -> Figure:
    ground, surface = found.computed["surface"], scene(spec)
    paths = []
    for name in spec.optimizers:
        kept = found.computed[name]
        paths.append(Path(label(spec, name), kept["points"], int(kept["left_at"]), kept["values"]))
    start = picture_start(spec)
    marks = [Mark("start", start[0], start[1], "start"), *(Mark("minimum", x, y) for x, y in surface.minima)]
    return motion.draw(
        "race",
        f"Walks over the surface {spec.surface}",
        f"f(x, y) = {_raised(surface.formula)}. All walks begin at ({start[0]:g}, {start[1]:g}) and take "
        f"{spec.steps} steps, each at the learning rate that did best from other starts. The higher the ground, the "
        "more it is shaded.",
        Panel("", ground["x"], ground["y"], ground["values"], tuple(paths), tuple(marks)),
    )


def _raised(formula: str) -> str:
    return re.sub(r"\^(\d)", lambda power: "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(power[1])], formula)


def _shares(spec: Race, found: Findings[Any]) -> Figure:
    """Return the share of starts at the target, step by step, with Wilson's interval."""
    goal, drawn = target(spec, found), []
    by_name = {one.name: one for one in standings(spec, found)}
    for one in (by_name[name] for name in spec.optimizers):  # in this order colours are those of the picture
        at = _thinned(found.computed[one.name]["at"])
        shares = [proportion(int((one.steps <= step).sum()), len(one.steps)) for step in at]
        value, low, high = (100 * np.array([getattr(s, key) for s in shares]) for key in ("value", "low", "high"))
        low, high = (np.where((value > 0) & (value < 100), end, np.nan) for end in (low, high))
        drawn.append(lines.Line(label(spec, one.name), at.astype(float), value, low, high))
    return lines.draw(
        "share",
        "Who is at the target when",
        f"Share of {spec.seeds} {unit(spec)} that have reached a {height_words(spec)} of {number(goal)} or less. "
        f"Bands: {LEVEL * 100:g} % interval (Wilson), where some are there and others are not.",
        [lines.Panel("", tuple(drawn))],
        x_label="step",
        y_label=f"{unit(spec)} at the target (%)",
        note=f"n = {spec.seeds} {unit(spec)} · band: {LEVEL * 100:g} % interval",
    )


def _heights(spec: Race, found: Findings[Any]) -> Figure:
    drawn = []
    for name in spec.optimizers:
        kept = found.computed[name]
        at = _thinned(kept["at"])
        median = _medians(_lost_last(kept["heights"][:, at]).T)
        drawn.append(lines.Line(label(spec, name), at.astype(float), np.where(np.isinf(median), np.nan, median)))
    return lines.draw(
        "height",
        "How low they are as they go",
        f"Median over {spec.seeds} starts; a walk that has diverged counts as the highest.",
        [lines.Panel("", tuple(drawn), (lines.Mark("target", y=target(spec, found)),))],
        x_label="step",
        y_label=height_words(spec),
        log_y=True,
        note=f"n = {spec.seeds} starts · line: median",
    )


def _curves(spec: Race, found: Findings[Any]) -> Figure:
    drawn = []
    for name in spec.optimizers:
        kept = found.computed[name]
        outcomes = tuple("completed" if np.isfinite(row).all() else "diverged" for row in kept["heights"])
        drawn.append(curves.Curve(label(spec, name), kept["at"].astype(float), kept["heights"], "train", outcomes))
    return curves.draw(
        "loss",
        "Training loss as training goes on",
        "Each rule at the learning rate that did best on other seeds.",
        [curves.Panel("", tuple(drawn))],
        x_label="step",
        y_label=height_words(spec),
        log_y=True,
    )


def _rates(spec: Race, found: Findings[Any]) -> Figure:
    drawn = []
    for name in spec.optimizers:
        kept = found.computed[name]
        median = _medians(kept["reached"])
        shown = np.where(np.isfinite(median), median, np.nan)
        drawn.append(lines.Line(label(spec, name), kept["rates"], shown))
        best = int(kept["best"])
        drawn.append(lines.Line(label(spec, name), kept["rates"][[best]], shown[[best]], style="points"))
    return lines.draw(
        "rates",
        "What each learning rate reaches",
        f"Median over {spec.tuning_seeds} tuning {unit(spec)} after the same number of steps; dots: the rates that are "
        "chosen. A line ends where the median diverged.",
        [lines.Panel("", tuple(drawn))],
        x_label="learning rate",
        y_label=height_words(spec),
        log_x=True,
        log_y=True,
        note=f"n = {spec.tuning_seeds} {unit(spec)} · line: median",
    )


def _thinned(at: np.ndarray) -> np.ndarray:
    return at[np.unique(np.linspace(0, len(at) - 1, min(len(at), _MOST_POINTS)).round().astype(int))]


# --- Tables ----------------------------------------------------------------------------------------------------------


def tables(spec: Race, found: Findings[Any]) -> Sequence[Table]:
    """Return the ranking and the search behind it."""
    return [ranking(spec, found), _search(spec, found)]


def ranking(spec: Race, found: Findings[Any]) -> Table:
    """Return the rules in the order in which they are at the target."""
    passes = ["passes over the data"] if isinstance(spec, NetworkRace) else []
    errors = ["test error (%)"] if isinstance(spec, NetworkRace) else []
    rows = []
    for place, one in enumerate(standings(spec, found), 1):
        share = proportion(one.arrived, len(one.steps))
        low, high = one.interval
        row = [str(place), label(spec, one.name), f"{one.rate:g}{' (end of the grid)' * one.at_the_end}"]
        row += [f"{one.arrived} of {len(one.steps)} ({100 * share.low:.0f} to {100 * share.high:.0f} %)"]
        row += [f"{_steps(one.median)} ({_steps(low)} to {_steps(high)})"]
        row += [_passes(spec, one.median) for _ in passes] + [number(float(np.median(_lost_last(one.last))))]
        row += [f"{100 * np.nanmean(found.computed[one.name]['test_errors'][:, -1]):.1f}" for _ in errors]
        rows.append([*row, str(int(np.isnan(one.last).sum()))])
    columns = ["", "rule", "learning rate", f"{unit(spec)} at the target", "steps to it (median)", *passes]
    return Table(
        f"The ranking: steps to a {height_words(spec)} of {number(target(spec, found))}",
        [*columns, f"{height_words(spec)} at the end", *errors, "diverged"],
        rows,
        f"In parentheses {LEVEL * 100:g} % intervals: of the share (Wilson) and of the median (order statistics, those "
        "that never were at the target counted as the slowest). Rules whose intervals overlap are not told apart.",
    )


def _steps(value: float) -> str:
    return "never" if not np.isfinite(value) else f"{value:g}"


def _passes(spec: Race, steps: float) -> str:
    assert isinstance(spec, NetworkRace)
    examples = data.describe(spec.data).num_train
    return "never" if not np.isfinite(steps) else number(steps * spec.batch_size / examples) if examples else "–"


def _search(spec: Race, found: Findings[Any]) -> Table:
    rows = []
    for name in spec.optimizers:
        kept = found.computed[name]
        medians, best = _medians(kept["reached"]), int(kept["best"])
        lost = int(np.isinf(medians).sum())
        tried = f"{len(kept['rates'])}, {kept['rates'][0]:g} to {kept['rates'][-1]:g}"
        rows.append([label(spec, name), tried, str(lost), f"{kept['rates'][best]:g}", number(float(medians[best]))])
    return Table(
        "The search for the learning rates",
        ["rule", "rates tried", "of these diverged (median)", "chosen", f"{height_words(spec)} reached"],
        rows,
        f"Median over {spec.tuning_seeds} tuning {unit(spec)}, none of which is in the ranking.",
    )
