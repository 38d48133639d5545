"""Parquet tables; also read by pyarrow's own reader, without our schema."""

import dataclasses
import io
import math
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from store_samples import measurement_row, metric_row, metric_rows

from basin.store import tables
from basin.store.errors import DamagedError, StoreError

PATH = Path("metrics.parquet")


def bits(rows: list[dict]) -> list:
    return [
        {name: struct.pack("d", value) if isinstance(value, float) else value for name, value in row.items()}
        for row in rows
    ]


@given(metric_rows)
def test_extreme_values_come_back_bit_for_bit(rows):
    content = tables.encode(rows, tables.METRICS)
    assert bits(tables.decode(content, tables.METRICS, PATH).to_pylist()) == bits(rows)
    assert bits(pq.read_table(io.BytesIO(content)).to_pylist()) == bits(rows)
    assert tables.encode(rows, tables.METRICS) == content


def test_rows_columns_and_tables_are_the_same_thing():
    rows = [metric_row(0, math.nan), metric_row(5, 0.25)]
    by_column = {name: [row[name] for row in rows] for name in tables.METRICS.names}
    by_array = {name: np.array(column) for name, column in by_column.items()}
    given = [rows, iter(rows), by_column, by_array, pa.Table.from_pylist(rows), tables.as_table(rows, tables.METRICS)]
    assert len({tables.encode(form, tables.METRICS) for form in given}) == 1


def test_infinity_nan_and_null_are_three_things():
    rows = [measurement_row(math.inf, stderr=math.nan), measurement_row(math.nan, stderr=None)]
    found = tables.decode(tables.encode(rows, tables.MEASUREMENTS), tables.MEASUREMENTS, PATH).to_pylist()
    assert found[0]["value"] == math.inf
    assert math.isnan(found[0]["stderr"])
    assert math.isnan(found[1]["value"])
    assert found[1]["stderr"] is None


@pytest.mark.parametrize(
    "rows",
    [
        [{"step": 1}],
        [{**metric_row(), "valeu": 1.0}],
        [{**metric_row(), "step": 1.5}],
        [{**metric_row(), "value": "high"}],
        [{**metric_row(), "value": None}],
        [{**metric_row(), "step": 2**70}],
        {**{name: [] for name in tables.METRICS.names}, "step": [1]},
    ],
    ids=["missing", "unknown", "fraction", "text", "null", "too large", "ragged"],
)
def test_rows_of_another_kind_are_refused(rows):
    with pytest.raises(StoreError, match="expected") as caught:
        tables.encode(rows, tables.METRICS)
    assert "\n" not in str(caught.value)


def test_every_truncation_is_damage():
    content = tables.encode([metric_row(step) for step in range(3)], tables.METRICS)
    for size in range(0, len(content), 7):
        with pytest.raises(DamagedError):
            tables.decode(content[:size], tables.METRICS, PATH)


def test_an_altered_page_is_damage_and_so_is_another_table():
    rows = [metric_row(step, step / 7) for step in range(50)]
    content = tables.encode(rows, tables.METRICS)
    page = content[:200] + bytes([content[200] ^ 1]) + content[201:]
    for bad in (page, tables.encode([measurement_row()], tables.MEASUREMENTS)):
        with pytest.raises(DamagedError):
            tables.decode(bad, tables.METRICS, PATH)


def test_columns_are_numpy_arrays():
    rows = [measurement_row(2.0, converged=True, stderr=0.5), measurement_row(3.0)]
    found = tables.columns(tables.as_table(rows, tables.MEASUREMENTS))
    assert found["value"].tolist() == [2.0, 3.0]
    assert found["stderr"][0] == 0.5
    assert math.isnan(found["stderr"][1])
    assert found["converged"].tolist() == [True, None]
    assert (found["split"] == "train").all()


@dataclasses.dataclass(frozen=True)
class Result:
    value: object
    stderr: object = None
    converged: object = True
    num_passes: float = 12.5
    seconds: float = 0.1
    definition: str = "largest eigenvalues, algebraic"
    residuals: tuple = (1e-6, math.nan)


def test_a_scalar_measurement_is_a_row_and_a_vector_a_row_an_entry():
    (row,) = tables.measurement_rows("trace", "train", Result(np.float32(0.5)))
    assert (row["value"], row["index"], row["converged"]) == (0.5, 0, True)
    assert '"residuals": [\n    1e-06,\n    null\n  ]' in row["details"]
    result = Result(np.array([3.0, 1.0]), stderr=np.array([0.1, 0.2]), converged=np.array([True, False]))
    rows = tables.as_table(tables.measurement_rows("hessian", "test", result), tables.MEASUREMENTS).to_pylist()
    assert [(row["index"], row["value"], row["stderr"], row["converged"]) for row in rows] == [
        (0, 3.0, 0.1, True),
        (1, 1.0, 0.2, False),
    ]
