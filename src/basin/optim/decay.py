r"""Weight decay: u <- u + alpha w, for all parameters or for the kernels alone.

Kernels are the arrays of two or more axes whose name is not `bias`: the weights of dense layers and convolutions,
under whatever name a library gives them. What is left out are biases (those of Equinox's convolutions have several
axes) and the scales and offsets of normalisation.

References:
    Bishop & Bishop, Deep Learning (2024), section 9.2.1: the consistent decay leaves the biases out.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from basin.spec.optimizer import Decaying


def decayed_weights(strength: float | jax.Array, which: Decaying) -> optax.GradientTransformation:
    """Return the transformation that adds `strength` times the parameters that decay; none if `strength` is `False`.

    Args:
        strength: alpha, 0 or more; a tracer perhaps.
        which: The parameters that decay.

    Example:
        >>> rule = decayed_weights(0.5, "kernels")
        >>> w = {"kernel": jnp.ones((1, 2)), "bias": jnp.ones(2)}
        >>> zero = jax.tree.map(jnp.zeros_like, w)
        >>> added, _ = rule.update(zero, rule.init(w), w)
        >>> added["kernel"].tolist(), added["bias"].tolist()
        ([[0.5, 0.5]], [0.0, 0.0])
    """
    if strength is False:
        return optax.identity()
    return optax.add_decayed_weights(strength, mask=None if which == "all" else kernels)


def kernels(params: Any) -> Any:
    """Return a tree like `params` that holds `True` at the kernels and `False` elsewhere.

    Raises:
        ValueError: There are none, so that a decay of the kernels would do nothing.

    Example:
        >>> kernels({"dense": {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3)}, "norm": {"scale": jnp.ones(3)}})
        {'dense': {'bias': False, 'kernel': True}, 'norm': {'scale': False}}
    """
    found = jax.tree_util.tree_map_with_path(_is_kernel, params)
    if not any(jax.tree.leaves(found)):
        raise ValueError(
            "decays='kernels': expected an array of two or more axes among the parameters, got none; use decays='all'"
        )
    return found


def _is_kernel(path: tuple[Any, ...], leaf: Any) -> bool:
    name = jax.tree_util.keystr(path[-1:], simple=True)
    return jnp.ndim(leaf) >= 2 and name != "bias"
