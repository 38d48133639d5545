"""The specifications of the studies of double descent that train networks: over width, over epochs, over samples."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from basin.spec.augment import AnyAugmentation
from basin.spec.base import HOST, HostFloat, HostInt, Spec
from basin.spec.budget import Budget
from basin.spec.data import AnyData, Classified
from basin.spec.model import AnyModel
from basin.spec.optimizer import AnyOptimizer
from basin.spec.study import StudySpec

Ascending = Annotated[tuple[int, ...], HOST, Field(min_length=3)]
Noises = Annotated[tuple[Annotated[float, Field(ge=0, lt=1)], ...], HOST]


class Family(Spec):
    """One kind of network at several widths, and how it is trained.

    Attributes:
        name: What claims and figures call it.
        model: The network of width 1: at width k each of its widths is k times as large.
        widths: k, ascending.
        data: Its training sample, with the label noise under which the peak is looked for.
        optimizer: The update rule.
        batch_size: Examples an update.
        budget: The length of every training, in steps, epochs or examples.
        loss: What training lowers.
        augment: What is done to the images of every batch.
        early: Looks spaced by the logarithm.
        regular: Regular looks.
        seeds: At most so many seeds, the study's first.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9-]+$")]
    model: AnyModel
    widths: Ascending
    data: AnyData
    optimizer: AnyOptimizer
    batch_size: Annotated[HostInt, Field(ge=1)]
    budget: Annotated[Budget, HOST]
    loss: Literal["cross_entropy", "mse"] = "cross_entropy"
    augment: tuple[AnyAugmentation, ...] = ()
    early: Annotated[HostInt, Field(ge=0)] = 6
    regular: Annotated[HostInt, Field(ge=2)] = 8
    seeds: Annotated[HostInt, Field(ge=2)] | None = None

    @model_validator(mode="after")
    def _widths_ascend(self) -> Self:
        ascending("widths", self.widths)
        return self

    @model_validator(mode="after")
    def _a_sample_of_its_own_for_every_seed(self) -> Self:
        if self.data.endless:
            raise ValueError(
                "expected a finite training sample, as it is to be fitted, got an endless one; set num_train"
            )
        return self

    def at(self, width: int) -> AnyModel:
        """Return the network of a width.

        Raises:
            ValueError: The network has no width to grow.
        """
        model: Any = self.model
        if hasattr(model, "widths"):
            return model.replace(widths=tuple(width * own for own in model.widths))
        if hasattr(model, "width"):
            return model.replace(width=width * model.width)
        raise ValueError(
            f"expected a network with a width, such as MLP(widths=(1,)) or CNN5(width=1), got {model.kind}"
        )


class Below(Spec):
    """How networks with no more parameters than there are targets are trained, as in Belkin et al. 2019.

    Attributes:
        optimizer: The update rule in the place of the family's own.
        stop: Whether training ends when no training example is classified wrongly.
        new_weights_std: In an arm of its own each of these networks begins as the trained next smaller one, its new
            weights drawn with this standard deviation: the reuse of weights. None for no such arm.
    """

    optimizer: AnyOptimizer
    stop: bool = True
    new_weights_std: Annotated[HostFloat, Field(gt=0)] | None = None


class WidthFamily(Family):
    """A family over width, with what may move or remove its peak.

    Attributes:
        noises: Other rates of label noise, the first of which is the one that the peak is compared with.
        fewer: A smaller sample.
        decays: Strengths of the decay of weights. Where the optimiser's own is above 0 all are one program.
        augmented: What is done to the images of every batch in an arm of its own.
        random_labels: Whether the widest network is also trained on labels that say nothing.
        below: How networks below the threshold of parameters are trained, if not as the others.
    """

    data: Classified  # pyright: ignore[reportIncompatibleVariableOverride]  frozen, so narrower is safe
    noises: Noises = ()
    fewer: Annotated[HostInt, Field(ge=1)] | None = None
    decays: Annotated[tuple[Annotated[float, Field(gt=0)], ...], HOST] = ()
    augmented: tuple[AnyAugmentation, ...] = ()
    random_labels: bool = False
    below: Annotated[Below | None, HOST] = None

    @model_validator(mode="after")
    def _compared_with_less_noise(self) -> WidthFamily:
        less_noise(self.noises, self.data.label_noise)
        return self

    @model_validator(mode="after")
    def _one_rule_a_network(self) -> WidthFamily:
        if self.below is not None and self.decays:
            raise ValueError("expected no decays, as networks below the threshold have a rule of their own, got both")
        return self

    @model_validator(mode="after")
    def _fewer_are_fewer(self) -> WidthFamily:
        if self.fewer is not None and self.data.num_train is not None and self.fewer >= self.data.num_train:
            raise ValueError(f"expected fewer than num_train = {self.data.num_train}, got {self.fewer}")
        return self


