"""Figures and tables of the study `double-descent-features`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from basin.figures import heat, lines
from basin.figures.figure import Figure
from basin.figures.lines import Line, Mark, Panel
from basin.spec.double_descent_features import DoubleDescentFeatures
from basin.stats import Scale
from basin.studies import descent_views, views
from basin.studies.double_descent_features.evidence import (
    CLEAN,
    NOISY,
    Found,
    norm_peaks,
    over_features,
    over_features_of_a_sample,
    over_features_with_ridge,
    over_penalties,
)
from basin.studies.double_descent_features.theory import ARMS, curve_sizes
from basin.studies.experiment import Computed
from basin.studies.study import Table

MOST_LINES = 5
"""Colours of a figure."""


def figures(spec: DoubleDescentFeatures, found: Found, records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the figures, the claims first."""
    return [
        views.claims_figure(records),
        _error_figure(spec, found),
        _theory_figure(spec, found.computed["linear"]),
        _ridge_figure(spec, found),
        _samples_figure(spec, found.computed["samples"]),
        _heat_figure(spec, found.computed["samples"]),
        _penalty_figure(spec, found),
        _norm_figure(spec, found),
        _demo_figure(found.computed["demo"]),
    ]


def _at_n(spec: DoubleDescentFeatures) -> Mark:
    return Mark("N = n", x=spec.num_train)


def _error_figure(spec: DoubleDescentFeatures, found: Found) -> Figure:
    rates = [(rate, index) for index, rate in enumerate(spec.label_noises)][-(MOST_LINES - 1) :]
    multiples = []
    for family in spec.families:
        computed = found.computed[family.name]
        sweeps = {f"{100 * rate:g} %": over_features(spec, computed, index) for rate, index in rates}
        drawn = descent_views.panel(family.name, sweeps, train=False)
        noisy = over_features(spec, computed)
        train = views.mean_line("training", noisy.sizes, noisy.train.T)
        multiples.append(replace(drawn, lines=(*drawn.lines, train), marks=(_at_n(spec),)))
    return lines.draw(
        "error",
        "Test error over the number of features",
        f"Minimum-norm least squares on {spec.num_train} examples, test error at each rate of label noise, and the "
        f"training error at {100 * spec.label_noises[-1]:g} %. Lines: mean over {spec.seeds} seeds; bands: 95 % "
        "interval of the mean.",
        multiples,
        x_label="random features N",
        y_label="error (%)",
        log_x=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the mean",
    )


def _theory_figure(spec: DoubleDescentFeatures, simulated: Computed) -> Figure:
    how = spec.linear
    x = np.array([round(size * how.num_examples) for size in how.sizes], float)
    grid = np.array(curve_sizes(how), float)
    below = grid < how.num_examples
    multiples = []
    for arm in ARMS:
        arrays = simulated[arm]
        measured = [
            replace(views.median_line(label, x, arrays[name].T), style="points")
            for label, name in (("minimum norm", "risk"), ("best ridge", "ridge_risk"))
        ]
        halves = [Line("minimum norm", grid[side], arrays["curve"][side], style="dashed") for side in (below, ~below)]
        ridge = Line("best ridge", x, arrays["ridge_theory"].mean(axis=0), style="dashed")
        drawn = [*measured, *halves, ridge]
        multiples.append(Panel(arm, tuple(drawn), (Mark("p = n", x=how.num_examples),)))
    return lines.draw(
        "theory",
        "Where theory gives the risk",
        f"Linear regression on {how.num_examples} normal examples of which p of {how.num_features} features are seen. "
        f"Points: median over {how.draws} draws, because at the threshold the risk has no mean; bands: quartiles. "
        "Dashed: the mean risk of theory, exact on the left, asymptotic on the right; it is infinite at p = n and "
        "above the median near it.",
        multiples,
        x_label="features seen p",
        y_label="risk, noise included",
        log_x=True,
        log_y=True,
        note=f"n = {how.draws} draws · band: quartiles · dashed: theory",
    )


