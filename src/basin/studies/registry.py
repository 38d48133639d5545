"""The studies by name, imported when asked for; being listed here enrols a study in the command line and its tests."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from basin.spec.base import unknown_name
from basin.spec.study import StudySpec
from basin.studies.study import Study

MODULES = {
    "averages": "basin.studies.averages.study",
    "adaptive": "basin.studies.adaptive.study",
    "deep-bootstrap": "basin.studies.deep_bootstrap.study",
    "double-descent-epochs": "basin.studies.double_descent_epochs.study",
    "double-descent-samples": "basin.studies.double_descent_samples.study",
    "double-descent-translation": "basin.studies.double_descent_translation.study",
    "double-descent-width": "basin.studies.double_descent_width.study",
    "double-descent-features": "basin.studies.double_descent_features.study",
    "early-stopping": "basin.studies.early_stopping.study",
    "initialisation": "basin.studies.initialisation.study",
    "large-batch": "basin.studies.large_batch.study",
    "mini-batches": "basin.studies.mini_batches.study",
    "normalisation": "basin.studies.normalisation.study",
    "optimisers": "basin.studies.optimisers.study",
    "quadratic": "basin.studies.quadratic.study",
    "weight-decay": "basin.studies.weight_decay.study",
}
"""Module of each study, which holds it as `STUDY`."""

TOOLS = {
    "race": "basin.studies.race.tool",
}
"""Module of each tool that is carried out as a study is, and has no claims; `rebuilt` makes it from its record."""


def study(name: str) -> Study[Any, Any]:
    """Return a study by its name.

    Raises:
        ValueError: There is none of this name; the nearest is named.
    """
    if name not in MODULES:
        raise ValueError(unknown_name(name, MODULES, "study"))
    return importlib.import_module(MODULES[name]).STUDY


def recorded(record: Mapping[str, Any]) -> tuple[Study[Any, Any], StudySpec]:
    """Return the study or the tool that a record is of, and its specification.

    Args:
        record: What `study.json` holds.

    Raises:
        ValueError: This version knows no such study or tool.
    """
    tool = record.get("tool")
    if not tool:
        page = study(record["study"])
        return page, type(page.presets["quick"]).model_validate(record["spec"])
    if tool not in TOOLS:
        raise ValueError(unknown_name(tool, TOOLS, "tool"))
    return importlib.import_module(TOOLS[tool]).rebuilt(record["spec"])
