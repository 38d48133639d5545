"""The ledger: a study's claims as a reader wants to see them.

Everything here is text; numbers keep two digits of their interval. What a record leaves out (null) is left out here,
and a claim without a verdict is `not tested`, never silently absent.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from basin.figures.palette import SYMBOLS
from basin.figures.words import as_factor, counted, interval, is_logarithmic, number

VERDICTS = ("supported", "refuted", "inconclusive", "not tested")
"""The verdicts in the order in which they are counted."""


@dataclass(frozen=True)
class Entry:
    """One line of the ledger, in words.

    Attributes:
        id: The claim's id, the target of links.
        statement: One sentence of the literature.
        source: Where it stands.
        test: The statistic that tests it, with the smallest effect that matters.
        refuted_by: What would refute it.
        verdict: One of :data:`VERDICTS`.
        symbol: The mark before the verdict.
        estimate: With its unit.
        interval: At the level that decides.
        plain: The plain 95 % interval, where it stands beside the other.
        p_value: In words.
        n: Sample size.
        published: The published figure.
        note: What a reader should know, such as `under-powered`.
        readings: The ways of reading the statistic of which all have to agree, where there are several.
    """

    id: str
    statement: str
    source: str
    test: str
    refuted_by: str
    verdict: str
    symbol: str
    estimate: str
    interval: str
    plain: str
    p_value: str
    n: str
    published: str
    note: str
    readings: tuple[str, ...] = ()


def entries(claims: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Return the lines of the ledger for the claims of a record, in their order."""
    return [_entry(claim) for claim in claims]


def _entry(claim: Mapping[str, Any]) -> Entry:
    verdict = claim.get("verdict") or "not tested"
    unit = _unit(claim)
    estimate = as_factor(claim, "estimate")
    ends = _interval(claim, "ci_low", "ci_high")
    published = claim.get("published")
    return Entry(
        id=str(claim.get("id", "")),
        statement=claim.get("statement") or "",
        source=claim.get("source") or "",
        test=_test(claim, unit),
        refuted_by=claim.get("refuted_by") or "",
        verdict=verdict,
        symbol=SYMBOLS.get(verdict, "–"),
        estimate=_estimate(estimate, unit, ends),
        interval=f"{_level(claim.get('level'))}: {_ends(ends)}" if ends else "",
        plain=_plain(claim),
        p_value=_p_value(claim),
        n="" if claim.get("n") is None else str(claim["n"]),
        published="" if published is None else (number(published) if _is_number(published) else str(published)),
        note=claim.get("note") or "",
        readings=_readings(claim),
    )


def _unit(claim: Mapping[str, Any]) -> str:
    return "factor" if is_logarithmic(claim) else claim.get("unit") or ""


def _p_value(claim: Mapping[str, Any]) -> str:
    value, adjusted = _finite(claim.get("p_value")), _finite(claim.get("p_adjusted"))
    if value is None:
        return ""
    return _p(value) if adjusted is None else f"{_p(value)} (Holm: {_p(adjusted)})"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {number(value, 2)}"


def _readings(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a line for each reading of a claim that has several."""
    readings = claim.get("readings") or []
    lines = []
    for reading in readings if len(readings) > 1 else []:
        reading = {"scale": claim.get("scale"), **reading}
        ends = _interval(reading, "ci_low", "ci_high")
        shown = _estimate(as_factor(reading, "estimate"), _unit(claim), ends) + (f" ({_ends(ends)})" if ends else "")
        lines.append(f"{reading.get('name')}: {shown}, {reading.get('verdict') or 'not tested'}")
    return tuple(lines)


def _test(claim: Mapping[str, Any], unit: str) -> str:
    statistic = claim.get("statistic") or ""
    smallest = as_factor(claim, "smallest_effect")
    if smallest is None:
        return statistic
    size = f"×{number(smallest)}" if unit == "factor" else f"{number(smallest)} {unit}".strip()
    return f"{statistic}; smallest effect that matters: {size}".removeprefix("; ")


def _estimate(estimate: float | None, unit: str, ends: str) -> str:
    if estimate is None:
        return "–"
    shown = ends.split(" (")[0] if ends else number(estimate)
    return f"×{shown}" if unit == "factor" else f"{shown} {unit}".strip()


def _interval(claim: Mapping[str, Any], low: str, high: str) -> str:
    estimate, ends = as_factor(claim, "estimate"), [as_factor(claim, key) for key in (low, high)]
    return "" if estimate is None or None in ends else interval(estimate, *ends)


def _plain(claim: Mapping[str, Any]) -> str:
    ends = _interval(claim, "plain_ci_low", "plain_ci_high")
    return f"plain 95 %: {_ends(ends)}" if ends else ""


def _ends(shown: str) -> str:
    return shown.split("(", 1)[1].removesuffix(")")


def _level(level: Any) -> str:
    level = _finite(level)
    return "interval" if level is None else f"{100 * level:.4g} %"


def _finite(value: Any) -> float | None:
    return float(value) if _is_number(value) and math.isfinite(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def count(claims: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many claims have each verdict; verdicts that none has are left out."""
    found = Counter(claim.get("verdict") or "not tested" for claim in claims)
    return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}


def summary(claims: Sequence[Mapping[str, Any]]) -> str:
    """Return the verdicts of a study in a sentence.

    Example:
        >>> summary([{"verdict": "supported"}, {"verdict": None}])
        '2 claims: 1 supported, 1 not tested.'
    """
    if not claims:
        return "This study tests no claims."
    parts = [f"{number} {verdict}" for verdict, number in count(claims).items()]
    return f"{counted(len(claims), 'claim', 'claims')}: {', '.join(parts)}."


def caution(claims: Sequence[Mapping[str, Any]], expected: float | None = None) -> str:
    """Return how many false verdicts are to be expected at most.

    Args:
        claims: The claims of a record; each states the largest chance that its verdict is false by chance alone
            (`false_verdict_bound`), whose sum bounds what is to be expected of them all.
        expected: The number, where the record states it.
    """
    bounds = [claim["false_verdict_bound"] for claim in claims if claim.get("false_verdict_bound") is not None]
    if expected is None and not bounds:
        return ""
    bound = math.fsum(bounds) if expected is None else expected
    return f"At most {number(bound, 2)} false verdicts are to be expected among them by chance alone."
