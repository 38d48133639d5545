r"""Claims that are formulas: agreement over a grid of cases, to the accuracy of the arithmetic.

A formula has no sampling error, so it is not tested with an interval. Each case has an error relative to the case's
own scale (for :math:`\alpha_i(T) \to 0` that is :math:`|\alpha_i(0)|`, not the vanishing value), absolute where
the scale itself is about 0. The largest over all cases is held against a tolerance derived from the arithmetic:
Higham's :math:`\gamma_k = k u / (1 - k u)`, the bound on the relative error of k rounded operations with unit roundoff
u, times the condition number of the problem. What is approximate or statistical is an effect, and belongs to
:func:`basin.stats.verdict.decide`.

References:
    Higham, "Accuracy and stability of numerical algorithms", 2nd ed. (2002), lemma 3.1.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Num
from numpy.typing import DTypeLike

from basin.stats.verdict import Verdict


def scaled_errors(
    computed: Num[np.ndarray, "cases *shape"],
    expected: Num[np.ndarray, "cases *shape"],
    scale: Num[np.ndarray, "cases"],
    *,
    near_zero: float = 1e-12,
) -> Float[np.ndarray, "cases"]:
    """Return one error per case: the largest deviation in the case, relative to the case's own scale.

    Args:
        computed: What the implementation gives, one row per case.
        expected: What the formula says, of the same shape.
        scale: The size against which an error of the case counts, such as the norm of its start, 0 or more.
        near_zero: Scales up to this count as 0, and the error of such a case is absolute.

    Raises:
        ValueError: Shapes differ, or a scale is negative or not finite.

    Example:
        >>> scaled_errors(np.array([1e-9, 2.0]), np.array([0.0, 2.0]), scale=np.array([10.0, 0.0])).tolist()
        [1e-10, 0.0]
    """
    computed, expected, scale = (np.asarray(array, dtype=np.float64) for array in (computed, expected, scale))
    if computed.shape != expected.shape or computed.shape[:1] != scale.shape:
        raise ValueError(
            f"expected computed and expected of one shape and a scale per case, got {computed.shape}, "
            f"{expected.shape} and {scale.shape}"
        )
    if not np.all((scale >= 0) & np.isfinite(scale)):
        raise ValueError("expected finite scales of 0 or more, got another; a case's scale is a size")
    with np.errstate(invalid="ignore"):  # an infinity computed where one is expected is no agreement
        deviation = np.abs(computed - expected).reshape(scale.size, -1).max(axis=1, initial=0.0)
    return deviation / np.where(scale > near_zero, scale, 1.0)


def rounding_tolerance(num_operations: int, dtype: DTypeLike = np.float64, *, condition: float = 1.0) -> float:
    r"""Return :math:`\kappa \gamma_k`, what k rounded operations may do to a problem of condition :math:`\kappa`.

    Args:
        num_operations: Rounded operations on the longest path to a value, at least 1.
        dtype: The floating type of the computation.
        condition: Condition number of the problem, 1 for sums of terms of one sign.

    Raises:
        ValueError: No operations, a condition below 1, or so many operations that the bound is void.

    Example:
        >>> rounding_tolerance(100) < 1.2e-14
        True
    """
    unit = float(np.finfo(dtype).eps) / 2
    if num_operations < 1 or not 1 <= condition < math.inf or num_operations * unit >= 1:
        raise ValueError(
            f"expected 1 to {1 / unit:.0e} operations and a condition of 1 or more, "
            f"got {num_operations} and {condition}"
        )
    return condition * num_operations * unit / (1 - num_operations * unit)


def decide_formula(errors: Float[np.ndarray, "cases"], tolerance: float) -> Verdict:
    """Return whether the largest error over the cases is within the tolerance.

    A case beyond the tolerance refutes, whatever the others say. A case that gave NaN refutes nothing by itself and
    supports nothing either: without a refuting case it leaves the claim inconclusive, as does an empty grid.

    Args:
        errors: One scaled error per case, 0 or more.
        tolerance: Positive, from :func:`rounding_tolerance` or argued for in the claim.

    Raises:
        ValueError: A tolerance that is not positive and finite, or a negative error.

    Example:
        >>> decide_formula(np.array([1e-16, 3e-15]), tolerance=1e-14).value
        'supported'
    """
    errors = np.asarray(errors, dtype=np.float64)
    if not 0 < tolerance < math.inf or np.any(errors < 0):
        raise ValueError(
            f"expected a positive tolerance and errors of 0 or more, got {tolerance} and {errors.tolist()}"
        )
    if np.any(errors > tolerance):
        return Verdict.REFUTED
    return Verdict.SUPPORTED if errors.size and not np.isnan(errors).any() else Verdict.INCONCLUSIVE
