"""The gradient noise scale against distributions whose gradient covariance is known, and against McCandlish's pair.

Linear regression `t = e` on normal inputs of covariance C, at weights w: with u = w'Cw + s^2 the gradients have the
mean G = Cw and the covariance Sigma = u C + C w w' C (Isserlis), and the Hessian is C.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measure_cases import apply, linear, network

from basin.loss import DatasetLoss
from basin.measure import NotConvergedWarning, gradient_noise_scale, noise_from_norms
from basin.measure.keys import fold
from basin.measure.noise_ratio import ratio_of_means

SPREADS = np.array([2.0, 1.0, 0.5, 0.25])
WEIGHTS = np.array([0.5, -0.4, 0.3, 1.0])
NOISE = 1.5


unresolved = pytest.mark.filterwarnings("ignore::basin.measure.NotConvergedWarning")


def regression(num_examples, seed=0):
    random = np.random.default_rng(seed)
    x = random.standard_normal((num_examples, 4)) * np.sqrt(SPREADS)
    return x, NOISE * random.standard_normal((num_examples, 1))


def expected(weights=WEIGHTS):
    """Return tr Sigma, |G|^2, tr(H Sigma) and G'HG."""
    u, mean = weights @ (SPREADS * weights) + NOISE**2, SPREADS * weights
    sigma = u * np.diag(SPREADS) + np.outer(mean, mean)
    return np.trace(sigma), mean @ mean, np.trace(np.diag(SPREADS) @ sigma), mean @ (SPREADS * mean)


def squared(w, x, t):
    return jnp.sum((x @ w - t) ** 2) / 2


def test_both_scales_are_those_of_the_distribution_within_their_errors():
    x, t = regression(20_000)
    result = gradient_noise_scale(squared, WEIGHTS[:, None], x, t, num_batches=200, with_hessian=True)
    trace, square, trace_h, square_h = expected()
    for (value, error), exact in [
        (result.trace, trace),
        (result.squared_gradient, square),
        ((result.value, result.stderr), trace / square),
        (result.noise, trace_h / square_h),
    ]:
        assert abs(value - exact) < 3 * error
        assert error < 0.2 * exact
    assert result.precision == "float64"
    assert result.batch_size == 100
    assert result.converged


def test_the_jackknife_states_the_scatter_over_data():
    results, model = [], linear(4, 1)
    for seed in range(30):
        loss = DatasetLoss(model, {}, *regression(4000, seed), example_loss="mse", precision="float64")
        results.append(gradient_noise_scale(loss, 3 * WEIGHTS[:, None], num_batches=25))
    trace, square, *_ = expected(3 * WEIGHTS)
    values, errors = [item.value for item in results], [item.stderr for item in results]
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.4)
    assert np.mean(values) == pytest.approx(trace / square, abs=3 * np.std(values) / np.sqrt(30) + 0.5)


@unresolved
def test_batches_of_one_are_the_sample_covariance_of_single_gradients():
    """NumPy's own covariance of gradients written out by hand."""
    x, t = regression(60)
    gradients = x * (x @ WEIGHTS[:, None] - t)
    result = gradient_noise_scale(squared, WEIGHTS[:, None], x, t, num_batches=60)
    trace = np.trace(np.cov(gradients.T))
    assert result.trace[0] == pytest.approx(trace, rel=1e-10)
    mean = gradients.mean(axis=0)
    assert result.squared_gradient[0] == pytest.approx(mean @ mean - trace / 60, rel=1e-10)


@unresolved
def test_the_estimates_are_mccandlishs_pair():
    """Batch size b against K b, written from the published formulas."""
    x, t = regression(60)
    result = gradient_noise_scale(squared, WEIGHTS[:, None], x, t, num_batches=12)
    order = np.asarray(jax.random.permutation(fold(jax.random.key(0), "batches"), 60))
    gradients = (x * (x @ WEIGHTS[:, None] - t))[order].reshape(12, 5, 4).mean(axis=1)
    small, large = np.mean(np.sum(gradients**2, axis=1)), np.sum(gradients.mean(axis=0) ** 2)
    assert result.squared_gradient[0] == pytest.approx((60 * large - 5 * small) / 55, rel=1e-9)
    assert result.trace[0] == pytest.approx((small - large) / (1 / 5 - 1 / 60), rel=1e-9)


@unresolved
@pytest.mark.parametrize(("precision", "chunk_size"), [("float32", 60), ("float64", 3)])
def test_a_dataset_loss_and_a_function_of_one_example_agree(precision, chunk_size):
    loss, params = network()
    x, y = loss.x, loss.y

    def one(weights, x, y):
        return -jax.nn.log_softmax(apply(weights, {}, x, mode=None)[0])[y]

    options = {"precision": precision, "num_batches": 12, "with_hessian": True}
    mine = gradient_noise_scale(loss.with_chunk_size(chunk_size), params, **options)
    theirs = gradient_noise_scale(one, params, x, y, **options)
    assert mine.value == pytest.approx(theirs.value, rel=1e-3 if precision == "float32" else 1e-9)
    assert mine.noise[0] == pytest.approx(theirs.noise[0], rel=1e-3 if precision == "float32" else 1e-9)
    assert mine.num_passes == sum(mine.num_evaluations.values()) == 2 + 1 + 12


