"""The rules of the layout: who may import whom, what importing costs, and what no file may hold."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from project_tree import FOLDERS, PACKAGE, ROOT, module_name, modules, parsed, tree_files

FAMILIES = {"data", "models", "optim"}
BELOW_STUDIES = {
    "spec",
    *FAMILIES,
    "loss",
    "training",
    "measure",
    "linear",
    "surfaces",
    "store",
    "stats",
    "figures",
    "report",
}
ALLOWED = {
    "spec": set(),
    **{family: {"spec"} for family in FAMILIES},
    "loss": {"spec", *FAMILIES},
    "store": {"spec"},
    "training": {"spec", *FAMILIES, "loss", "store"},
    "measure": {"spec", *FAMILIES, "loss", "stats"},
    "linear": {"measure"},
    "surfaces": {"spec", "optim", "loss"},
    "stats": {"store"},
    "figures": {"store", "stats"},
    "report": {"store", "stats", "figures"},
    "studies": BELOW_STUDIES | {"linear"},
    "cli": BELOW_STUDIES | {"studies"},
}
"""What the modules of each package may import from its siblings."""

DOCUMENTED = ("data", "models", "optim", "loss", "measure", "linear", "surfaces", "stats", "training", "store")
MOST_LINES = 450
WRITTEN = {".py", ".md", ".css", ".js", ".html", ".j2", ".jinja"}
READ = WRITTEN | {".toml", ".txt", ".cfg", ".ini", ".yml", ".yaml", ".json", ""}
PICKLES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> set[str]:
    """Return the dotted names that a file imports, those behind `importlib` (plain texts like `basin.x.y`) too."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where they lead"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and re.fullmatch(r"basin(\.\w+)+", str(node.value)):
            found.add(str(node.value))
    return found


def strangers(path: Path) -> set[str]:
    """Return the siblings that a file imports and may not; the names of the top lead everywhere, lazily."""
    package, *inside = path.relative_to(PACKAGE).parts
    siblings = {name.split(".")[1] for name in imported(path) if name.startswith("basin.")}
    return siblings - {package, "_lazy", "__version__"} - ALLOWED[package] if inside else set()


def test_imports_go_one_way():
    assert {shown(path): found for path in modules() if (found := strangers(path))} == {}


def test_the_import_check_sees_plain_lazy_and_nested_imports(tmp_path):
    lines = "import basin.cli\nfrom basin import report\nfrom basin.stats.scale import Scale\nlazy('basin.optim.adam')"
    (tmp_path / "x.py").write_text(lines + "\ndef f():\n    from basin.data import load")
    seen = {name.split(".")[1] for name in imported(tmp_path / "x.py")}
    assert seen == {"cli", "report", "stats", "optim", "data"}


def test_every_package_has_its_place():
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} <= ALLOWED.keys()


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import basin", ("jax", "numpy", "matplotlib")),
        ("import basin; dir(basin); basin.__version__", ("jax", "matplotlib")),
        ("import basin.data, basin.models, basin.optim", ("jax", "matplotlib")),
        ("import basin.spec.run, basin.spec.study, basin.spec.ids, basin.spec.overrides", ("jax", "numpy")),
        ("from basin.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass", ("jax", "matplotlib")),
        ("from basin.cli import main\ntry: main(['run', '--help'])\nexcept SystemExit: pass", ("jax", "matplotlib")),
    ],
)
def test_importing_stays_light(code, absent):
    check = f"{code}\nimport sys\nheavy = [name for name in {absent!r} if name in sys.modules]\nassert not heavy, heavy"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_public_name_is_no_file_of_its_package_whatever_was_imported_before():
    """Importing `data/corrupt.py` would put that module in the place of the function `corrupt`."""
    names = [module_name(path) for path in modules()]
    check = f"""
import importlib, types
for name in {[name for name in names if not name.endswith("__main__")]!r}: importlib.import_module(name)
for name in {sorted({".".join(name.split(".")[:2]) for name in names if name.count(".") > 1})!r}:
    package = importlib.import_module(name)
    for public in getattr(package, "__all__", ()):
        assert not isinstance(getattr(package, public), types.ModuleType), f"{{name}}.{{public}}"
"""
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_module_says_what_it_is_for():
    assert [shown(path) for path in modules() if not ast.get_docstring(parsed(path))] == []


def test_what_is_public_is_documented():
    documented = [path for path in modules() if path.relative_to(PACKAGE).parts[0] in DOCUMENTED]
    bare = [
        f"{shown(p)}: {name}" for p in documented for name, node in public(parsed(p)) if not ast.get_docstring(node)
    ]
    assert bare == []


def public(tree: ast.Module | ast.ClassDef, prefix: str = ""):
    """Yield the public functions, classes and methods below a node; an overload is documented by what it overloads."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            if not any(getattr(item, "id", "") == "overload" for item in node.decorator_list):
                yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{node.name}.")


def test_the_documentation_check_sees_methods_and_spares_overloads():
    tree = ast.parse("class A:\n def b(self): ...\n@overload\ndef c(): ...\ndef _d(): ...")
    assert [name for name, _ in public(tree)] == ["A", "A.b"]


def test_nothing_unpickles_or_evaluates_text():
    ours = [path for path in tree_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] != "tests"]
    assert {shown(path): found for path in ours if (found := risks(parsed(path)))} == {}


def risks(tree: ast.Module) -> list[str]:
    """Return what in a file could run code that came as data."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in PICKLES]
        elif isinstance(node, ast.ImportFrom):
            found += [str(node.module)] if str(node.module).split(".")[0] in PICKLES else []
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found += [] if isinstance(node.value, ast.Constant) and node.value.value is False else ["allow_pickle"]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
            found.append(node.func.id)
    return found


@pytest.mark.parametrize(
    "code",
    ["import pickle", "from dill import load", "np.load(f, allow_pickle=True)", "eval('1')", "exec(text)"],
)
def test_the_check_for_risks_finds_them(code):
    assert risks(ast.parse(code))


def test_no_file_is_a_giant():
    written = [path for path in tree_files() if path.suffix in WRITTEN and path.name != "CHANGELOG.md"]
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in written}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


OF_A_MACHINE = re.compile(r"(?<![\w.:/<>-])/(?:home|root|Users|work|mnt|tmp)/\w|\b[A-Z]:\\Users", re.ASCII)
OF_AN_INDEX = re.compile(r"index[-_]url|find[-_]links|pythonhosted|/simple\b|artifactory|download\.pytorch", re.I)


def test_no_file_knows_a_machine_or_a_package_index():
    texts = [path for path in tree_files() if path.suffix in READ and path != Path(__file__).resolve()]
    found = [
        f"{shown(path)}:{number}: {line.strip()[:80]}"
        for path in texts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if OF_A_MACHINE.search(line) or OF_AN_INDEX.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "line", ["cd /home/someone/basin", "PATH=/root/x", "pip install --index-url x", "PIP_INDEX_URL=", "C:\\Users\\me"]
)
def test_the_check_for_machines_and_indexes_finds_them(line):
    assert OF_A_MACHINE.search(line) or OF_AN_INDEX.search(line)


def test_the_tree_is_seen():
    assert {path.relative_to(ROOT).parts[0] for path in tree_files()} >= {"src", "tests", "docs", "pyproject.toml"}
    assert set(FOLDERS) >= {"src", "tests", "docs"}
