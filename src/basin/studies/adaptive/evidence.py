"""From the findings of the study `adaptive` to the evidence for its claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.signal
import scipy.stats
from jaxtyping import Float

from basin.spec.adaptive import Adaptive
from basin.stats import Estimate, Scale, mean, paired, sample, scaled_errors
from basin.studies.adaptive import walks
from basin.studies.claim import Cases, Evidence, Measured, Reading
from basin.studies.study import Findings
from basin.studies.tuning import Tuned, leave_one_out, on_halves
from basin.training.run import Run

PARTS = {"no momentum": "momentum", "no root": "the root of RMSProp", "no correction": "the correction"}
"""What is removed from Adam, and what that is called."""


@dataclass(frozen=True)
class Cell:
    """One training on digits: an arm, one of its rates, a seed."""

    arm: str
    rate: int
    seed: int


def evidence(spec: Adaptive, found: Findings[Cell]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {
        **_formulas(found),
        **_surfaces(spec, found),
        **_rotation(spec, found),
        **_ravine(found),
        **_network(found),
        **_digits(spec, found),
    }


# --- Formulas --------------------------------------------------------------------------------------------------------


def constant_step(
    rule: str, slope: Float[np.ndarray, "n"], t: Float[np.ndarray, "t 1"], eta: float = 0.1
) -> np.ndarray:
    """Return the size of the t-th step under a constant slope, in closed form, (steps, slopes)."""
    g, delta = np.abs(slope), 1e-8
    match rule:
        case "AdaGrad":
            return eta * g / (g * np.sqrt(t) + delta)
        case "RMSProp":
            return eta * g / (g * np.sqrt(1 - 0.9**t) + delta)
        case "Adam":
            return eta * g / (g + delta) * np.ones_like(t)
        case "no correction":
            return eta * g * (1 - 0.9**t) / (g * np.sqrt(1 - 0.999**t) + delta)
    raise ValueError(f"expected a rule with a closed form, got '{rule}'")


def rebuilt_steps(rule: str, g: Float[np.ndarray, "steps n"], eta: float = 0.005) -> np.ndarray:
    """Return the steps that sums over all gradients of a walk give: running sums and linear filters, no update rule."""
    t = np.arange(1, len(g) + 1)[:, None]
    if rule == "AdaGrad":
        return -eta * g / (np.sqrt(np.cumsum(g**2, axis=0)) + 1e-8)
    if rule == "RMSProp":
        return -eta * g / (np.sqrt(_average(g**2, 0.9)) + 1e-8)
    beta1, beta2 = {"Adam, beta2 0.99": (0.9, 0.99), "no momentum": (0.0, 0.999)}.get(rule, (0.9, 0.999))
    corrected = rule != "no correction"
    s = _average(g, beta1) / (1 - beta1**t if corrected else 1)
    r = _average(g**2, beta2) / (1 - beta2**t if corrected else 1)
    return -eta * s / (np.sqrt(r) + 1e-8)


def _average(values: np.ndarray, beta: float) -> np.ndarray:
    return np.asarray(scipy.signal.lfilter([1 - beta], [1, -beta], values, axis=0))


def beale_gradient(points: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 2"]:
    """Return the gradient of Beale's function, differentiated by hand."""
    x, y = points.T
    residuals = np.stack([1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3])
    by_x, by_y = np.stack([y - 1, y**2 - 1, y**3 - 1]), np.stack([x, 2 * x * y, 3 * x * y**2])
    return 2 * np.stack([(residuals * by_x).sum(axis=0), (residuals * by_y).sum(axis=0)], axis=1)


def _formulas(found: Findings[Cell]) -> dict[str, Evidence]:
    computed = found.computed["formulas"]
    collected: dict[str, Evidence] = {}
    slopes = np.array(walks.SLOPES)
    for rule, points in computed["constant"].items():
        expected = constant_step(rule, slopes, np.arange(1.0, len(points))[:, None])
        errors = scaled_errors(np.abs(np.diff(points, axis=0)).T, expected.T, np.abs(points).max(axis=0))
        collected[f"constant-gradient-{rule.lower().replace(' ', '-')}"] = Cases(errors, f"slopes {slopes.tolist()}")
    collected["rules-from-their-sums"] = Cases(
        np.concatenate([_rebuilding_errors(rule, points) for rule, points in computed["beale"].items()]),
        ", ".join(computed["beale"]),
    )
    curvature = np.array(walks.CURVATURES)
    r = np.cumsum((computed["bowl"] * curvature) ** 2, axis=0)
    product = curvature / np.sqrt(r)
    average = product.mean(axis=1, keepdims=True)
    collected["rates-by-curvature-bowl"] = Cases(
        scaled_errors(product, np.broadcast_to(average, product.shape), average[:, 0]),
        f"curvatures {curvature.tolist()}; a case a step",
    )
    return collected


