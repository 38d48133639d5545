"""Specifications of a number that changes along training, as a function of progress p in [0, 1].

Progress is updates done over updates budgeted: 0 at the first update, (T - 1)/T at the last of T. Every duration
here is a fraction of the budget, so a schedule keeps its shape when a run gets longer, and runs of different lengths
share one compiled program. A staircase of 512 updates in a budget of 500 000 is `every=512 / 500_000`.

A bare number stands for :class:`Constant`, so that runs with eight learning rates are one program and not eight. All
numbers are traced; kinds and the number of steps in :class:`Step` are not.

References:
    Bishop & Bishop, Deep Learning (2024), section 7.3.2 (linear, power law, exponential).
    Nakkiran et al., Deep Double Descent (2019) (inverse square root by stairs). Loshchilov & Hutter, SGDR (2017)
    (cosine). Goyal et al., Accurate, Large Minibatch SGD (2017) (gradual warm-up). Vaswani et al., Attention is all you
    need (2017) (warm-up, then inverse square root).
"""

from __future__ import annotations

import itertools
import typing
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from basin.spec.base import TRACED, Spec, unknown_name

Positive = Annotated[float, TRACED, Field(gt=0)]
NonNegative = Annotated[float, TRACED, Field(ge=0)]
InnerFraction = Annotated[float, TRACED, Field(gt=0, lt=1)]


class Constant(Spec):
    """The same value throughout; what a bare number stands for."""

    kind: Literal["constant"] = "constant"
    value: NonNegative


class Linear(Spec):
    """From `initial` to `final` in a straight line up to progress `until`, then constant.

    value(p) = (1 - q) initial + q final, q = min(p / until, 1).
    """

    kind: Literal["linear"] = "linear"
    initial: NonNegative
    final: NonNegative = 0.0
    until: Annotated[float, TRACED, Field(gt=0, le=1)] = 1.0


class PowerLaw(Spec):
    """value(p) = initial (1 + p / scale)^power with power < 0, smooth or by stairs.

    With `every`, p is first rounded down to a multiple of it. The schedule of Nakkiran et al. 2019 at T updates,
    initial / sqrt(1 + floor(t / 512)), has power = -1/2 and scale = every = 512 / T.

    Attributes:
        initial: Value at p = 0.
        power: Exponent c < 0.
        scale: Progress s at which the base 1 + p/s has doubled.
        every: Length of a stair; none for the smooth curve.
    """

    kind: Literal["power_law"] = "power_law"
    initial: NonNegative
    power: Annotated[float, TRACED, Field(lt=0)]
    scale: Positive
    every: Positive | None = None


class Exponential(Spec):
    """value(p) = initial decay^(p / scale), 0 < decay <= 1: one factor `decay` every `scale` of the budget."""

    kind: Literal["exponential"] = "exponential"
    initial: NonNegative
    decay: Annotated[float, TRACED, Field(gt=0, le=1)]
    scale: Positive = 1.0


class Cosine(Spec):
    """value(p) = final + (initial - final) (1 + cos(pi p)) / 2: half a period over the whole budget."""

    kind: Literal["cosine"] = "cosine"
    initial: NonNegative
    final: NonNegative = 0.0


class Step(Spec):
    """value(p) = initial factor^n, n the number of entries of `at` that p has reached.

    Attributes:
        initial: Value at the start.
        factor: What each step multiplies by.
        at: Fractions of the budget, ascending; how many there are shapes the program.
    """

    kind: Literal["step"] = "step"
    initial: NonNegative
    factor: Positive
    at: Annotated[tuple[InnerFraction, ...], Field(min_length=1)]

    @field_validator("at")
    @classmethod
    def _ascending(cls, at: tuple[float, ...]) -> tuple[float, ...]:
        if any(later <= earlier for earlier, later in itertools.pairwise(at)):
            raise ValueError(f"expected ascending fractions of the budget, got {at}; sort them and drop copies")
        return at


class Warmup(Spec):
    """A linear rise over the first `fraction` of the budget, then another schedule over what remains.

    With f = fraction and s = start: value(p) = then(0) (s + (1 - s) p / f) for p < f, then((p - f) / (1 - f)) from
    there on. So `then` begins at its initial value when the rise ends, and its own fractions are of the remainder (as
    in `optax.warmup_cosine_decay_schedule`): a drop at progress d of the whole is `at=((d - f) / (1 - f),)`.

    Attributes:
        fraction: Length f of the rise.
        then: What follows; a bare number is held.
        start: Where the rise begins, as a share of then(0). Goyal et al. 2017 begin at 1/k for a batch k times
            as large; 0 begins at nothing, and the first update then moves nothing.
    """

    kind: Literal["warmup"] = "warmup"
    fraction: InnerFraction
    then: Rate
    start: Annotated[float, TRACED, Field(ge=0, le=1)] = 0.0


class InverseSquareRoot(Spec):
    """A linear rise, then one over the root of the updates: value(p) = peak min(p / f, sqrt(f / p)), f = warmup.

    The schedule of Vaswani et al. 2017, d^(-1/2) min(t^(-1/2), t w^(-3/2)) for a width d, after t of T updates and
    with w updates of warm-up, has peak = (d w)^(-1/2) and warmup = w / T. The first update, at p = 0, moves nothing.

    Attributes:
        peak: The highest value, at progress `warmup`.
        warmup: Length of the rise.
    """

    kind: Literal["inverse_square_root"] = "inverse_square_root"
    peak: NonNegative
    warmup: InnerFraction


Schedule = Constant | Linear | PowerLaw | Exponential | Cosine | Step | Warmup | InverseSquareRoot


def kinds(union: Any) -> dict[str, type[Spec]]:
    """Return the members of a union of specifications by their `kind`.

    Example:
        >>> kinds(Schedule)["cosine"].__name__
        'Cosine'
    """
    return {member.model_fields["kind"].default: member for member in typing.get_args(union)}


def known_kind(value: Any, union: Any, what: str) -> Any:
    """Return `value`, refusing a mapping whose `kind` is missing or names no member of `union`."""
    if isinstance(value, Mapping) and "kind" not in value:
        raise ValueError(f"expected the kind of {what}, one of {', '.join(kinds(union))}, got {dict(value)}")
    if isinstance(value, Mapping) and value["kind"] not in kinds(union):
        raise ValueError(unknown_name(str(value["kind"]), kinds(union), f"kind of {what}"))
    return value


def _number_is_constant(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (Real, str, Mapping, Spec)):
        raise ValueError(f"expected a number or a schedule, got {value!r}")
    if isinstance(value, (Real, str)):
        return Constant.model_validate({"value": value})
    return known_kind(value, Schedule, "schedule")


if TYPE_CHECKING:
    AnySchedule = Schedule
    Rate = float | Schedule
else:
    AnySchedule = Annotated[Schedule, Field(discriminator="kind"), BeforeValidator(_number_is_constant)]
    """Any schedule, told apart by `kind`; a bare number becomes :class:`Constant`."""
    Rate = AnySchedule
    """The same, under the name that fields of optimisers use; for a type checker it admits a bare number."""

Warmup.model_rebuild()
