"""Every rule walked for 200 steps in float64 against its published update rule, in NumPy from the equation named.

The oracles share nothing with the code under test: NumPy instead of JAX, loops instead of transformations, gradients
differentiated by hand instead of automatically. The problems are a rotated ravine (condition number 100), where
steps oscillate, and Beale's function, which is not convex.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from basin.optim import SGD, Adadelta, AdaGrad, Adam, AdamW, GradientDescent, RMSProp, build

STEPS = 200
ROTATION = np.array([[0.8, -0.6], [0.6, 0.8]])
HESSIAN = ROTATION @ np.diag([1.0, 100.0]) @ ROTATION.T


def ravine(w):
    return 0.5 * w @ jnp.asarray(HESSIAN) @ w


def ravine_gradient(w):
    return HESSIAN @ w


def beale(w):
    x, y = w
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def beale_gradient(w):
    x, y = w
    residuals = np.array([1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3])
    by_x = np.array([y - 1, y**2 - 1, y**3 - 1])
    by_y = np.array([x, 2 * x * y, 3 * x * y**2])
    return 2 * np.array([residuals @ by_x, residuals @ by_y])


PROBLEMS = {
    "ravine": (ravine, ravine_gradient, np.array([-1.3, 0.9])),
    "beale": (beale, beale_gradient, np.array([1.2, 0.7])),
}


def descent(gradient, w, eta):
    """Bishop & Bishop (7.16)."""
    while True:
        w = w - eta * gradient(w)
        yield w


def heavy_ball(gradient, w, eta, mu):
    """Slide 26: dw = -eta g + mu dw_previous."""
    dw = np.zeros(2)
    while True:
        dw = -eta * gradient(w) + mu * dw
        w = w + dw
        yield w


def averaged_momentum(gradient, w, alpha, beta):
    """Document 003: V = beta V + (1 - beta) g, W = W - alpha V."""
    v = np.zeros(2)
    while True:
        v = beta * v + (1 - beta) * gradient(w)
        w = w - alpha * v
        yield w


def sutskever_nesterov(gradient, theta, eta, mu):
    """Sutskever et al. 2013, (3) and (4), shown at the look-ahead points theta + mu v where the gradient is taken."""
    v = np.zeros(2)
    while True:
        v = mu * v - eta * gradient(theta + mu * v)
        theta = theta + v
        yield theta + mu * v


def adagrad(gradient, w, eta, delta):
    """Bishop & Bishop (7.25): r(0) = 0, delta outside the root."""
    r = np.zeros(2)
    while True:
        g = gradient(w)
        r = r + g**2
        w = w - eta / (np.sqrt(r) + delta) * g
        yield w


def rmsprop(gradient, w, eta, beta, delta):
    """Bishop & Bishop (7.27), (7.28)."""
    r = np.zeros(2)
    while True:
        g = gradient(w)
        r = beta * r + (1 - beta) * g**2
        w = w - eta / (np.sqrt(r) + delta) * g
        yield w


def adam(gradient, w, eta, beta1, beta2, epsilon, decay=0.0):
    """Kingma & Ba 2015, algorithm 1; with `decay`, algorithm 2 of Loshchilov & Hutter 2019 with alpha on both terms."""
    m, v, t = np.zeros(2), np.zeros(2), 0
    while True:
        t, g = t + 1, gradient(w)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        step = (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        w = w - eta * (step + decay * w)
        yield w


def uncorrected_adam(gradient, w, eta, beta1, beta2, epsilon):
    """Document 003's Adam before its cold start is mended: algorithm 1 without its two divisions."""
    m, v = np.zeros(2), np.zeros(2)
    while True:
        g = gradient(w)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - eta * m / (np.sqrt(v) + epsilon)
        yield w


def adadelta(gradient, x, rho, epsilon):
    """Zeiler 2012, algorithm 1."""
    squares, steps = np.zeros(2), np.zeros(2)
    while True:
        g = gradient(x)
        squares = rho * squares + (1 - rho) * g**2
        dx = -np.sqrt(steps + epsilon) / np.sqrt(squares + epsilon) * g
        steps = rho * steps + (1 - rho) * dx**2
        x = x + dx
        yield x


def decayed(strength):
    """Gradient of the loss plus strength/2 ||w||^2."""
    return lambda gradient: lambda w: gradient(w) + strength * w


def clipped(bound):
    """Pascanu et al. 2013, algorithm 1."""

    def wrap(gradient):
        def inner(w):
            g = gradient(w)
            norm = np.linalg.norm(g)
            return g * bound / norm if norm >= bound else g

        return inner

    return wrap


def unchanged(gradient):
    return gradient