def test_the_scale_does_not_depend_on_the_batch_size():
    x, t = regression(24_000)
    values = [
        gradient_noise_scale(squared, WEIGHTS[:, None], x, t, batch_size=size, num_batches=100) for size in (20, 240)
    ]
    assert abs(values[0].value - values[1].value) < 3 * np.hypot(*(item.stderr for item in values))


def test_the_naive_ratio_is_too_small_where_this_one_is_right():
    x, t = regression(3000)
    result = gradient_noise_scale(squared, WEIGHTS[:, None], x, t, batch_size=2, num_batches=1500)
    gradients = (x * (x @ WEIGHTS[:, None] - t)).reshape(1500, 2, 4).mean(axis=1)
    naive = 2 * np.trace(np.cov(gradients.T)) / np.mean(np.sum(gradients**2, axis=1))
    trace, square, *_ = expected()
    assert naive < 2
    assert result.value == pytest.approx(trace / square, rel=0.2)


def test_a_gradient_lost_in_noise_is_said_to_be():
    x, t = regression(90)
    with pytest.warns(NotConvergedWarning, match="squared gradient is"):
        result = gradient_noise_scale(squared, 1e-3 * WEIGHTS[:, None], x, t, num_batches=9)
    assert not result.converged


def test_the_weights_are_left_alone():
    loss, params = network()
    before = [leaf.copy() for leaf in jax.tree.leaves(jax.tree.map(np.asarray, params))]
    gradient_noise_scale(loss, params, num_batches=6)
    for old, new in zip(before, jax.tree.leaves(params), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradient_noise_scale(*network(), num_batches=2), "num_batches: expected at least 3"),
        (lambda: gradient_noise_scale(*network(), num_batches=61), "at most 60 examples in 61 disjoint batches"),
        (lambda: gradient_noise_scale(*network(), batch_size=8), "lower num_batches or batch_size"),
        (lambda: gradient_noise_scale(*network(), np.ones(3)), "no x and y beside a DatasetLoss"),
        (lambda: gradient_noise_scale(squared, jnp.ones(3)), "expected as many targets as inputs and at least one"),
        (lambda: gradient_noise_scale(3, jnp.ones(3)), "expected a function of"),
        (
            lambda: gradient_noise_scale(lambda w, x, y: w * x, jnp.ones(3), np.ones((40, 3)), np.ones(40)),
            "expected one number an example",
        ),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_sequences_are_refused():
    loss = DatasetLoss(linear(2, 3), {}, np.ones((4, 2), np.float32), np.zeros(4, np.int32))
    object.__setattr__(loss, "_count", jnp.asarray(9))
    with pytest.raises(ValueError, match="got sequences"):
        gradient_noise_scale(loss, jnp.ones((2, 3)))


def test_norms_at_two_batch_sizes_give_the_same_scale():
    """Squared norms of gradients drawn with a known mean and covariance."""
    random = np.random.default_rng(0)
    mean, looks = np.array([1.0, -1.0, 0.5]), 4000
    small, large = (
        np.sum((mean + random.standard_normal((looks, 3)) * 3 / np.sqrt(size)) ** 2, axis=1) for size in (8, 64)
    )
    found = noise_from_norms(small, large, batch_small=8, batch_large=64)
    assert abs(found.value - 27 / 2.25) < 3 * found.stderr
    assert abs(found.numerator[0] - 27) < 3 * found.numerator[1]
    assert abs(found.denominator[0] - 2.25) < 3 * found.denominator[1]


@pytest.mark.parametrize(
    ("small", "sizes", "message"),
    [(np.ones(2), (1, 2), "at least 3 looks"), (np.ones(4), (1, 2), "equally long"), (np.ones(3), (2, 2), "0 < batch")],
)
def test_norms_that_make_no_pair_are_refused(small, sizes, message):
    with pytest.raises(ValueError, match=message):
        noise_from_norms(small, np.ones(min(3, len(small))), batch_small=sizes[0], batch_large=sizes[1])


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(2).standard_normal(30) + 5
    without = [(np.mean(np.delete(values, unit)), 2.0) for unit in range(30)]
    found = ratio_of_means((np.mean(values), 2.0), np.array(without))
    assert found.numerator[1] == pytest.approx(np.std(values, ddof=1) / np.sqrt(30), rel=1e-12)
    assert found.value == pytest.approx(np.mean(values) / 2)
    assert found.bias == pytest.approx(0, abs=1e-12)


def test_a_denominator_that_is_not_positive_makes_the_ratio_infinite_and_unresolved():
    found = ratio_of_means((1.0, -1.0), np.array([[1.0, -1.0]] * 5))
    assert found.value == found.stderr == np.inf
    assert not found.is_resolved
