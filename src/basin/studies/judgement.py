"""Holding the claims of a study against its evidence, all at once; :mod:`basin.studies.claim` says what both are.

With m statistical claims each is judged at level `1 - 0.05 / m`, so that the study gives a false verdict with
probability at most 0.05; m counts the claims that were declared, not those that happened to be measured. The plain 95 %
interval stands beside the one that decided. See :mod:`basin.stats.verdict` for the rule itself.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from basin.stats.estimate import Estimate, Interval
from basin.stats.formula import decide_formula
from basin.stats.power import detectable_effect, is_underpowered
from basin.stats.scale import Scale
from basin.stats.simultaneous import bonferroni_level, holm
from basin.stats.verdict import Direction, Ruling, Verdict, decide, false_verdict_bound, rule, rule_existence
from basin.studies.claim import Cases, Claim, Evidence, Measured, Premise, Reading

ALPHA = 0.05


@dataclass(frozen=True)
class ClaimResult:
    """A claim with its verdict.

    Attributes:
        claim: As it was declared.
        verdict: Supported, refuted or inconclusive.
        note: What a reader has to know, in words.
        n: Pairs of the deciding reading, or cases of a formula.
        estimate: The deciding reading, or the largest scaled error.
        interval: The interval that decided, at `level`.
        level: Simultaneous level of the interval that decided.
        plain_interval: The same reading's interval at 95 %.
        p_value: See :class:`~basin.stats.verdict.Ruling`.
        p_adjusted: Holm's adjustment over the claims of the study.
        sd: Standard deviation of the differences.
        detectable: Smallest effect that n pairs of this spread detect at 80 % power at the study's level.
        false_verdict_bound: Largest chance that this verdict is false by chance alone.
        method: The test in words.
        readings: One record for each reading.
    """

    claim: Claim
    verdict: Verdict
    note: str = ""
    n: int = 0
    estimate: float | None = None
    interval: Interval | None = None
    level: float | None = None
    plain_interval: Interval | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    sd: float | None = None
    detectable: float | None = None
    false_verdict_bound: float = 0.0
    method: str | None = None
    readings: tuple[dict[str, Any], ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return what `study.json` holds of this claim; what has no value is `None`, never NaN."""
        low, high = self.interval or (None, None)
        plain_low, plain_high = self.plain_interval or (None, None)
        ratios = [None if x is None else self.claim.scale.ratio(x) for x in (self.estimate, low, high)]
        record = {
            "id": self.claim.id,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "refuted_by": self.claim.refuted_by,
            "statistic": self.claim.statistic,
            "estimate": self.estimate,
            "ci_low": low,
            "ci_high": high,
            "p_value": self.p_value,
            "n": self.n,
            "published": self.claim.published,
            "verdict": self.verdict.value,
            "note": self.note,
            "unit": self.claim.unit,
            "scale": self.claim.scale.value,
            "direction": self.claim.direction.value,
            "smallest_effect": self.claim.smallest_effect,
            "level": self.level,
            "plain_ci_low": plain_low,
            "plain_ci_high": plain_high,
            "p_adjusted": self.p_adjusted,
            "sd": self.sd,
            "detectable_effect": self.detectable,
            "ratio": ratios[0],
            "ratio_low": ratios[1],
            "ratio_high": ratios[2],
            "method": self.method,
            "resampled": self.claim.resampled,
            "inventory": list(self.claim.inventory),
            "false_verdict_bound": self.false_verdict_bound,
            "readings": [dict(reading) for reading in self.readings],
        }
        return {key: _json_value(value) for key, value in record.items()}


