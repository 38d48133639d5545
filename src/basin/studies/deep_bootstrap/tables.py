"""The findings of the study `deep-bootstrap` as tables: every arm where it stopped, and why it is as good as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from basin.measure import Decomposition, Worlds, bootstrap_decomposition
from basin.measure.bootstrap_decomposition import Against
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
    parts = [table for size in spec.sizes for table in _decomposition_tables(spec, found, size)]
    return [_stopping_table(spec, found), _confidence_table(spec, found), *parts]


def _samples(spec: DeepBootstrap, found: Found) -> Iterator[tuple[Arm, int, Worlds]]:
    for arm in spec.arms:
        for size in worlds.sizes_of(spec, arm):
            yield arm, size, worlds.worlds_of(spec, found, arm, size)


def _stopping_table(spec: DeepBootstrap, found: Found) -> Table:
    rows = []
    for arm, size, both in _samples(spec, found):
        looks = both.end_look(spec.soft_error)
        stopped = both.stopping_look(spec.soft_error) >= 0
        steps = both.steps[looks]
        when = f"{steps.mean():.0f} ({steps.mean() * both.batch_size / size:.1f})"
        curves = (both.real["error"], both.ideal["error"], both.generalisation_gap())
        columns = [views.mean_and_sd(100 * both.at(curve, looks), ".2f") for curve in curves]
        rows.append([arm.name, arm.varies, str(size), f"{stopped.sum()} of {len(stopped)}", when, *columns])
    real, ideal = "test error %, Real World", "Ideal World"
    return Table(
        "Every arm where it stopped",
        ("arm", "varies", "N", "stopped", "step (passes)", real, ideal, "generalisation gap, points"),
        rows,
        "Mean ± standard deviation over seeds at the first look with a training soft-error below "
        f"{100 * spec.soft_error:g} %, or after {spec.steps} steps where there is none.",
    )


def _confidence_table(spec: DeepBootstrap, found: Found) -> Table:
    rows = []
    for arm, size, both in _samples(spec, found):
        looks = both.end_look(spec.soft_error)
        shown = [
            views.mean_and_sd(100 * both.at(world[metric], looks), ".2f")
            for metric in ("soft_error", "confidence")
            for world in (both.real, both.ideal)
        ]
        rows.append([arm.name, str(size), *shown])
    soft, sure, ideal = "test soft-error %, Real World", "mean confidence %, Real World", "Ideal World"
    return Table(
        "Soft-error and confidence at the same steps",
        ("arm", "N", soft, ideal, sure, ideal),
        rows,
        "Soft-error is 1 minus the probability of the label: of two networks of the same error the surer one has less "
        "of it. Mean ± standard deviation over seeds.",
    )


def _decomposition_tables(spec: DeepBootstrap, found: Found, size: int) -> Iterator[Table]:
    parts = decompositions(spec, found, size)
    end = f"at the stopping time, or after {spec.steps} steps"
    yield Table(
        f"What would help? (N = {size})",
        (
            "arm",
            "test error %",
            "= Ideal World",
            "+ bootstrap error",
            "more steps",
            "the best arm's speed",
            "would help",
        ),
        [_gains_row(one) for one in parts.values()],
        f"Points with 95 % intervals over seeds, where training ends: {end}. The bootstrap error is what more data "
        "would gain at the same steps; more steps: what going on to the end on the same examples would, of seeds that "
        "stopped; the best arm's speed: what the Ideal-World error of the arm in brackets would, the lowest at the "
        "same step, chosen by the other seeds on one half of the test set and read on the other. Intervals are not "
        "corrected for their number.",
    )
    yield Table(
        f"Why is an arm worse? (N = {size})",
        ("arm", "held against", "worse by", "of it optimisation", "stopping", "reuse", "so it"),
        [_against_row(one.arm, one.against) for one in parts.values() if one.against is not None],
        f"Points with 95 % intervals over seeds, each arm where its training ends: {end}. Optimisation is the "
        "difference of the Ideal-World errors at the same steps, stopping what stopping at another step does to them, "
        "and reuse the difference of the bootstrap errors; they add up.",
    )


def decompositions(spec: DeepBootstrap, found: Found, size: int) -> dict[str, Decomposition]:
    """Return the decomposition of every arm that has a sample of this size.

    Arms with the same test set can be held against one another; what the best arm's optimisation would gain is asked
    among arms with the same training data, label noise included.
    """
    arms = [arm for arm in spec.arms if size in worlds.sizes_of(spec, arm)]
    tested = _decomposed(spec, found, arms, size, lambda source: source.replace(label_noise=0.0))
    trained = _decomposed(spec, found, arms, size, lambda source: source)
    return {arm.name: replace(trained[arm.name], against=tested[arm.name].against) for arm in arms}


def _decomposed(
    spec: DeepBootstrap, found: Found, arms: Sequence[Arm], size: int, shared: Callable[[AnyData], AnyData]
) -> dict[str, Decomposition]:
    groups: dict[AnyData, dict[str, Worlds]] = {}
    for arm in arms:
        of_group = groups.setdefault(shared(worlds.data_of(spec, arm)), {})
        of_group[arm.name] = worlds.worlds_of(spec, found, arm, size)
    others = {arm.name: worlds.other_of(spec, arm).name for arm in arms}
    by_name: dict[str, Decomposition] = {}
    for both in groups.values():
        against = {name: others[name] for name in both if others[name] != name and others[name] in both}
        by_name |= bootstrap_decomposition(both, against=against, threshold=spec.soft_error)
    return by_name


def _gains_row(one: Decomposition) -> list[str]:
    known = one.faster_optimizer is not None and one.fastest != one.arm
    faster = f"{_points(one.faster_optimizer)} [{one.fastest}]" if known else "–"
    parts = [one.test_error, one.ideal_error, one.bootstrap_error, one.more_steps]
    return [one.arm, *map(_points, parts), faster, one.advice()]


def _against_row(arm: str, against: Against) -> list[str]:
    parts = (against.test_error, against.optimisation, against.length, against.reuse)
    return [arm, against.arm, *map(_points, parts), against.cause()]


def _points(estimate: Estimate | None) -> str:
    """Return "mean (low to high)" in points."""
    if estimate is None or estimate.value is None:
        return "–"
    interval = estimate.interval()
    bounds = "" if interval is None else f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"
    return f"{100 * estimate.value:.1f}{bounds}".replace("-", "−")
