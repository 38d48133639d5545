"""The figures and tables of the study `adaptive`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from basin.figures import curves, lines
from basin.figures.figure import Figure
from basin.spec.adaptive import Adaptive
from basin.stats import Scale
from basin.studies import views
from basin.studies.adaptive import walks
from basin.studies.adaptive.evidence import (
    PARTS,
    RAVINE_RULES,
    Cell,
    constant_step,
    test_errors,
    tuned_steps,
    updates,
)
from basin.studies.study import Findings, Table
from basin.studies.tuning import Tuned, leave_one_out

ADAM = ("Adam", *PARTS)
HIGHEST = 1000.0
"""A walk that is so many times as high as its start is followed no further."""


def figures(spec: Adaptive, found: Findings[Cell], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _constant_gradient(found),
        _rotation(spec, found),
        _ravine(found),
        _surfaces(spec, found, "rules", "Descent and adaptive rules, each tuned", ("descent", *walks.ADAPTIVE)),
        _surfaces(spec, found, "parts", "Adam with one part removed, each tuned", ADAM),
        _rates_by_curvature(found),
        _digits(spec, found, "digits-rules", "Digits: each rule at its tuned rate", ("SGD", *walks.ADAPTIVE)),
        _digits(spec, found, "digits-parts", "Digits: Adam with one part removed", ADAM),
    ]


def _constant_gradient(found: Findings[Cell]) -> Figure:
    shown, column = ("AdaGrad", "RMSProp", "Adam", "no correction"), walks.SLOPES.index(30.0)
    drawn = []
    for rule in shown:
        points = found.computed["formulas"]["constant"][rule][:, column]
        t = np.arange(1.0, len(points))
        at = np.unique(np.geomspace(1, len(t), 14).astype(int)) - 1
        theory = constant_step(rule, np.array([30.0]), t[:, None])[:, 0]
        drawn += [
            lines.Line(_short(rule), t[at], np.abs(np.diff(points))[at], style="points"),
            lines.Line(_short(rule), t, theory, style="dashed"),
        ]
    return lines.draw(
        "constant-gradient",
        "AdaGrad's steps shrink for ever under a constant gradient",
        "Size of the t-th step at rate 0.1, slope 30. Points: walked in float64; dashed: closed form.",
        [lines.Panel("rate 0.1", tuple(drawn), (lines.Mark("η", y=0.1),))],
        x_label="step t",
        y_label="size of the step",
        log_x=True,
        log_y=True,
    )


def _rotation(spec: Adaptive, found: Findings[Cell]) -> Figure:
    steps, angles = found.computed["rotation"], np.array(spec.angles_deg)
    tuned = {rule: [tuned_steps(steps[rule]["settled"][:, i]) for i in range(len(angles))] for rule in steps.arrays}
    most = spec.walk_steps // 3
    gains, counts = [], []
    for rule in walks.ADAPTIVE:
        ratios = [
            _capped(a, most) / _capped(b, most) for a, b in zip(tuned[walks.PLAIN[rule]], tuned[rule], strict=True)
        ]
        gains.append(views.mean_line(rule, angles, ratios, Scale.LOG))
    for rule in ("descent", "momentum", *walks.ADAPTIVE):
        capped = [_capped(one, most) for one in tuned[rule]]
        counts.append(views.mean_line(rule, angles, capped, Scale.LOG))
    return lines.draw(
        "rotation",
        "Adaptive rates help along the axes",
        f"Quadratic of condition {spec.condition:g}, turned against the coordinates; every rule at the rate tuned for "
        "the angle. Gain is over descent, Adam's over momentum. Steps to stay at the target, geometric means over "
        f"{spec.starts // 2} starts; bands: 95 % interval.",
        [
            lines.Panel("gain", tuple(gains), (lines.Mark("no gain", y=1.0),), y_label="steps without over steps with"),
            lines.Panel("steps", tuple(counts), y_label=f"steps to {walks.SHARE:g} of the first value"),
        ],
        x_label="angle (degrees)",
        y_label="",
        log_y=True,
        note=f"n = {spec.starts // 2} starts · band: 95 % interval of the geometric mean",
    )


def _capped(tuned: Tuned, most: int) -> np.ndarray:
    return np.minimum(tuned.values, most)


def _ravine(found: Findings[Cell]) -> Figure:
    walked, panels = found.computed["ravine"], []
    for how in ("tuned", "common"):
        for axis, words in ((1, "across (b)"), (0, "along (W)")):
            drawn = []
            for rule in RAVINE_RULES:
                chosen = -1 if how == "common" else int(tuned_steps(walked[rule]["settled"][:-1]).index[0])
                path = walked[rule]["example"][chosen]
                drawn.append(lines.Line(rule, np.arange(len(path), dtype=float), path[:, axis]))
            rate = "tuned rates" if how == "tuned" else f"rate {walks.COMMON_RATE:g} for all"
            panels.append(lines.Panel(f"{words}, {rate}", tuple(drawn), (lines.Mark("minimum", y=0.0),)))
    return lines.draw(
        "ravine",
        "Across and along a ravine",
        "One of the judged ravines: the bias b is the steep direction, the weight W the flat one. "
        "Momentum is the averaged form with beta 0.9.",
        panels,
        x_label="step",
        y_label="coordinate",
    )


def _surfaces(spec: Adaptive, found: Findings[Cell], name: str, title: str, rules: Sequence[str]) -> Figure:
    panels, absent = [], []
    for where, target in walks.SURFACES.items():
        drawn = []
        for rule in rules:
            one = found.computed[where][rule]
            values = one["median_value"][tuned_steps(one["settled"]).index[0]]
            at = np.arange(len(values)) * max(1, spec.walk_steps // 200) + 1.0
            lost = np.maximum.accumulate(~(values <= HIGHEST * values[0]))
            if lost[1]:
                absent.append(f"{rule} on {where}")
            else:
                drawn.append(lines.Line(_short(rule), at, np.where(lost, np.nan, values)))
        panels.append(lines.Panel(where, tuple(drawn), (lines.Mark("target", y=target),)))
    starts = spec.starts - spec.starts // 2
    return lines.draw(
        f"surfaces-{name}",
        title,
        f"Median value over the {starts} starts on which no rate was chosen. A line ends where the median is over "
        f"{HIGHEST:g} times its first value"
        + (f"; it is so from the first point on for {', '.join(absent)}." if absent else "."),
        panels,
        x_label="step",
        y_label="value",
        log_x=True,
        log_y=True,
        note=f"n = {starts} starts · line: median",
    )


def _rates_by_curvature(found: Findings[Cell]) -> Figure:
    computed = found.computed["network"]
    curvature, rate = computed["hessian"]["trained"]["diagonal"][0], computed["AdaGrad"]["rates"]["end"][0]
    kept = np.isfinite(rate) & (curvature > 0)
    order = np.argsort(curvature[kept])
    x, y = curvature[kept][order], rate[kept][order]
    return lines.draw(
        "rates-by-curvature",
        "AdaGrad's rate of every weight against its curvature",
        f"Small network after full-batch training, seed 0: {kept.sum()} weights that met a gradient and lie in a "
        "direction of positive curvature. Dashed: inversely proportional, as on the axes of a quadratic.",
        [
            lines.Panel(
                "one point a weight",
                (
                    lines.Line("weights", x, y, style="points"),
                    lines.Line("proportional", x, np.exp(np.log(x * y).mean()) / x, style="dashed"),
                ),
            )
        ],
        x_label="diagonal of the Hessian",
        y_label="rate",
        log_x=True,
        log_y=True,
        note=f"n = {kept.sum()} weights of one network",
    )


def _digits(spec: Adaptive, found: Findings[Cell], name: str, title: str, arms: Sequence[str]) -> Figure:
    panels = []
    for split, metric, factor in (("train", "loss", 1.0), ("test", "error", 100.0)):
        drawn = []
        for arm in arms:
            index = leave_one_out(updates(spec, found, arm)).index
            chosen = [found.runs[Cell(arm, int(rate), seed)] for seed, rate in enumerate(index)]
            drawn.append(views.curve(_short(arm), chosen, split, metric, factor))
        panels.append(curves.Panel("", tuple(drawn), y_label=f"{split} {metric} ({'%' if factor > 1 else 'nats'})"))
    return curves.draw(
        name,
        title,
        f"MLP {'-'.join(map(str, spec.widths))}, batch {spec.batch_size}; each seed's rate is the best on the others.",
        panels,
        y_label="",
        log_x=True,
        log_y=True,
    )


def _short(rule: str) -> str:
    return {"Adam, beta2 0.99": "Adam 0.99"}.get(rule, rule)


# --- Tables ----------------------------------------------------------------------------------------------------------


def tables(spec: Adaptive, found: Findings[Cell]) -> Sequence[Table]:
    """Return the rates that were chosen and what came of them, and the axes of the small network's Hessian."""
    rows = [*_walk_rows(spec, found), *_digit_rows(spec, found)]
    columns = ("where", "rule", "rate chosen", "what is judged", "median", "never arrived", "test error %")
    caption = (
        "Steps to stay at the target over the starts on which no rate was chosen, and updates on digits over seeds, "
        "where the test error is the mean at that loss. * marks a rate at the edge of its grid."
    )
    return [Table("Every rule at its tuned rate", columns, rows, caption), _hessian_table(found)]


