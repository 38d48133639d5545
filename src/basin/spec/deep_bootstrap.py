"""The specification of the study `deep-bootstrap`: which ways of training, in which two worlds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from basin.spec.augment import AnyAugmentation
from basin.spec.base import HOST, HostFloat, HostInt, Spec
from basin.spec.data import Classified
from basin.spec.model import AnyModel
from basin.spec.optimizer import AnyOptimizer
from basin.spec.study import StudySpec

Topic = Literal[
    "architecture",
    "optimiser",
    "learning rate",
    "data",
    "augmentation",
    "bad augmentation",
    "pretraining",
    "label noise",
    "few examples",
]
"""What an arm is there to vary."""

CONTRASTS = ("augmentation", "bad augmentation", "pretraining", "label noise")
"""Topics whose claims hold an arm against another."""

JOINT = ("optimisers", "rates", "data")
"""Names of claims that join the arms of a topic."""

Sizes = Annotated[tuple[int, ...], HOST, Field(min_length=1)]


class Pretraining(Spec):
    """A training of the same network in the Ideal World of other data, from whose end an arm begins.

    Attributes:
        data: An endless stream, or a large finite set of which no example is shown twice.
        steps: Its length.
        layers: What is taken of it, by the beginnings of dotted paths (see :class:`basin.spec.run.Start`); what is not
            is drawn anew. If not given, all that fits.
    """

    data: Classified
    steps: Annotated[HostInt, Field(ge=1)]
    layers: tuple[str, ...] | None = None


class Arm(Spec):
    """A way of training, carried out in both worlds.

    Attributes:
        name: What claims and figures call it.
        varies: The topic of the claims that it enters.
        model: The network.
        optimizer: The update rule with its learning rate or schedule.
        data: Where examples come from, if not from the study's own source.
        augment: What is done to the images of every batch, in both worlds.
        pretraining: What it begins from, if not from weights drawn at random.
        against: The arm that differs from it in the topic alone, and which it is held against.
        sizes: Samples of the Real World, if not the study's own.
        seeds: At most so many seeds, the study's first.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9-]+$")]
    varies: Topic = "architecture"
    model: AnyModel
    optimizer: AnyOptimizer
    data: Classified | None = None
    augment: tuple[AnyAugmentation, ...] = ()
    pretraining: Pretraining | None = None
    against: str | None = None
    sizes: Sizes | None = None
    seeds: Annotated[HostInt, Field(ge=2)] | None = None


class DeepBootstrap(StudySpec):
    """Nakkiran, Neyshabur & Sedghi 2021: the same training on N examples used again and again, and on fresh ones only.

    Attributes:
        data: Where examples come from: an endless stream, or a finite set that the Ideal World passes through once.
        sizes: N of the Real World, ascending; the arms' own where they have any.
        batch_size: Examples an update.
        steps: T, the updates of every run in both worlds.
        looks: Looks at whole sets, evenly spaced over T, after some that are spaced by the logarithm.
        early: The latter.
        soft_error: Mean of 1 - p(label) over the Real World's sample below which it has stopped.
        passes: Passes over the sample before the worlds are compared; in the first they agree by construction.
        margin: Largest bootstrap error that counts as small, in points.
        share: Largest share of the generalisation gap that the bootstrap error may have to be called small beside it.
        reach: Test soft-error up to which the steps of the Ideal World are counted.
        fresh: Examples, at least, of the coming steps that each look of the Ideal World takes in.
        arms: The ways of training; the first is the one that others are held against where they name none.
    """

    data: Classified
    sizes: Annotated[tuple[int, ...], HOST, Field(min_length=2)]
    batch_size: Annotated[HostInt, Field(ge=1)]
    steps: Annotated[HostInt, Field(ge=10)]
    looks: Annotated[HostInt, Field(ge=4)] = 20
    early: Annotated[HostInt, Field(ge=0)] = 3
    soft_error: Annotated[HostFloat, Field(gt=0, lt=1)] = 0.01
    passes: Annotated[HostFloat, Field(gt=1)] = 5.0
    margin: Annotated[HostFloat, Field(gt=0)] = 1.0
    share: Annotated[HostFloat, Field(gt=0, lt=1)] = 0.25
    reach: Annotated[HostFloat, Field(gt=0, lt=1)]
    fresh: Annotated[HostInt, Field(ge=1)] = 2048
    arms: Annotated[tuple[Arm, ...], HOST, Field(min_length=1)]

    @model_validator(mode="after")
    def _arms_are_told_apart_and_held_against_one_another(self) -> DeepBootstrap:
        names = [arm.name for arm in self.arms]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"expected arms of different names, got '{min(twice)}' twice")
        strange = {arm.against for arm in self.arms if arm.against} - set(names)
        if strange:
            raise ValueError(f"expected an arm to be held against one of {', '.join(names)}, got '{min(strange)}'")
        for arm in self.arms:
            if arm.varies in CONTRASTS and (arm.against or names[0]) == arm.name:
                raise ValueError(
                    f"expected another arm that '{arm.name}' is held against, got itself; name it in against, or put "
                    "the other one first"
                )
            if arm.varies == "architecture" and arm.name in JOINT:
                raise ValueError(f"expected another name than '{arm.name}', which a claim about several arms has")
        return self

    @model_validator(mode="after")
    def _every_seed_can_have_a_sample_of_its_own(self) -> DeepBootstrap:
        sources = [self.data, *(arm.data for arm in self.arms if arm.data is not None)]
        for source in sources:
            if source.kind == "digits":
                raise ValueError(
                    "expected data of which every seed can have a sample of its own, got digits, whose samples are the "
                    "first examples for all; use a stream, or an npz file"
                )
            if source.num_validation:
                raise ValueError(
                    f"expected no held-out examples, got num_validation={source.num_validation}; leave it out"
                )
        return self

    @model_validator(mode="after")
    def _samples_grow_and_come_round_often_enough(self) -> DeepBootstrap:
        for sizes in (self.sizes, *(arm.sizes for arm in self.arms if arm.sizes)):
            if list(sizes) != sorted(set(sizes)):
                raise ValueError(f"expected sizes in ascending order, got {sizes}")
            most = int(self.steps * self.batch_size / self.passes)
            if sizes[-1] > most:
                raise ValueError(
                    f"expected sizes of at most {most}, so that {self.steps} steps of {self.batch_size} examples are "
                    f"{self.passes:g} passes, got {sizes[-1]}; raise steps"
                )
        return self
