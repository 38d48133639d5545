"""What a sweep costs against the number of its runs: `python benchmarks/runs.py`, part of `make bench`.

Two-layer networks of one width, 1, 2, 4, ... seeds, every round a process of its own. Results go to
`benchmarks/runs.json` and, as the README's table, to `benchmarks/runs.md`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from run import HERE, Side, measure


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return median, least and most seconds for each number of runs, and what each doubling multiplies them by."""
    taken = np.concatenate([np.array(record["values"]["seconds"]).T for record in records])
    medians = np.median(taken, axis=0)
    return {
        "runs": records[0]["values"]["runs"],
        "median": medians.tolist(),
        "low": taken.min(axis=0).tolist(),
        "high": taken.max(axis=0).tolist(),
        "first": np.median([record["values"]["first"] for record in records], axis=0).tolist(),
        "doubling": (medians[1:] / medians[:-1]).tolist(),
        "n": len(taken),
    }


def markdown(found: dict[str, Any]) -> str:
    """Return the README's table."""
    lines = [
        "| runs of one width | time | a run | time, times one run's | runs in one run's time | first, compiled |",
        "|" + "---|" * 6,
    ]
    for count, median, first in zip(found["runs"], found["median"], found["first"], strict=True):
        times, each = median / found["median"][0], 1e3 * median / count
        cells = (count, f"{median:.2f} s", f"{each:.0f} ms", f"{times:.1f}x", f"{count / times:.1f}", f"{first:.1f} s")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full work")
    parser.add_argument("--rounds", type=int, default=3, help="processes")
    parser.add_argument("--out", type=Path, default=HERE / "runs.json")
    args = parser.parse_args()
    side = Side("Basin", "ours/two_layer.py", ("--what", "counts"), repeats=3)
    found = summary([measure(side, args.scale) for _ in range(args.rounds)])
    args.out.write_text(json.dumps(found, indent=2) + "\n")
    args.out.with_suffix(".md").write_text(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()
