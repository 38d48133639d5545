"""From the curves of both worlds to the evidence for each claim; paired by seed, in points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from basin import data
from basin.measure import Worlds
from basin.spec.deep_bootstrap import Arm, DeepBootstrap
from basin.stats import Direction, Estimate, Scale, mean, paired, rank_correlation, sample
from basin.studies.claim import Evidence, Measured, Premise, Reading
from basin.studies.deep_bootstrap import claims, worlds
from basin.studies.deep_bootstrap.worlds import Cell
from basin.studies.runs import curves, one_test_example
from basin.studies.study import Findings

Found = Findings[Cell]


def evidence(spec: DeepBootstrap, found: Found) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    collected: dict[str, Evidence | None] = {
        f"agrees-{name}": _agreement(spec, found, arms) for name, arms in claims.agreeing(spec).items()
    }
    collected |= _of_architectures(spec, found)
    if len(worlds.ranked_arms(spec)) > 1:
        collected |= {f"ranks-{when}": _ranks(spec, found, when) for when in ("stopping", "equal-time")}
    for arm in worlds.arms_of(spec, "augmentation"):
        collected[f"augmentation-ideal-{arm.name}"] = _slowed(spec, found, arm)
        collected[f"augmentation-postpones-{arm.name}"] = _postponed(spec, found, arm)
    for arm in worlds.arms_of(spec, "bad augmentation"):
        collected[f"bad-augmentation-{arm.name}"] = _slowed(spec, found, arm)
    for arm in worlds.arms_of(spec, "pretraining"):
        collected |= _pretrained(spec, found, arm)
    for arm in worlds.arms_of(spec, "label noise"):
        collected[f"weaker-{arm.name}"] = _noisy(spec, found, arm)
    for arm in worlds.arms_of(spec, "few examples"):
        collected[f"weaker-{arm.name}"] = _few(spec, found, arm)
    collected["fresh-equals-test"] = _fresh(spec, found)
    return {name: one for name, one in collected.items() if one is not None}


# --- Do the worlds agree? --------------------------------------------------------------------------------------------


def _agreement(spec: DeepBootstrap, found: Found, arms: Sequence[Arm]) -> Measured:
    """Return a reading of every arm and N that has a stopping time; an arm without any has one without a value."""
    readings, notes = [], []
    for arm in arms:
        of_arm: list[Reading] = []
        for size in worlds.sizes_of(spec, arm):
            both = worlds.worlds_of(spec, found, arm, size)
            stopped = worlds.stopping_looks(spec, both)
            notes.append(_left_out(spec, both, f"{arm.name}, N = {size}"))
            if (stopped >= 0).any():
                of_arm += _agreement_of(spec, both, stopped, arm, size)
        readings += of_arm or [Reading(f"{arm.name}, no stopping time", mean(sample(np.full(1, np.nan))))]
    return Measured(tuple(readings), note="; ".join(note for note in notes if note))


def _agreement_of(spec: DeepBootstrap, both: Worlds, stopped: np.ndarray, arm: Arm, size: int) -> Iterator[Reading]:
    where = f"{arm.name}, N = {size}"
    step = one_test_example(worlds.data_of(spec, arm))
    error, soft = (100 * both.at(both.bootstrap_error(metric), stopped) for metric in ("error", "soft_error"))
    yield Reading(f"{where}, error at the stopping time", mean(sample(error, resolution=step)))
    yield Reading(f"{where}, soft-error at the stopping time", mean(sample(soft)))
    yield Reading(f"{where}, error where it is largest before", mean(sample(100 * _largest(spec, both, stopped))))


def _largest(spec: DeepBootstrap, both: Worlds, stopped: np.ndarray) -> np.ndarray:
    """Return each seed's bootstrap error at the look at which it is largest for the others, before any has stopped.

    For each seed the look is chosen by the other seeds on the even test examples; the error is read on the odd ones.
    """
    reached = np.flatnonzero(stopped >= 0)
    shared = (both.passes >= spec.passes) & (np.arange(len(both.steps)) <= stopped[reached].min())
    chosen_on, read_on = (both.bootstrap_error(f"error_{half}") for half in "ab")
    errors = np.full(len(stopped), np.nan)
    for seed in reached if len(reached) > 1 else ():
        others = chosen_on[np.setdiff1d(reached, seed)].mean(axis=0)
        errors[seed] = read_on[seed, np.where(shared, np.abs(others), -np.inf).argmax()]
    return errors


def _left_out(spec: DeepBootstrap, both: Worlds, where: str) -> str:
    looks = both.stopping_look(spec.soft_error)
    counts = {
        f"diverged in {spec.steps} steps": ~both.has_ended,
        f"had not stopped after {spec.steps} steps": both.has_ended & (looks < 0),
        f"stopped before {spec.passes:g} passes": both.has_ended & (looks >= 0) & (both.passes[looks] < spec.passes),
    }
    parts = [f"{int(which.sum())} of {len(looks)} {words}" for words, which in counts.items() if which.any()]
    return f"{where}: {' and '.join(parts)}, left out" if parts else ""


def _of_architectures(spec: DeepBootstrap, found: Found) -> dict[str, Evidence]:
    """Return the evidence of the claims that have a reading for each architecture and N."""
    share, after, gaps, longer, notes, capped = [], [], [], [], [], []
    arms = worlds.arms_of(spec, "architecture")
    for arm in arms:
        step = one_test_example(worlds.data_of(spec, arm))
        sizes = worlds.sizes_of(spec, arm)
        by_size = {size: worlds.worlds_of(spec, found, arm, size) for size in sizes}
        for size, both in by_size.items():
            where, stopped = f"{arm.name}, N = {size}", worlds.stopping_looks(spec, both)
            notes.append(_left_out(spec, both, where))
            if not (stopped >= 0).any():
                continue
            bootstrap, gap = (
                100 * both.at(each, stopped) for each in (both.bootstrap_error(), both.generalisation_gap())
            )
            gaps.append(mean(sample(gap, resolution=step)))
            share.append(Reading(where, mean(sample(bootstrap - spec.share * gap))))
            before_the_end = (stopped >= 0) & (stopped < len(both.steps) - 1)
            last = np.where(before_the_end, 100 * both.bootstrap_error()[:, -1], np.nan)
            after.append(Reading(where, mean(sample(last, resolution=step))))
        for reading, note in _longer(spec, arm, by_size):
            longer.append(reading)
            capped.append(note)
    note = "; ".join(note for note in notes if note)
    collected: dict[str, Evidence] = {}
    if share:
        weakest = min(gaps, key=lambda gap: (gap.interval() or (-np.inf,))[0])
        premise = Premise("there is a generalisation gap", weakest, Direction.GREATER, 0.0)
        collected["share-of-gap"] = Measured(tuple(share), premise, note)
        collected["after-stopping"] = Measured(tuple(after), note=note)
    if longer:
        collected["follows-longer"] = Measured(tuple(longer), note="; ".join(note for note in capped if note))
    return collected


def _longer(spec: DeepBootstrap, arm: Arm, by_size: Mapping[int, Worlds]) -> Iterator[tuple[Reading, str]]:
    leaving = {size: worlds.leaving_times(spec, both) for size, both in by_size.items()}
    for small, large in zip(leaving, list(leaving)[1:], strict=False):
        name = f"{arm.name}, N = {large} over {small}"
        estimate, note = _ratio(leaving[small], leaving[large], spec.steps)
        yield Reading(name, estimate), f"{name}: {note}" if note else ""


def _ratio(first: np.ndarray, second: np.ndarray, limit: float, factor: float = 1.2) -> tuple[Estimate, str]:
    """Return the ratio of two times, `second` over `first`, where either may be infinite, not seen within the limit.

    One that was not seen stands for the limit. The ratio is then a bound, which is used where it speaks for certain: a
    lower bound above the factor that is claimed, or an upper bound. Other pairs, and those of which neither time was
    seen, say nothing and are left out.
    """
    count = min(len(first), len(second))
    first, second = first[:count], second[:count]
    is_bound = np.isinf(first) ^ np.isinf(second)
    with np.errstate(invalid="ignore"):
        silent = np.isinf(second) & (np.isinf(first) | (limit < factor * first))
    told = int((is_bound & ~silent).sum())
    parts = [f"{told} of {count} are bounds, as one time is beyond {limit:g} steps"] if told else []
    parts += [f"{int(silent.sum())} of {count} left out, as their bounds do not tell"] if silent.any() else []
    first, second = (np.where(silent, np.nan, np.minimum(times, limit)) for times in (first, second))
    return paired(first, second, scale=Scale.LOG), " and ".join(parts)


# --- Which arms are better? ------------------------------------------------------------------------------------------


def _ranks(spec: DeepBootstrap, found: Found, when: str) -> Measured:
    readings = []
    for size in spec.sizes:
        arms = worlds.ranked_arms(spec)
        pairs = [_ideal_and_real(spec, worlds.worlds_of(spec, found, arm, size), when) for arm in arms]
        ideal, real = (np.array(column) for column in zip(*pairs, strict=True))
        readings.append(Reading(f"N = {size}", rank_correlation(ideal, real)))
    arms = ", ".join(arm.name for arm in worlds.ranked_arms(spec))
    return Measured(tuple(readings), note=f"arms: {arms}")


def _ideal_and_real(spec: DeepBootstrap, both: Worlds, when: str) -> tuple[float, float]:
    looks = both.end_look(spec.soft_error)
    real = both.at(both.real["error"], looks) if when == "stopping" else both.real["error"][:, -1]
    return float(both.ideal["error"][:, -1].mean()), float(real.mean())


def _slowed(spec: DeepBootstrap, found: Found, arm: Arm) -> Measured:
    """Return how much higher an arm's Ideal-World error is than that of the arm it is held against."""
    other = worlds.other_of(spec, arm)
    errors = [100 * worlds.ideal_curve(spec, found, each) for each in (other, arm)]
    steps = worlds.worlds_of(spec, found, arm, worlds.sizes_of(spec, arm)[-1]).steps
    half = int(np.abs(steps - steps[-1] / 2).argmin())
    names = {f"after {steps[half]} steps": half, f"after {steps[-1]} steps": len(steps) - 1}
    plain, own = errors
    readings = [Reading(name, _contrast(plain[:, look], own[:, look])) for name, look in names.items()]
    return Measured(tuple(readings))