def judge(
    claims: Sequence[Claim], evidence: Mapping[str, Evidence], *, alpha: float = ALPHA
) -> tuple[ClaimResult, ...]:
    """Hold every claim of a study against its evidence, at the study's simultaneous level.

    Args:
        claims: All claims that the study declares, in the order of the ledger.
        evidence: By claim id; a claim without evidence is inconclusive and still counts among the m.
        alpha: Chance that the study gives any false verdict.

    Returns:
        One result per claim, in their order.

    Raises:
        ValueError: Two claims of one id, evidence for an unknown claim, of the wrong kind or on another scale.

    Example:
        >>> from basin.stats.estimate import paired
        >>> gap = Claim("gap", "Large batches generalise worse.", "Keskar et al. 2017", "a gap below 0.1 points",
        ...             "test error, large minus small", Direction.GREATER, 0.1, "points")
        >>> small = np.array([2.0, 2.1, 1.9, 2.0, 2.2])
        >>> found = judge([gap], {"gap": Measured((Reading("", paired(small, small + [1.0, 1.1, 0.9, 1.2, 1.0])),))})
        >>> found[0].verdict.value, round(found[0].estimate, 2), found[0].n
        ('supported', 1.04, 5)
    """
    _check(claims, evidence)
    num_tested = sum(claim.direction is not Direction.FORMULA for claim in claims)
    each = 1 - bonferroni_level(max(num_tested, 1), alpha)
    results = [_judge_one(claim, evidence.get(claim.id), each, alpha) for claim in claims]
    tested = [index for index, claim in enumerate(claims) if claim.direction is not Direction.FORMULA]
    adjusted = dict(zip(tested, holm([results[index].p_value for index in tested]), strict=True))
    return tuple(_with(result, p_adjusted=adjusted.get(index)) for index, result in enumerate(results))


def expected_false_verdicts(records: Iterable[Mapping[str, Any]]) -> float:
    """Return how many false verdicts a ledger is to expect at most: the sum over its claims.

    Args:
        records: As :meth:`ClaimResult.to_record` returns and `study.json` holds them.
    """
    return math.fsum(record.get("false_verdict_bound") or 0.0 for record in records)


def _judge_one(claim: Claim, evidence: Evidence | None, alpha: float, plain_alpha: float) -> ClaimResult:
    if evidence is None:
        return ClaimResult(claim, Verdict.INCONCLUSIVE, "not measured")
    if isinstance(evidence, Cases):
        return _judge_formula(claim, evidence)
    ruling, readings, everywhere = _rule(claim, evidence, alpha)
    deciding = readings[ruling.deciding].estimate
    same = claim.direction is Direction.SAME
    detectable = detectable_effect(deciding, level=1 - alpha, same=same)
    empty = _empty(evidence.premises, 1 - alpha) or evidence.undecided
    if ruling.verdict is Verdict.REFUTED:
        empty = empty or evidence.bound
    verdict = Verdict.INCONCLUSIVE if empty else ruling.verdict
    notes = [evidence.note, empty, everywhere, *_remarks(claim, readings, ruling)]
    if verdict is Verdict.INCONCLUSIVE and not empty:
        notes.append(_power_note(claim, deciding, detectable))
    return ClaimResult(
        claim=claim,
        verdict=verdict,
        note="; ".join(note for note in notes if note),
        n=deciding.n,
        estimate=deciding.value,
        interval=ruling.interval,
        level=ruling.level,
        plain_interval=deciding.interval(1 - plain_alpha),
        p_value=ruling.p_value,
        sd=deciding.sd,
        detectable=detectable,
        false_verdict_bound=false_verdict_bound(claim.direction, alpha),
        method=deciding.method,
        readings=_reading_records(readings, ruling),
    )


def _rule(claim: Claim, evidence: Measured, alpha: float) -> tuple[Ruling, tuple[Reading, ...], str]:
    """Return the ruling, the readings that it is of, and a remark: of a claim that something is so somewhere the chosen
    place, or the one that is furthest from refuted where all are."""
    chosen, direction, effect = evidence.readings, claim.direction, claim.smallest_effect
    if not evidence.everywhere:
        return rule(_estimates(chosen), direction, effect, alpha=alpha), chosen, ""
    places = [_estimates(readings) for readings in evidence.everywhere]
    ruling = rule_existence(_estimates(chosen), places, direction, effect, alpha=alpha)
    if ruling.verdict is not Verdict.REFUTED:
        return ruling, chosen, ""
    rulings = [rule(place, direction, effect, alpha=alpha) for place in places]
    return ruling, evidence.everywhere[rulings.index(ruling)], f"refuted at each of {len(places)} places"


def _estimates(readings: tuple[Reading, ...]) -> list[Estimate]:
    return [reading.estimate for reading in readings]


def _judge_formula(claim: Claim, cases: Cases) -> ClaimResult:
    errors = np.asarray(cases.errors, dtype=np.float64)
    failed = int(np.isnan(errors).sum())
    notes = [cases.note, f"{failed} of {errors.size} cases gave no number" if failed else ""]
    known = errors[~np.isnan(errors)]
    return ClaimResult(
        claim=claim,
        verdict=decide_formula(errors, claim.smallest_effect),
        note="; ".join(note for note in notes if note),
        n=errors.size,
        estimate=float(known.max()) if known.size else None,
        method="largest error over the cases, relative to each case's own scale",
    )


