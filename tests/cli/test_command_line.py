"""The command line as its users meet it: a process with words, a status, and lines on its two outputs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from basin.cli import main

DIGITS = (
    "{name='digits', data={kind='digits', num_train=300}, small_batch=10, large_batch=100, epochs=3, train_loss=0.8, "
    "most_epochs=12, looks=3}"
)
TINY = [
    "large-batch",
    "--seeds",
    "2",
    f"comparisons=[{DIGITS}]",
    "model.widths=[16]",
    "sharpness={examples=100, subspaces=2, subspace_dim=5, epsilons=[1e-3]}",
]


def basin(*words: str, cwd: Path | None = None, check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run([sys.executable, "-m", "basin", *words], capture_output=True, text=True, cwd=cwd, timeout=300)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def status(*words: str) -> int:
    """What `python -m basin` with these words hands to `sys.exit`; in this process, which has its imports behind it."""
    try:
        return main(words)
    except SystemExit as ending:  # argparse ends a command itself
        return int(ending.code or 0)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a study at the smallest size has been run."""
    folder = tmp_path_factory.mktemp("runs")
    basin("run", *TINY, "--out", str(folder))
    return folder


def record(out: Path) -> dict:
    return json.loads((out / "large-batch" / "study.json").read_text())


def test_help_answers_without_loading_anything_heavy() -> None:
    code = (
        "import sys; from basin.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('jax', 'matplotlib', 'numpy', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "studies, their claims, presets and measured cost" in done.stdout


def test_list_names_every_study_with_its_presets_and_claims() -> None:
    from basin.studies.registry import MODULES, study

    printed = " ".join(basin("list").stdout.split())
    for name in MODULES:
        assert name in printed
        for preset in study(name).presets:
            assert f"--preset {preset}" in printed


def test_a_study_leaves_what_the_contract_says(out: Path) -> None:
    found = record(out)
    assert {"study", "preset", "spec", "environment", "claims", "finished"} <= found.keys()
    keys = "id statement source refuted_by statistic estimate ci_low ci_high p_value n published verdict note"
    assert all(set(keys.split()) <= claim.keys() for claim in found["claims"])
    assert {claim["verdict"] for claim in found["claims"]} <= {"supported", "refuted", "inconclusive"}
    assert len(found["claims"]) == 10
    report = (out / "large-batch" / "report.html").read_text()
    assert all(claim["id"] in report for claim in found["claims"])
    for figure in (out / "large-batch" / "figures").glob("*.csv"):
        assert figure.with_suffix(".svg").exists()
    for run in (out / "large-batch" / "runs").iterdir():
        names = {path.name for path in run.iterdir()}
        wanted = "spec.json environment.json outcome.json metrics.parquet measurements.parquet weights.safetensors"
        assert set(wanted.split()) <= names


def test_the_same_command_twice_does_no_work_twice(out: Path) -> None:
    before = record(out)
    stamps = {path: path.stat().st_mtime_ns for path in (out / "large-batch" / "runs").glob("*/*")}
    basin("run", *TINY, "--out", str(out))
    assert {path: path.stat().st_mtime_ns for path in (out / "large-batch" / "runs").glob("*/*")} == stamps
    assert record(out)["claims"] == before["claims"]


def test_a_report_is_rebuilt_from_the_store_alone(out: Path) -> None:
    report = out / "large-batch" / "report.html"
    before = report.read_text()
    report.unlink()
    basin("report", "--out", str(out))
    assert report.read_text() == before


def test_claims_prints_the_ledger(out: Path) -> None:
    claims = json.loads(basin("claims", "--json", "--out", str(out)).stdout)
    assert [claim["id"] for claim in claims] == [claim["id"] for claim in record(out)["claims"]]
    assert all(claim["study"] == "large-batch" for claim in claims)
    assert "false verdicts to expect" in basin("claims", "--out", str(out)).stdout


def test_show_prints_a_run_by_the_first_digits_of_its_id(out: Path) -> None:
    run = sorted((out / "large-batch" / "runs").iterdir())[0].name
    printed = basin("show", run[:10], "--out", str(out)).stdout
    assert run in printed
    assert "test error" in printed
    assert '"kind": "digits"' in printed


def test_a_damaged_run_is_named_set_aside_and_run_again(out: Path) -> None:
    before = record(out)["claims"]
    run = sorted((out / "large-batch" / "runs").iterdir())[0]
    weights = run / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    printed = basin("run", *TINY, "--out", str(out)).stdout
    assert f"{run.name} is damaged" in " ".join(printed.split())
    assert (run.parent / f"{run.name}.damaged-1").exists()
    assert record(out)["claims"] == before


MISTAKES = {
    "study": (["run", "large-bach"], "unknown study: 'large-bach'; did you mean 'large-batch'?"),
    "preset": (
        ["run", "large-batch", "--preset", "quik"],
        "unknown preset of large-batch: 'quik'; did you mean 'quick'?",
    ),
    "field": (["run", "large-batch", "sharpnes.starts=3"], "unknown field of LargeBatch: 'sharpnes'; did you mean"),
    "value": (["run", "large-batch", "seeds=many"], "seeds: "),
    "seeds": (["run", "large-batch", "--seeds", "few"], "invalid int value: 'few'"),
    "verb": (["rnu"], "invalid choice: 'rnu'"),
    "option": (["run", "large-batch", "--seed", "3", "--sedes"], "unknown argument --sedes"),
    "run": (["show", "0123", "--out", "."], "expected the id of one run under '.', got '0123'"),
    "store": (["claims", "--out", "nowhere"], "expected a folder of studies at 'nowhere', found none"),
    "reports": (["report", "--out", "nowhere"], "expected a finished study under 'nowhere', found none"),
    "batch": (
        ["run", "large-batch", f"comparisons=[{DIGITS.replace('large_batch=100', 'large_batch=301')}]"],
        "expected a batch_size of at most 300, the number of training examples, got 301",
    ),
    "folder": (["run", *TINY, "--out", "/dev/null/runs"], "/dev/null"),
    "data root": (["run", *TINY, "--data-root", "nowhere"], "--data-root: expected a folder of data sets, got nowhere"),
    "data": (
        [
            "run",
            *TINY[:3],
            "comparisons=[{name='m', data={kind='mnist'}, small_batch=9, large_batch=9, epochs=1, "
            "train_loss=1, most_epochs=1}]",
            "--data-root",
            ".",
        ],
        "expected the four files of MNIST; fetch train-images-idx3-ubyte.gz",
    ),
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_ends_with_one_line_and_status_2(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(*words) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1, "a mistake is one line, without a traceback"


def test_a_process_ends_with_the_status_and_the_line_of_its_mistake(tmp_path: Path) -> None:
    words, message = MISTAKES["preset"]
    done = basin(*words, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
