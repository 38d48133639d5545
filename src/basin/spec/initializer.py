"""Specifications of the distributions that weights start from, and what a width is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from basin.spec.base import STATIC, TRACED, Spec

Width = Annotated[int, STATIC, Field(ge=1)]
"""Units of a layer, or channels, or what they are multiples of."""


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
