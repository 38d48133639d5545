"""Carrying out a study: train what is missing, measure what is missing, judge, draw, report.

Every step looks at the store first, so the same command twice does no work twice, a killed study goes on where it
stopped, and several processes may carry out one study together.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from basin.figures.figure import Figure
from basin.measure.result import NotConvergedWarning
from basin.report import build, build_index
from basin.spec.ids import content_id
from basin.spec.study import StudySpec
from basin.store.atomic import write_bytes
from basin.store.documents import finite_or_none
from basin.store.environment import environment
from basin.store.run import RunFolder
from basin.store.study import StudyFolder
from basin.store.tables import measurement_rows
from basin.studies.experiment import compute_missing, read
from basin.studies.judgement import expected_false_verdicts, judge
from basin.studies.study import Findings, Measured, Study, Task
from basin.training.keep import InFolder, load_run
from basin.training.plan import Group, resolve
from basin.training.planned import plan_in_folder
from basin.training.run import Run
from basin.training.train import WAIT_S, train_beside_others
from basin.training.watch import Silent, Watcher


class Audience(Watcher, Protocol):
    """Watches a study: training, as any watcher, and then measuring."""

    def measuring(self, runs: int) -> None:
        """So many runs are going to be measured."""
        ...

    def measured(self, run_id: str) -> None:
        """A run's measurements are complete."""
        ...

    def computing(self, experiments: int) -> None:
        """So many experiments are going to be computed, or found in the store."""
        ...

    def computed(self, name: str) -> None:
        """An experiment is there."""
        ...

    def damaged(self, lines: Sequence[str]) -> None:
        """These parts of the store were damaged and set aside."""
        ...


class SilentAudience(Silent):
    """Watches a study and says nothing."""

    def measuring(self, runs: int) -> None:
        """Say nothing."""

    def measured(self, run_id: str) -> None:
        """Say nothing."""

    def computing(self, experiments: int) -> None:
        """Say nothing."""

    def computed(self, name: str) -> None:
        """Say nothing."""

    def damaged(self, lines: Sequence[str]) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Conducted:
    """A study that was carried out.

    Attributes:
        folder: Where it is kept.
        record: What `study.json` holds.
        seconds: How long this call took.
    """

    folder: StudyFolder
    record: Mapping[str, Any] = field(repr=False)
    seconds: float = 0.0


def conduct(
    study: Study[Any, Any], spec: StudySpec, *, preset: str, out: Path | str, audience: Audience | None = None
) -> Conducted:
    """Carry out a study, or whatever of it is missing, and write its claims, figures and report.

    Args:
        study: The study.
        spec: At which size.
        preset: Name of the size, for the record.
        out: The folder of all studies.
        audience: Told of progress.

    Raises:
        ValueError: A specification that cannot be carried out.
    """
    began = time.monotonic()
    audience = audience or SilentAudience()
    folder = StudyFolder(out, study.name)
    cells = {cell: resolve(run) for cell, run in study.runs(spec).items()}
    groups = plan_in_folder(folder, list(cells.values()), spec.slots)
    _set_documents_right(folder, audience)
    _train(groups, folder, audience)
    _compute(study, spec, folder, audience)
    ids = {cell: content_id(run) for cell, run in cells.items()}
    _measure(study, spec, ids, folder, audience)
    record = write_up(study, spec, preset=preset, folder=folder)
    return Conducted(folder, record, time.monotonic() - began)


def write_up(
    study: Study[Any, Any], spec: StudySpec, *, preset: str, folder: StudyFolder, finished: str | None = None
) -> Mapping[str, Any]:
    """Judge the claims, draw the figures and write the report, from the store alone; return the study's record.

    Args:
        study: The study.
        spec: At which size it was run.
        preset: Name of the size, for the record.
        folder: Where its runs are.
        finished: When it was finished, if that was earlier than now.

    Raises:
        StoreError: A run of the study is missing or damaged.
    """
    found = findings(study, spec, folder)
    results = judge(study.claims(spec), study.evidence(spec, found))
    claims = [result.to_record() for result in results]
    record = {
        "study": study.name,
        "title": study.title,
        "preset": preset,
        "spec": spec.model_dump(mode="json"),
        "environment": environment(),
        "claims": claims,
        "finished": finished or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "expected_false_verdicts": expected_false_verdicts(claims),
        **({"tool": study.tool} if study.tool else {}),
        **({"command": study.command(spec)} if study.command else {}),
    }
    drawn = study.figures(spec, found, claims)
    with folder.try_claim("write-up", timeout_s=600) or _refuse_to_wait(folder):
        for figure in drawn:
            _write_figure(folder, figure)
        folder.write(finite_or_none(record))
        folder.write_report(_report(study, spec, record, found, drawn))
    return record


def write_index(out: Path | str) -> Path:
    """Write the page that lists every claim of every study under a folder, and return its path."""
    folders = [StudyFolder(out, path.parent.name) for path in sorted(Path(out).glob("*/study.json"))]
    records = [record for folder in folders if (record := folder.read()) is not None]
    page = Path(out) / "index.html"
    write_bytes(page, build_index(records).encode())
    return page


def findings(study: Study[Any, Any], spec: StudySpec, folder: StudyFolder) -> Findings[Any]:
    """Read a study's finished runs, their measurements and its experiments back from the store."""
    ids = {cell: content_id(resolve(run)) for cell, run in study.runs(spec).items()}
    runs = {run_id: load_run(folder, run_id) for run_id in dict.fromkeys(ids.values())}
    tables = {run_id: _measurements(folder.run(run_id)) for run_id in runs}
    return Findings(
        runs={cell: runs[run_id] for cell, run_id in ids.items()},
        measured={cell: tables[run_id] for cell, run_id in ids.items()},
        computed=read(folder, study.experiments(spec)),
    )


