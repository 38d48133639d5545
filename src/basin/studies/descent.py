"""Double descent along any axis of size: the claims that the five studies of it share, and the evidence for them.

A :class:`Sweep` holds test and training errors over sizes: widths, features, epochs, sample sizes, strengths of a
regulariser. Every claim is a pair of functions here. `..._claim(name, setting, **fields)` declares it, with words for
where it is made and the fields of :class:`~basin.studies.claim.Claim` that are the study's own (`source`, `inventory`,
`published`); the other reads sweeps for it.

Places (of peaks, valleys, of the largest harm) are chosen on one half of the seeds and read on the other, see
:mod:`basin.stats.peaks`; the interpolation threshold comes from training errors, which no test error enters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from basin.measure import Threshold, interpolation_threshold
from basin.stats import Direction, Peak, Scale, choosing, first_at_most, largest, mean, paired, peak, peak_sizes, sample
from basin.studies.claim import Claim, Measured, Premise, Reading, ratio

NAKKIRAN = "Nakkiran et al. 2020"
BELKIN = "Belkin et al. 2019"

PEAK = 1.0
"""Height of a peak, in points, below which it is none."""

EFFECT = 0.5
"""Smallest difference of test errors that matters, in points."""

EPSILON = 0.1
"""Training error, a fraction, at the interpolation threshold."""

FITTED = 0.5
"""Training error, in points, below which it has reached 0."""

NEAR = 2.0
"""Largest factor between the sizes of peak and threshold that counts as the same place."""

MOVED = 1.2
"""Smallest factor by which a place has to move."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """Errors over an axis of size.

    Attributes:
        axis: What grows along it, such as "width".
        sizes: Ascending, above 0.
        test: Test errors in points, a row a seed.
        train: Training errors in points, on the labels as they were trained on.
        resolution: Smallest step of a training error in points, that of one example.
    """

    axis: str
    sizes: Float[np.ndarray, "sizes"]
    test: Float[np.ndarray, "seeds sizes"]
    train: Float[np.ndarray, "seeds sizes"]
    resolution: float | None = None

    def peak(self) -> Peak:
        """Return the peak of the test error."""
        return peak(self.test)

    def threshold(self, epsilon: float = EPSILON) -> Threshold:
        """Return the smallest size whose mean training error is at most epsilon."""
        return interpolation_threshold(self.sizes, self.train / 100, epsilon=epsilon)

    def thresholds(self, epsilon: float = EPSILON) -> Float[np.ndarray, "seeds"]:
        """Return each seed's own; NaN where it is beyond the sizes."""
        found = np.array([first_at_most(self.sizes, row, 100 * epsilon) for row in self.train])
        return np.where((found > 0) & np.isfinite(found), found, np.nan)

    def peaks(self) -> Float[np.ndarray, "seeds"]:
        """Return at which size each seed's own test error peaks; NaN where it does not."""
        return peak_sizes(self.sizes, self.test, self.peak().valley)

    def at(self, index: int) -> str:
        """Return one of the sizes in words.

        Example:
            >>> Sweep("width", np.array([1.0, 2.0]), np.zeros((2, 2)), np.zeros((2, 2))).at(1)
            'width 2'
        """
        return f"{self.axis} {self.sizes[index]:.4g}"


# ---------------------------------------------------------------- a peak


