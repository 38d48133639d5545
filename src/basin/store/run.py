"""A run as a folder: what was asked for, where it ran, what came of it.

| file | holds | written |
|---|---|---|
| `spec.json` | the resolved specification, its id, the numerics version | by `begin` |
| `environment.json` | the machine and the versions it began on, and those it was resumed on | by `begin` |
| `snapshot.safetensors` | the run in progress | by `save_snapshot`; removed by `finish` |
| `metrics.parquet` | the curves | by `finish` |
| `measurements.parquet` | what was measured at the end | by `finish` and `add_measurements` |
| `weights.safetensors` | the final weights | by `finish` |
| `outcome.json` | how it ended, with size and SHA-256 of the files above | by `finish`, last |

`outcome.json` is what makes a run finished: it reaches the disk after everything it vouches for. Only the holder of
the run's claim writes (see :mod:`basin.store.lock`); anyone may read at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from basin.spec.ids import NUMERICS_VERSION
from basin.store import arrays, atomic, documents, snapshot, tables
from basin.store.errors import DamagedError, StoreError
from basin.store.migrate import FORMAT, current

STATUSES = ("completed", "stopped", "diverged", "failed")
"""How a run may end."""

SPEC = "spec.json"
ENVIRONMENT = "environment.json"
SNAPSHOT = "snapshot.safetensors"
METRICS = "metrics.parquet"
MEASUREMENTS = "measurements.parquet"
WEIGHTS = "weights.safetensors"
OUTCOME = "outcome.json"

_VOUCHED = (SPEC, ENVIRONMENT, METRICS, WEIGHTS)
_RESERVED = {"format", "id", "files"}


@dataclass(frozen=True)
class RunFolder:
    """One run's folder, named by the run's id; making this object touches no disk."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def finished(self) -> bool:
        """Whether the run has an outcome; `check` says whether that is sound."""
        return (self.path / OUTCOME).exists()

    def begin(self, spec: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        """Say what is about to run, and where; on a folder that was begun before, note a new environment only.

        Args:
            spec: The resolved specification as plain JSON, with every field that queries shall find.
            environment: What :func:`basin.store.environment.environment` returned.

        Raises:
            StoreError: The run is finished, or the folder cannot be written.
        """
        if self.finished:
            raise StoreError(f"run {self.id} is finished; expected a run to begin, look at `finished` after claiming")
        atomic.make_folder(self.path)
        atomic.sweep(self.path)
        about = {"format": FORMAT, "id": self.id, "numerics": NUMERICS_VERSION, "spec": dict(spec)}
        self._write_once(SPEC, about)
        self._write_once(ENVIRONMENT, self._environments(dict(environment)))

    def save_snapshot(self, tree: Mapping[str, Any], info: Mapping[str, Any], metrics: tables.Rows) -> None:
        """Keep the run in progress, in place of an earlier moment.

        Args:
            tree: Nested dicts of arrays of any dtype that :func:`basin.store.arrays.encode` takes.
            info: Plain JSON.
            metrics: All rows so far.

        Raises:
            StoreError: It cannot be stored; the earlier snapshot is intact.
        """
        atomic.write_bytes(self.path / SNAPSHOT, snapshot.encode(self.id, tree, info, metrics))

    def load_snapshot(self) -> snapshot.Snapshot | None:
        """Return what the run resumes from; None if there is none or the run is finished.

        Raises:
            DamagedError: It is truncated, altered, or another run's.
        """
        path = self.path / SNAPSHOT
        if self.finished or not path.exists():
            return None
        return snapshot.decode(atomic.read_bytes(path), self.id, path)

    def finish(
        self,
        outcome: Mapping[str, Any],
        *,
        metrics: tables.Rows,
        weights: Mapping[str, Any],
        measurements: tables.Rows = (),
    ) -> None:
        """Store all that the run produced, the outcome last, and drop its snapshot.

        Args:
            outcome: Plain JSON with at least `status`, one of :data:`STATUSES`.
            metrics: Rows of :data:`basin.store.tables.METRICS`.
            weights: Nested dicts of arrays.
            measurements: Rows of :data:`basin.store.tables.MEASUREMENTS`; more may be added later.

        Raises:
            StoreError: The run was not begun, or something cannot be stored; the run is then unfinished.
        """
        if outcome.get("status") not in STATUSES:
            raise StoreError(f"expected a status, one of {', '.join(STATUSES)}, got {outcome.get('status')!r}")
        if reserved := _RESERVED & outcome.keys():
            raise StoreError(f"the outcome holds {', '.join(sorted(reserved))}, which the store writes; rename it")
        documents.encode(outcome, "outcome")
        contents = {
            METRICS: tables.encode(metrics, tables.METRICS),
            MEASUREMENTS: tables.encode(measurements, tables.MEASUREMENTS),
            WEIGHTS: arrays.encode(weights),
        }
        for name, content in contents.items():
            atomic.write_bytes(self.path / name, content)
        for name in (SPEC, ENVIRONMENT):
            contents[name] = atomic.read_bytes(self.path / name)
        files = {name: _manifest(contents[name]) for name in _VOUCHED}
        written = {**outcome, "format": FORMAT, "id": self.id, "files": files}
        documents.write_json(self.path / OUTCOME, written)
        atomic.remove(self.path / SNAPSHOT)

    def add_measurements(self, rows: tables.Rows) -> None:
        """Add measurements to a run, in place of earlier ones of the same measure, definition and split.

        Raises:
            StoreError: They cannot be stored; the earlier ones are intact.
        """
        added = tables.as_table(rows, tables.MEASUREMENTS).to_pylist()
        renewed = {_measured(row) for row in added}
        kept = [row for row in self.measurements().to_pylist() if _measured(row) not in renewed]
        atomic.write_bytes(self.path / MEASUREMENTS, tables.encode([*kept, *added], tables.MEASUREMENTS))

    def spec(self) -> dict[str, Any]:
        """Return the specification that the run was begun with.

        Raises:
            DamagedError: It is missing, or another run's.
            NewerFormatError: A newer version of Basin wrote it.
        """
        return self._document(SPEC)["spec"]

    def environment(self) -> dict[str, Any]:
        """Return the environment that the run began in; `resumed`, if there, lists the other ones it went on in."""
        return _without(self._document(ENVIRONMENT), {"format", "id"})

    def outcome(self) -> dict[str, Any]:
        """Return what `finish` was given."""
        return _without(self._document(OUTCOME), _RESERVED)

    def metrics(self) -> pa.Table:
        """Return the curves of a finished run."""
        return tables.decode(self._vouched(METRICS), tables.METRICS, self.path / METRICS)

    def measurements(self) -> pa.Table:
        """Return what was measured."""
        path = self.path / MEASUREMENTS
        return tables.decode(atomic.read_bytes(path), tables.MEASUREMENTS, path)

    def weights(self) -> dict[str, Any]:
        """Return the final weights as nested dicts of read-only arrays."""
        return arrays.decode(self._vouched(WEIGHTS), self.path / WEIGHTS)[0]

    def check(self) -> None:
        """Verify the run, finished or in progress: every file there, whole, unaltered and this run's.

        Raises:
            DamagedError: Something is not; the message says what.
            NewerFormatError: A newer version of Basin wrote it.
        """
        if self.finished:
            for name in _VOUCHED:
                self._vouched(name)
            self.metrics()
            self.measurements()
        for name in (SPEC, ENVIRONMENT):
            if self.finished or (self.path / name).exists():
                self._document(name)
        self.load_snapshot()

    def tidy(self) -> None:
        """Remove what a killed process left behind; only for the holder of the run's claim."""
        atomic.sweep(self.path)
        if self.finished:
            atomic.remove(self.path / SNAPSHOT)

    def _environments(self, now: dict[str, Any]) -> dict[str, Any]:
        new = {"format": FORMAT, "id": self.id, **now}
        if not (self.path / ENVIRONMENT).exists():
            return new
        known = self._document(ENVIRONMENT)
        resumed = known.get("resumed", [])
        stored = documents.decode(documents.encode(now, "environment"), self.path / ENVIRONMENT)
        last = resumed[-1] if resumed else _without(known, {"format", "id", "resumed"})
        return known if stored == last else {**known, "resumed": [*resumed, stored]}

    def _write_once(self, name: str, document: Mapping[str, Any]) -> None:
        path = self.path / name
        content = documents.encode(document, name)
        if not path.exists() or atomic.read_bytes(path) != content:
            atomic.write_bytes(path, content)

    def _document(self, name: str) -> dict[str, Any]:
        path = self.path / name
        document = current(documents.read_json(path), path)
        if document.get("id") != self.id:
            raise DamagedError(f"expected a file of run {self.id} at {str(path)!r}, got one of {document.get('id')!r}")
        return document

    def _vouched(self, name: str) -> bytes:
        entry = self._document(OUTCOME).get("files", {}).get(name, {})
        content = atomic.read_bytes(self.path / name)
        found = _manifest(content)
        if found != entry:
            wanted = f"{entry.get('bytes')} bytes with SHA-256 {entry.get('sha256')}"
            got = f"{found['bytes']} bytes with {found['sha256']}"
            raise DamagedError(f"expected {wanted} in {str(self.path / name)!r}, got {got}")
        return content


def _manifest(content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _measured(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["measure"], row["definition"], row["split"]


def _without(document: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}
