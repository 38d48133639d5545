"""`basin race` as its users meet it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_command_line import basin, status

TINY = ["--optimizers", "sgd,adam", "--steps", "30", "--starts", "5", "tuning_seeds=3", "rates=3", "most_rates=5"]


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which a small race has been run, and what was printed."""
    out = tmp_path_factory.mktemp("runs")
    return out, basin("race", "valley", *TINY, "--start=-1.5,0.1", "--out", str(out)).stdout


def test_it_prints_the_target_before_the_ranking_and_where_the_film_is(raced: tuple[Path, str]) -> None:
    out, printed = raced
    words = " ".join(printed.split())
    assert words.index("target: a height above the minimum of") < words.index("learning rate")
    assert "Adam" in words
    assert "gradient descent" in words
    assert f"film: {out}/race-valley/figures/race.gif" in printed
    assert re.search(r"no MP4: expected ffmpeg on the path|race\.mp4", printed)


def test_it_leaves_what_a_study_leaves(raced: tuple[Path, str]) -> None:
    folder = raced[0] / "race-valley"
    record = json.loads((folder / "study.json").read_text())
    assert record["tool"] == "race"
    assert record["claims"] == []
    assert record["spec"]["start"] == [-1.5, 0.1]
    assert record["command"].startswith("basin race valley")
    written = {path.name for path in (folder / "figures").glob("race*")}
    assert written >= {"race.svg", "race-narrow.svg", "race.csv", "race.json", "race.gif"}


def test_the_command_of_the_report_is_the_same_race(raced: tuple[Path, str]) -> None:
    out, _ = raced
    before = sorted((out / "race-valley" / "experiments").iterdir())
    command = json.loads((out / "race-valley" / "study.json").read_text())["command"]
    words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", command)]
    basin(*words[1:], "--out", str(out))
    assert sorted((out / "race-valley" / "experiments").iterdir()) == before


def test_reports_are_rebuilt_and_the_ledger_does_not_mind(raced: tuple[Path, str]) -> None:
    out, _ = raced
    report = out / "race-valley" / "report.html"
    before = report.read_text()
    report.unlink()
    basin("report", "--out", str(out))
    assert report.read_text() == before
    assert json.loads(basin("claims", "--json", "--out", str(out)).stdout) == []


def test_list_names_the_scenes() -> None:
    printed = " ".join(basin("list").stdout.split())
    assert "basin race SCENE" in printed
    assert "rosenbrock" in printed


def test_help_answers_without_loading_anything_heavy() -> None:
    code = (
        "import sys; from basin.cli import main\n"
        "try: main(['race', '--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('jax', 'matplotlib', 'numpy', 'scipy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--optimizers" in done.stdout


MISTAKES = {
    "surface": (["beal"], "unknown scene: 'beal'; did you mean 'beale'?"),
    "optimiser": (["beale", "--optimizers", "adm"], "unknown optimiser: 'adm'; did you mean 'adam'?"),
    "dimension": (["beale", "--start", "1,2,3"], "expected starts of 2 coordinates on the surface 'beale'"),
    "outside": (["beale", "--start", "9,9"], "expected starts between (-4.5, -4.5) and (4.5, 4.5)"),
    "rate 0": (["beale", "rules.adam.learning_rate=0"], "expected a positive number as rules.adam.learning_rate"),
    "rate NaN": (["beale", "rules.adam.learning_rate=nan"], "rules.adam.learning_rate"),
    "words": (["beale", "--start", "here"], "start"),
    "field": (["beale", "step=3"], "unknown field of SurfaceRace: 'step'; did you mean 'steps'?"),
    "network": (["network", "--start", "1,2"], "unknown field of NetworkRace: 'start'"),
    "steps": (["beale", "--steps", "0"], "steps: "),
    "target": (["beale", "--target", "-1"], "target: "),
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_ends_with_one_line_and_status_2(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status("race", *words) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir()), "nothing is begun"
