"""Double descent along any axis of size: the claims that the five studies of it share, as they are declared.

Each function here declares what the function of the same name in :mod:`basin.studies.descent` reads sweeps for. It
takes the claim's name, words for where it is made, and the fields of :class:`~basin.studies.claim.Claim` that are the
study's own (`source`, `inventory`, `published`). Some can be made of another quantity than the error, such as a loss.
"""

from __future__ import annotations

from typing import Any

from basin.stats import Direction
from basin.studies.claim import Claim, ratio
from basin.studies.descent import EFFECT, EPSILON, ERROR, FITTED, MOVED, NEAR, PEAK, Quantity


def peak_exists(name: str, setting: str, *, of: Quantity = ERROR, **fields: Any) -> Claim:
    """Declare that the test error over size has a peak."""
    return Claim(
        id=name,
        statement=f"Over its size the test {of.name} falls, rises to a peak and falls again ({setting}).",
        refuted_by=f"a peak of less than {of.amount(of.peak)} over the valley on its left, or over the largest size",
        statistic=f"test {of.name} at the peak minus that at the valley on its left, and minus that at the largest "
        "size; both places chosen on one half of the seeds, read on the other",
        direction=Direction.GREATER,
        smallest_effect=of.peak,
        unit=of.unit,
        **fields,
    )


def peak_at_threshold(name: str, setting: str, *, of: Quantity = ERROR, **fields: Any) -> Claim:
    """Declare that the peak stands where the training set can just be fitted."""
    return ratio(
        id=name,
        statement=f"The peak of the test {of.name} stands at the interpolation threshold ({setting}).",
        refuted_by=f"a factor of more than {NEAR:g} between the two sizes",
        statistic=f"ratio of the size at which a seed's test {of.name} peaks to that at which its training error comes "
        f"down to {100 * EPSILON:g} %, both between sizes",
        direction=Direction.SAME,
        factor=NEAR,
        **fields,
    )


def noise_raises(name: str, setting: str, **fields: Any) -> Claim:
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


def threshold_moves(name: str, way: str, setting: str, statement: str, **fields: Any) -> Claim:
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


def moves_right(name: str, setting: str, **fields: Any) -> Claim:
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


def largest_is_best(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that the largest is at least as good as the best before the threshold."""
    return Claim(
        id=name,
        statement=f"Bigger is better: the largest is at least as good as the best below the threshold ({setting}).",
        refuted_by=f"a test error more than {EFFECT:g} points above the best below the interpolation threshold",
        statistic="test error at the largest size minus that at each size below the threshold",
        direction=Direction.AT_MOST,
        smallest_effect=EFFECT,
        unit="points",
        **fields,
    )


def train_falls(name: str, setting: str, *, of: Quantity = ERROR, **fields: Any) -> Claim:
    """Declare that the training error falls with size."""
    return Claim(
        id=name,
        statement=f"The training {of.name} falls with size, and never rises ({setting}).",
        refuted_by=f"a rise of more than {of.amount(of.peak)} from one size to the next",
        statistic=f"rise of the training {of.name} from each size to the next",
        direction=Direction.AT_MOST,
        smallest_effect=of.peak,
        unit=of.unit,
        **fields,
    )


def falls_after_fit(name: str, setting: str, **fields: Any) -> Claim:
    """Declare that the test error goes on falling when the training error has reached 0."""
    return Claim(
        id=name,
        statement="Beyond the size at which the training error has reached 0 the test error falls: it is lower at the "
        f"largest size ({setting}).",
        refuted_by=f"a fall of less than {EFFECT:g} points from there to the largest size",
        statistic=f"test error at the smallest size with a training error below {FITTED:g} % (the mean of one half of "
        "the seeds) minus that at the largest size, read on the other half",
        direction=Direction.GREATER,
        smallest_effect=EFFECT,
        unit="points",
        **fields,
    )


def more_hurts(name: str, setting: str, *, of: Quantity = ERROR, **fields: Any) -> Claim:
    """Declare that there is a size at which more data raise the test error."""
    return Claim(
        id=name,
        statement=f"There are sizes at which more training examples raise the test {of.name} ({setting}).",
        refuted_by=f"a rise of less than {of.amount(of.effect)} at the size where it is largest",
        statistic=f"test {of.name} on more examples minus that on fewer, at the size where one half of the seeds has "
        "it largest, read on the other half",
        direction=Direction.GREATER,
        smallest_effect=of.effect,
        unit=of.unit,
        **fields,
    )


def more_helps(name: str, setting: str, *, of: Quantity = ERROR, **fields: Any) -> Claim:
    """Declare that more data lower the test error outside the critical range."""
    return Claim(
        id=name,
        statement="Outside the critical range, at the smallest and at the largest size, more training examples lower "
        f"the test {of.name} ({setting}).",
        refuted_by=f"a test {of.name} that falls by less than {of.amount(of.effect)} at the smallest or at the largest "
        "size",
        statistic=f"test {of.name} on fewer examples minus that on more, at the smallest and at the largest size",
        direction=Direction.GREATER,
        smallest_effect=of.effect,
        unit=of.unit,
        **fields,
    )


def peak_removed(name: str, means: str, setting: str, **fields: Any) -> Claim:
    """Declare that the peak is gone under a regulariser."""
    return Claim(
        id=name,
        statement=f"{means} removes the peak ({setting}).",
        refuted_by=f"a peak of more than {PEAK:g} point that is left",
        statistic="test error at each size minus that at the valley on its left, or minus that at the largest size: "
        "the lesser, as one half of the seeds has it, read on the other; says nothing where there was no peak before",
        direction=Direction.AT_MOST,
        smallest_effect=PEAK,
        unit="points",
        **fields,
    )
