"""Effective model complexity and threshold of families whose capacity is known."""

from __future__ import annotations

import numpy as np
import pytest

from basin.measure import effective_model_complexity, interpolation_threshold


def table_errors(capacity: int, num_examples: np.ndarray, seeds: int = 6) -> np.ndarray:
    """Return training errors of a table that remembers `capacity` examples and guesses one of two classes otherwise."""
    rng = np.random.default_rng(0)
    return np.array(
        [[rng.binomial(max(n - capacity, 0), 0.5) / n for n in map(int, num_examples)] for _ in range(seeds)]
    )


def test_of_a_table_it_is_the_capacity_and_what_may_be_wrong() -> None:
    """Error (1 - c/n) / 2 is 0.1 at n = c / 0.8: known from the definition of the table."""
    sizes = np.unique(np.geomspace(100, 3000, 60).astype(int))
    found = effective_model_complexity(sizes, table_errors(400, sizes))
    assert found.value == pytest.approx(500, rel=0.03)
    low, high = found.interval() or (np.inf, 0)
    assert low < 500 < high
    assert not found.beyond


def test_of_least_squares_it_is_the_number_of_features() -> None:
    """A linear model of p features fits any p examples and, almost surely, no p + 1: linear algebra."""
    rng, num_features = np.random.default_rng(1), 20
    sizes = np.arange(15, 26)

    def share_unfitted(n: int) -> float:
        x, y = rng.standard_normal((n, num_features)), rng.standard_normal(n)
        return float(np.mean(np.abs(x @ np.linalg.lstsq(x, y)[0] - y) > 1e-6))

    errors = np.array([[share_unfitted(int(n)) for n in sizes] for _ in range(3)])
    assert 20 <= effective_model_complexity(sizes, errors).value < 21


def test_along_the_size_it_is_where_the_capacity_suffices() -> None:
    """A table of capacity c errs on 500 examples (1 - c / 500) / 2 of the time: 0.1 at c = 400."""
    capacities = np.unique(np.geomspace(50, 1000, 50).astype(int))
    errors = np.stack([table_errors(int(c), np.array([500]))[:, 0] for c in capacities], axis=1)
    assert interpolation_threshold(capacities, errors).value == pytest.approx(400, rel=0.05)


@pytest.mark.parametrize(
    ("constant", "complexity", "threshold"), [(0.0, "largest", "smallest"), (0.5, "smallest", "largest")]
)
def test_what_lies_beyond_the_sizes_is_said_and_has_no_value(constant: float, complexity: str, threshold: str) -> None:
    sizes, errors = np.array([1, 2, 4]), np.full((3, 3), constant)
    assert effective_model_complexity(sizes, errors).beyond == complexity
    assert interpolation_threshold(sizes, errors).beyond == threshold
    assert np.isnan(interpolation_threshold(sizes, errors).value)
    assert interpolation_threshold(sizes, errors).interval() is None


@pytest.mark.parametrize(
    ("sizes", "errors", "epsilon", "expected"),
    [
        ([1, 2], np.zeros((3, 3)), 0.1, "one column a size"),
        ([2, 1, 3], np.zeros((3, 3)), 0.1, "ascending"),
        ([0, 1, 3], np.zeros((3, 3)), 0.1, "above 0"),
        ([1, 2, 3], np.zeros((3, 3)), 10.0, "fractions, not per cent"),
    ],
)
def test_what_cannot_be_read_is_refused(sizes: list[int], errors: np.ndarray, epsilon: float, expected: str) -> None:
    for measure in (effective_model_complexity, interpolation_threshold):
        with pytest.raises(ValueError, match=expected):
            measure(np.array(sizes), errors, epsilon=epsilon)