def _postponed(spec: DeepBootstrap, found: Found, arm: Arm) -> Measured | None:
    other, readings, notes = worlds.other_of(spec, arm), [], []
    for size in worlds.shared_sizes(spec, arm, other):
        both = (worlds.worlds_of(spec, found, each, size) for each in (other, arm))
        plain, augmented = (worlds.stopping_times(spec, each) for each in both)
        estimate, note = _ratio(plain, augmented, spec.steps)
        readings.append(Reading(f"N = {size}", estimate))
        notes += [f"N = {size}: {note}"] if note else []
    return Measured(tuple(readings), note="; ".join(notes)) if readings else None


def _pretrained(spec: DeepBootstrap, found: Found, arm: Arm) -> dict[str, Evidence]:
    other = worlds.other_of(spec, arm)
    slow, fast = (worlds.steps_to_reach(spec, found, each) for each in (other, arm))
    estimate, note = _ratio(fast, slow, spec.steps)
    better = []
    for size in worlds.shared_sizes(spec, arm, other):
        ends = []
        for each in (arm, other):
            both = worlds.worlds_of(spec, found, each, size)
            ends.append(100 * both.at(both.real["error"], both.end_look(spec.soft_error)))
        better.append(Reading(f"N = {size}", _contrast(*ends)))
    collected: dict[str, Evidence] = {f"pretrained-faster-{arm.name}": Measured.of(estimate, note)}
    return collected | ({f"pretrained-better-{arm.name}": Measured(tuple(better))} if better else {})


