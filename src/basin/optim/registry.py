"""Which function builds the direction of which rule; being listed here enrols a rule in the contract test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optax

from basin.optim.adadelta import adadelta
from basin.optim.adagrad import adagrad
from basin.optim.adam import adam
from basin.optim.momentum import gradient, velocity
from basin.optim.rmsprop import rmsprop
from basin.spec.base import Spec
from basin.spec.optimizer import SGD, Adadelta, AdaGrad, Adam, AdamW, GradientDescent, RMSProp

RULES: dict[type[Spec], Callable[[Any], optax.GradientTransformation]] = {
    GradientDescent: gradient,
    SGD: velocity,
    AdaGrad: adagrad,
    RMSProp: rmsprop,
    Adam: adam,
    AdamW: adam,
    Adadelta: adadelta,
}
"""The direction of each rule, before decay and learning rate."""
