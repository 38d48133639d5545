"""The findings of the study `averages` as arrays, figures and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from basin.figures import lines
from basin.figures.figure import Figure
from basin.figures.lines import Line, Mark, Panel
from basin.spec.averages import Averages
from basin.studies import views
from basin.studies.averages.series import GRID, best_beta_of_a_walk, settings
from basin.studies.study import Findings, Table

SHOWN = ("beta 0.5", "beta 0.9", "beta 0.98")


def kind_name(kind: tuple[str, float, float]) -> str:
    """Return what a kind of series is called.

    Example:
        >>> kind_name(("sine", 30.0, 0.1)), kind_name(("walk", 0.3, 1.0))
        ('sine of period 30, noise 0.1', 'walk of step 0.3, noise 1')
    """
    shape, size, noise = kind
    return f"{shape} of {'period' if shape == 'sine' else 'step'} {size:g}, noise {noise:g}"


def losses(errors: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return log of an error over that of the best beta, which was chosen on the other half of the draws.

    Args:
        errors: (kinds, draws, betas), of which the first are those of GRID.
        at: The errors that are compared, (kinds, draws).

    Returns:
        (kinds, draws).

    Example:
        >>> errors = np.ones((1, 4, len(GRID)))
        >>> losses(errors, 2 * errors[..., 0]).round(3).tolist()
        [[0.693, 0.693, 0.693, 0.693]]
    """
    grid, half = errors[..., : len(GRID)], errors.shape[1] // 2
    found = np.empty(at.shape)
    for judged, chosen in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
        best = grid[:, chosen].mean(axis=1).argmin(axis=-1)
        found[:, judged] = np.log(at[:, judged] / np.stack([one[judged, b] for one, b in zip(grid, best, strict=True)]))
    return found


# --- Figures ---------------------------------------------------------------------------------------------------------


def figures(spec: Averages, found: Findings[str], records: Sequence[Mapping[str, Any]]) -> Sequence[Figure]:
    """Return the study's figures, the claims first."""
    return [
        views.claims_figure(records),
        _series(found),
        _cold_start(found),
        _weights(spec, found),
        _noise(spec, found),
        _lag(spec, found),
        _errors(spec, found),
        _best(spec, found),
    ]


def _series(found: Findings[str]) -> Figure:
    held = found.computed["shown"]
    days = np.arange(1.0, len(held["series"]) + 1)
    averages = tuple(Line(name, days, one) for name, one in zip(SHOWN, held["corrected"], strict=True))
    return lines.draw(
        "averages",
        "Averages of a noisy series",
        "The larger beta, the smoother the curve and the further it is shifted to the right. Points: the series; "
        "lines: its averages, corrected for their start; dashed: the signal beneath the noise.",
        [
            Panel(
                "",
                (
                    *averages,
                    Line("series", days, held["series"], style="points"),
                    Line("signal", days, held["signal"], style="dashed"),
                ),
            )
        ],
        x_label="value number",
        y_label="value",
    )


def _cold_start(found: Findings[str]) -> Figure:
    held, first = found.computed["shown"], slice(60)
    days = np.arange(1.0, 61)
    multiples = []
    for title, which in (("begun at 0", "raw"), ("corrected by 1/(1 - beta^t)", "corrected")):
        drawn = [Line(name, days, one[first]) for name, one in zip(SHOWN, held[which], strict=True)]
        multiples.append(Panel(title, (*drawn, Line("signal", days, held["signal"][first], style="dashed"))))
    return lines.draw(
        "cold-start",
        "The cold start and its correction",
        "The first sixty values of the same series: uncorrected averages begin near 0, whatever the series is.",
        multiples,
        x_label="value number",
        y_label="average",
    )


def _weights(spec: Averages, found: Findings[str]) -> Figure:
    ages = np.arange(0.0, 120.0)
    drawn = tuple(
        Line(f"beta {beta:g}", ages, one[:120] / one[0])
        for beta, one in list(zip(spec.betas, found.computed["weights"]["weights"], strict=True))[:5]
    )
    return lines.draw(
        "weights",
        "How much a value still counts when it has aged",
        "Weight of a value over that of the latest one, measured by the answer to a single 1. The weight is at 1/e "
        "after about 1/(1 - beta) values; the rest of the average, 37 % of it, is older than that.",
        [
            Panel(
                "",
                drawn,
                (
                    Mark("1/e", y=float(np.exp(-1))),
                    Mark("1/(1 − 0.9)", x=10.0),
                    Mark("1/(1 − 0.99)", x=100.0),
                ),
            )
        ],
        x_label="age (values)",
        y_label="weight over the latest",
    )


