"""How a run ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and where.

    Attributes:
        kind: `completed` its budget; `stopped` by a rule; `diverged`; or `failed` with an error of the program's.
        step: Updates made when it ended; of a diverged run, the step whose loss was not finite.
        reason: One sentence, empty for a completed run.
    """

    kind: Literal["completed", "stopped", "diverged", "failed"]
    step: int
    reason: str = ""

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.kind} at step {self.step}" + (f": {self.reason}" if self.reason else "")
