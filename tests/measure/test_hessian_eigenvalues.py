"""Hessian eigenvalues against closed forms, dense float64 Hessians and finite differences; and against peers' faults.

Oracles: linear and logistic regression have Hessians in closed form (the linear one with every eigenvalue repeated once
an output); `jax.hessian` of the loss written out again is a dense matrix that needs no product and no solver; a second
difference of values needs no derivative.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from measure_cases import dense_hessian, linear, network, positive_matrix, quadratic

from basin.loss import DatasetLoss
from basin.measure import NotConvergedWarning, hessian_eigenvalues

SPECTRUM = np.linspace(0, 1, 297)


def dense_spectrum(seed=0):
    """Return all eigenvalues of the network's Hessian in float64, largest first."""
    return np.linalg.eigvalsh(dense_hessian(seed))[::-1]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float64", 1e-9)])
@pytest.mark.parametrize("which", ["largest", "smallest"])
def test_eigenvalues_are_those_of_the_dense_hessian(precision, tolerance, which):
    result = hessian_eigenvalues(*network(), which=which, precision=precision, tolerance=1e-5)
    expected = dense_spectrum()[:5] if which == "largest" else dense_spectrum()[::-1][:5]
    np.testing.assert_allclose(result.value, expected, atol=tolerance * abs(dense_spectrum()[0]))
    assert result.converged
    assert result.which == which
    assert result.precision == precision


def test_the_vectors_are_orthonormal_and_their_curvature_is_a_second_difference():
    loss, params = network()
    result = hessian_eigenvalues(loss, params, precision="float64", tolerance=1e-8)
    np.testing.assert_allclose(result.vectors.T @ result.vectors, np.eye(5), atol=1e-12)
    flat, unravel = ravel_pytree(params)
    wide, point, step = loss.astype("float64"), np.asarray(flat, np.float64), 1e-3
    for value, vector in zip(result.value, result.vectors.T, strict=True):
        with jax.enable_x64(True):
            ahead, here, behind = (
                float(wide(jax.tree.map(lambda leaf: leaf, _unravelled(unravel, params, point + sign * step * vector))))
                for sign in (1, 0, -1)
            )
        np.testing.assert_allclose((ahead - 2 * here + behind) / step**2, value, rtol=1e-4)


def _unravelled(unravel, params, vector):
    leaves, start = [], 0
    for leaf in jax.tree.leaves(params):
        leaves.append(vector[start : start + leaf.size].reshape(leaf.shape))
        start += leaf.size
    return jax.tree.unflatten(jax.tree.structure(params), leaves)


