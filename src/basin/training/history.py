"""The metrics of one run, in the long form in which they are stored and as the curves that figures ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from basin.training.evaluate import Row


@dataclass(frozen=True)
class History:
    """Every metric of every split at every evaluated step of a run.

    Example:
        >>> history = History((Row(0, 0.0, 0, "test", "error", 0.9), Row(9, 1.0, 144, "test", "error", 0.1)))
        >>> history.curve("test", "error")
        (array([0, 9]), array([0.9, 0.1]))
        >>> history.last("test", "error")
        0.1
    """

    rows: tuple[Row, ...]

    @classmethod
    def from_records(cls, records: Iterable[Mapping[str, Any]]) -> History:
        """Read rows from the store's long form."""
        return cls(tuple(Row(**record) for record in records))

    def records(self) -> list[dict[str, Any]]:
        """Return rows in the store's long form."""
        return [asdict(row) for row in self.rows]

    def curve(self, split: str, metric: str, against: str = "step") -> tuple[np.ndarray, np.ndarray]:
        """Return (where, values) of one metric of one split, in order; `against` is `step`, `epoch` or `examples`.

        Raises:
            ValueError: It was not recorded.
        """
        rows = [row for row in self.rows if (row.split, row.metric) == (split, metric)]
        if not rows:
            known = sorted({f"{row.split} {row.metric}" for row in self.rows})
            raise ValueError(f"expected one of {', '.join(known)}, got '{split} {metric}'")
        return np.array([getattr(row, against) for row in rows]), np.array([row.value for row in rows])

    def last(self, split: str, metric: str) -> float:
        """Return the last value of one metric of one split."""
        return float(self.curve(split, metric)[1][-1])

    def best(self, split: str, metric: str) -> int:
        """Return the first step at which one metric of one split was lowest; what is not finite is never it.

        Raises:
            ValueError: It was not recorded, or never finite.

        Example:
            >>> rows = (Row(step, 0.0, 0, "validation", "loss", v) for step, v in ((0, 2.0), (5, 0.5), (9, 0.7)))
            >>> History(tuple(rows)).best("validation", "loss")
            5
        """
        steps, values = self.curve(split, metric)
        if not np.isfinite(values).any():
            raise ValueError(f"expected a finite {split} {metric} at some step, got none")
        return int(steps[np.nanargmin(np.where(np.isfinite(values), values, np.nan))])

    def at(self, split: str, metric: str, step: int) -> float:
        """Return one metric of one split at a step at which it was taken.

        Raises:
            ValueError: It was not taken there.
        """
        steps, values = self.curve(split, metric)
        found = np.flatnonzero(steps == step)
        if not len(found):
            raise ValueError(f"expected a step at which {split} {metric} was taken, such as {steps[-1]}, got {step}")
        return float(values[found[0]])

    def by_step(self) -> list[tuple[int, dict[tuple[str, str], float]]]:
        """Return (step, {(split, metric): value}) in order, the form that stop rules read."""
        table: dict[int, dict[tuple[str, str], float]] = {}
        for row in self.rows:
            table.setdefault(row.step, {})[row.split, row.metric] = row.value
        return sorted(table.items())
