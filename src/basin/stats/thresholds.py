"""Where curves over size come down to a level, or rise to it: between sizes too, for a mean curve with its interval.

The curve is taken as straight between neighbouring sizes, over the logarithm of the size. Where it first comes down to
the level and where it last was there are one place on a curve that only falls; on another the first is meant.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from basin.stats.estimate import Estimate
from basin.stats.jackknife import jackknife_error
from basin.stats.scale import Scale

Curves = Float[np.ndarray, "seeds sizes"]


def first_at_most(sizes: Float[np.ndarray, "sizes"], curve: Float[np.ndarray, "sizes"], level: float) -> float:
    """Return the first size at which a curve is at most a level; 0 if it is from the start, infinity if never.

    Args:
        sizes: Ascending, above 0.
        curve: A value a size; NaN is never at most anything.
        level: In the unit of the curve.

    Example:
        >>> sizes = np.array([1.0, 4.0, 16.0])
        >>> curves = np.array([[0.5, 0.2, 0.0], [0.1, 0.0, 0.0], [1.0, 1.0, 1.0]])
        >>> [round(first_at_most(sizes, curve, 0.1), 9) for curve in curves]
        [8.0, 0.0, inf]
    """
    at_most = np.flatnonzero(curve <= level)
    if not at_most.size:
        return np.inf
    last = int(at_most[0])
    if last == 0:
        return 0.0
    above, below = curve[last - 1], curve[last]
    if not np.isfinite(above):
        return float(sizes[last])
    share = (above - level) / (above - below)
    low, high = np.log(sizes[last - 1]), np.log(sizes[last])
    return float(np.exp(low + share * (high - low)))


def crossing(sizes: Float[np.ndarray, "sizes"], curves: Curves, level: float) -> Estimate:
    r"""Return where the mean curve first comes down to a level, on a logarithmic scale, with the jackknife's error.

    With :math:`\theta` the logarithm of the crossing of the mean of n curves and :math:`\theta_{(i)}` that without
    curve i, the standard error is :math:`\sqrt{\frac{n - 1}{n} \sum_i (\theta_{(i)} - \bar\theta)^2}` and the interval
    Student's with n - 1 degrees of freedom (Tukey 1958).

    Args:
        sizes: Ascending, above 0.
        curves: A row a seed; rows with a value that is not finite are left out.
        level: In the unit of the curves.

    Returns:
        The estimate; without a value where the mean curve does not cross within the sizes, without an error where it
        does not with each seed left out in turn.

    Example:
        >>> sizes = np.array([1.0, 2.0, 4.0])
        >>> found = crossing(sizes, np.array([[0.4, 0.2, 0.0], [0.4, 0.3, 0.0], [0.4, 0.1, 0.0]]), 0.1)
        >>> round(float(np.exp(found.value)), 3), found.n
        (2.828, 3)
    """
    complete = curves[np.isfinite(curves).all(axis=1)]
    n, method = len(complete), "jackknife t of the mean curve"
    dropped = f"{len(curves) - n} of {len(curves)} dropped (not finite)" if n < len(curves) else ""
    whole = _log_crossing(sizes, complete, level) if n else np.nan
    if np.isnan(whole):
        nowhere = "the mean curve does not cross the level within the sizes"
        note = "; ".join(filter(None, (dropped, nowhere)))
        return Estimate(None, None, None, n, 0.0, method, scale=Scale.LOG, note=note)
    if n < 2:
        return Estimate(whole, None, None, n, 0.0, method, scale=Scale.LOG, note="n = 1 has no spread and no interval")
    without = np.array([_log_crossing(sizes, np.delete(complete, seed, axis=0), level) for seed in range(n)])
    if np.isnan(without).any():
        note = "; ".join(filter(None, (dropped, "without one of the seeds the mean curve does not cross")))
        return Estimate(whole, None, None, n, 0.0, method, scale=Scale.LOG, note=note)
    stderr = jackknife_error(without)
    return Estimate(whole, stderr * np.sqrt(n), stderr, n, n - 1.0, method, scale=Scale.LOG, note=dropped)


def _log_crossing(sizes: np.ndarray, curves: Curves, level: float) -> float:
    """Return the logarithm of where the mean curve crosses; NaN where that is not within the sizes."""
    found = first_at_most(sizes, curves.mean(axis=0), level)
    return float(np.log(found)) if 0 < found < np.inf else float("nan")