def test_residuals_are_true():
    result = hessian_eigenvalues(*network(), precision="float64", tolerance=1e-2)
    wide, params = network()[0].astype("float64"), network()[1]
    for value, residual, vector in zip(result.value, result.residuals, result.vectors.T, strict=True):
        product = wide.hvp(params, _unravelled(None, params, vector))
        image = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(product)])
        np.testing.assert_allclose(np.linalg.norm(image - value * vector), residual, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_linear_regression_repeats_each_eigenvalue_once_an_output(precision):
    random = np.random.default_rng(0)
    x, t = random.standard_normal((100, 30)).astype(np.float32), random.standard_normal((100, 3)).astype(np.float32)
    result = hessian_eigenvalues(
        DatasetLoss(linear(30, 3), {}, x, t, example_loss="mse"), jnp.zeros((30, 3)), precision=precision
    )
    top = np.linalg.eigvalsh(x.T.astype(np.float64) @ x / 100)[::-1]
    np.testing.assert_allclose(result.value, [top[0], top[0], top[0], top[1], top[1]], rtol=1e-3)
    assert result.converged


def test_logistic_regression_has_its_hessian_in_closed_form():
    random = np.random.default_rng(1)
    x, y = random.standard_normal((200, 40)).astype(np.float32), random.integers(0, 2, 200).astype(np.int32)
    w = random.standard_normal((40, 2)).astype(np.float32) / 10
    p = 1 / (1 + np.exp(-x.astype(np.float64) @ (w[:, 1] - w[:, 0])))
    expected = 2 * np.linalg.eigvalsh(x.T.astype(np.float64) * (p * (1 - p)) @ x / 200)[::-1][:5]
    result = hessian_eigenvalues(DatasetLoss(linear(40, 2), {}, x, y), jnp.asarray(w))
    np.testing.assert_allclose(result.value, expected, rtol=1e-3)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_largest_is_algebraic_and_labelled(k):
    result = hessian_eigenvalues(quadratic(np.array([-3.0, 1.0])), jnp.zeros(2), k=k)
    np.testing.assert_allclose(result.value, [1.0, -3.0][:k], rtol=1e-6)
    assert "algebraically largest" in result.definition
    smallest = hessian_eigenvalues(quadratic(np.array([-3.0, 1.0])), jnp.zeros(2), k=1, which="smallest")
    np.testing.assert_allclose(smallest.value, [-3.0], rtol=1e-6)


def test_magnitude_is_never_sold_as_curvature_in_a_large_space_either():
    diagonal = np.r_[-50.0, -40.0, 3.0, 2.0, 1.5, -SPECTRUM]
    np.testing.assert_allclose(
        hessian_eigenvalues(quadratic(diagonal), jnp.zeros(302), k=3).value, [3, 2, 1.5], rtol=1e-3
    )


@pytest.mark.parametrize("copies", [2, 3, 5])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("key", range(2))
def test_every_copy_of_a_repeated_eigenvalue_is_found(copies, precision, key):
    diagonal = np.r_[np.full(copies, 5.0), SPECTRUM]
    result = hessian_eigenvalues(quadratic(diagonal), jnp.zeros(len(diagonal)), k=copies, precision=precision, key=key)
    np.testing.assert_allclose(result.value, np.full(copies, 5.0), rtol=1e-5)
    assert np.linalg.matrix_rank(result.vectors[:copies]) == copies


@pytest.mark.parametrize("max_products", [1, 13, 16, 20, 50, 100])
@pytest.mark.parametrize("spectrum", ["network", "flat"])
@pytest.mark.filterwarnings("ignore::basin.measure.NotConvergedWarning")
def test_at_every_budget_right_or_refused(max_products, spectrum):
    if spectrum == "network":
        loss, params, expected = *network(), dense_spectrum()[:5]
    else:
        loss, params, expected = quadratic(SPECTRUM), jnp.zeros(297), SPECTRUM[::-1][:5]
    result = hessian_eigenvalues(loss, params, max_products=max_products)
    for value, residual, converged, right in zip(
        result.value, result.residuals, result.each_converged, expected, strict=True
    ):
        assert converged == (result.complete and residual + result.float32_error <= 1e-3 * result.value[0])
        assert not converged or abs(value - right) <= 1.5e-3 * expected[0]
    assert np.all(np.isfinite(result.value))
    assert np.all(np.diff(result.value) <= 0)


def test_what_did_not_converge_warns():
    with pytest.warns(NotConvergedWarning, match="not converged"):
        result = hessian_eigenvalues(quadratic(SPECTRUM), jnp.zeros(297), max_products=10, tolerance=1e-5)
    assert not result.converged


@pytest.mark.parametrize(
    ("diagonal", "expected"),
    [
        (np.zeros(100), [0, 0, 0]),
        (np.full(100, 2.0), [2, 2, 2]),
        (np.r_[3.0, 2.0, np.zeros(98)], [3, 2, 0]),
        (-1 - SPECTRUM[:100], [-1, -1 - SPECTRUM[1], -1 - SPECTRUM[2]]),
    ],
    ids=["zero", "identity", "low rank", "negative definite"],
)
def test_degenerate_spectra_are_no_special_case(diagonal, expected):
    result = hessian_eigenvalues(quadratic(diagonal), jnp.zeros(100), k=3)
    np.testing.assert_allclose(result.value, expected, atol=1e-3)
    assert result.converged


def test_float32_that_has_lost_the_curvature_is_noticed():
    x, w = np.full((4, 40), 1.0, np.float32), np.zeros((40, 2), np.float32)
    w[:, 1] = 17.0 / 40  # 1 - p is 4e-8, below the resolution of float32 near 1
    loss = DatasetLoss(linear(40, 2), {}, x, np.ones(4, np.int32))
    p = 1 / (1 + np.exp(np.float64(17)))
    exact = hessian_eigenvalues(loss, jnp.asarray(w), k=1, precision="float64")
    np.testing.assert_allclose(exact.value, 2 * 40 * p * (1 - p), rtol=1e-6)
    with pytest.warns(NotConvergedWarning, match="use precision='float64'"):
        assert not hessian_eigenvalues(loss, jnp.asarray(w), k=1).converged


def test_keeping_nothing_between_products_changes_only_the_time():
    kept, anew = (hessian_eigenvalues(*network(), memory_bytes=size) for size in (1 << 29, 0))
    np.testing.assert_allclose(kept.value, anew.value, rtol=1e-5)


def test_a_dense_and_a_krylov_solution_agree():
    hessian = positive_matrix(80, 0)
    top = np.linalg.eigvalsh(hessian)[::-1]
    few, many = (hessian_eigenvalues(quadratic(hessian), np.zeros(80), k=k, tolerance=1e-6) for k in (5, 30))
    np.testing.assert_allclose(few.value, top[:5], rtol=1e-9)
    np.testing.assert_allclose(many.value, top[:30], rtol=1e-9)


def test_derivatives_that_are_not_symmetric_are_refused():
    @jax.custom_vjp
    def loss(w):
        return jnp.sum(w)

    loss.defvjp(lambda w: (loss(w), w), lambda w, g: (g * jnp.array([w[1], -w[0]]),))
    with pytest.raises(ValueError, match="expected symmetric Hessian products"):
        hessian_eigenvalues(loss, jnp.zeros(2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k: expected at least 1 eigenvalue, got 0"),
        ({"tolerance": 0.0}, "tolerance: expected a number between 0 and 1"),
        ({"which": "both"}, "largest, smallest, got 'both'"),
        ({"max_products": 0}, "max_products: expected at least 1"),
        ({"precision": "mixed"}, "'float32' or 'float64', got 'mixed'"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        hessian_eigenvalues(lambda w: jnp.sum(w**2), jnp.ones(5), **options)
