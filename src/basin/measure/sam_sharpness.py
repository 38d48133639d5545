r"""The sharpness that SAM descends on: how much one normalised gradient step uphill raises the loss.

.. math:: S = L(w + \hat\varepsilon) - L(w), \qquad \hat\varepsilon = \rho \frac{g}{\|g\|_2}
          \quad\text{or (ASAM)}\quad \rho \frac{T^2 g}{\|T g\|_2}, \quad T = |w| + \eta,

with `g` the gradient of the very loss, or of the batch, at `w` (Foret et al. 2021; Kwon et al. 2021). It is the first
step of the search for the worst case of :mod:`basin.measure.adaptive_sharpness`, and at most that. To second order it
is :math:`\rho \|g\| + \rho^2 g^T H g / (2 \|g\|^2)`: near a minimum it measures the gradient that is left, and at
one, where there is none, it is 0 however sharp the minimum is. With batches there is a gradient left for each batch,
which is what SAM itself sees.

ASAM's code scales weights by `T` and leaves biases and normalisation parameters unscaled; here all are scaled.

References: P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur. Sharpness-aware minimization for efficiently improving
generalization. ICLR 2021. J. Kwon, J. Kim, H. Park, I. K. Choi. ASAM: adaptive sharpness-aware minimization for
scale-invariant learning of deep neural networks. ICML 2021.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from basin.loss.precision import Precision, check_precision
from basin.measure.ascent import pole
from basin.measure.guard import guard
from basin.measure.keys import resolve_key
from basin.measure.neighbourhood import Batches, Metric, Neighbourhood
from basin.measure.objective import LossFn, Objective
from basin.measure.probes import standard_error
from basin.measure.result import Measurement, frozen_array
from basin.measure.threads import one_blas_thread


@dataclass(frozen=True, eq=False, kw_only=True)
class SamSharpness(Measurement):
    """The rise of the loss along one step of SAM; `stderr` is the standard error over batches, none for a single one.

    Attributes:
        value: The rise, in the unit of the loss; the mean over batches.
        samples: The rise of each batch.
        gradient_norm: Norm of the gradient (of `T g` if adaptive), the mean over batches.
        rho: Length of the step.
        adaptive: Whether the step is scaled by the sizes of the weights.
        eta: What is added to these sizes.
        batch_size: Examples of a batch; none for the whole loss.
        loss: The loss at the point.
        num_evaluations: How many passes for values and gradients, by arithmetic; begun ones count.
    """

    value: float
    stderr: float | None
    samples: np.ndarray
    gradient_norm: float
    rho: float
    adaptive: bool
    eta: float
    batch_size: int | None
    loss: float
    num_evaluations: dict[str, int]


@one_blas_thread()
def sam_sharpness(
    loss_fn: LossFn,
    params: Any,
    *,
    rho: float = 0.05,
    adaptive: bool = False,
    eta: float = 0.0,
    batch_size: int | None = None,
    key: jax.Array | int | None = None,
    precision: Precision = "float64",
    allow: Collection[str] = (),
) -> SamSharpness:
    """Measure how much one step of sharpness-aware minimisation raises the loss.

    The definition is in the module's docstring. `params`, their dtypes and any random state stay as they are.

    Args:
        loss_fn: A :class:`~basin.loss.DatasetLoss`, or any callable from a pytree to a real scalar.
        params: The weights: a pytree of floating-point arrays.
        rho: Length of the step; the papers use 0.05 (SAM) and 0.5 (ASAM) on CIFAR-10.
        adaptive: Whether the step is ASAM's.
        eta: What is added to the sizes of the weights by ASAM; its code has 0.01 or 0.
        batch_size: Examples of a batch; none takes the whole loss.
        key: A JAX key, a seed, or none for a fixed one; draws the batches.
        precision: Arithmetic of the loss.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        The rise, with its standard error over batches.

    Raises:
        ValueError: The loss fails the guard, is not finite at the end of the step, or an argument is out of range.

    Example:
        Along the gradient of a quadratic the rise is rho |g| + rho^2 / 2 times the curvature there:

        >>> import jax.numpy as jnp
        >>> round(sam_sharpness(lambda w: 2 * w[0] ** 2 + w[1], jnp.zeros(2), rho=0.1).value, 9)  # g = (0, 1)
        0.1
        >>> round(sam_sharpness(lambda w: 2 * jnp.sum(w**2), jnp.array([0.5, 0.0]), rho=0.1).value, 6)
        0.22
    """
    started = time.perf_counter()
    metric = Metric(rho, 2, adaptive, eta)
    random_key, key_text = resolve_key(key)
    check_precision(precision)
    objective = Objective(loss_fn, params, precision)
    loss, checks = guard(objective, random_key, allow)
    batches = Batches(objective, loss, random_key, batch_size)
    rises, norms = np.array([_step(near) for near in batches.neighbourhoods(params, metric)]).T
    return SamSharpness(
        value=float(np.mean(rises)),
        stderr=standard_error(rises),
        converged=True,
        num_passes=sum(batches.num_evaluations.values()),
        seconds=time.perf_counter() - started,
        definition=f"rise of the loss along one gradient step uphill of {metric}, {batches}; stderr: over batches; "
        f"f: {objective.definition}",
        checks=checks,
        key=key_text,
        precision=precision,
        samples=frozen_array(rises),
        gradient_norm=float(np.mean(norms)) / rho,
        rho=rho,
        adaptive=adaptive,
        eta=eta,
        batch_size=batch_size,
        loss=loss,
        num_evaluations=batches.num_evaluations,
    )


def _step(near: Neighbourhood) -> tuple[float, float]:
    """Return the rise at the end of the step, and the norm of the slope at its beginning."""
    here = np.zeros(len(near.axes))
    _, slope = near.gain_and_slope(here)
    return near.gain(pole(here, slope)), float(np.linalg.norm(slope))
