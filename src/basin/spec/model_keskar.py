"""Specifications of the convolutional networks of Keskar et al. 2017: C1 and C3 are shallow, C2 and C4 are deep.

They follow the authors' code (`shallownet` and `deepnet`), which the paper's appendix abbreviates. C3 and C4 are C1 and
C2 with CIFAR-100's classes. Weights are drawn as their library's defaults do, biases start at 0.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import Field

from basin.spec.base import Spec, StaticFloat
from basin.spec.initializer import Glorot, Initializer, Width

ImageShape = tuple[int, ...]


class _Convolutional(Spec):
    """What the four have in common."""

    width: Width = 64
    dropout: bool = True
    norm_momentum: Annotated[StaticFloat, Field(ge=0, lt=1)] = 0.9
    initializer: Initializer = Glorot()


class Shallow(_Convolutional):
    """Two convolutions of k channels, dense layers of 6 k and 3 k units, and a linear layer."""

    @property
    def dense_widths(self) -> tuple[int, int]:
        """Units of the two dense layers: 384 and 192 at k = 64."""
        return 6 * self.width, 3 * self.width

    def positions(self, size: int) -> int:
        """Return how many positions two poolings leave of an image of a size."""
        return ((size + 3) // 4) ** 2

    def _count(self, input_shape: ImageShape, num_classes: int) -> int:
        channels = (input_shape[-1], self.width, self.width)
        units = (self.positions(input_shape[0]) * self.width, *self.dense_widths, num_classes)
        normalised = sum(channels[1:]) + sum(units[1:-1])
        return _chain(channels, 25) + _chain(units, 1) + 2 * normalised


class Deep(_Convolutional):
    """Thirteen convolutions in five stacks of k, 2 k, 4 k, 8 k and 8 k channels, a dense layer, and a linear layer."""

    @property
    def stacks(self) -> tuple[tuple[int, ...], ...]:
        """Channels after each convolution, stack by stack."""
        return tuple((factor * self.width,) * count for factor, count in ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3)))

    def positions(self, size: int) -> int:
        """Return how many positions five poolings leave of an image of a size."""
        return max(size // 32, 1) ** 2

    def _count(self, input_shape: ImageShape, num_classes: int) -> int:
        channels = (input_shape[-1], *itertools.chain(*self.stacks))
        units = (self.positions(input_shape[0]) * channels[-1], channels[-1], num_classes)
        normalised = sum(channels[1:]) + sum(units[1:-1])
        return _chain(channels, 9) + _chain(units, 1) + 2 * normalised


class C1(Shallow):
    """The shallow convolutional network C1 of Keskar et al. 2017, for CIFAR-10.

    Twice a 5x5 convolution of k channels, batch normalisation, ReLU and the maximum over 3x3 windows at every second
    position; then dense layers of 6 k and 3 k units, each with batch normalisation, ReLU and half of the units dropped
    in training; then a linear layer. 1 757 834 parameters at k = 64 and three channels.

    Attributes:
        width: k.
        dropout: Whether units are dropped in training.
        norm_momentum: How much of the running averages each batch leaves in place.
        initializer: Distribution of the weights.

    Example:
        >>> C1().num_parameters(), C3().num_parameters()
        (1757834, 1775204)
    """

    kind: Literal["c1"] = "c1"

    def num_parameters(self, input_shape: ImageShape = (32, 32, 3), num_classes: int = 10) -> int:
        """Return the number of trained numbers; the size of the image counts, for the first dense layer."""
        return self._count(input_shape, num_classes)


class C2(Deep):
    """The deep convolutional network C2 of Keskar et al. 2017, for CIFAR-10: a VGG with dropout throughout.

    3x3 convolutions with batch normalisation and ReLU in stacks of 2, 2, 3, 3 and 3, of k, 2 k, 4 k, 8 k and 8 k
    channels; each stack ends with max pooling by 2, as long as there is something to halve. Then a dense layer of 8 k
    units with batch normalisation and ReLU, and a linear layer. In training 0.3 of the numbers are dropped between the
    convolutions of the first stack, 0.4 between those of the others, and half before and after the dense layer.
    14 991 946 parameters at k = 64 and three channels.

    Attributes:
        width: k.
        dropout: Whether numbers are dropped in training.
        norm_momentum: How much of the running averages each batch leaves in place.
        initializer: Distribution of the weights.

    Example:
        >>> C2().num_parameters(), C4().num_parameters()
        (14991946, 15038116)
    """

    kind: Literal["c2"] = "c2"

    def num_parameters(self, input_shape: ImageShape = (32, 32, 3), num_classes: int = 10) -> int:
        """Return the number of trained numbers; images of up to 32 pixels all give the same."""
        return self._count(input_shape, num_classes)


class C3(Shallow):
    """The network C3 of Keskar et al. 2017: :class:`C1` for CIFAR-100, 1 775 204 parameters."""

    kind: Literal["c3"] = "c3"

    def num_parameters(self, input_shape: ImageShape = (32, 32, 3), num_classes: int = 100) -> int:
        """Return the number of trained numbers; the size of the image counts, for the first dense layer."""
        return self._count(input_shape, num_classes)


class C4(Deep):
    """The network C4 of Keskar et al. 2017: :class:`C2` for CIFAR-100, 15 038 116 parameters."""

    kind: Literal["c4"] = "c4"

    def num_parameters(self, input_shape: ImageShape = (32, 32, 3), num_classes: int = 100) -> int:
        """Return the number of trained numbers; images of up to 32 pixels all give the same."""
        return self._count(input_shape, num_classes)


def _chain(units: tuple[int, ...], positions: int) -> int:
    """Return the weights and biases of layers one after another, each with so many positions in its kernel."""
    return sum(positions * m * n + n for m, n in itertools.pairwise(units))
