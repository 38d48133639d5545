"""The identity of a run: a hash of what was asked for.

The canonical form of a specification leaves out every field at its default (a default never changes) and writes
numbers in their shortest exact form, so it does not depend on the process, the machine or the order of fields. It
leaves out where a file lies once the file's hash is known.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from basin.spec.base import Spec, is_mere_location, static_form

NUMERICS_VERSION = 1
"""Bumped when the numbers of a run change for the same specification."""


def canonical(spec: Spec) -> dict[str, Any]:
    """Return the specification as plain data without the fields at their defaults; `kind` always stays."""
    form: dict[str, Any] = {}
    for name, field in type(spec).model_fields.items():
        if is_mere_location(spec, name):
            continue
        value = getattr(spec, name)
        if name == "kind" or value != field.get_default(call_default_factory=True, validated_data={}):
            form[name] = _plain(value)
    return form


def content_id(spec: Spec) -> str:
    """Return 16 hexadecimal digits that identify what the specification asks for, on every machine.

    Example:
        >>> from basin.spec.optimizer import SGD
        >>> content_id(SGD(learning_rate=1)) == content_id(SGD(learning_rate=1.0, momentum=0.0))
        True
    """
    return _digest({"numerics": NUMERICS_VERSION, "spec": canonical(spec)})


def static_id(spec: Spec) -> str:
    """Return 16 hexadecimal digits that runs of one group share: the specification without its traced numbers."""
    return _digest({"numerics": NUMERICS_VERSION, "static": _plain(static_form(spec))})


def settings_id(name: str, settings: Any) -> str:
    """Return 16 hexadecimal digits that identify a named computation with its settings, on every machine.

    Args:
        name: What is computed.
        settings: Specifications, numbers, texts, and lists and dictionaries of them.

    Example:
        >>> settings_id("walk", {"rate": 0.1, "steps": 5}) == settings_id("walk", {"steps": 5, "rate": 0.1})
        True
    """
    return _digest({"numerics": NUMERICS_VERSION, "name": name, "settings": _plain(settings)})


def _digest(form: dict[str, Any]) -> str:
    text = json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return canonical(value)
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return value + 0.0  # -0.0 and 0.0 are one number
    return value