def _contrast(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Return `second` minus `first` over the seeds that both have."""
    count = min(len(first), len(second))
    return paired(first[:count], second[:count])


# --- Where the claim is said to weaken -------------------------------------------------------------------------------


def _noisy(spec: DeepBootstrap, found: Found, arm: Arm) -> Measured | None:
    other, readings = worlds.other_of(spec, arm), []
    for size in worlds.shared_sizes(spec, arm, other):
        clean, noisy = (100 * worlds.worlds_of(spec, found, each, size).bootstrap_error() for each in (other, arm))
        readings.append(Reading(f"N = {size}", _contrast(clean[:, -1], noisy[:, -1])))
    return Measured(tuple(readings)) if readings else None


def _few(spec: DeepBootstrap, found: Found, arm: Arm) -> Measured:
    readings, notes = [], []
    for size in worlds.sizes_of(spec, arm):
        both = worlds.worlds_of(spec, found, arm, size)
        stopped = worlds.stopping_looks(spec, both)
        notes.append(_left_out(spec, both, f"N = {size}"))
        error = 100 * both.at(both.bootstrap_error(), stopped)
        readings.append(
            Reading(f"N = {size}", mean(sample(error, resolution=one_test_example(worlds.data_of(spec, arm)))))
        )
    return Measured(tuple(readings), note="; ".join(note for note in notes if note))


# --- Is the pipeline sound? ------------------------------------------------------------------------------------------


def fresh_minus_test(spec: DeepBootstrap, found: Found, arm: Arm) -> tuple[np.ndarray, np.ndarray]:
    """Return (steps, error on fresh examples minus test error in points), (looks,) and (seeds, looks)."""
    members = worlds.runs_of(spec, found, arm)
    at, fresh = curves(members, "fresh", "error", "step")
    looks, test = curves(members, "test", "error", "step")
    return at, 100 * (fresh - test[:, np.isin(looks, at)])


def _fresh(spec: DeepBootstrap, found: Found) -> Measured:
    readings = []
    for name, arms in _by_data(spec).items():
        by_arm = [fresh_minus_test(spec, found, arm)[1][:, 1:].mean(axis=1) for arm in arms]
        error = np.nanmean([worlds.ideal_curve(spec, found, arm)[:, 1:] for arm in arms])
        size = data.describe(worlds.data_of(spec, arms[0])).num_test
        of_test_set = 100 * float(np.sqrt(error * (1 - error) / size))
        readings.append(Reading(name, _with_error(mean(sample(np.mean(by_arm, axis=0))), of_test_set)))
    return Measured(tuple(readings), note="with the sampling error of the test set, which all seeds share")


def _with_error(estimate: Estimate, error: float) -> Estimate:
    """Return an estimate over seeds with an independent standard error that all seeds share."""
    if estimate.stderr is None:
        return estimate
    method = f"{estimate.method}, with the test set's error"
    return replace(estimate, stderr=float(np.hypot(estimate.stderr, error)), method=method)


def _by_data(spec: DeepBootstrap) -> dict[str, list[Arm]]:
    """Return the arms with all seeds by what they are trained on, as it is tested: without label noise."""
    groups: dict[str, list[Arm]] = {}
    for arm in spec.arms:
        source = worlds.data_of(spec, arm)
        if worlds.has_all_seeds(spec, arm) and not source.label_noise:
            first = next(other.name for other in spec.arms if worlds.data_of(spec, other) == source)
            groups.setdefault(first, []).append(arm)
    return groups