def _ridge_figure(spec: DoubleDescentFeatures, found: Found) -> Figure:
    multiples = []
    for family in spec.families:
        computed = found.computed[family.name]
        both = {
            "minimum norm": over_features(spec, computed),
            "ridge": over_features_with_ridge(spec, computed),
        }
        multiples.append(replace(descent_views.panel(family.name, both, train=False), marks=(_at_n(spec),)))
    return lines.draw(
        "ridge",
        "Ridge removes the peak",
        f"Test error with {100 * spec.label_noises[-1]:g} % wrong labels, without a regulariser and with the penalty "
        f"that is best on {spec.num_validation} held-out examples at each size. Lines: mean over {spec.seeds} seeds; "
        "bands: 95 % interval of the mean.",
        multiples,
        x_label="random features N",
        y_label="test error (%)",
        log_x=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the mean",
    )


def _samples_figure(spec: DoubleDescentFeatures, computed: Computed) -> Figure:
    shown = spec.samples[-MOST_LINES:]
    sweeps = {f"n = {n}": over_features_of_a_sample(spec, computed, n) for n in shown}
    drawn = descent_views.panel("", sweeps, train=False)
    return lines.draw(
        "samples",
        "More data move the peak, and hurt where it arrives",
        f"{spec.sampled}, {100 * spec.label_noises[-1]:g} % wrong labels, the first n examples of each seed. Lines: "
        f"mean over {spec.seeds} seeds; bands: 95 % interval of the mean.",
        [replace(drawn, marks=tuple(Mark(f"N = {n}", x=n) for n in (shown[0], shown[-1])))],
        x_label="random features N",
        y_label="test error (%)",
        log_x=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the mean",
    )


def _heat_figure(spec: DoubleDescentFeatures, computed: Computed) -> Figure:
    samples = np.array(spec.samples, float)
    sweeps = [over_features_of_a_sample(spec, computed, n) for n in spec.samples]
    test, train = (np.stack(rows, axis=1) for rows in ([each.test for each in sweeps], [each.train for each in sweeps]))
    return descent_views.map_of_errors(
        "heat",
        "Features and examples",
        f"{spec.sampled}, {100 * spec.label_noises[-1]:g} % wrong labels. Lines: as many features as examples, where "
        "the squared error vanishes, and where one training example in ten is still wrong.",
        {"": (test, train)},
        ("random features N", np.array(spec.sample_sizes(), float)),
        ("training examples n", samples),
        borders=(heat.Places("N = n", samples, each="row"),),
    )


def _penalty_figure(spec: DoubleDescentFeatures, found: Found) -> Figure:
    errors, gammas = [], []
    for family in spec.families:
        computed = found.computed[family.name]
        sweep = over_penalties(spec, computed)
        errors.append(views.mean_line(family.name, sweep.sizes, sweep.test.T))
        gamma = computed["swept_gamma"].mean(axis=0)[::-1]
        gammas.append(views.mean_line(family.name, gamma, sweep.test.T))
    ticks = (Mark("n", x=spec.num_train),)
    return lines.draw(
        "penalty",
        "Test error along the penalty of ridge, weaker to the right",
        f"{round(spec.penalty_ratio * spec.num_train)} features, {100 * spec.label_noises[-1]:g} % wrong labels. The "
        "same test errors against the inverse of the penalty, and against the effective number of parameters that it "
        f"leaves. Lines: mean over {spec.seeds} seeds; bands: 95 % interval of the mean.",
        [
            Panel("over the penalty", tuple(errors), x_label="1 / penalty"),
            Panel("over effective parameters", tuple(gammas), ticks, x_label="effective parameters γ"),
        ],
        x_label="",
        y_label="test error (%)",
        log_x=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the mean",
    )


