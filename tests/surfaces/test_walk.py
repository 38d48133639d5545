"""Walks: against loops written out, against the closed form on a quadratic, and alone against in company."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basin.loss.precision import arithmetic
from basin.optim import SGD, Adadelta, AdaGrad, Adam, AdamW, Cosine, GradientDescent, RMSProp, build
from basin.spec.optimizer import Optimizer
from basin.surfaces import quadratic, surface, trajectories, trajectory

RULES: list[Optimizer] = [
    GradientDescent(learning_rate=1e-3),
    SGD(learning_rate=1e-3, momentum=0.9),
    SGD(learning_rate=1e-3, momentum=0.9, nesterov=True),
    AdaGrad(learning_rate=0.1),
    RMSProp(learning_rate=0.01),
    Adam(learning_rate=0.01),
    AdamW(learning_rate=0.01),
    Adadelta(),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_a_walk_is_the_loop_written_out(rule: Optimizer) -> None:
    """The oracle steps from the host, with no scan and no vmap."""
    beale = surface("beale")
    walk = trajectory(beale, [1.0, 1.0], rule, num_steps=20)
    with arithmetic("float64"):
        steps, point = build(rule, 20), jnp.array([1.0, 1.0])
        state, points = steps.init(point), [np.asarray(point)]
        for _ in range(20):
            update, state = steps.update(jax.grad(beale)(point), state, point)
            point = point + update
            points.append(np.asarray(point))
    np.testing.assert_allclose(walk.points, points, rtol=1e-10)
    np.testing.assert_allclose(walk.values, [beale(p) for p in points], rtol=1e-6)


def test_descent_on_a_quadratic_follows_the_closed_form_in_every_eigendirection() -> None:
    eigenvalues, angle, rate = np.array([1.0, 7.0]), 0.4, 0.2
    bowl = quadratic(eigenvalues.tolist(), rotation=angle, minimum=[0.5, -1.0])
    walk = trajectory(bowl, [2.0, 1.0], GradientDescent(learning_rate=rate), num_steps=30)
    vectors = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    alpha = (walk.points - [0.5, -1.0]) @ vectors
    expected = alpha[0] * (1 - rate * eigenvalues) ** np.arange(31)[:, None]
    np.testing.assert_allclose(alpha, expected, atol=1e-13)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_walk_alone_has_the_bits_of_the_same_walk_among_many_starts_and_rates(precision) -> None:
    """Of RMSProp, whose walks on Beale's function multiply a rounding by 4e11 within 200 steps."""
    rules = [RMSProp(learning_rate=rate) for rate in (0.003, 0.01, 0.03)]
    starts = np.random.default_rng(0).uniform(-4, 4, (13, 2))
    together = trajectories(surface("beale"), starts, rules, num_steps=200, precision=precision)
    alone = trajectory(surface("beale"), starts[11], rules[1], num_steps=200, precision=precision)
    np.testing.assert_array_equal(together[1].points[11], alone.points)
    assert together[1].points.shape == (13, 201, 2)
    assert together[1].points.dtype == precision
    assert together[1].optimizer == rules[1]


@pytest.mark.parametrize("dimension", [1, 3, 7])
def test_a_function_of_the_users_of_any_dimension_is_walked(dimension: int) -> None:
    """Of a bowl, whose every coordinate shrinks by 1 - rate; NumPy's norm is the oracle for the gradient's."""
    starts = np.random.default_rng(0).standard_normal((5, dimension))
    walk = trajectory(lambda p: jnp.sum(p**2) / 2, starts, GradientDescent(learning_rate=0.25), num_steps=9)
    expected = starts[:, None] * 0.75 ** np.arange(10)[None, :, None]
    np.testing.assert_allclose(walk.points, expected, rtol=1e-14)
    np.testing.assert_allclose(walk.gradient_norms, np.linalg.norm(expected, axis=-1), rtol=1e-14)


def test_single_precision_walks_the_same_way_to_seven_digits() -> None:
    double, single = (
        trajectory(surface("booth"), [2.0, -4.0], Adam(learning_rate=0.1), num_steps=50, precision=precision)
        for precision in ("float64", "float32")
    )
    np.testing.assert_allclose(single.points, double.points, rtol=1e-4)
    assert not np.array_equal(single.points, double.points)


