"""Adaptive and SAM sharpness: closed forms on quadratics, brute force on the box, and what rescaling may not change.

On a quadratic at its minimum the worst case on a ball is an eigenvalue of c H c and the average a trace, both from
NumPy; the worst case on a box is at one of its vertices, all of which are tried. A ReLU network whose layers are
rescaled by alpha and 1 / alpha (Dinh et al. 2017) computes the same function, so a measure of it may not move.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measure_cases import INPUTS, network, positive_matrix, quadratic

from basin.loss import DatasetLoss
from basin.measure import NotConvergedWarning, adaptive_sharpness, keskar_sharpness, sam_sharpness
from basin.measure.keys import fold
from basin.models.model import Model

HESSIAN = positive_matrix(6, 0)
POINT = np.array([0.5, -2.0, 1.0, 0.1, -0.7, 3.0])


def at_minimum(point):
    return quadratic(HESSIAN, minimum=point), point


def scales(adaptive, eta=0.0):
    return np.abs(POINT) + eta if adaptive else np.ones(6)


@pytest.mark.parametrize(("adaptive", "eta"), [(False, 0.0), (True, 0.0), (True, 0.3)])
def test_the_worst_on_a_ball_is_an_eigenvalue(adaptive, eta):
    c = scales(adaptive, eta)
    result = adaptive_sharpness(*at_minimum(POINT), rho=0.2, adaptive=adaptive, eta=eta)
    top = np.linalg.eigvalsh(c[:, None] * HESSIAN * c)[-1]
    assert result.value == pytest.approx(0.2**2 / 2 * top, rel=5e-3)
    assert result.value <= 0.2**2 / 2 * top * (1 + 1e-12)
    assert result.stderr is None
    assert result.converged


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_worst_on_a_box_is_at_the_best_of_all_vertices(adaptive):
    result = adaptive_sharpness(*at_minimum(POINT), rho=0.1, p=math.inf, adaptive=adaptive, num_starts=12)
    steps = 0.1 * scales(adaptive) * np.array(list(itertools.product([-1, 1], repeat=6)))
    assert result.value == pytest.approx(np.max(np.einsum("vi,ij,vj->v", steps, HESSIAN, steps)) / 2, rel=1e-9)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize(("p", "variance"), [(2, 1.0), (math.inf, 1 / 3)])
def test_the_average_is_a_trace(adaptive, p, variance):
    result = adaptive_sharpness(*at_minimum(POINT), rho=0.3, mode="average", p=p, adaptive=adaptive, num_samples=600)
    exact = 0.3**2 / 2 * variance * np.sum(scales(adaptive) ** 2 * np.diag(HESSIAN))
    assert abs(result.value - exact) < 3 * result.stderr
    assert result.stderr < 0.08 * exact
    assert len(result.samples) == 600


def test_opposite_draws_cancel_a_slope():
    result = adaptive_sharpness(lambda w: 5 * jnp.sum(w), POINT, mode="average")
    assert result.value == pytest.approx(0, abs=1e-12)
    assert result.stderr == pytest.approx(0, abs=1e-12)


def test_the_worst_along_a_slope_is_its_dual_norm():
    slope = np.array([1.0, -2.0, 2.0])
    for p, expected in ((2, 3.0), (math.inf, 5.0)):
        result = adaptive_sharpness(lambda w: w @ slope, np.ones(3), rho=0.1, p=p, adaptive=False)
        assert result.value == pytest.approx(0.1 * expected, rel=1e-9)


def relu_network():
    def apply(params, state, x, *, mode, key=None):
        hidden = jax.nn.relu(x @ params["first"]["w"] + params["first"]["b"])
        return hidden @ params["second"]["w"] + params["second"]["b"], state

    loss, params = network()
    model = Model("relu", None, apply, (INPUTS,), 3)
    return DatasetLoss(model, {}, loss.x, loss.y), jax.tree.map(np.asarray, params)


def rescaled(params, alpha):
    first, second = params["first"], params["second"]
    return {
        "first": {"w": alpha * first["w"], "b": alpha * first["b"]},
        "second": {"w": second["w"] / alpha, "b": second["b"]},
    }


@pytest.mark.parametrize("mode", ["worst", "average"])
@pytest.mark.parametrize("p", [2, math.inf])
def test_adaptive_axes_do_not_see_a_rescaling_that_leaves_the_function(mode, p):
    loss, params = relu_network()
    options = {"mode": mode, "p": p, "rho": 0.05 if p == 2 else 0.005, "num_samples": 4}
    values = [adaptive_sharpness(loss, rescaled(params, alpha), **options).value for alpha in (1, 8)]
    assert values[0] == pytest.approx(values[1], rel=1e-9)
    fixed = [adaptive_sharpness(loss, rescaled(params, alpha), adaptive=False, **options).value for alpha in (1, 8)]
    assert fixed[1] > 1.5 * fixed[0] > 0
    shifted = [adaptive_sharpness(loss, rescaled(params, alpha), eta=0.5, **options).value for alpha in (1, 8)]
    assert shifted[0] != pytest.approx(shifted[1], rel=1e-2)


def test_keskars_sharpness_sees_it():
    loss, params = relu_network()
    before, after = (keskar_sharpness(loss, rescaled(params, alpha)).value for alpha in (1, 8))
    assert after > 1.2 * before


def test_a_step_of_asam_does_not_see_it_and_one_of_sam_does():
    loss, params = relu_network()
    for adaptive in (True, False):
        before, after = (sam_sharpness(loss, rescaled(params, alpha), adaptive=adaptive).value for alpha in (1, 8))
        assert (after == pytest.approx(before, rel=1e-9)) == adaptive


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_step_on_a_quadratic_is_in_closed_form(adaptive):
    loss = quadratic(HESSIAN)
    gradient, t = HESSIAN @ POINT, scales(adaptive)
    step = 0.2 * t**2 * gradient / np.linalg.norm(t * gradient)
    result = sam_sharpness(loss, POINT, rho=0.2, adaptive=adaptive)
    assert result.value == pytest.approx(gradient @ step + step @ HESSIAN @ step / 2, rel=1e-10)
    assert result.gradient_norm == pytest.approx(np.linalg.norm(t * gradient), rel=1e-10)
    assert result.num_evaluations == {"gradients_float64": 1, "values_float64": 3}


def test_at_a_minimum_a_step_goes_nowhere_and_the_worst_case_does():
    assert sam_sharpness(*at_minimum(POINT)).value == 0
    assert adaptive_sharpness(*at_minimum(POINT)).value > 1e-4


def test_a_step_is_never_above_the_worst_case():
    loss, params = network()
    step = sam_sharpness(loss, params, rho=0.1).value
    assert 0 < step <= adaptive_sharpness(loss, params, rho=0.1, adaptive=False).value


@pytest.mark.parametrize("measure", [adaptive_sharpness, sam_sharpness])
def test_batches_are_disjoint_and_averaged(measure):
    """A smaller batch has a worst case of its own; the mean over batches is above that of the whole."""
    loss, params = network()
    whole, parts = measure(loss, params, rho=0.1), measure(loss, params, rho=0.1, batch_size=20)
    assert len(parts.samples) == 3
    assert parts.value == pytest.approx(np.mean(parts.samples))
    assert parts.stderr == pytest.approx(np.std(parts.samples, ddof=1) / np.sqrt(3))
    assert parts.value > whole.value > 0
    assert "batches of 20" in parts.definition
    assert parts.num_passes == sum(parts.num_evaluations.values())
    assert measure(loss, params, rho=0.1, batch_size=60).value == pytest.approx(whole.value, rel=1e-9)


def test_batches_are_the_mean_of_their_own_losses():
    """SAM's step written with `jax.grad` of the mean over each batch's examples."""
    loss, params = network()
    parts = sam_sharpness(loss, params, rho=0.1, batch_size=30)
    order = np.asarray(jax.random.permutation(fold(jax.random.key(0), "batches"), 60))
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params)
        for batch, rise in zip(order.reshape(2, 30), parts.samples, strict=True):
            own = DatasetLoss(loss.model, {}, np.asarray(loss.x)[batch], np.asarray(loss.y)[batch], precision="float64")
            value, gradient = own.value_and_grad(wide)
            norm = np.sqrt(sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(gradient)))
            ahead = own.value(jax.tree.map(lambda w, g, n=norm: w + 0.1 * g / n, wide, gradient))
            assert rise == pytest.approx(float(ahead - value), rel=1e-9)


def test_float32_serves_where_the_rise_is_large():
    values = [adaptive_sharpness(*network(), rho=0.5, precision=p).value for p in ("float32", "float64")]
    assert values[0] == pytest.approx(values[1], rel=1e-2)


def test_a_climb_cut_short_is_said_to_be():
    hessian = np.array([1.0, 0.99, 0.98, 0.97])
    with pytest.warns(NotConvergedWarning, match="raise max_steps"):
        result = adaptive_sharpness(lambda w: jnp.sum(jnp.sin(9 * w)) + quadratic(hessian)(w), np.ones(4), max_steps=1)
    assert not result.converged


@pytest.mark.parametrize(
    ("measure", "options", "message"),
    [
        (adaptive_sharpness, {"mode": "best"}, "mode: expected one of worst, average"),
        (adaptive_sharpness, {"rho": 0.0}, "rho: expected a finite radius above 0"),
        (sam_sharpness, {"rho": math.nan}, "rho: expected a finite radius above 0"),
        (adaptive_sharpness, {"p": 1}, "p: expected 2 or math.inf"),
        (sam_sharpness, {"eta": 0.1}, "eta: expected 0 without adaptive=True"),
        (adaptive_sharpness, {"eta": -1.0}, "eta: expected a finite number of at least 0"),
        (adaptive_sharpness, {"mode": "average", "batch_size": 3}, "batch_size: expected none for the average"),
        (sam_sharpness, {"batch_size": 3}, "expected none with a callable"),
        (adaptive_sharpness, {"num_starts": 1}, "num_starts: expected at least 2"),
        (adaptive_sharpness, {"num_samples": 1}, "num_samples: expected at least 2"),
        (adaptive_sharpness, {"max_steps": 0}, "max_steps: expected at least 1"),
    ],
)
def test_mistakes_are_named(measure, options, message):
    with pytest.raises(ValueError, match=message):
        measure(lambda w: jnp.sum(w**2), jnp.ones(5), **options)


@pytest.mark.parametrize("size", [0, 61])
def test_batches_that_do_not_exist_are_refused(size):
    with pytest.raises(ValueError, match="batch_size: expected at"):
        sam_sharpness(*network(), batch_size=size)


def test_a_loss_that_is_not_finite_nearby_is_refused():
    with pytest.raises(ValueError, match="finite loss within l2 radius 2, got inf; lower rho"):
        sam_sharpness(lambda w: jnp.sum(1 / jnp.maximum(1 - w, 0)), jnp.zeros(1), rho=2)
