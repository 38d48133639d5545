"""Attention of several heads (Vaswani et al. 2017, section 3.2), of a sequence to itself or to another one.

With queries Q, keys K and values V, each split into heads of equal width, a head is softmax(Q K' / s) V: for each query
the mean of the values, weighted by how well their keys fit. The heads are joined and mixed by a dense layer. What a
query may not see has the weight 0 exactly; a query that may see nothing gets the plain mean of all values.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

Tokens = Float[Array, "batch tokens width"]
Visible = Bool[Array, "#batch #heads #tokens #memory"]


class Attention(nnx.Module):
    """Dense layers around :func:`attend`; queries, keys and values have no bias (a key's would have no gradient)."""

    def __init__(
        self, width: int, heads: int, init: Callable[..., jax.Array], *, scale: float | None = None, rngs: nnx.Rngs
    ) -> None:
        """Make the layers.

        Args:
            width: Numbers in a token, a multiple of `heads`.
            heads: Number of heads.
            init: Distribution of the weights; queries, keys and values are one array (width, 3 width).
            scale: What a product of query and key is multiplied by; the width of a head to the power -1/2 if not given.
            rngs: Random streams.
        """
        self.heads = heads
        self.scale = (width // heads) ** -0.5 if scale is None else scale
        self.inputs = nnx.Linear(width, 3 * width, use_bias=False, kernel_init=init, rngs=rngs)
        self.mix = nnx.Linear(width, width, kernel_init=init, rngs=rngs)

    def __call__(self, x: Tokens, memory: Tokens | None = None, visible: Visible | None = None) -> Tokens:
        """Map tokens to tokens of the same shape.

        Args:
            x: What asks.
            memory: What is looked at, (batch, memory, width); the tokens themselves if not given.
            visible: Which tokens of the memory each token may see; all if not given.
        """
        width = x.shape[-1]
        if memory is None:
            query, key, value = jnp.split(self.inputs(x), 3, axis=-1)
        else:
            kernel = self.inputs.kernel[...]
            query = x @ kernel[:, :width]
            key, value = jnp.split(memory @ kernel[:, width:], 2, axis=-1)
        return self.mix(attend(query, key, value, heads=self.heads, scale=self.scale, visible=visible))


def attend(
    query: Tokens,
    key: Float[Array, "batch memory width"],
    value: Float[Array, "batch memory width"],
    *,
    heads: int,
    scale: float,
    visible: Visible | None = None,
) -> Tokens:
    """Return softmax(scale Q K') V of each head, joined.

    Example:
        >>> query, key, value = jnp.zeros((1, 1, 2)), jnp.ones((1, 3, 2)), jnp.arange(6.0).reshape(1, 3, 2)
        >>> visible = jnp.array([[[[True, True, False]]]])
        >>> attend(query, key, value, heads=1, scale=1.0, visible=visible).tolist()  # the mean of the first two
        [[[1.0, 2.0]]]
    """
    batch, tokens, width = query.shape
    q, k, v = (x.reshape(batch, -1, heads, width // heads).transpose(0, 2, 1, 3) for x in (query, key, value))
    scores = scale * q @ k.swapaxes(-1, -2)
    if visible is not None:
        scores = jnp.where(visible, scores, jnp.finfo(scores.dtype).min)
    return (jax.nn.softmax(scores, axis=-1) @ v).transpose(0, 2, 1, 3).reshape(batch, tokens, width)
