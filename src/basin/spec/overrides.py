"""Changing single fields of a specification by dotted paths, as the command line does."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import ValidationError

from basin.spec.base import Spec, first_error, unknown_name

S = TypeVar("S", bound=Spec)


def override(spec: S, assignments: Iterable[str]) -> S:
    """Return a validated copy with some fields changed.

    Args:
        spec: What to change.
        assignments: `field.path=value` each; values are written as in TOML, and a bare word is a string.

    Raises:
        ValueError: No `=`, an unknown field (with the nearest name), or a value that does not fit; one line.

    Example:
        >>> from basin.spec.run import Evaluations
        >>> override(Evaluations(), ["early=2"])
        Evaluations(early=2, regular=20, checks=0)
    """
    form = spec.model_dump()
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise ValueError(f"expected field.path=value, got '{assignment}'")
        _set(form, type(spec).__name__, path.strip(), _value(text.strip()))
    try:
        return type(spec).model_validate(form)
    except ValidationError as error:
        raise ValueError(first_error(error)) from None


def _set(form: dict[str, Any], owner: str, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    node = form
    for part in parents:
        child = node[_known(node, part, owner, path)]
        if not isinstance(child, dict):
            raise ValueError(f"{path}: '{part}' has no fields of its own; give its whole value, as in {part}=...")
        node, owner = child, part
    node[_known(node, last, owner, path)] = value


def _known(node: dict[str, Any], part: str, owner: str, path: str) -> str:
    if part not in node:
        raise ValueError(f"{path}: {unknown_name(part, node, f'field of {owner}')}")
    return part


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
