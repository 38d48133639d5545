"""What a study will cost, in the words of the command line."""

from __future__ import annotations

import os

import jax

from basin.spec.study import StudySpec
from basin.studies.cost import LONG_S, Estimate, Work, estimated, may_be_long, remaining
from basin.studies.study import Study
from basin.training.speed import spread

_UNITS = ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "days"), (31_557_600.0, "years"))

_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def warning(page: Study, spec: StudySpec, *, preset: str, out: str) -> list[str]:
    """Return what a long study will cost; of a short one nothing, and nothing is counted for it.

    A study of experiments alone has no estimate, so there only `quick` counts as short.
    """
    work = remaining(page, spec, out)
    if work.groups and may_be_long(work):
        return _lines_if_long(work)
    if not work.groups and work.experiments and preset != "quick":
        return [_to_do(work), *_said(page, spec, preset)]
    return []


def foreseen(page: Study, spec: StudySpec, *, preset: str, out: str) -> list[str]:
    """Return what a study will cost, however long it is, and what its page says of the preset."""
    work = remaining(page, spec, out)
    return [*(_lines(estimated(work)) if work.groups else [_to_do(work)]), *_said(page, spec, preset)]


def _lines_if_long(work: Work) -> list[str]:
    try:
        found = estimated(work)
    except ValueError as error:  # a study that cannot be costed can still be carried out
        return [f"no estimate: {error}"]
    return _lines(found) if spread() * found.seconds > LONG_S else []


def _said(page: Study, spec: StudySpec, preset: str) -> list[str]:
    return [f"the study says of preset {preset}: {page.cost[preset]}"] if spec == page.presets[preset] else []


def _to_do(work: Work) -> str:
    runs = sum(len(group.runs) for group in work.groups)
    there = f" ({work.finished:,} kept already)" if work.finished else ""
    experiments = f", {_counted(work.experiments, 'experiment')} without an estimate" if work.experiments else ""
    return f"to do: {_counted(runs, 'training')}{there}{experiments}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}s" if number != 1 else f"1 {noun}"


def _lines(estimate: Estimate) -> list[str]:
    """Return three lines: what is to be done, how long it takes, and what space."""
    low, high = estimate.seconds / spread(), estimate.seconds * spread()
    speed = f"{estimate.speed.flops / 1e9:,.0f} GFLOP/s and {estimate.speed.bytes / 1e9:,.0f} GB/s"
    stops = any(run.stop for group in estimate.work.groups for run in group.runs.values())
    limits = "without measuring" + (", if no run stops early" if stops else "")
    return [
        f"{_to_do(estimate.work)}: {_counted(estimate.programs, 'program')}, {_counted(estimate.steps, 'update')}, "
        f"{estimate.flops:.2g} floating-point operations",
        f"time: about {duration(estimate.seconds)} ({duration(low)} to {duration(high)}) {limits}, at {speed} "
        f"(float32 matrix products and sums on {_device()}, measured now)",
        f"space: {size(estimate.disk_bytes)} on the disk; in memory {size(estimate.set_bytes)} for a training set and "
        f"its test set, {size(estimate.sets_bytes)} for all that are kept at hand",
    ]


def duration(seconds: float) -> str:
    """Return a length of time with two digits, in the largest unit of which there are two."""
    length, name = next(((a, b) for a, b in reversed(_UNITS) if seconds >= 2 * a), _UNITS[0])
    count = seconds / length
    return f"{count:.1f} {name}" if count < 10 else f"{float(f'{count:.2g}'):,.0f} {name}"


def size(number: float) -> str:
    """Return a number of bytes with two digits, in the largest unit of which there is one."""
    unit, name = next(((a, b) for a, b in _SIZES if number >= a), _SIZES[-1])
    return f"{float(f'{number / unit:.2g}'):g} {name}"


def _device() -> str:
    kind = jax.devices()[0].device_kind
    return f"{len(os.sched_getaffinity(0))} cores" if jax.default_backend() == "cpu" else kind