def _rebuilding_errors(rule: str, points: np.ndarray) -> np.ndarray:
    expected = rebuilt_steps(rule, beale_gradient(points[:-1]))
    farthest = np.abs(points).max(axis=0)
    return scaled_errors(np.diff(points, axis=0).T, expected.T, farthest)


# --- Surfaces --------------------------------------------------------------------------------------------------------


ARRIVALS = {"to stay": "settled", "for the first time": "first"}
"""Two ways to arrive at a target: a walk at too large a rate may pass it by chance. A claim has to hold in both."""


def tuned_steps(steps: Float[np.ndarray, "rates starts"]) -> Tuned:
    """Choose a rule's rate by steps to the target; a walk that never arrives costs infinitely many."""
    return on_halves(np.where(steps < 0, np.inf, np.maximum(steps, 1.0)))


def slower(
    slow: Mapping[str, np.ndarray], fast: Mapping[str, np.ndarray], most: int, where: tuple[Any, ...] = ()
) -> Measured:
    """Return the ratio of steps, slow over fast, for both ways to arrive."""
    readings, notes = [], []
    for words, kind in ARRIVALS.items():
        late, early = (tuned_steps(arm[kind][(slice(None), *where)]) for arm in (slow, fast))
        estimate, note = ratio_of(late, early, most)
        readings.append(Reading(words, estimate))
        notes += [f"{words}: {note}"] if note else []
    return Measured(tuple(readings), note="; ".join(notes))


def ratio_of(slow: Tuned, fast: Tuned, most: int) -> tuple[Estimate, str]:
    """Return the log ratio of costs, slow over fast; what never arrives counts as the longest that was tried."""
    numbers = [np.where(np.isfinite(arm.values), arm.values, most) for arm in (fast, slow)]
    neither = ~(np.isfinite(slow.values) | np.isfinite(fast.values))
    for values in numbers:
        values[neither] = np.nan
    late = [int((~np.isfinite(arm.values)).sum()) for arm in (slow, fast)]
    said = f"never arrived: {late[0]} and {late[1]} of {len(slow.values)}" if any(late) else ""
    edges = [which for which, arm in (("slow", slow), ("fast", fast)) if arm.at_edge]
    edge = f"the {' and the '.join(edges)} arm's rate is at the edge of its grid" if edges else ""
    return paired(*numbers, scale=Scale.LOG), ", ".join(part for part in (said, edge) if part)


def _surfaces(spec: Adaptive, found: Findings[Cell]) -> dict[str, Evidence]:
    collected: dict[str, Evidence] = {}
    for name in walks.SURFACES:
        arms = found.computed[name]
        collected[f"adagrad-stalls-{name}"] = slower(arms["AdaGrad"], arms["RMSProp"], spec.walk_steps)
        for part in PARTS:
            collected[f"adam-needs-{part.removeprefix('no ')}-{name}"] = slower(
                arms[part], arms["Adam"], spec.walk_steps
            )
    values = found.computed["beale"]["after 200 steps"]["values"]
    apart = values.max(axis=0) / values.min(axis=0)
    larger = int((values[1] > values[0]).sum())
    note = f"0.99 is the higher at {larger} of {values.shape[1]} starts; median factor {np.nanmedian(apart):.2g}"
    collected["beta2-matters"] = Measured.of(mean(sample(apart, scale=Scale.LOG)), note=note)
    return collected


def _rotation(spec: Adaptive, found: Findings[Cell]) -> dict[str, Evidence]:
    steps, most = found.computed["rotation"], spec.walk_steps // 3
    collected: dict[str, Evidence] = {}
    for rule in walks.ADAPTIVE:
        for claim, angle in (("axes-help", 0), ("rotation-stops", -1)):
            collected[f"{claim}-{rule.lower()}"] = slower(steps[walks.PLAIN[rule]], steps[rule], most, (angle,))
    return collected


def _ravine(found: Findings[Cell]) -> dict[str, Evidence]:
    walked = found.computed["ravine"]
    collected: dict[str, Evidence] = {}
    for how in ("tuned", "common"):
        seen = {rule: {what: _judged(walked[rule], what, how) for what in MOVEMENT} for rule in RAVINE_RULES}
        plain = seen["descent"]
        for rule in ("momentum", "RMSProp"):
            damped = tuple(
                Reading(MOVEMENT[what], paired(seen[rule][what], plain[what], scale=Scale.LOG))
                for what in ("swing", "path")
            )
            kept = paired(plain["progress"], seen[rule]["progress"])
            collected[f"{rule.lower()}-damps-{how}"] = Measured(damped)
            collected[f"{rule.lower()}-keeps-progress-{how}"] = Measured.of(kept)
    return collected


