"""Standardisation: each input is centred and scaled by its mean and standard deviation over the training examples.

x' = (x - mu) / sigma with mu = (1/N) sum_n x_n and sigma^2 = (1/N) sum_n (x_n - mu)^2, input by input, in float64. Both
come from the training part only and are applied to both parts. An input that is the same in every training example (3
of the 64 pixels of the digits) is centred and left unscaled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32


@dataclass(frozen=True)
class Standardiser:
    """A mean and a scale for each input; the scale of a constant input is 1."""

    mean: Float[np.ndarray, "*input"]
    scale: Float[np.ndarray, "*input"]

    def __call__(self, x: Float[np.ndarray, "n *input"]) -> Float32[np.ndarray, "n *input"]:
        """Return the inputs centred and scaled.

        Raises:
            ValueError: A value lies so far beyond the training examples that it is infinite in single precision.
        """
        with np.errstate(over="ignore"):
            standardised = ((x - self.mean) / self.scale).astype(np.float32)
        if not np.isfinite(standardised).all():
            first = tuple(np.argwhere(~np.isfinite(standardised))[0].tolist())
            deviation = np.broadcast_to(self.scale, x.shape)[first]
            raise ValueError(
                f"expected inputs on the scale of the training examples, got {x[first]} at {first} where their "
                f"standard deviation is {deviation}; rescale that input, or set standardise=false"
            )
        return standardised


def fit_standardiser(x_train: Float[np.ndarray, "n *input"]) -> Standardiser:
    """Return the mean and scale of each input over the training examples.

    Args:
        x_train: Finite inputs, one example a row, at least one.

    Returns:
        What maps the training part to mean 0 and variance 1 (0 where an input is constant).

    Example:
        >>> x = np.array([[1.0, 5.0], [3.0, 5.0]])
        >>> fit_standardiser(x)(x).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]

    References:
        Bishop & Bishop 2024, "Deep Learning", section 7.4.1.
    """
    constant = (x_train == x_train[0]).all(axis=0)
    mean = np.where(constant, x_train[0], x_train.mean(axis=0, dtype=np.float64))
    scale = np.where(constant, 1.0, x_train.std(axis=0, dtype=np.float64))
    return Standardiser(mean, np.where(scale > 0, scale, 1.0))
