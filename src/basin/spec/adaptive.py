"""The specification of the study `adaptive`: a rate of its own for every parameter, and what it is worth."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from basin.spec.base import HOST, HostFloat, HostInt
from basin.spec.study import StudySpec


class Adaptive(StudySpec):
    """AdaGrad, RMSProp and Adam on surfaces, on a small network's own Hessian, and on handwritten digits.

    Attributes:
        starts: Starts on a surface; rates are chosen on the first half and judged on the second.
        rates_a_decade: Learning rates a decade of the grid that every rule is tuned on, 1e-4 to 10.
        walk_steps: The longest walk over a surface.
        angles_deg: Angles between the axes of a quadratic and the coordinates.
        condition: Largest over smallest eigenvalue of that quadratic.
        small_width: Hidden units of the network whose dense Hessian is taken.
        small_examples: Training examples that its loss is the mean over.
        small_steps: Full-batch updates that train it.
        widths: Hidden layers of the network trained on digits.
        batch_size: Examples an update there.
        train_loss: Mean training loss at which a training has arrived.
        epochs: Where a training gives up.
    """

    seeds: Annotated[HostInt, Field(ge=1, le=1000)] = 8
    starts: Annotated[HostInt, Field(ge=4)] = 32
    rates_a_decade: Annotated[HostInt, Field(ge=1)] = 5
    walk_steps: Annotated[HostInt, Field(ge=100)] = 2000
    angles_deg: Annotated[tuple[HostFloat, ...], HOST, Field(min_length=2)] = (0.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0)
    condition: Annotated[HostFloat, Field(gt=1)] = 100.0
    small_width: Annotated[HostInt, Field(ge=2)] = 8
    small_examples: Annotated[HostInt, Field(ge=10, le=1437)] = 400
    small_steps: Annotated[HostInt, Field(ge=10)] = 300
    widths: Annotated[tuple[HostInt, ...], HOST] = (64, 64)
    batch_size: Annotated[HostInt, Field(ge=1)] = 32
    train_loss: Annotated[HostFloat, Field(gt=0)] = 0.01
    epochs: Annotated[HostInt, Field(ge=2)] = 8
