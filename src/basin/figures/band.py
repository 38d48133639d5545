"""A mean over seeds with its interval, and what was left out of it.

For n values the interval is mean +- t_(n-1)((1 + level) / 2) s / sqrt(n), s with n - 1 in its denominator; on a
logarithmic axis it is taken of the logarithms, and the mean is the geometric one. One value has no interval.

A run that diverged is out of the mean from the first step on, because a mean whose company changes on the way
moves by itself; a run that was stopped ends the mean of its arm at its last point, for the same reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Band:
    """A mean over seeds, point by point; what has no value is NaN.

    Attributes:
        mean: Arithmetic, or geometric for logarithms.
        low: Lower end of the interval of the mean.
        high: Upper end.
        used: Which seeds are in the mean.
    """

    mean: Float[np.ndarray, "points"]
    low: Float[np.ndarray, "points"]
    high: Float[np.ndarray, "points"]
    used: Bool[np.ndarray, "seeds"]

    @property
    def n(self) -> int:
        """Number of seeds in the mean."""
        return int(self.used.sum())


def band(
    values: Float[np.ndarray, "seeds points"], *, outcomes: Sequence[str] = (), log: bool = False, level: float = LEVEL
) -> Band:
    """Return the mean of several seeds with Student's interval at every point.

    Args:
        values: One row a seed; NaN after the last point of a run that ended early.
        outcomes: How each seed's run ended; without it a row that holds NaN or an infinity counts as `diverged`.
        log: Whether to take the interval of the logarithms; points with a value at or below 0 then have no mean.
        level: Confidence of the interval, 0 to 1.

    Example:
        >>> result = band(np.array([[1.0], [3.0]]))
        >>> round(float(result.mean[0]), 3), round(float(result.high[0]), 3)  # 2 + 12.706 * sqrt(2) / sqrt(2)
        (2.0, 14.706)
    """
    used = ~diverged(values, outcomes)
    kept = np.where(np.isfinite(values[used]), values[used], np.nan)
    if log:
        kept = np.log(np.where(kept > 0, kept, np.nan))
    n = len(kept)
    empty = np.full(values.shape[1], np.nan)
    mean = kept.mean(axis=0) if n else empty
    half = stats.t.ppf((1 + level) / 2, n - 1) * kept.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else empty
    ends = (mean, mean - half, mean + half)
    return Band(*(np.exp(end) if log else end for end in ends), used=used)


def diverged(values: Float[np.ndarray, "seeds points"], outcomes: Sequence[str] = ()) -> Bool[np.ndarray, "seeds"]:
    """Return which seeds diverged: by their outcome, or by a value that is not finite where no outcome is given."""
    if outcomes:
        if len(outcomes) != len(values):
            raise ValueError(f"expected an outcome for each of {len(values)} seeds, got {len(outcomes)}")
        return np.array([outcome in ("diverged", "failed") for outcome in outcomes], dtype=bool)
    return np.array([not np.isfinite(row).all() for row in values], dtype=bool)
