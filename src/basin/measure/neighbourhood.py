"""The neighbourhood of some weights in which scaled sharpness looks: a ball or box whose axes have their own lengths.

    { w + rho c * u : |u|_p <= 1 },   c = 1, or c = |w| + eta  (adaptive)

`p` is 2 or infinity, `*` goes weight by weight, and places are given by `u`. With `eta = 0` the adaptive neighbourhood
follows every rescaling of the weights by positive factors, and weights that are 0 stay 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from basin.measure.ascent import Extreme, pole, vertex
from basin.measure.keys import fold
from basin.measure.objective import Objective
from basin.measure.probes import blocks, check_at_least, normal, uniform


@dataclass(frozen=True)
class Metric:
    """How far is far: the shape of a neighbourhood, and the lengths of its axes.

    Attributes:
        rho: Its radius.
        p: 2 for a ball, infinity for a box.
        adaptive: Whether the axes are as long as the weights are large.
        eta: What is added to the sizes of the weights.
    """

    rho: float
    p: float
    adaptive: bool
    eta: float

    def __post_init__(self) -> None:
        if not (self.rho > 0 and math.isfinite(self.rho)):
            raise ValueError(f"rho: expected a finite radius above 0, got {self.rho}")
        if self.p not in (2, math.inf):
            raise ValueError(f"p: expected 2 or math.inf, got {self.p}")
        if not (self.eta >= 0 and math.isfinite(self.eta)):
            raise ValueError(f"eta: expected a finite number of at least 0, got {self.eta}")
        if self.eta and not self.adaptive:
            raise ValueError(f"eta: expected 0 without adaptive=True, got {self.eta}; it would change nothing")

    @property
    def extreme(self) -> Extreme:
        """The step to where a linear model is largest."""
        return pole if self.p == 2 else vertex

    def axes(self, point: np.ndarray) -> np.ndarray:
        """Return `rho c` at some weights."""
        return self.rho * (np.abs(point) + self.eta if self.adaptive else np.ones_like(point))

    def interior(self, key: jax.Array, index: int, size: int) -> np.ndarray:
        """Return a random place by number: uniform in the box, or in a uniform direction halfway to the sphere."""
        if self.p == 2:
            direction = normal(key, "start", index, size)
            return 0.5 * direction / np.linalg.norm(direction)
        return uniform(key, "start", index, size)

    def __str__(self) -> str:
        lengths = f"(|w| + {self.eta:g})" if self.eta else "|w|"
        axes = f"{self.rho:g} {lengths} (adaptive)" if self.adaptive else f"{self.rho:g}"
        return f"{'l2' if self.p == 2 else 'l-infinity'} radius {axes}"


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """The neighbourhood of an objective's point; gains are against the loss there, slopes by `u`."""

    objective: Objective
    metric: Metric
    loss: float
    axes: np.ndarray

    @classmethod
    def around(cls, objective: Objective, metric: Metric, loss: float) -> Neighbourhood:
        """Return the neighbourhood of the objective's point, where the loss is `loss`."""
        return cls(objective, metric, loss, metric.axes(objective.point.astype(np.float64)))

    def gain(self, u: np.ndarray, *, finite: bool = True) -> float:
        """Return how much higher the loss is at `u`, which `finite` demands to be a number."""
        value = self.objective.value(self._at(u))
        return (self._finite(value) if finite else value) - self.loss

    def gain_and_slope(self, u: np.ndarray) -> tuple[float, np.ndarray]:
        """Return how much higher the loss is at `u`, and the slope there."""
        value, gradient = self.objective.value_and_grad(self._at(u))
        return self._finite(value) - self.loss, self.axes * gradient.astype(np.float64)

    def _at(self, u: np.ndarray) -> np.ndarray:
        return (self.objective.point + self.axes * u).astype(self.objective.precision)

    def _finite(self, value: float) -> float:
        if not math.isfinite(value):
            raise ValueError(f"expected a finite loss within {self.metric}, got {value}; lower rho")
        return value


class Batches:
    """An objective, and the same loss over disjoint random batches of its examples; without a size, over them all."""

    def __init__(self, whole: Objective, loss_at_point: float, key: jax.Array, batch_size: int | None) -> None:
        """Divide the examples of a loss; a callable has none.

        Raises:
            ValueError: A callable comes with a size, or the size is out of range.
        """
        self.whole, self.batch_size = whole, batch_size
        self._loss_at_point, self._key = loss_at_point, key
        self._counts: Counter[str] = Counter()
        if batch_size is None:
            return
        if whole.loss is None:
            raise ValueError("batch_size: expected none with a callable, which has no examples to take batches of")
        check_at_least("batch_size", batch_size, 1, "example")
        if batch_size > whole.loss.num_examples:
            raise ValueError(f"batch_size: expected at most {whole.loss.num_examples} examples, got {batch_size}")

    def neighbourhoods(self, params: Any, metric: Metric) -> Iterator[Neighbourhood]:
        """Yield the neighbourhood of the point for each batch; examples beyond the last whole batch are left out."""
        if self.batch_size is None:
            yield Neighbourhood.around(self.whole, metric, self._loss_at_point)
            return
        assert self.whole.loss is not None
        loss = self.whole.loss.permuted(fold(self._key, "batches"))
        for block in blocks(loss.num_examples - loss.num_examples % self.batch_size, self.batch_size):
            objective = Objective(loss.part(block.start, block.stop), params, self.whole.precision)
            yield Neighbourhood.around(objective, metric, objective.value(objective.point))
            self._counts += objective.counts

    @property
    def num_evaluations(self) -> dict[str, int]:
        """Passes over all examples, by what they were for; begun ones count."""
        counts = Counter(self.whole.counts)
        for name, count in self._counts.items():
            assert self.whole.loss is not None
            assert self.batch_size is not None
            counts[name] += -(-count * self.batch_size // self.whole.loss.num_examples)
        return {f"{name}_{self.whole.precision}": count for name, count in sorted(counts.items())}

    def __str__(self) -> str:
        if self.batch_size is None:
            return "of the whole loss"
        return f"of disjoint batches of {self.batch_size}, mean over batches"
