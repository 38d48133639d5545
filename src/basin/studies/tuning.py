"""Choosing a learning rate on some starts or seeds and judging it on others, by the same budget for every rule.

A rule is walked at every rate of one grid. The rate is the one of the least mean cost over the cases that it is chosen
on, and what is reported is the cost of the other cases at that rate: selection never sees what is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from basin.stats import Scale


@dataclass(frozen=True)
class Tuned:
    """What a rule does at the rate that was chosen for it.

    Attributes:
        index: The rate chosen, (judged,): the same everywhere, or one a case where each has its own.
        values: The cost of each case that was judged, (judged,).
        at_edge: Whether a chosen rate is the first or the last of the grid, so that a better one may lie outside.
    """

    index: Int[np.ndarray, "judged"]
    values: Float[np.ndarray, "judged"]
    at_edge: bool


def grid(low: float, high: float, per_decade: int) -> tuple[float, ...]:
    """Return rates from `low` to `high`, equally spaced in the logarithm.

    Example:
        >>> grid(0.1, 10.0, 1)
        (0.1, 1.0, 10.0)
    """
    count = round(np.log10(high / low) * per_decade) + 1
    return tuple(float(f"{rate:.6g}") for rate in np.geomspace(low, high, count))


def on_first(costs: Float[np.ndarray, "rates cases"], count: int, *, scale: Scale = Scale.LOG) -> Tuned:
    """Choose the rate on the first cases and judge it on the others.

    Args:
        costs: Such as steps to a target or losses; infinite or NaN where a case failed.
        count: Cases that choose.
        scale: Of the mean; costs are above 0 where it is logarithmic.

    Example:
        >>> on_first(np.array([[9.0, 8.0, 8.0], [3.0, 4.0, np.inf]]), 1).values.tolist()
        [4.0, inf]
    """
    chosen = _best(costs[:, :count], scale)
    index = np.full(costs.shape[1] - count, chosen)
    return Tuned(index, costs[chosen, count:], chosen in (0, len(costs) - 1))


def on_halves(costs: Float[np.ndarray, "rates cases"]) -> Tuned:
    """Choose the rate on the first half of the cases and judge it on the second; means are those of logarithms."""
    return on_first(costs, costs.shape[1] // 2)


def leave_one_out(costs: Float[np.ndarray, "rates cases"], *, scale: Scale = Scale.LOG) -> Tuned:
    """Choose the rate of each case on all other cases: for seeds, which are few.

    Args:
        costs: As in :func:`on_first`.
        scale: Of the mean.

    Example:
        >>> leave_one_out(np.array([[1.0, 9.0, 9.0], [5.0, 5.0, 5.0]])).values.tolist()  # sqrt(1 * 9) < 5 < 9
        [5.0, 9.0, 9.0]
    """
    cases = range(costs.shape[1])
    index = np.array([_best(np.delete(costs, case, axis=1), scale) for case in cases])
    return Tuned(index, costs[index, cases], bool(np.isin(index, (0, len(costs) - 1)).any()))


def _best(costs: np.ndarray, scale: Scale) -> int:
    """Return the rate that fails least often and, among those, has the least mean cost of what did not fail."""
    failed = ~np.isfinite(costs)
    known = np.where(failed, 0.0, scale.forward(np.where(failed, 1.0, costs)))
    mean = known.sum(axis=1) / np.maximum((~failed).sum(axis=1), 1)
    return int(np.lexsort((mean, failed.sum(axis=1)))[0])
