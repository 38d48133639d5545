r"""The effective number of parameters: how many directions of weight space the data decide, against a regulariser.

:math:`\gamma = \sum_j s_j` over the eigenvalues :math:`\lambda_j` of the loss *without* its penalty, with the shrinkage
:math:`s_j` of weight decay, :math:`\lambda_j / (\lambda_j + \alpha)`, or of early stopping,
:math:`1 - (1 - \rho \lambda_j)^\tau` (:mod:`basin.measure.shrinkage`). Eigenvalues are those of the Gauss-Newton matrix
at the weights measured, which for weight decay should be the regularised minimum: they are never negative, so that
:math:`0 \le \gamma \le W`, and they have the reduction of the loss, a mean, as alpha has.

References:
    MacKay, Bayesian interpolation (1992), section 4; Bishop & Bishop, Deep Learning (2024), section 9.2.1.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import InitVar, dataclass
from typing import Any

import jax
import numpy as np

from basin.loss import DatasetLoss
from basin.measure.gauss_newton import gauss_newton
from basin.measure.guard import guard
from basin.measure.keys import resolve_key
from basin.measure.objective import Objective
from basin.measure.result import Measurement, frozen_array
from basin.measure.shrinkage import Shrinkage
from basin.measure.threads import one_blas_thread


@dataclass(frozen=True, eq=False, kw_only=True)
class EffectiveParameters(Measurement):
    """An effective number of parameters; `stderr` is none, as nothing was drawn.

    Attributes:
        value: gamma, between 0 and the number of parameters.
        num_parameters: W.
        largest: The largest eigenvalue of the Gauss-Newton matrix.
        num_flat: Eigenvalues at or below rounding, W times the unit roundoff times the largest; they count as 0.
        loss: The loss at the point, without the penalty.
        eigenvalues: All of them, descending. No field: they are too many for a table.
    """

    value: float
    num_parameters: int
    largest: float
    num_flat: int
    loss: float
    eigenvalues: InitVar[np.ndarray]

    def __post_init__(self, eigenvalues: np.ndarray) -> None:
        object.__setattr__(self, "eigenvalues", frozen_array(eigenvalues))


@one_blas_thread()
def effective_parameters(
    loss_fn: DatasetLoss,
    params: Any,
    shrinkage: Shrinkage,
    *,
    key: jax.Array | int | None = None,
    allow: Collection[str] = (),
) -> EffectiveParameters:
    """Measure the effective number of parameters of a network.

    Args:
        loss_fn: The loss without its penalty; a callable alone has no outputs, hence no Gauss-Newton matrix.
        params: The weights; a few thousand at most.
        shrinkage: :class:`~basin.measure.shrinkage.Decayed` or :class:`~basin.measure.shrinkage.Stopped`.
        key: Draws the permutation of the examples that the guard compares with; none for a fixed one.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        gamma, with the eigenvalues behind it.

    Raises:
        ValueError: Not a :class:`~basin.loss.DatasetLoss`, a loss that fails the guard, or an eigenvalue for which the
            shrinkage has no meaning.

    Example:
        >>> from basin.measure.shrinkage import Decayed
        >>> from basin.models.model import Model
        >>> line = Model("line", lambda key: (None, {}), lambda p, s, x, mode, key=None: (x @ p, s), (2,), 1)
        >>> loss = DatasetLoss(line, {}, np.array([[1.0, 0.0], [0.0, 2.0]]), np.zeros((2, 1)), example_loss="mse")
        >>> effective_parameters(loss, np.zeros((2, 1)), Decayed(0.5)).value  # 0.5 / 1 + 2 / 2.5
        1.3
    """
    if not isinstance(loss_fn, DatasetLoss):
        raise ValueError(f"loss_fn: expected a DatasetLoss, got {type(loss_fn).__name__}: a callable has no outputs")
    began = time.perf_counter()
    key, key_text = resolve_key(key)
    objective = Objective(loss_fn, params, "float64")
    loss, checks = guard(objective, key, allow)
    eigenvalues = np.linalg.eigvalsh(gauss_newton(loss_fn, params))[::-1]
    rounding = eigenvalues.size * np.finfo(np.float64).eps * max(float(eigenvalues[0]), 0.0)
    flat = eigenvalues <= rounding
    eigenvalues = np.where(flat, 0.0, eigenvalues)
    return EffectiveParameters(
        value=float(np.sum(shrinkage(eigenvalues))),
        stderr=None,
        converged=True,
        num_passes=objective.num_passes + 1,
        seconds=time.perf_counter() - began,
        definition=f"sum over the Gauss-Newton eigenvalues lambda of {shrinkage}; {objective.definition}",
        checks=checks,
        key=key_text,
        precision="float64",
        num_parameters=eigenvalues.size,
        largest=float(eigenvalues[0]),
        num_flat=int(flat.sum()),
        loss=loss,
        eigenvalues=eigenvalues,
    )
