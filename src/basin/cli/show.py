"""`basin show`: one run, in the terminal."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console

from basin.spec.ids import canonical
from basin.store.run import RunFolder
from basin.store.study import StudyFolder
from basin.training.history import History
from basin.training.keep import load_run

BARS = "▁▂▃▄▅▆▇█"
CURVES = (("train", "loss"), ("test", "loss"), ("train", "error"), ("test", "error"), ("none", "distance"))


def run(options: argparse.Namespace) -> int:
    """Print what a run was, how it ended and its curves, finished or in progress."""
    folder, run_id = _find(Path(options.out), options.run)
    console = Console(highlight=False)
    kept = folder.run(run_id)
    console.print(f"[bold]{run_id}[/bold] of {folder.name}")
    if kept.finished:
        done = load_run(folder, run_id)
        console.print(f"{done.outcome}; training {done.cost['train_s']:.2f} s, looking {done.cost['evaluate_s']:.2f} s")
        console.print_json(data=canonical(done.spec))
        _curves(console, done.history)
    else:
        _in_progress(console, kept)
    return 0


def sparkline(values: np.ndarray) -> str:
    """Return a curve as a line of eight heights, from its smallest to its largest finite value; a gap where not finite.

    Example:
        >>> sparkline(np.array([0.0, 1.0, float("nan"), 7.0]))
        '▁▂ █'
    """
    finite = np.isfinite(values)
    if not finite.any():
        return " " * len(values)
    low, high = values[finite].min(), values[finite].max()
    scaled = np.zeros(len(values)) if high == low else (values - low) / (high - low)
    return "".join(BARS[round(7 * x)] if ok else " " for x, ok in zip(scaled, finite, strict=True))


def _find(out: Path, prefix: str) -> tuple[StudyFolder, str]:
    studies = [StudyFolder(out, path.name) for path in sorted(out.glob("*")) if (path / "runs").is_dir()]
    found = [(folder, name) for folder in studies for name in folder.run_ids() if name.startswith(prefix)]
    if len(found) != 1:
        some = f"{len(found)} of that beginning" if found else "none of that name"
        raise ValueError(f"expected the id of one run under '{out}', got '{prefix}', {some}; see {out}/<study>/runs")
    return found[0]


def _in_progress(console: Console, kept: RunFolder) -> None:
    snapshot = kept.load_snapshot()
    if snapshot is None:
        console.print("begun, nothing kept yet")
        return
    console.print("in progress")
    _curves(console, History.from_records(snapshot.metrics.to_pylist()))


def _curves(console: Console, history: History) -> None:
    recorded = {(row.split, row.metric) for row in history.rows}
    for split, metric in CURVES:
        if (split, metric) in recorded:
            _, values = history.curve(split, metric)
            name = metric if split == "none" else f"{split} {metric}"
            console.print(f"{name:>12}  {sparkline(values)}  {values[0]:.4g} → {values[-1]:.4g}")