@pytest.mark.parametrize("slope", [1e-170, 1e200])
def test_a_gradient_whose_square_is_no_number_has_a_norm(slope: float) -> None:
    walk = trajectory(lambda p: slope * (p[0] + p[1]), [0.0, 0.0], GradientDescent(learning_rate=1e-200), num_steps=1)
    np.testing.assert_allclose(walk.gradient_norms, slope * np.sqrt(2))
    assert not walk.diverged


def test_a_point_beyond_numbers_has_left_though_the_surface_is_level_there() -> None:
    """The surface saturates: value 0 and gradient finite at infinity, where the second step leads."""
    level = trajectory(lambda p: -jnp.minimum(p[0], 3.0), [1.0], SGD(learning_rate=1.7e308, momentum=0.99), num_steps=4)
    assert level.left_at == 2
    assert np.isnan(level.values[2:]).all()


def test_a_schedule_runs_over_the_steps_of_the_walk() -> None:
    walk = trajectory(lambda x: x[0], [0.0], GradientDescent(learning_rate=Cosine(initial=1.0)), num_steps=4)
    np.testing.assert_allclose(np.diff(walk.points[:, 0]), -(1 + np.cos(np.pi * np.arange(4) / 4)) / 2)


def test_a_walk_that_diverges_is_an_outcome_kept_up_to_where_it_left() -> None:
    steep = trajectory(surface("beale"), [[4.0, 4.0], [3.0, 0.5]], GradientDescent(learning_rate=1.0), num_steps=50)
    assert steep.diverged.tolist() == [True, False]
    left = int(steep.left_at[0])
    assert np.isfinite(steep.points[0, :left]).all()
    assert np.isnan(steep.points[0, left:]).all()
    assert np.isfinite(steep.points[1]).all()
    assert steep.left_at[1] == 51


def test_steps_to_a_target_are_counted_from_the_start() -> None:
    walk = trajectory(lambda x: x[0] ** 2 / 2, [[8.0], [1.0]], GradientDescent(learning_rate=0.5), num_steps=5)
    assert walk.steps_to(0.5).tolist() == [3, 0]
    assert walk.steps_to(-1.0).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": [1.0]}, "expected starts of 2 coordinates on the surface 'beale'"),
        ({"start": [9.0, 0.0]}, "the region of the surface 'beale', got .9.0, 0.0."),
        ({"start": [np.nan, 0.0]}, "expected starts between"),
        ({"start": []}, "expected a start .dimension,. or starts"),
        ({"optimizer": GradientDescent(learning_rate=0.0)}, "expected a positive learning rate for a walk, got 0"),
        ({"optimizer": Adam(learning_rate=Cosine(initial=0.0))}, "expected a positive learning rate for a walk, got 0"),
        ({"num_steps": 0}, "expected num_steps, a whole number of at least 1, got 0"),
        ({"num_steps": 2.5}, "expected num_steps, a whole number of at least 1, got 2.5"),
        ({"precision": "float16"}, "expected 'float32' or 'float64'"),
    ],
    ids=[
        "dimension",
        "outside",
        "not a number",
        "empty",
        "rate of 0",
        "schedule of 0",
        "no steps",
        "half a step",
        "precision",
    ],
)
def test_what_cannot_be_walked_is_refused(change: dict, message: str) -> None:
    asked = {"start": [1.0, 1.0], "optimizer": Adam(), "num_steps": 5, **change}
    with pytest.raises(ValueError, match=message):
        trajectory(surface("beale"), asked.pop("start"), asked.pop("optimizer"), **asked)


def test_a_function_that_returns_no_scalar_is_refused() -> None:
    with pytest.raises(ValueError, match=r"to return a scalar, got .*float64.*; sum it"):
        trajectory(lambda p: p**2, [1.0, 2.0], Adam(), num_steps=5)


def test_a_learning_rate_that_is_no_number_is_refused_by_the_specification() -> None:
    with pytest.raises(ValueError, match="finite"):
        Adam(learning_rate=float("nan"))
