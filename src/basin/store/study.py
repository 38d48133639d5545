"""A study as a folder: its document, report, figures, and one folder for each of its runs.

    <out>/<study>/study.json     what was asked, where it ran, the claims and their verdicts
                  report.html    one self-contained file
                  figures/       each figure and the data behind it
                  runs/<id>/     see :mod:`basin.store.run`
                  experiments/   arrays of what is no run, one safetensors file each
                  locks/         see :mod:`basin.store.lock`

Several processes may work on one study. Each asks for what it would do next::

    for run_id, spec in wanted:
        if (claim := study.try_claim(run_id)) is None:
            continue                        # another process is at it
        with claim:
            damage = study.recover(run_id)  # a damaged folder is set aside, and reported
            run = study.run(run_id)
            if not run.finished:            # perhaps another process was quicker
                run.begin(spec, environment)
                ...
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from basin.store import atomic, documents
from basin.store.arrays import decode, encode
from basin.store.errors import Damage, DamagedError, StoreError
from basin.store.lock import Claim, checked_name, try_claim
from basin.store.migrate import FORMAT, current
from basin.store.run import RunFolder

KEYS = ("study", "preset", "spec", "environment", "claims", "finished")
"""What `study.json` holds at least."""


class StudyFolder:
    """The folder of one study; making this object touches no disk.

    Args:
        out: The folder of all studies, such as `runs`.
        study: The study's name.
    """

    def __init__(self, out: Path | str, study: str) -> None:
        self.path = Path(out) / checked_name(study)

    @property
    def name(self) -> str:
        """The study's name."""
        return self.path.name

    @property
    def document_path(self) -> Path:
        """Where `study.json` is."""
        return self.path / "study.json"

    @property
    def report_path(self) -> Path:
        """Where the report is."""
        return self.path / "report.html"

    @property
    def figures_path(self) -> Path:
        """Where the figures and their data are."""
        return self.path / "figures"

    @property
    def runs_path(self) -> Path:
        """Where the runs are."""
        return self.path / "runs"

    def run(self, run_id: str) -> RunFolder:
        """Return the folder of a run, whether it exists or not."""
        if "." in run_id:
            raise StoreError(f"expected a run's id without a dot, got {run_id!r}")
        return RunFolder(self.runs_path / checked_name(run_id))

    def run_ids(self, *, finished: bool | None = None) -> list[str]:
        """Return the ids of the runs, sorted; those set aside as damaged are none of them.

        Args:
            finished: True or False selects the finished or the unfinished ones.
        """
        if not self.runs_path.is_dir():
            return []
        ids = sorted(path.name for path in self.runs_path.iterdir() if path.is_dir() and "." not in path.name)
        return ids if finished is None else [name for name in ids if self.run(name).finished == finished]

    def try_claim(self, name: str, *, timeout_s: float = 0.0) -> Claim | None:
        """Claim a run, a group of runs or a stage of the study; None if it is claimed elsewhere.

        Args:
            name: A run's id, or any name that the caller gives to a group or a stage.
            timeout_s: For how many seconds to wait.

        Raises:
            StoreError: The folder does not allow locks.
        """
        return try_claim(self.path / "locks", name, timeout_s=timeout_s)

    def recover(self, run_id: str) -> Damage | None:
        """Put a run's folder in order; only for the holder of its claim.

        What a killed process left half written is removed. A damaged folder is renamed to `<id>.damaged-<n>`, so that
        the run counts as one that has not begun.

        Returns:
            What was wrong and where it is now, or None.

        Raises:
            NewerFormatError: A newer version of Basin wrote it; it stays where it is.
        """
        run = self.run(run_id)
        if not run.path.exists():
            return None
        try:
            run.check()
        except DamagedError as error:
            return Damage(run_id, str(error), atomic.set_aside(run.path))
        run.tidy()
        return None

    def write(self, document: Mapping[str, Any]) -> None:
        """Write `study.json`.

        Args:
            document: Plain JSON with at least :data:`KEYS`; null stands for what has no value.

        Raises:
            StoreError: A key is missing, a number is not finite, or the file cannot be written.
        """
        if missing := [key for key in KEYS if key not in document]:
            raise StoreError(f"expected {', '.join(KEYS)} in study.json, got no {', '.join(missing)}")
        atomic.make_folder(self.path)
        documents.write_json(self.document_path, {**document, "format": FORMAT})

    def read(self) -> dict[str, Any] | None:
        """Return what `study.json` holds, or None if the study has not begun.

        Raises:
            DamagedError: It is no whole document; see `recover_document`.
            NewerFormatError: A newer version of Basin wrote it.
        """
        if not self.document_path.exists():
            return None
        document = current(documents.read_json(self.document_path), self.document_path)
        if missing := [key for key in KEYS if key not in document]:
            raise DamagedError(f"expected {', '.join(KEYS)} in {str(self.document_path)!r}, got no {missing[0]}")
        return {key: value for key, value in document.items() if key != "format"}

    def recover_document(self) -> Damage | None:
        """Set a damaged `study.json` aside and remove half-written files; only for the holder of the study's claim."""
        try:
            self.read()
        except DamagedError as error:
            return Damage("study.json", str(error), atomic.set_aside(self.document_path))
        atomic.sweep(self.path)
        atomic.sweep(self.figures_path)
        return None

    @property
    def experiments_path(self) -> Path:
        """Where the experiments are."""
        return self.path / "experiments"

    def has_experiment(self, key: str) -> bool:
        """Return whether an experiment is there."""
        return self._experiment(key).exists()

    def write_experiment(self, key: str, arrays: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Write an experiment's arrays, nested in dicts, and plain facts about them; only for the holder of its claim.

        Raises:
            StoreError: It cannot be written, or a leaf is no array of numbers.
        """
        atomic.make_folder(self.experiments_path)
        atomic.write_bytes(self._experiment(key), encode(arrays, info))

    def read_experiment(self, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return an experiment's arrays and the facts about them.

        Raises:
            DamagedError: It is missing or not whole.
        """
        path = self._experiment(key)
        return decode(atomic.read_bytes(path), path)

    def recover_experiment(self, key: str) -> Damage | None:
        """Set a damaged experiment aside; only for the holder of its claim."""
        if not self.has_experiment(key):
            return None
        try:
            self.read_experiment(key)
        except DamagedError as error:
            return Damage(key, str(error), atomic.set_aside(self._experiment(key)))
        return None

    def _experiment(self, key: str) -> Path:
        return self.experiments_path / f"{checked_name(key)}.safetensors"

    def write_report(self, html: str) -> Path:
        """Write the report and return its path."""
        atomic.make_folder(self.path)
        atomic.write_bytes(self.report_path, html.encode())
        return self.report_path

    def write_figure(self, name: str, content: str | bytes) -> Path:
        """Write a figure or its data, such as `gap.svg` or `gap.csv`, and return its path."""
        atomic.make_folder(self.figures_path)
        path = self.figures_path / checked_name(name)
        atomic.write_bytes(path, content.encode() if isinstance(content, str) else content)
        return path
