"""The specification of the study `weight-decay`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from basin.spec.base import HOST, HostFloat, HostInt, Spec
from basin.spec.data import AnyData, Digits, Glyphs
from basin.spec.model import MLP
from basin.spec.schedule import Cosine, Rate
from basin.spec.study import StudySpec

Strengths = Annotated[tuple[float, ...], HOST, Field(min_length=2)]
"""Strengths of a decay, ascending."""


class Bowl(Spec):
    """A quadratic whose eigendirections are watched under decay.

    Attributes:
        eigenvalues: Of its Hessian; those that are 0 are directions that the data do not need.
        strengths: alpha of the penalty alpha/2 w'w.
        learning_rate: Of descent.
        num_steps: Length of a walk.
        starts: Random starts.
        adam_rate: Largest learning rate of Adam, whose rate falls to 0 as a cosine.
        adam_steps: Length of its walk.
        adam_strength: The decay of Adam's walks.
    """

    eigenvalues: Annotated[tuple[float, ...], HOST, Field(min_length=2)] = (0.0, 0.01, 0.1, 1.0, 10.0)
    strengths: Strengths = (0.01, 0.1, 1.0)
    learning_rate: Annotated[HostFloat, Field(gt=0)] = 0.05
    num_steps: Annotated[HostInt, Field(ge=1)] = 2000
    starts: Annotated[HostInt, Field(ge=2)] = 10
    adam_rate: Annotated[HostFloat, Field(gt=0)] = 0.05
    adam_steps: Annotated[HostInt, Field(ge=1)] = 4000
    adam_strength: Annotated[HostFloat, Field(gt=0)] = 0.1


class Noise(Spec):
    """Weights that see nothing but noise, under Adam with decay.

    Attributes:
        scales: Standard deviations of the gradient, ascending; a weight has one of them.
        weights: Weights of each scale.
        draws: Sequences of noise, each of which is walked with both signs.
        learning_rate: Of Adam.
        strength: Of the decay.
        num_steps: Length of a walk.
    """

    scales: Annotated[tuple[float, ...], HOST, Field(min_length=2)] = (0.3, 1.0, 3.0)
    weights: Annotated[HostInt, Field(ge=1)] = 64
    draws: Annotated[HostInt, Field(ge=2)] = 10
    learning_rate: Annotated[HostFloat, Field(gt=0)] = 0.01
    strength: Annotated[HostFloat, Field(gt=0)] = 0.1
    num_steps: Annotated[HostInt, Field(ge=1)] = 1000


class LinearMaps(Spec):
    """A two-layer network on data of which inputs and targets are mapped by x -> a x + b and y -> c y + d.

    Attributes:
        a: Scale of the inputs.
        b: Shift of the inputs.
        c: Scale of the targets.
        d: Shift of the targets.
        inputs: Number of inputs.
        hidden: Number of hidden units (tanh).
        examples: Examples of a data set.
        datasets: Random data sets.
        first: Decay of the first layer.
        second: Decay of the second layer; plain decay has `first` for everything.
    """

    a: HostFloat = 3.0
    b: HostFloat = 1.0
    c: HostFloat = 5.0
    d: HostFloat = -2.0
    inputs: Annotated[HostInt, Field(ge=1)] = 2
    hidden: Annotated[HostInt, Field(ge=1)] = 3
    examples: Annotated[HostInt, Field(ge=2)] = 20
    datasets: Annotated[HostInt, Field(ge=2)] = 10
    first: Annotated[HostFloat, Field(gt=0)] = 0.01
    second: Annotated[HostFloat, Field(gt=0)] = 0.02


class Capacity(Spec):
    """One large network under decays of many strengths against small networks without decay.

    Attributes:
        data: Where examples come from.
        width: Hidden units of the large network.
        small_widths: Hidden units of the small ones, ascending.
        strengths: Decays of the large one.
        learning_rate: Of Adam on the full batch.
        num_steps: Length of every training.
    """

    data: AnyData = Glyphs(size=8, num_train=300, num_test=2000, label_noise=0.1)
    width: Annotated[HostInt, Field(ge=1)] = 12
    small_widths: Annotated[tuple[int, ...], HOST, Field(min_length=1)] = (1, 2, 4, 8)
    strengths: Strengths = (1e-3, 1e-2, 3e-2, 1e-1, 3e-1)
    learning_rate: Rate = Cosine(initial=0.01)
    num_steps: Annotated[HostInt, Field(ge=1)] = 1000


class DecayRace(Spec):
    """Adam with coupled decay, with decoupled decay, and with coupled decay of the kernels alone.

    Attributes:
        name: What claims and figures call it.
        data: Where examples come from.
        batch_size: Examples an update.
        epochs: Length of a training.
        learning_rate: Of Adam.
        coupled: Strengths tried with coupled decay.
        decoupled: Strengths tried with decoupled decay, as many.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9]+$")]
    data: AnyData
    batch_size: Annotated[HostInt, Field(ge=1)] = 50
    epochs: Annotated[HostInt, Field(ge=1)] = 30
    learning_rate: Annotated[HostFloat, Field(gt=0)] = 3e-3
    coupled: Strengths = (1e-3, 1e-2, 1e-1)
    decoupled: Strengths = (0.01, 0.1, 1.0)


class WeightDecay(StudySpec):
    """Bishop & Bishop 2024, section 9.2.1: what weight decay does to each direction of weight space."""

    seeds: Annotated[HostInt, Field(ge=2, le=1000)] = 6
    bowl: Bowl = Bowl()
    noise: Noise = Noise()
    maps: LinearMaps = LinearMaps()
    capacity: Capacity = Capacity()
    races: Annotated[tuple[DecayRace, ...], HOST, Field(min_length=1)] = (
        DecayRace(name="digits", data=Digits(num_train=500)),
        DecayRace(name="glyphs", data=Glyphs(size=8, num_train=1000, num_test=5000), epochs=15),
    )
    model: MLP = MLP(widths=(64,), norm="batch")
