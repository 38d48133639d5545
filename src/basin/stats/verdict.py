r"""The rule of verdicts: what an interval says about a claim that names the smallest effect that would matter.

With an interval (low, high) and a smallest effect :math:`\delta \ge 0`:

| direction | the claim | supported | refuted |
|---|---|---|---|
| `greater` | the statistic exceeds the effect | low > δ | high < δ |
| `less` | it lies below minus the effect | high < -δ | low > -δ |
| `same` | it is negligible | -δ < low and high < δ | high < -δ or low > δ |
| `at_most` | it does not exceed the effect | high < δ | low > δ |
| `at_least` | it does not fall below minus the effect | low > -δ | high < -δ |
| `formula` | computed and written values agree | largest error <= tolerance | largest error > tolerance |

Everything else is inconclusive, and so is a claim without an interval. Supported and refuted are each false with
probability at most :math:`\alpha / 2` (the refutation of `same`: :math:`\alpha`), whatever the truth.

**Claims that join several readings.** "The minimum is sharper" holds only if it holds for the best value found and for
the paper's ten iterations, at both box sizes. Such a claim is *A and B*. It is false as soon as one part is false:

* it is **supported** when every part is. No correction is needed: if the claim is false, some part is, and to be
  supported the claim needs that very part to be falsely supported, so the error is that of one test (the
  intersection-union test);
* it is **refuted** when any part is. This does need a correction: if the claim is true all k parts are, and each has
  its own chance to be falsely refuted. A part refutes at level :math:`1 - \alpha / k`.

References:
    Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24 (1982).
    Roy, "On a heuristic method of test construction", Annals of Mathematical Statistics 24 (1953).
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

from basin.stats.estimate import Estimate, Interval


class Verdict(enum.StrEnum):
    """What the evidence says of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"


class Direction(enum.StrEnum):
    """What a claim says of its statistic; the module's docstring has the table."""

    GREATER = "greater"
    LESS = "less"
    SAME = "same"
    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    FORMULA = "formula"


_SIDES = {
    Direction.GREATER: (1, 1),
    Direction.LESS: (-1, -1),
    Direction.AT_MOST: (1, -1),
    Direction.AT_LEAST: (-1, 1),
}
"""One-sided directions: the sign of the threshold, and the side of it that is claimed."""


def decide(interval: Interval | None, direction: Direction, smallest_effect: float) -> Verdict:
    """Return the verdict of an interval.

    Args:
        interval: `(low, high)` at the level that is to decide, or `None` where there is none.
        direction: What is claimed; not a formula.
        smallest_effect: The smallest effect that would matter, on the statistic's scale, 0 or more.

    Raises:
        ValueError: A negative or infinite smallest effect, a formula, or `low` above `high`.

    Example:
        >>> decide((0.2, 0.9), Direction.GREATER, 0.1), decide((0.02, 0.08), Direction.GREATER, 0.1)
        (<Verdict.SUPPORTED: 'supported'>, <Verdict.REFUTED: 'refuted'>)
    """
    check_effect(smallest_effect)
    if direction is Direction.FORMULA:
        raise ValueError("expected a direction with an interval, got a formula; use decide_formula")
    if interval is None or any(math.isnan(bound) for bound in interval):
        return Verdict.INCONCLUSIVE
    low, high = interval
    if low > high:
        raise ValueError(f"expected low <= high, got ({low}, {high})")
    if direction is Direction.SAME:
        inside = -smallest_effect < low and high < smallest_effect
        outside = high < -smallest_effect or low > smallest_effect
    else:
        sign, side = _SIDES[direction]
        threshold = sign * smallest_effect
        above, below = low > threshold, high < threshold
        inside, outside = (above, below) if side > 0 else (below, above)
    return Verdict.SUPPORTED if inside else Verdict.REFUTED if outside else Verdict.INCONCLUSIVE


def nearest_margin(value: float, direction: Direction, smallest_effect: float) -> float:
    """Return the bound that a claim's p-value is taken against: the one nearest to the estimate."""
    if direction is Direction.SAME:
        return math.copysign(smallest_effect, value)
    return _SIDES[direction][0] * smallest_effect


def on_claimed_side(value: float, direction: Direction, smallest_effect: float) -> bool:
    """Return whether an estimate itself, its uncertainty aside, agrees with the claim."""
    return decide((value, value), direction, smallest_effect) is Verdict.SUPPORTED


def false_verdict_bound(direction: Direction, alpha: float) -> float:
    """Return the largest chance of a false verdict of a claim judged with error `alpha`; a formula has none."""
    if direction is Direction.FORMULA:
        return 0.0
    return alpha if direction is Direction.SAME else alpha / 2


@dataclass(frozen=True)
class Ruling:
    """A verdict on one or several readings of a claim.

    Attributes:
        verdict: Of the claim as a whole.
        deciding: Index of the weakest reading, the one the claim stands or falls with.
        level: Level of the interval that decided.
        interval: Of the deciding reading, at that level; it agrees with the verdict.
        p_value: Two-sided, of "the deciding reading equals the nearest margin", times the number of readings where it
            speaks against the claim; the verdict is conclusive exactly when this is below the `alpha` of the claim.
        parts: Verdicts of the readings, each at the level at which it could support, or else refute.
    """

    verdict: Verdict
    deciding: int
    level: float
    interval: Interval | None
    p_value: float | None
    parts: tuple[Verdict, ...]


