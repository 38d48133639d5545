"""Losses of sequences of labels against sums written out in NumPy, one target after another.

The oracle of every mean is a loop over the targets that there are, with SciPy's logarithm of the softmax; derivatives
are those of the whole sum written out without chunks. That a sequence of one is one label is an invariance.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from jax.flatten_util import ravel_pytree

from basin.loss import DatasetLoss
from basin.loss.examples import cross_entropy, mean_over_targets, mse, smoothed_cross_entropy
from basin.measure import hessian_eigenvalues
from basin.measure.gauss_newton import gauss_newton
from basin.models.model import Model

WORDS, LENGTH, HIDDEN = 5, 4, 3


def init(key):
    first, second = jax.random.split(key)
    return {"words": jax.random.normal(first, (WORDS, HIDDEN)), "out": jax.random.normal(second, (HIDDEN, WORDS))}, {}


def apply(params, state, x, *, mode, key=None):
    return jnp.tanh(jnp.cumsum(params["words"][x[:, 1]], axis=1)) @ params["out"], state


TAGGER = Model("tagger", init, apply, (2, LENGTH), WORDS)
"""A network that reads a sequence of words and gives outputs for each place."""


def sentences(num_examples=40, seed=0):
    """Return words, and labels of which the last few of each sentence are missing."""
    random = np.random.default_rng(seed)
    x = random.integers(0, WORDS, (num_examples, 2, LENGTH)).astype(np.int32)
    y = random.integers(0, WORDS, (num_examples, LENGTH)).astype(np.int32)
    y[np.arange(LENGTH) >= random.integers(1, LENGTH + 1, num_examples)[:, None]] = -1
    return x, y


X, Y = sentences()
PARAMS = init(jax.random.key(0))[0]


def loss(**options):
    return DatasetLoss(TAGGER, {}, X, Y, **options)


def by_numpy(outputs, labels, smoothing=0.0):
    """Return the mean over targets, one target at a time: minus the sum over classes of q log p."""
    found = []
    for example, place in np.ndindex(labels.shape):
        if labels[example, place] >= 0:
            wanted = np.full(outputs.shape[-1], smoothing / outputs.shape[-1])
            wanted[labels[example, place]] += 1 - smoothing
            found.append(-wanted @ scipy.special.log_softmax(outputs[example, place]))
    return np.mean(found)


def outputs_of(params):
    p = {name: np.asarray(leaf, np.float64) for name, leaf in params.items()}
    return np.tanh(np.cumsum(p["words"][X[:, 1]], axis=1)) @ p["out"]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("float64", 1e-14)])
@pytest.mark.parametrize("size", [40, 17])
def test_the_mean_is_over_all_targets(precision, tolerance, size):
    value = loss(precision=precision, chunk_size=size)(PARAMS)
    np.testing.assert_allclose(float(value), by_numpy(outputs_of(PARAMS), Y), rtol=tolerance)


def test_it_is_not_the_mean_of_the_means_of_sentences():
    """Which a mean over examples would be, as sentences differ in length."""
    of_sentences = [by_numpy(outputs_of(PARAMS)[i : i + 1], Y[i : i + 1]) for i in range(len(Y))]
    assert abs(float(loss()(PARAMS)) - np.mean(of_sentences)) > 1e-3


def test_a_loss_of_ones_own_is_averaged_over_targets_too_if_it_has_a_value_for_each():
    smoothed = functools.partial(smoothed_cross_entropy, smoothing=0.2)
    value = loss(example_loss=smoothed, precision="float64")(PARAMS)
    np.testing.assert_allclose(float(value), by_numpy(outputs_of(PARAMS), Y, 0.2), rtol=1e-14)
    of_examples = loss(example_loss=lambda outputs, y: jnp.sum(cross_entropy(outputs, y), axis=1))(PARAMS)
    np.testing.assert_allclose(float(of_examples) * len(Y), by_numpy(outputs_of(PARAMS), Y) * np.sum(Y >= 0), rtol=1e-5)


def flat(tree):
    return np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in jax.tree.leaves(tree)])


def dense(function, params):
    with jax.enable_x64(True):
        point, unravel = ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), params))
        return np.asarray(function(lambda vector: written_out(unravel(vector)))(point))


def written_out(params):
    outputs, _ = apply(params, {}, X, mode=None)
    return -jnp.sum(jax.nn.log_softmax(outputs) * jax.nn.one_hot(Y, WORDS, dtype=outputs.dtype)) / np.sum(Y >= 0)


def test_gradient_and_product_are_those_of_the_mean_written_out():
    """Independent: one-hot labels, of which -1 is none, in one sum without chunks, differentiated whole."""
    wide = loss(precision="float64", chunk_size=17)
    vector = init(jax.random.key(1))[0]
    gradient = flat(wide.value_and_grad(PARAMS)[1])
    np.testing.assert_allclose(gradient, dense(jax.grad, PARAMS), atol=1e-14)
    expected = dense(jax.hessian, PARAMS) @ flat(vector)
    for product in (wide.hvp(PARAMS, vector), wide.hessian_product(PARAMS)(vector)):
        np.testing.assert_allclose(flat(product), expected, atol=1e-13)


def test_the_guard_lets_it_pass_and_eigenvalues_are_those_of_the_dense_hessian():
    found = hessian_eigenvalues(loss(chunk_size=16), PARAMS, k=3, precision="float64", tolerance=1e-8)
    expected = np.linalg.eigvalsh(dense(jax.hessian, PARAMS))[::-1][:3]
    np.testing.assert_allclose(found.value, expected, atol=1e-9)
    assert "permuted" in found.checks
    assert f"mean over {np.sum(Y >= 0)} labels of 40 train examples" in found.definition


def test_the_head_counts_its_own_targets():
    head = loss().head(7)
    assert (head.num_examples, head.num_targets) == (7, np.sum(Y[:7] >= 0))
    np.testing.assert_allclose(float(head(PARAMS)), by_numpy(outputs_of(PARAMS)[:7], Y[:7]), rtol=1e-6)


def test_labels_of_length_one_are_labels():
    outputs, labels = jnp.asarray(outputs_of(PARAMS)[:, 0], jnp.float32), jnp.asarray(X[:, 0, 0])
    alone, together = cross_entropy(outputs, labels), cross_entropy(outputs[:, None], labels[:, None])
    assert alone.tobytes() == together[:, 0].tobytes()
    assert float(mean_over_targets(alone, labels)) == pytest.approx(float(mean_over_targets(together, labels[:, None])))


@pytest.mark.parametrize("smoothing", [0.1, 0.9])
def test_a_smoothed_label_is_a_distribution(smoothing):
    labels = jnp.asarray(Y)
    found = mean_over_targets(smoothed_cross_entropy(jnp.asarray(outputs_of(PARAMS)), labels, smoothing), labels)
    np.testing.assert_allclose(float(found), by_numpy(outputs_of(PARAMS), Y, smoothing), rtol=1e-6)


def test_smoothing_may_be_traced_and_none_of_it_is_the_plain_loss():
    outputs = jnp.asarray(outputs_of(PARAMS), jnp.float32)
    found = jax.jit(smoothed_cross_entropy)(outputs, jnp.asarray(Y), 0.0)
    np.testing.assert_allclose(found, cross_entropy(outputs, jnp.asarray(Y)), atol=1e-6)


def test_many_classes_make_small_chunks():
    wide = Model("wide", init, apply, (2, 50), 8000)
    assert DatasetLoss(wide, {}, np.zeros((4096, 2, 50), np.int32), np.zeros((4096, 50), np.int32)).chunk_size == 32
    assert loss().chunk_size == 40


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y - 1, "labels from 0 to 4, or -1 for none, got -2 to 3"),
        (np.full_like(Y, -1), "at least one target, got none in 40 examples"),
        (Y.astype(np.float32), "integer labels, got float32"),
    ],
)
def test_mistakes_are_named(y, message):
    with pytest.raises(ValueError, match=message):
        DatasetLoss(TAGGER, {}, X, y)


def test_networks_and_labels_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"expected outputs \('classes',\) for labels \(\) .* got \(4, 5\)"):
        DatasetLoss(TAGGER, {}, X, X[:, 0, 0])(PARAMS)
    with pytest.raises(ValueError, match=r"expected outputs \(4, 'classes'\) .* got \(5,\); .* takes a Transformer"):
        cross_entropy(jnp.zeros((2, 5)), jnp.zeros((2, 4), int))
    with pytest.raises(ValueError, match=r"mse: expected one label .* sequences take loss='cross_entropy'"):
        mse(jnp.zeros((2, 4, 5)), jnp.zeros((2, 4), int))
    with pytest.raises(ValueError, match=r"expected one label an example, got sequences of shape \(4,\)"):
        gauss_newton(loss(), PARAMS)
