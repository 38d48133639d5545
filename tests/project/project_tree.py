"""The files of the project, and the names that its pages may refer to."""

from __future__ import annotations

import ast
import fnmatch
import functools
import importlib
from collections.abc import Iterable
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


def is_test(reference: str) -> bool:
    """Return whether `tests/file.py` or `tests/file.py::test_name` exists."""
    place, _, name = reference.partition("::")
    path = ROOT / place
    if not place.startswith("tests/") or not path.is_file():
        return False
    return not name or any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(parsed(path)))


@functools.cache
def claims() -> dict[str, tuple[str, ...]]:
    """Return the rows of the inventory that claims of registered studies say they carry, by the claims' ids."""
    from basin.studies.registry import MODULES, study

    pages = [study(name) for name in MODULES]
    found = [claim for page in pages for spec in page.presets.values() for claim in page.claims(spec)]
    carried: dict[str, tuple[str, ...]] = {}
    for claim in found:
        carried[claim.id] = (*carried.get(claim.id, ()), *claim.inventory)
    return carried


def claim_exists(pattern: str, among: Iterable[str] | None = None) -> bool:
    """Return whether a study declares a claim of this id; `*` stands for anything."""
    return any(fnmatch.fnmatchcase(known, pattern) for known in (claims() if among is None else among))


@functools.cache
def figure_patterns() -> frozenset[str]:
    """Return the names that studies give to their figures, `*` where a part is put in.

    That is the first argument of a call to `draw`, or, where this is a parameter of the function around it, what the
    file's calls of that function give for it.
    """
    trees = [parsed(path) for path in sorted((PACKAGE / "studies").rglob("*.py"))]
    functions = [(tree, node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    names: set[str | None] = set()
    for tree, function in functions:
        parameters = [argument.arg for argument in function.args.args]
        for call in _calls(function, "draw"):
            first = call.args[0]
            names.add(_text(first))
            if isinstance(first, ast.Name) and first.id in parameters:
                place = parameters.index(first.id)
                names |= {_text(call.args[place]) for call in _calls(tree, function.name) if place < len(call.args)}
    return frozenset(name for name in names if name is not None)


def figure_exists(pattern: str) -> bool:
    """Return whether a study draws a figure of this name; `*` stands for anything on either side."""
    return any(fnmatch.fnmatch(pattern, known) or fnmatch.fnmatch(known, pattern) for known in figure_patterns())


def _calls(tree: ast.AST, name: str) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) == name]


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values)
    return None
