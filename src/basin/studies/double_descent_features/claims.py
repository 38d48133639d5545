"""What the study `double-descent-features` claims: each sentence with its source, its test and what would refute it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from basin.spec.double_descent_features import DoubleDescentFeatures
from basin.stats import Direction
from basin.studies import descent_claims
from basin.studies.claim import Claim, formula, ratio
from basin.studies.descent import BELKIN, EFFECT, FITTED, NAKKIRAN

AT_N = 1.15
"""Largest factor between the size of a peak and n that counts as the same place."""

AGREES = 0.1
"""Largest relative deviation of a mean risk from theory."""

HIGHER = 2.0
"""Smallest factor between the risk at the threshold and beside it."""

RISE = 1.05
"""Largest factor by which the risk under the best penalty may rise from one size to the next."""

BELKIN_HSU_XU = "Belkin, Hsu & Xu 2020"
REGULARISED = "Nakkiran, Venkat, Kakade & Ma 2021"
SLIDES = "document 001"


def claims(spec: DoubleDescentFeatures) -> Sequence[Claim]:
    """Return the claims."""
    return [*_peaks(spec), *_places(spec), *_larger(spec), *_regularised(spec), *_limits(spec), *_theory(spec)]


def _settings(*rates: float) -> str:
    noise = " and ".join(f"{100 * rate:g} %" for rate in rates)
    return f"random features, {noise} wrong labels"


def _peaks(spec: DoubleDescentFeatures) -> Iterator[Claim]:
    clean, noisy = _settings(0.0), _settings(spec.label_noises[-1])
    rows = ("B51a", "B51b", "B52c", "B53a")
    yield descent_claims.peak_exists("peak", noisy, source=f"{BELKIN}; {SLIDES}, slides 51 to 53", inventory=rows)
    yield descent_claims.peak_exists("peak-clean", clean, source=f"{BELKIN}; {SLIDES}, slides 51 to 53", inventory=rows)
    both = _settings(0.0, spec.label_noises[-1])
    yield descent_claims.noise_raises("noise-raises", both, source=NAKKIRAN)
    yield ratio(
        id="noise-raises-risk",
        statement=f"Label noise raises the squared risk at as many features as examples ({both}).",
        source=NAKKIRAN,
        refuted_by=f"a risk that is less than {HIGHER:g} times as high with label noise as without",
        statistic="squared test error at N = n with label noise over that without, seed by seed, on a logarithmic "
        "scale: there it has no mean, and the share of wrong classes cannot rise above that of guessing",
        direction=Direction.GREATER,
        factor=HIGHER,
    )


def _places(spec: DoubleDescentFeatures) -> Iterator[Claim]:
    noisy, both = _settings(spec.label_noises[-1]), _settings(0.0, spec.label_noises[-1])
    yield descent_claims.peak_at_threshold(
        "at-threshold",
        f"located by wrong classes; {noisy}",
        source=f"{NAKKIRAN}; {SLIDES}, slide 53",
        inventory=("B53b",),
    )
    yield descent_claims.threshold_moves(
        "threshold-with-noise",
        "right",
        f"located by wrong classes; {both}",
        "Label noise takes a larger model to fit",
        source=NAKKIRAN,
    )
    yield ratio(
        id="at-n",
        statement=f"The peak stands where there are as many features as examples ({noisy}).",
        source=BELKIN,
        refuted_by=f"a factor of more than {AT_N:g} between the two numbers",
        statistic="ratio of the number of features at which a seed's test error peaks, between sizes, to n",
        direction=Direction.SAME,
        factor=AT_N,
        inventory=("B53b",),
    )
    yield ratio(
        id="norm-at-n",
        statement=f"The norm of the coefficients peaks at as many features as examples ({noisy}).",
        source=BELKIN,
        refuted_by=f"a factor of more than {AT_N:g} between the two numbers",
        statistic="ratio of the number of features at which the norm of a seed's solution peaks, between sizes, to n",
        direction=Direction.SAME,
        factor=AT_N,
    )
    yield formula(
        "interpolates",
        "The training set is fitted exactly from the first size on that has as many independent features as examples.",
        BELKIN,
        "size at which the squared training error first vanishes (below 1e-12 of the targets) over the size at which "
        "the rank first is n, minus 1; one case a family, seed and rate of noise, random labels among them",
        1e-9,
        ("B53b",),
        refuted_by="another size",
    )
    setting = (
        f"{spec.sampled}, {spec.fewer} against {spec.samples[-1]} examples, "
        f"{100 * spec.label_noises[-1]:g} % wrong labels"
    )
    slide = f"{NAKKIRAN}; {SLIDES}, slide 55"
    yield descent_claims.moves_right("moves-right", setting, source=slide, inventory=("B55b",))
    yield descent_claims.more_hurts("more-hurts", setting, source=slide, inventory=("B55a",))
    yield descent_claims.more_helps("more-helps", setting, source=slide, inventory=("B55b",))


def _larger(spec: DoubleDescentFeatures) -> Iterator[Claim]:
    clean, noisy = _settings(0.0), _settings(spec.label_noises[-1])
    slide = f"{BELKIN}; {SLIDES}, slide 51"
    yield descent_claims.largest_is_best("largest-is-best", clean, source=slide, inventory=("B51d",))
    yield descent_claims.largest_is_best("largest-is-best-noisy", noisy, source=slide, inventory=("B51d",))
    slide = f"{BELKIN}; {SLIDES}, slide 52"
    yield descent_claims.train_falls("train-falls", noisy, source=slide, inventory=("B52b",))
    yield descent_claims.falls_after_fit("falls-after-fit", noisy, source=slide, inventory=("B52d",))
    yield Claim(
        id="fits-anything",
        statement="The largest model fits random labels on the inputs on which, with the true labels, it generalises "
        "(random features).",
        source=f"Zhang et al. 2017; {SLIDES}, slide 51",
        refuted_by=f"a training error of more than {FITTED:g} points on random labels",
        statistic="training error of the largest size on random labels; says nothing unless with the true labels its "
        "test error is at least 50 points below that of random labels",
        direction=Direction.AT_MOST,
        smallest_effect=FITTED,
        unit="points",
        inventory=("B51c", "D07"),
    )


def _regularised(spec: DoubleDescentFeatures) -> Iterator[Claim]:
    noisy = _settings(spec.label_noises[-1])
    yield descent_claims.peak_removed(
        "ridge-removes", "Ridge, its penalty chosen on held-out examples at each size,", noisy, source=REGULARISED
    )
    along = descent_claims.peak_exists(
        "penalty-descent", noisy, source=f"{SLIDES}, slide 54", inventory=("B54d",), resampled="seeds"
    )
    yield replace(
        along,
        statement="Where a regulariser controls the complexity the like is seen: as the penalty of ridge falls, the "
        f"test error falls, rises to a peak and falls again ({spec.penalty_ratio:g} features an example; {noisy}).",
        refuted_by="a peak of less than 1 point over the valley at stronger penalties, or over the weakest",
        statistic="test error at the peak minus that at the valley at stronger penalties, and minus that at the "
        "weakest; both places chosen on one half of the seeds, read on the other",
    )


def _limits(spec: DoubleDescentFeatures) -> Iterator[Claim]:
    if any(family.bandwidth is not None for family in spec.families):
        yield Claim(
            id="kernel",
            statement="No finite number of random Fourier features does better than their kernel, their limit.",
            source=BELKIN,
            refuted_by=f"a number of features whose test error is more than {EFFECT:g} points lower",
            statistic="test error of the kernel's interpolant minus that of the best number of features, which one "
            "half of the seeds chooses and the other reads; no wrong labels",
            direction=Direction.AT_MOST,
            smallest_effect=EFFECT,
            unit="points",
        )


def _theory(spec: DoubleDescentFeatures) -> Iterator[Claim]:
    how = spec.linear
    model = f"linear model, n = {how.num_examples}, isotropic and power-law covariance"
    yield Claim(
        id="theory",
        statement=f"The risk of minimum-norm regression is what theory says ({model}).",
        source=f"{BELKIN_HSU_XU}; Hastie et al. 2022",
        refuted_by=f"a mean risk that is more than {100 * AGREES:g} % off",
        statistic="risk of a draw over that of theory, minus 1, at each size; none within max(5, n/10) of the "
        "threshold, where the mean has no variance",
        direction=Direction.SAME,
        smallest_effect=AGREES,
        unit="",
        resampled="draws",
    )
    yield ratio(
        id="theory-peak",
        statement=f"The risk peaks at the threshold ({model}).",
        source=f"{BELKIN_HSU_XU}; Hastie et al. 2022",
        refuted_by=f"a risk at the threshold that is less than {HIGHER:g} times that beside it",
        statistic="risk at p = n over that at the size on its left that theory has lowest, and over that at the "
        "largest; on a logarithmic scale, because at the threshold the risk has no mean",
        direction=Direction.GREATER,
        factor=HIGHER,
        resampled="draws",
    )
    yield ratio(
        id="theory-ridge",
        statement=f"Under the best penalty of ridge the risk never rises with the number of features ({model}).",
        source=REGULARISED,
        refuted_by=f"a rise by more than a factor {RISE:g} from one size to the next",
        statistic="largest ratio of the risks at neighbouring sizes; where is chosen on one half of the draws, how "
        "much is read on the other",
        direction=Direction.AT_MOST,
        factor=RISE,
        resampled="draws",
    )