def _walk_rows(spec: Adaptive, found: Findings[Cell]) -> Iterator[list[str]]:
    grid = walks.rates(spec)
    places = {name: {rule: found.computed[name][rule]["settled"] for rule in walks.RULES} for name in walks.SURFACES}
    for i, angle in enumerate(spec.angles_deg):
        turned = found.computed["rotation"]
        places[f"quadratic at {angle:g} degrees"] = {rule: turned[rule]["settled"][:, i] for rule in turned.arrays}
    for place, rules in places.items():
        for rule, steps in rules.items():
            tuned = tuned_steps(steps)
            rate = f"{grid[tuned.index[0]]:.3g}{'*' * tuned.at_edge}"
            failed = int((~np.isfinite(tuned.values)).sum())
            yield [place, rule, rate, "steps", f"{np.median(tuned.values):.0f}", f"{failed} of {len(tuned.values)}", ""]


def _digit_rows(spec: Adaptive, found: Findings[Cell]) -> Iterator[list[str]]:
    for arm in dict.fromkeys(cell.arm for cell in found.runs):
        tuned = leave_one_out(updates(spec, found, arm))
        error = test_errors(spec, found, arm)[tuned.index, np.arange(spec.seeds)]
        rates = [_rate_of(found, arm, int(index)) for index in dict.fromkeys(tuned.index.tolist())]
        kept = tuned.values[np.isfinite(tuned.values)]
        failed = f"{len(tuned.values) - len(kept)} of {len(tuned.values)}"
        chosen = ", ".join(f"{rate:.3g}" for rate in sorted(rates)) + "*" * tuned.at_edge
        middle = f"{np.median(tuned.values):.0f}"
        yield ["digits", arm, chosen, "updates", middle, failed, f"{np.nanmean(error):.2f}" if len(kept) else "–"]


def _rate_of(found: Findings[Cell], arm: str, index: int) -> float:
    rate = found.runs[Cell(arm, index, 0)].spec.optimizer.learning_rate.value  # pyright: ignore[reportAttributeAccessIssue]  constant here
    return rate / walks.HUGE if arm == "no root" else rate


def _hessian_table(found: Findings[Cell]) -> Table:
    rows = []
    for when, axes in found.computed["network"]["hessian"].items():
        share, ratio = axes["off_diagonal"], np.exp(np.log(axes["participation"]).mean(axis=1))
        rows.append([when, views.mean_and_sd(share, ".3f"), f"{ratio.mean():.3g}", str(ratio.size)])
    return Table(
        "How far the small network's Hessian is from the axes",
        ("when", "off-diagonal share of |H|^2", "weights to a top eigenvector", "seeds"),
        rows,
        "Mean ± standard deviation over seeds; the participation ratio is the geometric mean over the top ten.",
    )