def _set_documents_right(folder: StudyFolder, audience: Audience) -> None:
    with folder.try_claim("write-up", timeout_s=60) or _refuse_to_wait(folder):
        damage = folder.recover_document()
    if damage is not None:
        audience.damaged([str(damage)])


def _train(groups: Sequence[Group], folder: StudyFolder, audience: Audience) -> None:
    keeper = InFolder(folder)
    missing = [run for group in groups for name, run in group.runs.items() if not keeper.is_sound(name)]
    audience.damaged(keeper.damaged)
    audience.expect(len(missing), sum(run.num_steps * run.examples_per_step for run in missing))
    for _ in train_beside_others(groups, keeper, audience):
        pass


def _compute(study: Study[Any, Any], spec: StudySpec, folder: StudyFolder, audience: Audience) -> None:
    experiments = study.experiments(spec)
    audience.computing(len(experiments))
    for name in compute_missing(folder, experiments, lambda line: audience.damaged([line])):
        audience.computed(name)


def _measure(
    study: Study[Any, Any], spec: StudySpec, ids: Mapping[Any, str], folder: StudyFolder, audience: Audience
) -> None:
    wanted: dict[str, dict[tuple[str, str], Task]] = {}
    for cell, run_id in ids.items():
        tasks = wanted.setdefault(run_id, {})
        tasks |= {(task.measure, task.split): task for task in study.tasks(spec, cell)}
    missing = {run_id for run_id, tasks in wanted.items() if tasks.keys() - _measurements(folder.run(run_id)).keys()}
    audience.measuring(len(missing))
    with warnings.catch_warnings(), threadpool_limits(1), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as workers:
        warnings.simplefilter("ignore", NotConvergedWarning)  # each row says whether it converged
        try:
            while missing:
                for run_id, done in _measure_each(workers, folder, {run_id: wanted[run_id] for run_id in missing}):
                    if done:
                        missing.remove(run_id)
                        audience.measured(run_id)
                if missing:
                    time.sleep(WAIT_S)
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise


def _measure_each(
    workers: ThreadPoolExecutor, folder: StudyFolder, wanted: Mapping[str, Mapping[tuple[str, str], Task]]
) -> Iterator[tuple[str, bool]]:
    """Yield (run id, whether its measurements are complete), as they come; a search uses one core, so one each."""
    futures = {workers.submit(_measure_run, folder, run_id, tasks): run_id for run_id, tasks in sorted(wanted.items())}
    for future in as_completed(futures):
        yield futures[future], future.result()


def _measure_run(folder: StudyFolder, run_id: str, tasks: Mapping[tuple[str, str], Task]) -> bool:
    """Make the missing measurements of a run, unless another process is at it; say whether they are complete."""
    claim = folder.try_claim(run_id)
    if claim is None:
        return False
    with claim:
        kept = folder.run(run_id)
        missing = tasks.keys() - _measurements(kept).keys()
        if missing:
            run = load_run(folder, run_id)
            kept.add_measurements([row for key in tasks if key in missing for row in _rows(tasks[key], run)])
    return True


def _rows(task: Task, run: Run) -> Iterator[dict[str, Any]]:
    yield from measurement_rows(task.measure, task.split, task.compute(run))


def _measurements(kept: RunFolder) -> dict[tuple[str, str], Measured]:
    found = {}
    for row in kept.measurements().to_pylist():
        if row["index"] == 0:
            details = json.loads(row["details"]) if row["details"] else {}
            found[row["measure"], row["split"]] = Measured(row["value"], row["converged"], details)
    return found


def _write_figure(folder: StudyFolder, figure: Figure) -> None:
    for name, content in figure.files().items():
        folder.write_figure(name, content)


def _report(
    study: Study[Any, Any], spec: StudySpec, record: Mapping[str, Any], found: Findings[Any], drawn: Sequence[Figure]
) -> str:
    about = {
        "title": study.title,
        "question": study.question,
        "protocol": list(study.protocol(spec)),
        "tables": [dataclasses.asdict(table) for table in study.tables(spec, found)],
        "runs": _run_rows(found),
        "experiments": [{"experiment": name, "seconds": round(one.seconds, 1)} for name, one in found.computed.items()],
    }
    return build({**finite_or_none(record), **about}, drawn)


def _run_rows(found: Findings[Any]) -> list[dict[str, Any]]:
    """Return one row for each kind of run: how many, how they ended, what they cost."""
    kinds: dict[str, list[Run]] = {}
    for run in {run.id: run for run in found.runs.values()}.values():
        kinds.setdefault(f"{run.spec.data.kind} {run.model.name} {run.spec.batch_size} {run.spec.budget}", []).append(
            run
        )
    return [_run_row(members) for members in kinds.values()]


def _run_row(members: Sequence[Run]) -> dict[str, Any]:
    first = members[0]
    outcomes = collections.Counter(run.outcome.kind for run in members)
    return {
        "data": first.spec.data.kind,
        "model": first.model.name,
        "optimiser": first.spec.optimizer.kind,
        "batch": first.spec.batch_size,
        "budget": str(first.spec.budget),
        "seeds": len(members),
        "outcomes": ", ".join(f"{count} {kind}" for kind, count in outcomes.items()),
        "updates": sum(run.outcome.step for run in members),
        "training, s": round(sum(run.cost["train_s"] for run in members), 1),
        "looking, s": round(sum(run.cost["evaluate_s"] for run in members), 1),
    }


def _refuse_to_wait(folder: StudyFolder) -> Any:
    raise ValueError(f"another process holds {folder.path} for longer than a write takes; wait for it, or end it")
