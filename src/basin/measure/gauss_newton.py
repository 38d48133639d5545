r"""The Gauss-Newton matrix of a mean loss: the part of its Hessian that is never negative.

With the outputs z of a network and its loss l of one example, both functions of the weights through
:math:`J = \partial z / \partial w`,

.. math:: G = \frac1N \sum_i J_i^T \frac{\partial^2 l_i}{\partial z^2} J_i,

the mean over examples as the loss itself is. G is the Hessian of a network that is linear in its weights, equals the
Hessian where the residuals vanish, and has no negative eigenvalue where l is convex in z, as cross-entropy and squared
error are.
It is computed whole, so this is for networks of up to a few thousand weights.

References: N. Schraudolph, Fast curvature matrix-vector products for second-order gradient descent, 2002.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from basin.loss import DatasetLoss
from basin.loss.chunks import ChunkProgram, Data
from basin.loss.examples import are_sequences
from basin.loss.precision import arithmetic
from basin.measure.layout import Layout


def gauss_newton(
    loss: DatasetLoss, params: Any, *, memory_bytes: int = 1 << 26
) -> Float[np.ndarray, "weights weights"]:
    """Return the Gauss-Newton matrix of a mean loss at some weights, in float64.

    Args:
        loss: The mean over a data set; batch statistics fixed, not those of a chunk.
        params: The weights; rows and columns are in the order of `jax.flatten_util.ravel_pytree`.
        memory_bytes: For the derivatives of the outputs of one chunk of examples; a single example is always taken.

    Raises:
        ValueError: The loss normalises with the statistics of a chunk, so no example has outputs of its own; or each
            example has a sequence of labels.

    Example:
        >>> from basin.models.model import Model
        >>> line = Model("line", lambda key: (None, {}), lambda p, s, x, mode, key=None: (x @ p, s), (2,), 1)
        >>> loss = DatasetLoss(line, {}, np.array([[1.0, 0.0], [0.0, 2.0]]), np.zeros((2, 1)), example_loss="mse")
        >>> gauss_newton(loss, np.zeros((2, 1))).tolist()  # the mean of x x'
        [[0.5, 0.0], [0.0, 2.0]]
    """
    if loss.batch_norm == "batch" and loss.model.has_batch_statistics:
        raise ValueError("expected batch_norm='recomputed' or 'running', got 'batch': outputs depend on the chunk")
    if are_sequences(loss.y):
        raise ValueError(
            f"expected one label an example, got sequences of shape {loss.y.shape[1:]}; ask for the Hessian"
        )
    layout = Layout.of(params)
    total = np.zeros((layout.size, layout.size))
    with arithmetic("float64"):
        exact = loss.astype("float64")
        point = jnp.asarray(layout.flat(params, "float64"))
        size = max(1, min(exact.num_examples, memory_bytes // (8 * layout.size * exact.model.num_classes)))
        for start in range(0, exact.num_examples, size):
            count = min(size, exact.num_examples - start)
            total += np.asarray(_term(exact.program, layout, point, exact.data, start, count))
    return (total + total.T) / (2 * exact.num_examples)


@partial(jax.jit, static_argnames=("program", "layout", "size"))
def _term(
    program: ChunkProgram, layout: Layout, point: Float[Array, "weights"], data: Data, start: Any, size: int
) -> Float[Array, "weights weights"]:
    """Return one chunk's part of the sum over examples."""

    def outputs_of_one(vector: jax.Array, index: jax.Array) -> jax.Array:
        return program.outputs(layout.unravel(vector), data, index, 1)[0][0]

    outputs, targets = program.outputs(layout.unravel(point), data, start, size)
    slopes = jax.vmap(jax.jacrev(outputs_of_one), in_axes=(None, 0))(point, start + jnp.arange(size))
    curvatures = jax.vmap(jax.hessian(lambda z, t: program.example_loss(z[None], t[None])[0]))(outputs, targets)
    weighted = jnp.einsum("nij,njw->niw", curvatures, slopes)
    return slopes.reshape(-1, layout.size).T @ weighted.reshape(-1, layout.size)