def peak_exists_claim(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that the test error over size has a peak."""
    return Claim(
        id=name,
        statement=f"Over its size the test error falls, rises to a peak and falls again ({setting}).",
        refuted_by=f"a peak of less than {PEAK:g} point over the valley on its left, or over the largest size",
        statistic="test error at the peak minus that at the valley on its left, and minus that at the largest size; "
        "both places chosen on one half of the seeds, read on the other",
        direction=Direction.GREATER,
        smallest_effect=PEAK,
        unit="points",
        **fields,
    )


def peak_exists(sweep: Sweep) -> Measured:
    """Return the two heights of the peak."""
    found = sweep.peak()
    readings = (
        Reading("over the valley on its left", mean(sample(found.left))),
        Reading("over the largest size", mean(sample(found.right))),
    )
    return Measured(readings, note=f"valley at {sweep.at(found.valley)}, peak at {sweep.at(found.place)}")


def there_is_a_peak(sweep: Sweep) -> Premise:
    """Return the premise of all claims about the peak: that there is one."""
    return Premise("there is a peak", mean(sample(sweep.peak().limiting)), Direction.GREATER, PEAK)


def peak_at_threshold_claim(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that the peak stands where the training set can just be fitted."""
    return ratio(
        id=name,
        statement=f"The peak stands at the interpolation threshold ({setting}).",
        refuted_by=f"a factor of more than {NEAR:g} between the two sizes",
        statistic="ratio of the size at which a seed's test error peaks to that at which its training error comes down "
        f"to {100 * EPSILON:g} %, both between sizes",
        direction=Direction.SAME,
        factor=NEAR,
        **fields,
    )


def peak_at_threshold(sweep: Sweep) -> Measured:
    """Return the ratio of the two places, seed by seed."""
    located = paired(sweep.thresholds(), sweep.peaks(), scale=Scale.LOG)
    return Measured.of(located, premise=there_is_a_peak(sweep))


def noise_raises_claim(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that wrong labels raise the peak."""
    return Claim(
        id=name,
        statement=f"Label noise raises the peak ({setting}).",
        refuted_by=f"a peak that is less than {PEAK:g} point higher with label noise than without",
        statistic="height of the peak (the lesser of its two) with label noise minus without, each at its own places, "
        "chosen on the other half of the seeds",
        direction=Direction.GREATER,
        smallest_effect=PEAK,
        unit="points",
        **fields,
    )


def noise_raises(clean: Sweep, noisy: Sweep) -> Measured:
    """Return by how much the peak is higher with noise; without noise 0 stands for a curve that has none."""
    without, with_noise = clean.peak(), noisy.peak()
    note = f"peak at {clean.at(without.place)} without noise, at {noisy.at(with_noise.place)} with it"
    raised = paired(np.maximum(without.limiting, 0.0), with_noise.limiting)
    return Measured.of(raised, note, premise=there_is_a_peak(noisy))


# ---------------------------------------------------------------- where it stands


def threshold_moves_claim(name: str, way: str, setting: str, statement: str, **fields: Any) -> Claim:
    """Declare that the threshold moves left or right: that another way of training fits with other sizes."""
    return ratio(
        id=name,
        statement=f"{statement}: the interpolation threshold moves {way} ({setting}).",
        refuted_by=f"a threshold that moves by less than a factor {MOVED:g}, or the other way",
        statistic="ratio of the sizes at which a seed's training error comes down to "
        f"{100 * EPSILON:g} %, the one that is to be larger over the other",
        direction=Direction.GREATER,
        factor=MOVED,
        **fields,
    )


def threshold_moves(smaller: Sweep, larger: Sweep) -> Measured:
    """Return by which factor the threshold of the second exceeds that of the first."""
    return Measured.of(paired(smaller.thresholds(), larger.thresholds(), scale=Scale.LOG))


def moves_right_claim(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that threshold and peak move to larger networks with more examples."""
    return ratio(
        id=name,
        statement=f"With more examples the interpolation threshold and the peak move to larger sizes ({setting}).",
        refuted_by=f"a threshold or a peak that moves by less than a factor {MOVED:g}, or the other way",
        statistic="ratio of the sizes, seed by seed, with more examples over fewer",
        direction=Direction.GREATER,
        factor=MOVED,
        **fields,
    )


def moves_right(fewer: Sweep, more: Sweep) -> Measured:
    """Return by which factors threshold and peak move, over the seeds that have both."""
    readings = (
        Reading("interpolation threshold", paired(fewer.thresholds(), more.thresholds(), scale=Scale.LOG)),
        Reading("peak", paired(fewer.peaks(), more.peaks(), scale=Scale.LOG)),
    )
    return Measured(readings)


# ---------------------------------------------------------------- larger is better


def largest_is_best_claim(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that the largest is at least as good as the best before the threshold."""
    return Claim(
        id=name,
        statement=f"Bigger is better: the largest is at least as good as the best below the threshold ({setting}).",
        refuted_by=f"a test error more than {EFFECT:g} points above the best below the interpolation threshold",
        statistic="test error at the largest size minus that at the best one below the threshold, which one half of "
        "the seeds chooses and the other reads",
        direction=Direction.AT_MOST,
        smallest_effect=EFFECT,
        unit="points",
        **fields,
    )


def largest_is_best(sweep: Sweep) -> Measured | None:
    """Return the largest against the best below the threshold; None where no size is below it."""
    below = _below_threshold(sweep)
    if not below.any():
        return None
    worse = sweep.test[:, [-1]] - sweep.test[:, below]
    place, values = largest(worse)
    return Measured.of(mean(sample(values)), f"best below the threshold: {sweep.at(int(np.flatnonzero(below)[place]))}")


def train_falls_claim(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that the training error falls with size."""
    return Claim(
        id=name,
        statement=f"The training error falls with size, for all sizes ({setting}).",
        refuted_by=f"a rise of more than {PEAK:g} point from one size to the next",
        statistic="largest rise of the training error from one size to the next; where is chosen on one half of the "
        "seeds, how much is read on the other",
        direction=Direction.AT_MOST,
        smallest_effect=PEAK,
        unit="points",
        **fields,
    )


def train_falls(sweep: Sweep) -> Measured:
    """Return the largest rise of the training error between neighbouring sizes."""
    place, values = largest(np.diff(sweep.train, axis=1))
    return Measured.of(
        mean(sample(values, resolution=sweep.resolution)), f"between {sweep.at(place)} and {sweep.at(place + 1)}"
    )


def falls_after_fit_claim(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that the test error goes on falling when the training error has reached 0."""
    return Claim(
        id=name,
        statement=f"The test error goes on falling after the training error has reached 0 ({setting}).",
        refuted_by=f"a fall of less than {EFFECT:g} points from there to the largest size",
        statistic=f"test error at the smallest size with a training error below {FITTED:g} % (the mean of one half of "
        "the seeds) minus that at the largest size, read on the other half",
        direction=Direction.GREATER,
        smallest_effect=EFFECT,
        unit="points",
        **fields,
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


def more_hurts_claim(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that there is a size at which more data raise the test error."""
    return Claim(
        id=name,
        statement=f"There are sizes at which more training examples raise the test error ({setting}).",
        refuted_by=f"a rise of less than {EFFECT:g} points at the size where it is largest",
        statistic="test error on more examples minus that on fewer, at the size where one half of the seeds has it "
        "largest, read on the other half",
        direction=Direction.GREATER,
        smallest_effect=EFFECT,
        unit="points",
        **fields,
    )


def more_hurts(fewer: Sweep, more: Sweep) -> Measured:
    """Return how much more data hurt where they hurt most."""
    place, values = largest(more.test - fewer.test)
    return Measured.of(mean(sample(values)), f"at {fewer.at(place)}")


def more_helps_claim(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that more data lower the test error outside the critical range."""
    return Claim(
        id=name,
        statement=f"Outside the critical range more training examples lower the test error ({setting}).",
        refuted_by=f"a test error that falls by less than {EFFECT:g} points at the smallest or at the largest size",
        statistic="test error on fewer examples minus that on more, at the smallest and at the largest size",
        direction=Direction.GREATER,
        smallest_effect=EFFECT,
        unit="points",
        **fields,
    )


def more_helps(fewer: Sweep, more: Sweep) -> Measured:
    """Return how much more data help at either end of the sizes."""
    readings = tuple(Reading(fewer.at(end), mean(sample(fewer.test[:, end] - more.test[:, end]))) for end in (0, -1))
    return Measured(readings)


# ---------------------------------------------------------------- regularisers


def peak_removed_claim(name: str, means: str, setting: str, **fields: Any) -> Claim:
    """Declare that the peak is gone under a regulariser."""
    return Claim(
        id=name,
        statement=f"{means} removes the peak ({setting}).",
        refuted_by=f"a peak of more than {PEAK:g} point that is left",
        statistic="height of the peak that is left, the lesser of its two, with its places chosen on one half of the "
        "seeds and read on the other; says nothing where there was no peak before",
        direction=Direction.AT_MOST,
        smallest_effect=PEAK,
        unit="points",
        **fields,
    )


def peak_removed(before: Sweep, after: Sweep) -> Measured:
    """Return the height of the peak that is left, given that there was one."""
    left = after.peak()
    note = f"highest at {after.at(left.place)}"
    return Measured.of(mean(sample(left.limiting)), note, premise=there_is_a_peak(before))


def best_of_settings(settings: Sequence[Float[np.ndarray, "seeds sizes"]]) -> Float[np.ndarray, "seeds sizes"]:
    """Return the test errors under the setting that is best at each size, as the other half of the seeds has it.

    Args:
        settings: Test errors under each strength of a regulariser, rows the same seeds.

    Returns:
        Errors under the setting whose mean is lowest on the half of the seeds that a row does not belong to.

    Example:
        >>> weak, strong = np.array([[1.0, 9.0]] * 4), np.array([[5.0, 2.0]] * 4)
        >>> best_of_settings([weak, strong])[0].tolist()
        [1.0, 2.0]
    """
    stack = np.stack(settings)
    choose = choosing(stack.shape[1])
    found = np.empty(stack.shape[1:])
    for rows, others in ((choose, ~choose), (~choose, choose)):
        best = np.nanmean(stack[:, others], axis=1).argmin(axis=0)
        found[rows] = np.take_along_axis(stack[:, rows], best[None, None, :], axis=0)[0]
    return found


def _below_threshold(sweep: Sweep) -> np.ndarray:
    """Return which sizes have a mean training error above epsilon, on the seeds that choose."""
    return np.nanmean(sweep.train[choosing(len(sweep.train))], axis=0) > 100 * EPSILON


def known(evidence: Mapping[str, Measured | None]) -> dict[str, Measured]:
    """Return what there is evidence for; a claim without is inconclusive, `not measured`."""
    return {name: found for name, found in evidence.items() if found is not None}
