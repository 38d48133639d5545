"""The findings of the study `deep-bootstrap` as figures."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from basin.figures import curves as curve_figure
from basin.figures import lines, paired, samples
from basin.figures.figure import Figure
from basin.spec.deep_bootstrap import Arm, DeepBootstrap
from basin.studies import views
from basin.studies.deep_bootstrap import worlds
from basin.studies.deep_bootstrap.evidence import fresh_minus_test
from basin.studies.deep_bootstrap.worlds import Cell
from basin.studies.runs import curves
from basin.studies.study import Findings
from basin.training.run import Run

Found = Findings[Cell]

REAL, IDEAL = "Real World", "Ideal World"

GROUPS = {
    "architecture": ("architecture",),
    "optimiser, rate": ("optimiser", "learning rate"),
    "data": ("data",),
    "augmentation, start": ("augmentation", "bad augmentation", "pretraining"),
    "noise, few": ("label noise", "few examples"),
}
"""Topics that are one colour in the scatter."""


def figures(spec: DeepBootstrap, found: Found, records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        *_worlds_figures(spec, found),
        _training_figure(spec, found),
        _bootstrap_figure(spec, found),
        _gap_figure(spec, found),
        _sizes_figure(spec, found),
        _scatter_figure(spec, found),
        *_topic_figures(spec, found),
        _fresh_figure(spec, found),
        _sample_figure(spec),
    ]


# --- Both worlds over steps ------------------------------------------------------------------------------------------


def _curve(arm: str, members: Sequence[Run], metric: str, world: str, factor: float) -> curve_figure.Curve:
    steps, values = curves(members, "test", metric, "step")
    outcomes = tuple(run.outcome.kind for run in members)
    return curve_figure.Curve(arm, steps[1:], factor * values[:, 1:], world, outcomes)


def _pair(
    spec: DeepBootstrap, found: Found, arm: Arm, size: int, metric: str, factor: float
) -> Iterator[curve_figure.Curve]:
    yield _curve(arm.name, worlds.runs_of(spec, found, arm, size), metric, REAL, factor)
    yield _curve(arm.name, worlds.runs_of(spec, found, arm), metric, IDEAL, factor)


def _worlds_figures(spec: DeepBootstrap, found: Found) -> Iterator[Figure]:
    """Yield a figure a metric of the test set: solid the Real World, dashed the Ideal World, one colour a network."""
    caption = f"Solid: {spec.batch_size} examples a step of N, again and again; dashed: fresh ones at every step."
    panels = functools.partial(_worlds_panels, spec, found)
    draw = functools.partial(curve_figure.draw, x_label="steps", log_x=True)
    percent = panels("soft_error", 100)
    yield draw(
        "soft-error", "Test soft-error in both worlds", caption, percent, y_label="test soft-error (%)", log_y=True
    )
    percent = panels("error", 100)
    yield draw("error", "Test error in both worlds", caption, percent, y_label="test error (%)", log_y=True)
    nats = panels("loss", 1)
    yield draw("loss", "Test loss in both worlds", caption, nats, y_label="test loss (nats)", log_y=True)
    percent = panels("confidence", 100)
    yield draw("confidence", "How sure the networks are", caption, percent, y_label="mean confidence (%)")


def _architectures(spec: DeepBootstrap, size: int) -> list[Arm]:
    return [arm for arm in worlds.arms_of(spec, "architecture") if size in worlds.sizes_of(spec, arm)]


def _worlds_panels(spec: DeepBootstrap, found: Found, metric: str, factor: float) -> list[curve_figure.Panel]:
    panels = []
    for size in spec.sizes:
        arms = _architectures(spec, size)
        drawn = [curve for arm in arms for curve in _pair(spec, found, arm, size, metric, factor)]
        panels.append(curve_figure.Panel(f"N = {size} in the Real World", tuple(drawn)))
    return panels


def _sizes_figure(spec: DeepBootstrap, found: Found) -> Figure:
    panels = []
    for arm in worlds.arms_of(spec, "architecture"):
        drawn = [
            _curve(f"N = {size}", worlds.runs_of(spec, found, arm, size), "soft_error", "test", 100)
            for size in worlds.sizes_of(spec, arm)
        ]
        fresh = _curve("fresh examples", worlds.runs_of(spec, found, arm), "soft_error", "test", 100)
        panels.append(curve_figure.Panel(arm.name, (*drawn, fresh)))
    return curve_figure.draw(
        "sizes",
        "How long the Real World follows the Ideal World",
        "One line a sample size, and the Ideal World.",
        panels,
        x_label="steps",
        y_label="test soft-error (%)",
        log_x=True,
        log_y=True,
    )


def _topic_figures(spec: DeepBootstrap, found: Found) -> Iterator[Figure]:
    """Yield optimisation, practices and data: each arm beside the one that it is held against."""
    caption = "Solid: the Real World on the largest N; dashed: the Ideal World."
    draw = functools.partial(curve_figure.draw, x_label="steps", y_label="test error (%)", log_x=True, log_y=True)
    if panels := _topic_panels(spec, found, "optimiser", "learning rate"):
        title = "Both worlds under other optimisers and rates"
        yield draw("optimisation", title, caption, panels)
    if panels := _topic_panels(spec, found, "augmentation", "bad augmentation", "pretraining", "label noise"):
        title = "Both worlds under augmentation, pretraining and label noise"
        yield draw("practices", title, caption, panels)
    if panels := _topic_panels(spec, found, "data"):
        title = "Both worlds on other data"
        yield draw("distributions", title, caption, panels)


def _topic_panels(spec: DeepBootstrap, found: Found, *topics: str) -> list[curve_figure.Panel]:
    return [panel for topic in topics for panel in _panels_of(spec, found, topic)]


def _panels_of(spec: DeepBootstrap, found: Found, topic: str) -> Iterator[curve_figure.Panel]:
    arms = worlds.arms_of(spec, topic)
    if topic == "data":
        for arm in arms:
            size = worlds.sizes_of(spec, arm)[-1]
            yield curve_figure.Panel(f"{arm.name}, N = {size}", tuple(_pair(spec, found, arm, size, "error", 100)))
        return
    shown = {other.name: other for arm in arms for other in (worlds.other_of(spec, arm), arm)}
    sizes = worlds.shared_sizes(spec, *shown.values()) if shown else []
    if sizes:
        drawn = [curve for arm in shown.values() for curve in _pair(spec, found, arm, sizes[-1], "error", 100)]
        yield curve_figure.Panel(f"{topic}, N = {sizes[-1]}", tuple(drawn))


# --- Stopping and bootstrap error ------------------------------------------------------------------------------------


def _training_figure(spec: DeepBootstrap, found: Found) -> Figure:
    panels = []
    for size in spec.sizes:
        drawn = []
        for arm in _architectures(spec, size):
            steps, values = curves(worlds.runs_of(spec, found, arm, size), "train", "soft_error", "step")
            drawn.append(views.mean_line(arm.name, steps[1:], list(100 * values[:, 1:].T)))
        panels.append(lines.Panel(f"N = {size}", tuple(drawn), (lines.Mark("stop", y=100 * spec.soft_error),)))
    return lines.draw(
        "training",
        "When the Real World has nearly fitted its data",
        f"Soft-error on the N training examples as they are, in evaluation mode. Band: 95 % interval of the mean over "
        f"seeds. A training has stopped at its first look below {100 * spec.soft_error:g} %.",
        panels,
        x_label="steps",
        y_label="training soft-error (%)",
        log_x=True,
        log_y=True,
    )


def _bootstrap_figure(spec: DeepBootstrap, found: Found) -> Figure:
    panels = []
    for size in spec.sizes:
        for metric, words in (("error", "error"), ("soft_error", "soft-error")):
            drawn = [line for arm in _architectures(spec, size) for line in _gap(spec, found, arm, size, metric)]
            marks = (lines.Mark(f"+{spec.margin:g}", y=spec.margin), lines.Mark(f"−{spec.margin:g}", y=-spec.margin))
            panels.append(lines.Panel(f"{words}, N = {size}", tuple(drawn), marks))
    return lines.draw(
        "bootstrap-error",
        "The bootstrap error: Real World minus Ideal World",
        "Paired by seed on one test set, from the end of the first pass on, before which no example comes again. Band: "
        "95 % interval of the mean over seeds. Points: the stopping time, where at least half of the seeds have one. "
        f"Dashed: the margin of {spec.margin:g} points.",
        panels,
        x_label="steps",
        y_label="points",
        log_x=True,
    )


def _gap(spec: DeepBootstrap, found: Found, arm: Arm, size: int, metric: str) -> Iterator[lines.Line]:
    both = worlds.worlds_of(spec, found, arm, size)
    error = 100 * both.bootstrap_error(metric)
    again = both.passes >= 1
    yield views.mean_line(arm.name, both.steps[again], list(error[:, again].T))
    looks = both.stopping_look(spec.soft_error)
    if (looks >= 0).mean() >= 0.5:
        stop = np.array([np.nanmean(both.stopping_step(spec.soft_error))])
        yield lines.Line(arm.name, stop, np.array([np.nanmean(both.at(error, looks))]), style="points")


def _gap_figure(spec: DeepBootstrap, found: Found) -> Figure:
    pairs = []
    for arm in worlds.arms_of(spec, "architecture"):
        for size in worlds.sizes_of(spec, arm):
            both = worlds.worlds_of(spec, found, arm, size)
            looks = both.end_look(spec.soft_error)
            gap, bootstrap = (
                100 * both.at(each, looks) for each in (both.generalisation_gap(), both.bootstrap_error())
            )
            pairs.append(paired.Pairs(f"{arm.name}, N = {size}", gap, bootstrap, tuple(range(len(looks)))))
    return paired.draw(
        "gaps",
        "The generalisation gap beside the bootstrap error",
        "At the stopping time, or at the end of a training that never stops. Generalisation gap: test error minus "
        "training error of the Real World; bootstrap error: its test error minus the Ideal World's.",
        pairs,
        arms=("generalisation gap", "bootstrap error"),
        label="points",
        unit="points",
    )


def _scatter_figure(spec: DeepBootstrap, found: Found) -> Figure:
    drawn, most, least = [], 0.0, np.inf
    for name, topics in GROUPS.items():
        points = sorted(_ends(spec, found, worlds.arms_of(spec, *topics)))
        if points:
            ideal, real = np.array(points).T
            most, least = max(most, ideal.max(), real.max()), min(least, ideal.min(), real.min())
            drawn.append(lines.Line(name, ideal, real, style="points"))
    equal = np.array([least, most])
    return lines.draw(
        "scatter",
        "Real World against Ideal World at the stopping time",
        "One point an arm and N: mean test errors over seeds at the Real World's stopping time, or at the end of "
        "trainings that never stop. On the dashed line reuse costs nothing.",
        [lines.Panel("", (*drawn, lines.Line("equal", equal, equal, style="dashed")))],
        x_label="Ideal World: test error (%)",
        y_label="Real World: test error (%)",
        log_x=True,
        log_y=True,
    )


def _ends(spec: DeepBootstrap, found: Found, arms: Sequence[Arm]) -> Iterator[tuple[float, float]]:
    for arm in arms:
        for size in worlds.sizes_of(spec, arm):
            both = worlds.worlds_of(spec, found, arm, size)
            looks = both.end_look(spec.soft_error)
            ends = np.stack([both.at(world["error"], looks) for world in (both.ideal, both.real)])[:, both.has_ended]
            if ends.size:
                ideal, real = 100 * ends.mean(axis=1)
                yield float(ideal), float(real)


# --- The data --------------------------------------------------------------------------------------------------------


def _fresh_figure(spec: DeepBootstrap, found: Found) -> Figure:
    drawn = []
    for arm in (arm for arm in worlds.arms_of(spec, "architecture") if worlds.has_all_seeds(spec, arm)):
        steps, values = fresh_minus_test(spec, found, arm)
        drawn.append(views.mean_line(arm.name, steps[1:], list(values[:, 1:].T)))
    marks = (lines.Mark("+0.5", y=0.5), lines.Mark("−0.5", y=-0.5))
    return lines.draw(
        "fresh",
        "In the Ideal World, training error is test error",
        f"Error on at least {spec.fresh} examples of the coming steps, before they are trained on, minus test error. "
        "Band: 95 % interval of the mean over seeds; the test set, the same for all, adds an error of its own.",
        [lines.Panel("", tuple(drawn), marks)],
        x_label="steps",
        y_label="points",
        log_x=True,
    )


def _sample_figure(spec: DeepBootstrap) -> Figure:
    sources = dict.fromkeys(worlds.data_of(spec, arm).replace(label_noise=0.0) for arm in spec.arms)
    sheets = [views.sheet(source.kind, source) for source in sources]
    return samples.draw(
        "samples", "What the networks see", "Training examples by class, before standardisation.", sheets
    )
