"""The files of the project, and the names that its pages may refer to."""

from __future__ import annotations

import ast
import fnmatch
import functools
import importlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "basin"
FOLDERS = ("src", "tests", "docs", "benchmarks", "examples", "tools", ".ci")
BUILT = {"__pycache__", "_build", ".hypothesis", ".pytest_cache", ".ruff_cache"}


def modules() -> list[Path]:
    """Return the package's own files."""
    return sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree_files() -> list[Path]:
    """Return every file that was written by hand: those of the folders named above and of the top."""
    inside = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    kept = [path for path in [*ROOT.iterdir(), *inside] if path.is_file()]
    return sorted(path for path in kept if not BUILT & set(path.parts) and ".egg-info" not in str(path))


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def importable(name: str) -> bool:
    """Return whether a dotted name leads to a module, or to an attribute (a field of a class, too) of one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as error:
            if error.name is not None and ".".join(parts[:cut]).startswith(error.name):
                continue
            raise
        for part in parts[cut:]:
            if part in getattr(found, "model_fields", {}) or part in getattr(found, "__dataclass_fields__", {}):
                return part == parts[-1]
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_exists(reference: str) -> bool:
    """Return whether `tests/file.py` or `tests/file.py::test_name` exists."""
    place, _, name = reference.partition("::")
    path = ROOT / place
    if not place.startswith("tests/") or not path.is_file():
        return False
    return not name or any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(parsed(path)))


test_exists.__test__ = False  # pyright: ignore[reportFunctionMemberAccess]


@functools.cache
def claims() -> dict[str, tuple[str, ...]]:
    """Return the rows of the inventory that each claim of each registered study says it carries, by the claim's id."""
    from basin.studies.registry import MODULES, study

    pages = [study(name) for name in MODULES]
    found = [claim for page in pages for spec in page.presets.values() for claim in page.claims(spec)]
    return {claim.id: claim.inventory for claim in found}


@functools.cache
def figure_patterns() -> tuple[str, ...]:
    """Return the names that studies give to their figures, `*` where a name is put together.

    A figure's name is the first text among the arguments of a call to a function called `draw` or `_..._figure`.
    """
    calls = [
        node
        for path in sorted((PACKAGE / "studies").glob("*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and re.fullmatch(r"draw|_\w+_figure", _called(node))
    ]
    texts = (next((text for text in map(_text, call.args) if text is not None), None) for call in calls)
    return tuple(sorted({text for text in texts if text is not None and re.fullmatch(r"[a-z][a-z0-9*-]+", text)}))


def figure_exists(pattern: str) -> bool:
    """Return whether a study draws a figure of this name; `*` stands for anything on either side."""
    return any(fnmatch.fnmatch(pattern, known) or fnmatch.fnmatch(known, pattern) for known in figure_patterns())


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
    return None
