"""The two tables of a run as Parquet: its metrics over time and its measurements.

Both are in long form, a row a number, so that a new metric needs no new column and 400 runs concatenate to one table.
Values are float64, and a NaN or an infinity is kept as what it is: it says that a run diverged. Null means that there
is no value. Every page carries a checksum, and equal tables are equal bytes under one version of pyarrow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from basin.store import documents
from basin.store.errors import DamagedError, StoreError

Rows = pa.Table | Mapping[str, Sequence[Any] | np.ndarray] | Iterable[Mapping[str, Any]]
"""A table, columns by name, or rows."""

METRICS = pa.schema(
    [
        pa.field("step", pa.int64(), nullable=False),
        pa.field("epoch", pa.float64(), nullable=False),
        pa.field("examples", pa.int64(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
)
"""Columns of `metrics.parquet`."""

MEASUREMENTS = pa.schema(
    [
        pa.field("measure", pa.string(), nullable=False),
        pa.field("definition", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("index", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("stderr", pa.float64()),
        pa.field("converged", pa.bool_()),
        pa.field("num_passes", pa.float64()),
        pa.field("seconds", pa.float64()),
        pa.field("details", pa.string()),
    ]
)
"""Columns of `measurements.parquet`; `index` counts the values of one measurement, `details` is JSON."""

_FIELDS = {"value", "stderr", "converged", "num_passes", "seconds", "definition"}


def as_table(rows: Rows, schema: pa.Schema) -> pa.Table:
    """Return rows as a table of the schema.

    Args:
        rows: A table, columns by name, or rows; columns that may be null may be left out.
        schema: :data:`METRICS` or :data:`MEASUREMENTS`.

    Raises:
        StoreError: A column is missing, unknown or of another type, or a value is missing.

    Example:
        >>> row = {"step": 0, "epoch": 0.0, "examples": 0, "split": "train", "metric": "loss", "value": float("inf")}
        >>> as_table([row], METRICS)["value"].to_pylist()
        [inf]
    """
    given = _by_column(rows, schema)
    if unknown := given.keys() - set(schema.names):
        raise StoreError(f"expected the columns {', '.join(schema.names)}, got also {', '.join(sorted(unknown))}")
    length = max((len(column) for column in given.values()), default=0)
    try:
        columns = [_column(given.get(field.name, [None] * length), field) for field in schema]
        return pa.table(columns, schema=schema)
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise StoreError(f"expected rows of {', '.join(map(str, schema))}; {error}") from error


def encode(rows: Rows, schema: pa.Schema) -> bytes:
    """Return rows as the bytes of a Parquet file.

    Raises:
        StoreError: As :func:`as_table`.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(as_table(rows, schema), sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def decode(content: bytes, schema: pa.Schema, path: Path) -> pa.Table:
    """Return the table that a Parquet file's bytes hold.

    Args:
        content: A whole file.
        schema: What its columns must be.
        path: Where from, for the message.

    Raises:
        DamagedError: The bytes are truncated or altered, or hold another table.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        table = file.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedError(f"expected a whole Parquet file in {str(path)!r} ({first})") from error
    if table.schema.names != schema.names or table.schema.types != schema.types:
        raise DamagedError(f"expected the columns {schema.names} in {str(path)!r}, got {table.schema.names}")
    return table


def columns(table: pa.Table) -> dict[str, np.ndarray]:
    """Return a table as NumPy columns; text as objects, a missing number as NaN, a missing truth value as None."""
    return {name: table[name].to_numpy() for name in table.column_names}


def measurement_rows(measure: str, split: str, result: Any) -> list[dict[str, Any]]:
    """Return the rows of one measurement: a row for a scalar, one for each entry of a vector.

    Args:
        measure: Name of the measure, such as `keskar_sharpness`.
        split: The data it was measured on.
        result: A frozen result with `.value .stderr .converged .num_passes .seconds .definition`. Its other fields are
            stored in `details` of the first row as JSON, NaN and infinity as null.

    Returns:
        Rows for `RunFolder.finish` or `RunFolder.add_measurements`.
    """
    values = np.atleast_1d(np.asarray(result.value, dtype=np.float64)).ravel()
    others = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
    details = {name: documents.finite_or_none(value) for name, value in others.items() if name not in _FIELDS}
    common = {
        "measure": measure,
        "definition": str(result.definition),
        "split": split,
        "num_passes": result.num_passes,
        "seconds": result.seconds,
    }
    text = documents.encode(details, "details").decode() if details else None
    return [
        {
            **common,
            "index": index,
            "value": value,
            "stderr": _entry(result.stderr, index),
            "converged": _entry(result.converged, index),
            "details": text if index == 0 else None,
        }
        for index, value in enumerate(values.tolist())
    ]


def _entry(value: Any, index: int) -> Any:
    if value is None:
        return None
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else array.ravel()[index].item()


def _by_column(rows: Any, schema: pa.Schema) -> dict[str, Any]:
    if isinstance(rows, pa.Table):
        return {name: rows[name] for name in rows.column_names}
    if isinstance(rows, Mapping):
        return dict(rows)
    rows = list(rows)
    names = dict.fromkeys([*schema.names, *(name for row in rows for name in row)])
    return {name: [row.get(name) for row in rows] for name in names}


def _column(values: Any, field: pa.Field) -> pa.Array | pa.ChunkedArray:
    if not isinstance(values, pa.ChunkedArray | pa.Array):
        # told that 1.5 is an integer, pyarrow makes it 1; a cast refuses
        values = pa.array(values, type=None if pa.types.is_integer(field.type) else field.type, from_pandas=False)
    array = values.cast(field.type)
    if array.null_count and not field.nullable:
        raise StoreError(f"expected a {field.type} in every row of the column '{field.name}', got none in some")
    return array
