r"""Random features: a fixed random first layer, after which a model is linear.

A feature is :math:`\phi(x; v)` with a random direction :math:`v`, drawn once and never trained:

* Fourier, :math:`\phi = \sqrt 2 \cos(\langle v, x \rangle + b)` with :math:`v \sim N(0, \sigma^{-2} I)` and b uniform
  on a circle. The mean of :math:`\phi(x)\phi(x')` over N features is the Gaussian kernel
  :math:`e^{-|x - x'|^2 / 2 \sigma^2}` with an error of order :math:`1/\sqrt N`;
* ReLU, :math:`\phi = \max(\langle v, x \rangle, 0)` with v uniform on the unit sphere, on inputs to which a constant
  may be appended.

Belkin et al. write the Fourier features as :math:`e^{i \langle v, x \rangle}` with complex coefficients. The real
form has the same kernel, one real coefficient for each direction, and hence the same interpolation threshold, as many
features as examples.

**Nested.** The first p features are the same however many there are, so a sweep over the number of features adds
columns to one matrix.

References:
    Rahimi & Recht, "Random features for large-scale kernel machines" (2007).
    Belkin, Hsu, Ma & Mandal, "Reconciling modern machine-learning practice and the classical bias-variance trade-off"
    (2019).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class FourierFeatures:
    """The map x -> sqrt(2) cos(v'x + b) for every direction.

    Attributes:
        directions: A row a feature.
        offsets: In [0, 2 pi).
    """

    directions: Float[np.ndarray, "features inputs"]
    offsets: Float[np.ndarray, "features"]

    def __call__(self, x: Float[np.ndarray, "examples inputs"]) -> Float[np.ndarray, "examples features"]:
        """Return the features of each example, in float64."""
        phases = np.asarray(x, np.float64) @ self.directions.T
        phases += self.offsets
        return np.multiply(math.sqrt(2), np.cos(phases, out=phases), out=phases)


@dataclass(frozen=True, eq=False)
class ReluFeatures:
    """The map x -> max(v'(x, constant), 0) for every direction.

    Attributes:
        directions: A row of unit length a feature; the last entry belongs to the constant.
        constant: What is appended to an example.
    """

    directions: Float[np.ndarray, "features inputs+1"]
    constant: float

    def __call__(self, x: Float[np.ndarray, "examples inputs"]) -> Float[np.ndarray, "examples features"]:
        """Return the features of each example, in float64."""
        values = np.asarray(x, np.float64) @ self.directions[:, :-1].T
        values += self.constant * self.directions[:, -1]
        return np.maximum(values, 0.0, out=values)


def fourier_features(num_inputs: int, number: int, *, bandwidth: float, seed: int) -> FourierFeatures:
    """Draw random Fourier features.

    Args:
        num_inputs: Length of an example.
        number: Of features; a larger one appends to the same first ones.
        bandwidth: sigma of the Gaussian kernel, in the unit of the inputs; 5 in Belkin et al., for the 784 pixels in
            [0, 1] of MNIST.
        seed: 0 or more.

    Raises:
        ValueError: A number that is not positive, or a negative seed.

    Example:
        >>> x = np.array([[0.0, 0.0], [1.0, 0.0]])
        >>> phi = fourier_features(2, 10**5, bandwidth=1.0, seed=0)(x)
        >>> abs(float(phi[0] @ phi[1]) / 10**5 - math.exp(-1 / 2)) < 4 / math.sqrt(10**5)
        True
    """
    _check(num_inputs, number, seed)
    if not 0 < bandwidth < math.inf:
        raise ValueError(f"expected a bandwidth above 0, got {bandwidth}")
    directions = _rows("fourier directions", seed, number, num_inputs) / bandwidth
    offsets = np.random.default_rng([seed, *b"fourier offsets"]).uniform(0, 2 * math.pi, number)
    return FourierFeatures(directions, offsets)


def relu_features(num_inputs: int, number: int, *, seed: int, constant: float = 0.0) -> ReluFeatures:
    """Draw random ReLU features, their directions uniform on the unit sphere.

    Args:
        num_inputs: Length of an example.
        number: Of features; a larger one appends to the same first ones.
        seed: 0 or more.
        constant: Appended to every example, so that features bend away from the origin; 0 appends nothing.

    Raises:
        ValueError: A number that is not positive, or a negative seed.

    Example:
        >>> few, many = (relu_features(3, number, seed=0)(np.ones((1, 3))) for number in (5, 9))
        >>> bool((few == many[:, :5]).all())
        True
    """
    _check(num_inputs, number, seed)
    length = num_inputs + (constant != 0)
    rows = _rows("relu directions", seed, number, length)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    if constant == 0:
        rows = np.pad(rows, ((0, 0), (0, 1)))
    return ReluFeatures(rows, float(constant))


def _rows(name: str, seed: int, number: int, length: int) -> Float[np.ndarray, "number length"]:
    """Return standard normal rows; those of a smaller number are the first of a larger one."""
    return np.random.default_rng([seed, *name.encode()]).standard_normal((number, length))


def _check(num_inputs: int, number: int, seed: int) -> None:
    if num_inputs < 1 or number < 1 or seed < 0:
        raise ValueError(
            f"expected at least one input and one feature and a seed of 0 or more, got {num_inputs}, {number} and "
            f"{seed}"
        )
