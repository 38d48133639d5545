"""Optimisers: their specifications, and (imported when first used) what builds them.

Example:
    >>> import basin.optim
    >>> basin.optim.Adam(learning_rate=basin.optim.Cosine(initial=1e-3)).learning_rate.initial
    0.001
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basin._lazy import lazy
from basin.spec.optimizer import SGD, Adadelta, AdaGrad, Adam, AdamW, GradientDescent, RMSProp
from basin.spec.schedule import Constant, Cosine, Exponential, InverseSquareRoot, Linear, PowerLaw, Step, Warmup

if TYPE_CHECKING:
    from basin.optim.pipeline import build
    from basin.optim.schedules import schedule_value

__all__ = [
    "SGD",
    "AdaGrad",
    "Adadelta",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Exponential",
    "GradientDescent",
    "InverseSquareRoot",
    "Linear",
    "PowerLaw",
    "RMSProp",
    "Step",
    "Warmup",
    "build",
    "schedule_value",
]

__getattr__, __dir__ = lazy(__name__, {"build": "basin.optim.pipeline", "schedule_value": "basin.optim.schedules"})
