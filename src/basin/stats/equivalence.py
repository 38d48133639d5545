"""Two one-sided tests: is a mean within plus and minus a margin?

A large p-value of a difference never shows that two things are the same. Equivalence is shown by an interval that
lies within the margin: with a two-sided interval at level `1 - 2 alpha` that is Schuirmann's pair of one-sided tests
at level `alpha`. Basin's verdict asks it of the two-sided 95 % interval, which is the stricter test at 0.025.

References:
    Schuirmann, "A comparison of the two one-sided tests procedure and the power approach", J. Pharmacokinetics and
    Biopharmaceutics 15 (1987).
"""

from __future__ import annotations

from basin.stats.estimate import Estimate


def tost_p_value(estimate: Estimate, margin: float) -> float | None:
    """Return the larger of the two one-sided p-values against `-margin` and `+margin`.

    Args:
        estimate: The mean that is claimed to be negligible.
        margin: Positive, on the estimate's scale.

    Raises:
        ValueError: The margin is not positive.

    Example:
        >>> import numpy as np
        >>> from basin.stats.estimate import paired
        >>> arm = np.array([5.0, 6.0, 7.0, 8.0])
        >>> close = paired(arm, arm + np.array([0.1, -0.1, 0.05, -0.05]))
        >>> tost_p_value(close, margin=1.0) < 0.001 < tost_p_value(close, margin=0.05)
        True
    """
    if not margin > 0:
        raise ValueError(f"expected a positive margin of equivalence, got {margin}")
    above, below = estimate.p_value(-margin), estimate.p_value(margin)
    if above is None or below is None or estimate.value is None:
        return None
    one_sided = (
        above / 2 if estimate.value > -margin else 1 - above / 2,
        below / 2 if estimate.value < margin else 1 - below / 2,
    )
    return max(one_sided)


def is_equivalent(estimate: Estimate, margin: float, *, level: float = 0.95) -> bool:
    """Return whether the two-sided interval at `level` lies wholly within plus and minus `margin`."""
    interval = estimate.interval(level)
    return interval is not None and -margin < interval[0] and interval[1] < margin
