"""The loss over a data set against NumPy in float64, finite differences, and its own invariances.

The oracles are independent: the loss is written out again with SciPy's logsumexp, its derivatives are differences of
values, and invariances (chunks, order, where the loop runs) need no oracle at all.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from loss_cases import CLASSES, INPUTS, MLP, NORMALISED, data, outputs_by_numpy, weights

from basin.loss import DatasetLoss, chunks
from basin.loss.dataset_loss import default_chunk_size
from basin.models.model import Model

X, Y = data()
SIZES = [1, 7, 25]


def by_numpy(params, kind="cross_entropy"):
    outputs = outputs_by_numpy(params, X.astype(np.float64))
    if kind == "mse":
        return np.mean(0.5 * np.sum((outputs - np.eye(CLASSES)[Y]) ** 2, axis=1))
    return np.mean(scipy.special.logsumexp(outputs, axis=1) - outputs[np.arange(len(Y)), Y])


def loss(**options):
    return DatasetLoss(MLP, {}, X, Y, **options)


def largest_difference(tree, other):
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True)
    return max(float(np.max(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)))) for a, b in pairs)


def moved(params, vector, step):
    return jax.tree.map(lambda a, b: np.asarray(a, np.float64) + step * np.asarray(b, np.float64), params, vector)


@pytest.mark.parametrize("kind", ["cross_entropy", "mse"])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("float64", 1e-14)])
def test_value_is_the_mean_written_out_in_numpy(kind, precision, tolerance):
    value = loss(example_loss=kind, precision=precision)(weights())
    np.testing.assert_allclose(float(value), by_numpy(weights(), kind), rtol=tolerance)
    assert value.dtype == precision


def test_gradient_is_the_slope_of_the_value():
    _, gradient = loss(precision="float64").value_and_grad(weights())
    direction, step = weights(1), 1e-6
    slope = (by_numpy(moved(weights(), direction, step)) - by_numpy(moved(weights(), direction, -step))) / (2 * step)
    along = sum(np.vdot(a, b) for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(direction), strict=True))
    np.testing.assert_allclose(along, slope, rtol=1e-7)


def test_product_is_the_change_of_the_gradient():
    wide, direction, step = loss(precision="float64"), weights(1), 1e-5
    ahead, behind = (wide.value_and_grad(moved(weights(), direction, sign * step))[1] for sign in (1, -1))
    expected = jax.tree.map(lambda a, b: (np.asarray(a) - np.asarray(b)) / (2 * step), ahead, behind)
    assert largest_difference(wide.hvp(weights(), direction), expected) < 1e-8


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-6), ("float64", 2e-15)])
def test_chunking_changes_nothing_beyond_rounding(size, precision, tolerance):
    whole, parts = loss(precision=precision, chunk_size=50), loss(precision=precision, chunk_size=size)
    assert abs(float(whole(weights())) - float(parts(weights()))) < tolerance
    assert largest_difference(whole.value_and_grad(weights()), parts.value_and_grad(weights())) < tolerance
    assert largest_difference(whole.hvp(weights(), weights(1)), parts.hvp(weights(), weights(1))) < 10 * tolerance


def test_order_changes_nothing_beyond_rounding_and_copies_no_data():
    wide = loss(precision="float64", chunk_size=16)
    permuted = wide.permuted(jax.random.key(3))
    assert permuted.x is wide.x
    assert sorted(np.asarray(permuted.order)) == list(range(50))
    assert abs(float(wide(weights())) - float(permuted(weights()))) < 1e-15


@pytest.mark.parametrize("size", [7, 25])
def test_the_loop_on_the_host_is_the_loop_in_the_program(size):
    host = DatasetLoss(dataclasses.replace(MLP, has_convolution=True), {}, X, Y, precision="float64", chunk_size=size)
    program = loss(precision="float64", chunk_size=size)
    assert host.steps_from_host
    assert not program.steps_from_host
    for quantity in ("value", "value_and_grad"):
        assert largest_difference(getattr(host, quantity)(weights()), getattr(program, quantity)(weights())) < 1e-15
    assert largest_difference(host.hvp(weights(), weights(1)), program.hvp(weights(), weights(1))) < 1e-14


@pytest.mark.parametrize("memory_bytes", [0, 12_000, 1 << 30])
def test_kept_passes_give_the_same_product(memory_bytes):
    wide = loss(precision="float64", chunk_size=16)
    product = wide.hessian_product(weights(), memory_bytes=memory_bytes)
    assert largest_difference(product(weights(1)), wide.hvp(weights(), weights(1))) < 1e-14


def test_many_small_terms_are_not_lost_in_float32():
    identity = Model("identity", None, lambda params, state, x, *, mode, key=None: (x + 0 * params, state), (1,), 1)
    x = np.full((4097, 1), np.sqrt(2 * 3e-8), np.float32)
    x[0] = np.sqrt(2)
    value = DatasetLoss(identity, {}, x, np.zeros((4097, 1), np.float32), example_loss="mse", chunk_size=1)(
        jnp.zeros(1)
    )
    np.testing.assert_allclose(float(value), (1 + 4096 * 3e-8) / 4097, rtol=2e-7)  # a plain sum stays at 1: 1.2e-4 off


def test_memory_is_that_of_a_chunk():
    def temporary_bytes(num_examples):
        many = DatasetLoss(MLP, {}, *data(num_examples), chunk_size=100)
        program = chunks.mean_in_program.lower(many.program, "hvp", weights(), weights(1), many.data).compile()
        return program.memory_analysis().temp_size_in_bytes

    assert temporary_bytes(400) == temporary_bytes(40_000)


def test_another_loss_of_the_same_shapes_compiles_nothing():
    loss(chunk_size=25)(weights())
    before = chunks.mean_in_program._cache_size()
    DatasetLoss(MLP, {}, *data(seed=1), chunk_size=25)(weights(1))
    assert chunks.mean_in_program._cache_size() == before


def test_a_loss_is_a_function_like_any_other():
    stacked = jax.tree.map(lambda a, b: jnp.stack([a, b]), weights(), weights(1))
    many = jax.vmap(loss(chunk_size=16))(stacked)
    np.testing.assert_allclose(many, [by_numpy(weights()), by_numpy(weights(1))], rtol=1e-6)
    assert largest_difference(jax.grad(loss())(weights()), loss().value_and_grad(weights())[1]) < 1e-7


def test_float64_inside_a_transformation_asks_for_64_bit_mode():
    with pytest.raises(ValueError, match=r"expected 64-bit mode.*enable_x64"):
        jax.grad(loss(precision="float64"))(weights())
    with jax.enable_x64(True):
        assert (
            jax.grad(loss(precision="float64"))(jax.tree.map(np.float64, weights()))["first"]["w"].dtype == jnp.float64
        )


def test_float64_leaves_no_switch_behind():
    loss(precision="float64")(weights())
    assert not jax.config.read("jax_enable_x64")
    assert jnp.ones(1).dtype == jnp.float32


def test_frozen_statistics_are_the_ones_given_and_batch_statistics_are_not():
    params = {"w": jnp.ones((INPUTS, CLASSES)) * jnp.arange(3.0)}
    state = {"mean": jnp.full(INPUTS, 0.3)}
    frozen = DatasetLoss(NORMALISED, state, X, Y, chunk_size=10, precision="float64")
    outputs = (X.astype(np.float64) - np.float64(np.float32(0.3))) @ np.asarray(params["w"], np.float64)
    expected = np.mean(scipy.special.logsumexp(outputs, axis=1) - outputs[np.arange(50), Y])
    np.testing.assert_allclose(float(frozen(params)), expected, rtol=1e-13)
    batch = DatasetLoss(NORMALISED, state, X, Y, batch_norm="batch", precision="float64", chunk_size=10)
    assert abs(float(batch(params)) - float(batch.with_chunk_size(5)(params))) > 1e-4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "50 train examples of cross_entropy; no batch statistics; dropout off; no augmentation; float32"),
        ({"split": "test", "example_loss": "mse", "precision": "float64"}, "50 test examples of mse"),
    ],
)
def test_the_definition_names_everything(options, words):
    assert words in loss(**options).definition


@pytest.mark.parametrize("batch_norm", ["recomputed", "running", "batch"])
def test_the_definition_names_the_normalisation(batch_norm):
    definition = DatasetLoss(NORMALISED, {}, X, Y, batch_norm=batch_norm).definition
    assert {"recomputed": "held fixed", "running": "running averages", "batch": "each chunk"}[batch_norm] in definition


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X, Y[:-1]), {}, "as many targets as inputs"),
        ((X[:0], Y[:0]), {}, "at least one"),
        ((X[:, :2], Y), {}, r"inputs of shape \(5,\), got \(2,\)"),
        ((X, Y + 1), {}, "labels from 0 to 2, got 1 to 3"),
        ((X, Y - 1), {}, "labels from 0 to 2, got -1 to 1"),
        ((X, Y.astype(np.float32)), {}, "integer labels, got float32"),
        ((X, Y), {"chunk_size": 0}, "at least 1 example, got 0"),
        ((X, Y), {"example_loss": "cross_entropi"}, "did you mean 'cross_entropy'"),
        ((X, Y), {"batch_norm": "fresh"}, "recomputed, running, batch, got 'fresh'"),
        ((X, Y), {"precision": "bfloat16"}, "'float32' or 'float64', got 'bfloat16'"),
    ],
)
def test_mistakes_are_named(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        DatasetLoss(MLP, {}, *arguments, **options)


def test_copies_keep_everything_but_what_they_change():
    first = loss(split="test", chunk_size=7)
    for other in (first.with_chunk_size(9), first.astype("float64"), first.permuted(jax.random.key(0)), first.head(7)):
        assert (other.split, other.model, first.chunk_size, first.precision) == ("test", MLP, 7, "float32")
    assert first.head(7).num_examples == 7
    with pytest.raises(ValueError, match="at least 1 example"):
        first.with_chunk_size(0)


def test_parts_are_those_of_the_order_of_visits_and_together_the_whole():
    order = jax.random.permutation(jax.random.key(3), 50)
    dealt = loss(precision="float64", chunk_size=7).permuted(jax.random.key(3))
    parts = [dealt.part(start, start + 25) for start in (0, 25)]
    np.testing.assert_array_equal(parts[1].y, Y[np.asarray(order)[25:]])
    assert np.mean([float(part(weights())) for part in parts]) == pytest.approx(float(dealt(weights())), rel=1e-13)
    assert parts[0].chunk_size == 7
    for start, stop in ((0, 51), (4, 4), (-1, 3)):
        with pytest.raises(ValueError, match="expected examples between 0 and 50"):
            dealt.part(start, stop)


@pytest.mark.parametrize("memory_bytes", [0, 1 << 29])
def test_products_with_several_vectors_are_those_with_each(memory_bytes):
    some = loss(precision="float64", chunk_size=20)
    vectors = [weights(seed) for seed in (1, 2, 3)]
    product = some.hessian_product(weights(), memory_bytes=memory_bytes, stacked=True)
    together = product(jax.tree.map(lambda *leaves: np.stack(leaves), *vectors))
    for index, vector in enumerate(vectors):
        one = jax.tree.map(lambda leaf, i=index: leaf[i], together)
        assert largest_difference(one, some.hvp(weights(), vector)) < 1e-14


def test_nothing_given_is_changed():
    params, x = weights(), X.copy()
    before = [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(params)]
    DatasetLoss(MLP, {}, x, Y).hvp(params, params)
    assert [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(params)] == before
    assert x.tobytes() == X.tobytes()


@pytest.mark.parametrize("num_examples", [1, 31, 1000, 1024, 1025, 1437, 5000, 10_000, 60_000])
@pytest.mark.parametrize("shape", [(64,), (784,), (32, 32, 3), (224, 224, 3)])
def test_default_chunks_are_few_and_bounded(num_examples, shape):
    size = default_chunk_size(num_examples, shape)
    assert 1 <= size <= num_examples
    assert size * np.prod(shape) <= max(1 << 20, 32 * np.prod(shape))
