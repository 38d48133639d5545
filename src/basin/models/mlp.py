"""The multi-layer perceptron."""

from __future__ import annotations

import itertools
import math

import jax
from flax import nnx

from basin.models.adapt_flax import flax_model
from basin.models.initializers import initializer
from basin.models.model import Model
from basin.spec.model import MLP

ACTIVATIONS = {
    "relu": jax.nn.relu,
    "tanh": jax.numpy.tanh,
    "sigmoid": jax.nn.sigmoid,
    "gelu": jax.nn.gelu,
    "softplus": jax.nn.softplus,
    "identity": lambda x: x,
}


class Perceptron(nnx.Module):
    """Flatten, then for each width: dense, norm, activation, norm (one of the two places), dropout; then dense."""

    def __init__(self, spec: MLP, num_inputs: int, num_classes: int, *, rngs: nnx.Rngs) -> None:
        weights, biases = initializer(spec.initializer), initializer(spec.bias_initializer)
        units = (num_inputs, *spec.widths)

        def dense(m: int, n: int) -> nnx.Linear:
            return nnx.Linear(m, n, kernel_init=weights, bias_init=biases, rngs=rngs)

        self.activation = ACTIVATIONS[spec.activation]
        self.normalise_first = spec.norm_position == "before_activation"
        self.dense = nnx.List([dense(m, n) for m, n in itertools.pairwise(units)])
        self.norm = nnx.List([_norm(spec, width, rngs) for width in spec.widths if spec.norm])
        self.dropout = nnx.List([nnx.Dropout(spec.dropout, rngs=rngs) for _ in spec.widths if spec.dropout])
        self.output = dense(units[-1], num_classes)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map a batch of examples of any shape to a batch of outputs."""
        x = x.reshape(x.shape[0], -1)
        for index, dense in enumerate(self.dense):
            x = dense(x)
            if self.norm and self.normalise_first:
                x = self.norm[index](x)
            x = self.activation(x)
            if self.norm and not self.normalise_first:
                x = self.norm[index](x)
            if self.dropout:
                x = self.dropout[index](x)
        return self.output(x)


def _norm(spec: MLP, width: int, rngs: nnx.Rngs) -> nnx.Module:
    affine = spec.norm_affine
    if spec.norm == "batch":
        return nnx.BatchNorm(width, momentum=spec.norm_momentum, use_scale=affine, use_bias=affine, rngs=rngs)
    return nnx.LayerNorm(width, use_scale=affine, use_bias=affine, rngs=rngs)


def build_mlp(spec: MLP, input_shape: tuple[int, ...], num_classes: int) -> Model:
    """Build a perceptron for inputs of any shape."""
    num_inputs = math.prod(input_shape)
    return flax_model(
        lambda rngs: Perceptron(spec, num_inputs, num_classes, rngs=rngs),
        name="MLP " + "-".join(map(str, spec.widths)) + (f" with {spec.norm} norm" if spec.norm else ""),
        input_shape=input_shape,
        num_classes=num_classes,
    )
