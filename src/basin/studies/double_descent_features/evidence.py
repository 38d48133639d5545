"""From the arrays of the study `double-descent-features` to the evidence for each claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from basin.spec.double_descent_features import DoubleDescentFeatures, FeatureFamily
from basin.stats import Direction, Scale, largest, mean, paired, peak_sizes, sample
from basin.studies import descent
from basin.studies.claim import Cases, Evidence, Measured, Premise, Reading, joint
from basin.studies.descent import Sweep
from basin.studies.double_descent_features.theory import ARMS
from basin.studies.experiment import Computed
from basin.studies.study import Findings

Found = Findings[None]

CLEAN, NOISY, RANDOM = 0, -2, -1
"""Rows of the arrays: no wrong labels, the highest rate of the study, random labels."""

VANISHED = 1e-12
"""Squared training error, relative to the targets of length 1, that rounding alone leaves."""

GENERALISES = 50.0
"""Points below the test error of random labels at which a model generalises."""


def over_features(spec: DoubleDescentFeatures, computed: Computed, rate: int = NOISY) -> Sweep:
    """Return a family's errors over the number of features at a rate of label noise."""
    test, train = (100 * computed[name][:, rate] for name in ("test_error", "train_error"))
    return Sweep("features", np.array(spec.sizes(), float), test, train, 100 / spec.num_train)


def over_features_with_ridge(spec: DoubleDescentFeatures, computed: Computed) -> Sweep:
    """Return the same under the highest noise, with the penalty of each size chosen on held-out examples."""
    test, train = (100 * computed[name] for name in ("ridge_error", "ridge_train"))
    return Sweep("features", np.array(spec.sizes(), float), test, train, 100 / spec.num_train)


def over_penalties(spec: DoubleDescentFeatures, computed: Computed) -> Sweep:
    """Return a family's errors over the inverse of the penalty, at one number of features."""
    test, train = (100 * computed[name][:, ::-1] for name in ("swept_error", "swept_train"))
    return Sweep("1/penalty", 1 / np.array(spec.penalties)[::-1], test, train, 100 / spec.num_train)


def over_features_of_a_sample(
    spec: DoubleDescentFeatures, computed: Computed, num_examples: int, rate: int = NOISY
) -> Sweep:
    """Return the sampled family's errors over the number of features, trained on the first so many examples."""
    place = spec.samples.index(num_examples)
    test, train = (100 * computed[name][:, rate, place] for name in ("test_error", "train_error"))
    return Sweep("features", np.array(spec.sample_sizes(), float), test, train, 100 / num_examples)


def of_all(parts: Mapping[str, Measured | None]) -> Measured | None:
    """Return one claim's evidence of several families: it holds only if it holds in each; none if one has none."""
    known = descent.known(parts)
    return joint(known) if known and len(known) == len(parts) else None


def evidence(spec: DoubleDescentFeatures, found: Found) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {**_on_families(spec, found), **_on_samples(spec, found.computed["samples"]), **_on_theory(spec, found)}


def _on_families(spec: DoubleDescentFeatures, found: Found) -> Mapping[str, Evidence]:
    def each(
        read: Callable[[Computed], Measured | None], of: tuple[FeatureFamily, ...] = spec.families
    ) -> Measured | None:
        return of_all({family.name: read(found.computed[family.name]) for family in of})

    def at(rate: int, read: Callable[[Sweep], Measured | None]) -> Measured | None:
        return each(lambda computed: read(over_features(spec, computed, rate)))

    kernels = tuple(family for family in spec.families if family.bandwidth is not None)
    collected = {
        "peak": at(NOISY, descent.peak_exists),
        "peak-clean": at(CLEAN, descent.peak_exists),
        "noise-raises": each(lambda computed: _error_with_noise(spec, computed)),
        "noise-raises-risk": each(lambda computed: _risk_with_noise(spec, computed)),
        "at-threshold": at(NOISY, descent.peak_at_threshold),
        "threshold-with-noise": each(
            lambda c: descent.threshold_moves(over_features(spec, c, CLEAN), over_features(spec, c))
        ),
        "at-n": at(NOISY, lambda sweep: _at_n(spec, sweep.peaks(), descent.there_is_a_peak(sweep))),
        "norm-at-n": each(lambda c: _at_n(spec, norm_peaks(spec, c), None)),
        "largest-is-best": at(CLEAN, lambda sweep: descent.largest_is_best(sweep, spec.num_train)),
        "largest-is-best-noisy": at(NOISY, lambda sweep: descent.largest_is_best(sweep, spec.num_train)),
        "train-falls": at(NOISY, descent.train_falls),
        "falls-after-fit": at(NOISY, descent.falls_after_fit),
        "fits-anything": each(lambda computed: _fits_anything(spec, computed)),
        "ridge-removes": each(
            lambda c: descent.peak_removed(over_features(spec, c), over_features_with_ridge(spec, c))
        ),
        "penalty-descent": each(lambda computed: descent.peak_exists(over_penalties(spec, computed))),
        "kernel": each(lambda computed: _kernel(spec, computed), kernels) if kernels else None,
    }
    cases = np.concatenate([_interpolation(spec, found.computed[family.name]) for family in spec.families])
    return {**descent.known(collected), "interpolates": Cases(cases)}


