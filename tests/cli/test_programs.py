"""Compiled programs between two commands: found again, with the same bits, and never in anybody's way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import json, jax, basin
from basin.cli.programs import keep_programs
folder = keep_programs()
run = basin.RunSpec(data=basin.data.Digits(num_train=50), model=basin.models.MLP(widths=(8,)),
                    optimizer=basin.optim.SGD(learning_rate=0.1), batch_size=10, budget="5 steps")
loss = basin.train(run).history.last("train", "loss") if {train} else None
print(json.dumps([str(folder), jax.config.jax_compilation_cache_dir, loss]))
"""


def process(cache: Path, train: bool = True, **environment: str) -> list:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JAX_COMPILATION")}
    clean |= {"XDG_CACHE_HOME": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", **environment}
    command = [sys.executable, "-c", CODE.format(train=train)]
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


def test_a_choice_of_the_users_is_left_alone(tmp_path: Path) -> None:
    own = str(tmp_path / "own")
    assert process(tmp_path, train=False, JAX_COMPILATION_CACHE_DIR=own)[:2] == ["None", own]
    assert process(tmp_path, train=False, JAX_ENABLE_COMPILATION_CACHE="false")[:2] == ["None", None]
    assert not (tmp_path / "basin").exists()


@pytest.mark.parametrize("blocked", ["basin", "."])
def test_where_nothing_can_be_kept_all_is_compiled_anew(tmp_path: Path, blocked: str) -> None:
    cache = tmp_path / "cache"
    if blocked == "basin":
        cache.mkdir()
        (cache / "basin").write_text("a file in the place of the folder")
    else:
        cache.write_text("a file in the place of the folder")
    assert process(cache, train=False)[0] == "None"
