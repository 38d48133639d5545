"""Compiled programs between two commands: found again, with the same bits, and never in anybody's way."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from basin.cli.programs import keep_programs

CODE = """
import json, jax, basin
from basin.cli.programs import keep_programs
folder = keep_programs()
run = basin.RunSpec(data=basin.data.Digits(num_train=50), model=basin.models.MLP(widths=(8,)),
                    optimizer=basin.optim.SGD(learning_rate=0.1), batch_size=10, budget="5 steps")
loss = basin.train(run).history.last("train", "loss")
print(json.dumps([str(folder), jax.config.jax_compilation_cache_dir, loss]))
"""


def process(cache: Path) -> list:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JAX_COMPILATION")}
    clean |= {"XDG_CACHE_HOME": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, env=clean, check=True)
    assert "Error" not in done.stderr
    return json.loads(done.stdout)


def test_a_second_process_reads_what_the_first_compiled_and_trains_to_the_same_bits(tmp_path: Path) -> None:
    first = process(tmp_path)
    kept = {path.name for path in (tmp_path / "basin" / "programs").glob("*-cache")}
    assert kept
    assert (tmp_path / "basin" / "programs").stat().st_mode & 0o077 == 0
    assert process(tmp_path) == first
    assert {path.name for path in (tmp_path / "basin" / "programs").glob("*-cache")} == kept


@pytest.fixture
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """JAX as in a process that has no cache yet; what tests and their caches use is put back."""
    names = (
        "compilation_cache_dir",
        "compilation_cache_max_size",
        "enable_compilation_cache",
        "persistent_cache_min_compile_time_secs",
    )
    before = {f"jax_{name}": getattr(jax.config, f"jax_{name}") for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.usefixtures("nothing_chosen")
def test_a_choice_of_the_users_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jax.config.update("jax_enable_compilation_cache", False)
    assert keep_programs() is None
    jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    assert keep_programs() is None
    assert jax.config.jax_compilation_cache_dir == str(tmp_path / "own")
    assert not (tmp_path / "basin").exists()


@pytest.mark.usefixtures("nothing_chosen")
@pytest.mark.parametrize("blocked", ["basin", "."])
def test_where_nothing_can_be_kept_all_is_compiled_anew(
    tmp_path: Path, blocked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    if blocked == "basin":
        cache.mkdir()
    (cache / blocked).write_text("a file in the place of the folder")
    assert keep_programs() is None
    assert jax.config.jax_compilation_cache_dir is None
