"""What a study is: a question, the runs it needs, what is measured of them, and the claims that are held against it.

A study is one file that reads like a page of a lab notebook. It says what it needs through the functions that a
:class:`Study` bundles; :mod:`basin.studies.conduct` carries them out. Training and measuring never see the claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from basin.figures.figure import Figure
from basin.measure.result import Measurement
from basin.spec.run import RunSpec
from basin.spec.study import StudySpec
from basin.studies.claim import Claim, Evidence
from basin.training.run import Run

S = TypeVar("S", bound=StudySpec)
C = TypeVar("C")


@dataclass(frozen=True)
class Task:
    """One measurement to be made of a run.

    Attributes:
        measure: Name of the measure and its settings, which tell it from the run's other measurements.
        split: The data it is made on.
        compute: Makes it.
    """

    measure: str
    split: str
    compute: Callable[[Run], Measurement]


@dataclass(frozen=True)
class Measured:
    """A measurement as it was stored.

    Attributes:
        value: What was measured.
        converged: Whether the method says that it got there.
        details: Everything else that the measure reported.
    """

    value: float
    converged: bool | None
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Findings(Generic[C]):
    """All that a study's analysis sees: finished runs by cell, and their measurements by (measure, split)."""

    runs: Mapping[C, Run]
    measured: Mapping[C, Mapping[tuple[str, str], Measured]]


@dataclass(frozen=True)
class Table:
    """A table of the report: rows of texts under the names of the columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Study(Generic[S, C]):
    """One question of the literature, ready to be asked at any size.

    Attributes:
        name: What the command line calls it.
        title: One line.
        question: Two or three sentences in plain words.
        source: The paper.
        presets: Specifications by name; `quick` takes a minute or two on two cores.
        cost: What each preset takes, as measured, in words.
        protocol: What was held equal and what was selected on which data, one sentence each.
        claims: The claims at a specification, written down before anything is run.
        runs: The runs it needs, by cell of its design.
        tasks: What is measured of the run of a cell.
        evidence: From findings to the evidence for each claim.
        figures: From findings and the claims' records to figures.
        tables: From findings to tables.
    """

    name: str
    title: str
    question: str
    source: str
    presets: Mapping[str, S]
    cost: Mapping[str, str]
    protocol: Callable[[S], Sequence[str]]
    claims: Callable[[S], Sequence[Claim]]
    runs: Callable[[S], Mapping[C, RunSpec]]
    tasks: Callable[[S, C], Sequence[Task]]
    evidence: Callable[[S, Findings[C]], Mapping[str, Evidence]]
    figures: Callable[[S, Findings[C], Sequence[Mapping[str, Any]]], Sequence[Figure]]
    tables: Callable[[S, Findings[C]], Sequence[Table]]
