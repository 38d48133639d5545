"""Choosing a learning rate by a budget that is equal for all: a grid, extended where its best rate is at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Reach = Callable[[Sequence[float]], tuple[np.ndarray, np.ndarray]]
"""From learning rates to what each reaches on each start, (rates, starts), and the steps it needs to the very bottom
(infinity where it never is there)."""


@dataclass(frozen=True)
class Tuning:
    """What was tried.

    Attributes:
        rates: Ascending.
        reached: What each reached on each start; infinity where it diverged.
        best: Index of the chosen rate.
    """

    rates: Float[np.ndarray, "rates"]
    reached: Float[np.ndarray, "rates starts"]
    best: int

    @property
    def at_the_end(self) -> bool:
        """Whether the chosen rate is still the first or the last one."""
        return self.best in (0, len(self.rates) - 1)


def tune(reach: Reach, middle: float, *, count: int, per_decade: int, most: int) -> Tuning:
    """Return the rate whose median over the starts is lowest; of those that are equal, the one that was there first.

    Args:
        reach: Tries rates.
        middle: Of the first grid.
        count: Rates of the first grid.
        per_decade: Rates in a factor of ten; a grid is extended by so many at a time.
        most: The most rates that are tried.

    Example:
        >>> def bowl(rates):  # ten steps of gradient descent on x^2 / 2 from 1
        ...     left = np.abs(1 - np.array(rates)[:, None]) ** 10
        ...     return left, np.full(left.shape, np.inf)
        >>> tuning = tune(bowl, 0.01, count=3, per_decade=1, most=9)
        >>> [float(rate) for rate in tuning.rates], float(tuning.rates[tuning.best])
        ([0.001, 0.01, 0.1, 1.0, 10.0], 1.0)
    """
    powers = list(range(-((count - 1) // 2), count // 2 + 1))
    tried = dict(zip(powers, _try(reach, middle, powers, per_decade), strict=True))
    while len(tried) < most:
        order = sorted(tried)
        best = _best([tried[power] for power in order])
        room = min(per_decade, most - len(tried))
        if best == len(order) - 1:
            new = list(range(order[-1] + 1, order[-1] + 1 + room))
        elif best == 0:
            new = list(range(order[0] - room, order[0]))
        else:
            break
        tried |= zip(new, _try(reach, middle, new, per_decade), strict=True)
    order = sorted(tried)
    found = [tried[power] for power in order]
    rates = np.array([_rate(middle, power, per_decade) for power in order])
    return Tuning(rates, np.array([reached for reached, _ in found]), _best(found))


def _rate(middle: float, power: int, per_decade: int) -> float:
    return float(f"{middle * 10.0 ** (power / per_decade):.3g}")


def _try(reach: Reach, middle: float, powers: Sequence[int], per_decade: int) -> list[tuple[np.ndarray, np.ndarray]]:
    reached, steps = reach([_rate(middle, power, per_decade) for power in powers])
    return list(zip(np.where(np.isnan(reached), np.inf, reached), steps, strict=True))


def _best(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> int:
    values, steps = (np.quantile(np.array(part), 0.5, axis=1, method="higher") for part in zip(*found, strict=True))
    return int(np.lexsort((steps, values))[0])