def _noise(spec: Averages, found: Findings[str]) -> Figure:
    held, n = found.computed["white"], 1 / (1 - np.array(spec.betas))
    fine = np.geomspace(n.min(), n.max(), 60)
    drawn = (
        Line("average", n, held["average"].mean(axis=0), style="points"),
        Line("average", fine, 1 / (2 * fine - 1), style="dashed"),
        Line("plain mean of n", n, held["mean"].mean(axis=0), style="points"),
        Line("plain mean of n", fine, 1 / fine, style="dashed"),
    )
    return lines.draw(
        "noise",
        "An average is freer of noise than the mean of 1/(1 - beta) values",
        f"Variance left of white noise of variance 1, mean of {len(held['average'])} draws. Dashed: "
        "(1 - beta)/(1 + beta) and 1 - beta.",
        [Panel("", drawn)],
        x_label="n = 1/(1 - beta)",
        y_label="variance",
        log_x=True,
        log_y=True,
        note=f"n = {len(held['average'])} draws · point: mean",
    )


def _lag(spec: Averages, found: Findings[str]) -> Figure:
    n = 1 / (1 - np.array(spec.betas))
    fine = np.geomspace(n.min(), n.max(), 60)
    measured = {"a steady rise": found.computed["weights"]["lag"], "a slow sine": found.computed["shifts"]["shift"]}
    theory = Line("beta/(1 - beta)", fine, fine - 1, style="dashed")
    panels = [Panel(title, (Line("measured", n, lag, style="points"), theory)) for title, lag in measured.items()]
    return lines.draw(
        "lag",
        "How late an average is",
        "By how many values the average is behind what is averaged; for the sine by its phase.",
        panels,
        x_label="n = 1/(1 - beta)",
        y_label="lag (values)",
        log_x=True,
        log_y=True,
    )


def _errors(spec: Averages, found: Findings[str]) -> Figure:
    held, kinds = found.computed["errors"], settings(spec.periods, spec.noises, spec.steps)
    multiples = []
    for noise in spec.noises:
        drawn = [
            Line(f"period {size:g}", 1 / (1 - GRID), held["signal"][index].mean(axis=0)[: len(GRID)] / noise**2)
            for index, (shape, size, level) in enumerate(kinds)
            if shape == "sine" and level == noise
        ]
        multiples.append(Panel(f"noise {noise:g}", tuple(drawn[:5]), (Mark("beta 0.9", x=10.0),)))
    return lines.draw(
        "errors",
        "Which beta is right depends on signal and noise",
        "Mean squared error of the corrected average against the true sine of amplitude 1, over the variance of the "
        f"noise; mean of {held['signal'].shape[1]} draws. Below 1 averaging helps.",
        multiples,
        x_label="n = 1/(1 - beta)",
        y_label="squared error / noise variance",
        log_x=True,
        log_y=True,
        note=f"n = {held['signal'].shape[1]} draws · line: mean",
    )


def _best(spec: Averages, found: Findings[str]) -> Figure:
    held, kinds = found.computed["errors"], settings(spec.periods, spec.noises, spec.steps)
    walks = [index for index, kind in enumerate(kinds) if kind[0] == "walk"]
    order = np.argsort([kinds[index][1] for index in walks])
    steps = np.array([kinds[walks[place]][1] for place in order])
    best = GRID[[held["signal"][walks[place]].mean(axis=0)[: len(GRID)].argmin() for place in order]]
    fine = np.geomspace(steps.min(), steps.max(), 60)
    theory = np.array([1 / (1 - best_beta_of_a_walk(step)) for step in fine])
    drawn = (
        Line("measured", steps, 1 / (1 - best), style="points"),
        Line("theory", fine, theory, style="dashed"),
    )
    return lines.draw(
        "best-beta",
        "The best beta for a random walk in noise",
        f"The best of {len(GRID)} betas over all draws, against the step of the walk over the noise; dashed: 1/K, K "
        "the gain of the steady state.",
        [Panel("", drawn, (Mark("beta 0.9", y=10.0),))],
        x_label="step / noise",
        y_label="best n = 1/(1 - beta)",
        log_x=True,
        log_y=True,
    )


# --- Tables ----------------------------------------------------------------------------------------------------------


def tables(spec: Averages, found: Findings[str]) -> Sequence[Table]:
    """Return the best beta of every kind of series, and what 0.9 loses."""
    return [
        Table(
            "Where the best beta lies, and what 0.9 loses",
            ("series", "best beta", "loss of 0.9"),
            list(_rows(spec, found)),
            "The best of the grid by the mean error over all draws. Loss: mean squared error at 0.9 over that of the "
            "best beta, which was chosen on other draws; geometric mean over draws.",
        )
    ]


def _rows(spec: Averages, found: Findings[str]) -> Iterator[tuple[str, ...]]:
    held, kinds = found.computed["errors"], settings(spec.periods, spec.noises, spec.steps)
    lost = np.exp(losses(held["signal"], held["signal"][:, :, len(GRID)]).mean(axis=1))
    for kind, one, factor in zip(kinds, held["signal"], lost, strict=True):
        best = GRID[one.mean(axis=0)[: len(GRID)].argmin()]
        yield kind_name(kind), f"{best:.3g}", f"x{factor:.2f}"
