"""What T steps cost in both worlds, against T: `python benchmarks/steps.py`, part of `make bench`.

Each world is a process of its own and trains for every length in turn, several times; a line is laid through the
medians. Results go to `benchmarks/steps.json` and, as the README's table, to `benchmarks/steps.md`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import linregress

from run import HERE, Side, measure
from tasks import LENGTHS

NAMES = {"cnn5": "CNN-5 width 16", "mlp": "MLP 768-128-128-128-10"}


def line(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the line through the median seconds that the steps of each length took, and how far they lie from it."""
    steps = np.array(records[0]["values"]["steps"])
    taken = np.concatenate([record["values"]["seconds"] for record in records])
    medians = np.median(taken, axis=0)
    fit = linregress(steps, medians)
    whole = np.concatenate([record["values"]["whole"] for record in records])
    off = medians / (fit.intercept + fit.slope * steps) - 1
    return {
        "steps": steps.tolist(),
        "median": medians.tolist(),
        "low": taken.min(axis=0).tolist(),
        "high": taken.max(axis=0).tolist(),
        "cold": float(np.median([record["cold"] for record in records])),
        "milliseconds_a_step": 1e3 * fit.slope,
        "around_the_steps_s": float(np.median(whole - taken)),
        "r_squared": fit.rvalue**2,
        "furthest_off": float(np.abs(off).max()),
        "n": len(taken),
    }


def markdown(found: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return the README's table."""
    lines = ["| batch 128, two cores | world | T | T steps | a step | R² | furthest off | first run, compiled |"]
    lines.append("|" + "---|" * 8)
    for model, worlds in found.items():
        for world, one in worlds.items():
            warm = ", ".join(f"{seconds:.2f}" for seconds in one["median"])
            lines.append(
                f"| {NAMES[model]} | {world} | {', '.join(map(str, one['steps']))} | {warm} s | "
                f"{one['milliseconds_a_step']:.2f} ms | {one['r_squared']:.5f} | {one['furthest_off']:.1%} | "
                f"{one['cold']:.1f} s |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full work")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each world")
    parser.add_argument("--out", type=Path, default=HERE / "steps.json")
    args = parser.parse_args()
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for model in LENGTHS:
        records: dict[str, list[dict[str, Any]]] = {"Real": [], "Ideal": []}
        for _ in range(args.rounds):
            for world, taken in records.items():
                options = ("--model", model, "--world", world.lower())
                taken.append(measure(Side(world, "ours/steps.py", options), args.scale))
        found[model] = {world: line(taken) for world, taken in records.items()}
    args.out.write_text(json.dumps(found, indent=2) + "\n")
    args.out.with_suffix(".md").write_text(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()
