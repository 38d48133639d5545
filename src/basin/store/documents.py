"""JSON documents: sorted, one value a line, so that equal content is equal bytes and differences read well.

JSON has no NaN and no infinity, and many readers fail on Python's extension to it. What has no value is null: the
writer decides (:func:`finite_or_none`), and a document that still holds such a number is refused by its path.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from basin.store.atomic import read_bytes, write_bytes
from basin.store.errors import DamagedError, StoreError


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a document atomically; NumPy scalars and tuples become plain numbers and lists.

    Raises:
        StoreError: It cannot be written, or holds what JSON has no form for: NaN, infinity, a key that is no string.
    """
    write_bytes(path, encode(value, path.name))


def read_json(path: Path) -> dict[str, Any]:
    """Read a document.

    Raises:
        DamagedError: The file is missing or does not hold one JSON object.
        StoreError: It cannot be read.
    """
    return decode(read_bytes(path), path)


def encode(value: Mapping[str, Any], name: str = "document") -> bytes:
    """Return a document as bytes, the same for equal values.

    Args:
        value: What to store.
        name: What messages call it.

    Raises:
        StoreError: As :func:`write_json`.

    Example:
        >>> encode({"b": (1, 2), "a": None})
        b'{\\n  "a": null,\\n  "b": [\\n    1,\\n    2\\n  ]\\n}\\n'
    """
    text = json.dumps(_plain(value, name), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def decode(content: bytes, path: Path) -> dict[str, Any]:
    """Return the object that a document's bytes hold; `path` is for the message.

    Raises:
        DamagedError: They do not hold one JSON object.
    """
    try:
        value = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"expected JSON in {str(path)!r}, got something else ({error})") from error
    if not isinstance(value, dict):
        raise DamagedError(f"expected a JSON object in {str(path)!r}, got a {type(value).__name__}")
    return value


def finite_or_none(value: Any) -> Any:
    """Return a copy in which every NaN and infinity, at any depth, is None.

    Example:
        >>> finite_or_none({"estimate": float("nan"), "n": 5})
        {'estimate': None, 'n': 5}
    """
    if isinstance(value, Mapping):
        return {key: finite_or_none(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite_or_none(item) for item in value]
    value = _unboxed(value)
    if isinstance(value, list):
        return finite_or_none(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _unboxed(value: Any) -> Any:
    return value.tolist() if hasattr(value, "dtype") and hasattr(value, "tolist") else value


def _plain(value: Any, path: str) -> Any:
    value = _unboxed(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise StoreError(f"{path} is {value}; JSON holds finite numbers only, use null for what has no value")
        return value
    if isinstance(value, Mapping):
        if bad := [key for key in value if not isinstance(key, str)]:
            raise StoreError(f"{path} has the key {bad[0]!r}; expected strings as keys")
        return {key: _plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}.{index}") for index, item in enumerate(value)]
    raise StoreError(f"{path} is a {type(value).__name__}; expected null, a string, a number, a list or a mapping")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
