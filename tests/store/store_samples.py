"""Small runs for the tests of the store, and hypothesis strategies for what a run may hold."""

from __future__ import annotations

import ml_dtypes
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from basin.store.study import StudyFolder

SPEC = {"kind": "run", "seed": 3, "optimizer": {"kind": "sgd", "learning_rate": {"kind": "constant", "value": 0.1}}}
ENVIRONMENT = {"basin": "0.1.0", "cores": 2}
OUTCOME = {"status": "completed", "step": 2}
RUN = "00000000000000aa"


def metric_row(step: int = 0, value: float = 1.0) -> dict:
    return {"step": step, "epoch": step / 2, "examples": step * 16, "split": "train", "metric": "loss", "value": value}


def measurement_row(value: float = 1.0, **changes) -> dict:
    row = {"measure": "hessian", "definition": "top eigenvalue", "split": "train", "index": 0, "value": value}
    return {**row, **changes}


def weights(value: float = 1.0) -> dict:
    return {"params": {"dense": {"kernel": np.full((3, 2), value, np.float32), "bias": np.zeros(2)}}, "state": {}}


def finish(study: StudyFolder, run_id: str = RUN, value: float = 1.0, spec: dict = SPEC) -> None:
    run = study.run(run_id)
    run.begin(spec, ENVIRONMENT)
    rows = [metric_row(0, value), metric_row(1, value / 2)]
    run.finish(OUTCOME, metrics=rows, weights=weights(value), measurements=[measurement_row(value)])


def same(a, b) -> bool:
    """Whether two trees hold the same keys, dtypes, shapes and bytes (so that NaN equals NaN, and -0.0 is not 0.0)."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


DTYPES = ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "c8"]

plain_arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
leaves = st.one_of(
    plain_arrays,
    plain_arrays.map(np.transpose),
    hnp.arrays("u2", 3).map(lambda bits: bits.view(ml_dtypes.bfloat16)),
)
keys = st.one_of(
    st.text(max_size=4), st.integers(0, 12), st.sampled_from(["a.b", "%2E", "#1", "%", "", "__metadata__"])
)
trees = st.recursive(
    st.dictionaries(keys, leaves, max_size=3), lambda inner: st.dictionaries(keys, inner | leaves, max_size=3)
)
metric_rows = st.lists(
    st.fixed_dictionaries(
        {
            "step": st.integers(0, 2**62),
            "epoch": st.floats(0, 1e6),
            "examples": st.integers(0, 2**62),
            "split": st.sampled_from(["train", "test", "none"]),
            "metric": st.text(max_size=5),
            "value": st.floats(width=64),
        }
    ),
    max_size=8,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
