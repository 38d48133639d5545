"""The bias-corrected and accelerated bootstrap, refused where it does not cover.

From n = 10 on it may stand beside the t interval when differences are plainly skewed; a verdict is never built on it.

References:
    Efron, "Better bootstrap confidence intervals", JASA 82 (1987).
"""

from __future__ import annotations

import numpy as np
import scipy.stats

from basin.stats.estimate import Interval
from basin.stats.sample import Sample

SMALLEST_N = 10
"""Below this the t interval is the only one offered."""


def bootstrap_interval(of: Sample, *, level: float = 0.95, num_resamples: int = 9999, seed: int = 0) -> Interval | None:
    """Return the BCa interval of a sample's mean; `None` when all its values are equal.

    Args:
        of: At least 10 values.
        level: Coverage, between 0 and 1.
        num_resamples: Resamples drawn; SciPy's default.
        seed: Seeds the resampling, so that equal samples give equal intervals.

    Raises:
        ValueError: Fewer than 10 values.

    Example:
        >>> low, high = bootstrap_interval(Sample(np.arange(10.0)), level=0.9)
        >>> 2.5 < low < 3.5 < 5.5 < high < 6.5
        True
    """
    if of.n < SMALLEST_N:
        raise ValueError(f"expected at least {SMALLEST_N} values for a bootstrap, got {of.n}; use the t interval")
    if np.ptp(of.values) <= of.rounding:
        return None
    found = scipy.stats.bootstrap(
        (of.values,),
        np.mean,
        confidence_level=level,
        n_resamples=num_resamples,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)
