"""The Gauss-Newton matrix, shrinkages, and the effective number of parameters, against what theory and algebra say."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure_cases import MLP, leaf_bytes, linear, network

from basin.loss import DatasetLoss
from basin.measure import Decayed, Stopped, effective_parameters, gauss_newton
from basin.measure.layout import Layout
from basin.models import build
from basin.models.model import Mode
from basin.spec import model as model_spec


def regression(num_examples=30, inputs=4, outputs=2, seed=0):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((num_examples, inputs)), rng.standard_normal((num_examples, outputs))
    return DatasetLoss(linear(inputs, outputs), {}, x, y, example_loss="mse", precision="float64"), x, y


def dense_hessian(loss, params):
    """The Hessian by automatic differentiation of the mean loss itself, twice, in float64."""
    layout = Layout.of(params)
    with jax.enable_x64(True):
        point = jnp.asarray(layout.flat(params, "float64"))
        exact = loss.astype("float64")
        return np.asarray(jax.hessian(lambda v: exact(layout.unravel(v)))(point))


# --- The matrix ------------------------------------------------------------------------------------------------------


def test_for_outputs_linear_in_the_weights_it_is_the_hessian():
    rng = np.random.default_rng(1)
    loss = DatasetLoss(linear(4, 3), {}, rng.standard_normal((20, 4)), rng.integers(0, 3, 20), precision="float64")
    params = rng.standard_normal((4, 3))
    np.testing.assert_allclose(gauss_newton(loss, params), dense_hessian(loss, params), atol=1e-14)


def test_where_the_residuals_vanish_it_is_the_hessian_and_elsewhere_not():
    labelled, params = network()
    outputs, _ = MLP.apply(params, {}, labelled.x, mode=Mode.EVAL)
    fitted = DatasetLoss(MLP, {}, labelled.x, np.asarray(outputs), example_loss="mse")
    off = DatasetLoss(MLP, {}, labelled.x, np.asarray(outputs) + 1.0, example_loss="mse")
    np.testing.assert_allclose(gauss_newton(fitted, params), dense_hessian(fitted, params), atol=1e-5)
    assert np.abs(gauss_newton(off, params) - dense_hessian(off, params)).max() > 0.1


@pytest.mark.parametrize("per_chunk", [1, 5])
def test_chunks_of_examples_change_nothing(per_chunk):
    loss, params = network(num_examples=23)
    whole = gauss_newton(loss, params)
    chunked = gauss_newton(loss, params, memory_bytes=per_chunk * 8 * 3 * Layout.of(params).size)
    np.testing.assert_allclose(chunked, whole, atol=1e-14)


def test_it_has_no_negative_eigenvalue_where_the_hessian_has():
    loss, params = network()
    assert np.linalg.eigvalsh(dense_hessian(loss, params)).min() < -1e-3
    assert np.linalg.eigvalsh(gauss_newton(loss, params)).min() > -1e-14


def test_statistics_of_a_chunk_are_refused():
    model = build(model_spec.MLP(widths=(3,), norm="batch"), (5,), 3)
    params, state = model.init(jax.random.key(0))
    loss = DatasetLoss(model, state, np.ones((4, 5), np.float32), np.arange(4) % 3, batch_norm="batch")
    with pytest.raises(ValueError, match="got 'batch': outputs depend on the chunk"):
        gauss_newton(loss, params)


# --- Shrinkages ------------------------------------------------------------------------------------------------------


@given(st.floats(0, 1e3), st.floats(1e-6, 1e3))
def test_decay_leaves_what_the_minimum_of_the_penalised_parabola_has(curvature, alpha):
    """The minimum of lambda (w - 1)^2 / 2 + alpha w^2 / 2, as the vertex of a parabola through three of its values."""
    at = np.array([-1.0, 0.0, 1.0])
    values = curvature * (at - 1) ** 2 / 2 + alpha * at**2 / 2
    second, first = values[0] - 2 * values[1] + values[2], (values[2] - values[0]) / 2
    assert Decayed(alpha)(curvature) == pytest.approx(-first / second, rel=1e-6, abs=1e-9)


@given(st.floats(0, 1.9), st.integers(0, 50))
def test_stopping_leaves_where_descent_is_after_as_many_steps(curvature, num_steps):
    w = 0.0
    for _ in range(num_steps):
        w -= curvature * (w - 1.0)
    assert Stopped(1.0, num_steps)(curvature) == pytest.approx(w, abs=1e-12)


@given(st.floats(1e-6, 1e6))
def test_with_short_steps_the_two_are_never_further_apart_than_a_fifth(x):
    steps = 10**9  # rho tau lambda = x with rho lambda below 1e-3
    assert abs(Stopped(1.0, steps)(min(x, 1e6) / steps) - Decayed(1.0)(x)) < 0.2037


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Decayed(0.5)([-0.5, 1.0]), "got one with a sum of 0: there is no minimum along it"),
        (lambda: Decayed(0.1)([-0.5, 1.0]), "got one with a sum of -0.4"),
        (lambda: Decayed(-1.0), "expected a weight decay of 0 or more"),
        (lambda: Stopped(0.1, 5)([1.0, 20.0]), "eigenvalues from 0 to 2 / 0.1, got 20"),
        (lambda: Stopped(0.1, 5)([-1e-3]), "got -0.001"),
        (lambda: Stopped(0.0, 5), "a learning rate above 0"),
        (lambda: effective_parameters(lambda w: jnp.sum(w**2), jnp.ones(2), Decayed(1.0)), "a callable has no outputs"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- The number ------------------------------------------------------------------------------------------------------


def test_for_ridge_regression_it_is_the_degrees_of_freedom():
    """Degrees of freedom are the sum of the derivatives of each prediction by its own target: no eigenvalue in it."""
    loss, x, _ = regression()
    alpha, n = 0.3, len(x)
    hat = x @ np.linalg.solve(x.T @ x / n + alpha * np.eye(4), x.T) / n
    found = effective_parameters(loss, np.zeros((4, 2)), Decayed(alpha))
    assert found.value == pytest.approx(2 * np.trace(hat), rel=1e-12)


def test_it_lies_between_0_and_the_number_of_parameters_and_falls_with_the_decay():
    loss, params = network()
    values = [effective_parameters(loss, params, Decayed(alpha)).value for alpha in (1e-6, 1e-3, 1.0, 1e6)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-4
    assert values[0] < Layout.of(params).size


def test_along_descent_it_grows_from_nothing():
    loss, _, _ = regression()
    values = [effective_parameters(loss, np.zeros((4, 2)), Stopped(0.1, steps)).value for steps in (0, 1, 10, 10_000)]
    assert values[0] == 0
    assert values == sorted(values)
    assert values[-1] == pytest.approx(8.0)


def test_a_result_says_what_it_is_and_leaves_no_trace():
    loss, params = network()
    before = leaf_bytes(params)
    found = effective_parameters(loss, params, Decayed(0.01))
    assert leaf_bytes(params) == before
    assert not jax.config.read("jax_enable_x64")
    assert "lambda / (lambda + 0.01)" in found.definition
    assert found.num_parameters == len(found.eigenvalues) == Layout.of(params).size
    assert found.largest == found.eigenvalues[0] > 0
    # a number added to all outputs changes no probability: a flat direction for each of 12 hidden units, one for biases
    assert found.num_flat >= 13
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.value = 1.0


def test_a_direction_without_data_or_decay_is_refused():
    loss, params = network()
    with pytest.raises(ValueError, match="there is no minimum along it"):
        effective_parameters(loss, params, Decayed(0.0))