CASES = {
    "descent": (GradientDescent(learning_rate=0.004), unchanged, descent, (0.004,)),
    "sgd": (SGD(learning_rate=0.004), unchanged, descent, (0.004,)),
    "heavy ball": (SGD(learning_rate=0.002, momentum=0.9), unchanged, heavy_ball, (0.002, 0.9)),
    "nesterov": (SGD(learning_rate=0.002, momentum=0.9, nesterov=True), unchanged, sutskever_nesterov, (0.002, 0.9)),
    "averaged": (
        SGD(learning_rate=0.02, momentum=0.9, momentum_form="averaged"),
        unchanged,
        averaged_momentum,
        (0.02, 0.9),
    ),
    "averaged nesterov": (
        SGD(learning_rate=0.02, momentum=0.9, momentum_form="averaged", nesterov=True),
        unchanged,
        sutskever_nesterov,
        (0.002, 0.9),
    ),
    "adagrad": (AdaGrad(learning_rate=0.1), unchanged, adagrad, (0.1, 1e-8)),
    "adagrad, large delta": (AdaGrad(learning_rate=0.1, epsilon=0.3), unchanged, adagrad, (0.1, 0.3)),
    # at a rate of 0.01 this walk reaches the valley's floor and becomes chaotic: it amplifies rounding 4e11 times
    "rmsprop": (RMSProp(learning_rate=0.005), unchanged, rmsprop, (0.005, 0.9, 1e-8)),
    "rmsprop, large delta": (
        RMSProp(learning_rate=0.01, beta=0.99, epsilon=0.3),
        unchanged,
        rmsprop,
        (0.01, 0.99, 0.3),
    ),
    "adam": (Adam(learning_rate=0.01), unchanged, adam, (0.01, 0.9, 0.999, 1e-8)),
    "adam of the book": (
        Adam(learning_rate=0.01, beta2=0.99, epsilon=0.3),
        unchanged,
        adam,
        (0.01, 0.9, 0.99, 0.3),
    ),
    "adam, uncorrected": (
        Adam(learning_rate=0.01, bias_correction=False),
        unchanged,
        uncorrected_adam,
        (0.01, 0.9, 0.999, 1e-8),
    ),
    "adadelta": (Adadelta(), unchanged, adadelta, (0.95, 1e-6)),
    "adamw": (AdamW(learning_rate=0.01, weight_decay=0.1), unchanged, adam, (0.01, 0.9, 0.999, 1e-8, 0.1)),
    "adam, decoupled": (
        Adam(learning_rate=0.01, weight_decay=0.1, decay="decoupled"),
        unchanged,
        adam,
        (0.01, 0.9, 0.999, 1e-8, 0.1),
    ),
    "adam, coupled": (
        Adam(learning_rate=0.01, weight_decay=0.1),
        decayed(0.1),
        adam,
        (0.01, 0.9, 0.999, 1e-8),
    ),
    "heavy ball, coupled": (
        SGD(learning_rate=0.002, momentum=0.9, weight_decay=0.1),
        decayed(0.1),
        heavy_ball,
        (0.002, 0.9),
    ),
    "descent, clipped": (GradientDescent(learning_rate=0.01, clip_norm=0.7), clipped(0.7), descent, (0.01,)),
    "adam, clipped": (Adam(learning_rate=0.01, clip_norm=0.7), clipped(0.7), adam, (0.01, 0.9, 0.999, 1e-8)),
    "clipped, then decayed": (
        GradientDescent(learning_rate=0.01, clip_norm=0.7, weight_decay=0.5),
        lambda gradient: decayed(0.5)(clipped(0.7)(gradient)),
        descent,
        (0.01,),
    ),
}


def walk(rule, function, start, steps=STEPS):
    """Return the points after each of `steps` updates, walked in one compiled loop."""

    def step(carry, _):
        w, state = carry
        updates, state = rule.update(jax.grad(function)(w), state, w)
        w = optax.apply_updates(w, updates)
        return (w, state), w

    w = jnp.asarray(start)
    return np.asarray(jax.jit(lambda: jax.lax.scan(step, (w, rule.init(w)), None, length=steps)[1])())


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("case", CASES)
def test_rule_walks_as_published(case, problem):
    spec, modify, rule, numbers = CASES[case]
    function, gradient, start = PROBLEMS[problem]
    expected = [w for w, _ in zip(rule(modify(gradient), start, *numbers), range(STEPS), strict=False)]
    with jax.enable_x64(True):
        points = walk(build(spec), function, start)
    # rounding grows along a walk: 1e-16 a step, times the amplification of the least stable direction
    np.testing.assert_allclose(points, expected, rtol=1e-9, atol=1e-11)
    assert np.abs(points[-1] - start).max() > 1e-2  # two rules that stay agree on anything


def test_every_rule_has_a_case():
    from basin.optim.registry import RULES

    assert {type(spec) for spec, *_ in CASES.values()} == set(RULES)


def test_beale_gradient_agrees_with_differences():
    w, h = np.array([1.2, 0.7]), 1e-6
    differences = [(beale(w + h * e) - beale(w - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(beale_gradient(w), differences, rtol=1e-7)
