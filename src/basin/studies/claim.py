"""Claims of the literature, and what a study's evidence for them is.

A claim is written down before it is tested: the sentence and its source, the statistic, the direction, the smallest
effect that would matter, and what would refute it. :func:`basin.studies.judgement.judge` then holds all claims of a
study against their evidence at once.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from basin.stats.estimate import Estimate
from basin.stats.scale import Scale
from basin.stats.verdict import (
    Direction,
    check_effect,
)


@dataclass(frozen=True)
class Claim:
    """One sentence of the literature and the test it is put to.

    Attributes:
        id: Short name, unique within the study.
        statement: The sentence.
        source: Where it is from.
        refuted_by: What would refute it, in words.
        statistic: What is computed, in words.
        direction: What is claimed of the statistic.
        smallest_effect: The smallest effect that would matter, 0 or more, on `scale`; the tolerance of a formula.
        unit: Unit of the statistic, such as "points" or "log10".
        scale: Natural, or logarithmic for ratios.
        published: The published figure, if there is one.
        inventory: Rows of the inventory of sources that this claim carries.
        resampled: What differs between pairs; a test set shared by all of them is not resampled.
    """

    id: str
    statement: str
    source: str
    refuted_by: str
    statistic: str
    direction: Direction
    smallest_effect: float
    unit: str
    scale: Scale = Scale.NATURAL
    published: str | float | None = None
    inventory: tuple[str, ...] = ()
    resampled: str = "seeds"

    def __post_init__(self) -> None:
        for name in ("id", "statement", "source", "refuted_by", "statistic"):
            if not getattr(self, name).strip():
                raise ValueError(f"expected a claim with {name}, got none in '{self.id}'; write it down before the run")
        check_effect(self.smallest_effect)
        if self.direction is Direction.FORMULA and self.smallest_effect == 0:
            raise ValueError(
                f"expected a positive tolerance for the formula '{self.id}', got 0; see rounding_tolerance"
            )


def formula(
    name: str,
    statement: str,
    source: str,
    statistic: str,
    tolerance: float,
    rows: tuple[str, ...],
    *,
    refuted_by: str = "",
    unit: str = "",
    resampled: str = "cases",
) -> Claim:
    """Return a claim of exact agreement: supported if the error of every case is within the tolerance.

    Args:
        name: The claim's id.
        statement: The sentence.
        source: Where it is from.
        statistic: The error of a case, in words.
        tolerance: What the arithmetic of a case explains, above 0; see :func:`basin.stats.formula.rounding_tolerance`.
        rows: Rows of the inventory of sources that the claim carries.
        refuted_by: What would refute it in words, if that is not a case off by more than the tolerance.
        unit: Of the error.
        resampled: What differs between cases.

    Example:
        >>> from basin.studies.judgement import judge
        >>> claim = formula("double", "Twice x is x + x.", "arithmetic", "|2 x - (x + x)| over |x|", 1e-12, ())
        >>> judge([claim], {"double": Cases(np.array([0.0, 1e-9]))})[0].verdict.value, claim.refuted_by
        ('refuted', 'a case off by more than 1e-12')
    """
    return Claim(
        id=name,
        statement=statement,
        source=source,
        refuted_by=refuted_by or f"a case off by more than {tolerance:.2g}",
        statistic=statistic,
        direction=Direction.FORMULA,
        smallest_effect=tolerance,
        unit=unit,
        inventory=rows,
        resampled=resampled,
    )


def ratio(*, factor: float, scale: Scale = Scale.LOG, **fields: Any) -> Claim:
    """Return a claim about a ratio, compared on a logarithmic scale; its smallest effect is a factor, above 1.

    Args:
        factor: The smallest one that would matter.
        scale: Natural logarithm, or to base ten.
        fields: Those of :class:`Claim` besides smallest effect, unit and scale.
    """
    return Claim(smallest_effect=float(scale.forward(np.array(factor))), unit=scale.value, scale=scale, **fields)


@dataclass(frozen=True)
class Reading:
    """One way of reading a claim's statistic; a claim holds only if all of its readings agree."""

    name: str
    estimate: Estimate


@dataclass(frozen=True)
class Premise:
    """What has to be true for a claim to say anything, such as that there is a gap to be closed."""

    statement: str
    estimate: Estimate
    direction: Direction
    smallest_effect: float


@dataclass(frozen=True)
class Measured:
    """Evidence for a statistical claim.

    Attributes:
        readings: Of its statistic; for a claim that something is so at some place, at a place chosen on other data.
        premise: What has to be true for the claim to say anything; of several all have to be.
        note: A remark of the study's.
        everywhere: For such a claim the readings at each place, of all data: it is refuted if all of these are.
        bound: Why the readings can only understate what is claimed, so that they support and do not refute.
        undecided: Why the readings decide nothing, whatever they are.
    """

    readings: tuple[Reading, ...]
    premise: Premise | tuple[Premise, ...] | None = None
    note: str = ""
    everywhere: tuple[tuple[Reading, ...], ...] = ()
    bound: str = ""
    undecided: str = ""

    @property
    def premises(self) -> tuple[Premise, ...]:
        """All that has to be true."""
        return (self.premise,) if isinstance(self.premise, Premise) else self.premise or ()

    @classmethod
    def of(cls, estimate: Estimate, note: str = "", **others: Any) -> Measured:
        """Return the evidence of a single reading; `others` are the other fields."""
        return cls((Reading("", estimate),), note=note, **others)


@dataclass(frozen=True, eq=False)
class Cases:
    """Evidence for a formula: one scaled error per case, see :func:`basin.stats.formula.scaled_errors`."""

    errors: Float[np.ndarray, "cases"]
    note: str = ""


Evidence = Measured | Cases


def joint(parts: Mapping[str, Measured]) -> Measured:
    """Return the evidence for a claim that is to hold of several things, from that for each by its name.

    All readings and all premises are needed, and what leaves one part undecided leaves the claim so. Where each part
    says that something is so somewhere, the joint claim is refuted if one of them is: each is there with the place
    that is furthest from refuted.
    """
    readings = tuple(
        dataclasses.replace(reading, name=f"{name}: {reading.name}".removesuffix(": "))
        for name, part in parts.items()
        for reading in part.readings
    )
    notes: dict[str, list[str]] = {}
    for name, part in parts.items():
        notes.setdefault(part.note, []).append(name)
    return Measured(
        readings,
        tuple(premise for part in parts.values() for premise in part.premises),
        "; ".join(f"{', '.join(names)}: {note}" for note, names in notes.items() if note),
        _furthest(parts),
        _of_parts({name: part.bound for name, part in parts.items()}),
        _of_parts({name: part.undecided for name, part in parts.items()}),
    )


def _furthest(parts: Mapping[str, Measured]) -> tuple[tuple[Reading, ...], ...]:
    """Return one place: of each part the one whose readings could be largest, the least of them counting."""

    def could_be(place: tuple[Reading, ...]) -> float:
        return min((reading.estimate.interval() or (math.inf, math.inf))[1] for reading in place)

    if not all(part.everywhere for part in parts.values()):
        return ()
    places = {name: max(part.everywhere, key=could_be) for name, part in parts.items()}
    return (
        tuple(dataclasses.replace(one, name=f"{name}: {one.name}") for name, place in places.items() for one in place),
    )


def _of_parts(words: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in words.items() if text)
