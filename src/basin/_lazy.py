"""Public names that are imported when first used, so that `import basin` and `basin --help` stay light."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any


def lazy(package: str, origins: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package; `origins` maps public names to the modules that hold them.

    A public name may be that of one of the package's files too, such as the function `corrupt` of `corrupt.py`.
    Importing that file would put the module in the function's place; the package declines.
    """

    class Package(ModuleType):
        def __setattr__(self, name: str, value: Any) -> None:
            if not (name in origins and isinstance(value, ModuleType) and _is_hidden(name, value)):
                super().__setattr__(name, value)

    def _is_hidden(name: str, module: ModuleType) -> bool:
        return module.__name__ == f"{package}.{name}" and (origins[name] != module.__name__ or hasattr(module, name))

    def getattr_(name: str) -> Any:
        if name not in origins:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        origin = importlib.import_module(origins[name])
        value = origin if origins[name] == f"{package}.{name}" and not hasattr(origin, name) else getattr(origin, name)
        setattr(sys.modules[package], name, value)
        return value

    def dir_() -> list[str]:
        return sorted({*vars(sys.modules[package]), *origins})

    sys.modules[package].__class__ = Package
    return getattr_, dir_
