"""The spectral density against dense Hessians: moments of the rules, the smoothed density itself, bulk and outliers.

The Gauss rule of a start `v` must give `v' H^k v` up to degree 2m - 1, computed here with powers of the dense matrix;
the density is the mean of normal kernels at the eigenvalues that `numpy.linalg.eigvalsh` finds.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from measure_cases import NUM_WEIGHTS, dense_hessian, network, positive_matrix, quadratic

from basin.measure import NotConvergedWarning, spectral_density
from basin.measure.quadrature import gauss_rules

HESSIAN = dense_hessian()
EIGENVALUES = np.linalg.eigvalsh(HESSIAN)


@pytest.mark.parametrize("num_steps", [1, 2, 7])
def test_moments_are_exact_to_degree_2m_minus_1_and_no_further(num_steps):
    matrix = positive_matrix(40, 0)
    starts = np.random.default_rng(1).standard_normal((3, 40))
    for rule, start in zip(gauss_rules(lambda rows: rows @ matrix, starts, num_steps), starts, strict=True):
        unit = start / np.linalg.norm(start)
        exact = [unit @ np.linalg.matrix_power(matrix, degree) @ unit for degree in range(2 * num_steps + 1)]
        found = [np.sum(rule.weights * rule.nodes**degree) for degree in range(2 * num_steps + 1)]
        np.testing.assert_allclose(found[:-1], exact[:-1], rtol=1e-10)
        assert abs(found[-1] - exact[-1]) > 1e-9 * exact[-1]


def test_weights_are_squared_components_of_the_start_when_every_eigenvalue_is_found():
    diagonal = np.array([-2.0, 0.5, 1.0, 7.0])
    start = np.array([1.0, 2.0, 3.0, 4.0])
    (rule,) = gauss_rules(lambda rows: rows * diagonal, start[None], 10)
    np.testing.assert_allclose(rule.nodes, diagonal, rtol=1e-12)
    np.testing.assert_allclose(rule.weights, start**2 / 30, rtol=1e-12)
    np.testing.assert_allclose(rule.residuals, 0, atol=1e-12)


def test_no_eigenvalue_is_copied_by_rounding():
    """Without reorthogonalisation 60 steps in float32 find an eigenvalue that stands far apart again and again."""
    diagonal = np.r_[np.linspace(0, 1, 199), 100.0].astype(np.float32)
    start = np.random.default_rng(0).standard_normal((1, 200)).astype(np.float32)
    (rule,) = gauss_rules(lambda rows: rows * diagonal, start, 60)
    assert np.sum(rule.nodes > 1.01) == 1


def test_residuals_bound_the_distance_to_an_eigenvalue():
    matrix = positive_matrix(50, 2)
    eigenvalues = np.linalg.eigvalsh(matrix)
    (rule,) = gauss_rules(lambda rows: rows @ matrix, np.ones((1, 50)), 12)
    distances = np.min(np.abs(rule.nodes[:, None] - eigenvalues), axis=1)
    assert np.all(distances <= rule.residuals + 1e-12)
    assert np.max(rule.residuals) > 1e-3


def test_a_shortened_rule_is_the_rule_of_fewer_steps():
    matrix, start = positive_matrix(50, 2), np.ones((1, 50))
    (long,), (short,) = (gauss_rules(lambda rows: rows @ matrix, start, steps) for steps in (12, 9))
    for name in ("nodes", "weights", "residuals"):
        np.testing.assert_allclose(getattr(long.shortened(9), name), getattr(short, name), atol=1e-12)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_density_is_that_of_the_dense_hessian_within_its_error(precision):
    result = spectral_density(
        *network(), num_probes=100, num_steps=60, kernel_width=0.05, precision=precision, probes_at_once=50
    )
    exact = np.mean(scipy.stats.norm.pdf(result.grid[:, None], EIGENVALUES, result.kernel_width), axis=1)
    inside = exact > 0.02 * exact.max()
    scores = (result.value - exact)[inside] / result.stderr[inside]
    assert np.sqrt(np.mean(scores**2)) < 2
    assert np.trapezoid(result.value, result.grid) == pytest.approx(1, abs=1e-6)
    assert np.trapezoid(np.abs(result.value - exact), result.grid) < 0.15
    assert result.converged


def test_nodes_reach_the_ends_of_the_spectrum_and_are_eigenvalues_there():
    result = spectral_density(*network(), precision="float64", num_probes=4)
    np.testing.assert_allclose(result.nodes[:, 0], EIGENVALUES[0], rtol=1e-6)
    np.testing.assert_allclose(result.nodes[:, -1], EIGENVALUES[-1], rtol=1e-6)
    np.testing.assert_allclose(result.weights.sum(axis=1), 1, rtol=1e-12)
    assert result.num_weights == NUM_WEIGHTS


def test_moments_are_traces_of_powers():
    result = spectral_density(*network(), num_probes=100, precision="float64", num_steps=40, probes_at_once=50)
    for order in (1, 2, 3):
        value, error = result.moment(order)
        assert abs(value - np.sum(EIGENVALUES**order)) < 3 * error
    count, error = result.count_above(0.5 * EIGENVALUES[-1])
    assert abs(count - np.sum(0.5 * EIGENVALUES[-1] < EIGENVALUES)) < 4 * error


def test_outliers_stand_apart_from_a_bulk():
    bulk = np.random.default_rng(0).uniform(-0.1, 0.3, 300)
    result = spectral_density(quadratic(np.r_[bulk, 5.0, 4.0, 3.0]), np.zeros(303), num_probes=5)
    np.testing.assert_allclose(result.outliers, [5, 4, 3], rtol=1e-6)
    np.testing.assert_allclose(result.bulk, [bulk.min(), bulk.max()], atol=1e-3)
    assert result.bulk_share == pytest.approx(300 / 303, abs=0.01)
    count, error = result.count_above(1.0)
    assert abs(count - 3) < 4 * error


@pytest.mark.parametrize(
    "spectrum", [np.linspace(0, 1, 200), np.linspace(-1, 1, 200), np.full(50, 2.0), np.zeros(50)], ids=str
)
def test_a_bulk_alone_has_no_outlier(spectrum):
    result = spectral_density(quadratic(spectrum), np.zeros(len(spectrum)), num_probes=3)
    assert len(result.outliers) == 0
    assert result.bulk_share == 1
    np.testing.assert_allclose(result.bulk, [spectrum.min(), spectrum.max()], atol=1e-2)


def test_repeated_eigenvalues_are_one_node_of_their_weight():
    result = spectral_density(quadratic(np.repeat([1.0, 4.0], [30, 10])), np.zeros(40), num_probes=200)
    assert result.nodes.shape == (200, 2)
    count, error = result.count_above(2.0)
    assert abs(count - 10) < 3 * error
    assert error < 0.3


def test_fewer_steps_say_how_much_they_miss():
    spectrum = np.linspace(0, 1, 400)
    few, many = (
        spectral_density(quadratic(spectrum), np.zeros(400), num_steps=steps, num_probes=3, tolerance=0.5)
        for steps in (10, 60)
    )
    assert many.truncation < few.truncation / 2
    assert many.edge_residual < few.edge_residual
    with pytest.warns(NotConvergedWarning, match="raise num_steps"):
        assert not spectral_density(quadratic(spectrum), np.zeros(400), num_steps=5, num_probes=2).converged


@pytest.mark.parametrize("options", [{"probes_at_once": 1}, {"probes_at_once": 3}, {"memory_bytes": 0}])
def test_how_the_work_is_divided_changes_only_the_time(options):
    result, other = (
        spectral_density(*network(), num_probes=5, num_steps=20, precision="float64", **chosen)
        for chosen in ({}, options)
    )
    np.testing.assert_allclose(result.nodes, other.nodes, atol=1e-8)
    assert result.num_evaluations == other.num_evaluations == {"products_float64": 100, "values_float64": 2}


def test_one_probe_has_no_standard_error():
    result = spectral_density(*network(), num_probes=1, num_steps=30)
    assert result.stderr is None
    assert result.moment(1)[1] is None


def test_keys_draw_the_starts():
    first, second = (spectral_density(*network(), num_probes=2, num_steps=10, tolerance=0.9, key=k) for k in (1, 2))
    assert np.max(np.abs(first.value - second.value)) > 0
    same = spectral_density(*network(), num_probes=2, num_steps=10, tolerance=0.9, key=jax.random.key(1))
    np.testing.assert_array_equal(first.value, same.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_probes": 0}, "num_probes: expected at least 1"),
        ({"num_steps": 0}, "num_steps: expected at least 1"),
        ({"kernel_width": 0.0}, "kernel_width: expected a number between 0 and 1"),
        ({"tolerance": 1.0}, "tolerance: expected a number between 0 and 1"),
        ({"probes_at_once": 0}, "probes_at_once: expected at least 1"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        spectral_density(lambda w: jnp.sum(w**2), jnp.ones(5), **options)
