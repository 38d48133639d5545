"""Specifications of networks; the distributions that their weights start from are in :mod:`basin.spec.initializer`.

Each answers :meth:`num_parameters` in closed form, so that a size is known before anything is built.
"""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from basin.spec.base import STATIC, Spec, StaticFloat
from basin.spec.initializer import Constant, Glorot, He, Initializer, Width
from basin.spec.model_keskar import C1, C2, C3, C4

Activation = Literal["relu", "tanh", "sigmoid", "gelu", "softplus", "identity"]
Norm = Literal["batch", "layer"]


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


class F2(Spec):
    """The fully connected network F2 of Keskar et al. 2017: seven layers of 512 with batch normalisation and ReLU.

    Its own input are TIMIT's frames: 360 to 1 973 states, 2 780 085 parameters.
    """

    kind: Literal["f2"] = "f2"
    norm_momentum: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.9
    initializer: Initializer = Glorot()

    def as_mlp(self) -> MLP:
        """Return the same network spelled out."""
        return MLP(widths=(512,) * 7, norm="batch", norm_momentum=self.norm_momentum, initializer=self.initializer)

    def num_parameters(self, input_shape: tuple[int, ...] = (360,), num_classes: int = 1973) -> int:
        """Return the number of trained numbers; 2 780 085 at 360 to 1 973."""
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


class ResNet18(Spec):
    """The preactivation ResNet18 of He et al. 2016 with widths k, 2k, 4k, 8k, as in Nakkiran et al. 2019 and 2021.

    A 3x3 convolution, then four stages of two blocks (batch normalisation, ReLU, 3x3 convolution, twice), strides 1, 2,
    2, 2; where a block changes the shape, a 1x1 convolution of its first activation is what is added. Then the mean
    over positions and a linear layer; no convolution has a bias, and nothing is normalised after the last block.
    11 171 146 parameters at k = 64 and three channels, 2 947 at k = 1.
    """

    kind: Literal["resnet18"] = "resnet18"
    width: Width = 64
    norm_momentum: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.9
    initializer: Initializer = He()

    def num_parameters(self, input_shape: tuple[int, ...] = (32, 32, 3), num_classes: int = 10) -> int:
        """Return the number of trained numbers; the size of the image does not matter, its channels do."""
        total, channels = 9 * input_shape[-1] * self.width, self.width
        for stage in range(4):
            width = self.width * 2**stage
            total += 2 * (channels + 3 * width) + 9 * width * (channels + 3 * width)
            total += channels * width if stage else 0
            channels = width
        return total + channels * num_classes + num_classes


