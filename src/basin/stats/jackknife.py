"""The standard error of a statistic from its values without each unit in turn.

Reference: B. Efron, C. Stein, The jackknife estimate of variance, 1981.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def jackknife_error(without: Float[np.ndarray, "units"]) -> float:
    r"""Return :math:`\sqrt{(n - 1) / n \sum_i (\theta_{(i)} - \theta_{(.)})^2}`, in the unit of the statistic.

    Args:
        without: The statistic without unit i, for each of at least 2 units.

    Example:
        Of a mean it is the usual standard error:

        >>> x = np.array([1.0, 2.0, 4.0, 9.0])
        >>> without = np.array([np.delete(x, i).mean() for i in range(4)])
        >>> round(jackknife_error(without), 9) == round(float(x.std(ddof=1) / 2), 9)
        True
    """
    n = len(without)
    return float(np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2)))
