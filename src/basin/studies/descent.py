"""Double descent along any axis of size: the evidence for the claims that the five studies of it share.

A :class:`Sweep` holds test and training errors over sizes: widths, features, epochs, sample sizes, strengths of a
regulariser. Every function here reads sweeps for one claim, which the function of the same name in
:mod:`basin.studies.descent_claims` declares.

Places (of peaks, valleys, of the largest harm) are chosen on one half of the seeds and read on the other, see
:mod:`basin.stats.peaks`; the interpolation threshold comes from training errors, which no test error enters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from basin.measure import Threshold, interpolation_threshold
from basin.measure.effective_model_complexity import EPSILON
from basin.stats import (
    Direction,
    Estimate,
    Peak,
    Scale,
    choosing,
    first_at_most,
    largest,
    mean,
    paired,
    peak,
    peak_sizes,
    sample,
)
from basin.studies.claim import Measured, Premise, Reading

NAKKIRAN = "Nakkiran et al. 2020"
BELKIN = "Belkin et al. 2019"

PEAK = 1.0
"""Height of a peak, in points, below which it is none."""

EFFECT = 0.5
"""Smallest difference of test errors that matters, in points."""

FITTED = 0.5
"""Training error, in points, below which it has reached 0."""

NEAR = 2.0
"""Largest factor between the sizes of peak and threshold that counts as the same place."""

MOVED = 1.2
"""Smallest factor by which a place has to move."""


@dataclass(frozen=True)
class Quantity:
    """What falls and rises over size.

    Attributes:
        name: In words.
        unit: Of it, in the plural.
        peak: Height of a peak below which it is none, and the smallest rise of the same over training examples.
        effect: Smallest difference that matters.
    """

    name: str
    unit: str
    peak: float
    effect: float

    def amount(self, value: float) -> str:
        """Return a value with its unit.

        Example:
            >>> ERROR.amount(1.0), ERROR.amount(0.5)
            ('1 point', '0.5 points')
        """
        return f"{value:g} {self.unit.removesuffix('s') if value == 1 else self.unit}"


ERROR = Quantity("error", "points", PEAK, EFFECT)
"""The share of wrong classes."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """Errors over an axis of size.

    Attributes:
        axis: What grows along it, such as "width".
        sizes: Ascending, above 0.
        test: Test errors in points, a row a seed.
        train: Training errors in points, on the labels as they were trained on.
        resolution: Smallest step of a training error in points, that of one example.
        of: What the test values are, errors if not given.
    """

    axis: str
    sizes: Float[np.ndarray, "sizes"]
    test: Float[np.ndarray, "seeds sizes"]
    train: Float[np.ndarray, "seeds sizes"]
    resolution: float | None = None
    of: Quantity = ERROR

    def peak(self) -> Peak:
        """Return the peak of the test error."""
        return peak(self.test)

    def threshold(self) -> Threshold:
        """Return the smallest size whose mean training error is at most epsilon."""
        return interpolation_threshold(self.sizes, self.train / 100, epsilon=EPSILON)

    def thresholds(self) -> Float[np.ndarray, "seeds"]:
        """Return each seed's own threshold; 0 where the smallest size fits, infinity where none does, NaN where a value
        is missing."""
        found = [first_at_most(self.sizes, row, 100 * EPSILON) for row in self.train]
        return np.where(np.isfinite(self.train).all(axis=1), found, np.nan)

    def peaks(self) -> Float[np.ndarray, "measuring"]:
        """Return at which size the test error of each seed that does not choose peaks; NaN where it does not."""
        return peak_sizes(self.sizes, self.test[self.measuring], self.peak().valley)

    @property
    def measuring(self) -> Bool[np.ndarray, "seeds"]:
        """Which seeds do not choose places."""
        return ~choosing(len(self.test))

    def at(self, index: int) -> str:
        """Return one of the sizes in words.

        Example:
            >>> Sweep("width", np.array([1.0, 2.0]), np.zeros((2, 2)), np.zeros((2, 2))).at(1)
            'width 2'
        """
        return f"{self.axis} {self.sizes[index]:.4g}"


# ---------------------------------------------------------------- a peak


def peak_exists(sweep: Sweep) -> Measured:
    """Return the two heights of the peak, and at every other size what they could be at most."""
    found = sweep.peak()
    readings = (
        Reading("over the valley on its left", mean(sample(found.left))),
        Reading("over the largest size", mean(sample(found.right))),
    )
    note = f"valley at {sweep.at(found.valley)}, peak at {sweep.at(found.place)}"
    return Measured(readings, note=note, everywhere=tuple(_heights(sweep)))


def _heights(sweep: Sweep) -> Iterator[tuple[Reading, Reading]]:
    """Yield both heights of every size but the ends, over the lowest size on its left that each seed itself has."""
    for place in range(1, len(sweep.sizes) - 1):
        lowest = sweep.test[:, :place].min(axis=1)
        yield (
            Reading(f"{sweep.at(place)} over all on its left", mean(sample(sweep.test[:, place] - lowest))),
            Reading(f"{sweep.at(place)} over the largest size", mean(sample(sweep.test[:, place] - sweep.test[:, -1]))),
        )


def there_is_a_peak(sweep: Sweep) -> Premise:
    """Return the premise of all claims about the peak: that there is one."""
    return Premise("there is a peak", mean(sample(sweep.peak().limiting)), Direction.GREATER, sweep.of.peak)


def peak_at_threshold(sweep: Sweep) -> Measured:
    """Return the ratio of the two places, for each seed that does not choose."""
    thresholds, peaks = sweep.thresholds()[sweep.measuring], sweep.peaks()
    located = np.where((thresholds > 0) & np.isfinite(thresholds), thresholds, np.nan)
    lost = int((np.isnan(located) | np.isnan(peaks)).sum())
    undecided = f"{lost} of {len(peaks)} seeds have no threshold or no peak between the sizes" if lost else ""
    estimate = paired(located, peaks, scale=Scale.LOG)
    return Measured.of(estimate, premise=there_is_a_peak(sweep), undecided=undecided)


def noise_raises(clean: Sweep, noisy: Sweep) -> Measured:
    """Return by how much the peak is higher with noise; without noise 0 stands for a curve that has none."""
    without, with_noise = clean.peak(), noisy.peak()
    note = f"peak at {clean.at(without.place)} without noise, at {noisy.at(with_noise.place)} with it"
    raised = paired(np.maximum(without.limiting, 0.0), with_noise.limiting)
    return Measured.of(raised, note, premise=there_is_a_peak(noisy))


# ---------------------------------------------------------------- where it stands


def threshold_moves(smaller: Sweep, larger: Sweep) -> Measured:
    """Return by which factor the threshold of the second exceeds that of the first."""
    estimate, bound, undecided = _growth(smaller, larger)
    return Measured.of(estimate, bound=bound, undecided=undecided)


def _growth(smaller: Sweep, larger: Sweep) -> tuple[Estimate, str, str]:
    """Return by which factor thresholds grow, why that is a bound, and why it decides nothing.

    A threshold beyond the sizes is taken to be at their end where that understates the growth. Where it would
    overstate it, nothing is known of the ratio.
    """
    low, high = smaller.thresholds(), larger.thresholds()
    at_ends = int(((low == 0) | np.isinf(high)).sum())
    unknown = int((np.isinf(low) | (high == 0)).sum())
    low = np.where(low == 0, smaller.sizes[0], np.where(np.isinf(low), np.nan, low))
    high = np.where(np.isinf(high), larger.sizes[-1], np.where(high == 0, np.nan, high))
    words = "of the seeds have a threshold beyond the sizes"
    bound = f"{at_ends} {words}, which stands at their end: the ratio is understated" if at_ends else ""
    undecided = f"{unknown} {words}, on the side on which it does not bound the ratio" if unknown else ""
    return paired(low, high, scale=Scale.LOG), bound, undecided


def moves_right(fewer: Sweep, more: Sweep) -> Measured:
    """Return by which factors threshold and peak move; the peaks are those of the seeds that do not choose."""
    estimate, bound, undecided = _growth(fewer, more)
    peaks = fewer.peaks(), more.peaks()
    lost = int(np.isnan(peaks).any(axis=0).sum())
    if lost:
        undecided = f"{lost} of {len(peaks[0])} seeds have no peak between the sizes"
    readings = (Reading("interpolation threshold", estimate), Reading("peak", paired(*peaks, scale=Scale.LOG)))
    premises = there_is_a_peak(fewer), there_is_a_peak(more)
    return Measured(readings, premises, bound=bound, undecided=undecided)


# ---------------------------------------------------------------- larger is better


def largest_is_best(sweep: Sweep, border: float | None = None) -> Measured | None:
    """Return the largest against each size below the threshold; None where there is none.

    Args:
        sweep: Errors over size.
        border: The threshold where it is known; if not given, sizes below it are those with a mean training error above
            epsilon.
    """
    below = sweep.sizes < border if border is not None else np.nanmean(sweep.train, axis=0) > 100 * EPSILON
    worse = sweep.test[:, [-1]] - sweep.test
    readings = [Reading(sweep.at(int(place)), mean(sample(worse[:, place]))) for place in np.flatnonzero(below)]
    return Measured(tuple(readings)) if readings else None


def train_falls(sweep: Sweep) -> Measured:
    """Return the rise of the training error between all neighbouring sizes."""
    rises = np.diff(sweep.train, axis=1)
    names = [f"{sweep.at(place)} to {sweep.sizes[place + 1]:.4g}" for place in range(rises.shape[1])]
    return Measured(
        tuple(
            Reading(name, mean(sample(rises[:, place], resolution=sweep.resolution)))
            for place, name in enumerate(names)
        )
    )


def falls_after_fit(sweep: Sweep) -> Measured | None:
    """Return the fall from the first size that fits to the largest; None where none fits before the largest."""
    choose = choosing(len(sweep.train))
    fits = np.flatnonzero(np.nanmean(sweep.train[choose], axis=0) < FITTED)
    if not fits.size or fits[0] == len(sweep.sizes) - 1:
        return None
    first = int(fits[0])
    return Measured.of(mean(sample(sweep.test[~choose, first] - sweep.test[~choose, -1])), f"from {sweep.at(first)} on")


# ---------------------------------------------------------------- more data


def more_hurts(fewer: Sweep, more: Sweep) -> Measured:
    """Return how much more data hurt where they hurt most."""
    return somewhere(more.test - fewer.test, [fewer.at(place) for place in range(len(fewer.sizes))])


def somewhere(contrasts: Float[np.ndarray, "seeds places"], names: Sequence[str]) -> Measured:
    """Return contrasts at the place where one half of the seeds has them largest, read on the other half.

    Args:
        contrasts: A row a seed.
        names: Of the places.
    """
    place, values = largest(contrasts)
    everywhere = ((Reading(name, mean(sample(contrasts[:, index]))),) for index, name in enumerate(names))
    return Measured.of(mean(sample(values)), f"at {names[place]}", everywhere=tuple(everywhere))


def more_helps(fewer: Sweep, more: Sweep) -> Measured:
    """Return how much more data help at either end of the sizes."""
    readings = tuple(Reading(fewer.at(end), mean(sample(fewer.test[:, end] - more.test[:, end]))) for end in (0, -1))
    return Measured(readings)


# ---------------------------------------------------------------- regularisers


def peak_removed(before: Sweep, after: Sweep) -> Measured:
    """Return at each size the height of a peak that is left there, given that there was one.

    It is over the valley on the left or over the largest size: the lesser of the two. Which size is the valley, and
    which of the two is the lesser, is as the seeds have it that choose; the others are read.
    """
    choose = choosing(len(after.test))
    chosen, measured = np.nanmean(after.test[choose], axis=0), after.test[~choose]
    readings = []
    for place in range(1, len(after.sizes) - 1):
        other = max((int(chosen[:place].argmin()), -1), key=lambda over: chosen[over])
        readings.append(Reading(after.at(place), mean(sample(measured[:, place] - measured[:, other]))))
    return Measured(tuple(readings), there_is_a_peak(before))


def best_of_settings(settings: Sequence[Float[np.ndarray, "seeds sizes"]]) -> Float[np.ndarray, "seeds sizes"]:
    """Return the test errors under the setting that is best at each size, as the seeds have it that choose.

    Args:
        settings: Test errors under each strength of a regulariser, rows the same seeds.

    Returns:
        Errors of all seeds under the setting whose mean is lowest on the half of the seeds that chooses.

    Example:
        >>> weak, strong = np.array([[1.0, 9.0]] * 4), np.array([[5.0, 2.0]] * 4)
        >>> best_of_settings([weak, strong])[0].tolist()
        [1.0, 2.0]
    """
    stack = np.stack(settings)
    best = np.nanmean(stack[:, choosing(stack.shape[1])], axis=1).argmin(axis=0)
    return np.take_along_axis(stack, best[None, None, :], axis=0)[0]


def known(evidence: Mapping[str, Measured | None]) -> dict[str, Measured]:
    """Return what there is evidence for; a claim without is inconclusive, `not measured`."""
    return {name: found for name, found in evidence.items() if found is not None}
