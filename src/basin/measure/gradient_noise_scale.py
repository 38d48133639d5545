r"""The gradient noise scale: the batch size at which the noise of a gradient is as large as the gradient.

With `G` the mean and `Sigma` the covariance of the gradients of single examples, and `H` the Hessian of the mean loss
(McCandlish et al. 2018),

.. math:: B_{simple} = \frac{\mathrm{tr} \Sigma}{|G|^2}, \qquad
          B_{noise} = \frac{\mathrm{tr}(H \Sigma)}{G^T H G},

in examples. A batch much smaller than `B_noise` is mostly noise; of one much larger most examples are wasted: the best
decrease of the loss in one step is :math:`1 / (1 + B_{noise} / B)` of that of the whole gradient. `B_simple` equals it
where the Hessian is a multiple of the identity, and is what can be had without a Hessian.

The gradients `g_1 .. g_K` of `K` disjoint batches of `B` examples have the mean `G` and the covariance `Sigma / B`.
From their inner products `M_kl = g_k' A g_l` (`A` the identity, or `H`) come two **unbiased** estimates,

.. math:: G^T A G \approx \overline{M_{k \ne l}}, \qquad
          \mathrm{tr}(A \Sigma) \approx B (\overline{M_{kk}} - \overline{M_{k \ne l}}),

which for `A = I` are McCandlish's pair of batch sizes `B` and `K B`, averaged over its `K` small batches. The naive
`|g|^2` of a batch as an estimate of `|G|^2` contains `tr Sigma / B`, which makes the ratio too small: never above `B`,
however noisy. The ratio itself is biased in the order of `1 / K`; its standard error is the jackknife's, which
leaves out one batch at a time, and so is the estimate of that bias.

`Sigma` is the covariance over the distribution that the examples were drawn from, estimated without replacement.

Reference: S. McCandlish, J. Kaplan, D. Amodei, OpenAI Dota Team. An empirical model of large-batch training. 2018.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss import DatasetLoss
from basin.loss.chunks import compiled_term
from basin.loss.precision import Precision, arithmetic, check_precision
from basin.measure.example_loss import dataset_loss
from basin.measure.guard import guard
from basin.measure.keys import fold, resolve_key
from basin.measure.noise_ratio import Ratio, ratio_of_means
from basin.measure.objective import Objective, natural_precision
from basin.measure.probes import blocks, check_at_least
from basin.measure.result import Measurement, NotConvergedWarning
from basin.measure.threads import one_blas_thread

_PRODUCTS_AT_ONCE = 4
_COLUMNS = 1 << 16


@dataclass(frozen=True, eq=False, kw_only=True)
class GradientNoiseScale(Measurement):
    """`B_simple` in examples; `stderr` is the jackknife's over batches.

    Attributes:
        value: `tr Sigma / |G|^2`; infinite where the estimate of `|G|^2` is not positive.
        bias: The jackknife's estimate of the ratio's bias; the value is not corrected by it.
        trace: The estimate of `tr Sigma`, and its standard error.
        squared_gradient: The estimate of `|G|^2`, and its standard error.
        noise: `B_noise`, its standard error; none unless asked for.
        batch_size: Examples of a batch.
        num_batches: Number of batches.
        loss: The mean loss at the point, over all examples.
        num_evaluations: How many passes over all examples for values, gradients and products, by arithmetic; begun ones
            count.
    """

    value: float
    bias: float
    trace: tuple[float, float]
    squared_gradient: tuple[float, float]
    noise: tuple[float, float] | None
    batch_size: int
    num_batches: int
    loss: float
    num_evaluations: dict[str, int]


@one_blas_thread()
def gradient_noise_scale(
    example_loss_fn: DatasetLoss | Callable[[Any, jax.Array, jax.Array], jax.Array],
    params: Any,
    x: Any = None,
    y: Any = None,
    *,
    batch_size: int | None = None,
    num_batches: int = 32,
    key: jax.Array | int | None = None,
    with_hessian: bool = False,
    precision: Precision | None = None,
    allow: Collection[str] = (),
) -> GradientNoiseScale:
    """Measure the gradient noise scale of a loss at some weights.

    The definition is in the module's docstring. `params`, their dtypes and any random state stay as they are. One
    gradient a batch is kept on the host, beside the chunk of the loss.

    Args:
        example_loss_fn: A :class:`~basin.loss.DatasetLoss`, which brings its examples; or a function of the weights,
            one input and one target to one loss, neither with an axis of examples.
        params: The weights: a pytree of floating-point arrays.
        x: Inputs, one row an example; none with a `DatasetLoss`.
        y: Targets, one row an example; none with a `DatasetLoss`.
        batch_size: Examples of a batch; none shares all examples out.
        num_batches: Disjoint batches, at least 3; under normal noise the relative error of `tr Sigma` is at most
            `sqrt(2 / (K - 1))`.
        key: A JAX key, a seed, or none for a fixed one; draws the batches without replacement.
        with_hessian: Whether `B_noise` is measured too, which takes a Hessian-vector product of all examples a batch.
        precision: Arithmetic of gradients and products; none takes that of the weights.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        The noise scale with the standard errors of both of its parts.

    Raises:
        ValueError: The loss fails the guard, there are fewer examples than the batches need, or an example has a
            sequence of targets.

    Warns:
        NotConvergedWarning: `|G|^2`, or `G' H G`, lies within two standard errors of 0: the ratio may be anything.

    Example:
        The gradient of (w - t)^2 / 2 is w - t: its mean is w less the mean of t, its variance that of t.

        >>> t = np.random.default_rng(0).normal(0.0, 3.0, 4000)
        >>> result = gradient_noise_scale(lambda w, x, t: (w - t) ** 2 / 2, jnp.array(1.5), t, t)
        >>> abs(result.value - 9 / 1.5**2) < 3 * result.stderr
        True
    """
    started = time.perf_counter()
    check_at_least("num_batches", num_batches, 3, "batches")
    random_key, key_text = resolve_key(key)
    precision = precision or natural_precision(params)
    check_precision(precision)
    loss = dataset_loss(example_loss_fn, x, y).astype(precision)
    size = _batch_size(loss, batch_size, num_batches)
    objective = Objective(loss, params, precision)
    value, checks = guard(objective, random_key, allow)
    gradients = _batch_gradients(objective, loss.permuted(fold(random_key, "batches")), size, num_batches)
    objective.counts["gradients"] += -(-size * num_batches // loss.num_examples)
    simple = _noise(gradients, gradients, size)
    noise = _noise(gradients, _hessian_times(objective, gradients), size) if with_hessian else None
    uncertain = [found for found in (simple, noise) if found and not found.is_resolved]
    if uncertain:
        _warn(uncertain[0])
    return GradientNoiseScale(
        value=simple.value,
        stderr=simple.stderr,
        converged=not uncertain,
        num_passes=objective.num_passes,
        seconds=time.perf_counter() - started,
        definition=_definition(size, num_batches, objective),
        checks=checks,
        key=key_text,
        precision=precision,
        bias=simple.bias,
        trace=simple.numerator,
        squared_gradient=simple.denominator,
        noise=noise and (noise.value, noise.stderr),
        batch_size=size,
        num_batches=num_batches,
        loss=value,
        num_evaluations={f"{name}_{precision}": count for name, count in sorted(objective.counts.items())},
    )


def _batch_size(loss: DatasetLoss, batch_size: int | None, num_batches: int) -> int:
    size = loss.num_examples // num_batches if batch_size is None else batch_size
    if size < 1 or size * num_batches > loss.num_examples:
        raise ValueError(
            f"expected at most {loss.num_examples} examples in {num_batches} disjoint batches, got "
            f"{max(size, 1) * num_batches}; lower num_batches or batch_size"
        )
    return size


def _batch_gradients(objective: Objective, loss: DatasetLoss, size: int, num_batches: int) -> np.ndarray:
    """Return the mean gradient of each batch as a row, a chunk of examples at a time."""
    rows = np.zeros((num_batches, objective.layout.size), objective.precision)
    with arithmetic(objective.precision):
        params = objective.layout.unravel(jnp.asarray(objective.point))
        for batch, row in enumerate(rows):
            for block in blocks(size, loss.chunk_size):
                start = batch * size + block.start
                _, gradient = compiled_term(loss.program, "value_and_grad", params, None, loss.data, start, len(block))
                row += objective.layout.flat(gradient, objective.precision)
    return rows / np.asarray(size, objective.precision)


def _hessian_times(objective: Objective, gradients: np.ndarray) -> np.ndarray:
    product = objective.hessian_product(stacked=True)
    return np.concatenate([product(gradients[list(block)]) for block in blocks(len(gradients), _PRODUCTS_AT_ONCE)])


def _noise(gradients: np.ndarray, images: np.ndarray, batch_size: int) -> Ratio:
    """Return `tr(A Sigma) / G' A G` from the gradients of batches and `A` times each."""
    forms = np.zeros((len(gradients), len(gradients)))
    for block in blocks(gradients.shape[1], _COLUMNS):
        columns = slice(block.start, block.stop)
        forms += gradients[:, columns].astype(np.float64) @ images[:, columns].astype(np.float64).T

    own, total, count = np.diag(forms), np.sum(forms), len(forms)
    whole = _parts(np.sum(own), total, count, batch_size)
    rests = total - np.sum(forms, axis=0) - np.sum(forms, axis=1) + own
    return ratio_of_means((float(whole[0]), float(whole[1])), _parts(np.sum(own) - own, rests, count - 1, batch_size))


def _parts(own: Any, total: Any, count: int, batch_size: int) -> np.ndarray:
    """Return `tr(A Sigma)` and `G' A G` from the sums of `M_kk` and of all `M_kl` over `count` batches."""
    across = (total - own) / (count * (count - 1))
    return np.stack([batch_size * (own / count - across), across], axis=-1)


def _definition(batch_size: int, num_batches: int, objective: Objective) -> str:
    return (
        f"gradient noise scale tr(Sigma) / |G|^2 in examples, from {num_batches} disjoint batches of {batch_size}; "
        f"stderr: jackknife over batches; f: {objective.definition}"
    )


def _warn(found: Ratio) -> None:
    value, error = found.denominator
    warnings.warn(
        f"gradient_noise_scale: the squared gradient is {value:.1e} with a standard error of {error:.1e}, so the ratio "
        "is not resolved; give more examples or larger batches",
        NotConvergedWarning,
        stacklevel=4,
    )
