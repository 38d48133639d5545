"""Specifications of what is done to the images of a training batch, anew at every step; looks see images as they are.

The first two keep what an image shows; the others are there to be bad at it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from basin.spec.base import Spec, StaticInt, TracedFloat

Probability = Annotated[TracedFloat, Field(ge=0, le=1)]


class Flip(Spec):
    """Mirror an image left to right with a probability; a digit or a letter does not survive it."""

    kind: Literal["flip"] = "flip"
    probability: Probability = 0.5


class Crop(Spec):
    """Pad an image on all sides and cut its size out of it at a uniformly random place: a shift by up to `padding`.

    Attributes:
        padding: Pixels on each side, at most the image's own less one.
        fill: What is around the image: `"zeros"` (of standardised images that is the mean) or its `"reflection"`.
    """

    kind: Literal["crop"] = "crop"
    padding: Annotated[StaticInt, Field(ge=1)] = 4
    fill: Literal["zeros", "reflection"] = "zeros"


class Turn(Spec):
    """Turn an image by 0, 90, 180 or 270 degrees, each as likely as the others: bad where direction has a meaning."""

    kind: Literal["turn"] = "turn"


class Shuffle(Spec):
    """Cut an image into square blocks and put them together in a random order: bad for anything with a shape.

    Attributes:
        block: Side of a block in pixels; divides the image's.
    """

    kind: Literal["shuffle"] = "shuffle"
    block: Annotated[StaticInt, Field(ge=1)] = 4


class Erase(Spec):
    """Set each pixel to zero, in all channels, with a probability."""

    kind: Literal["erase"] = "erase"
    probability: Probability = 0.5


AnyAugmentation = Annotated[Flip | Crop | Turn | Shuffle | Erase, Field(discriminator="kind")]
"""Any augmentation, told apart by `kind`."""
