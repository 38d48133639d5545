"""Nested least squares, ridge and the kernel limit against solvers that share nothing with them."""

import numpy as np
import pytest
import scipy.linalg
import sklearn.datasets

from basin import linear
from basin.linear.nested import factors

N = 40
SIZES = [1, 7, 20, 36, 39, 40, 41, 44, 60, 150]


def problem(condition: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, targets and features of fresh examples; the rows of all have scales up to the condition."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((N + 30, SIZES[-1]))
    mixed = rng.standard_normal((SIZES[-1], 12)) @ rng.standard_normal((12, SIZES[-1]))
    rows = (rows @ mixed + rows / condition) if condition > 1 else rows
    return rows[:N], rng.standard_normal((N, 3)), rows[N:]


def digits(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all digits with pixels in [0, 1], and the one-hot labels of the first so many."""
    x, labels = sklearn.datasets.load_digits(return_X_y=True)
    return np.asarray(x) / 16, np.eye(10)[np.asarray(labels)[:n]]


def reference(a: np.ndarray, y: np.ndarray, rcond: float) -> tuple[np.ndarray, float, int]:
    """Return the pseudo-inverse solution of one size by an SVD of the whole matrix, its condition and its rank."""
    u, s, vt = scipy.linalg.svd(a, full_matrices=False, lapack_driver="gesvd")
    kept = s > rcond * s[0]
    return vt[kept].T @ ((u[:, kept].T @ y) / s[kept, None]), s[0] / s[-1], int(kept.sum())


@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6])
def test_every_size_predicts_what_an_svd_of_its_own_does(condition: float) -> None:
    # independent: another LAPACK routine (gesvd) on the whole matrix of each size, nothing shared between sizes
    a, y, fresh = problem(condition)
    worst = []
    for w in linear.minimum_norm(a, y, SIZES):
        expected, seen, rank = reference(a[:, : w.size], y, w.rcond)
        assert (w.rank, w.is_regularised) == (rank, rank < min(N, w.size))
        if seen < 1e10:
            error = np.abs(w.predict(fresh) - fresh[:, : w.size] @ expected).max()
            worst.append(error / np.linalg.norm(y))
    assert len(worst) == len(SIZES)
    assert max(worst) < 1e-6


def test_at_the_threshold_of_fourier_features_on_digits_six_digits_are_kept() -> None:
    n = 250
    x, y = digits(n)
    phi = linear.fourier_features(64, 2 * n, bandwidth=5.0, seed=0)(x[: n + 100])
    for w in linear.minimum_norm(phi[:n], y, [n - 1, n, n + 1, n + 2, 2 * n]):
        expected, condition, _ = reference(phi[:n, : w.size], y, w.rcond)
        assert condition < 1e10
        assert np.abs(w.predict(phi[n:]) - phi[n:, : w.size] @ expected).max() < 1e-6


@pytest.mark.parametrize("bandwidth", [15.0, 100.0, 300.0])
def test_near_the_largest_condition_numbers_it_is_as_accurate_as_the_reference_itself(bandwidth: float) -> None:
    """At 1e10 no two backward stable methods agree to 1e-6 of the targets: the SVD of permuted rows and columns, the
    same problem in other roundings, says how well the reference knows its own predictions."""
    n, rng = 250, np.random.default_rng(0)
    x, y = digits(n)
    phi = linear.fourier_features(64, n + 1, bandwidth=bandwidth, seed=0)(x[: n + 100])
    for w in linear.minimum_norm(phi[:n], y, [n - 1, n, n + 1]):
        a, fresh = phi[:n, : w.size], phi[n:, : w.size]
        expected, _, rank = reference(a, y, w.rcond)
        rows, columns = rng.permutation(n), rng.permutation(w.size)
        again, _, _ = reference(a[np.ix_(rows, columns)], y[rows], w.rcond)
        own = np.abs(fresh[:, columns] @ again - fresh @ expected).max()
        error = np.abs(w.predict(fresh) - fresh @ expected).max()
        assert w.rank == rank
        assert error < max(1e-6, 20 * own)
        assert error < 1e-6 * max(1.0, np.abs(fresh @ expected).max())


def test_a_solution_interpolates_beyond_the_threshold_and_no_other_is_shorter() -> None:
    # invariants: A w = y, and w is orthogonal to the null space of A, which is what makes it the shortest
    a, y, _ = problem()
    for w in linear.minimum_norm(a, y, [41, 60, 150]):
        np.testing.assert_allclose(w.predict(a), y, atol=1e-10)
        beside = scipy.linalg.null_space(a[:, : w.size])
        assert beside.shape[1] == w.size - N
        np.testing.assert_allclose(beside.T @ w.coefficients, 0, atol=1e-10)


def test_before_the_threshold_residuals_are_orthogonal_to_the_features() -> None:
    a, y, _ = problem()
    for w in linear.minimum_norm(a, y, [7, 20, 39]):
        np.testing.assert_allclose(a[:, : w.size].T @ (y - w.predict(a)), 0, atol=1e-10)


def test_equal_features_are_a_lower_rank_and_a_cut_off_is_reported() -> None:
    a, y, _ = problem()
    twice = np.repeat(a[:, :30], 2, axis=1)  # 60 columns, 30 different ones
    for w in linear.minimum_norm(twice, y, [20, 60]):
        expected, _, _ = reference(twice[:, : w.size], y, w.rcond)
        assert (w.rank, w.is_regularised) == (w.size // 2, True)
        np.testing.assert_allclose(w.coefficients, expected, atol=1e-9)
    strong = [w.is_regularised for w in linear.minimum_norm(a, y, [7, 40, 150], rcond=0.1)]
    assert strong == [False, True, False]  # of square normal matrices the smallest singular value is about 1 / n


def test_sizes_do_not_depend_on_which_others_were_asked_for() -> None:
    a, y, _ = problem()
    alone = {size: next(linear.minimum_norm(a, y, [size])).coefficients for size in (20, 60, 150)}
    for w in linear.minimum_norm(a, y, SIZES):
        if w.size in alone:
            np.testing.assert_allclose(w.coefficients, alone[w.size], atol=1e-11)


def test_a_triangle_has_the_singular_values_of_its_features() -> None:
    a, y, _ = problem()
    for factor in factors(a, y, SIZES):
        whole = scipy.linalg.svdvals(a[:, : factor.size])
        np.testing.assert_allclose(factor.svd[1], whole, rtol=1e-10)
        # |A|_1 |A^-1|_1 written out; LAPACK's estimate is a lower bound, within 10 of it
        exact = np.linalg.cond(factor.triangle, 1)
        assert exact / 10 <= factor.condition <= exact * (1 + 1e-6)


@pytest.mark.parametrize("size", [7, 40, 150])
def test_ridge_is_least_squares_with_rows_added(size: int) -> None:
    # independent: lstsq of (A; sqrt(lambda) I) against (y; 0), which knows no singular value of A
    a, y, fresh = problem()
    penalties = [1e-3, 1.0, 50.0]
    (path,) = linear.ridge_paths(a, y, [size], penalties)
    for index, penalty in enumerate(penalties):
        rows = np.vstack([a[:, :size], np.sqrt(penalty) * np.eye(size)])
        expected = np.linalg.lstsq(rows, np.vstack([y, np.zeros((size, 3))]), rcond=None)[0]
        np.testing.assert_allclose(path.coefficients[index], expected, atol=1e-10)
        np.testing.assert_allclose(path.predict(fresh)[index], fresh[:, :size] @ expected, atol=1e-9)
        # degrees of freedom: the trace of the matrix that maps y to the fitted values
        inner = a[:, :size].T @ a[:, :size] + penalty * np.eye(size)
        trace = np.trace(a[:, :size] @ np.linalg.solve(inner, a[:, :size].T))
        assert path.effective_parameters[index] == pytest.approx(trace, rel=1e-9)


def test_ridge_tends_to_minimum_norm() -> None:
    a, y, _ = problem()
    for path, w in zip(linear.ridge_paths(a, y, [20, 150], [1e-10]), linear.minimum_norm(a, y, [20, 150]), strict=True):
        np.testing.assert_allclose(path.coefficients[0], w.coefficients, atol=1e-8)
        assert path.effective_parameters[0] == pytest.approx(w.rank)


def test_the_best_penalty_is_the_one_of_least_held_out_error() -> None:
    a, y, fresh = problem()
    (path,) = linear.ridge_paths(a, y, [40], [1e-6, 1.0, 1e4])
    held_out = fresh @ np.full((SIZES[-1], 3), 0.01)
    errors = [np.square(fresh[:, :40] @ path.coefficients[i] - held_out).mean() for i in range(3)]
    assert linear.best_penalty(path, fresh, held_out) == int(np.argmin(errors))


def test_many_features_predict_as_their_kernel_does() -> None:
    """Independent: the kernel never sees a feature, and an optimiser confirms that its function has the least norm."""
    rng = np.random.default_rng(3)
    x, fresh = rng.uniform(-1, 1, (12, 2)), rng.uniform(-1, 1, (5, 2))
    y = np.sin(3 * x[:, :1])
    train, test = (linear.gaussian_kernel(rows, x, 0.7) for rows in (x, fresh))
    predicted, norms, rank = linear.interpolate(train, test, y)
    assert rank == 12
    phi = linear.fourier_features(2, 40_000, bandwidth=0.7, seed=0)
    (w,) = linear.minimum_norm(phi(x), y, [40_000])
    np.testing.assert_allclose(w.predict(phi(fresh)), predicted, atol=0.05)
    assert np.sqrt(w.size) * np.linalg.norm(w.coefficients) == pytest.approx(norms[0], rel=0.1)
    centres = np.vstack([x, fresh])  # a function with more centres that passes through the examples is longer
    k = linear.gaussian_kernel(centres, centres, 0.7)
    beside = scipy.linalg.null_space(k[:12])
    start = np.concatenate([np.linalg.solve(train, y).ravel(), np.zeros(5)])
    longer = [start + 0.1 * beside @ rng.standard_normal(beside.shape[1]) for _ in range(20)]
    assert start @ k @ start == pytest.approx(norms[0] ** 2, rel=1e-6)
    assert all(c @ k @ c > norms[0] ** 2 * (1 - 1e-9) for c in longer)


def test_a_kernel_says_where_its_cut_off_acted() -> None:
    """Two examples at one place have one row of the kernel between them, so it lacks a rank; their mean is fitted."""
    x = np.array([[0.0], [0.0], [1.0]])
    k = linear.gaussian_kernel(x, x, 1.0)
    found = linear.interpolate(k, k, np.array([[1.0], [3.0], [5.0]]))
    assert found.rank == 2
    np.testing.assert_allclose(found.predicted.ravel(), [2, 2, 5], atol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda a, y: linear.minimum_norm(a, y[:-1], [2]), "expected features"),
        (lambda a, y: linear.minimum_norm(a, y, [3, 2]), "ascending sizes"),
        (lambda a, y: linear.minimum_norm(a, y, [151]), "from 1 to 150"),
        (lambda a, y: linear.minimum_norm(a, y, []), "ascending sizes"),
        (lambda a, y: linear.minimum_norm(a * np.nan, y, [2]), "finite"),
        (lambda a, y: linear.minimum_norm(a, y, [2], rcond=1.0), "rcond"),
        (lambda a, y: linear.ridge_paths(a, y, [2], [0.0]), "penalties above 0"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, message: str) -> None:
    a, y, _ = problem()
    with pytest.raises(ValueError, match=message):
        list(wrong(a, y))
