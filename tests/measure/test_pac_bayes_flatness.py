"""PAC-Bayes flatness and margins against closed forms: traces, normal quantiles and outputs written by hand.

Along one weight an error rate under normal noise is a tail of the normal distribution, which SciPy inverts; a quadratic
at its minimum rises by sigma^2 times half its scaled trace.
"""

import math

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from measure_cases import apply, linear, network, positive_matrix, quadratic

from basin.loss import DatasetLoss
from basin.measure import NotConvergedWarning, margins, pac_bayes_flatness

HESSIAN = positive_matrix(5, 0)
POINT = np.array([0.5, -2.0, 1.0, 0.1, -0.7])


@pytest.mark.parametrize(("adaptive", "eta"), [(False, 0.0), (True, 0.0), (True, 1e-3)])
def test_on_a_quadratic_it_is_a_trace(adaptive, eta):
    result = pac_bayes_flatness(
        quadratic(HESSIAN, minimum=POINT), POINT, rise=0.3, adaptive=adaptive, eta=eta, num_samples=60
    )
    c = np.abs(POINT) + eta if adaptive else np.ones(5)
    exact = np.sum(c**2 * np.diag(HESSIAN)) / 0.6
    assert abs(result.value - exact) < 3 * result.stderr
    assert result.stderr < 0.4 * exact
    assert result.value == pytest.approx(result.sigma**-2)


def test_the_standard_error_is_the_scatter_over_keys():
    results = [
        pac_bayes_flatness(quadratic(HESSIAN, minimum=POINT), POINT, num_samples=8, key=key) for key in range(16)
    ]
    values, errors = np.array([(item.value, item.stderr) for item in results]).T
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.5)


def wrong(outputs, labels):
    return jnp.asarray(jnp.argmax(outputs, axis=1) != labels, outputs.dtype)


def test_an_error_rate_rises_as_a_normal_tail():
    """Two outputs w and 0 with w = 2: an example is lost when the difference of two noises is below -2."""
    loss = DatasetLoss(linear(1, 2), {}, np.ones((4, 1), np.float32), np.zeros(4, np.int32), example_loss=wrong)
    result = pac_bayes_flatness(loss, np.array([[2.0, 0.0]]), rise=0.1, num_samples=100)
    exact = -2 / scipy.stats.norm.ppf(0.1) / math.sqrt(2)
    assert result.sigma == pytest.approx(exact, rel=0.25)
    assert result.loss == 0


def test_the_bound_is_the_published_formula():
    loss, params = network()
    start = {name: {part: np.zeros_like(leaf) for part, leaf in layer.items()} for name, layer in params.items()}
    result = pac_bayes_flatness(loss, params, start=start)
    squared = sum(np.sum(np.asarray(leaf, np.float64) ** 2) for layer in params.values() for leaf in layer.values())
    inside = squared / (4 * result.sigma**2) + math.log(60 / result.sigma) + 10
    assert result.bound == pytest.approx(math.sqrt(inside / 60), rel=1e-9)
    assert pac_bayes_flatness(loss, params).bound is None


def test_a_loss_that_never_rises_is_flat():
    result = pac_bayes_flatness(lambda w: -jnp.exp(-jnp.sum(w**2)) * 1e-3, np.zeros(3))
    assert result.value == 0
    assert result.sigma == math.inf


def test_a_loss_that_overflows_far_away_is_no_hindrance():
    result = pac_bayes_flatness(lambda w: jnp.sum(jnp.exp(w**8) - 1), np.zeros(3), rise=0.5)
    assert 0.1 < result.sigma < 2


def test_a_rise_that_jumps_to_infinity_has_no_standard_error():
    with pytest.warns(NotConvergedWarning, match="does not grow with the noise or is infinite"):
        result = pac_bayes_flatness(lambda w: jnp.sum(jnp.where(jnp.abs(w) > 0.1, jnp.inf, w**2)), np.zeros(3))
    assert result.stderr is None
    assert not result.converged


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rise": 0.0}, "rise: expected a finite number above 0"),
        ({"num_samples": 1}, "num_samples: expected at least 2"),
        ({"start": jnp.ones(5)}, "num_examples: expected the number of training examples"),
        ({"start": [jnp.ones(5)], "num_examples": 5}, "another structure"),
        ({"start": jnp.ones(5), "adaptive": True}, "start: expected none with adaptive=True"),
        ({"rise": 1e-12}, "expected a noise of 1e-06 to raise the loss by less"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        pac_bayes_flatness(lambda w: jnp.sum(w**2), jnp.ones(5), **options)


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("chunk_size", [7, 60])
def test_margins_are_those_of_the_outputs(normalised, chunk_size):
    loss, params = network()
    outputs = np.asarray(apply(params, {}, np.asarray(loss.x), mode=None)[0], np.float64)
    labels = np.asarray(loss.y)
    if normalised:
        outputs = outputs - outputs.mean(axis=1, keepdims=True)
        outputs /= np.linalg.norm(outputs, axis=1, keepdims=True)
    expected = [row[label] - np.delete(row, label).max() for row, label in zip(outputs, labels, strict=True)]
    result = margins(loss.with_chunk_size(chunk_size), params, normalised=normalised)
    np.testing.assert_allclose(result.margins, expected, atol=1e-5)
    assert result.value == pytest.approx(np.percentile(expected, 10), abs=1e-5)
    assert result.error == pytest.approx(np.mean(outputs.argmax(axis=1) != labels))
    assert result.num_passes == sum(result.num_evaluations.values()) == 3


def test_the_error_of_a_percentile_is_its_scatter_over_samples():
    random, model = np.random.default_rng(0), linear(2, 2)
    results = []
    for _ in range(100):
        outputs = np.stack([random.standard_normal(400), np.zeros(400)], axis=1)
        loss = DatasetLoss(model, {}, outputs, np.zeros(400, np.int32))
        results.append(margins(loss, np.eye(2), percentile=20))
    values, errors = np.array([(item.value, item.stderr) for item in results]).T
    assert np.mean(values) == pytest.approx(scipy.stats.norm.ppf(0.2), abs=0.02)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.2)


def test_scaling_the_outputs_doubles_margins_and_leaves_normalised_ones():
    loss, params = network()
    twice = {**params, "second": {name: 2 * leaf for name, leaf in params["second"].items()}}
    assert margins(loss, twice).value == pytest.approx(2 * margins(loss, params).value, rel=1e-5)
    plain, scaled = (margins(loss, weights, normalised=True).value for weights in (params, twice))
    assert plain == pytest.approx(scaled, rel=1e-5)


@pytest.mark.parametrize("percentile", [0, 100])
def test_percentiles_without_examples_on_both_sides_are_refused(percentile):
    with pytest.raises(ValueError, match="percentile: expected a number between 0 and 100"):
        margins(*network(), percentile=percentile)


def test_margins_need_labels():
    with pytest.raises(ValueError, match="expected a DatasetLoss"):
        margins(lambda w: jnp.sum(w), jnp.ones(3))
    regression = DatasetLoss(linear(2, 2), {}, np.ones((3, 2)), np.ones((3, 2)), example_loss="mse")
    with pytest.raises(ValueError, match="expected one integer label an example"):
        margins(regression, np.eye(2))
