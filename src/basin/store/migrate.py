"""The version of the files' layout, and the way from older ones.

Every JSON document of the store carries `format`. A version of Basin reads its own format and, through
:data:`MIGRATIONS`, every older one; a newer one it refuses, since guessing would lose what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from basin.store.errors import DamagedError, NewerFormatError

FORMAT = 1
"""The format that this version writes."""

MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""From a format to the function that turns a document of it into one of the next format; empty while there is one."""


def current(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a document in the present format.

    Args:
        document: What was read; not changed.
        path: Where from, for the message.

    Raises:
        NewerFormatError: A newer version of Basin wrote it.
        DamagedError: It names no format.

    Example:
        >>> current({"format": 1, "id": "a"}, Path("spec.json"))
        {'format': 1, 'id': 'a'}
    """
    found = document.get("format")
    if type(found) is not int or found < 1:
        raise DamagedError(f"expected a format number from 1 to {FORMAT} in {str(path)!r}, got {found!r}")
    if found > FORMAT:
        raise NewerFormatError(
            f"{str(path)!r} has format {found}, this version of Basin reads up to {FORMAT}; install a newer version"
        )
    for version in range(found, FORMAT):
        document = {**MIGRATIONS[version](document), "format": version + 1}
    return document
