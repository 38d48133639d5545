"""Progress of a study in the terminal: runs, examples a second, time left, and the newest curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import rich.progress as bars
from rich.console import Console

from basin.training.run import Run


class Progress:
    """Three bars: training, counted in examples; measuring, counted in runs; computing, counted in experiments."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = bars.Progress(
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.TaskProgressColumn(),
            bars.TextColumn("{task.fields[note]}"),
            bars.TimeElapsedColumn(),
            bars.TextColumn("left"),
            bars.TimeRemainingColumn(),
            console=console,
        )
        self._training = self._bars.add_task("training", total=None, note="", visible=False)
        self._measuring = self._bars.add_task("measuring", total=None, note="", visible=False)
        self._computing = self._bars.add_task("computing", total=None, note="", visible=False)
        self._runs, self._done, self._steps, self._newest = 0, 0, 0, ""

    def __enter__(self) -> Self:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave them as they are."""
        self._bars.stop()

    def expect(self, runs: int, examples: int) -> None:
        """Start the bar of training."""
        self._runs = runs
        self._bars.update(self._training, total=max(examples, 1), visible=runs > 0)
        self._note()

    def advanced(self, steps: int, examples: int) -> None:
        """Move it on."""
        self._steps += steps
        self._bars.advance(self._training, examples)
        self._note()

    def looked(self, run_id: str, step: int, values: Mapping[tuple[str, str], float]) -> None:
        """Show the newest test error."""
        error = values.get(("test", "error"))
        self._newest = "" if error is None else f", test error {100 * error:.1f} % at step {step}"
        self._note()

    def finished(self, run: Run, examples_saved: int) -> None:
        """Count a run; say so at once if it did not end well."""
        self._done += 1
        self._bars.advance(self._training, examples_saved)
        if run.outcome.kind in ("diverged", "failed"):
            self._console.print(f"run {run.id}: {run.outcome}")
        self._note()

    def measuring(self, runs: int) -> None:
        """Start the bar of measuring."""
        self._bars.update(self._training, note=f"{self._done} of {self._runs} runs")
        self._bars.update(self._measuring, total=max(runs, 1), visible=runs > 0)

    def measured(self, run_id: str) -> None:
        """Move it on."""
        self._bars.advance(self._measuring, 1)

    def computing(self, experiments: int) -> None:
        """Start the bar of experiments."""
        self._bars.update(self._computing, total=max(experiments, 1), visible=experiments > 0)

    def computed(self, name: str) -> None:
        """Move it on."""
        self._bars.update(self._computing, advance=1, note=name)

    def damaged(self, lines: Sequence[str]) -> None:
        """Name what was set aside."""
        for line in lines:
            self._console.print(f"[yellow]{line}[/yellow]")

    def _note(self) -> None:
        speed = self._bars.tasks[self._training].speed
        rate = "" if speed is None else f", {speed:,.0f} examples/s"
        note = f"{self._done} of {self._runs} runs, {self._steps:,} steps{rate}{self._newest}"
        self._bars.update(self._training, note=note)
