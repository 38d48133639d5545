"""What is recorded of a machine, and what is not."""

import getpass
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from basin.store import environment as module
from basin.store.documents import encode
from basin.store.environment import environment


def test_versions_are_those_installed():
    found = environment()
    assert found["versions"]["numpy"] == np.__version__
    assert found["basin"] == importlib.metadata.version("basin-lab")
    assert found["python"] == platform.python_version()
    assert found["cores"] == os.cpu_count()
    assert json.loads(encode(found)) == found


def test_nothing_names_a_person_a_machine_or_a_place():
    text = encode(environment()).decode()
    names = [platform.node(), str(Path.home()), str(Path(module.__file__).parent), os.getcwd()]
    names += [getpass.getuser()] if len(getpass.getuser()) > 5 else []
    assert [name for name in names if len(name) > 1 and name in text] == []


def test_the_store_imports_no_jax_and_asks_jax_only_where_it_is_imported():
    modules = sorted(path.stem for path in Path(module.__file__).parent.glob("*.py") if path.stem != "__init__")
    script = (
        f"import sys\nfrom basin.store import {', '.join(modules)}\n"
        "print('jax' in sys.modules, environment.environment()['device'])\n"
        "import jax\nprint(environment.environment()['device']['platform'])"
    )
    variables = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=variables, check=True)
    assert done.stdout.split() == ["False", "None", "cpu"]


@pytest.mark.parametrize("changed", [False, True])
def test_the_commit_is_that_of_basins_own_checkout(tmp_path, monkeypatch, changed):
    def git(*arguments):
        identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", tmp_path, *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    source = tmp_path / "environment.py"
    source.write_text("")
    git("init", "-q")
    monkeypatch.setattr(module, "__file__", str(source))
    assert module._git_commit() is None  # untracked: an installed package inside another project's checkout
    git("add", ".")
    git("commit", "-qm", "a")
    source.write_text("#" if changed else "")
    assert module._git_commit() == git("rev-parse", "HEAD") + ("+" if changed else "")


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert module._git_commit() is None
