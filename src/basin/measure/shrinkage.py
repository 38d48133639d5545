r"""How far weight decay and early stopping let each eigendirection go towards its minimum.

Near a minimum :math:`w^*` of a loss with Hessian :math:`H u_j = \lambda_j u_j`, a regularised solution has in direction
j the coordinate :math:`s_j u_j^T w^*`, with the shrinkage

* weight decay, :math:`E + \tfrac{\alpha}{2} w^T w` at its minimum:
  :math:`s_j = \lambda_j / (\lambda_j + \alpha)`;
* early stopping, descent from the origin at rate :math:`\rho` for :math:`\tau` steps:
  :math:`s_j = 1 - (1 - \rho \lambda_j)^\tau`.

Both are 1 where the loss is steep and about 0 where it is flat: the sum over the directions counts the parameters that
the data decide, :math:`\gamma = \sum_j s_j`. With :math:`\alpha = 1 / (\rho \tau)` and many short steps the two factors
are functions of :math:`x = \rho \tau \lambda_j` alone, :math:`x / (1 + x)` and :math:`1 - e^{-x}`: alike in both limits
and at most 0.204 apart, at x = 2.51. A penalty written :math:`\lambda w^T w` is :math:`\alpha = 2 \lambda`.

References:
    Bishop & Bishop, Deep Learning (2024), sections 9.2.1 and 9.3.1, exercise 9.6; Bishop (1995), section 10.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Decayed:
    r"""The minimum under weight decay, :math:`s = \lambda / (\lambda + \alpha)`.

    Attributes:
        weight_decay: alpha of the penalty alpha/2 w'w, 0 or more, beside a loss of the same reduction.

    Example:
        >>> Decayed(0.5)(np.array([4.5, 0.5, 0.0])).tolist()
        [0.9, 0.5, 0.0]
    """

    weight_decay: float

    def __post_init__(self) -> None:
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"expected a weight decay of 0 or more, got {self.weight_decay}")

    def __call__(self, eigenvalues: ArrayLike) -> Float[np.ndarray, "..."]:
        """Return the shrinkage of each eigenvalue.

        Raises:
            ValueError: An eigenvalue with lambda + alpha at or below 0: there is no minimum along its direction.
        """
        curvature = np.asarray(eigenvalues, np.float64)
        lowest = float(np.min(curvature, initial=math.inf)) + self.weight_decay
        if not lowest > 0:
            raise ValueError(
                f"expected eigenvalues above minus the weight decay {self.weight_decay:g}, got one with a sum of "
                f"{lowest:g}: there is no minimum along it; take the Gauss-Newton matrix or a larger weight decay"
            )
        return curvature / (curvature + self.weight_decay)

    def __str__(self) -> str:
        return f"lambda / (lambda + {self.weight_decay:g})"


@dataclass(frozen=True)
class Stopped:
    r"""Descent from the origin that was stopped, :math:`s = 1 - (1 - \rho \lambda)^\tau`.

    Attributes:
        learning_rate: rho, above 0.
        num_steps: tau, 0 or more.

    Example:
        >>> Stopped(learning_rate=0.5, num_steps=2)(np.array([2.0, 1.0, 0.0])).tolist()
        [1.0, 0.75, 0.0]
    """

    learning_rate: float
    num_steps: int

    def __post_init__(self) -> None:
        if not (0 < self.learning_rate < math.inf and self.num_steps >= 0):
            raise ValueError(
                f"expected a learning rate above 0 and 0 steps or more, got {self.learning_rate} and {self.num_steps}"
            )

    def __call__(self, eigenvalues: ArrayLike) -> Float[np.ndarray, "..."]:
        """Return the shrinkage of each eigenvalue.

        Raises:
            ValueError: An eigenvalue below 0 or at 2/rho or above: descent does not converge along its direction.
        """
        curvature = np.asarray(eigenvalues, np.float64)
        inside = (curvature >= 0) & (self.learning_rate * curvature < 2)
        if not inside.all():
            raise ValueError(
                f"expected eigenvalues from 0 to 2 / {self.learning_rate:g}, got {curvature[~inside].flat[0]:g}: "
                "descent "
                "does not converge along it; take a smaller learning rate"
            )
        return 1 - (1 - self.learning_rate * curvature) ** self.num_steps

    def __str__(self) -> str:
        return f"1 - (1 - {self.learning_rate:g} lambda)^{self.num_steps}"


Shrinkage = Decayed | Stopped
