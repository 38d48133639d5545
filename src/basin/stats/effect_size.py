r"""How large a difference is in units of its own spread, for readers who compare studies.

Cohen's :math:`d_z = \bar d / s` of paired differences, and Hedges' :math:`g_z = J d_z` without its bias, where
:math:`J = \Gamma(\nu / 2) / (\sqrt{\nu / 2} \, \Gamma((\nu - 1) / 2))` and :math:`\nu = n - 1`. The interval inverts
the noncentral t distribution that :math:`\sqrt n \, d_z` follows.

References:
    Hedges, "Distribution theory for Glass's estimator of effect size", J. Educational Statistics 6 (1981).
    Cumming and Finch, "A primer on ... confidence intervals that are based on central and noncentral distributions",
    Educational and Psychological Measurement 61 (2001).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from basin.stats.estimate import Estimate
from basin.stats.power import noncentrality


@dataclass(frozen=True)
class EffectSize:
    """A mean difference in standard deviations of the difference; the interval is that of `d`."""

    d: float
    g: float
    low: float
    high: float
    level: float


def effect_size(estimate: Estimate, *, level: float = 0.95) -> EffectSize | None:
    """Return the standardised effect of a paired or one-sample estimate; `None` where it has no spread.

    Args:
        estimate: From :func:`~basin.stats.estimate.paired` or :func:`~basin.stats.estimate.mean`.
        level: Coverage of the interval of `d`.

    Raises:
        ValueError: The estimate is unpaired, where this standardisation has another meaning.

    Example:
        >>> import numpy as np
        >>> from basin.stats.estimate import mean
        >>> from basin.stats.sample import sample
        >>> effect_size(mean(sample(np.array([1.0, 2.0, 3.0])))).d
        2.0
    """
    if estimate.method.startswith("Welch"):
        raise ValueError(
            "expected a paired or one-sample estimate, got Welch's; standardise paired differences instead"
        )
    if not estimate.sd or estimate.value is None:
        return None
    d = estimate.value / estimate.sd
    t, df, root_n = d * math.sqrt(estimate.n), estimate.df, math.sqrt(estimate.n)
    tail = (1 - level) / 2
    correction = 0.0 if df < 2 else math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)
    return EffectSize(
        d=d,
        g=correction * d,
        low=noncentrality(t, df, 1 - tail) / root_n,
        high=noncentrality(t, df, tail) / root_n,
        level=level,
    )