class EpochFamily(Family):
    """A family over epochs: its first width is far below the interpolation threshold, its last far above.

    Attributes:
        critical: The width at the threshold, one of the widths.
        noises: Other rates of label noise, the first of which is the one that the peak is compared with.
    """

    data: Classified  # pyright: ignore[reportIncompatibleVariableOverride]  frozen, so narrower is safe
    critical: Annotated[HostInt, Field(ge=1)]
    noises: Noises = ()

    @model_validator(mode="after")
    def _compared_with_less_noise(self) -> EpochFamily:
        less_noise(self.noises, self.data.label_noise)
        return self

    @model_validator(mode="after")
    def _critical_is_a_width_between(self) -> EpochFamily:
        if self.critical not in self.widths[1:-1]:
            raise ValueError(f"expected critical as one of {self.widths[1:-1]}, widths between, got {self.critical}")
        return self


class SampleFamily(Family):
    """A family over sample sizes.

    Attributes:
        samples: Sizes of the training sample, ascending; the first examples of the largest.
    """

    data: Classified  # pyright: ignore[reportIncompatibleVariableOverride]  frozen, so narrower is safe
    samples: Ascending

    @model_validator(mode="after")
    def _samples_ascend(self) -> SampleFamily:
        ascending("samples", self.samples)
        return self


class DoubleDescentWidth(StudySpec):
    """Test error over the width of a network (Belkin et al. 2019, Nakkiran et al. 2020)."""

    families: Annotated[tuple[WidthFamily, ...], HOST, Field(min_length=1)]

    @model_validator(mode="after")
    def _told_apart(self) -> DoubleDescentWidth:
        told_apart(self.families)
        return self


class DoubleDescentEpochs(StudySpec):
    """Test error over epochs, of networks below, at and above the interpolation threshold (Nakkiran et al. 2020)."""

    families: Annotated[tuple[EpochFamily, ...], HOST, Field(min_length=1)]

    @model_validator(mode="after")
    def _told_apart(self) -> DoubleDescentEpochs:
        told_apart(self.families)
        return self


class DoubleDescentSamples(StudySpec):
    """Test error over the number of training examples, and over width at each (Nakkiran et al. 2020)."""

    families: Annotated[tuple[SampleFamily, ...], HOST, Field(min_length=1)]

    @model_validator(mode="after")
    def _told_apart(self) -> DoubleDescentSamples:
        told_apart(self.families)
        return self


def ascending(name: str, sizes: tuple[int, ...]) -> None:
    """Refuse sizes that do not ascend from 1 or more.

    Raises:
        ValueError: They do not.
    """
    if sizes[0] < 1 or list(sizes) != sorted(set(sizes)):
        raise ValueError(f"expected {name} of 1 or more in ascending order, got {sizes}; sort them")


def less_noise(noises: tuple[float, ...], noise: float) -> None:
    """Refuse to compare a rate of label noise with one that is not lower.

    Raises:
        ValueError: The first of the other rates is not.
    """
    if noises and noises[0] >= noise:
        raise ValueError(
            f"expected the first of noises to be lower than label_noise = {noise:g}, which is compared with it, got "
            f"{noises[0]:g}"
        )


def told_apart(families: tuple[Family, ...]) -> None:
    """Refuse two families of one name.

    Raises:
        ValueError: Two have one.
    """
    names = [family.name for family in families]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"expected families of different names, got '{min(twice)}' twice")
