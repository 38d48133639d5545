"""What a study computes besides training runs: walks over a surface, a simulation, a formula against its closed form.

An experiment is a pure function of its settings. Its arrays are kept under `<study>/experiments/<name>-<id>`, the id a
hash of name and settings, so the same command twice computes it once and other settings compute it anew. What a killed
process had finished is kept; what it was computing begins again, and gives the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from basin.spec.ids import settings_id
from basin.store.environment import environment
from basin.store.study import StudyFolder

WAIT_S = 0.2
"""Seconds between two looks at what another process is computing."""

Arrays = Mapping[str, Any]
"""Nested dictionaries of arrays."""


@dataclass(frozen=True)
class Experiment:
    """A computation and everything that its result depends on.

    Attributes:
        settings: Specifications, numbers and texts that decide the result; two that differ are two experiments.
        compute: Returns its arrays, nested as it likes; takes nothing that is not in the settings.
    """

    settings: Mapping[str, Any]
    compute: Callable[[], Arrays] = field(repr=False)

    def key(self, name: str) -> str:
        """Return what the experiment's file is called under this name."""
        return f"{name}-{settings_id(name, dict(self.settings))}"


@dataclass(frozen=True)
class Computed:
    """An experiment's arrays as they were stored, and how long they took.

    Attributes:
        arrays: NumPy arrays, nested as they were computed.
        seconds: What computing took, compilation included.
    """

    arrays: Arrays
    seconds: float

    def __getitem__(self, name: str) -> Any:
        """Return one of the arrays, or a dictionary of them."""
        return self.arrays[name]


def compute_missing(
    folder: StudyFolder, experiments: Mapping[str, Experiment], damaged: Callable[[str], None]
) -> Iterator[str]:
    """Compute what the store lacks, beside other processes, and yield the name of each as it is there.

    Args:
        folder: The study's.
        experiments: By name.
        damaged: Told of a file that was damaged and set aside; its experiment is computed again.
    """
    waiting = dict(experiments)
    while waiting:
        for name, experiment in list(waiting.items()):
            key = experiment.key(name)
            claim = folder.try_claim(key)
            if claim is None:
                continue
            with claim:
                if (damage := folder.recover_experiment(key)) is not None:
                    damaged(str(damage))
                if not folder.has_experiment(key):
                    _compute(folder, key, experiment)
            del waiting[name]
            yield name
        if waiting:
            time.sleep(WAIT_S)


def read(folder: StudyFolder, experiments: Mapping[str, Experiment]) -> dict[str, Computed]:
    """Read the experiments back from the store.

    Raises:
        StoreError: One is missing or damaged.
    """
    found = {}
    for name, experiment in experiments.items():
        arrays, info = folder.read_experiment(experiment.key(name))
        found[name] = Computed(arrays, info["seconds"])
    return found


def _compute(folder: StudyFolder, key: str, experiment: Experiment) -> None:
    began = time.monotonic()
    arrays = jax.tree.map(np.asarray, dict(experiment.compute()))
    info = {"seconds": time.monotonic() - began, "environment": environment()}
    folder.write_experiment(key, arrays, info)
