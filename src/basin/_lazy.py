"""Public names that are imported when first used, so that `import basin` and `basin --help` stay light."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy(package: str, origins: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package; `origins` maps public names to the modules that hold them."""

    def getattr_(name: str) -> Any:
        if name not in origins:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        origin = importlib.import_module(origins[name])
        value = origin if origins[name] == f"{package}.{name}" and not hasattr(origin, name) else getattr(origin, name)
        setattr(sys.modules[package], name, value)
        return value

    def dir_() -> list[str]:
        return sorted({*vars(sys.modules[package]), *origins})

    return getattr_, dir_
