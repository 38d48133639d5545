"""The findings of the study `deep-bootstrap` as tables: every arm where it stopped, and why it is as good as it is."""

from __future__ import annotations

from collections.abc import Sequence

from basin.measure import Decomposition, Worlds, bootstrap_decomposition
from basin.spec.data import AnyData
from basin.spec.deep_bootstrap import Arm, DeepBootstrap
from basin.stats import Estimate
from basin.studies import views
from basin.studies.deep_bootstrap import worlds
from basin.studies.deep_bootstrap.worlds import Cell
from basin.studies.study import Findings, Table

Found = Findings[Cell]


def tables(spec: DeepBootstrap, found: Found) -> Sequence[Table]:
    """Return the arms where they stopped and, for each N, what their test errors are made of."""
    return [_stopping_table(spec, found), *(_decomposition_table(spec, found, size) for size in spec.sizes)]


def _stopping_table(spec: DeepBootstrap, found: Found) -> Table:
    rows = []
    for arm in spec.arms:
        for size in worlds.sizes_of(spec, arm):
            both = worlds.worlds_of(spec, found, arm, size)
            rows.append([arm.name, arm.varies, str(size), *_at_the_end(spec, both)])
    return Table(
        "Every arm where it stopped",
        (
            "arm",
            "varies",
            "N",
            "stopped",
            "step",
            "passes",
            "test error %, Real",
            "Ideal",
            "test soft-error %, Real",
            "Ideal",
            "mean confidence %, Real",
            "Ideal",
            "generalisation gap, points",
        ),
        rows,
        f"Mean ± standard deviation over seeds at the first look with a training soft-error below "
        f"{100 * spec.soft_error:g} %, or after {spec.steps} steps where there is none. Soft-error is 1 minus the "
        "probability of the label: a network surer of itself has less of it at the same error.",
    )


def _at_the_end(spec: DeepBootstrap, both: Worlds) -> list[str]:
    looks = worlds.end_looks(spec, both)
    stopped = both.stopping_look(spec.soft_error) >= 0
    columns = [
        100 * both.at(world[metric], looks)
        for metric in ("error", "soft_error", "confidence")
        for world in (both.real, both.ideal)
    ]
    columns.append(100 * both.at(both.generalisation_gap(), looks))
    step, passes = (both.at(each[None].astype(float), looks) for each in (both.steps, both.passes))
    shown = [views.mean_and_sd(step, ".0f"), views.mean_and_sd(passes, ".1f")]
    return [f"{stopped.sum()} of {len(stopped)}", *shown, *(views.mean_and_sd(column, ".2f") for column in columns)]


def _decomposition_table(spec: DeepBootstrap, found: Found, size: int) -> Table:
    return Table(
        f"Why is an arm worse, and what would help? (N = {size})",
        (
            "arm",
            "test error %",
            "= Ideal World",
            "+ bootstrap error",
            "held against",
            "worse by",
            "of it optimisation",
            "of it reuse",
            "so it",
            "more data would gain",
            "more steps",
            "a faster optimiser",
            "what would help",
        ),
        [_decomposition_row(one) for one in decompositions(spec, found, size).values()],
        f"Points, with 95 % intervals over seeds, where training ends: at the stopping time, or after {spec.steps} "
        "steps. More data: at the same steps, at most. More steps: going on to the end on the same examples. A faster "
        "optimiser: the Ideal-World error of the arm named last that is lowest at the same step, chosen on one half of "
        "the test set and read on the other. Intervals are not corrected for their number.",
    )


def decompositions(spec: DeepBootstrap, found: Found, size: int) -> dict[str, Decomposition]:
    """Return the decomposition of every arm that has a sample of this size, among those with the same test set."""
    arms = [arm for arm in spec.arms if size in worlds.sizes_of(spec, arm)]
    groups: dict[AnyData, list[Arm]] = {}
    for arm in arms:
        groups.setdefault(worlds.data_of(spec, arm).replace(label_noise=0.0), []).append(arm)
    by_name = {name: one for group in groups.values() for name, one in _decomposed(spec, found, group, size).items()}
    return {arm.name: by_name[arm.name] for arm in arms}


def _decomposed(spec: DeepBootstrap, found: Found, arms: Sequence[Arm], size: int) -> dict[str, Decomposition]:
    both = {arm.name: worlds.worlds_of(spec, found, arm, size) for arm in arms}
    others = {arm.name: worlds.other_of(spec, arm).name for arm in arms}
    against = {name: other for name, other in others.items() if name != other and other in both}
    return bootstrap_decomposition(both, against=against, threshold=spec.soft_error)


def _decomposition_row(one: Decomposition) -> list[str]:
    parts = [one.test_error, one.ideal_error, one.bootstrap_error]
    compared = ["–"] * 5
    if one.against is not None:
        pieces = (one.against.test_error, one.against.optimisation, one.against.reuse)
        compared = [one.against.arm, *map(_points, pieces), one.against.cause()]
    faster = "–" if one.faster_optimizer is None else f"{_points(one.faster_optimizer)} ({one.fastest})"
    gains = [_points(one.bootstrap_error), _points(one.more_steps), faster]
    return [one.arm, *map(_points, parts), *compared, *gains, one.advice()]


def _points(estimate: Estimate) -> str:
    """Return "mean (low to high)" in points."""
    if estimate.value is None:
        return "–"
    interval = estimate.interval()
    bounds = "" if interval is None else f" ({100 * interval[0]:.2f} to {100 * interval[1]:.2f})"
    return f"{100 * estimate.value:.2f}{bounds}"
