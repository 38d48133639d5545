"""What a training loop tells whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from basin.training.run import Run


class Watcher(Protocol):
    """Told of progress while runs are trained; must not change anything."""

    def expect(self, runs: int, examples: int) -> None:
        """So many runs are going to be trained, with so many presentations of examples if none stops early."""
        ...

    def advanced(self, steps: int, examples: int) -> None:
        """So many updates were made, and so many examples presented, over all runs together."""
        ...

    def looked(self, run_id: str, step: int, values: Mapping[tuple[str, str], float]) -> None:
        """A run was evaluated."""
        ...

    def finished(self, run: Run, examples_saved: int) -> None:
        """A run ended, with so many presentations to go that are not needed any more."""
        ...


class Silent:
    """Watches and says nothing."""

    def expect(self, runs: int, examples: int) -> None:
        """Say nothing."""

    def advanced(self, steps: int, examples: int) -> None:
        """Say nothing."""

    def looked(self, run_id: str, step: int, values: Mapping[tuple[str, str], float]) -> None:
        """Say nothing."""

    def finished(self, run: Run, examples_saved: int) -> None:
        """Say nothing."""
