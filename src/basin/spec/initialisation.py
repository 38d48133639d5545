"""The specification of the study `initialisation`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from basin.spec.base import HOST, HostFloat, HostInt, Spec
from basin.spec.data import AnyData, Digits, Glyphs
from basin.spec.study import StudySpec

Count = Annotated[HostInt, Field(ge=1)]
Positive = Annotated[HostFloat, Field(gt=0)]
Factors = Annotated[tuple[float, ...], HOST, Field(min_length=3)]


class Signal(Spec):
    """How a signal goes through random ReLU layers of equal width.

    Attributes:
        width: Units of each layer, M.
        depth: Layers.
        draws: Draws of all weights, 20 at least: averages are over them, not over data.
        inputs: Inputs of each draw.
        small: Standard deviation of the weights that is too small, over He's.
        large: One that is too large, over He's.
    """

    width: Count = 128
    depth: Annotated[HostInt, Field(ge=3)] = 20
    draws: Annotated[HostInt, Field(ge=20)] = 100
    inputs: Annotated[HostInt, Field(ge=2)] = 16
    small: Annotated[HostFloat, Field(gt=0, lt=1)] = 0.8
    large: Annotated[HostFloat, Field(gt=1)] = 1.25


class WarmStart(Spec):
    """Training on few examples from random weights, from another task's weights and from an autoencoder's.

    Attributes:
        source: The other task, with the inputs of the same shape.
        target: What is trained on.
        unlabelled: The autoencoder's inputs are those of this set.
        width: Units of each of two hidden layers.
        rate: Learning rate of everything.
        batch_size: Examples an update.
        source_steps: Updates on the other task, and of the autoencoder.
        steps: Updates on the target.
        look_every: Updates between two looks.
        train_loss: Mean training loss at which updates are counted, in nats.
        draws: Trainings of each kind, each with random weights of its own.
    """

    source: AnyData = Glyphs(size=8, num_train=1000, num_test=10)
    target: AnyData = Digits(num_train=100)
    unlabelled: AnyData = Digits()
    width: Count = 64
    rate: Positive = 0.1
    batch_size: Count = 20
    source_steps: Count = 600
    steps: Count = 200
    look_every: Count = 5
    train_loss: Positive = 0.2
    draws: Annotated[HostInt, Field(ge=2)] = 16


class Initialisation(StudySpec):
    """The distribution of the first weights: symmetry, the signal through depth, time to train, several starts.

    Attributes:
        data: What is trained on.
        width: Units of each hidden layer, as many as an example has inputs, so that He's spread is that of all layers.
        depth: Hidden layers.
        factors: Standard deviations of the weights over He's, ascending, 1 among them.
        biases: First values of the biases, ascending, from 0.
        constant: The value of all weights in the symmetric arm.
        rate: Learning rate.
        batch_size: Examples an update.
        epochs: Length of each training.
        train_loss: Mean training loss at which updates are counted, in nats.
        widths: Units of the one hidden layer of the networks that are trained from many starts, ascending.
        sweep_seeds: Seeds of the arms that differ in the spread of the weights or in the biases; `seeds` are the starts
            of each width.
        group: Starts among which the best on validation data is chosen.
        signal: The experiment on random layers.
        warm: The experiment on warm starts.
    """

    seeds: Annotated[HostInt, Field(ge=2, le=1000)] = 20
    data: AnyData = Digits(num_validation=237)
    width: Count = 64
    depth: Count = 3
    factors: Factors = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
    biases: Annotated[tuple[float, ...], HOST, Field(min_length=2)] = (0.0, 0.1, 0.5)
    constant: Positive = 0.05
    rate: Positive = 0.05
    batch_size: Count = 32
    epochs: Count = 10
    train_loss: Positive = 0.2
    sweep_seeds: Annotated[HostInt, Field(ge=2)] = 8
    widths: Annotated[tuple[int, ...], HOST, Field(min_length=2)] = (4, 16, 64)
    group: Annotated[HostInt, Field(ge=2)] = 4
    signal: Annotated[Signal, HOST] = Signal()
    warm: Annotated[WarmStart, HOST] = WarmStart()
