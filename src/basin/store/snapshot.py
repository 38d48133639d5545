"""A run in progress as one file: arrays, facts and the metric rows so far, all of the same moment.

The file is a safetensors file whose arrays are the run's state and, as bytes, its metrics in Parquet. A checksum over
all of it stands in the header, because resuming from an altered state would end in another result without a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from basin.store import arrays, documents, tables
from basin.store.errors import DamagedError
from basin.store.migrate import FORMAT, current


@dataclass(frozen=True)
class Snapshot:
    """What a killed run resumes from.

    Attributes:
        arrays: Nested dicts of arrays: weights, state of the optimiser, keys, counters.
        info: Plain JSON.
        metrics: The rows recorded so far.
    """

    arrays: dict[str, Any]
    info: dict[str, Any]
    metrics: pa.Table


def encode(run_id: str, tree: Mapping[str, Any], info: Mapping[str, Any], metrics: tables.Rows) -> bytes:
    """Return the bytes of a snapshot.

    Raises:
        StoreError: The arrays, facts or rows cannot be stored.
    """
    rows = np.frombuffer(tables.encode(metrics, tables.METRICS), dtype=np.uint8)
    content = {"arrays": tree, "metrics": rows}
    about = {"format": FORMAT, "id": run_id, "info": dict(info)}
    return arrays.encode(content, {**about, "sha256": _digest(content, about)})


def decode(content: bytes, run_id: str, path: Path) -> Snapshot:
    """Return the snapshot that a file's bytes hold.

    Raises:
        DamagedError: They are truncated or altered, or belong to another run.
        NewerFormatError: A newer version of Basin wrote them.
    """
    tree, about = arrays.decode(content, path)
    found = about.pop("sha256", None)
    if found != _digest(tree, about):
        raise DamagedError(f"expected the checksum {found} in {str(path)!r}, got another; it was altered")
    about = current(about, path)
    if about["id"] != run_id:
        raise DamagedError(f"expected the snapshot of run {run_id} in {str(path)!r}, got that of {about['id']}")
    return Snapshot(tree["arrays"], about["info"], tables.decode(tree["metrics"].tobytes(), tables.METRICS, path))


def _digest(tree: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(documents.encode(about, "info"))
    for name, array in sorted(arrays.flatten(tree), key=lambda item: item[0]):
        kind = "empty" if array is None else f"{array.dtype.name} {array.shape}"
        digest.update(f"{len(name)} {name} {kind}".encode())
        if array is not None:
            digest.update(array.tobytes())
    return digest.hexdigest()
