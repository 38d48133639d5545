r"""The error rate of one trained network, with the uncertainty that its finite test set leaves.

Wilson's interval inverts the score test, :math:`(\hat p + z^2 / 2n \pm z \sqrt{\hat p (1 - \hat p) / n + z^2 / 4 n^2})
/ (1 + z^2 / n)`; it stays inside [0, 1] and does not collapse at 0 errors. It speaks of new test examples for this
network, and not of new trainings: arms are compared over seeds, by :func:`basin.stats.paired`.

References:
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
"""

from __future__ import annotations

from dataclasses import dataclass

import scipy.stats


@dataclass(frozen=True)
class Proportion:
    """A rate in [0, 1] with its interval."""

    value: float
    low: float
    high: float
    n: int
    level: float


def proportion(count: int, n: int, *, level: float = 0.95) -> Proportion:
    """Return `count / n` with Wilson's interval.

    Args:
        count: Errors, from 0 to `n`.
        n: Test examples, at least 1.
        level: Coverage, between 0 and 1.

    Raises:
        ValueError: `count` outside 0 to `n`, `n` below 1, or the level outside (0, 1).

    Example:
        >>> rate = proportion(0, 10)
        >>> rate.value, rate.low, round(rate.high, 4)
        (0.0, 0.0, 0.2775)
    """
    if n < 1 or not 0 <= count <= n or not 0 < level < 1:
        raise ValueError(f"expected 0 <= count <= n, n >= 1 and 0 < level < 1, got {count}, {n} and {level}")
    found = scipy.stats.binomtest(count, n).proportion_ci(confidence_level=level, method="wilson")
    return Proportion(count / n, max(0.0, float(found.low)), min(1.0, float(found.high)), n, level)
