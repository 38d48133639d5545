"""The specification of the study `early-stopping`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from basin.spec.base import HOST, HostFloat, HostInt, Spec
from basin.spec.data import Classified, Digits, Glyphs
from basin.spec.initializer import Constant
from basin.spec.model import MLP
from basin.spec.schedule import Cosine, Rate
from basin.spec.study import StudySpec


class Descent(Spec):
    """Descent from the origin over quadratics.

    Attributes:
        eigenvalues: Of the quadratic whose every step is compared; one that is 0 is never learned.
        rates: Learning rates, ascending; the steepest direction goes straight at the first and oscillates at the last.
        num_steps: Length of those walks.
        likeness_steps: Steps of the walk that is compared with decay, direction by direction.
        few_steps: Numbers of steps at which the largest gap is looked for as well.
        minima: Random minima whose two paths are compared.
    """

    eigenvalues: Annotated[tuple[float, ...], HOST, Field(min_length=2)] = (0.0, 0.01, 0.1, 1.0, 10.0)
    rates: Annotated[tuple[float, ...], HOST, Field(min_length=1)] = (0.05, 0.15)
    num_steps: Annotated[HostInt, Field(ge=1)] = 20_000
    likeness_steps: Annotated[HostInt, Field(ge=1000)] = 10_000
    few_steps: Annotated[tuple[int, ...], HOST, Field(min_length=1)] = (1, 2, 5, 10, 100, 1000)
    minima: Annotated[HostInt, Field(ge=2)] = 20


class LearningCurves(Spec):
    """A network that learns its noisy examples by heart, with others held out.

    Attributes:
        name: What claims and figures call it.
        data: Where examples come from, held-out ones included.
        batch_size: Examples an update.
        epochs: Length of a training.
        looks: Regular evaluations of a run; patience counts them.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9]+$")]
    data: Classified
    batch_size: Annotated[HostInt, Field(ge=1)] = 50
    epochs: Annotated[HostInt, Field(ge=1)] = 60
    looks: Annotated[HostInt, Field(ge=3)] = 30


class Likeness(Spec):
    """Networks stopped after tau steps of descent beside networks with a decay of 1 / (rho tau).

    Attributes:
        data: Where examples come from.
        learning_rate: rho, of descent on the full batch.
        steps: Numbers of steps tau, ascending.
        decayed_rate: Learning rate of Adam, which finds the minimum with decay.
        decayed_steps: Its updates.
    """

    data: Classified = Glyphs(size=8, num_train=200, num_test=2000, label_noise=0.1)
    learning_rate: Annotated[HostFloat, Field(gt=0)] = 0.05
    steps: Annotated[tuple[int, ...], HOST, Field(min_length=2)] = (10, 50, 250, 1000)
    decayed_rate: Rate = Cosine(initial=0.01)
    decayed_steps: Annotated[HostInt, Field(ge=1)] = 1000


class EarlyStopping(StudySpec):
    """Bishop & Bishop 2024, section 9.3.1: learning curves, stopping early, and what it has to do with decay.

    Attributes:
        seeds: Runs of each arm.
        descent: What is walked on quadratics.
        curves: Networks whose learning curves are watched.
        model: Their network.
        learning_rate: Of Adam, which trains it.
        patience: Looks without a new best value after which the rule stops.
        likeness: What is compared with decay.
        linear: A network without hidden layers that starts at the origin, as theory wants it.
        layered: A network with a hidden layer that starts anywhere.
    """

    seeds: Annotated[HostInt, Field(ge=2, le=1000)] = 8
    descent: Descent = Descent()
    curves: Annotated[tuple[LearningCurves, ...], HOST, Field(min_length=1)] = (
        LearningCurves(name="digits", data=Digits(num_train=300, num_validation=300, label_noise=0.2)),
        LearningCurves(
            name="glyphs", data=Glyphs(size=8, num_train=500, num_validation=500, num_test=2000, label_noise=0.2)
        ),
    )
    model: MLP = MLP(widths=(64,))
    learning_rate: Annotated[HostFloat, Field(gt=0)] = 3e-3
    patience: Annotated[HostInt, Field(ge=1)] = 5
    likeness: Likeness = Likeness()
    linear: MLP = MLP(widths=(), initializer=Constant())
    layered: MLP = MLP(widths=(8,))
