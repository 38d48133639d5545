"""The specification of a study: one question at one size. Nothing in it reaches a compiled program by itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from basin.spec.base import HOST, HostInt, Spec
from basin.spec.data import AnyData
from basin.spec.model import MLP, AnyModel
from basin.spec.optimizer import Adam, AnyOptimizer


class StudySpec(Spec):
    """What every study has.

    Attributes:
        seeds: Number of runs of each arm, seeds 0, 1, 2, ...; arms are paired by seed.
        slots: Trainings side by side in a program; chosen from the size of the work if not given.
    """

    seeds: Annotated[HostInt, Field(ge=1, le=1000)] = 5
    slots: Annotated[HostInt, Field(ge=1, le=1024)] | None = None


class Comparison(Spec):
    """A small batch against a large batch on one source of data.

    Attributes:
        name: What claims and figures call it.
        data: Where examples come from.
        small_batch: Examples an update of the small-batch method.
        large_batch: Examples an update of the large-batch method; a tenth of the training set in the paper.
        epochs: Length of the comparisons at equal epochs and, for the small batch, at equal updates.
        train_loss: Mean training loss at which the comparison at equal loss stops both methods.
        most_epochs: Where that comparison gives up.
        looks: Regular evaluations of a run.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9]+$")]
    data: AnyData
    small_batch: Annotated[HostInt, Field(ge=1)]
    large_batch: Annotated[HostInt, Field(ge=1)]
    epochs: Annotated[HostInt, Field(ge=1)]
    train_loss: Annotated[float, HOST, Field(gt=0)]
    most_epochs: Annotated[HostInt, Field(ge=1)]
    looks: Annotated[HostInt, Field(ge=2)] = 12


class Sharpness(Spec):
    """How Keskar's sharpness is measured in a study.

    Attributes:
        epsilons: Half-widths of the box, relative to |x| + 1.
        subspaces: Random subspaces a solution.
        subspace_dim: Their dimension; 100 in the paper.
        examples: The loss is the mean over the first so many examples of each split; none for all of them.
        starts: Random interior starts of each search.
        finalists: Starts that climb until they rest, at least; more follow while the last one helped.
        most_finalists: The most of them.
        ascent_steps: The most steps from vertex to vertex of a finalist.
        precision: Arithmetic of the search; `mixed` searches in that of the weights and reports values in float64.
    """

    epsilons: Annotated[tuple[float, ...], HOST, Field(min_length=1)] = (1e-3, 5e-4)
    subspaces: Annotated[HostInt, Field(ge=1)] = 5
    subspace_dim: Annotated[HostInt, Field(ge=1)] = 100
    examples: Annotated[HostInt, Field(ge=1)] | None = None
    starts: Annotated[HostInt, Field(ge=3)] = 12
    finalists: Annotated[HostInt, Field(ge=2)] = 3
    most_finalists: Annotated[HostInt, Field(ge=2)] = 6
    ascent_steps: Annotated[HostInt, Field(ge=1)] = 50
    precision: Literal["float64", "mixed", "float32"] = "float64"


class LargeBatch(StudySpec):
    """Keskar et al. 2017, first part: small against large batches, at equal epochs, updates and training loss."""

    comparisons: Annotated[tuple[Comparison, ...], HOST, Field(min_length=1)]
    model: AnyModel = MLP(widths=(64, 64, 64), norm="batch")
    optimizer: AnyOptimizer = Adam(learning_rate=1e-3)
    sharpness: Annotated[Sharpness, HOST] = Sharpness()
