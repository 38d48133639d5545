"""The specification of the study `double-descent-translation`: transformers over their embedding dimension."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from basin.spec.base import HOST, HostInt
from basin.spec.double_descent import Family, told_apart
from basin.spec.model import Transformer
from basin.spec.study import StudySpec


class TranslationFamily(Family):
    """Transformers over their embedding dimension, each on two sizes of the sample.

    The widths of a family are here the embedding dimensions themselves, divisible by the heads; that of `model`, a
    `Transformer`, is not used.

    Attributes:
        fewer: The smaller sample; the first so many examples of the larger, `data.num_train`.
        label_smoothing: Share of each label that training spreads over all words.
    """

    fewer: Annotated[HostInt, Field(ge=1)]
    label_smoothing: Annotated[float, HOST, Field(ge=0, lt=1)] = 0.1

    @model_validator(mode="after")
    def _fewer_are_fewer(self) -> TranslationFamily:
        if self.data.num_train is not None and self.fewer >= self.data.num_train:
            raise ValueError(f"expected fewer than num_train = {self.data.num_train}, got {self.fewer}")
        return self

    @model_validator(mode="after")
    def _of_transformers(self) -> TranslationFamily:
        if not isinstance(self.model, Transformer):
            raise ValueError(f"expected a transformer as model, got {self.model.kind}; use basin.models.Transformer")
        return self

    def at(self, width: int) -> Transformer:
        """Return the transformer of an embedding dimension."""
        assert isinstance(self.model, Transformer)
        return self.model.replace(width=width)


class DoubleDescentTranslation(StudySpec):
    """Test loss and error of transformers over their embedding dimension, on fewer and on more sentences."""

    families: Annotated[tuple[TranslationFamily, ...], HOST, Field(min_length=1)]

    @model_validator(mode="after")
    def _told_apart(self) -> DoubleDescentTranslation:
        told_apart(self.families)
        return self
