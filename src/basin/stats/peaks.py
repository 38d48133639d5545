r"""Statistics of curves over size: is there a peak, where, and how high?

A curve of double descent falls to a valley, rises to a peak and falls again. The place of a peak that is chosen for
being high looks higher than it is: with both places taken from the curves that are then measured, a flat curve with
some noise shows a peak of significant height 6 times in 100, where 2.5 were designed (`docs/verdicts.md`). So places
are chosen on one half of the seeds, heights are measured on the other, and nothing is ever both.

For mean errors :math:`\bar e(s)` of the choosing half over sizes :math:`s_1 < \dots < s_m`, the places are

.. math:: (v, p) = \arg\max_{v < p < m} \min(\bar e(s_p) - \bar e(s_v), \; \bar e(s_p) - \bar e(s_m)),

the valley and the peak with the largest lesser height. A seed i of the other half then has the heights
:math:`e_i(s_p) - e_i(s_v)` and :math:`e_i(s_p) - e_i(s_m)`. On a curve that falls the first has a mean of at most 0
whatever places were chosen, and on one that rises the second, so the claim that both exceed a margin is false and is
falsely supported no more often than a t test errs (`docs/verdicts.md` has the rates).

Curves are errors, losses or logarithms of risks, a row a seed: near an interpolation threshold a risk has no mean, and
its logarithm has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

Curves = Float[np.ndarray, "seeds sizes"]


@dataclass(frozen=True, eq=False)
class Peak:
    """The peak of a family of curves.

    Attributes:
        valley: Index of the size of the valley on its left.
        place: Index of the size of the peak.
        left: Heights over the valley, of the seeds that did not choose.
        right: Heights over the largest size, of the same seeds.
        limiting: The lesser of the two heights, as the choosing half of the seeds has them: that peak exists no more
            than this height does.
    """

    valley: int
    place: int
    left: Float[np.ndarray, "measured"]
    right: Float[np.ndarray, "measured"]
    limiting: Float[np.ndarray, "measured"]


def choosing(num_seeds: int) -> Bool[np.ndarray, "seeds"]:
    """Return which seeds choose places: those at even positions; the others measure.

    Raises:
        ValueError: There are fewer than 2 seeds.

    Example:
        >>> choosing(5).tolist()
        [True, False, True, False, True]
    """
    if num_seeds < 2:
        raise ValueError(f"expected at least 2 seeds, of which one half chooses for the other, got {num_seeds}")
    return np.arange(num_seeds) % 2 == 0


def peak(curves: Curves) -> Peak:
    """Return the peak of curves over size: its places from one half of the seeds, its heights from the other.

    Args:
        curves: A row a seed, a column a size, ascending; a row with a value that is not finite chooses nothing, and
            its heights are NaN where these values enter.

    Returns:
        Places and heights. There is always one: heights tell whether it is a peak.

    Raises:
        ValueError: There are fewer than 2 seeds or 3 sizes, or no choosing seed has a complete curve.

    Example:
        >>> curves = np.tile([30.0, 20.0, 25.0, 35.0, 25.0, 15.0], (4, 1))
        >>> found = peak(curves)
        >>> (found.valley, found.place), found.left.tolist(), found.right.tolist()
        ((1, 3), [15.0, 15.0], [20.0, 20.0])
    """
    curves = np.asarray(curves, np.float64)
    if curves.ndim != 2 or curves.shape[1] < 3:
        raise ValueError(f"expected curves of one row a seed over at least 3 sizes, got an array {curves.shape}")
    choose = choosing(len(curves))
    middle = _mean_of_complete(curves[choose])
    valley, place = _places(middle)
    measured = curves[~choose]
    left, right = measured[:, place] - measured[:, valley], measured[:, place] - measured[:, -1]
    left_limits = middle[place] - middle[valley] <= middle[place] - middle[-1]
    return Peak(valley, place, left, right, left if left_limits else right)


def largest(contrasts: Curves) -> tuple[int, Float[np.ndarray, "measured"]]:
    """Return where contrasts are largest on one half of the seeds, and those of the other half there.

    Args:
        contrasts: A row a seed, a column a place, such as the error at a size on more data minus that on fewer.

    Raises:
        ValueError: There are fewer than 2 seeds, or no choosing seed has a complete row.

    Example:
        >>> place, values = largest(np.array([[0.0, 9.0], [5.0, 1.0], [0.0, 7.0], [6.0, 2.0]]))
        >>> place, values.tolist()
        (1, [1.0, 2.0])
    """
    contrasts = np.asarray(contrasts, np.float64)
    choose = choosing(len(contrasts))
    place = int(_mean_of_complete(contrasts[choose]).argmax())
    return place, contrasts[~choose, place]


def peak_sizes(sizes: Float[np.ndarray, "sizes"], curves: Curves, valley: int) -> Float[np.ndarray, "seeds"]:
    """Return at which size each seed's own curve is highest to the right of a valley, between sizes too.

    The vertex of the parabola through the highest point and its neighbours, over the logarithm of the size. Where the
    highest point is an end there is no peak, and NaN; so it is where a value is not finite.

    Args:
        sizes: Ascending, above 0.
        curves: A row a seed.
        valley: Index of the size at which the search begins.

    Example:
        >>> peak_sizes(np.array([1.0, 2.0, 4.0, 8.0]), np.array([[1.0, 5.0, 5.0, 1.0], [1.0, 2.0, 3.0, 4.0]]), 0)
        array([2.82842712,        nan])
    """
    where = np.log(np.asarray(sizes, np.float64))
    found = np.full(len(curves), np.nan)
    for row, curve in enumerate(np.asarray(curves, np.float64)):
        tail = curve[valley:]
        if not np.isfinite(tail).all():
            continue
        top = valley + int(tail.argmax())
        if valley < top < len(curve) - 1:
            found[row] = np.exp(_vertex(where[top - 1 : top + 2], curve[top - 1 : top + 2]))
    return found


def _mean_of_complete(rows: Curves) -> Float[np.ndarray, "sizes"]:
    complete = rows[np.isfinite(rows).all(axis=1)]
    if not len(complete):
        raise ValueError("expected a seed that chooses with a complete curve, got none; train more seeds")
    return complete.mean(axis=0)


def _places(curve: Float[np.ndarray, "sizes"]) -> tuple[int, int]:
    """Return valley and peak of one curve."""
    inner = range(1, len(curve) - 1)
    valleys = [int(curve[:place].argmin()) for place in inner]
    heights = [
        min(curve[place] - curve[valley], curve[place] - curve[-1])
        for place, valley in zip(inner, valleys, strict=True)
    ]
    best = int(np.argmax(heights))
    return valleys[best], inner[best]


def _vertex(x: np.ndarray, y: np.ndarray) -> float:
    """Return where the parabola through three points, the middle one highest, has its vertex."""
    x, middle = x - x[1], x[1]
    a, b, _ = np.polyfit(x, y, 2)
    return float(middle if a == 0 else middle - b / (2 * a))
