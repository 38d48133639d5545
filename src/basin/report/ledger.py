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
from basin.figures.words import counted, interval, number

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


def entries(claims: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Return the lines of the ledger for the claims of a record, in their order."""
    return [_entry(claim) for claim in claims]


def _entry(claim: Mapping[str, Any]) -> Entry:
    verdict = claim.get("verdict") or "not tested"
    unit = claim.get("unit") or ""
    estimate = _finite(claim.get("estimate"))
    ends = _interval(estimate, claim.get("ci_low"), claim.get("ci_high"))
    p_value = _finite(claim.get("p_value"))
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
        plain=_plain(claim, estimate),
        p_value="" if p_value is None else ("p < 0.001" if p_value < 0.001 else f"p = {number(p_value, 2)}"),
        n="" if claim.get("n") is None else str(claim["n"]),
        published="" if published is None else (number(published) if _is_number(published) else str(published)),
        note=claim.get("note") or "",
    )


def _test(claim: Mapping[str, Any], unit: str) -> str:
    statistic = claim.get("statistic") or ""
    smallest = _finite(claim.get("smallest_effect"))
    if smallest is None:
        return statistic
    size = f"×{number(smallest)}" if unit == "factor" else f"{number(smallest)} {unit}".strip()
    return f"{statistic}; smallest effect that matters: {size}".removeprefix("; ")


def _estimate(estimate: float | None, unit: str, ends: str) -> str:
    if estimate is None:
        return "–"
    shown = ends.split(" (")[0] if ends else number(estimate)
    return f"×{shown}" if unit == "factor" else f"{shown} {unit}".strip()


def _interval(estimate: float | None, low: Any, high: Any) -> str:
    low, high = _finite(low), _finite(high)
    return "" if estimate is None or low is None or high is None else interval(estimate, low, high)


def _plain(claim: Mapping[str, Any], estimate: float | None) -> str:
    ends = _interval(estimate, claim.get("plain_ci_low"), claim.get("plain_ci_high"))
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
    """Return how many false verdicts are to be expected, from the levels of the claims' intervals.

    A claim whose true effect lies exactly at its threshold gets a false verdict with a probability of at most 1 -
    level; their sum bounds what is to be expected.

    Args:
        claims: The claims of a record; those without a `level` or a verdict do not count.
        expected: The number, where the record states it.
    """
    levels = [_finite(claim.get("level")) for claim in claims if claim.get("verdict")]
    known = [level for level in levels if level is not None]
    if expected is None and not known:
        return ""
    bound = sum(1 - level for level in known) if expected is None else expected
    shown = f"At most {number(bound, 2)} false verdicts are to be expected among them"
    return f"{shown}, if every effect lay at its threshold."
