"""Keskar's sharpness against closed forms, bounds, brute force, and the paper's own search run by hand.

Oracles: the box maximum of a quadratic is known in closed form where the Hessian is diagonal, along one direction, and
by trying every vertex; two inequalities hold for any positive Hessian; off a minimiser the limit is the 1-norm of the
scaled gradient. None of them uses Basin's search.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from measure_cases import linear, network, positive_matrix, quadratic

from basin.loss import DatasetLoss
from basin.measure import NotConvergedWarning, keskar_sharpness
from basin.measure.box import Box, Directions
from basin.measure.keys import fold

EPSILONS = [1e-3, 5e-4]


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("size", [3, 50])
@pytest.mark.parametrize("offset", [0.0, 0.7])
def test_a_diagonal_quadratic_gives_the_weighted_trace(epsilon, size, offset):
    random = np.random.default_rng(size)
    diagonal, x = random.uniform(0, 5, size), random.standard_normal(size)
    result = keskar_sharpness(quadratic(diagonal, x, offset), x, epsilon=epsilon)
    expected = 100 * epsilon**2 / 2 * np.sum(diagonal * (np.abs(x) + 1) ** 2) / (1 + offset)
    np.testing.assert_allclose([result.value, result.per_finalist.min()], expected, rtol=1e-9)
    assert result.wall_share == 1


def test_off_a_minimiser_the_limit_is_of_first_order():
    loss, params = network()
    _, gradient = loss.astype("float64").value_and_grad(params)
    pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(params), strict=True)
    slope = sum(np.sum(np.abs(np.asarray(g)) * (np.abs(np.asarray(x, np.float64)) + 1)) for g, x in pairs)
    result = keskar_sharpness(loss, params, epsilon=1e-8)
    np.testing.assert_allclose(result.value, 100 * 1e-8 * slope / (1 + result.loss), rtol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_along_one_direction_it_is_the_rayleigh_quotient(seed):
    hessian, x = positive_matrix(30, seed), np.random.default_rng(seed).standard_normal(30)
    result = keskar_sharpness(quadratic(hessian, x), x, subspace_dim=1, key=seed)
    a = Directions.draw(fold(jax.random.key(seed), "subspace"), 30, 1).matrix.astype(np.float64)[:, 0]
    half = 1e-3 * (abs(np.linalg.lstsq(a[:, None], x)[0][0]) + 1)
    np.testing.assert_allclose(result.value, 100 * half**2 / 2 * (a @ hessian @ a), rtol=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_it_lies_between_the_bounds_by_the_top_eigenvalue(seed):
    hessian, x = positive_matrix(60, seed, rank=60 if seed % 2 else 4), np.random.default_rng(seed).standard_normal(60)
    eigenvalues, vectors = np.linalg.eigh(hessian)
    result = keskar_sharpness(quadratic(hessian, x), x)
    scaled = result.value / (100 * 1e-3**2) * 2 / eigenvalues[-1]
    assert np.min((np.abs(x) + 1) / np.abs(vectors[:, -1])) ** 2 <= scaled * (1 + 1e-9)
    assert scaled <= np.sum((np.abs(x) + 1) ** 2) * (1 + 1e-9)


def every_vertex(hessian, x):
    """Return the sharpness at each vertex of the box of a quadratic at its minimum, by the signs of the vertex."""
    half = 1e-3 * (np.abs(x) + 1)
    signs = np.array(list(itertools.product([-1, 1], repeat=len(x))))
    return {tuple(s): 100 / 2 * (s * half) @ hessian @ (s * half) for s in signs}


@pytest.mark.parametrize(("size", "seed"), [*itertools.product([2, 4, 8], range(3)), (11, 0), (11, 1)])
def test_it_is_never_above_brute_force_and_no_flip_improves_it(size, seed):
    hessian, x = positive_matrix(size, seed), np.random.default_rng(seed).standard_normal(size)
    values = every_vertex(hessian, x)
    value = keskar_sharpness(quadratic(hessian, x), x, key=seed).value
    assert value <= max(values.values()) * (1 + 1e-9)
    vertex = min(values, key=lambda s: abs(values[s] - value))
    np.testing.assert_allclose(values[vertex], value, rtol=1e-9)
    for i in range(size):
        flipped = tuple(-s if j == i else s for j, s in enumerate(vertex))
        assert values[flipped] <= value * (1 + 1e-9)


@pytest.mark.parametrize(("size", "seed"), list(itertools.product([2, 4, 8], range(5))))
def test_twenty_starts_find_the_best_vertex_in_few_dimensions(size, seed):
    hessian, x = positive_matrix(size, seed + 10), np.random.default_rng(seed).standard_normal(size)
    result = keskar_sharpness(quadratic(hessian, x), x, num_starts=20, num_finalists=20, max_finalists=20)
    np.testing.assert_allclose(result.value, max(every_vertex(hessian, x).values()), rtol=1e-9)


@pytest.mark.parametrize("percent", [1e-2, 1e-4, 1e-6])
def test_it_is_right_where_float32_would_show_nothing(percent):
    x = np.linspace(-1, 1, 40).astype(np.float32)
    shape = np.linspace(1, 2, 40)
    scale = percent / (100 * 1e-3**2 / 2 * np.sum(shape * (np.abs(x.astype(np.float64)) + 1) ** 2) / 2)
    loss = quadratic(scale * shape, x.astype(np.float64), offset=1.0)
    np.testing.assert_allclose(keskar_sharpness(loss, jnp.asarray(x)).value, percent, rtol=1e-2)


def test_float32_throughout_shows_why():
    x = jnp.linspace(-1, 1, 40)
    loss = quadratic(np.full(40, 1e-4), np.asarray(x, np.float64), offset=1.0)
    exact = keskar_sharpness(loss, x).value
    assert abs(keskar_sharpness(loss, x, precision="float32").value - exact) > 0.1 * exact


@pytest.mark.parametrize("subspace_dim", [None, 40])
def test_a_cheap_search_finds_what_a_float64_search_finds(subspace_dim):
    cheap = keskar_sharpness(*network(), precision="mixed", subspace_dim=subspace_dim)
    exact = keskar_sharpness(*network(), subspace_dim=subspace_dim)
    np.testing.assert_allclose(cheap.value, exact.value, rtol=1e-3)
    assert cheap.paper_value == exact.paper_value
    assert cheap.precision == "float64"
    assert cheap.num_evaluations["gradients_float64"] < cheap.num_evaluations["gradients_float32"]


def saturated():
    """Return a linear classifier that is right on every example with near-zero loss, and its weights."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 40).astype(np.int32)
    x = (random.standard_normal((40, 50)) * 0.3 + np.where(y == 1, 1.0, -1.0)[:, None]).astype(np.float32)
    w = np.stack([np.full(50, -0.1), np.full(50, 0.1)], axis=1).astype(np.float32)
    return DatasetLoss(linear(50, 2), {}, x, y), jnp.asarray(w)


