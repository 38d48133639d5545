"""A ratio of two unbiased estimates from independent units, with the errors that leaving out one unit at a time shows.

With `theta_(k)` a statistic without unit `k`, and `theta_.` their mean,

    error^2 = (K - 1) / K sum_k (theta_(k) - theta_.)^2,        bias = (K - 1) (theta_. - theta).

Reference: B. Efron, C. Stein, The jackknife estimate of variance, 1981.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from basin.stats.jackknife import jackknife_error


@dataclass(frozen=True)
class Ratio:
    """A ratio, and its numerator and denominator with their standard errors.

    Attributes:
        value: Numerator over denominator; infinite where the denominator is not positive.
        stderr: Its standard error.
        bias: The estimated bias of the value.
        numerator: The estimate and its standard error.
        denominator: The estimate and its standard error.
    """

    value: float
    stderr: float
    bias: float
    numerator: tuple[float, float]
    denominator: tuple[float, float]

    @property
    def is_resolved(self) -> bool:
        """Whether the denominator is more than two standard errors above 0."""
        return self.denominator[0] > 2 * self.denominator[1]


def ratio_of_means(whole: tuple[float, float], without: Float[np.ndarray, "units 2"]) -> Ratio:
    """Return a ratio with its errors.

    Args:
        whole: Numerator and denominator from all units.
        without: The same without each unit in turn; at least 3.
    """
    (top, bottom), (tops, bottoms) = whole, without.T
    value = top / bottom if bottom > 0 else np.inf
    ratios = np.divide(tops, bottoms, out=np.full(len(tops), np.inf), where=bottoms > 0)
    finite = bool(np.isfinite(value) and np.all(np.isfinite(ratios)))
    return Ratio(
        value=float(value),
        stderr=jackknife_error(ratios) if finite else float("inf"),
        bias=float((len(ratios) - 1) * (np.mean(ratios) - value)) if finite else 0.0,
        numerator=(float(top), jackknife_error(tops)),
        denominator=(float(bottom), jackknife_error(bottoms)),
    )
