"""The transformer against the formulas of Vaswani et al. 2017 written out in NumPy, and against what it must not see.

The oracle reads the paper's equations number by number: loops over sentences, heads, queries and keys in float64, no
masks (what may not be seen is left out of the sums), no arrays of queries, keys and values together.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from basin.loss import DatasetLoss
from basin.measure import hessian_eigenvalues
from basin.models import Mode, Transformer, build
from basin.models.attention import attend
from basin.models.transformer import positions
from basin.spec.data import PAD

WORDS, LENGTH = 7, 5
SPECS = {
    "decoder tied": Transformer(width=6, depth=1, heads=2),
    "all tied": Transformer(width=8, depth=1, decoder_depth=2, heads=4, mlp_width=5, tied="all"),
    "none tied": Transformer(width=5, depth=2, decoder_depth=1, heads=1, tied="none"),
}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


def made(spec, length=LENGTH):
    """Return the network and weights in float64; those that begin at 0 or 1 are moved, so that none goes unseen."""
    model = build(spec, (2, length), WORDS)
    params = jax.jit(model.init)(jax.random.key(0))[0]
    leaves, structure = jax.tree.flatten(params)
    random = np.random.default_rng(0)
    moved = [np.asarray(leaf, np.float64) + 0.1 * random.standard_normal(leaf.shape) for leaf in leaves]
    return model, jax.tree.unflatten(structure, moved)


def sentences(num_examples=4, seed=0, length=LENGTH):
    """Return (source, target before) of random lengths, padded at the end; targets begin with word 1."""
    random = np.random.default_rng(seed)
    x = random.integers(2, WORDS, (num_examples, 2, length)).astype(np.int32)
    x[:, 1, 0] = 1
    x[np.arange(length) >= random.integers(1, length + 1, (num_examples, 2))[..., None]] = PAD
    return x


def run(model, params, x, mode=Mode.EVAL, key=None):
    with jax.enable_x64(True):
        params = jax.tree.map(jnp.asarray, params)
        return np.asarray(
            jax.jit(model.apply, static_argnames="mode")(params, {}, jnp.asarray(x), mode=mode, key=key)[0]
        )


def position(t, j, d):
    angle = t / 10_000 ** ((j - j % 2) / d)
    return math.sin(angle) if j % 2 == 0 else math.cos(angle)


def attention_by_loops(query, keys, values):
    """One query of one head: its weights by the exponentials themselves."""
    weights = [math.exp(sum(a * b for a, b in zip(query, key, strict=True)) / math.sqrt(len(query))) for key in keys]
    return sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)


def attention_layer(p, heads, asking, seen):
    """Vectors of one sentence `asking` (tokens, d); `seen[t]` are the vectors that token t may look at."""
    d = asking.shape[1]
    matrices = [p["inputs"]["kernel"][:, i * d : (i + 1) * d] for i in range(3)]
    parts = [slice(h * d // heads, (h + 1) * d // heads) for h in range(heads)]
    rows = []
    for token, vectors in zip(asking, seen, strict=True):
        query, keys, values = token @ matrices[0], vectors @ matrices[1], vectors @ matrices[2]
        joined = np.concatenate([attention_by_loops(query[h], keys[:, h], values[:, h]) for h in parts])
        rows.append(joined @ p["mix"]["kernel"] + p["mix"]["bias"])
    return np.array(rows)


def added(p, x, change):
    out = []
    for row in x + change:
        centred = row - row.sum() / len(row)
        scale = math.sqrt((centred**2).sum() / len(row) + 1e-5)
        out.append(centred / scale * p["norm"]["scale"] + p["norm"]["bias"])
    return np.array(out)


def dense(p, x):
    hidden = np.maximum(x @ p["hidden"]["kernel"] + p["hidden"]["bias"], 0)
    return hidden @ p["output"]["kernel"] + p["output"]["bias"]


def embedded(table, words):
    d = table.shape[1]
    return np.array([math.sqrt(d) * table[w] + [position(t, j, d) for j in range(d)] for t, w in enumerate(words)])


def by_loops(params, spec, x):
    """Return the outputs of each sentence pair, each by itself, the source without its padding."""
    tables = [params["words"][str(min(i, len(params["words"]) - 1))] for i in range(3)]
    outputs = []
    for source, before in x:
        memory = embedded(tables[0], source[source != PAD])
        for i in range(spec.depths[0]):
            p = params["encoder"][str(i)]
            attended = attention_layer(p["itself"], spec.heads, memory, [memory] * len(memory))
            memory = added(p["added"]["0"], memory, attended)
            memory = added(p["added"]["1"], memory, dense(p["dense"], memory))
        tokens = embedded(tables[1], before)
        for i in range(spec.depths[1]):
            p = params["decoder"][str(i)]
            attended = attention_layer(p["itself"], spec.heads, tokens, [tokens[: t + 1] for t in range(len(tokens))])
            tokens = added(p["added"]["0"], tokens, attended)
            attended = attention_layer(p["source"], spec.heads, tokens, [memory] * len(tokens))
            tokens = added(p["added"]["1"], tokens, attended)
            tokens = added(p["added"]["2"], tokens, dense(p["dense"], tokens))
        outputs.append(tokens @ tables[2].T)
    return np.array(outputs)


@every_spec
def test_the_network_is_the_paper_written_out(spec):
    model, params = made(spec)
    x = sentences()
    np.testing.assert_allclose(run(model, params, x), by_loops(params, spec, x), atol=1e-11)


@pytest.mark.parametrize(("length", "width"), [(1, 1), (9, 7), (20, 8)])
def test_positions_are_the_sines_and_cosines_of_the_paper(length, width):
    expected = [[position(t, j, width) for j in range(width)] for t in range(length)]
    np.testing.assert_allclose(positions(length, width), expected, atol=1e-13)


def test_attention_is_the_sums_written_out():
    random = np.random.default_rng(1)
    query, key, value = (random.standard_normal((2, n, 6)) for n in (3, 4, 4))
    visible = random.random((2, 1, 3, 4)) < 0.6
    visible[..., 0] = True
    expected = np.zeros((2, 3, 6))
    for b, t, h in np.ndindex(2, 3, 2):
        part, seen = slice(3 * h, 3 * h + 3), visible[b, 0, t]
        expected[b, t, part] = attention_by_loops(query[b, t, part], key[b, seen, part], value[b, seen, part])
    with jax.enable_x64(True):
        found = attend(*map(jnp.asarray, (query, key, value)), heads=2, scale=3**-0.5, visible=jnp.asarray(visible))
    np.testing.assert_allclose(found, expected, atol=1e-13)


@every_spec
@pytest.mark.parametrize("place", [1, 4])
def test_a_word_changes_no_output_before_it_and_the_one_at_its_place(spec, place):
    model, params = made(spec)
    x = sentences()
    other = x.copy()
    other[:, 1, place] = x[:, 1, place] % (WORDS - 1) + 1
    before, after = run(model, params, x), run(model, params, other)
    assert before[:, :place].tobytes() == after[:, :place].tobytes()
    assert np.abs(before[:, place:] - after[:, place:]).max(axis=(1, 2)).min() > 1e-3


@every_spec
def test_every_word_of_the_source_changes_all_outputs(spec):
    model, params = made(spec)
    x = sentences(1)
    x[0, 0] = [2, 3, 4, 5, 6]
    for place in range(LENGTH):
        other = x.copy()
        other[0, 0, place] = x[0, 0, place] % (WORDS - 1) + 1
        assert np.abs(run(model, params, x) - run(model, params, other)).max(axis=2).min() > 1e-6


@every_spec
def test_more_padding_changes_nothing(spec):
    model, params = made(spec)
    x = sentences()
    longer = np.pad(x, ((0, 0), (0, 0), (0, 3)))
    found = run(build(spec, (2, LENGTH + 3), WORDS), params, longer)[:, :LENGTH]
    np.testing.assert_allclose(found, run(model, params, x), atol=1e-12)


def test_what_lies_in_padding_is_not_seen():
    spec = SPECS["decoder tied"]
    model, params = made(spec)
    x = sentences()
    moved = {
        **params,
        "words": {**params["words"], "0": params["words"]["0"] + 9.0 * (np.arange(WORDS) == PAD)[:, None]},
    }
    assert run(model, params, x).tobytes() == run(model, moved, x).tobytes()


def test_an_empty_source_gives_numbers():
    model, params = made(SPECS["decoder tied"])
    x = sentences(2)
    x[:, 0] = PAD
    assert np.isfinite(run(model, params, x)).all()


@every_spec
def test_sentences_in_another_order_are_outputs_in_another_order(spec):
    model, params = made(spec)
    x = sentences(6)
    order = np.array([3, 0, 5, 1, 4, 2])
    np.testing.assert_allclose(run(model, params, x[order]), run(model, params, x)[order], atol=1e-13)


@pytest.mark.parametrize(
    ("spec", "by_hand"),
    [
        # words 2 x 100 x 8; encoder 4 x 64 + 8, 2 x 256 + 40, 2 x 16; decoder twice the attention and 3 x 16
        (Transformer(width=8, depth=1, heads=2), 1600 + (264 + 552 + 32) + (528 + 552 + 48)),
        (Transformer(width=8, depth=1, heads=2, tied="all"), 800 + 848 + 1128),
        (Transformer(width=8, depth=1, decoder_depth=3, heads=1, tied="none"), 2400 + 848 + 3 * 1128),
        (Transformer(width=8, depth=2, heads=8, mlp_width=3), 1600 + 2 * (264 + 59 + 32) + 2 * (528 + 59 + 48)),
    ],
)
def test_sizes_are_those_counted_by_hand_and_of_the_arrays(spec, by_hand):
    arrays = jax.eval_shape(build(spec, (2, 9), 100).init, jax.random.key(0))[0]
    assert spec.num_parameters((2, 9), 100) == by_hand == sum(leaf.size for leaf in jax.tree.leaves(arrays))


def test_its_own_size_is_the_base_model_without_biases_of_attention():
    """Six layers of width 512 and 2 048: 44.1 million beside the words, as in the paper (65 million with 37 000)."""
    assert Transformer().num_parameters() == 54_350_848
    assert Transformer(tied="all").num_parameters(num_classes=37_000) == 44_110_848 + 37_000 * 512


def test_words_and_weights_begin_with_the_variances_that_are_stated():
    params = jax.jit(build(Transformer(width=64, depth=1), (2, 3), 2000).init)(jax.random.key(0))[0]
    for table in params["words"].values():
        assert float(jnp.std(table)) == pytest.approx(64**-0.5, rel=0.02)
    kernel = params["encoder"]["0"]["itself"]["inputs"]["kernel"]
    assert float(jnp.var(kernel)) == pytest.approx(2 / (64 + 192), rel=0.03)


def test_dropout_draws_from_its_key_in_training_alone():
    model, params = made(Transformer(width=8, depth=1, heads=2, dropout=0.3))
    x = sentences()
    plain = run(build(Transformer(width=8, depth=1, heads=2), (2, LENGTH), WORDS), params, x)
    np.testing.assert_allclose(run(model, params, x), plain, atol=1e-12)
    first, second = (run(model, params, x, Mode.TRAIN, jax.random.key(seed)) for seed in (0, 1))
    assert np.abs(first - second).max() > 0.01
    assert np.abs(first - plain).max() > 0.01


def test_eigenvalues_of_its_hessian_are_those_of_the_dense_one():
    """Independent: `jax.hessian` of the mean over targets written out, of all weights at once, and LAPACK."""
    spec = Transformer(width=2, depth=1, heads=1, mlp_width=2, tied="all")
    model, params = made(spec)
    x = sentences(8)
    y = np.where(x[:, 1] == PAD, -1, (x[:, 1] + 1) % WORDS).astype(np.int32)
    loss = DatasetLoss(model, {}, x, y, precision="float64", chunk_size=4)
    with jax.enable_x64(True):
        point, unravel = ravel_pytree(jax.tree.map(jnp.asarray, params))

        def mean(vector):
            outputs = model.apply(unravel(vector), {}, jnp.asarray(x), mode=Mode.EVAL)[0]
            chosen = jnp.take_along_axis(jax.nn.log_softmax(outputs), jnp.maximum(y, 0)[..., None], axis=2)[..., 0]
            return -jnp.sum(jnp.where(y >= 0, chosen, 0.0)) / np.sum(y >= 0)

        dense_hessian = np.asarray(jax.jit(jax.hessian(mean))(point))
        np.testing.assert_allclose(float(loss(params)), float(mean(point)), rtol=1e-13)
    expected = np.linalg.eigvalsh(dense_hessian)[::-1][:3]
    found = hessian_eigenvalues(loss, params, k=3, precision="float64", tolerance=1e-9)
    np.testing.assert_allclose(found.value, expected, rtol=1e-8)
    assert found.converged


def test_networks_side_by_side_are_the_networks_alone():
    spec = SPECS["decoder tied"]
    model = build(spec, (2, LENGTH), WORDS)
    x = jnp.asarray(sentences())
    params = [jax.jit(model.init)(jax.random.key(seed))[0] for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *params)
    apply = jax.jit(lambda p: model.apply(p, {}, x, mode=Mode.EVAL)[0])
    together, alone = jax.vmap(apply)(stacked), [apply(p) for p in params]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_width_that_the_heads_do_not_divide_and_inputs_that_are_no_sentences_are_refused():
    with pytest.raises(ValueError, match="expected a width that 8 heads divide, got 12; take a multiple, or fewer"):
        Transformer(width=12)
    with pytest.raises(ValueError, match=r"expects a source and a target .* \(2, length\), got \(8, 8, 1\)"):
        build(Transformer(), (8, 8, 1), 10)