def test_a_minimum_of_nearly_no_loss_has_a_sharpness_all_the_same():
    result = keskar_sharpness(*saturated())
    assert result.loss < 1e-3
    assert result.value >= result.paper_value > 0
    first_order = keskar_sharpness(*saturated(), epsilon=1e-6).value / 1e-6
    assert result.value / 1e-3 >= first_order  # the loss is convex


@pytest.mark.parametrize("subspace_dim", [None, 20])
def test_the_best_found_is_no_less_than_the_papers(subspace_dim):
    for seed in range(2):
        result = keskar_sharpness(*network(seed=seed), subspace_dim=subspace_dim, key=seed)
        assert result.value >= result.paper_value > 0
        assert result.value == result.per_finalist.max()


def test_the_papers_value_is_ten_iterations_of_lbfgsb_run_by_hand():
    hessian, x = positive_matrix(60, 1, rank=3), np.random.default_rng(1).standard_normal(60)
    half = 1e-3 * (np.abs(x) + 1)
    u = jax.random.uniform(fold(jax.random.key(0), "start", 0), (60,), jnp.float32, -1, 1)
    by_hand = scipy.optimize.minimize(
        lambda y: (-0.5 * y @ hessian @ y, -hessian @ y),
        np.asarray(u, np.float64) * half,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(-half, half, strict=True)),
        options={"maxiter": 10, "maxcor": 10, "ftol": 0, "gtol": 0, "maxls": 20},
    )
    result = keskar_sharpness(quadratic(hessian, x), x)
    np.testing.assert_allclose(result.paper_value, -100 * by_hand.fun, rtol=1e-6)
    assert result.paper_iterations == by_hand.nit <= 10
    assert result.settings["lbfgs"]["maxiter"] == 10


