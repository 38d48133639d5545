"""Random features: their kernels in closed form, the rate at which they tend to them, and that sizes are nested."""

import numpy as np
import pytest

from basin import linear

X = np.random.default_rng(0).normal(size=(6, 3))


def gaussian(x: np.ndarray, bandwidth: float) -> np.ndarray:
    """The kernel written out, without the module's own."""
    return np.exp(-np.square(x[:, None] - x[None]).sum(axis=2) / (2 * bandwidth**2))


def arc_cosine(x: np.ndarray) -> np.ndarray:
    """Cho & Saul 2009, degree 1: E max(v'x, 0) max(v'y, 0) for v uniform on the sphere in d dimensions."""
    length = np.linalg.norm(x, axis=1)
    cosine = np.clip(x @ x.T / np.outer(length, length), -1, 1)
    angle = np.arccos(cosine)
    return np.outer(length, length) * (np.sin(angle) + (np.pi - angle) * cosine) / (2 * np.pi * x.shape[1])


def kernel_errors(draw, number: int, expected: np.ndarray) -> float:
    """Root mean square deviation of the mean product of features from the kernel, over seeds and pairs."""
    found = [phi @ phi.T / number for phi in (draw(number, seed)(X) for seed in range(20))]
    return float(np.sqrt(np.square(np.array(found) - expected).mean()))


def fourier(number: int, seed: int):
    return linear.fourier_features(3, number, bandwidth=1.5, seed=seed)


def relu(number: int, seed: int):
    return linear.relu_features(3, number, seed=seed)


@pytest.mark.parametrize(("draw", "expected"), [(fourier, gaussian(X, 1.5)), (relu, arc_cosine(X))])
def test_the_kernel_is_met_at_the_rate_of_one_over_root_n(draw, expected: np.ndarray) -> None:
    few, many = (kernel_errors(draw, number, expected) for number in (200, 12_800))
    assert few / many == pytest.approx(8, rel=0.3)
    assert many < 0.02


def test_the_variance_of_a_fourier_feature_is_what_theory_says() -> None:
    # var of 2 cos(a) cos(b) averaged over the offset: 1/2 + (1 + k(x, y)^4)/2 - k^2, from the product formulas
    x = np.array([[0.0], [1.0]])
    phi = linear.fourier_features(1, 400_000, bandwidth=1.0, seed=1)(x)
    k = np.exp(-0.5)
    assert np.var(phi[0] * phi[1]) == pytest.approx(0.5 + (1 + k**4) / 2 - k**2, rel=0.02)


def test_frequencies_have_the_spread_of_the_bandwidth_and_not_its_mean() -> None:
    """The known mistake in a replication adds 1/25 to standard normal frequencies instead of scaling them to 1/5."""
    directions = linear.fourier_features(50, 2000, bandwidth=5.0, seed=0).directions
    assert directions.std() == pytest.approx(0.2, rel=0.01)
    assert abs(directions.mean()) < 4 * 0.2 / np.sqrt(directions.size)


@pytest.mark.parametrize("draw", [fourier, relu])
def test_the_first_features_are_the_same_however_many_there_are(draw) -> None:
    few, many = draw(7, 5)(X), draw(700, 5)(X)
    np.testing.assert_array_equal(few, many[:, :7])
    assert not np.array_equal(draw(7, 6)(X), few)


def test_relu_features_are_homogeneous_and_a_constant_breaks_that() -> None:
    without, with_one = linear.relu_features(3, 50, seed=0), linear.relu_features(3, 50, seed=0, constant=1.0)
    np.testing.assert_allclose(without(2 * X), 2 * without(X))
    assert not np.allclose(with_one(2 * X), 2 * with_one(X))
    np.testing.assert_allclose(np.linalg.norm(with_one.directions, axis=1), 1)
    expected = np.maximum(np.hstack([X, np.ones((6, 1))]) @ with_one.directions.T, 0)
    np.testing.assert_allclose(with_one(X), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: linear.fourier_features(0, 5, bandwidth=1.0, seed=0), "at least one input"),
        (lambda: linear.fourier_features(2, 5, bandwidth=0.0, seed=0), "bandwidth above 0"),
        (lambda: linear.relu_features(2, 5, seed=-1), "seed of 0 or more"),
        (lambda: linear.gaussian_kernel(X, X, -1.0), "bandwidth above 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
