"""The specification of the study `optimisers`: which rules, on what, tuned how."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from basin.spec.base import HOST, HostInt, Spec
from basin.spec.data import AnyData
from basin.spec.model import MLP, AnyModel
from basin.spec.optimizer import SGD, Adadelta, AdaGrad, Adam, AnyOptimizer, RMSProp
from basin.spec.study import StudySpec

Rates = Annotated[tuple[float, ...], HOST, Field(min_length=3)]


class Arm(Spec):
    """An optimiser under the name that figures give it; its learning rate is replaced by the grid's."""

    name: Annotated[str, Field(pattern="^[a-z0-9-]+$")]
    optimizer: AnyOptimizer


class Task(Spec):
    """A network to be trained, the same for every optimiser.

    Attributes:
        name: What claims and figures call it.
        data: With examples held out, on which learning rates are chosen.
        model: The network.
        batch_size: Examples an update.
        epochs: Length of every training.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9]+$")]
    data: AnyData
    model: AnyModel = MLP(widths=(64, 64))
    batch_size: Annotated[HostInt, Field(ge=1)] = 32
    epochs: Annotated[HostInt, Field(ge=1)] = 10


class Scene(Spec):
    """A surface to be walked over.

    Attributes:
        surface: Its name.
        num_steps: Length of every walk.
        share: The target: this share of the way in value from the start to the minimum is left.
    """

    surface: str
    num_steps: Annotated[HostInt, Field(ge=1)] = 500
    share: Annotated[float, HOST, Field(gt=0, lt=1)] = 1e-3


ARMS = (
    Arm(name="descent", optimizer=SGD(learning_rate=1.0)),
    Arm(name="momentum", optimizer=SGD(learning_rate=1.0, momentum=0.9)),
    Arm(name="nesterov", optimizer=SGD(learning_rate=1.0, momentum=0.9, nesterov=True)),
    Arm(name="adagrad", optimizer=AdaGrad(learning_rate=1.0)),
    Arm(name="rmsprop", optimizer=RMSProp()),
    Arm(name="adam", optimizer=Adam()),
    Arm(name="adadelta", optimizer=Adadelta()),
)


class Optimisers(StudySpec):
    """Every optimiser on surfaces and on networks, each at the best of the same number of learning rates.

    Attributes:
        arms: The optimisers.
        tuning_seeds: The first so many seeds choose the rate of each optimiser; the others rank them.
        rates: Learning rates on networks, ascending by a constant factor, wide enough that no best one lies at an end.
        tasks: Networks.
        scenes: Surfaces.
        surface_rates: Learning rates on surfaces.
        starts: Starts on each surface: one half chooses the rate, the other ranks.
    """

    seeds: Annotated[HostInt, Field(ge=4, le=1000)] = 8
    arms: Annotated[tuple[Arm, ...], HOST, Field(min_length=2)] = ARMS
    tuning_seeds: Annotated[HostInt, Field(ge=1)] = 3
    rates: Rates
    tasks: Annotated[tuple[Task, ...], HOST]
    scenes: Annotated[tuple[Scene, ...], HOST]
    surface_rates: Rates
    starts: Annotated[HostInt, Field(ge=8)] = 64

    @model_validator(mode="after")
    def _some_seeds_rank(self) -> Optimisers:
        if self.seeds - self.tuning_seeds < 3:
            raise ValueError(
                f"expected at least 3 seeds beside the {self.tuning_seeds} that choose learning rates, got "
                f"{self.seeds - self.tuning_seeds}; raise seeds"
            )
        return self