def _empty(premises: tuple[Premise, ...], level: float) -> str:
    """Return in words which premise is not established; nothing if all are."""
    for premise in premises:
        interval = premise.estimate.interval(level)
        if decide(interval, premise.direction, premise.smallest_effect) is not Verdict.SUPPORTED:
            seen = _shown(premise.estimate, interval)
            return f"says nothing unless {premise.statement}, which is not established ({seen})"
    return ""


def _remarks(claim: Claim, readings: tuple[Reading, ...], ruling: Ruling) -> list[str]:
    weakest = readings[ruling.deciding]
    remarks = []
    if len(readings) > 1:
        counts = collections.Counter(part.value for part in ruling.parts)
        tally = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        remarks.append(f"needs all {len(readings)} readings ({tally}); shown is the weakest, {weakest.name}")
    for reading in readings:
        if reading.estimate.note:
            remarks.append(f"{reading.name}: {reading.estimate.note}" if len(readings) > 1 else reading.estimate.note)
    if weakest.estimate.value is not None and claim.scale is not Scale.NATURAL:
        bounds = [claim.scale.ratio(x) for x in (weakest.estimate.value, *(ruling.interval or ()))]
        if all(bound is not None for bound in bounds):
            remarks.append(
                f"a factor {bounds[0]:.3g}" + (f" ({bounds[1]:.3g} to {bounds[2]:.3g})" if bounds[1:] else "")
            )
    return remarks


def _power_note(claim: Claim, deciding: Estimate, detectable: float | None) -> str:
    if detectable is None:
        return ""
    seen = f"smallest detectable effect at n = {deciding.n} and 80 % power is {detectable:.2g} {claim.unit}".rstrip()
    if is_underpowered(detectable, claim.smallest_effect):
        return f"{seen}, larger than {claim.smallest_effect:.2g}: under-powered"
    return f"{seen}, within the {claim.smallest_effect:.2g} that matter: the truth lies near that border"


def _reading_records(readings: tuple[Reading, ...], ruling: Ruling) -> tuple[dict[str, Any], ...]:
    records = []
    for reading, verdict in zip(readings, ruling.parts, strict=True):
        low, high = reading.estimate.interval(ruling.level) or (None, None)
        record = {"name": reading.name, "estimate": reading.estimate.value, "ci_low": low, "ci_high": high}
        record |= {"n": reading.estimate.n, "sd": reading.estimate.sd, "verdict": verdict.value}
        records.append({key: _json_value(value) for key, value in record.items()})
    return tuple(records)


def _check(claims: Sequence[Claim], evidence: Mapping[str, Evidence]) -> None:
    counts = collections.Counter(claim.id for claim in claims)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"expected claims of different ids, got '{twice[0]}' twice")
    unknown = evidence.keys() - counts.keys()
    if unknown:
        raise ValueError(f"expected evidence for declared claims only, got '{min(unknown)}'; declare it before the run")
    for claim in claims:
        given = evidence.get(claim.id)
        if given is not None:
            _check_evidence(claim, given)


def _check_evidence(claim: Claim, evidence: Evidence) -> None:
    if isinstance(evidence, Cases) != (claim.direction is Direction.FORMULA):
        wanted = "Cases" if claim.direction is Direction.FORMULA else "Measured"
        raise ValueError(f"expected {wanted} for '{claim.id}', got {type(evidence).__name__}")
    for reading in evidence.readings if isinstance(evidence, Measured) else ():
        if reading.estimate.scale is not claim.scale:
            raise ValueError(
                f"expected '{claim.id}' on the {claim.scale} scale, got a reading on {reading.estimate.scale}; "
                "its smallest effect would mean something else"
            )


def _shown(estimate: Estimate, interval: Interval | None) -> str:
    value = "no value" if estimate.value is None else f"{estimate.value:.3g}"
    bounds = "no interval" if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g}"
    return f"{value}, {bounds}, n = {estimate.n}"


def _with(result: ClaimResult, **changes: Any) -> ClaimResult:
    return type(result)(**{**vars(result), **changes})


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
