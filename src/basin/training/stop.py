"""When a run ends before its budget: rules checked against full-set values at scheduled evaluations."""

from __future__ import annotations

import math
from collections.abc import Sequence

from basin.spec.run import (
    AnyStop,
    StopAtDivergence,
    StopAtError,
    StopAtLoss,
    StopAtPlateau,
    StopAtSoftError,
    StopAtValidation,
)
from basin.training.outcome import Outcome

History = Sequence[tuple[int, dict[tuple[str, str], float]]]
"""(step, values) of every evaluation so far, in order."""


def check(rules: Sequence[AnyStop], history: History) -> Outcome | None:
    """Return the outcome of the first rule that fires at the newest evaluation, or None to go on."""
    step, newest = history[-1]
    if not math.isfinite(newest["train", "loss"]):
        return Outcome("diverged", step, "the training loss is not finite")
    outcomes = (_check_one(rule, history) for rule in rules)
    return next((outcome for outcome in outcomes if outcome is not None), None)


def _check_one(rule: AnyStop, history: History) -> Outcome | None:
    step, newest = history[-1]
    loss, soft_error = newest["train", "loss"], newest["train", "soft_error"]
    match rule:
        case StopAtLoss(threshold=threshold) if loss <= threshold:
            return Outcome("stopped", step, f"training loss {loss:.3g} <= {threshold:g}")
        case StopAtSoftError(threshold=threshold) if soft_error <= threshold:
            return Outcome("stopped", step, f"training soft-error {soft_error:.3g} <= {threshold:g}")
        case StopAtError(threshold=threshold) if newest["train", "error"] <= threshold:
            return Outcome("stopped", step, f"training error {newest['train', 'error']:.3g} <= {threshold:g}")
        case StopAtPlateau() if _on_plateau(rule, [values["train", "loss"] for _, values in history]):
            return Outcome("stopped", step, f"no improvement of the training loss for {rule.patience} evaluations")
        case StopAtValidation() if _is_past_its_best(rule, history):
            return Outcome(
                "stopped", step, f"no new best {rule.metric} of the held-out examples for {rule.patience} looks"
            )
        case StopAtDivergence(factor=factor) if loss > factor * history[0][1]["train", "loss"]:
            return Outcome("diverged", step, f"training loss {loss:.3g} is over {factor:g} times its first value")
    return None


def _is_past_its_best(rule: StopAtValidation, history: History) -> bool:
    key = ("validation", rule.metric)
    seen = [values[key] for _, values in history if key in values]
    return len(seen) - 1 - seen.index(min(seen)) >= rule.patience if seen and key in history[-1][1] else False


def _on_plateau(rule: StopAtPlateau, losses: Sequence[float]) -> bool:
    if len(losses) <= rule.patience:
        return False
    before, recent = min(losses[: -rule.patience]), min(losses[-rule.patience :])
    return recent > before * (1 - rule.min_improvement)
