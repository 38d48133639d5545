"""Specifications of networks and of the distribution that their weights start from.

Each answers :meth:`num_parameters` in closed form, so that a size is known before anything is built.
"""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Literal

from pydantic import Field

from basin.spec.base import STATIC, TRACED, Spec, StaticFloat

Width = Annotated[int, STATIC, Field(ge=1)]
Activation = Literal["relu", "tanh", "sigmoid", "gelu", "softplus", "identity"]
Norm = Literal["batch", "layer"]


class He(Spec):
    """Normal with variance 2 / fan-in (He et al. 2015): keeps the second moment through ReLU layers."""

    kind: Literal["he"] = "he"


class Glorot(Spec):
    """Uniform on [-a, a] with a^2 = 6 / (fan-in + fan-out) (Glorot & Bengio 2010)."""

    kind: Literal["glorot"] = "glorot"


class LeCun(Spec):
    """Normal with variance 1 / fan-in (LeCun et al. 1998)."""

    kind: Literal["lecun"] = "lecun"


class Uniform(Spec):
    """Uniform on [-epsilon, epsilon]: variance epsilon^2 / 3."""

    kind: Literal["uniform"] = "uniform"
    epsilon: Annotated[float, TRACED, Field(gt=0)]


class Normal(Spec):
    """Normal with mean 0 and standard deviation epsilon: variance epsilon^2."""

    kind: Literal["normal"] = "normal"
    epsilon: Annotated[float, TRACED, Field(gt=0)]


class Constant(Spec):
    """Every entry the same; as weights it leaves the units of a layer identical for ever."""

    kind: Literal["constant"] = "constant"
    value: Annotated[float, TRACED] = 0.0


Initializer = Annotated[He | Glorot | LeCun | Uniform | Normal | Constant, Field(discriminator="kind")]


class MLP(Spec):
    """Fully connected layers, each followed by normalisation, activation and dropout, then a linear layer.

    Attributes:
        widths: Units of each hidden layer.
        activation: Applied to every hidden layer.
        norm: `"batch"`, `"layer"` or none.
        norm_position: Whether to normalise before the activation (Ioffe & Szegedy 2015) or after it.
        norm_momentum: How much of the running averages each batch leaves in place.
        norm_affine: Whether each normalised unit has a trained scale and offset (gamma and beta); without them the
            layer cannot represent the one that is not normalised.
        initializer: Distribution of the weights.
        bias_initializer: Distribution of the biases, the last layer's included.
        dropout: Share of hidden units dropped in training; 0 builds no dropout.

    Example:
        >>> MLP(widths=(512,) * 5, norm="batch").num_parameters((784,), 10)
        1462794
    """

    kind: Literal["mlp"] = "mlp"
    widths: tuple[Width, ...] = (128, 128, 128)
    activation: Activation = "relu"
    norm: Norm | None = None
    norm_position: Literal["before_activation", "after_activation"] = "before_activation"
    norm_momentum: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.9
    norm_affine: bool = True
    initializer: Initializer = He()
    bias_initializer: Initializer = Constant()
    dropout: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.0

    def num_parameters(self, input_shape: tuple[int, ...] = (64,), num_classes: int = 10) -> int:
        """Return the number of trained numbers, normalisation's scales and offsets included."""
        units = (math.prod(input_shape), *self.widths, num_classes)
        return mlp_parameters(units, normalised=self.norm is not None and self.norm_affine)


class F1(Spec):
    """The fully connected network F1 of Keskar et al. 2017: five layers of 512 with batch normalisation and ReLU.

    Its own input is MNIST's: 784 to 10, 1 462 794 parameters.
    """

    kind: Literal["f1"] = "f1"
    norm_momentum: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.9
    initializer: Initializer = Glorot()

    def as_mlp(self) -> MLP:
        """Return the same network spelled out."""
        return MLP(widths=(512,) * 5, norm="batch", norm_momentum=self.norm_momentum, initializer=self.initializer)

    def num_parameters(self, input_shape: tuple[int, ...] = (784,), num_classes: int = 10) -> int:
        """Return the number of trained numbers; 1 462 794 at 784 to 10."""
        return self.as_mlp().num_parameters(input_shape, num_classes)


class CNN5(Spec):
    """The five-layer network of Nakkiran et al. 2019: four convolutions of widths k, 2k, 4k, 8k and a linear layer.

    Each convolution is 3x3 with padding 1 and a bias, then batch normalisation, ReLU and max pooling by 1, 2, 2 and
    whatever is left, so that one position remains. 1 558 026 parameters at k = 64 and three channels.
    """

    kind: Literal["cnn5"] = "cnn5"
    width: Width = 64
    norm_momentum: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.9
    initializer: Initializer = He()

    def num_parameters(self, input_shape: tuple[int, ...] = (32, 32, 3), num_classes: int = 10) -> int:
        """Return the number of trained numbers; the size of the image does not matter, its channels do."""
        widths = [self.width * factor for factor in (1, 2, 4, 8)]
        convolutions = sum(9 * m * n + n for m, n in itertools.pairwise([input_shape[-1], *widths]))
        return convolutions + 2 * sum(widths) + widths[-1] * num_classes + num_classes


class External(Spec):
    """A model that the user brought, known by name and by a fingerprint of what it computes.

    Made by :func:`basin.models.from_flax`, :func:`~basin.models.from_equinox` and
    :func:`~basin.models.from_functions`; it can be trained in the process that made it.
    """

    kind: Literal["external"] = "external"
    name: str
    fingerprint: str
    parameters: Annotated[int, STATIC, Field(ge=1)]

    def num_parameters(self) -> int:
        """Return the number of trained numbers."""
        return self.parameters


AnyModel = Annotated[MLP | F1 | CNN5 | External, Field(discriminator="kind")]


def mlp_parameters(units: tuple[int, ...], *, normalised: bool) -> int:
    """Return the number of weights, biases and (if normalised) scales and offsets of a chain of dense layers."""
    dense = sum(m * n + n for m, n in itertools.pairwise(units))
    return dense + (2 * sum(units[1:-1]) if normalised else 0)
