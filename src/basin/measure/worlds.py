r"""The curves of one way of training in two worlds, and what follows from them: stopping times and bootstrap errors.

In the **Real World** T steps are made on N examples used again and again, in the **Ideal World** T steps of the same
training on fresh examples only. With one row a seed, which fixes the initial weights of both,

.. math:: \mathrm{error}_{real}(t) = \mathrm{error}_{ideal}(t) + \varepsilon(t),

all on one test set; :math:`\varepsilon(t)` is the **bootstrap error**. The **stopping time** of a seed is the first
look at which the Real World's soft-error (the mean of 1 - p of the label) on its own N examples is below a threshold,
1 % in the source. A seed that never gets there is censored: its stopping time is unknown but not below T.

References:
    Nakkiran, Neyshabur & Sedghi, "The Deep Bootstrap framework: good online learners are good offline generalizers",
    ICLR 2021.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

Curves = Float[np.ndarray, "seeds looks"]

METRICS = ("error", "soft_error", "loss", "confidence")
"""What is taken of the test set in both worlds."""

THRESHOLD = 0.01


@dataclass(frozen=True, eq=False)
class Worlds:
    """One way of training at one sample size: the same looks in both worlds, a row a seed.

    Attributes:
        steps: Updates before each look, ascending, (looks,).
        num_train: N, the examples of the Real World.
        batch_size: Examples an update.
        real: Test metrics of the Real World by name, (seeds, looks) each, in fractions; `error` and `soft_error` at
            least, and `error_a`, `error_b` on two halves of the test set where there are any.
        ideal: The same of the Ideal World, the same seeds in the same order.
        train: Metrics of the Real World on its own N examples, as they are, with `soft_error` and `error` among them.

    Raises:
        ValueError: Curves of another shape.

    Example:
        >>> steps, real = np.array([0, 10, 20, 30]), np.array([[0.9, 0.3, 0.2, 0.2]])
        >>> seen = {"error": np.array([[0.9, 0.1, 0.0, 0.0]]), "soft_error": np.array([[0.9, 0.2, 0.005, 0.001]])}
        >>> worlds = Worlds(steps, 40, 4, {"error": real}, {"error": real - 0.05}, seen)
        >>> worlds.stopping_look().tolist(), worlds.bootstrap_error().round(6).tolist()
        ([2], [[0.05, 0.05, 0.05, 0.05]])
    """

    steps: Int[np.ndarray, "looks"]
    num_train: int
    batch_size: int
    real: Mapping[str, Curves]
    ideal: Mapping[str, Curves]
    train: Mapping[str, Curves]

    def __post_init__(self) -> None:
        shape = (next(iter(self.real.values())).shape[0], len(self.steps))
        for name, curves in (*self.real.items(), *self.ideal.items(), *self.train.items()):
            if curves.shape != shape:
                raise ValueError(f"expected every curve of shape {shape}, (seeds, looks), got {curves.shape} ({name})")

    @classmethod
    def of_runs(cls, real: Sequence[Any], ideal: Sequence[Any]) -> Worlds:
        """Return the curves of finished runs, paired by their place; a run that diverged has NaN from there on.

        Args:
            real: Runs on a finite set, such as :func:`basin.train` returns, one a seed.
            ideal: The runs of the same seeds on fresh examples.

        Raises:
            ValueError: Not as many of one as of the other, other seeds, other looks, or a training set on the wrong
                side.
        """
        _check_pairs(real, ideal)
        first = real[0]
        steps = _common_steps([*real, *ideal])
        names = {metric: ("test", metric) for metric in METRICS}
        names |= {f"error_{half}": (f"test_{half}", "error") for half in "ab"}
        return cls(
            steps=steps,
            num_train=first.spec.data.num_train,
            batch_size=first.spec.batch_size,
            real={name: _stacked(real, *where, steps) for name, where in names.items()},
            ideal={name: _stacked(ideal, *where, steps) for name, where in names.items()},
            train={metric: _stacked(real, "train", metric, steps) for metric in ("error", "soft_error")},
        )

    @property
    def passes(self) -> Float[np.ndarray, "looks"]:
        """Passes over the N examples before each look."""
        return self.steps * self.batch_size / self.num_train

    def stopping_look(self, threshold: float = THRESHOLD) -> Int[np.ndarray, "seeds"]:
        """Return the first look at which each seed's soft-error on its N examples is below this; -1 for never."""
        below = self.train["soft_error"] < threshold
        return np.where(below.any(axis=1), below.argmax(axis=1), -1)

    def stopping_step(self, threshold: float = THRESHOLD) -> Float[np.ndarray, "seeds"]:
        """Return the step of that look; NaN for a seed that never stops."""
        return self.at(self.steps[None].astype(float), self.stopping_look(threshold))

    def end_look(self, threshold: float = THRESHOLD) -> Int[np.ndarray, "seeds"]:
        """Return the look at which each seed's training ends: its stopping look, or the last for one without."""
        looks = self.stopping_look(threshold)
        return np.where(looks >= 0, looks, len(self.steps) - 1)

    def bootstrap_error(self, metric: str = "error") -> Curves:
        """Return the Real World's test metric minus the Ideal World's, at every look."""
        return self.real[metric] - self.ideal[metric]

    def generalisation_gap(self, metric: str = "error") -> Curves:
        """Return the Real World's metric on the test set minus that on its own N examples, at every look."""
        return self.real[metric] - self.train[metric]

    def at(self, curves: Curves, looks: Int[np.ndarray, "seeds"]) -> Float[np.ndarray, "seeds"]:
        """Return each seed's value at a look of its own; NaN where that is -1."""
        rows = np.broadcast_to(curves, (len(looks), len(self.steps)))
        return np.where(looks >= 0, rows[np.arange(len(looks)), looks], np.nan)

    @property
    def has_ended(self) -> Bool[np.ndarray, "seeds"]:
        """Which seeds were trained to the end in both worlds; the others diverged in one of them."""
        return np.isfinite(self.real["error"][:, -1]) & np.isfinite(self.ideal["error"][:, -1])


def _check_pairs(real: Sequence[Any], ideal: Sequence[Any]) -> None:
    seeds = [[run.spec.seed for run in runs] for runs in (real, ideal)]
    if seeds[0] != seeds[1] or not real:
        raise ValueError(f"expected runs of the same seeds in both worlds, got seeds {seeds[0]} and {seeds[1]}")
    again = [run for run in ideal if not run.spec.data.endless and run.spec.order != "once"]
    if again or any(run.spec.data.endless for run in real):
        raise ValueError(
            "expected a finite training set in the Real World, and an endless stream or order='once' in the Ideal World"
        )


def _common_steps(runs: Sequence[Any]) -> Int[np.ndarray, "looks"]:
    seen = [run.history.curve("test", "error")[0] for run in runs]
    longest = max(seen, key=len)
    if any(not np.array_equal(steps, longest[: len(steps)]) for steps in seen):
        raise ValueError(
            "expected runs that are looked at after the same steps in both worlds, got others; use one budget in "
            "steps, the same evaluations and no stop rule"
        )
    return longest


def _stacked(runs: Sequence[Any], split: str, metric: str, steps: Int[np.ndarray, "looks"]) -> Curves:
    rows = np.full((len(runs), len(steps)), np.nan)
    for row, run in zip(rows, runs, strict=True):
        seen = run.history.curve(split, metric)[1]
        row[: len(seen)] = seen
    return rows
