"""Networks: their specifications, how they are built, and how to bring one's own.

The names that a user types (`basin.models.MLP`) are specifications; :func:`build` makes the pair of pure functions that
the rest of Basin sees (:mod:`basin.models.model`).
"""

from basin._lazy import lazy
from basin.spec.initializer import Constant, Glorot, He, LeCun, Normal, Uniform
from basin.spec.model import (
    C1,
    C2,
    C3,
    C4,
    CNN5,
    F1,
    F2,
    MLP,
    VGG11,
    AnyModel,
    DenseNet,
    External,
    ResNet18,
    Transformer,
    ViT,
)

__getattr__, __dir__ = lazy(
    __name__,
    {
        "build": "basin.models.zoo",
        "from_flax": "basin.models.external",
        "from_equinox": "basin.models.external",
        "from_functions": "basin.models.external",
        "Model": "basin.models.model",
        "Mode": "basin.models.model",
        "recompute": "basin.models.statistics",
    },
)

__all__ = [
    "C1",
    "C2",
    "C3",
    "C4",
    "CNN5",
    "F1",
    "F2",
    "MLP",
    "VGG11",
    "AnyModel",
    "Constant",
    "DenseNet",
    "External",
    "Glorot",
    "He",
    "LeCun",
    "Normal",
    "ResNet18",
    "Transformer",
    "Uniform",
    "ViT",
]
