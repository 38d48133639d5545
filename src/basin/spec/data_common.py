"""What specifications of data have in common: fields of one meaning, and whether examples come to an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from basin.spec.base import HostInt, Spec, TracedFloat

NumValidation = Annotated[HostInt, Field(ge=0, le=2**24)]
"""Examples held out of training, from the same source and with the same label noise; 0 for none."""

LabelNoise = Annotated[TracedFloat, Field(ge=0, lt=1)]
"""Probability that a training label is replaced by a uniformly chosen incorrect class."""

Sha256 = Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")]
"""What a file must hold, by its hash; None where it is not known yet."""

Ending = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,15}$")]
"""Of a file's name, after its last dot: which language it is in."""

Subset = Literal["first", "random"]
"""Which of a finite set's examples are trained on."""


class FiniteSet(Spec):
    """A set of which there are only so many examples."""

    @property
    def endless(self) -> bool:
        """Whether training examples are drawn fresh for ever."""
        return False


class Stream(Spec):
    """A stream, or a finite sample of it."""

    if TYPE_CHECKING:  # a field of each stream, in its own place
        num_train: int | None

    @property
    def endless(self) -> bool:
        """Whether training examples are drawn fresh for ever."""
        return self.num_train is None