class VGG11(Spec):
    """VGG-11 with batch normalisation (Simonyan & Zisserman 2015, configuration A): eight 3x3 convolutions.

    Widths k, 2k, 4k, 4k, 8k, 8k, 8k, 8k with biases, each followed by batch normalisation and ReLU, and one linear
    layer. Max pooling by 2 follows the first, second, fourth, sixth and eighth, as long as the image is larger than one
    position; what is left is averaged. 9 231 114 parameters at k = 64 and three channels.
    """

    kind: Literal["vgg11"] = "vgg11"
    width: Width = 64
    norm_momentum: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.9
    initializer: Initializer = He()

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels after each convolution."""
        return tuple(self.width * factor for factor in (1, 2, 4, 4, 8, 8, 8, 8))

    def num_parameters(self, input_shape: tuple[int, ...] = (32, 32, 3), num_classes: int = 10) -> int:
        """Return the number of trained numbers; the size of the image does not matter, its channels do."""
        convolutions = sum(9 * m * n + n for m, n in itertools.pairwise((input_shape[-1], *self.widths)))
        return convolutions + 2 * sum(self.widths) + self.widths[-1] * num_classes + num_classes


class DenseNet(Spec):
    """DenseNet of Huang et al. 2017 without bottlenecks or compression; `DenseNet(depth=40, growth=12)` is its own.

    A 3x3 convolution to 16 channels, then three stages of (depth - 4) / 3 layers. A layer (batch normalisation, ReLU,
    3x3 convolution to `growth` channels) appends its output to its input; between stages come batch normalisation,
    ReLU, a 1x1 convolution that keeps the channels, and mean pooling by 2. At the end batch normalisation, ReLU, the
    mean over positions and a linear layer. No convolution has a bias. 1 019 722 parameters at depth 40 and growth 12.
    """

    kind: Literal["densenet"] = "densenet"
    depth: Annotated[int, STATIC, Field(ge=7)] = 40
    growth: Width = 12
    norm_momentum: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.9
    initializer: Initializer = He()

    @model_validator(mode="after")
    def _three_equal_stages(self) -> DenseNet:
        if (self.depth - 4) % 3:
            raise ValueError(
                f"expected a depth of 3 n + 4 (7, 10, ..., 40), got {self.depth}; the three stages have n layers each"
            )
        return self

    @property
    def layers_per_stage(self) -> int:
        """Layers that append channels, in each of the three stages."""
        return (self.depth - 4) // 3

    def num_parameters(self, input_shape: tuple[int, ...] = (32, 32, 3), num_classes: int = 10) -> int:
        """Return the number of trained numbers; the size of the image does not matter, its channels do."""
        total, channels = 9 * input_shape[-1] * 16, 16
        for stage in range(3):
            for _ in range(self.layers_per_stage):
                total += 2 * channels + 9 * channels * self.growth
                channels += self.growth
            total += 2 * channels + (channels * channels if stage < 2 else 0)
        return total + channels * num_classes + num_classes


class ViT(Spec):
    """A vision transformer (Dosovitskiy et al. 2021): patches as tokens, a class token, learned positions.

    Each block adds self-attention of the normalised tokens, then a two-layer perceptron with GELU of the normalised
    tokens (pre-norm). Queries, keys and values have no bias. The class token at the end goes through layer
    normalisation, a layer of `mlp_width` with GELU, and a linear layer: the head of the Deep Bootstrap authors, whose
    own scale is `ViT(patch=4, width=768, depth=12, heads=12, mlp_width=3072, attention_scale="width")`.

    Attributes:
        patch: Side of a patch in pixels; divides the image's side.
        width: Numbers in a token; divisible by `heads`.
        depth: Blocks.
        heads: Heads of each attention.
        mlp_width: Hidden units of each perceptron, the head's included.
        attention_scale: What a product of query and key is divided by: the root of the numbers in a `"head"`, or, as in
            the authors' code, of the whole `"width"`.
        dropout: Share of units dropped in training after attention and in the perceptrons; 0 builds no dropout.
        initializer: Distribution of the weights; positions and the class token are normal with deviation 0.02.
    """

    kind: Literal["vit"] = "vit"
    patch: Annotated[int, STATIC, Field(ge=1)] = 4
    width: Width = 64
    depth: Annotated[int, STATIC, Field(ge=1)] = 4
    heads: Annotated[int, STATIC, Field(ge=1)] = 4
    mlp_width: Width = 128
    attention_scale: Literal["head", "width"] = "head"
    dropout: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.0
    initializer: Initializer = Glorot()

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> ViT:
        if self.width % self.heads:
            raise ValueError(f"expected heads that divide the width {self.width}, got {self.heads}")
        return self

    def num_parameters(self, input_shape: tuple[int, ...] = (32, 32, 3), num_classes: int = 10) -> int:
        """Return the number of trained numbers; the image's size sets the number of positions."""
        height, across, channels = input_shape
        d, m = self.width, self.mlp_width
        tokens = (height // self.patch) * (across // self.patch) + 1
        block = 2 * 2 * d + 3 * d * d + (d * d + d) + (d * m + m) + (m * d + d)
        embedding = self.patch**2 * channels * d + d + d + tokens * d
        return embedding + self.depth * block + 2 * d + (d * m + m) + (m * num_classes + num_classes)


class Transformer(Spec):
    """The encoder-decoder transformer of Vaswani et al. 2017, as Nakkiran et al. 2019 trained it over its width.

    Two rows of words in, outputs over the vocabulary for each word of the target out. Layers are normalised after each
    sum (post-norm), positions are sinusoidal, the hidden layers have ReLU and four times the width, and words' vectors
    are multiplied by the root of the width. Queries, keys and values have no bias, nor have the outputs.
    54 350 848 parameters at its own 10 000 words, whatever the length of sentences.

    Attributes:
        width: Numbers in a token, the embedding dimension d; divisible by `heads`.
        depth: Layers of the encoder.
        decoder_depth: Layers of the decoder; as many as the encoder has if not given.
        heads: Heads of each attention.
        mlp_width: Hidden units of each layer; four times the width if not given.
        tied: Which of the three tables of words' vectors are one: those of the decoder's input and of the outputs
            (`"decoder"`, fairseq's recipe for IWSLT'14), those of the source as well (`"all"`, Vaswani et al.), or
            `"none"`.
        dropout: Share of numbers dropped in training from words and from what each part of a layer adds; 0 builds no
            dropout.
        initializer: Distribution of the layers' weights; words' vectors are normal with variance 1 / d.

    Example:
        >>> Transformer(width=8, depth=1, heads=2).num_parameters((2, 10), 50)
        2776
    """

    kind: Literal["transformer"] = "transformer"
    width: Width = 512
    depth: Annotated[int, STATIC, Field(ge=1)] = 6
    decoder_depth: Annotated[int | None, STATIC, Field(ge=1)] = None
    heads: Annotated[int, STATIC, Field(ge=1)] = 8
    mlp_width: Width | None = None
    tied: Literal["all", "decoder", "none"] = "decoder"
    dropout: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.0
    initializer: Initializer = Glorot()

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Transformer:
        if self.width % self.heads:
            raise ValueError(
                f"expected a width that {self.heads} heads divide, got {self.width}; take a multiple, or fewer heads"
            )
        return self

    @property
    def depths(self) -> tuple[int, int]:
        """Layers of the encoder and of the decoder."""
        return self.depth, self.depth if self.decoder_depth is None else self.decoder_depth

    @property
    def hidden_width(self) -> int:
        """Hidden units of each layer."""
        return 4 * self.width if self.mlp_width is None else self.mlp_width

    def num_parameters(self, input_shape: tuple[int, ...] = (2, 64), num_classes: int = 10_000) -> int:
        """Return the number of trained numbers; the length of sentences does not matter, the vocabulary does."""
        d, m = self.width, self.hidden_width
        attention, dense, norm = 4 * d * d + d, (d * m + m) + (m * d + d), 2 * d
        encoder, decoder = attention + dense + 2 * norm, 2 * attention + dense + 3 * norm
        tables = {"all": 1, "decoder": 2, "none": 3}[self.tied]
        return tables * num_classes * d + self.depths[0] * encoder + self.depths[1] * decoder


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


AnyModel = Annotated[
    MLP | F1 | F2 | C1 | C2 | C3 | C4 | CNN5 | ResNet18 | VGG11 | DenseNet | ViT | Transformer | External,
    Field(discriminator="kind"),
]


def mlp_parameters(units: tuple[int, ...], *, normalised: bool) -> int:
    """Return the number of weights, biases and (if normalised) scales and offsets of a chain of dense layers."""
    dense = sum(m * n + n for m, n in itertools.pairwise(units))
    return dense + (2 * sum(units[1:-1]) if normalised else 0)
