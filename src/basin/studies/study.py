"""What a study is: a question, the runs and experiments it needs, what is measured, and the claims held against it.

The file `study.py` of a study reads like a page of a lab notebook. It says what it needs through the functions that a
:class:`Study` bundles; :mod:`basin.studies.conduct` carries them out. Training and measuring never see the claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from basin.figures.figure import Figure
from basin.measure.result import Measurement
from basin.spec.run import RunSpec
from basin.spec.study import StudySpec
from basin.studies.claim import Claim, Evidence
from basin.studies.experiment import Computed, Experiment
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
    """All that a study's analysis sees.

    Attributes:
        runs: Finished runs by cell.
        measured: Their measurements by cell and (measure, split).
        computed: Experiments by name.
    """

    runs: Mapping[C, Run] = field(default_factory=dict)
    measured: Mapping[C, Mapping[tuple[str, str], Measured]] = field(default_factory=dict)
    computed: Mapping[str, Computed] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table of the report: rows of texts under the names of the columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


def no_runs(spec: Any) -> Mapping[Any, RunSpec]:
    """Return none: for a study without training runs."""
    return {}


def no_tasks(spec: Any, cell: Any) -> Sequence[Task]:
    """Return none: for a study that measures nothing of its runs beyond their curves."""
    return []


def no_experiments(spec: Any) -> Mapping[str, Experiment]:
    """Return none: for a study of training runs alone."""
    return {}


def no_tables(spec: Any, found: Any) -> Sequence[Table]:
    """Return none."""
    return []


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
        evidence: From findings to the evidence for each claim.
        figures: From findings and the claims' records to figures.
        runs: The runs it needs, by cell of its design.
        tasks: What is measured of the run of a cell.
        experiments: What it computes besides, by name.
        tables: From findings to tables.
        tool: The verb that asks for it, if it is no study of the literature but a tool without claims.
        command: From the specification to the words that ask for it again, where these are not `basin run NAME`.
    """

    name: str
    title: str
    question: str
    source: str
    presets: Mapping[str, S]
    cost: Mapping[str, str]
    protocol: Callable[[S], Sequence[str]]
    claims: Callable[[S], Sequence[Claim]]
    evidence: Callable[[S, Findings[C]], Mapping[str, Evidence]]
    figures: Callable[[S, Findings[C], Sequence[Mapping[str, Any]]], Sequence[Figure]]
    runs: Callable[[S], Mapping[C, RunSpec]] = no_runs
    tasks: Callable[[S, C], Sequence[Task]] = no_tasks
    experiments: Callable[[S], Mapping[str, Experiment]] = no_experiments
    tables: Callable[[S, Findings[C]], Sequence[Table]] = no_tables
    tool: str = ""
    command: Callable[[S], str] | None = None