def test_an_abnormal_line_search_is_no_result():
    @jax.custom_vjp
    def loss(w):
        return jnp.sum(w**2)

    loss.defvjp(lambda w: (loss(w), w), lambda w, g: (-2 * g * w,))  # the gradient points the wrong way
    result = keskar_sharpness(loss, jnp.ones(40))
    assert result.paper_value is None
    assert result.paper_start is None


def test_a_maximum_inside_the_box_is_found_too():
    x = np.random.default_rng(0).standard_normal(40)
    top = x + 0.4e-3 * (np.abs(x) + 1)
    result = keskar_sharpness(quadratic(np.full(40, -2.0), top, offset=1.0), x)
    loss = 1 - np.sum((x - top) ** 2)
    np.testing.assert_allclose(result.value, 100 * (1 - loss) / (1 + loss), rtol=0.05)
    assert result.wall_share < 0.1


def test_a_larger_box_holds_no_less():
    assert keskar_sharpness(*network(), epsilon=1e-3).value >= keskar_sharpness(*network(), epsilon=5e-4).value


def test_subspaces_are_drawn_by_the_key():
    values = [keskar_sharpness(*network(), subspace_dim=10, key=seed).value for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_a_search_cut_short_says_so():
    x = np.random.default_rng(0).standard_normal(40)
    loss = quadratic(np.full(40, -2.0), x + 0.7e-3 * (np.abs(x) + 1), offset=1.0)
    ridge = quadratic(positive_matrix(200, 0, rank=3), 0.0)
    with pytest.warns(NotConvergedWarning, match="raise num_starts, max_finalists or max_ascent_steps"):
        assert not keskar_sharpness(ridge, jnp.zeros(200), max_ascent_steps=1).converged
    assert keskar_sharpness(loss, x).converged


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": 0.0}, "epsilon: expected a positive number"),
        ({"epsilon": float("nan")}, "epsilon: expected a positive number"),
        ({"subspace_dim": 0}, "subspace_dim: expected from 1 to 5"),
        ({"subspace_dim": 6}, "subspace_dim: expected from 1 to 5"),
        ({"num_starts": 2}, "at least 3 random starts"),
        ({"num_finalists": 1}, "2 <= num_finalists"),
        ({"num_finalists": 5, "max_finalists": 4}, "num_finalists <= max_finalists"),
        ({"max_ascent_steps": 0}, "max_ascent_steps: expected at least 1"),
        ({"precision": "float16"}, "float64, mixed, float32, got 'float16'"),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        keskar_sharpness(lambda w: jnp.sum(w**2), jnp.ones(5), **options)


def test_a_loss_that_leaves_the_metric_undefined_is_refused():
    with pytest.raises(ValueError, match="above -1, got -2"):
        keskar_sharpness(lambda w: jnp.sum(w**2) - 2, jnp.zeros(3))
    with pytest.raises(ValueError, match="finite loss within the box"):
        keskar_sharpness(lambda w: jnp.sum(-jnp.log(1.0005 - w)), jnp.ones(3))


@pytest.mark.parametrize(("size", "dimension"), [(200, 5), (12, 8), (7, 7)])
def test_the_pseudo_inverse_is_that_of_least_squares(size, dimension):
    directions = Directions.draw(jax.random.key(0), size, dimension)
    x = np.random.default_rng(0).standard_normal(size)
    expected = np.linalg.lstsq(directions.matrix.astype(np.float64), x)[0]
    np.testing.assert_allclose(directions.pseudo_inverse(x), expected, rtol=1e-9, atol=1e-12)


def test_blocks_of_rows_are_the_matrix(monkeypatch):
    monkeypatch.setattr("basin.measure.box._BLOCK", 16)
    directions = Directions.draw(jax.random.key(0), 50, 4).widened
    random = np.random.default_rng(0)
    x, y = random.standard_normal(50), random.standard_normal(4)
    np.testing.assert_allclose(directions.forward(y), directions.matrix @ y, rtol=1e-12)
    np.testing.assert_allclose(directions.transpose(x), directions.matrix.T @ x, rtol=1e-12)
    box = Box.around(x, 1e-3, directions)
    np.testing.assert_allclose(box.pull_back(x) @ y, x @ (box.at(y) - x), rtol=1e-9)
