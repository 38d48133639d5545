"""The specification of the study `mini-batches`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from basin.spec.base import HOST, HostFloat, HostInt, Spec
from basin.spec.data import AnyData, Digits
from basin.spec.model import MLP, AnyModel
from basin.spec.study import StudySpec

Count = Annotated[HostInt, Field(ge=1)]
Counts = Annotated[tuple[int, ...], HOST, Field(min_length=2)]
Rates = Annotated[tuple[float, ...], HOST, Field(min_length=2)]


class Noise(Spec):
    """How the error of a mini-batch gradient is measured.

    Attributes:
        examples: The whole set is the first so many training examples.
        moments: Updates of a training after which it is measured, ascending, from 0.
        batch_sizes: Examples of a mini-batch, ascending; the first hundred times over is among them.
        passes: So many times as many examples as there are in the set are drawn for each size, cut into mini-batches.
        rate: Learning rate of that training.
        train_batch: Its batch size.
    """

    examples: Annotated[HostInt, Field(ge=10)] = 500
    moments: Counts = (0, 30, 300, 1000)
    batch_sizes: Counts = (1, 3, 10, 30, 100, 300)
    passes: Annotated[HostInt, Field(ge=10)] = 40
    rate: Annotated[HostFloat, Field(gt=0)] = 0.1
    train_batch: Count = 32

    @model_validator(mode="after")
    def _sizes_are_parts_of_the_set(self) -> Noise:
        smallest, *_, largest = self.batch_sizes
        if largest >= self.examples or 100 * smallest not in self.batch_sizes:
            raise ValueError(
                f"expected batch_sizes below {self.examples}, a hundred times the first among them, "
                f"got {self.batch_sizes}"
            )
        return self


class Copies(Spec):
    """How a set is held against the same set twice over.

    Attributes:
        rate: Learning rate.
        batch_size: Examples an update of stochastic descent.
        steps: Updates of stochastic descent.
        look_every: Updates between two looks at the whole set.
        train_loss: Mean loss at which the examples processed are counted, in nats.
        draws: Trainings, each with a start and an order of its own.
        batch_steps: Updates of batch descent.
    """

    rate: Annotated[HostFloat, Field(gt=0)] = 0.1
    batch_size: Count = 16
    steps: Count = 600
    look_every: Count = 20
    train_loss: Annotated[HostFloat, Field(gt=0)] = 0.3
    draws: Annotated[HostInt, Field(ge=2)] = 32
    batch_steps: Count = 100


class Escape(Spec):
    """A sum of functions of one variable whose mean has a local minimum, and walks that begin in it.

    The mean is x^4/4 - x^2/2 + tilt x; example i adds s_i x, with s_i evenly spaced, of mean 0 and standard deviation
    `noise`, and shuffled anew for each problem.

    Attributes:
        examples: Functions in the sum.
        tilt: Slope that makes the minimum at x > 0 the higher one; below 0.38, where that minimum vanishes.
        noise: Standard deviation of the examples' slopes.
        problems: Orders in which the examples stand.
        walks: Walks on each problem, each with a start and an order of its own.
        spread: Starts are uniform within this distance of the local minimum.
        rates: Learning rates, ascending.
        batch_sizes: Examples an update, ascending.
        order_batch: Batch size at which the four orders are compared.
        steps: Updates, the same for all.
    """

    examples: Count = 64
    tilt: Annotated[HostFloat, Field(gt=0, lt=0.38)] = 0.15
    noise: Annotated[HostFloat, Field(gt=0)] = 1.5
    problems: Annotated[HostInt, Field(ge=2)] = 20
    walks: Count = 32
    spread: Annotated[HostFloat, Field(gt=0)] = 0.2
    rates: Rates = (0.025, 0.05, 0.1, 0.2)
    batch_sizes: Counts = (1, 4, 16)
    order_batch: Count = 4
    steps: Count = 500


class Cost(Spec):
    """How the speed and the memory of an update are measured.

    Attributes:
        batch_sizes: Examples an update, ascending, from 1; the whole set is added.
        examples: Examples that a timing processes, about.
        repeats: Timings of each size.
    """

    batch_sizes: Counts = (1, 16, 64, 128, 256, 512)
    examples: Count = 10_000
    repeats: Annotated[HostInt, Field(ge=2)] = 5


class MiniBatches(StudySpec):
    """Batch, mini-batch and single-example descent: noise, copies, escape, orders and cost.

    Attributes:
        data: What is trained on; a finite set that does not depend on the seed.
        model: A network without batch normalisation.
        mini_batch: Examples an update of mini-batch descent.
        rates: Learning rates; each batch size has its own chosen among them.
        passes: Length of the trainings with one example, a mini-batch and the whole set an update, in epochs.
        train_loss: Mean training loss at which steps and passes are counted, in nats.
        order_rate: Learning rate at which the four orders are compared, one of `rates`.
    """

    seeds: Annotated[HostInt, Field(ge=2, le=1000)] = 8
    data: AnyData = Digits()
    model: AnyModel = MLP(widths=(16,))
    mini_batch: Count = 32
    rates: Rates = (0.0125, 0.05, 0.2, 0.8)
    passes: Annotated[tuple[int, int, int], HOST] = (6, 20, 400)
    train_loss: Annotated[HostFloat, Field(gt=0)] = 0.2
    order_rate: Annotated[HostFloat, Field(gt=0)] = 0.2
    noise: Annotated[Noise, HOST] = Noise()
    copies: Annotated[Copies, HOST] = Copies()
    escape: Annotated[Escape, HOST] = Escape()
    cost: Annotated[Cost, HOST] = Cost()
