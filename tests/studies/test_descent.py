"""What the studies of double descent share: each claim is supported by a sweep made for it and refuted by another."""

from __future__ import annotations

import numpy as np
import pytest

from basin.stats import Verdict
from basin.studies import descent, descent_claims
from basin.studies.claim import Claim, Measured
from basin.studies.descent import Sweep
from basin.studies.judgement import judge

SIZES = 2.0 ** np.arange(9)
SEEDS = 8
PEAKED = np.array([60.0, 40, 30, 34, 44, 36, 30, 27, 25])  # valley at 4, peak at 16
FALLING = np.array([60.0, 40, 35, 31, 30, 29, 28, 27, 25])
FITS = np.array([50.0, 40, 30, 20, 9, 0, 0, 0, 0])  # comes down to 10 % just before 16
RESOLUTION = 0.1


def sweep(test: np.ndarray = PEAKED, train: np.ndarray = FITS, seed: int = 0, sizes: np.ndarray = SIZES) -> Sweep:
    rng = np.random.default_rng(seed)
    noise = 0.3 * rng.standard_normal((2, SEEDS, len(sizes)))
    return Sweep("width", sizes, test + noise[0], np.maximum(train + noise[1] * (train > 0), 0), RESOLUTION)


def verdict(claim: Claim, evidence: Measured | None) -> Verdict:
    assert evidence is not None
    return judge([claim], {claim.id: evidence})[0].verdict


def moved(curve: np.ndarray, by: int) -> np.ndarray:
    """Return the curve `by` sizes further right."""
    return np.concatenate([np.full(by, curve[0]), curve[:-by]])


FIELDS = {"source": "a test", "inventory": ()}
CASES = [
    (descent_claims.peak_exists, descent.peak_exists, [PEAKED], [FALLING]),
    (descent_claims.peak_at_threshold, descent.peak_at_threshold, [PEAKED], [moved(PEAKED, 3)]),
    (descent_claims.noise_raises, descent.noise_raises, [FALLING, PEAKED], [PEAKED, PEAKED]),
    (descent_claims.more_hurts, descent.more_hurts, [PEAKED, PEAKED + 8 * (SIZES == 32) - 2], [PEAKED, PEAKED - 2]),
    (descent_claims.more_helps, descent.more_helps, [PEAKED, PEAKED - 2], [PEAKED, PEAKED + 2 * (SIZES == 256)]),
    (descent_claims.largest_is_best, descent.largest_is_best, [PEAKED], [PEAKED + 9 * (SIZES > 99)]),
]


@pytest.mark.parametrize(("claim", "read", "holds", "fails"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_a_claim_is_supported_where_it_holds_and_refuted_where_it_does_not(claim, read, holds, fails) -> None:
    declared = claim("it", "doctored", **FIELDS)
    for curves, expected in ((holds, Verdict.SUPPORTED), (fails, Verdict.REFUTED)):
        sweeps = [sweep(curve, seed=number) for number, curve in enumerate(curves)]
        assert verdict(declared, read(*sweeps)) is expected


def test_threshold_and_peak_move_right() -> None:
    declared = descent_claims.moves_right("it", "doctored", **FIELDS)
    here, there = sweep(), sweep(moved(PEAKED, 2), moved(FITS, 2), seed=1)
    assert verdict(declared, descent.moves_right(here, there)) is Verdict.SUPPORTED
    assert verdict(declared, descent.moves_right(there, here)) is Verdict.REFUTED
    only_peak = sweep(moved(PEAKED, 2), seed=1)
    assert verdict(declared, descent.moves_right(here, only_peak)) is Verdict.REFUTED  # the threshold stays


def test_training_error_falls() -> None:
    declared = descent_claims.train_falls("it", "doctored", **FIELDS)
    assert verdict(declared, descent.train_falls(sweep())) is Verdict.SUPPORTED
    assert verdict(declared, descent.train_falls(sweep(train=FITS + 9 * (SIZES == 4)))) is Verdict.SUPPORTED  # 39 < 40
    assert verdict(declared, descent.train_falls(sweep(train=FITS + 30 * (SIZES == 4)))) is Verdict.REFUTED


def test_test_error_falls_on_after_the_fit() -> None:
    declared = descent_claims.falls_after_fit("it", "doctored", **FIELDS)
    assert verdict(declared, descent.falls_after_fit(sweep())) is Verdict.SUPPORTED
    assert verdict(declared, descent.falls_after_fit(sweep(np.maximum(PEAKED, 36)))) is Verdict.REFUTED
    assert descent.falls_after_fit(sweep(train=FITS + 1)) is None


def test_a_regulariser_removes_the_peak_if_there_was_one() -> None:
    declared = descent_claims.peak_removed("it", "This", "doctored", **FIELDS)
    before = sweep()
    assert verdict(declared, descent.peak_removed(before, sweep(FALLING, seed=1))) is Verdict.SUPPORTED
    assert verdict(declared, descent.peak_removed(before, sweep(PEAKED, seed=1))) is Verdict.REFUTED
    never = sweep(FALLING, seed=2)
    assert verdict(declared, descent.peak_removed(never, sweep(FALLING, seed=1))) is Verdict.INCONCLUSIVE


def test_nothing_below_the_threshold_has_no_best() -> None:
    assert descent.largest_is_best(sweep(train=np.zeros(9))) is None
    assert descent.known({"a": None, "b": descent.peak_exists(sweep())}).keys() == {"b"}


def test_the_best_setting_is_chosen_by_the_other_half_of_the_seeds() -> None:
    """With nothing to choose between, what the other half likes is no better than the mean."""
    settings = list(np.random.default_rng(0).standard_normal((5, 4000, 1)))
    assert abs(descent.best_of_settings(settings).mean()) < 4 / np.sqrt(4000)
    assert np.min(settings, axis=0).mean() < -1


def test_thresholds_of_seeds_and_of_the_mean_curve_agree() -> None:
    """Without noise both solve the same straight line between 20 and 9 per cent."""
    found = Sweep("width", SIZES, np.tile(PEAKED, (3, 1)), np.tile(FITS, (3, 1)))
    by_hand = 8 * 2 ** (10 / 11)
    assert found.thresholds() == pytest.approx(by_hand)
    assert found.threshold().value == pytest.approx(by_hand)
