"""Plain data as the cells of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from basin.figures.words import number


def cell(value: Any) -> str:
    """Return any plain value in words.

    Example:
        >>> cell({"completed": 7, "diverged": 1}), cell(1462794), cell(None), cell([16, 143])
        ('7 completed, 1 diverged', '1 462 794', '–', '16, 143')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return (
            f"{value:,}".replace(",", " ").replace("-", "−") if abs(value) >= 10_000 else str(value).replace("-", "−")
        )
    if isinstance(value, float):
        return number(value, 4)
    if isinstance(value, Mapping):
        return ", ".join(
            f"{cell(item)} {key}" if isinstance(item, int) else f"{key} {cell(item)}" for key, item in value.items()
        )
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(item) for item in value)
    return str(value)


def is_number(value: Any) -> bool:
    """Return whether a cell is aligned as a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def duration(seconds: float) -> str:
    """Return a time as a reader says it.

    Example:
        >>> duration(0.4), duration(134.2), duration(7500)
        ('0.4 s', '2 min 14 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{number(seconds, 2)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Yield dotted path and value of every leaf of nested mappings."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", cell(value)


def table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return rows of mappings as columns and rows of cells; a row may lack what another has.

    Example:
        >>> table([{"arm": "small", "runs": 8}, {"arm": "large", "seconds": 2.5}])["columns"]
        ['arm', 'runs', 'seconds']
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return {"columns": columns, "rows": [[row.get(column) for column in columns] for row in rows]}
