"""Slices of a network's loss: against the loss itself and its derivatives; and surfaces on grids."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from basin.loss import DatasetLoss
from basin.loss.precision import arithmetic
from basin.models import build
from basin.optim import GradientDescent
from basin.spec.model import MLP
from basin.surfaces import Surface, critical_points, loss_slice, on_grid, surface, trajectory

pytestmark = pytest.mark.usefixtures("compiled_cheaply")


@pytest.fixture(scope="module")
def network() -> tuple[DatasetLoss, Any]:
    """Return the loss of a small network over 30 examples, and weights for it."""
    random = np.random.default_rng(0)
    model = build(MLP(widths=(5,)), (4,), 3)
    params, state = model.init(jax.random.key(1))
    x, y = random.standard_normal((30, 4)), random.integers(0, 3, 30)
    return DatasetLoss(model, state, x, y, precision="float32", chunk_size=7), params


def directions_like(params: Any, count: int) -> list[Any]:
    random = np.random.default_rng(1)
    return [jax.tree.map(lambda leaf: random.standard_normal(leaf.shape), params) for _ in range(count)]


def moved(params: Any, directions: list[Any], point: np.ndarray) -> Any:
    """Return the weights at a point of the slice, by NumPy."""
    for step, direction in zip(point, directions, strict=True):
        params = jax.tree.map(lambda leaf, d, step=step: np.asarray(leaf, np.float64) + step * d, params, direction)
    return params


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_slice_is_the_loss_at_the_moved_weights_and_its_gradient_the_projected_one(network, count: int) -> None:
    loss, params = network
    directions = directions_like(params, count)
    plane = loss_slice(loss, params, directions, half_width=2.0)
    assert (plane.dimension, plane.upper) == (count, (2.0,) * count)
    with arithmetic("float64"):
        exact = loss.astype("float64")
        for point in np.random.default_rng(2).uniform(-2, 2, (4, count)):
            value, gradient = exact.value_and_grad(moved(params, directions, point))
            flat = np.asarray(ravel_pytree(gradient)[0])
            projected = [flat @ np.asarray(ravel_pytree(direction)[0]) for direction in directions]
            np.testing.assert_allclose(plane(point), value, rtol=1e-13)
            np.testing.assert_allclose(jax.grad(plane)(jnp.array(point)), projected, rtol=1e-10, atol=1e-13)


def test_the_arithmetic_is_that_of_the_walk(network) -> None:
    """The loss says float32; asked in float64 it moves by its rounding, and asked in float32 it is that very loss."""
    loss, params = network
    plane = loss_slice(loss, params)
    rule = GradientDescent(learning_rate=0.1)
    double, single = (trajectory(plane, [0.5, 0.5], rule, num_steps=1, precision=p) for p in ("float64", "float32"))
    assert (double.values.dtype, single.values.dtype) == (np.float64, np.float32)
    assert single.values[0] == plane(jnp.array([0.5, 0.5], jnp.float32))
    assert 0 < abs(double.values[0] - single.values[0]) < 1e-5


def test_a_walk_on_the_slice_is_projected_descent_in_weight_space(network) -> None:
    loss, params = network
    directions = [jax.tree.map(lambda leaf: leaf / 10, direction) for direction in directions_like(params, 2)]
    walk = trajectory(
        loss_slice(loss, params, directions), [0.3, -0.2], GradientDescent(learning_rate=0.5), num_steps=5
    )
    with arithmetic("float64"):
        columns = np.stack([np.asarray(ravel_pytree(d)[0]) for d in directions], axis=1)
        point = np.array([0.3, -0.2])
        for expected in walk.points:
            np.testing.assert_allclose(point, expected, rtol=1e-9)
            gradient = loss.astype("float64").value_and_grad(moved(params, directions, point))[1]
            point = point - 0.5 * columns.T @ np.asarray(ravel_pytree(gradient)[0])


def test_random_directions_are_orthonormal_and_follow_the_key() -> None:
    """Half the squared distance from the weights is half that of (a, b) along any orthonormal directions."""
    weights = {"kernel": np.arange(6.0).reshape(2, 3), "bias": np.ones(3), "steps": np.array(7)}

    def distance(params: Any) -> Any:
        assert params["steps"].dtype in (jnp.int32, jnp.int64)
        return sum(jnp.sum((params[name] - weights[name]) ** 2) / 2 for name in ("kernel", "bias"))

    def first(params: Any) -> Any:
        return params["kernel"][0, 0]

    point = np.array([0.6, -0.8])
    with arithmetic("float64"):
        assert float(loss_slice(distance, weights)(point)) == pytest.approx(0.5, rel=1e-13)
        keys = [jax.random.key(0), jax.random.key(1)]
        fixed, same, other = (loss_slice(first, weights, key=key)(point) for key in (None, *keys))
        assert fixed == same != other


def test_along_hessian_eigenvectors_the_slice_curves_by_the_eigenvalues() -> None:
    matrix = np.random.default_rng(0).standard_normal((6, 6))
    eigenvalues, vectors = np.linalg.eigh(matrix + matrix.T)

    def loss(params: Any) -> Any:
        return params["w"] @ jnp.asarray(matrix + matrix.T) @ params["w"] / 2

    top = loss_slice(loss, {"w": np.zeros(6)}, [{"w": vectors[:, -1]}, {"w": vectors[:, -2]}])
    with arithmetic("float64"):
        np.testing.assert_allclose(jax.hessian(top)(np.zeros(2)), np.diag(eigenvalues[[-1, -2]]), atol=1e-13)
    (found,) = critical_points(top, num_starts=10)
    np.testing.assert_allclose(found.eigenvalues, np.sort(eigenvalues[[-1, -2]]), atol=1e-12)


def test_a_slice_keeps_its_weights_when_the_users_change() -> None:
    weights = {"w": np.zeros(2)}
    plane = loss_slice(lambda p: jnp.sum(p["w"]), weights, [{"w": np.array([1.0, 0.0])}])
    weights["w"] += 5
    assert float(plane(np.zeros(1))) == 0


WEIGHTS = {"w": np.ones(3), "b": np.zeros(())}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"directions": [{"w": np.ones(3)}]}, "direction 0: expected a pytree like the weights"),
        ({"directions": [{"w": np.ones(2), "b": 0.0}]}, r"direction 0: expected leaves of shapes .* got .*\(2,\)"),
        ({"directions": [{"w": np.full(3, np.nan), "b": 0.0}]}, "direction 0: expected finite numbers"),
        ({"directions": [WEIGHTS, {"w": -2 * np.ones(3), "b": 0.0}]}, "expected 2 linearly independent directions"),
        ({"directions": [{"w": np.zeros(3), "b": 0.0}]}, "expected 1 linearly independent directions"),
        ({"directions": []}, "expected at least one direction, got none"),
        ({"directions": [WEIGHTS], "key": jax.random.key(0)}, "expected a key or directions, got both"),
        ({"half_width": 0.0}, "expected a positive half_width, got 0"),
        ({"params": {"w": np.ones(1), "n": np.array(3)}}, "expected at least 2 weights for two directions, got 1"),
    ],
)
def test_what_spans_no_slice_is_refused(asked: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loss_slice(lambda p: jnp.sum(p["w"]), **{"params": WEIGHTS, **asked})


@pytest.mark.parametrize("chunk_size", [1, 7, 4096])
def test_a_grid_is_the_surface_at_each_of_its_points(chunk_size: int) -> None:
    """Rows are the second coordinate, columns the first, as NumPy's meshgrid and contour figures have it."""
    grid = on_grid(surface("rosenbrock"), (5, 4), chunk_size=chunk_size)
    x, y = np.meshgrid(np.linspace(-2, 2, 5), np.linspace(-1, 3, 4))
    np.testing.assert_array_equal(grid.x, x[0])
    np.testing.assert_array_equal(grid.y, y[:, 0])
    np.testing.assert_allclose(grid.values, (1 - x) ** 2 + 100 * (y - x**2) ** 2, rtol=1e-14)


def test_a_grid_in_single_precision_keeps_what_is_no_number() -> None:
    holes = Surface("holes", lambda p: jnp.log(p[0]) + p[1], (-1.0, 0.0), (1.0, 1.0))
    values = on_grid(holes, (3, 2), precision="float32").values
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.array([[np.nan, -np.inf, 0.0], [np.nan, -np.inf, 1.0]], np.float32))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"surface": Surface("line", lambda p: p[0], (0.0,), (1.0,))},
            "expected a surface of 2 coordinates, got 'line'",
        ),
        ({"surface": Surface("pair", lambda p: p, (0.0,) * 2, (1.0,) * 2)}, "to return a scalar"),
        ({"resolution": 1}, "expected a resolution of at least 2"),
        ({"chunk_size": 0}, "a chunk_size of at least 1, got 200 and 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(asked: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        on_grid(**{"surface": surface("beale"), **asked})
