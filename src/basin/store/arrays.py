"""Nested dicts of arrays as one safetensors file, bit for bit and without pickle.

The path to an array becomes its dotted name: `{"params": {"dense": {"kernel": k}}}` is `params.dense.kernel`. A dot,
`%` or leading `#` within a key is written as `%2E`, `%25`, `%23`, and the whole number 3 as a key is `#3`, so the
names lead back to the same tree. Empty dicts, which have no array to name them, and facts about the arrays are kept as
JSON under one key of the header's metadata; with two keys the bytes would depend on a hash's random order.

safetensors (https://github.com/huggingface/safetensors) compares every size that the header declares with the bytes
that are there before it returns an array.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from basin.store.documents import decode as decode_json
from basin.store.documents import encode as encode_json
from basin.store.errors import DamagedError, StoreError

Tree = dict[str, Any]

_DTYPES = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "U16": np.uint16,
    "U32": np.uint32,
    "U64": np.uint64,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
    "C64": np.complex64,
}
_NAMES = {np.dtype(dtype).name for dtype in _DTYPES.values()} | {"bfloat16"}


def encode(tree: Mapping[Any, Any], info: Mapping[str, Any] | None = None) -> bytes:
    """Return nested dicts of arrays as the bytes of a safetensors file, the same for equal arrays.

    Args:
        tree: Keys are strings or whole numbers, leaves are arrays or NumPy scalars of any shape and of the dtypes
            bool, (u)int8 to 64, float16, bfloat16, float32, float64 and complex64.
        info: Facts about the arrays; plain JSON.

    Raises:
        StoreError: A leaf is no such array, or a key no such key.

    Example:
        >>> tree, info = decode(encode({"a": {"b": np.float32([1, 2])}, "c": {}}, {"step": 3}), Path("x"))
        >>> tree["a"]["b"].tolist(), tree["c"], info
        ([1.0, 2.0], {}, {'step': 3})
    """
    flat = dict(flatten(tree))
    arrays = {name: leaf for name, leaf in flat.items() if leaf is not None}
    empty = sorted(name for name, leaf in flat.items() if leaf is None)
    text = encode_json({"empty": empty, "info": dict(info or {})}, "info").decode()
    return safetensors.numpy.save(arrays, metadata={"basin": text})


def decode(content: bytes, path: Path) -> tuple[Tree, dict[str, Any]]:
    """Return the nested dicts of read-only arrays, keys sorted, and the facts, that :func:`encode` made into bytes.

    Args:
        content: A whole file.
        path: Where from, for the message.

    Raises:
        DamagedError: The bytes are no whole safetensors file, or not one of Basin's.
    """
    try:
        found = dict(safetensors.deserialize(content))  # in the random order of a hash
        leaves = {name: _read_only(**found[name]) for name in sorted(found)}
        about = decode_json(_metadata(content)["basin"].encode(), path)
        return _unflatten({**leaves, **{name: {} for name in about["empty"]}}), about["info"]
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"expected a whole safetensors file of Basin's in {str(path)!r} ({error})") from error


def flatten(tree: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, np.ndarray | None]]:
    """Yield the dotted name and the array of every leaf, contiguous; None stands for an empty dict.

    Raises:
        StoreError: As :func:`encode`.
    """
    for key, leaf in tree.items():
        name = f"{prefix}{_segment(key, prefix)}"
        if not isinstance(leaf, Mapping):
            yield name, _array(leaf, name)
        elif leaf:
            yield from flatten(leaf, f"{name}.")
        else:
            yield name, None


def _array(leaf: Any, name: str) -> np.ndarray:
    if isinstance(leaf, list | tuple):
        raise StoreError(
            f"expected an array at {name!r}, got a {type(leaf).__name__}; write it as a dict with keys 0, 1, ..."
        )
    try:
        # safetensors copies raw memory, which for a transposed view is in another order
        array = np.asarray(leaf, order="C")
    except (TypeError, ValueError) as error:
        raise StoreError(f"expected an array at {name!r}, got a {type(leaf).__name__} ({error})") from error
    if array.dtype.name not in _NAMES:
        hint = "; store jax.random.key_data of a key" if array.dtype.name.startswith("key") else ""
        raise StoreError(f"expected an array of numbers at {name!r}, got dtype {array.dtype}{hint}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _segment(key: Any, prefix: str) -> str:
    if isinstance(key, str):
        text = key.replace("%", "%25").replace(".", "%2E")
        text = f"%23{text[1:]}" if text.startswith("#") else text
        return "%5F_metadata__" if text == "__metadata__" else text  # the name safetensors keeps for itself
    if isinstance(key, int) and not isinstance(key, bool):
        return f"#{key}"
    raise StoreError(f"expected a string or a whole number as key under {prefix!r}, got {key!r}")


def _key(segment: str) -> Any:
    if segment.startswith("#"):
        return int(segment[1:])
    for written, meant in (("%5F", "_"), ("%23", "#"), ("%2E", "."), ("%25", "%")):
        segment = segment.replace(written, meant)
    return segment


def _unflatten(leaves: Mapping[str, Any]) -> Tree:
    tree: Tree = {}
    for name, leaf in leaves.items():
        *folders, last = [_key(segment) for segment in name.split(".")]
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
            if not isinstance(node, dict):
                raise ValueError(f"{name!r} lies below an array")
        node[last] = leaf
    return tree


def _read_only(dtype: str, shape: list[int], data: bytes) -> np.ndarray:
    array = np.frombuffer(data, dtype=_dtype(dtype)).reshape(shape)
    array.flags.writeable = False
    return array


def _metadata(content: bytes) -> dict[str, str]:
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size])["__metadata__"]


def _dtype(name: str) -> np.dtype:
    if name == "BF16":
        import ml_dtypes  # NumPy has no bfloat16 of its own

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(_DTYPES[name])
