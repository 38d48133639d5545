"""Nested dicts of arrays, bit for bit; the file is also read by safetensors' own loader, which knows nothing of us."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from store_samples import json_values, same, trees, weights

from basin.store import arrays
from basin.store.errors import DamagedError, StoreError

PATH = Path("weights.safetensors")


@given(trees, st.dictionaries(st.text(), json_values, max_size=2))
def test_round_trip(tree, info):
    found, about = arrays.decode(arrays.encode(tree, info), PATH)
    assert same(found, tree)
    assert about == info


def test_other_programs_read_the_dotted_names():
    found = safetensors.numpy.load(arrays.encode(weights(2.0)))
    assert sorted(found) == ["params.dense.bias", "params.dense.kernel"]
    assert found["params.dense.kernel"].tolist() == [[2.0, 2.0]] * 3


@given(trees)
def test_equal_trees_are_equal_bytes_whatever_their_order(tree):
    assert arrays.encode(dict(reversed(tree.items())), {"a": 1, "b": 2}) == arrays.encode(tree, {"b": 2, "a": 1})


def test_equal_bytes_in_another_process():
    script = (
        "import hashlib, numpy as np; from basin.store import arrays\n"
        "content = arrays.encode({'a': np.arange(6.0), 'b': {}}, {'x': 1, 'y': 2})\n"
        "print(hashlib.sha256(content).hexdigest())"
    )
    digests = {subprocess.check_output([sys.executable, "-c", script]) for _ in range(2)}
    assert len(digests) == 1


def test_a_view_is_stored_as_it_reads():
    base = np.arange(12, dtype=np.float32).reshape(3, 4)
    tree = {"t": base.T, "s": base[:, ::2], "b": np.broadcast_to(np.float32(1), (2, 2)), "e": base.astype(">f4")}
    found, _ = arrays.decode(arrays.encode(tree), PATH)
    assert all(np.array_equal(found[name], tree[name]) for name in tree)


def test_arrays_are_read_only():
    found, _ = arrays.decode(arrays.encode({"a": np.zeros(3)}), PATH)
    with pytest.raises(ValueError, match="read-only"):
        found["a"][0] = 1


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": [np.zeros(2)]}, "expected an array at 'a', got a list"),
        ({"a": {"b": "text"}}, r"expected an array of numbers at 'a\.b', got dtype"),
        ({"a": np.zeros(2, complex)}, "got dtype complex128"),
        ({"a": None}, "got dtype object"),
        ({(1, 2): np.zeros(2)}, "expected a string or a whole number as key"),
        ({True: np.zeros(2)}, "expected a string or a whole number as key"),
    ],
)
def test_what_is_no_array_is_refused(tree, message):
    with pytest.raises(StoreError, match=message):
        arrays.encode(tree)


def test_every_truncation_is_damage():
    content = arrays.encode({"a": np.arange(5, dtype=np.int32), "b": {"c": np.zeros((2, 2))}}, {"step": 1})
    for size in range(len(content)):
        with pytest.raises(DamagedError, match="whole safetensors file"):
            arrays.decode(content[:size], PATH)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 64,  # a header longer than any file
        (2**40).to_bytes(8, "little") + b"{}",
        safetensors.numpy.save({"a": np.zeros(2)}),  # sound, but not Basin's
        safetensors.numpy.save({"a": np.zeros(2)}, metadata={"basin": "{}"}),
        arrays.encode({"a": np.zeros(2)}) + b"\0",
        arrays.encode({"a": np.zeros(2)}).replace(b"[2]", b"[9]"),  # claims more than is there
    ],
    ids=["noise", "huge header", "foreign", "no record", "longer", "larger shape"],
)
def test_sizes_are_checked_before_arrays_are_read(content):
    with pytest.raises(DamagedError):
        arrays.decode(content, PATH)


def test_keys_come_back_sorted_whatever_the_order_of_the_file():
    """safetensors reads names in the random order of a hash; that of sixteen is sorted by chance in no lifetime."""
    tree = {key: {name: np.zeros(1) for name in "hgfedcba"} for key in ("y", "x")}
    found, _ = arrays.decode(arrays.encode(tree), PATH)
    assert {key: list(found[key]) for key in found} == {"x": list("abcdefgh"), "y": list("abcdefgh")}
    assert list(found) == ["x", "y"]
