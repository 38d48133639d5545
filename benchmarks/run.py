"""Basin against PyTorch in one sitting: `make bench`.

Each measurement is a process of its own, so that memory and compilation are its own; the two sides take turns, several
times; medians are compared. PyTorch and the curvature libraries live in an environment of their own (`.venv-bench`,
made by `make bench`). Results go to `benchmarks/results.json` and, as the README's table, to `benchmarks/results.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
PEER_PYTHON = HERE.parent / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True)
class Side:
    """One program to be timed.

    Attributes:
        name: What the table calls it.
        script: Path below `benchmarks`.
        options: Its command line.
        repeats: Warm repetitions within one process.
        is_peer: Whether it runs in the peers' environment.
    """

    name: str
    script: str
    options: Sequence[str] = ()
    repeats: int = 3
    is_peer: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the table: Basin's side, its rivals, and the ratio that was aimed at."""

    name: str
    target: str
    ours: Side
    peers: Sequence[Side]
    more_is_better: bool = False
    extra: Sequence[Side] = field(default_factory=tuple)


def peer(name: str, script: str, *options: str, repeats: int = 3) -> Side:
    """Return a rival."""
    return Side(name, f"peers/{script}", options, repeats, is_peer=True)


def rows(minimum: Path) -> list[Row]:
    """Return everything that is measured; `minimum` is where F1's minimum lies."""
    at = ("--minimum", str(minimum))
    sharpness = [
        Row(
            f"Keskar sharpness of F1, 10 000 examples, {precision}",
            "1.2x",
            Side("Basin", "ours/sharpness.py", (*at, "--precision", precision), 1),
            [peer("PyTorch eager", "sharpness.py", *at, "--precision", precision, repeats=1)],
        )
        for precision in ("float64", "float32")
    ]
    return [
        Row(
            "16 runs of MLP 64-128-128-128-10 on digits, batch 16, Adam, 50 epochs",
            "4x cold, 5.5x warm",
            Side("Basin", "ours/sweep.py", (), 2),
            [peer("PyTorch eager, one thread", "sweep.py", repeats=1)],
            extra=[peer("two such processes", "sweep.py", "--processes", "2", repeats=1)],
        ),
        Row(
            "two-layer networks: 25 widths x 3 seeds, 400 digits, 3 000 steps",
            "10x",
            Side("Basin", "ours/two_layer.py", (), 2),
            [peer("PyTorch eager, one thread", "two_layer.py", repeats=1)],
        ),
        Row(
            "F1, batch 256, Adam",
            "1.8x",
            Side("Basin", "ours/training.py", ("--task", "f1")),
            [
                peer("PyTorch eager", "training.py", "--task", "f1"),
                peer("PyTorch compiled", "training.py", "--task", "f1", "--variant", "compiled"),
            ],
            more_is_better=True,
        ),
        Row(
            "CNN-5 width 16, 16x16 images, batch 128",
            "0.9x",
            Side("Basin", "ours/training.py", ("--task", "cnn5")),
            [peer("PyTorch eager, channels last", "training.py", "--task", "cnn5")],
            more_is_better=True,
        ),
        Row(
            "walks on Beale: 1 000 starts, 1 000 steps, 8 optimisers",
            "100x, under 5 s",
            Side("Basin", "ours/walks.py"),
            [peer("PyTorch, starts one by one", "walks.py", "--one-by-one", "5", repeats=1)],
        ),
        Row(
            "the same walks against one tensor of starts",
            "none stated",
            Side("Basin", "ours/walks.py"),
            [peer("PyTorch, one tensor", "walks.py", repeats=1)],
        ),
        *worlds(),
        Row(
            "minimum-norm least squares: 40 sizes up to 20 000 random features, 1 000 examples, 5 seeds",
            "under 20 s",
            Side("Basin", "ours/features.py", ("--solver", "nested")),
            [Side("numpy.linalg.lstsq, 8 of the 200 calls", "ours/features.py", ("--solver", "lstsq"), 1)],
        ),
        *sharpness,
        Row(
            "top 5 Hessian eigenvalues of F1, 10 000 examples, relative 1e-3",
            "2x",
            Side("Basin", "ours/eigenvalues.py", at, 1),
            [
                peer("curvlinops", "eigenvalues.py", *at, "--solver", "curvlinops", repeats=1),
                peer("PyHessian", "eigenvalues.py", *at, "--solver", "pyhessian", repeats=1),
                peer(
                    "hessian-eigenthings",
                    "eigenvalues.py",
                    *at,
                    *("--solver", "eigenthings", "--setting", "30"),
                    repeats=1,
                ),
            ],
        ),
    ]


def worlds() -> list[Row]:
    """Return what fresh glyphs cost; the rival is Basin itself, training on a sample."""

    def side(name: str, model: str, world: str) -> Side:
        return Side(name, "ours/worlds.py", ("--model", model, "--world", world))

    real = {model: side("its Real World", model, "real") for model in ("cnn5", "mlp")}
    networks = {"cnn5": "CNN-5 width 16", "mlp": "MLP 768-128-128-128-10"}
    return [
        Row(
            "128 glyphs of 16x16x3 drawn, against a step of CNN-5 on them",
            "3x",
            side("Basin", "cnn5", "drawn"),
            [real["cnn5"]],
            more_is_better=True,
        ),
        *(
            Row(
                f"Ideal World, {name}, 16x16 images, batch 128",
                "0.75x",
                side("Basin", model, "ideal"),
                [real[model]],
                more_is_better=True,
            )
            for model, name in networks.items()
        ),
    ]


