"""The identity of a run: equal for equal requests, on every machine and in every process."""

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basin.spec.data import Digits, Glyphs
from basin.spec.ids import content_id, static_id
from basin.spec.model import CNN5, F1, MLP
from basin.spec.optimizer import SGD, Adam
from basin.spec.run import RunSpec

RUN = RunSpec(data=Digits(), model=MLP(), optimizer=Adam(learning_rate=1e-3), batch_size=16, budget="100 epochs")

runs = st.builds(
    RunSpec,
    data=st.sampled_from([Digits(), Digits(label_noise=0.1), Glyphs(size=16, num_train=50)]),
    model=st.sampled_from([MLP(), MLP(widths=(3, 4), norm="batch"), F1(), CNN5(width=4)]),
    optimizer=st.builds(SGD, learning_rate=st.floats(1e-6, 10.0), momentum=st.sampled_from([0.0, 0.5, 0.9])),
    batch_size=st.integers(1, 10**6),
    budget=st.builds("{} {}".format, st.integers(1, 10**9), st.sampled_from(["steps", "epochs", "examples"])),
    seed=st.integers(0, 2**31 - 1),
)


@given(runs)
def test_json_and_toml_lead_back_to_the_same_run(run: RunSpec) -> None:
    form = json.loads(run.model_dump_json())
    assert RunSpec.model_validate(form) == run
    assert RunSpec.from_toml(run.to_toml()) == run
    assert content_id(RunSpec.from_toml(run.to_toml())) == content_id(run)


@given(runs, runs)
def test_ids_are_equal_exactly_for_equal_runs(a: RunSpec, b: RunSpec) -> None:
    assert (content_id(a) == content_id(b)) == (a == b)


def test_the_id_is_what_it_was_on_another_machine_and_version() -> None:
    assert content_id(RUN) == "213021194d18b941"


def test_the_id_does_not_depend_on_the_process() -> None:
    code = (
        "from basin.spec.run import *; from basin.spec.ids import content_id; import sys;"
        "print(content_id(RunSpec.model_validate_json(sys.stdin.read())))"
    )
    for hash_seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=RUN.model_dump_json(),
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == content_id(RUN)


@pytest.mark.parametrize(
    "same",
    [
        {"optimizer": Adam(learning_rate=0.001, beta1=0.9)},
        {"budget": "100.0 epochs"},
        {"seed": 0, "precision": "float32"},
        {"model": {"kind": "mlp", "widths": [128, 128, 128]}},
    ],
)
def test_what_is_said_differently_is_the_same_run(same: dict[str, object]) -> None:
    assert content_id(RUN.replace(**same)) == content_id(RUN)


@pytest.mark.parametrize("other", [{"seed": 1}, {"optimizer": Adam(learning_rate=2e-3)}, {"budget": "9 steps"}])
def test_runs_of_one_program_share_the_static_id_alone(other: dict[str, object]) -> None:
    changed = RUN.replace(**other)
    assert static_id(changed) == static_id(RUN)
    assert content_id(changed) != content_id(RUN)


@pytest.mark.parametrize("other", [{"batch_size": 32}, {"precision": "float64"}, {"model": MLP(norm="batch")}])
def test_what_shapes_the_program_changes_the_static_id(other: dict[str, object]) -> None:
    assert static_id(RUN.replace(**other)) != static_id(RUN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("batch_sise = 3", "unknown field of RunSpec: 'batch_sise'; did you mean 'batch_size'?"),
        ("= 3", "expected TOML: "),
    ],
)
def test_a_wrong_toml_file_is_met_with_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        RunSpec.from_toml(text)
    assert "\n" not in str(caught.value)