def rule(readings: Sequence[Estimate], direction: Direction, smallest_effect: float, *, alpha: float = 0.05) -> Ruling:
    """Judge a claim that holds only if each of its readings agrees; one reading is the ordinary case.

    Args:
        readings: Estimates on one scale, at least one.
        direction: What is claimed of each.
        smallest_effect: The smallest effect that would matter, shared by the readings.
        alpha: Chance of error of this claim: 0.05 divided by the number of claims of the study.

    Raises:
        ValueError: No reading, or as :func:`decide`.
    """
    if not readings:
        raise ValueError("expected at least one reading, got none; leave the claim out of the evidence instead")
    support_level, refute_level = 1 - alpha, 1 - alpha / len(readings)
    parts = tuple(_part(reading, direction, smallest_effect, support_level, refute_level) for reading in readings)
    verdict = conjunction(parts)
    p_values = [_p_value(reading, direction, smallest_effect) for reading in readings]
    strengths = [
        _strength(reading, p_value, direction, smallest_effect, verdict)
        for reading, p_value in zip(readings, p_values, strict=True)
    ]
    deciding = min(range(len(readings)), key=strengths.__getitem__)
    weakest, p_value = readings[deciding], p_values[deciding]
    level = support_level if verdict is Verdict.SUPPORTED else refute_level
    if p_value is not None and strengths[deciding] < 0:
        p_value = min(1.0, len(readings) * p_value)
    return Ruling(verdict, deciding, level, weakest.interval(level), p_value, parts)


def rule_existence(
    chosen: Sequence[Estimate],
    everywhere: Sequence[Sequence[Estimate]],
    direction: Direction,
    smallest_effect: float,
    *,
    alpha: float = 0.05,
) -> Ruling:
    """Judge a claim that something is so at some place: one place can support it, only all of them can refute it.

    A place that was badly chosen shows no effect and says nothing of the others. So the chosen place, read on data that
    did not choose it, supports the claim as :func:`rule` does; the claim is refuted if its readings at every place are.
    That errs no more often than one of these refutations: a true claim is so somewhere, and it is there that all of
    them would have to be wrong. Everything else is inconclusive.

    Args:
        chosen: Readings at the chosen place, all of which are needed.
        everywhere: Readings at each place, of all data; every one may make up what it says from the data, if only
            upwards, as a valley of its own for each seed does.
        direction: What is claimed of each.
        smallest_effect: See :func:`rule`.
        alpha: Chance of error of this claim.

    Returns:
        The ruling on the chosen place, or where that does not support on the place that is furthest from refuted.

    Raises:
        ValueError: No reading, no place, or as :func:`decide`.
    """
    if not everywhere:
        raise ValueError("expected readings at every place, got none; use rule for a claim about one place")
    ruling = rule(chosen, direction, smallest_effect, alpha=alpha)
    if ruling.verdict is Verdict.SUPPORTED:
        return ruling
    rulings = [rule(place, direction, smallest_effect, alpha=alpha) for place in everywhere]
    if all(one.verdict is Verdict.REFUTED for one in rulings):
        return max(rulings, key=lambda one: one.p_value if one.p_value is not None else math.inf)
    return dataclasses.replace(ruling, verdict=Verdict.INCONCLUSIVE)


def conjunction(parts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of "all of these": supported if every part is, refuted as soon as one is.

    Example:
        >>> conjunction([Verdict.SUPPORTED, Verdict.INCONCLUSIVE, Verdict.REFUTED]).value
        'refuted'
    """
    if any(part is Verdict.REFUTED for part in parts):
        return Verdict.REFUTED
    return Verdict.SUPPORTED if all(part is Verdict.SUPPORTED for part in parts) else Verdict.INCONCLUSIVE


def _part(reading: Estimate, direction: Direction, effect: float, support: float, refute: float) -> Verdict:
    if decide(reading.interval(refute), direction, effect) is Verdict.REFUTED:
        return Verdict.REFUTED
    supported = decide(reading.interval(support), direction, effect) is Verdict.SUPPORTED
    return Verdict.SUPPORTED if supported else Verdict.INCONCLUSIVE


def _p_value(reading: Estimate, direction: Direction, effect: float) -> float | None:
    if reading.value is None:
        return None
    return reading.p_value(nearest_margin(reading.value, direction, effect))


def _strength(reading: Estimate, p_value: float | None, direction: Direction, effect: float, verdict: Verdict) -> float:
    """Signed confidence of one reading: 1 speaks for the claim, -1 against; no test is the weakest of all."""
    if p_value is None or reading.value is None:
        return math.inf if verdict is Verdict.REFUTED else -math.inf
    return (1 - p_value) if on_claimed_side(reading.value, direction, effect) else -(1 - p_value)


def check_effect(smallest_effect: float) -> None:
    """Refuse a smallest effect that is negative or not finite; the direction carries the sign."""
    if not 0 <= smallest_effect < math.inf:
        raise ValueError(f"expected a smallest effect of 0 or more, got {smallest_effect}; the direction has the sign")
