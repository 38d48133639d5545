"""The specification of the study `quadratic`: how many cases of each formula, and which network is put to the test."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from basin.spec.base import HOST, HostFloat, HostInt
from basin.spec.data import AnyData, Digits
from basin.spec.model import MLP, AnyModel
from basin.spec.optimizer import SGD, AnyOptimizer
from basin.spec.study import StudySpec


class Quadratic(StudySpec):
    """Bishop & Bishop's theory of gradient descent, on surfaces and on a small network.

    Attributes:
        points: Random points of each surface at which its expansions are tested.
        matrices: Random symmetric matrices of each kind.
        quadratics: Random quadratics on which descent is walked.
        steps: Length of those walks.
        condition_numbers: Largest over smallest eigenvalue.
        momenta: Momentum parameters.
        starts: Random starts of the walks in the ravine; as many again are used to choose the learning rates.
        ravine_steps: Length of those walks.
        data: What the network learns.
        model: The network; smooth, so that its loss has an expansion.
        optimizer: How it is trained.
        batch_size: Examples an update.
        early_epochs: Length of training before the first test of the network's own quadratic.
        late_epochs: Length of training before the second.
        predicted_steps: Steps of full-batch descent that the quadratic is to predict.
        predicted_rates: Their learning rates, in units of 1 over the largest eigenvalue; the first is judged.
    """

    seeds: Annotated[HostInt, Field(ge=1, le=1000)] = 8
    points: Annotated[HostInt, Field(ge=2)] = 24
    matrices: Annotated[HostInt, Field(ge=2)] = 20
    quadratics: Annotated[HostInt, Field(ge=1)] = 4
    steps: Annotated[HostInt, Field(ge=2)] = 100
    condition_numbers: Annotated[tuple[float, ...], HOST, Field(min_length=1)] = (2.0, 10.0, 1e2, 1e3, 1e4, 1e5, 1e6)
    momenta: Annotated[tuple[float, ...], HOST, Field(min_length=1)] = (0.5, 0.9, 0.99)
    starts: Annotated[HostInt, Field(ge=2)] = 20
    ravine_steps: Annotated[HostInt, Field(ge=30)] = 1000
    data: AnyData = Digits()
    model: AnyModel = MLP(widths=(8,), activation="tanh")
    optimizer: AnyOptimizer = SGD(learning_rate=0.1)
    batch_size: Annotated[HostInt, Field(ge=1)] = 16
    early_epochs: Annotated[HostFloat, Field(gt=0)] = 1.0
    late_epochs: Annotated[HostFloat, Field(gt=0)] = 30.0
    predicted_steps: Annotated[HostInt, Field(ge=2)] = 10
    predicted_rates: Annotated[tuple[float, ...], HOST, Field(min_length=1)] = (1.0, 0.1, 1.9)
