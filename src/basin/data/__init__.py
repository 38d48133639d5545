"""Data: where examples come from, what is done to them, and in which order they are shown.

The names that a user types (`basin.data.Digits`) are specifications. The functions that make the arrays import JAX and
are loaded when first used:

>>> import basin.data
>>> basin.data.describe(basin.data.Digits()).input_shape
(8, 8, 1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basin._lazy import lazy
from basin.spec.data import (
    AnyData,
    Cifar5m,
    Cifar10,
    Cifar100,
    Digits,
    Frames,
    Glyphs,
    ImageFolder,
    Language,
    Mixture,
    Mnist,
    Npz,
    Pairs,
    Teacher,
)

if TYPE_CHECKING:
    from basin.data.corrupt import corrupt, noisy_error
    from basin.data.registry import (
        SOURCES,
        bayes_error,
        depends_on_seed,
        describe,
        entropy_floor,
        load,
        on_disk,
        reference,
        resolve,
        stream,
        vocabulary,
    )
    from basin.data.sampler import batch_indices
    from basin.data.source import DataInfo, Dataset, Sample
    from basin.data.standardise import fit_standardiser

__getattr__, __dir__ = lazy(
    __name__,
    {
        "DataInfo": "basin.data.source",
        "Dataset": "basin.data.source",
        "Sample": "basin.data.source",
        "SOURCES": "basin.data.registry",
        "batch_indices": "basin.data.sampler",
        "bayes_error": "basin.data.registry",
        "corrupt": "basin.data.corrupt",
        "depends_on_seed": "basin.data.registry",
        "describe": "basin.data.registry",
        "entropy_floor": "basin.data.registry",
        "fit_standardiser": "basin.data.standardise",
        "load": "basin.data.registry",
        "noisy_error": "basin.data.corrupt",
        "on_disk": "basin.data.registry",
        "reference": "basin.data.registry",
        "resolve": "basin.data.registry",
        "stream": "basin.data.registry",
        "vocabulary": "basin.data.registry",
    },
)

__all__ = [
    "SOURCES",
    "AnyData",
    "Cifar5m",
    "Cifar10",
    "Cifar100",
    "DataInfo",
    "Dataset",
    "Digits",
    "Frames",
    "Glyphs",
    "ImageFolder",
    "Language",
    "Mixture",
    "Mnist",
    "Npz",
    "Pairs",
    "Sample",
    "Teacher",
    "batch_indices",
    "bayes_error",
    "corrupt",
    "depends_on_seed",
    "describe",
    "entropy_floor",
    "fit_standardiser",
    "load",
    "noisy_error",
    "on_disk",
    "reference",
    "resolve",
    "stream",
    "vocabulary",
]
