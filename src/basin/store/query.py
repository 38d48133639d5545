"""The runs of a study as one table.

Every run is read by itself, so that a damaged file costs its own run and no other; it is named beside the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from basin.store import documents, tables
from basin.store.errors import Damage, StoreError
from basin.store.run import RunFolder
from basin.store.study import StudyFolder


@dataclass(frozen=True)
class Query:
    """What was found.

    Attributes:
        table: One row a number (or a run), with the columns `run` and one for each chosen field of the specification.
        damaged: The runs that could not be read, and why.
    """

    table: pa.Table
    damaged: tuple[Damage, ...] = ()

    def columns(self) -> dict[str, np.ndarray]:
        """Return the table as NumPy columns; see :func:`basin.store.tables.columns`."""
        return tables.columns(self.table)


def runs(study: StudyFolder, fields: Sequence[str] = ()) -> Query:
    """Return one row a finished run: its id, the chosen fields, its status and its outcome as JSON.

    Args:
        study: Whose runs.
        fields: Dotted paths within the specification, such as `seed` or `optimizer.learning_rate.value`; null where a
            run has no such field, JSON where the field is no single value.
    """
    found = _Found(study, RunFolder.outcome)
    texts = [documents.encode(outcome).decode() for outcome in found.values]
    columns = {
        **_leading(found, fields, np.arange(len(found.names))),
        "status": pa.array([outcome.get("status") for outcome in found.values], pa.string()),
        "outcome": pa.array(texts, pa.string()),
    }
    return Query(pa.table(columns), tuple(found.damaged))


def metrics(study: StudyFolder, fields: Sequence[str] = ()) -> Query:
    """Return the curves of all finished runs, in the order of their ids.

    Args:
        study: Whose runs.
        fields: As for :func:`runs`.

    Returns:
        The columns `run`, the chosen fields, and those of :data:`basin.store.tables.METRICS`.
    """
    return _stacked(_Found(study, RunFolder.metrics), fields, tables.METRICS)


def measurements(study: StudyFolder, fields: Sequence[str] = ()) -> Query:
    """Return what was measured on all finished runs, in the order of their ids.

    Args:
        study: Whose runs.
        fields: As for :func:`runs`.

    Returns:
        The columns `run`, the chosen fields, and those of :data:`basin.store.tables.MEASUREMENTS`.
    """
    return _stacked(_Found(study, RunFolder.measurements), fields, tables.MEASUREMENTS)


class _Found:
    def __init__(self, study: StudyFolder, read: Callable[[RunFolder], Any]) -> None:
        self.names: list[str] = []
        self.specs: list[dict[str, Any]] = []
        self.values: list[Any] = []
        self.damaged: list[Damage] = []
        for name, run in _finished(study):
            try:
                spec, value = run.spec(), read(run)
            except StoreError as error:
                self.damaged.append(Damage(name, str(error)))
                continue
            self.names.append(name)
            self.specs.append(spec)
            self.values.append(value)


def _finished(study: StudyFolder) -> Iterator[tuple[str, RunFolder]]:
    for name in study.run_ids():
        run = study.run(name)
        if run.finished:
            yield name, run


def _stacked(found: _Found, fields: Sequence[str], schema: pa.Schema) -> Query:
    rows = pa.concat_tables(found.values) if found.values else schema.empty_table()
    owner = np.repeat(np.arange(len(found.names)), [len(table) for table in found.values])
    columns = {**_leading(found, fields, owner), **{name: rows[name] for name in schema.names}}
    return Query(pa.table(columns), tuple(found.damaged))


def _leading(found: _Found, fields: Sequence[str], owner: np.ndarray) -> dict[str, pa.Array]:
    if clash := {"run", "status", "outcome", *tables.METRICS.names, *tables.MEASUREMENTS.names} & set(fields):
        raise StoreError(f"the field {clash.pop()!r} has the name of a column; choose fields of the specification")
    chosen = {field: [_field(spec, field) for spec in found.specs] for field in fields}
    columns = {"run": pa.array(found.names, pa.string()), **{name: _typed(chosen[name]) for name in fields}}
    return {name: column.take(pa.array(owner, pa.int64())) for name, column in columns.items()}


def _field(spec: dict[str, Any], path: str) -> Any:
    value: Any = spec
    for part in path.split("."):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _typed(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and len(kinds) > 1:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if len(kinds) <= 1 and kinds <= {int, float, str, bool}:
        return pa.array(values)
    texts = [None if value is None else documents.encode({"": value}).decode() for value in values]
    return pa.array(texts, pa.string())