def _norm_figure(spec: DoubleDescentFeatures, found: Found) -> Figure:
    x = np.array(spec.sizes(), float)
    norms, risks, norm_marks, risk_marks = [], [], [_at_n(spec)], [_at_n(spec)]
    for family in spec.families:
        computed = found.computed[family.name]
        norms.append(views.mean_line(family.name, x, computed["norm"][:, CLEAN].T, Scale.LOG))
        risks.append(views.mean_line(family.name, x, computed["test_risk"][:, CLEAN].T, Scale.LOG))
        if family.bandwidth is not None and not norm_marks[1:]:
            norm_marks.append(Mark("its kernel", y=float(np.exp(np.log(computed["kernel_norm"][:, CLEAN]).mean()))))
            risk_marks.append(Mark("its kernel", y=float(np.exp(np.log(computed["kernel_risk"][:, CLEAN]).mean()))))
    return lines.draw(
        "norm",
        "Norm and squared risk peak with the test error",
        "Without wrong labels: norm of the coefficients of features divided by the root of their number, and squared "
        "test error summed over the classes. The level lines are the limit of the first family of Fourier features, "
        f"interpolation with the Gaussian kernel. Lines: geometric mean over {spec.seeds} seeds; bands: its 95 % "
        "interval.",
        [
            Panel("norm", tuple(norms), tuple(norm_marks), y_label="norm"),
            Panel("squared risk", tuple(risks), tuple(risk_marks), y_label="squared test error"),
        ],
        x_label="random features N",
        y_label="",
        log_x=True,
        log_y=True,
        note=f"n = {spec.seeds} seeds · band: 95 % interval of the geometric mean",
    )


def _demo_figure(computed: Computed) -> Figure:
    points = Line("examples", computed["x"], computed["y"], style="points")
    norms = computed["norms"]
    labels = ("few features", "many features")
    functions = [
        Line(label, computed["grid"], values) for label, values in zip(labels, computed["functions"], strict=True)
    ]
    return lines.draw(
        "demo",
        "Ten examples of one variable, fitted exactly by few and by many ReLU features",
        "Minimum-norm functions, after figure 3 of Belkin et al. 2019: both pass through all examples, and with more "
        f"features the norm falls, here from {norms[0]:.0f} to {norms[1]:.0f}.",
        [Panel("", (*functions, points))],
        x_label="input",
        y_label="output",
    )


def tables(spec: DoubleDescentFeatures, found: Found) -> Sequence[Table]:
    """Return where the thresholds and peaks are, and how well the equations are conditioned."""
    return [_places(spec, found), _numerics(spec, found)]


def _places(spec: DoubleDescentFeatures, found: Found) -> Table:
    rows = []
    for family in spec.families:
        for index, rate in enumerate(spec.label_noises):
            sweep = over_features(spec, found.computed[family.name], index)
            top = sweep.peak()
            rows.append(
                [
                    family.name,
                    f"{100 * rate:g}",
                    descent_views.in_words(sweep.threshold(), ".0f"),
                    f"{sweep.sizes[top.place]:.0f}",
                    f"{np.nanmean(sweep.test[:, top.valley]):.1f}",
                    f"{np.nanmean(sweep.test[:, top.place]):.1f}",
                    f"{np.nanmean(sweep.test[:, -1]):.1f}",
                ]
            )
    columns = ["family", "wrong labels (%)", f"{descent_views.FITS} at N", "peak at N"]
    columns += ["valley (%)", "peak (%)", "largest (%)"]
    caption = f"Test errors are means over {spec.seeds} seeds; n = {spec.num_train}. Threshold with 95 % interval."
    return Table("Where the peak stands", columns, rows, caption)


def _numerics(spec: DoubleDescentFeatures, found: Found) -> Table:
    rows = []
    full = np.minimum(spec.sizes(), spec.num_train)
    for family in spec.families:
        computed = found.computed[family.name]
        cut = (computed["rank"] < full).mean(axis=0)
        where = [f"{size} ({100 * share:.0f} %)" for size, share in zip(spec.sizes(), cut, strict=True) if share > 0]
        condition = computed["condition"][:, spec.sizes().index(spec.num_train)]
        peaks = norm_peaks(spec, computed)
        rows.append(
            [
                family.name,
                f"{np.median(condition):.1e}",
                f"{np.exp(np.nanmean(np.log(peaks))):.0f}",
                f"{np.median(computed['norm'][:, NOISY, -1]):.3g}",
                ", ".join(where) or "nowhere",
                f"{np.median(computed['kernel_rank']):.0f} of {spec.num_train}" if family.bandwidth is not None else "",
            ]
        )
    columns = ["family", "condition at N = n", "norm peaks at N", "norm at the largest", "cut-off acts at N (of seeds)"]
    columns += ["rank of the kernel"]
    caption = "Condition number in the 1-norm and rank: medians over seeds. A cut-off that acts is a regulariser."
    return Table("Numerics", columns, rows, caption)
