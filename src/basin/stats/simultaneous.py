r"""Many claims at once: intervals that all hold together, and p-values adjusted to match.

With m claims judged at 95 % each, the chance of a false verdict grows with m: 80 claims at the border give 87 % for
one side alone. Bonferroni's intervals at level :math:`1 - \alpha / m` cover all m truths at once with probability at
least :math:`1 - \alpha`, however the claims depend on each other. Holm's adjusted p-values control the same chance
with a little more power but have no matching intervals; they stand beside the verdicts and do not decide them.

References:
    Dunn, "Multiple comparisons among means", JASA 56 (1961).
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def bonferroni_level(num_claims: int, alpha: float = 0.05) -> float:
    """Return the level of each of `num_claims` intervals that hold together at level `1 - alpha`.

    Raises:
        ValueError: Fewer than one claim, or `alpha` not between 0 and 1.

    Example:
        >>> bonferroni_level(10)
        0.995
    """
    if num_claims < 1 or not 0 < alpha < 1:
        raise ValueError(f"expected at least 1 claim and 0 < alpha < 1, got {num_claims} and {alpha}")
    return 1 - alpha / num_claims


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    r"""Return Holm's adjusted p-values in the order given.

    With :math:`p_{(1)} \le \dots \le p_{(m)}` the adjusted value is
    :math:`\max_{j \le i} \min(1, (m - j + 1) \, p_{(j)})`. A claim without a p-value counts among the m, last.

    Args:
        p_values: One per claim, in [0, 1]; `None` where a claim could not be tested.

    Raises:
        ValueError: A p-value outside [0, 1].

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    for p in p_values:
        if p is not None and not 0 <= p <= 1:
            raise ValueError(f"expected p-values in [0, 1], got {p}")
    raw = np.array([1.0 if p is None else p for p in p_values])
    order = np.argsort(raw, kind="stable")
    steps = np.minimum(1.0, np.arange(raw.size, 0, -1) * raw[order])
    adjusted = np.empty_like(raw)
    adjusted[order] = np.maximum.accumulate(steps)
    return [None if p is None else float(value) for p, value in zip(p_values, adjusted, strict=True)]
