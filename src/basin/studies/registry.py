"""The studies by name, imported when asked for; being listed here enrols a study in the command line and its tests."""

from __future__ import annotations

import importlib
from typing import Any

from basin.spec.base import unknown_name
from basin.studies.study import Study

MODULES = {
    "large-batch": "basin.studies.large_batch",
    "optimisers": "basin.studies.optimisers",
    "mini-batches": "basin.studies.mini_batches",
    "initialisation": "basin.studies.initialisation",
}
"""Module of each study, which holds it as `STUDY`."""


def study(name: str) -> Study[Any, Any]:
    """Return a study by its name.

    Raises:
        ValueError: There is none of this name; the nearest is named.
    """
    if name not in MODULES:
        raise ValueError(unknown_name(name, MODULES, "study"))
    return importlib.import_module(MODULES[name]).STUDY
