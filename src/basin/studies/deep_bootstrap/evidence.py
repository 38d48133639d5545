"""From the curves of both worlds to the evidence for each claim; paired by seed, in points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

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
    collected: dict[str, Evidence] = {
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
    return collected | {"fresh-equals-test": _fresh(spec, found)}


# --- Do the worlds agree? --------------------------------------------------------------------------------------------


def _agreement(spec: DeepBootstrap, found: Found, arms: Sequence[Arm]) -> Measured:
    readings, notes = [], []
    for arm in arms:
        for size in worlds.sizes_of(spec, arm):
            both = worlds.worlds_of(spec, found, arm, size)
            stopped = worlds.stopping_looks(spec, both)
            notes.append(_left_out(spec, both, f"{arm.name}, N = {size}"))
            if (stopped >= 0).any():
                readings += _agreement_of(spec, both, stopped, arm, size)
    if not readings:
        readings = [Reading("no seed reached its stopping time", mean(sample(np.full(1, np.nan))))]
    return Measured(tuple(readings), note="; ".join(note for note in notes if note))


def _agreement_of(spec: DeepBootstrap, both: Worlds, stopped: np.ndarray, arm: Arm, size: int) -> Iterator[Reading]:
    where = f"{arm.name}, N = {size}"
    step = one_test_example(worlds.data_of(spec, arm))
    error, soft = (100 * both.at(both.bootstrap_error(metric), stopped) for metric in ("error", "soft_error"))
    yield Reading(f"{where}, error at the stopping time", mean(sample(error, resolution=step)))
    yield Reading(f"{where}, soft-error at the stopping time", mean(sample(soft)))
    yield Reading(f"{where}, error where it is largest before", mean(sample(100 * _largest(spec, both, stopped))))


def _largest(spec: DeepBootstrap, both: Worlds, stopped: np.ndarray) -> np.ndarray:
    """Return each seed's bootstrap error at the look of the largest mean one before any of them has stopped.

    The look is chosen on the even test examples and the error read on the odd ones.
    """
    reached = stopped >= 0
    shared = (both.passes >= spec.passes) & (np.arange(len(both.steps)) <= stopped[reached].min())
    chosen_on, read_on = (both.bootstrap_error(f"error_{half}") for half in "ab")
    look = np.where(shared, np.abs(chosen_on[reached].mean(axis=0)), -np.inf).argmax()
    return np.where(reached, read_on[:, look], np.nan)


def _left_out(spec: DeepBootstrap, both: Worlds, where: str) -> str:
    looks = both.stopping_look(spec.soft_error)
    never = int((looks < 0).sum())
    early = int(((looks >= 0) & (both.passes[looks] < spec.passes)).sum())
    parts = [f"{never} of {len(looks)} had not stopped after {spec.steps} steps"] if never else []
    parts += [f"{early} of {len(looks)} stopped before {spec.passes:g} passes"] if early else []
    return f"{where}: {' and '.join(parts)}, left out" if parts else ""


def _of_architectures(spec: DeepBootstrap, found: Found) -> dict[str, Evidence]:
    """Return the evidence of the claims that have a reading for each architecture and N."""
    share, after, gaps, longer, notes = [], [], [], [], []
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
            last = np.where(stopped >= 0, 100 * both.bootstrap_error()[:, -1], np.nan)
            after.append(Reading(where, mean(sample(last, resolution=step))))
        longer += _longer(spec, arm, by_size)
    note = "; ".join(note for note in notes if note)
    collected: dict[str, Evidence] = {}
    if share:
        smallest = min(gaps, key=lambda gap: gap.value if gap.value is not None else -np.inf)
        premise = Premise("there is a generalisation gap", smallest, Direction.GREATER, 0.0)
        collected["share-of-gap"] = Measured(tuple(share), premise, note)
        collected["after-stopping"] = Measured(tuple(after), note=note)
    if longer:
        collected["follows-longer"] = Measured(tuple(longer))
    return collected


def _longer(spec: DeepBootstrap, arm: Arm, by_size: Mapping[int, Worlds]) -> Iterator[Reading]:
    leaving = {size: worlds.leaving_steps(spec, both) for size, both in by_size.items()}
    for small, large in zip(leaving, list(leaving)[1:], strict=False):
        never = leaving[small] >= spec.steps  # then both are lower bounds and their ratio says nothing
        fewer = np.where(never, np.nan, leaving[small])
        yield Reading(f"{arm.name}, N = {large} over {small}", paired(fewer, leaving[large], scale=Scale.LOG))


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
    looks = worlds.end_looks(spec, both)
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


def _postponed(spec: DeepBootstrap, found: Found, arm: Arm) -> Measured:
    other, readings, notes = worlds.other_of(spec, arm), [], []
    for size in worlds.sizes_of(spec, arm):
        plain, augmented = (worlds.worlds_of(spec, found, each, size) for each in (other, arm))
        late = worlds.stopping_steps(spec, augmented)
        readings.append(Reading(f"N = {size}", _contrast(plain.stopping_step(spec.soft_error), late, Scale.LOG)))
        never = int((augmented.stopping_look(spec.soft_error) < 0).sum())
        notes += [f"N = {size}: {never} of {len(late)} had not stopped after {spec.steps} steps"] if never else []
    return Measured(tuple(readings), note="; ".join(notes))


def _pretrained(spec: DeepBootstrap, found: Found, arm: Arm) -> dict[str, Evidence]:
    other = worlds.other_of(spec, arm)
    slow, fast = (worlds.steps_to_reach(spec, found, each) for each in (other, arm))
    better = []
    for size in worlds.sizes_of(spec, arm):
        ends = []
        for each in (arm, other):
            both = worlds.worlds_of(spec, found, each, size)
            ends.append(100 * both.at(both.real["error"], worlds.end_looks(spec, both)))
        better.append(Reading(f"N = {size}", _contrast(*ends)))
    return {
        f"pretrained-faster-{arm.name}": Measured.of(_contrast(fast, slow, Scale.LOG)),
        f"pretrained-better-{arm.name}": Measured(tuple(better)),
    }


def _contrast(first: np.ndarray, second: np.ndarray, scale: Scale = Scale.NATURAL) -> Estimate:
    """Return `second` minus `first`, or its ratio, over the seeds that both have."""
    count = min(len(first), len(second))
    return paired(first[:count], second[:count], scale=scale)


# --- Where the claim is said to weaken -------------------------------------------------------------------------------


def _noisy(spec: DeepBootstrap, found: Found, arm: Arm) -> Measured:
    other, readings = worlds.other_of(spec, arm), []
    for size in worlds.sizes_of(spec, arm):
        clean, noisy = (100 * worlds.worlds_of(spec, found, each, size).bootstrap_error() for each in (other, arm))
        readings.append(Reading(f"N = {size}", _contrast(clean[:, -1], noisy[:, -1])))
    return Measured(tuple(readings))


def _few(spec: DeepBootstrap, found: Found, arm: Arm) -> Measured:
    readings, notes = [], []
    for size in worlds.sizes_of(spec, arm):
        both = worlds.worlds_of(spec, found, arm, size)
        stopped = worlds.stopping_looks(spec, both)
        notes.append(_left_out(spec, both, f"N = {size}"))
        error = 100 * both.at(both.bootstrap_error(), stopped)
        readings.append(Reading(f"N = {size}", mean(sample(error, resolution=one_test_example(spec.data)))))
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
        several = [fresh_minus_test(spec, found, arm) for arm in arms]
        steps, average = several[0][0], np.mean([values for _, values in several], axis=0)
        thirds = np.digitize(steps, [spec.steps / 3, 2 * spec.steps / 3])
        for third, words in enumerate(("first", "second", "last")):
            of_third = average[:, (thirds == third) & (steps > 0)]
            readings.append(Reading(f"{name}, {words} third", mean(sample(of_third.mean(axis=1)))))
    return Measured(tuple(readings), note="the test set is the same for all seeds, so its own error is in no interval")


def _by_data(spec: DeepBootstrap) -> dict[str, list[Arm]]:
    """Return the arms with all seeds by what they are trained on, as it is tested: without label noise."""
    groups: dict[str, list[Arm]] = {}
    for arm in spec.arms:
        source = worlds.data_of(spec, arm)
        if worlds.has_all_seeds(spec, arm) and not source.label_noise:
            first = next((a.name for a in spec.arms if worlds.data_of(spec, a) == source), arm.name)
            groups.setdefault(first, []).append(arm)
    return groups
