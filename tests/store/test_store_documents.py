"""JSON documents against the standard library's reader."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import json_values

from basin.store import documents
from basin.store.errors import DamagedError, StoreError


@given(st.dictionaries(st.text(), json_values))
def test_round_trip(value):
    content = documents.encode(value)
    assert json.loads(content) == value
    assert documents.encode(dict(reversed(value.items()))) == content


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf")])
def test_a_number_that_json_lacks_is_refused_by_its_path(bad):
    with pytest.raises(StoreError, match=r"study\.json\.claims\.1\.estimate is -?(nan|inf)"):
        documents.encode({"claims": [{}, {"estimate": bad}]}, "study.json")
    assert documents.finite_or_none({"claims": [{}, {"estimate": bad}]}) == {"claims": [{}, {"estimate": None}]}


@pytest.mark.parametrize("bad", [{1: 2}, {"a": {2, 3}}, {"a": b"x"}, {"a": object()}])
def test_what_json_has_no_form_for_is_refused(bad):
    with pytest.raises(StoreError, match="expected"):
        documents.encode(bad)


def test_numpy_numbers_become_plain_ones():
    value = {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": np.arange(2), "e": (1, 2)}
    expected = {"a": 0.5, "b": 3, "c": True, "d": [0, 1], "e": [1, 2]}
    assert json.loads(documents.encode(value)) == expected
    assert documents.finite_or_none(value) == expected


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": NaN}', b"\xff\xfe", b'{"a": 1} x', b"[" * 100_000])
def test_anything_but_one_object_is_damage(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"expected .*a\.json") as caught:
        documents.read_json(tmp_path / "a.json")
    assert "\n" not in str(caught.value)
