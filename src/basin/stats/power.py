r"""What a test of n pairs could have seen.

If the truth lies an effect :math:`\Delta` beyond a margin, the t statistic against that margin follows the noncentral
t distribution with n - 1 degrees of freedom and noncentrality :math:`\Delta \sqrt n / \sigma`. The smallest
detectable effect is the :math:`\Delta` for which it exceeds the critical value with the power asked for, 80 % by
custom. In standard deviations of the difference that is 3.26 at n = 3, 1.68 at n = 5 and 1.00 at n = 10, at 95 %.

For "these are the same" the detectable effect is the smallest margin within which the interval would lie with that
power if the truth were 0; it follows from integrating over the chi distribution of the standard deviation.

The standard deviation is the sample's own, so at n = 3 the figure is itself uncertain by a factor of about two.

References:
    Cohen, "Statistical power analysis for the behavioral sciences" (1988), for the custom of 80 %.
    Phillips, "Power of the two one-sided tests procedure", J. Pharmacokinetics and Biopharmaceutics 18 (1990).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import scipy.integrate
import scipy.optimize
import scipy.stats

from basin.stats.estimate import Estimate, t_quantile

POWER = 0.8


def detectable_effect(estimate: Estimate, *, level: float, same: bool = False, power: float = POWER) -> float | None:
    """Return the smallest effect that the estimate's n and spread would detect with the given power.

    Args:
        estimate: Gives n, the degrees of freedom and the standard error.
        level: Level of the interval that decides, such as 0.95 or the simultaneous one.
        same: Whether the claim is one of equivalence.
        power: Probability of detection, in (0, 1).

    Returns:
        A distance on the estimate's scale; `None` where there is no spread to plan with.

    Example:
        >>> import numpy as np
        >>> from basin.stats.estimate import mean
        >>> from basin.stats.sample import sample
        >>> three = mean(sample(np.array([-1.0, 0.0, 1.0])))
        >>> round(detectable_effect(three, level=0.95), 2)
        3.26
    """
    if not estimate.stderr:
        return None
    steps = _equivalence_margin if same else _noncentrality_for_power
    return steps(level, estimate.df, power) * estimate.stderr


def is_underpowered(detectable: float | None, smallest_effect: float) -> bool:
    """Return whether the effect that could be detected is larger than the smallest that matters."""
    return detectable is not None and detectable > smallest_effect


def noncentrality(t: float, df: float, probability: float) -> float:
    r"""Return the noncentrality :math:`\delta` at which :math:`P(T_{df}(\delta) \le t)` is `probability`.

    With :math:`T = (Z + \delta) / s` the event is :math:`Z + \delta \le t s`, so tail bounds of Z and of s enclose
    the root. SciPy's distribution function returns nonsense far outside of that bracket, which therefore stays tight.
    """
    p, q = probability / 2, (1 - probability) / 2
    spread = [float(scipy.stats.chi.isf(tail, df)) / math.sqrt(df) for tail in (p, 1 - q, 1 - p, q)]
    upper, lower = (spread[0], spread[1]) if t >= 0 else (spread[2], spread[3])
    low = t * lower - float(scipy.stats.norm.isf(q))
    high = t * upper + float(scipy.stats.norm.isf(p))
    return _root(lambda nc: float(scipy.stats.nct.cdf(t, df, nc)) - probability, low, high)


@functools.lru_cache(maxsize=1024)
def _noncentrality_for_power(level: float, df: float, power: float) -> float:
    return noncentrality(t_quantile(level, df), df, 1 - power)


@functools.lru_cache(maxsize=1024)
def _equivalence_margin(level: float, df: float, power: float) -> float:
    critical = t_quantile(level, df)
    reach = 4 * critical + 40.0
    return _root(lambda margin: _equivalence_power(margin, critical, df) - power, 0.0, reach)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(scipy.optimize.root_scalar(function, bracket=(low, high), method="brentq").root)


def _equivalence_power(margin: float, critical: float, df: float) -> float:
    """Chance that an interval of half-width `critical * s` around a standard normal mean lies within the margin."""

    def integrand(s: float) -> float:
        within = math.erf((margin - critical * s) / math.sqrt(2))
        return within * float(scipy.stats.chi.pdf(s * math.sqrt(df), df)) * math.sqrt(df)

    return scipy.integrate.quad(integrand, 0.0, margin / critical, limit=200)[0] if margin > 0 else 0.0
