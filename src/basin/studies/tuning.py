"""Choosing a learning rate on some starts or seeds and judging it on others, by the same budget for every rule.

A rule is walked at every rate of one grid. The rate is the one of the least mean cost over the cases that it is chosen
on, and what is reported is the cost of the other cases at that rate: selection never sees what is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


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


def on_halves(costs: Float[np.ndarray, "rates cases"]) -> Tuned:
    """Choose the rate on the first half of the cases and judge it on the second.

    Args:
        costs: Positive, such as steps to a target; infinite where a case failed. Means are those of logarithms.

    Example:
        >>> on_halves(np.array([[9.0, 9.0, 8.0, 8.0], [3.0, 5.0, 4.0, np.inf]])).values.tolist()
        [4.0, inf]
    """
    half = costs.shape[1] // 2
    chosen = _best(costs[:, :half])
    index = np.full(costs.shape[1] - half, chosen)
    return Tuned(index, costs[chosen, half:], chosen in (0, len(costs) - 1))


def leave_one_out(costs: Float[np.ndarray, "rates cases"]) -> Tuned:
    """Choose the rate of each case on all other cases: for seeds, which are few.

    Example:
        >>> leave_one_out(np.array([[1.0, 9.0, 9.0], [5.0, 5.0, 5.0]])).values.tolist()  # sqrt(1 * 9) < 5 < 9
        [5.0, 9.0, 9.0]
    """
    cases = range(costs.shape[1])
    index = np.array([_best(np.delete(costs, case, axis=1)) for case in cases])
    return Tuned(index, costs[index, cases], bool(np.isin(index, (0, len(costs) - 1)).any()))


def _best(costs: np.ndarray) -> int:
    """Return the rate that fails least often and, among those, has the least mean logarithm of what did not fail."""
    failed = ~np.isfinite(costs)
    cost = np.where(failed, 0.0, np.log(np.where(failed, 1.0, costs))).sum(axis=1) / np.maximum(
        (~failed).sum(axis=1), 1
    )
    return int(np.lexsort((cost, failed.sum(axis=1)))[0])
