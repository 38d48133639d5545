"""How long a run lasts: one field, in the unit that the question is asked in."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import Field, model_serializer, model_validator

from basin.spec.base import HOST, Spec

_FORM = re.compile(r"\s*(?P<amount>[0-9][0-9_]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?)\s*(?P<unit>[a-z]+)\s*")


class Budget(Spec):
    """A length of training, written `"100 epochs"`, `"5000 steps"` or `"2e6 examples"`.

    An epoch is one pass over the training examples, an example one presentation of one, a step one update. The
    number of steps is rounded up, so that no example of the last epoch is left out.

    Example:
        >>> budget = Budget.model_validate("2 epochs")
        >>> budget.steps(batch_size=16, num_train=1437)
        180
    """

    amount: Annotated[float, HOST, Field(gt=0)]
    unit: Literal["steps", "epochs", "examples"]

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        match = _FORM.fullmatch(value)
        unit = match["unit"] if match else ""
        unit = {"step": "steps", "epoch": "epochs", "example": "examples"}.get(unit, unit)
        if match is None or unit not in ("steps", "epochs", "examples"):
            raise ValueError(f"expected a length such as '100 epochs', '5000 steps' or '2e6 examples', got '{value}'")
        return {"amount": float(match["amount"].replace("_", "")), "unit": unit}

    @model_serializer
    def _write(self) -> str:
        return str(self)

    def __str__(self) -> str:
        """Return the form that :meth:`_parse` reads back exactly."""
        whole = self.amount.is_integer() and self.amount < 2**53
        return f"{int(self.amount) if whole else self.amount} {self.unit}"

    def steps(self, *, batch_size: int, num_train: int | None) -> int:
        """Return the number of updates.

        Args:
            batch_size: Examples an update.
            num_train: Training examples in a pass; `None` for an endless stream.

        Raises:
            ValueError: Epochs of an endless stream.
        """
        if self.unit == "steps":
            return math.ceil(self.amount)
        if self.unit == "examples":
            return math.ceil(self.amount / batch_size)
        if num_train is None:
            raise ValueError(f"expected steps or examples, got '{self}': an endless stream has no epochs")
        return math.ceil(self.amount * num_train / batch_size)
