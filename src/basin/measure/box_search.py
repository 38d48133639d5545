"""The search for the highest loss in a box: many scouts, few finalists, and the paper's own search beside them.

At a late minimum the box holds several local maxima whose heights differ by factors, one for each side of each sharp
direction. Climbing from three random starts misses the highest by a factor of two to four in some networks; scouting a
dozen starts by two steps each and finishing the best three costs about the same (docs/measures.md has the figures).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np

from basin.measure.ascent import FLIP_DIMENSION, Gain, PaperSearch, Path, ascend, lbfgs, polish
from basin.measure.box import Box, Directions
from basin.measure.keys import fold
from basin.measure.objective import Objective

STEP_TOLERANCE = 1e-3
"""A climb rests when a step adds less than this part of its gain."""

HELP_TOLERANCE = 1e-2
"""A finalist helped when it raised the best gain by more than this part."""

SCOUT_STEPS = 2
PAPER_TRIES = 3


@dataclass(frozen=True, eq=False)
class BoxSearch:
    """A search for the highest loss in a box.

    Attributes:
        exact: The loss in the arithmetic of the values reported.
        cheap: The loss in the arithmetic of the climb; may be `exact` itself.
        box: The box for `exact`.
        cheap_box: The box for `cheap`.
        loss: The loss at the centre.
        key: Draws the starts.
    """

    exact: Objective
    cheap: Objective
    box: Box
    cheap_box: Box
    loss: float
    key: jax.Array

    @classmethod
    def around(
        cls, exact: Objective, cheap: Objective, loss: float, epsilon: float, subspace_dim: int | None, key: jax.Array
    ) -> Self:
        """Return the search in the box around the objective's point, in a random subspace if a dimension is given."""
        centre = exact.point.astype(np.float64)
        directions = None
        if subspace_dim is not None:
            directions = Directions.draw(fold(key, "subspace"), len(centre), subspace_dim)
        box = Box.around(centre, epsilon, directions)
        narrow = cheap.precision == "float32" and cheap is not exact
        return cls(exact, cheap, box, box.narrowed(directions) if narrow else box, loss, key)

    def scout(self, num_starts: int, keep: int) -> tuple[PaperSearch | None, list[Path]]:
        """Return what the paper's search found, and the best `keep` of `num_starts` starts after two vertex steps."""
        exact, cheap = self._gain(self.exact, self.box), self._gain(self.cheap, self.cheap_box)
        paper: PaperSearch | None = None
        scouts: list[Path] = []
        for start in range(num_starts):
            u = self._draw(start)
            if paper is None and start < PAPER_TRIES:
                found = lbfgs(exact, self.box.half_widths, u, start)
                paper = None if found.abnormal else found
                u = found.u
            else:
                u = np.where(u < 0, -1.0, 1.0)
            path = ascend(cheap, Path.start(cheap, u), max_steps=SCOUT_STEPS, tolerance=STEP_TOLERANCE)
            scouts = sorted([*scouts, path], key=lambda item: -item.gain)[:keep]
        return paper, scouts

    def finish(self, scouts: list[Path], num_finalists: int, max_steps: int) -> tuple[list[Path], list[float]]:
        """Return the best scouts climbed until they rest, and what each gained in the reported arithmetic."""
        evaluate = self._gain(self.cheap, self.cheap_box)
        finalists: list[Path] = []
        gains: list[float] = []
        for scouted in scouts:
            if len(gains) >= num_finalists and not helped(gains):
                break
            path = ascend(evaluate, scouted, max_steps=max_steps, tolerance=STEP_TOLERANCE)
            if self.box.dimension <= FLIP_DIMENSION and np.all(np.abs(path.u) == 1):
                path = polish(evaluate, path)
            finalists.append(path)
            gains.append(path.gain if self.cheap is self.exact else self._exact_gain(path))
        return finalists, gains

    @property
    def num_passes(self) -> int:
        """Passes over the data so far, in either arithmetic."""
        return sum(objective.num_passes for objective in self._objectives)

    @property
    def num_evaluations(self) -> dict[str, int]:
        """Values and gradients so far, by arithmetic."""
        pairs = [(item.precision, *count) for item in self._objectives for count in sorted(item.counts.items())]
        return {f"{name}_{precision}": count for precision, name, count in pairs}

    @property
    def _objectives(self) -> list[Objective]:
        return [self.exact] if self.cheap is self.exact else [self.exact, self.cheap]

    def _draw(self, start: int) -> np.ndarray:
        draw = jax.random.uniform(fold(self.key, "start", start), (self.box.dimension,), jnp.float32, -1, 1)
        return np.asarray(draw).astype(np.float64)

    def _gain(self, objective: Objective, box: Box) -> Gain:
        loss = self.loss if objective is self.exact else objective.value(objective.point)

        def evaluate(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = objective.value_and_grad(box.at(u))
            return _finite(value) - loss, box.pull_back(gradient).astype(np.float64)

        return evaluate

    def _exact_gain(self, path: Path) -> float:
        return _finite(self.exact.value(self.box.at(path.u))) - self.loss


def helped(gains: list[float]) -> bool:
    """Whether the last finalist raised the best gain by more than :data:`HELP_TOLERANCE` of it."""
    before = max(gains[:-1])
    return gains[-1] - before > HELP_TOLERANCE * abs(gains[-1])


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"expected a finite loss within the box, got {value}; lower epsilon")
    return value
