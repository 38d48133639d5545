"""The trace of the Hessian against dense matrices, and its standard error against the variance known in closed form.

A dense Hessian has a trace that needs no probe. The variance of a probe is 2 sum of the squares off the diagonal
(Hutchinson 1989), written here from the matrix itself.
"""

import jax.numpy as jnp
import numpy as np
import pytest
from measure_cases import NUM_WEIGHTS, dense_hessian, network, positive_matrix, quadratic

from basin.measure import NotConvergedWarning, hessian_trace

HESSIAN = positive_matrix(30, 3)


def off_diagonal_error(matrix, num_probes):
    """Return the standard error that a mean of probes must have."""
    off = matrix - np.diag(np.diag(matrix))
    return np.sqrt(2 * np.sum(off**2) / num_probes)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("method", ["hutchinson", "hutch++"])
def test_a_networks_trace_lies_within_its_error_of_the_dense_one(precision, method):
    result = hessian_trace(*network(), num_probes=300, method=method, precision=precision)
    assert abs(result.value - np.trace(dense_hessian())) < 3 * result.stderr + 1e-5
    assert result.num_weights == NUM_WEIGHTS
    assert result.precision == precision


def test_the_standard_error_is_that_of_the_matrix():
    result = hessian_trace(*network(), num_probes=1000)
    assert result.stderr == pytest.approx(off_diagonal_error(dense_hessian(), 1000), rel=0.1)


def test_probes_are_independent():
    """Means of 30 probes must scatter as those of independent ones do, around the trace."""
    result = hessian_trace(quadratic(HESSIAN), np.zeros(30), num_probes=12_000, probes_at_once=600)
    means = result.samples.reshape(-1, 30).mean(axis=1)
    assert np.std(means) == pytest.approx(off_diagonal_error(HESSIAN, 30), rel=0.15)
    assert abs(result.value - np.trace(HESSIAN)) < 3 * off_diagonal_error(HESSIAN, 12_000)


def test_a_diagonal_hessian_needs_one_probe():
    result = hessian_trace(quadratic(np.array([3.0, -1.0, 0.5])), jnp.zeros(3), num_probes=2)
    assert result.value == pytest.approx(2.5, rel=1e-6)
    assert result.stderr == 0


def test_hutch_pp_is_exact_where_the_rank_is_small():
    hessian = positive_matrix(60, 1, rank=4)
    result = hessian_trace(quadratic(hessian), np.zeros(60), num_probes=18, method="hutch++")
    assert result.value == pytest.approx(np.trace(hessian), rel=1e-10)
    assert result.stderr < 1e-10
    assert result.exact_part == pytest.approx(result.value, rel=1e-10)
    assert hessian_trace(quadratic(hessian), np.zeros(60), num_probes=18).stderr > 0.01 * result.value


def test_the_value_is_the_mean_of_the_samples_and_the_exact_part():
    result = hessian_trace(*network(), method="hutch++")
    assert result.value == pytest.approx(result.exact_part + np.mean(result.samples), rel=1e-12)
    assert len(result.samples) == 16


@pytest.mark.parametrize("options", [{"probes_at_once": 1}, {"probes_at_once": 48}, {"memory_bytes": 0}])
def test_how_the_work_is_divided_changes_only_the_time(options):
    result, other = hessian_trace(*network()), hessian_trace(*network(), **options)
    np.testing.assert_allclose(result.samples, other.samples, atol=1e-5 * np.max(np.abs(result.samples)))
    assert result.num_evaluations == other.num_evaluations == {"products_float32": 48, "values_float32": 2}


def test_a_tolerance_that_is_not_met_warns_and_changes_nothing():
    plain = hessian_trace(*network())
    with pytest.warns(NotConvergedWarning, match="raise num_probes"):
        strict = hessian_trace(*network(), tolerance=1e-3)
    assert not strict.converged
    assert (strict.value, strict.stderr) == (plain.value, plain.stderr)
    assert hessian_trace(*network(), tolerance=10.0).converged


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_probes": 1}, "num_probes: expected at least 2"),
        ({"num_probes": 5, "method": "hutch++"}, "num_probes: expected at least 6"),
        ({"method": "xtrace"}, "method: expected one of hutchinson"),
        ({"tolerance": 0.0}, "tolerance: expected a number above 0"),
        ({"probes_at_once": 0}, "probes_at_once: expected at least 1"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        hessian_trace(lambda w: jnp.sum(w**2), jnp.ones(5), **options)
