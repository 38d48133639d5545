"""Optimisers against closed forms on quadratics and constant gradients: algebra, no second implementation."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from basin.optim import SGD, Adadelta, AdaGrad, Adam, AdamW, Cosine, GradientDescent, RMSProp, Step, build


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def points(spec, gradient, start, steps, num_steps=None):
    """Return the start and the points after each update."""
    rule = build(spec, num_steps=num_steps)

    def step(carry, _):
        w, state = carry
        updates, state = rule.update(gradient(w), state, w)
        w = optax.apply_updates(w, updates)
        return (w, state), w

    w = jnp.asarray(start)
    (_, walked) = jax.jit(lambda: jax.lax.scan(step, (w, rule.init(w)), None, length=steps))()
    return np.concatenate([np.asarray(start)[None], np.asarray(walked)])


def constant_gradient(scale):
    return lambda w: jnp.full_like(w, scale)


def test_descent_shrinks_each_mode_by_one_minus_eta_lambda():
    eigenvalues, eta = np.array([-1.0, 0.0, 0.5, 3.0, 19.0]), 0.1
    walked = points(GradientDescent(learning_rate=eta), lambda w: eigenvalues * w, np.ones(5), 50)
    steps = np.arange(51)[:, None]
    np.testing.assert_allclose(walked, (1 - eta * eigenvalues) ** steps, rtol=1e-12)


@pytest.mark.parametrize("mu", [0.3, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_follows_powers_of_its_companion_matrix(mu, nesterov):
    """w(t+1) = (1 + mu - eta l) w(t) - mu w(t-1); Nesterov: (1 + mu)(1 - eta l) w(t) - mu (1 - eta l) w(t-1)."""
    eta, curvature = 0.2, 1.7
    shrink = 1 - eta * curvature
    matrix = np.array([[1 + mu - eta * curvature, -mu], [1, 0]])
    if nesterov:  # in the points theta; w, where the gradient is taken, is theta(t) + mu (theta(t) - theta(t-1))
        matrix = np.array([[(1 + mu) * shrink, -mu * shrink], [1, 0]])
    theta = np.array([np.linalg.matrix_power(matrix, t) @ [1.0, 1.0] for t in range(41)])
    expected = theta[:, 0] + (mu * (theta[:, 0] - theta[:, 1]) if nesterov else 0)
    spec = SGD(learning_rate=eta, momentum=mu, nesterov=nesterov)
    np.testing.assert_allclose(points(spec, lambda w: curvature * w, np.ones(1), 40)[:, 0], expected, atol=1e-13)


def test_the_two_steps_printed_in_the_book():
    walked = points(SGD(learning_rate=0.5, momentum=0.9), lambda w: w, np.ones(1), 2)[:, 0]
    np.testing.assert_allclose(walked, [1.0, 0.5, -0.2], rtol=1e-15)


@pytest.mark.parametrize(("form", "factor"), [("accumulated", 10.0), ("averaged", 1.0)])
def test_rate_under_a_constant_gradient(form, factor):
    """After t steps eta (1 - mu^t) / (1 - mu) accumulated, eta (1 - mu^t) averaged."""
    spec = SGD(learning_rate=0.01, momentum=0.9, momentum_form=form)
    steps = np.diff(points(spec, constant_gradient(3.0), np.zeros(1), 60)[:, 0])
    np.testing.assert_allclose(steps, -0.03 * factor * (1 - 0.9 ** np.arange(1, 61)), rtol=1e-9)


def test_rate_under_an_alternating_gradient():
    """The limit is eta / (1 + mu), 0.526 eta at mu = 0.9."""
    rule = build(SGD(learning_rate=1.0, momentum=0.9))
    state = rule.init(jnp.zeros(()))
    for t in range(400):
        update, state = rule.update(jnp.asarray((-1.0) ** t), state, jnp.zeros(()))
    assert float(abs(update)) == pytest.approx(1 / 1.9, rel=1e-12)


def test_the_rate_multiplies_the_whole_velocity():
    """Equation 9 of Goyal et al. 2017: after a drop by 10 the next step is a tenth at once (here 0.1 * 1.9)."""
    spec = SGD(learning_rate=Step(initial=1.0, factor=0.1, at=(0.5,)), momentum=0.9)
    steps = np.diff(points(spec, constant_gradient(1.0), np.zeros(1), 2, num_steps=2)[:, 0])
    np.testing.assert_allclose(steps, [-1.0, -0.19], rtol=1e-14)


@pytest.mark.parametrize("scale", [-1e6, 1e-3, 1.0, 1e6])
def test_first_adam_step_is_eta_for_any_scale(scale):
    walked = points(Adam(learning_rate=0.02), constant_gradient(scale), np.zeros(1), 1)
    assert walked[1, 0] == pytest.approx(-0.02 * np.sign(scale), rel=2e-5)  # epsilon / |g| at the smallest scale


@pytest.mark.parametrize(("t", "factor"), [(1, "10.000"), (10, "1.535"), (100, "1.00003")])
def test_adam_corrects_the_bias_by_the_printed_factors(t, factor):
    """A unit gradient at update t after t - 1 zeros has s = 0.1, and r^ = 1 with beta2 = 0: u is 0.1 / (1 - 0.9^t)."""
    rule = build(Adam(learning_rate=1.0, beta1=0.9, beta2=0.0, epsilon=1e-12))
    state = rule.init(jnp.zeros(()))
    for _ in range(t - 1):
        _, state = rule.update(jnp.zeros(()), state, jnp.zeros(()))
    update, _ = rule.update(jnp.ones(()), state, jnp.zeros(()))
    assert f"{-10 * float(update):.{len(factor.partition('.')[2])}f}" == factor


def test_adagrad_steps_as_one_over_root_t_under_a_constant_gradient():
    steps = np.diff(points(AdaGrad(learning_rate=0.1), constant_gradient(4.0), np.zeros(1), 100)[:, 0])
    np.testing.assert_allclose(steps, -0.1 / np.sqrt(np.arange(1, 101)), rtol=1e-8)


def test_rmsprop_tends_to_eta_under_a_constant_gradient():
    steps = np.diff(points(RMSProp(learning_rate=0.1), constant_gradient(4.0), np.zeros(1), 300)[:, 0])
    np.testing.assert_allclose(steps, -0.1 / np.sqrt(1 - 0.9 ** np.arange(1, 301)), rtol=1e-7)


def test_first_adadelta_step():
    """sqrt(epsilon) g / sqrt((1 - rho) g^2 + epsilon)."""
    walked = points(Adadelta(), constant_gradient(2.0), np.zeros(1), 1)
    assert walked[1, 0] == pytest.approx(-1e-3 * 2 / np.sqrt(0.05 * 4 + 1e-6), rel=1e-12)


DECOUPLED = {
    "descent": GradientDescent(learning_rate=0.1, weight_decay=0.3),
    "sgd": SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.3, decay="decoupled"),
    "adagrad": AdaGrad(learning_rate=0.1, weight_decay=0.3, decay="decoupled"),
    "rmsprop": RMSProp(learning_rate=0.1, weight_decay=0.3, decay="decoupled"),
    "adam": Adam(learning_rate=0.1, weight_decay=0.3, decay="decoupled"),
    "adamw": AdamW(learning_rate=0.1, weight_decay=0.3),
    "adadelta": Adadelta(learning_rate=0.1, weight_decay=0.3, decay="decoupled"),
}


@pytest.mark.parametrize("case", DECOUPLED)
def test_decoupled_decay_on_zero_gradients_is_geometric(case):
    walked = points(DECOUPLED[case], jnp.zeros_like, np.array([2.0, -1.0]), 30)
    np.testing.assert_allclose(walked, 0.97 ** np.arange(31)[:, None] * [2.0, -1.0], rtol=1e-12)


def test_coupled_decay_adds_to_every_eigenvalue():
    """(1 - eta (l + decay))^T for descent; Adam normalises the decay away: its first step is eta whatever the decay."""
    walked = points(GradientDescent(learning_rate=0.1, weight_decay=0.3), lambda w: 2.0 * w, np.ones(1), 20)
    np.testing.assert_allclose(walked[:, 0], (1 - 0.1 * 2.3) ** np.arange(21), rtol=1e-12)
    adam = points(Adam(learning_rate=0.1, weight_decay=0.3), jnp.zeros_like, np.array([2.0]), 1)
    assert adam[1, 0] == pytest.approx(1.9, rel=1e-6)


def test_decoupled_decay_follows_the_schedule():
    """w shrinks by 1 - eta(t / T) decay at each update."""
    spec = AdamW(learning_rate=Cosine(initial=0.1), weight_decay=0.5)
    walked = points(spec, jnp.zeros_like, np.ones(1), 10, num_steps=10)
    rates = 0.05 * (1 + np.cos(np.pi * np.arange(10) / 10))
    np.testing.assert_allclose(walked[-1, 0], np.prod(1 - rates * 0.5), rtol=1e-12)


@pytest.mark.parametrize(("norm", "expected"), [(0.5, 0.5), (5.0, 2.0), (0.0, 0.0)])
def test_clipping_bounds_the_global_norm_and_leaves_small_gradients_alone(norm, expected):
    direction = {"a": jnp.array([0.6, 0.0]), "b": jnp.array(0.8)}
    gradient = jax.tree.map(lambda g: norm * g, direction)
    rule = build(GradientDescent(learning_rate=1.0, clip_norm=2.0))
    updates, _ = rule.update(gradient, rule.init(direction), direction)
    for name, u in direction.items():
        np.testing.assert_allclose(updates[name], -expected * u, rtol=1e-14)


def test_a_gradient_that_is_not_a_number_is_not_hidden_by_clipping():
    rule = build(GradientDescent(learning_rate=1.0, clip_norm=2.0))
    updates, _ = rule.update(jnp.array([jnp.nan, 1.0]), rule.init(jnp.zeros(2)), jnp.zeros(2))
    assert bool(jnp.isnan(updates).all())
