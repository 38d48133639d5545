"""Rank correlation against counting pairs, and its standard error against leaving each out by hand."""

import itertools

import numpy as np
import pytest

from basin.stats import rank_correlation

X = np.array([0.3, 0.1, 0.9, 0.4, 0.4, 0.7, 0.2])
Y = np.array([0.2, 0.4, 0.8, 0.5, 0.1, 0.9, 0.3])


def counted(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b by its definition, a loop over pairs; independent of SciPy's sorting."""
    pairs = list(itertools.combinations(range(len(x)), 2))
    signs = [(np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in pairs]
    both = sum(a * b for a, b in signs)
    return both / np.sqrt(sum(a != 0 for a, _ in signs) * sum(b != 0 for _, b in signs))


def test_it_counts_pairs_that_are_ordered_alike_and_oppositely() -> None:
    assert rank_correlation(X, Y).value == pytest.approx(counted(X, Y))


def test_its_standard_error_is_that_of_leaving_each_out() -> None:
    without = np.array([counted(np.delete(X, i), np.delete(Y, i)) for i in range(7)])
    assert rank_correlation(X, Y).stderr == pytest.approx(np.sqrt(6 * without.var()))


def test_its_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    # independent: for a normal pair of correlation r, tau is 2 / pi arcsin r (Greiner's relation)
    noise, truth = np.random.default_rng(0), 2 / np.pi * np.arcsin(0.8)
    hits = 0
    for _ in range(300):
        x, z = noise.normal(size=(2, 12))
        low, high = rank_correlation(x, 0.8 * x + 0.6 * z).interval(0.9) or (1.0, -1.0)
        hits += low <= truth <= high
    assert 0.82 <= hits / 300 <= 0.98


def test_what_is_not_finite_is_left_out() -> None:
    with_holes = rank_correlation(np.append(X, np.nan), np.append(Y, 0.0))
    assert with_holes == rank_correlation(X, Y)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_perfect_order_is_judged_as_if_one_pair_were_swapped(sign: float) -> None:
    order = np.arange(8.0)
    perfect, swapped = rank_correlation(order, sign * order), rank_correlation(order, order[[1, 0, 2, 3, 4, 5, 6, 7]])
    assert perfect.value == pytest.approx(sign)
    assert perfect.stderr == pytest.approx(swapped.stderr)
    assert perfect.stderr > 0


def test_three_things_have_an_order_and_no_interval() -> None:
    assert rank_correlation(X[:3], Y[:3]).interval() is None


def test_nothing_to_rank_has_no_value() -> None:
    assert rank_correlation(np.ones(5), Y[:5]).value is None


def test_arrays_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="expected two numbers for each thing"):
        rank_correlation(X, Y[:3])
