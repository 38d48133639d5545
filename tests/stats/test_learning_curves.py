"""The fall after the peak and the gap after stopping, on curves whose answer can be read off."""

import numpy as np
import pytest

from basin.stats import fall_after_peak, gap_after_stopping, gap_kept

U = np.array([5.0, 3.0, 2.0, 2.5, 4.0])


def test_the_fall_of_equal_curves_is_last_minus_best():
    halves = np.tile(U, (3, 1)), np.tile(U + 1, (3, 1))
    assert fall_after_peak(*halves).tolist() == [2.0, 2.0, 2.0]


def test_a_curve_that_still_improves_falls_by_less_than_nothing():
    falling = np.tile(np.array([3.0, 2.0, 1.0]), (4, 1))
    assert fall_after_peak(falling, falling).tolist() == [-1.0] * 4


def test_the_epoch_is_chosen_by_other_seeds_and_on_the_other_half():
    """Each of the four (fold, half) blocks dips at an epoch of its own; the reading shows who chose it."""
    half_a, half_b = np.full((2, 5), 10.0), np.full((2, 5), 10.0)
    half_a[0, 0] = half_a[1, 1] = half_b[0, 2] = half_b[1, 3] = 0.0
    half_a[0, 3], half_b[0, 1] = 6.0, 8.0  # where seed 1 chooses for seed 0: on half b for a, on half a for b
    falls = fall_after_peak(half_a, half_b)
    assert falls[0] == (10 - 6 + 10 - 8) / 2
    assert falls[1] == 0.0


def test_halves_may_be_exchanged():
    rng = np.random.default_rng(0)
    half_a, half_b = rng.standard_normal((2, 5, 9))
    assert fall_after_peak(half_a, half_b) == pytest.approx(fall_after_peak(half_b, half_a))


def test_a_diverged_seed_is_left_out_and_does_not_choose():
    half_a = np.tile(U, (4, 1))
    half_b = half_a.copy()
    half_a[2, 1:] = np.nan
    falls = fall_after_peak(half_a, half_b)
    assert np.isnan(falls).tolist() == [False, False, True, False]
    assert falls[[0, 1, 3]].tolist() == [2.0] * 3


def test_a_fold_without_a_complete_curve_leaves_the_others_unmeasured():
    half = np.tile(U, (2, 1))
    broken = half.copy()
    broken[0, 0] = np.inf
    assert np.isnan(fall_after_peak(broken, half)).all()


def test_stopping_reads_each_run_at_its_own_best_epoch():
    small, large = np.tile([3.0, 1.0, 1.0], (2, 1)), np.array([[4.0, 2.0, 3.0, 5.0], [2.5, 4.0, 4.0, 5.0]])
    last, stopped = gap_after_stopping(small, small, large, large)
    assert last.tolist() == [4.0, 4.0]
    assert stopped.tolist() == [1.0, 1.5]
    assert gap_kept(last, stopped, share=0.5).tolist() == [-1.0, -0.5]


def test_stopping_chooses_on_one_half_and_reads_on_the_other():
    large_a, large_b = np.array([[0.0, 9.0, 5.0]]), np.array([[7.0, 0.0, 5.0]])
    small = np.zeros((1, 2))
    last, stopped = gap_after_stopping(small, small, large_a, large_b)
    assert (last[0], stopped[0]) == (5.0, 8.0)


def test_a_gap_needs_both_arms():
    small, large = np.ones((2, 2)), np.ones((2, 3))
    large[1, 2] = np.inf
    last, stopped = gap_after_stopping(small, small, large, large)
    assert np.isnan(last).tolist() == np.isnan(stopped).tolist() == [False, True]


@pytest.mark.parametrize(
    "call",
    [
        lambda: fall_after_peak(np.ones((1, 5)), np.ones((1, 5))),
        lambda: fall_after_peak(np.ones((3, 5)), np.ones((3, 4))),
        lambda: fall_after_peak(np.ones((3, 1)), np.ones((3, 1))),
        lambda: gap_after_stopping(*[np.ones((2, 3))] * 2, *[np.ones((3, 3))] * 2),
        lambda: gap_kept(np.ones(1), np.ones(1), share=0.0),
    ],
)
def test_mistakes_are_named(call):
    with pytest.raises(ValueError, match="expected"):
        call()