def norm_peaks(spec: DoubleDescentFeatures, computed: Computed) -> Float[np.ndarray, "seeds"]:
    """Return at how many features the norm of each seed's solution under the highest noise is largest."""
    return peak_sizes(np.array(spec.sizes(), float), np.log(computed["norm"][:, NOISY]), 0)


def _error_with_noise(spec: DoubleDescentFeatures, computed: Computed) -> Measured:
    """Return by how much noise raises the peak, given that without noise it leaves room below guessing."""
    clean = over_features(spec, computed, CLEAN)
    raised = descent.noise_raises(clean, over_features(spec, computed))
    guessing = over_features(spec, computed, RANDOM).test[clean.measuring]
    below = guessing[:, clean.peak().place] - clean.test[clean.measuring, clean.peak().place]
    room = Premise(
        "without noise the peak is lower than guessing", mean(sample(below)), Direction.GREATER, 2 * descent.PEAK
    )
    return replace(raised, premise=(*raised.premises, room))


def _risk_with_noise(spec: DoubleDescentFeatures, computed: Computed) -> Measured:
    at = computed["test_risk"][:, :, spec.sizes().index(spec.num_train)]
    return Measured.of(paired(at[:, CLEAN], at[:, NOISY], scale=Scale.LOG))


def _at_n(spec: DoubleDescentFeatures, places: Float[np.ndarray, "seeds"], premise: Premise | None) -> Measured:
    return Measured.of(mean(sample(places / spec.num_train, scale=Scale.LOG)), premise=premise)


def _fits_anything(spec: DoubleDescentFeatures, computed: Computed) -> Measured:
    chance = over_features(spec, computed, RANDOM)
    better = chance.test[:, -1] - over_features(spec, computed, CLEAN).test[:, -1]
    premise = Premise("it generalises on true labels", mean(sample(better)), Direction.GREATER, GENERALISES)
    return Measured.of(mean(sample(chance.train[:, -1], resolution=chance.resolution)), premise=premise)


def _kernel(spec: DoubleDescentFeatures, computed: Computed) -> Measured:
    """Return by how much the kernel is worse than each number of features."""
    worse = 100 * (computed["kernel_error"][:, [CLEAN]] - computed["test_error"][:, CLEAN])
    readings = (Reading(f"features {size}", mean(sample(worse[:, place]))) for place, size in enumerate(spec.sizes()))
    return Measured(tuple(readings))


def _interpolation(spec: DoubleDescentFeatures, computed: Computed) -> Float[np.ndarray, "cases"]:
    """Return how far the first size that fits is from the first of full rank; infinite where there is none."""
    sizes = np.array(spec.sizes(), float)
    full = _first(sizes, computed["rank"] == spec.num_train)[:, None]
    fits = _first(sizes, computed["train_risk"] < VANISHED)
    with np.errstate(invalid="ignore"):
        errors = np.abs(fits / full - 1)
    return np.where(np.isnan(errors), np.inf, errors).ravel()


def _first(sizes: Float[np.ndarray, "sizes"], holds: np.ndarray) -> np.ndarray:
    """Return the first size at which something holds; infinity where it never does."""
    return np.where(holds.any(axis=-1), sizes[holds.argmax(axis=-1)], np.inf)


def _on_samples(spec: DoubleDescentFeatures, computed: Computed) -> Mapping[str, Evidence]:
    fewer, more = (over_features_of_a_sample(spec, computed, n) for n in (spec.fewer, spec.samples[-1]))
    return {
        "moves-right": descent.moves_right(fewer, more),
        "more-hurts": descent.more_hurts(fewer, more),
        "more-helps": descent.more_helps(fewer, more),
    }


def _on_theory(spec: DoubleDescentFeatures, found: Found) -> Mapping[str, Evidence]:
    simulated = found.computed["linear"]
    sizes = np.array(spec.linear.sizes)
    agrees, higher, rises = [], [], []
    for arm in ARMS:
        risk, theory = simulated[arm]["risk"], simulated[arm]["theory"]
        for place in np.flatnonzero(sizes != 1):
            off = risk[:, place] / theory[:, place].mean() - 1
            agrees.append(Reading(f"{arm}, p = {sizes[place]:g} n", mean(sample(off))))
        at = int(np.flatnonzero(sizes == 1)[0])
        valley = int(theory[:, :at].mean(axis=0).argmin())
        for where, name in ((valley, "over the valley on its left"), (-1, "over the largest size")):
            higher.append(Reading(f"{arm}, {name}", mean(sample(risk[:, at] / risk[:, where], scale=Scale.LOG))))
        _, values = largest(np.diff(np.log(simulated[arm]["ridge_risk"]), axis=1))
        rises.append(Reading(arm, mean(sample(np.exp(values), scale=Scale.LOG))))
    readings = {"theory": agrees, "theory-peak": higher, "theory-ridge": rises}
    return {name: Measured(tuple(each)) for name, each in readings.items()}
