"""The scale on which two arms are compared: differences, or logarithms of ratios.

Test errors and losses are compared by their difference. Sharpness, eigenvalues, distances and the risk near an
interpolation threshold vary by factors and are skewed, so they are compared by `log b - log a`: the t interval of
five lognormal values covers their mean 82 times in 100 on the natural scale, and 95 on this one.
"""

from __future__ import annotations

import enum
import math

import numpy as np
from jaxtyping import Float, Num


class Scale(enum.StrEnum):
    """How a contrast of two arms is formed; smallest effects are given on the same scale.

    Example:
        >>> Scale.LOG10.ratio(Scale.LOG10.effect(1.2))
        1.2
    """

    NATURAL = "natural"
    LOG = "log"
    LOG10 = "log10"

    def forward(self, values: Num[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return values on this scale; what has no logarithm (zero or less) becomes NaN, never minus infinity.

        Args:
            values: Measured values, any shape, in their own unit.
        """
        values = np.asarray(values, dtype=np.float64)
        if self is Scale.NATURAL:
            return values
        positive = np.where(values > 0, values, np.nan)
        return np.log(positive) if self is Scale.LOG else np.log10(positive)

    def inverse(self, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return what lies at values on this scale: the inverse of :meth:`forward`.

        Example:
            >>> Scale.LOG10.inverse(Scale.LOG10.forward([1.0, 100.0])).tolist()
            [1.0, 100.0]
        """
        if self is Scale.NATURAL:
            return np.asarray(values)
        return np.exp(values) if self is Scale.LOG else np.power(10.0, values)

    def ratio(self, contrast: float) -> float | None:
        """Return the factor that a contrast stands for; `None` on the natural scale and beyond the range of floats."""
        if self is Scale.NATURAL:
            return None
        try:
            return math.exp(contrast) if self is Scale.LOG else 10.0**contrast
        except OverflowError:
            return None

    def effect(self, ratio: float) -> float:
        """Return the contrast that a factor makes on this scale: a factor 1.2 is 0.079 in log10.

        Raises:
            ValueError: The scale is natural, where a factor is no effect, or the factor is not positive.
        """
        if self is Scale.NATURAL or not ratio > 0:
            raise ValueError(f"expected a positive factor on a logarithmic scale, got {ratio} on {self.value}")
        return math.log(ratio) if self is Scale.LOG else math.log10(ratio)
