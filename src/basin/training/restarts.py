"""Several trainings of one question, of which the best on held-out examples is chosen.

The value that chose is biased: the least of several noisy values lies below what the chosen network is worth, the more
so the more there were to choose from. A value on examples that had no part in the choice, those of the test set, is not
(see Cawley & Talbot, "On over-fitting in model selection", JMLR 2010).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from basin.data import on_disk
from basin.spec.run import RunSpec
from basin.training.run import Run
from basin.training.train import train

Metric = Literal["loss", "error", "soft_error"]
ChoosingSplit = Literal["validation", "train"]


@dataclass(frozen=True)
class Restarts:
    """Trainings that were compared, and which of them was chosen.

    Attributes:
        runs: All of them, in the order asked for.
        values: What each was chosen by, at the weights that it ends with; infinite for one that diverged.
        split: On which examples.
        metric: By which metric.
    """

    runs: tuple[Run, ...]
    values: tuple[float, ...]
    split: ChoosingSplit
    metric: Metric

    @property
    def best(self) -> Run:
        """The run with the lowest value, the first such; report it on the test set."""
        return self.runs[int(np.argmin(self.values))]


def best_of(
    specs: RunSpec | Iterable[RunSpec],
    *,
    seeds: Iterable[int] | None = None,
    metric: Metric = "loss",
    split: ChoosingSplit = "validation",
    out: Path | str | None = None,
    slots: int | None = None,
) -> Restarts:
    """Train a run from several seeds, or any runs, and choose the one that does best on held-out examples.

    Seeds differ in traced numbers only, so they share one compiled program. The seed decides the first weights and all
    else that is random in a run; a run that it starts from keeps its own. The validation value of the chosen run is
    biased, its test value is not.

    Args:
        specs: What to train, one run or several.
        seeds: Each run is trained with each of these; with the seed that it has, if not given.
        metric: What is lowest for the best.
        split: `"validation"`, or `"train"` for the deepest minimum.
        out: See :func:`basin.train`.
        slots: See :func:`basin.train`.

    Raises:
        ValueError: No held-out examples, another split or metric, no seeds, or every run diverged.

    Example:
        >>> import basin
        >>> spec = basin.RunSpec(data=basin.data.Digits(num_train=300, num_validation=100), batch_size=32,
        ...                      model=basin.models.MLP(widths=(4,)), optimizer=basin.optim.Adam(learning_rate=1e-2),
        ...                      budget="5 epochs")
        >>> found = basin.best_of(spec, seeds=range(4))
        >>> found.best.history.last("validation", "loss") == min(found.values)
        True
    """
    runs = _asked_for(specs, seeds)
    _check(runs, metric, split)
    trained = train(runs, out=out, slots=slots)
    values = tuple(_value(run, split, metric) for run in trained)
    if not np.isfinite(values).any():
        raise ValueError(
            f"expected a run with a finite {split} {metric}, got {len(values)} without; choose a smaller learning rate"
        )
    return Restarts(tuple(trained), values, split, metric)


def _asked_for(specs: RunSpec | Iterable[RunSpec], seeds: Iterable[int] | None) -> list[RunSpec]:
    asked = [specs] if isinstance(specs, RunSpec) else list(specs)
    chosen = None if seeds is None else list(seeds)
    runs = asked if chosen is None else [run.replace(seed=seed) for run in asked for seed in chosen]
    if not runs:
        raise ValueError("expected a run to train, got none; give seeds, such as seeds=range(5)")
    return runs


def _check(runs: Sequence[RunSpec], metric: str, split: str) -> None:
    if split not in get_args(ChoosingSplit):
        raise ValueError(
            f"expected the split 'validation' or 'train', got '{split}'; what chooses a run can no longer judge it"
        )
    if metric not in get_args(Metric):
        raise ValueError(f"expected one of {', '.join(get_args(Metric))} as metric, got '{metric}'")
    if split == "validation" and not all(run.data.num_validation for run in runs):
        raise ValueError("expected held-out examples to choose on, got none; set data.num_validation")
    if split == "train" and any(run.data.endless or on_disk(run.data) for run in runs):
        raise ValueError(
            "expected a training set to choose on, got none that is held in memory; set data.num_validation"
        )


def _value(run: Run, split: str, metric: str) -> float:
    """Return a metric at the weights that a run ends with."""
    if run.outcome.kind in ("diverged", "failed"):
        return math.inf
    kept = run.spec.keep_best
    step = run.outcome.step if kept is None else run.history.best("validation", kept)
    value = run.history.at(split, metric, step)
    return value if math.isfinite(value) else math.inf
