"""The specification of a race: optimisers side by side on a surface or on a network, each at its own best rate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from basin.spec.base import HOST, HostFloat, HostInt, Spec, unknown_name
from basin.spec.budget import Budget
from basin.spec.data import AnyData, Digits
from basin.spec.model import MLP, AnyModel
from basin.spec.optimizer import SGD, Adadelta, AdaGrad, Adam, AdamW, GradientDescent, RMSProp
from basin.spec.schedule import Constant
from basin.spec.study import StudySpec


class Rules(Spec):
    """The rules that may race; the learning rate of each is the middle of the grid that its best one is sought on."""

    sgd: GradientDescent = GradientDescent(learning_rate=0.01)
    momentum: SGD = SGD(learning_rate=0.01, momentum=0.9)
    nesterov: SGD = SGD(learning_rate=0.01, momentum=0.9, nesterov=True)
    adagrad: AdaGrad = AdaGrad(learning_rate=0.1)
    rmsprop: RMSProp = RMSProp(learning_rate=0.01)
    adam: Adam = Adam(learning_rate=0.01)
    adamw: AdamW = AdamW(learning_rate=0.01)
    adadelta: Adadelta = Adadelta(learning_rate=1.0)

    @model_validator(mode="after")
    def _rates_are_positive_numbers(self) -> Rules:
        for name in type(self).model_fields:
            rate: Any = getattr(self, name).learning_rate
            if not isinstance(rate, Constant) or rate.value == 0:
                got = f"{rate.value:g}" if isinstance(rate, Constant) else f"the schedule '{rate.kind}'"
                raise ValueError(
                    f"expected a positive number as rules.{name}.learning_rate, the middle of its grid, got {got}"
                )
        return self


RULES = tuple(Rules.model_fields)
USUAL = tuple(name for name in RULES if name != "adamw")


class Race(StudySpec):
    """What every race has.

    Attributes:
        optimizers: Who takes part: names of `rules`.
        rules: The rules with their numbers; momentum's form is `rules.momentum.momentum_form`.
        rates: Learning rates that each rule is tried at first, around its own.
        per_decade: Rates in a factor of ten.
        most_rates: A best rate at the end of the grid extends the grid there, by a decade at a time, up to so many.
        tuning_seeds: Starts, or seeds, on which rates are chosen; those of the ranking are others.
        target: Where a race is won: a height above the lowest value, or a training loss. If not given, what the median
            rule reaches at its best rate on the tuning starts.
    """

    optimizers: Annotated[tuple[str, ...], HOST, Field(min_length=1)] = USUAL
    rules: Annotated[Rules, HOST] = Rules()
    rates: Annotated[HostInt, Field(ge=1, le=99)] = 9
    per_decade: Annotated[HostInt, Field(ge=1, le=20)] = 2
    most_rates: Annotated[HostInt, Field(ge=1, le=200)] = 17
    tuning_seeds: Annotated[HostInt, Field(ge=1, le=1000)] = 20
    target: Annotated[HostFloat, Field(gt=0)] | None = None

    @field_validator("optimizers")
    @classmethod
    def _rules_are_known_and_named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in RULES:
                raise ValueError(unknown_name(name, RULES, "optimiser"))
        if len(set(names)) < len(names):
            raise ValueError(f"expected each optimiser once, got {', '.join(names)}")
        return names


class SurfaceRace(Race):
    """A race on a surface.

    Attributes:
        seeds: Starts of the ranking, each drawn by a seed of its own, evenly from a box around `start`.
        surface: Its name.
        steps: Updates of each walk.
        start: Where the walks of the picture and of the film begin; one that shows the surface well if not given.
        around: Side of the box that the other starts are drawn from, as a share of that of the surface's region. What
            of the box lies outside the region is cut off, so 2 is the whole region.
    """

    kind: Literal["surface"] = "surface"
    seeds: Annotated[HostInt, Field(ge=1, le=1000)] = 50
    surface: str = "beale"
    steps: Annotated[HostInt, Field(ge=1, le=100_000)] = 300
    start: Annotated[tuple[float, ...], HOST] | None = None
    around: Annotated[HostFloat, Field(gt=0, le=2)] = 0.25


class NetworkRace(Race):
    """A race on the training loss of a network.

    Attributes:
        data: Where examples come from.
        model: The network.
        batch_size: Examples an update.
        budget: Length of each training.
        looks: How often the whole training set is looked at: a target is reached at the first look that finds it so.
    """

    kind: Literal["network"] = "network"
    seeds: Annotated[HostInt, Field(ge=1, le=1000)] = 8
    rates: Annotated[HostInt, Field(ge=1, le=99)] = 7
    tuning_seeds: Annotated[HostInt, Field(ge=1, le=1000)] = 2
    data: AnyData = Digits()
    model: AnyModel = MLP(widths=(64,))
    batch_size: Annotated[HostInt, Field(ge=1)] = 32
    budget: Annotated[Budget, HOST] = Budget(amount=5, unit="epochs")
    looks: Annotated[HostInt, Field(ge=2, le=1000)] = 30


RACES: dict[str, type[Race]] = {"surface": SurfaceRace, "network": NetworkRace}
"""The kinds of race."""
