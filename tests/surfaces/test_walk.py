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


def test_a_walk_is_the_same_alone_and_among_many_starts_and_rates() -> None:
    rules = [Adam(learning_rate=rate) for rate in (0.003, 0.01, 0.03)]
    starts = np.random.default_rng(0).uniform(-4, 4, (5, 2))
    together = trajectories(surface("himmelblau"), starts, rules, num_steps=50)
    alone = trajectory(surface("himmelblau"), starts[3], rules[1], num_steps=50)
    np.testing.assert_allclose(together[1].points[3], alone.points, rtol=1e-12)
    assert together[1].points.shape == (5, 51, 2)
    assert together[1].optimizer == rules[1]


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
        ({"num_steps": 0}, "expected num_steps of at least 1, got 0"),
        ({"precision": "float16"}, "expected 'float32' or 'float64'"),
    ],
    ids=["dimension", "outside", "not a number", "empty", "rate of 0", "no steps", "precision"],
)
def test_what_cannot_be_walked_is_refused(change: dict, message: str) -> None:
    asked = {"start": [1.0, 1.0], "optimizer": Adam(), "num_steps": 5, **change}
    with pytest.raises(ValueError, match=message):
        trajectory(surface("beale"), asked.pop("start"), asked.pop("optimizer"), **asked)


def test_a_learning_rate_that_is_no_number_is_refused_by_the_specification() -> None:
    with pytest.raises(ValueError, match="finite"):
        Adam(learning_rate=float("nan"))
