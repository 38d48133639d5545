r"""How many examples a way of training can fit, and how large a network has to be to fit those that there are.

The effective model complexity of a training procedure T on a distribution D is the largest sample that it fits,

.. math:: \mathrm{EMC}_{D, \epsilon}(T) = \max \{ n : E_{S \sim D^n} [\text{training error of } T(S)] \le \epsilon \},

with :math:`\epsilon = 0.1` throughout Nakkiran et al. 2020. The procedure is everything that is done: network,
optimiser, length of training, augmentation, regulariser. Seen along the size of the network at a given sample, the same
border is the interpolation threshold, the smallest size at which the mean training error is at most :math:`\epsilon`:
there the complexity equals the sample. The hypothesis of deep double descent is that test error may peak there.

Both are read off measured training errors, between sizes by a straight line over the logarithm of the size. Training
error is that on the labels as they were trained on, wrong ones included, without augmentation.

References:
    Nakkiran, Kaplun, Bansal, Yang, Barak & Sutskever, "Deep double descent: where bigger models and more data hurt",
    ICLR 2020, definition 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Num

from basin.stats.estimate import Estimate, Interval
from basin.stats.thresholds import crossing

End = Literal["smallest", "largest"]

EPSILON = 0.1
"""Training error up to which a sample counts as fitted, in Nakkiran et al. 2020."""


@dataclass(frozen=True)
class Threshold:
    """A border between sizes that was located from training errors.

    Attributes:
        estimate: Its logarithm, the error by the jackknife over seeds.
        beyond: On which side of all sizes it lies, where it is not between them: then there is no value.
        epsilon: Training error, as a fraction, that it is the border of.
        definition: What exactly was located.
    """

    estimate: Estimate
    beyond: Literal["", "smallest", "largest"]
    epsilon: float
    definition: str

    @property
    def value(self) -> float:
        """The size; NaN where it is beyond those that were measured."""
        return float("nan") if self.estimate.value is None else math.exp(self.estimate.value)

    def interval(self, level: float = 0.95) -> Interval | None:
        """Return the interval of the size, or `None` where there is none."""
        found = self.estimate.interval(level)
        return None if found is None else (math.exp(found[0]), math.exp(found[1]))


def effective_model_complexity(
    num_examples: Num[np.ndarray, "sizes"],
    train_errors: Float[np.ndarray, "seeds sizes"],
    *,
    epsilon: float = EPSILON,
) -> Threshold:
    """Return the largest sample whose mean training error is at most epsilon.

    Args:
        num_examples: Sizes of the samples, ascending.
        train_errors: Training errors at the end of training, fractions, a row a seed and a column a sample size.
        epsilon: Training error up to which a sample counts as fitted, in (0, 1).

    Returns:
        The complexity, in examples; beyond the largest sample where all are fitted, beyond the smallest where none is.

    Raises:
        ValueError: Shapes that do not fit, sizes that do not ascend from above 0, or an epsilon outside (0, 1).

    Example:
        >>> errors = np.array([[0.0, 0.05, 0.20, 0.4], [0.0, 0.05, 0.15, 0.4], [0.0, 0.05, 0.10, 0.4]])
        >>> found = effective_model_complexity(np.array([100, 200, 400, 800]), errors)
        >>> round(found.value), [round(end) for end in found.interval()]
        (283, [178, 450])
    """
    sizes, train_errors = _checked(num_examples, train_errors, epsilon)
    estimate = crossing(sizes[::-1], train_errors[:, ::-1], epsilon)  # from above: the largest that is fitted
    definition = f"largest sample with a mean training error of at most {epsilon:g}, over {len(train_errors)} seeds"
    return Threshold(estimate, _beyond(train_errors[:, ::-1], epsilon, ("largest", "smallest")), epsilon, definition)


def interpolation_threshold(
    sizes: Num[np.ndarray, "sizes"],
    train_errors: Float[np.ndarray, "seeds sizes"],
    *,
    epsilon: float = EPSILON,
) -> Threshold:
    """Return the smallest size of a network, or length of training, whose mean training error is at most epsilon.

    Args:
        sizes: Widths, parameters, features or epochs, ascending.
        train_errors: Training errors, fractions, a row a seed and a column a size.
        epsilon: Training error up to which the sample counts as fitted, in (0, 1).

    Returns:
        The threshold, in the unit of the sizes; beyond the smallest where that fits already, beyond the largest where
        none does.

    Raises:
        ValueError: Shapes that do not fit, sizes that do not ascend from above 0, or an epsilon outside (0, 1).

    Example:
        >>> errors = np.array([[0.4, 0.2, 0.0], [0.4, 0.3, 0.0], [0.4, 0.1, 0.0]])
        >>> round(interpolation_threshold(np.array([1, 2, 4]), errors).value, 2)
        2.83
        >>> interpolation_threshold(np.array([1, 2, 4]), errors + 0.5).beyond
        'largest'
    """
    sizes, train_errors = _checked(sizes, train_errors, epsilon)
    definition = f"smallest size with a mean training error of at most {epsilon:g}, over {len(train_errors)} seeds"
    beyond = _beyond(train_errors, epsilon, ("smallest", "largest"))
    return Threshold(crossing(sizes, train_errors, epsilon), beyond, epsilon, definition)


def _beyond(errors: np.ndarray, epsilon: float, ends: tuple[End, End]) -> Literal["", "smallest", "largest"]:
    """Return on which side the mean curve is at most epsilon from the start, or never."""
    complete = errors[np.isfinite(errors).all(axis=1)]
    at_most = complete.mean(axis=0) <= epsilon if len(complete) else np.zeros(1, bool)
    return ends[0] if at_most[0] else "" if at_most.any() else ends[1]


def _checked(sizes: np.ndarray, errors: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    sizes, errors = np.asarray(sizes, np.float64), np.asarray(errors, np.float64)
    if errors.ndim != 2 or sizes.shape != errors.shape[1:] or not errors.size:
        raise ValueError(
            f"expected training errors of one row a seed and one column a size, got {errors.shape} for "
            f"{sizes.shape} sizes; stack the seeds"
        )
    if not (sizes[0] > 0 and (np.diff(sizes) > 0).all()):
        raise ValueError(f"expected sizes above 0 in ascending order, got {sizes.tolist()}; sort them")
    if not 0 < epsilon < 1:
        raise ValueError(f"expected an epsilon in (0, 1), got {epsilon}; errors are fractions, not per cent")
    return sizes, errors
