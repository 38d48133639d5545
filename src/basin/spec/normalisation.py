"""The specification of the study `normalisation`: of inputs, over a batch, over a layer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from basin.spec.base import HOST, HostFloat, HostInt
from basin.spec.study import StudySpec


class Normalisation(StudySpec):
    """Inputs on one scale; batch and layer normalisation at the start, in training and at inference.

    Attributes:
        draws: Draws of input ranges and of layers, for what needs no training.
        small_width: Hidden units of the network that is trained on inputs of different ranges.
        small_examples: Training examples of that network and of each linear problem.
        small_steps: The most full-batch updates of that network.
        depth: Hidden layers of the deep network.
        deep_width: Units of each of them.
        deep_batch: Examples an update of the deep network.
        deep_steps: Updates of it.
        deep_rate: Learning rate of plain descent on it.
        scales: Initial weights as multiples of He's.
        widths: Hidden layers of the networks trained on digits.
        batch_size: Examples an update there.
        epochs: Passes over the training examples there.
        rate: Adam's learning rate there.
        statistics_batches: Batch sizes at which the statistics for inference are taken.
        num_batches: Batches that they are averaged over.
    """

    seeds: Annotated[HostInt, Field(ge=1, le=1000)] = 6
    draws: Annotated[HostInt, Field(ge=2)] = 12
    small_width: Annotated[HostInt, Field(ge=2)] = 8
    small_examples: Annotated[HostInt, Field(ge=100, le=1437)] = 200
    small_steps: Annotated[HostInt, Field(ge=10)] = 300
    depth: Annotated[HostInt, Field(ge=3)] = 20
    deep_width: Annotated[HostInt, Field(ge=4)] = 64
    deep_batch: Annotated[HostInt, Field(ge=8)] = 32
    deep_steps: Annotated[HostInt, Field(ge=1)] = 100
    deep_rate: Annotated[HostFloat, Field(gt=0)] = 0.01
    scales: Annotated[tuple[HostFloat, ...], HOST, Field(min_length=2)] = (0.3, 1.0, 3.0)
    widths: Annotated[tuple[HostInt, ...], HOST] = (64, 64, 64)
    batch_size: Annotated[HostInt, Field(ge=2)] = 32
    epochs: Annotated[HostInt, Field(ge=1)] = 5
    rate: Annotated[HostFloat, Field(gt=0)] = 1e-3
    statistics_batches: Annotated[tuple[HostInt, ...], HOST, Field(min_length=2)] = (2, 8, 32, 128)
    num_batches: Annotated[HostInt, Field(ge=10)] = 500
