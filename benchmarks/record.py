"""One measurement in a process of its own: seconds, and peak memory above the imports, as one line of JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


def peak_megabytes() -> float:
    """Return the most memory that this process has held, in MB (Linux counts KiB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


@dataclass
class Record:
    """What a process measured; create it when the library is imported and nothing else has happened.

    Attributes:
        task: What was done.
        library: Who did it, with its version.
        variant: In which way.
        unit: What one second bought: `seconds` (less is better) or `examples/s` (more is better).
    """

    task: str
    library: str
    variant: str
    unit: str = "seconds"
    cold: float | None = None
    warm: list[float] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    import_megabytes: float = field(default_factory=peak_megabytes)

    def emit(self, *, extra_megabytes: float = 0.0) -> None:
        """Print the record; `extra_megabytes` is what child processes took above their imports."""
        above = peak_megabytes() - self.import_megabytes + extra_megabytes
        print(json.dumps({**vars(self), "megabytes": above}), flush=True)


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return how long a piece of work took, and its result."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result