def measure(side: Side, scale: float) -> dict[str, Any]:
    """Run one program once and return its record."""
    python = os.environ.get("BENCH_PYTHON", str(PEER_PYTHON)) if side.is_peer else sys.executable
    command = [python, str(HERE / side.script), "--scale", str(scale), "--repeats", str(side.repeats), *side.options]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{side.name} ({side.script}) failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def sitting(row: Row, rounds: int, scale: float) -> dict[str, list[dict[str, Any]]]:
    """Measure a row's programs in turn, several times."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for side in (row.ours, *row.peers, *row.extra):
            found.setdefault(side.name, []).append(measure(side, scale))
            print(f"  {side.name}: {found[side.name][-1]['warm']}", flush=True)
    return found


def summary(row: Row, found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return medians, spreads, memory and the ratio to the fastest rival that met the tolerance."""
    sides = {name: _side(records) for name, records in found.items()}
    ours = sides[row.ours.name]
    rivals = {side.name: sides[side.name] for side in row.peers if sides[side.name].get("accurate", True)}
    best = (max if row.more_is_better else min)(rivals, key=lambda name: rivals[name]["median"])
    warm = ours["median"] / rivals[best]["median"]
    ratio = warm if row.more_is_better else 1 / warm
    result = {"row": row.name, "target": row.target, "sides": sides, "fastest_rival": best, "ratio": ratio}
    if row.ours.script.endswith(("sweep.py", "two_layer.py")):
        result["cold_ratio"] = rivals[best]["median"] / ours["cold"]
    return result


def _side(records: list[dict[str, Any]]) -> dict[str, Any]:
    warm = [value for record in records for value in record["warm"]]
    cold = [record["cold"] for record in records if record["cold"] is not None]
    return {
        "library": records[0]["library"],
        "unit": records[0]["unit"],
        "median": median(warm),
        "low": min(warm),
        "high": max(warm),
        "cold": median(cold) if cold else None,
        "megabytes": median(record["megabytes"] for record in records),
        "values": records[-1]["values"],
        "n": len(warm),
    }


def judge_eigenvalues(found: dict[str, list[dict[str, Any]]], exact: list[float], summaries: dict[str, Any]) -> None:
    """Note for each library whether its values meet the tolerance; the truth is ARPACK's to 1e-10 in float64."""
    for name, records in found.items():
        values = records[-1]["values"]["eigenvalues"]
        error = max(abs(a - b) / abs(b) for a, b in zip(values, exact, strict=True))
        summaries[name] = {"worst_error": error, "accurate": error <= 1e-3}


def markdown(results: Sequence[dict[str, Any]]) -> str:
    """Return the README's table."""
    lines = [
        "| work on two cores | Basin | fastest rival | ratio | aimed at | peak memory, Basin / rival |",
        "|" + "---|" * 6,
    ]
    for result in results:
        ours, rival = result["sides"]["Basin"], result["sides"][result["fastest_rival"]]
        ratio = f"**{result['ratio']:.2f}x**"
        if "cold_ratio" in result:
            ratio = f"**{result['cold_ratio']:.1f}x** cold, **{result['ratio']:.1f}x** warm"
        memory = f"{ours['megabytes']:.0f} / {rival['megabytes']:.0f} MB"
        lines.append(
            f"| {result['row']} | {_shown(ours)} | {_shown(rival)} ({result['fastest_rival']}) | {ratio} | "
            f"{result['target']} | {memory} |"
        )
    return "\n".join(lines) + "\n"


def _shown(side: dict[str, Any]) -> str:
    if side["unit"] == "examples/s":
        return f"{side['median']:,.0f} examples/s"
    cold = f" (first {side['cold']:.1f} s)" if side["cold"] is not None else ""
    return f"{side['median']:.1f} s{cold}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full work")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    args = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        minimum = Path(folder) / "minimum.npz"
        chosen = [row for row in rows(minimum) if args.only in row.name]
        if any("F1, 10 000" in row.name for row in chosen):
            environment = {**os.environ, "PYTHONPATH": str(HERE), "JAX_PLATFORMS": "cpu"}
            subprocess.run([sys.executable, "-m", "ours.minimum", str(minimum)], env=environment, check=True)
        for row in chosen:
            print(row.name, flush=True)
            found = sitting(row, args.rounds, args.scale)
            if "eigenvalues" in row.name:
                truth = measure(
                    peer("exact", "eigenvalues.py", "--minimum", str(minimum), "--solver", "exact", repeats=1),
                    args.scale,
                )
                notes: dict[str, Any] = {}
                judge_eigenvalues(found, truth["values"]["eigenvalues"], notes)
                result = _with_notes(row, found, notes)
            else:
                result = summary(row, found)
            results.append(result)
            args.out.write_text(json.dumps(results, indent=2) + "\n")
            args.out.with_suffix(".md").write_text(markdown(results))
    print(markdown(results))


def _with_notes(row: Row, found: dict[str, list[dict[str, Any]]], notes: dict[str, Any]) -> dict[str, Any]:
    """Return the summary with each library's accuracy; a rival that misses the tolerance is shown, not compared."""
    accurate = [side for side in row.peers if notes[side.name]["accurate"]]
    if not accurate:
        raise SystemExit(f"{row.name}: no rival met the tolerance, so there is no ratio to state: {notes}")
    compared = Row(row.name, row.target, row.ours, accurate, row.more_is_better)
    result = summary(compared, found)
    for name, note in notes.items():
        result["sides"][name] |= note
    return result


if __name__ == "__main__":
    main()
