r"""Do two quantities rank the same things alike? Kendall's tau, with an interval from leaving one out at a time.

For n things with values :math:`(x_i, y_i)`, tau-b is the number of pairs that both quantities order alike minus the
number that they order oppositely, over the geometric mean of the numbers of pairs that each does order. Its standard
error is the jackknife's, which is consistent as tau is (a function of) U-statistics:
:math:`s^2 = \frac{n - 1}{n} \sum_i (\tau_{-i} - \bar\tau_{-})^2`, with :math:`\tau_{-i}` without the i-th thing. The
interval is Student's with n - 1 degrees of freedom. A perfect order has a standard error of 0, which says that no
disagreement was seen, not that there is none: it is given that of the same order with one pair of neighbours swapped.

References:
    Kendall, "A new measure of rank correlation", Biometrika 30 (1938).
    Arvesen, "Jackknifing U-statistics", Annals of Mathematical Statistics 40 (1969).
"""

from __future__ import annotations

import math

import numpy as np
import scipy.stats
from jaxtyping import Float

from basin.stats.estimate import Estimate
from basin.stats.jackknife import jackknife_error

SMALLEST_N = 4
"""Below this an order has too few pairs for an interval."""


def rank_correlation(x: Float[np.ndarray, "n"], y: Float[np.ndarray, "n"]) -> Estimate:
    """Return Kendall's tau-b of two quantities over the same things, which are what is resampled.

    Args:
        x: One number a thing; a thing for which a number is not finite is left out.
        y: The other quantity, in the same order.

    Raises:
        ValueError: Arrays of different shapes.

    Example:
        >>> slow, bad = np.array([3.0, 1.0, 2.0, 4.0, 6.0, 5.0]), np.array([3.0, 1.0, 2.0, 4.0, 5.0, 6.0])
        >>> found = rank_correlation(slow, bad)
        >>> round(found.value, 2), found.n
        (0.87, 6)
    """
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"expected two numbers for each thing, got arrays {x.shape} and {y.shape}")
    finite = np.isfinite(x) & np.isfinite(y)
    x, y = x[finite], y[finite]
    n, method = len(x), "Kendall's tau-b, jackknife"
    value = _tau(x, y) if n > 1 else math.nan
    if not math.isfinite(value):
        return Estimate(None, None, None, n, 0.0, method, note="nothing to be ranked")
    if n < SMALLEST_N:
        return Estimate(value, None, None, n, 0.0, method, note=f"{n} things are too few for an interval")
    stderr, note = _stderr(x, y), ""
    if abs(value) > 1 - 1e-9:
        order = np.arange(n, dtype=float)
        stderr, note = (
            _stderr(order, order[[1, 0, *range(2, n)]]),
            "a perfect order, judged as if one pair were swapped",
        )
    return Estimate(value, None, stderr if math.isfinite(stderr) else None, n, float(n - 1), method, note=note)


def _stderr(x: np.ndarray, y: np.ndarray) -> float:
    return jackknife_error(np.array([_tau(np.delete(x, i), np.delete(y, i)) for i in range(len(x))]))


def _tau(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.asarray(scipy.stats.kendalltau(x, y))[0])