MOVEMENT = {"swing": "peak to peak", "path": "length of the way across", "progress": "share of the way along"}
RAVINE_RULES = ("descent", "momentum", "RMSProp")


def _judged(rule: Mapping[str, np.ndarray], what: str, how: str) -> np.ndarray:
    """Return a quantity of the judged starts at the rule's tuned rate, or at the common one, which is the last."""
    chosen = -1 if how == "common" else int(tuned_steps(rule["settled"][:-1]).index[0])
    return rule[what][chosen, rule[what].shape[1] // 2 :]


# --- The networks ----------------------------------------------------------------------------------------------------


def _network(found: Findings[Cell]) -> dict[str, Evidence]:
    computed = found.computed["network"]
    trained = computed["hessian"]["trained"]
    change = {rule: sample(_rate_change(computed[rule]["rates"]), scale=Scale.LOG) for rule in ("AdaGrad", "RMSProp")}
    ratio = np.exp(np.log(trained["participation"]).mean(axis=1))
    size = trained["diagonal"].shape[1]
    correlation = _correlations(computed["AdaGrad"]["rates"]["end"], trained["diagonal"])
    estimates = {
        "adagrad-rates-shrink": (mean(change["AdaGrad"]), ""),
        "rmsprop-rates-recover": (mean(change["RMSProp"]), ""),
        "hessian-off-axes": (mean(sample(trained["off_diagonal"])), f"{size} weights"),
        "eigenvectors-off-axes": (
            mean(sample(ratio, scale=Scale.LOG)),
            f"{size} weights; a random direction has a ratio of about {size / 3:.0f}",
        ),
        "rates-by-curvature-network": (mean(sample(correlation)), ""),
    }
    return {name: Measured.of(estimate, note=note) for name, (estimate, note) in estimates.items()}


def _rate_change(rates: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return end over early, the geometric mean over the weights that had a gradient early on, (seeds,)."""
    with np.errstate(invalid="ignore"):
        change = np.log(rates["end"]) - np.log(rates["early"])
    return np.exp([row[np.isfinite(row)].mean() for row in change])


def _correlations(rates: np.ndarray, diagonal: np.ndarray) -> np.ndarray:
    known = np.isfinite(rates)
    pairs = zip(rates, diagonal, known, strict=True)
    return np.array([scipy.stats.spearmanr(a[kept], b[kept])[0] for a, b, kept in pairs])


def updates(spec: Adaptive, found: Findings[Cell], arm: str) -> Float[np.ndarray, "rates seeds"]:
    """Return the updates to the training loss wanted for every rate and seed; infinite where it was not reached."""
    return _of_runs(spec, found, arm, lambda run: run.outcome.step if run.outcome.kind == "stopped" else np.inf)


def test_errors(spec: Adaptive, found: Findings[Cell], arm: str) -> Float[np.ndarray, "rates seeds"]:
    """Return the test error at that loss in per cent for every rate and seed; NaN where it was not reached."""

    def error(run: Run) -> float:
        return 100 * run.history.last("test", "error") if run.outcome.kind == "stopped" else np.nan

    return _of_runs(spec, found, arm, error)


def _of_runs(spec: Adaptive, found: Findings[Cell], arm: str, value: Callable[[Run], float]) -> np.ndarray:
    rates = range(1 + max(cell.rate for cell in found.runs if cell.arm == arm))
    rows = [[value(found.runs[Cell(arm, rate, seed)]) for seed in range(spec.seeds)] for rate in rates]
    return np.array(rows, np.float64)


def _digits(spec: Adaptive, found: Findings[Cell]) -> dict[str, Evidence]:
    tuned = {arm: leave_one_out(updates(spec, found, arm)) for arm in dict.fromkeys(cell.arm for cell in found.runs)}
    most = max(run.num_steps for run in (one.spec for one in found.runs.values()))
    against = {"adagrad-stalls-digits": ("AdaGrad", "RMSProp"), "effective-nevertheless": ("SGD", "Adam")}
    against |= {f"adam-needs-{part.removeprefix('no ')}-digits": (part, "Adam") for part in PARTS}
    ratios = {claim: ratio_of(tuned[slow], tuned[fast], most) for claim, (slow, fast) in against.items()}
    return {claim: Measured.of(ratio, note=note) for claim, (ratio, note) in ratios.items()}
