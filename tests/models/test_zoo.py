"""The zoo and the adapters: sizes, modes, equality with the same network written out by hand."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from basin.models import (
    C1,
    C2,
    CNN5,
    F1,
    MLP,
    Constant,
    DenseNet,
    Normal,
    Transformer,
    Uniform,
    ViT,
    build,
    from_equinox,
    from_flax,
    from_functions,
)
from basin.models.convolution import convolve, lowered_for_training, max_pool
from basin.models.model import Mode, Model
from basin.models.statistics import recompute

KEY = jax.random.key(0)


def count(model: Model) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(model.init, KEY)[0]))


def inputs(model: Model, batch: int = 12) -> jax.Array:
    if takes_words(model):
        return jax.random.randint(jax.random.key(1), (batch, *model.input_shape), 0, model.num_classes)
    return jax.random.normal(jax.random.key(1), (batch, *model.input_shape))


def takes_words(model: Model) -> bool:
    return model.name.startswith("Transformer")


@functools.cache
def initial(model: Model) -> tuple[dict, dict]:
    return jax.jit(model.init)(KEY)


def drifted(model: Model) -> tuple[dict, dict]:
    """Weights, and running statistics that are far from those of any batch."""
    params, state = initial(model)
    return params, jax.tree.map(lambda a: a + 1 if jnp.issubdtype(a.dtype, jnp.floating) else a, state)


ZOO = {
    "mlp": build(MLP(widths=(16, 8)), (5,), 3),
    "mlp batch norm": build(MLP(widths=(16, 8), norm="batch", dropout=0.5), (5,), 3),
    "mlp batch norm alone": build(MLP(widths=(16, 8), norm="batch", norm_affine=False), (5,), 3),
    "mlp layer norm": build(MLP(widths=(16,), norm="layer", norm_position="after_activation"), (5,), 3),
    "c1": build(C1(width=1), (4, 4, 1), 3),
    "c2": build(C2(width=1), (4, 4, 1), 3),
    "cnn5": build(CNN5(width=2), (8, 8, 1), 3),
    "densenet": build(DenseNet(depth=7, growth=2), (8, 8, 1), 3),
    "vit": build(ViT(width=8, depth=1, heads=2, mlp_width=8, dropout=0.5), (8, 8, 1), 3),
    "transformer": build(Transformer(width=8, depth=1, heads=2, dropout=0.5), (2, 4), 3),
    "flax": from_flax(
        lambda rngs: nnx.Sequential(
            nnx.Linear(5, 4, rngs=rngs),
            nnx.BatchNorm(4, rngs=rngs),
            nnx.Dropout(0.5, rngs=rngs),
            nnx.Linear(4, 3, rngs=rngs),
        ),
        input_shape=(5,),
        num_classes=3,
        name="flax",
    ).model,
    "plain": from_functions(
        lambda key: [jax.random.normal(key, (5, 3))],
        lambda params, x: x @ params[0],
        input_shape=(5,),
        num_classes=3,
        name="plain",
    ).model,
}


class Stateful(eqx.Module):
    first: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    dropout: eqx.nn.Dropout
    last: eqx.nn.Linear

    def __init__(self, key: jax.Array, mode: str) -> None:
        a, b = jax.random.split(key)
        self.first = eqx.nn.Linear(5, 4, key=a)
        self.norm = eqx.nn.BatchNorm(4, axis_name="batch", mode=mode)
        self.dropout = eqx.nn.Dropout(0.5)
        self.last = eqx.nn.Linear(4, 3, key=b)

    def __call__(self, x: jax.Array, state: eqx.nn.State, *, key: jax.Array) -> tuple[jax.Array, eqx.nn.State]:
        x, state = self.norm(self.first(x), state)
        return self.last(self.dropout(x, key=key)), state


for mode in ("batch", "ema"):
    ZOO[f"equinox {mode}"] = from_equinox(
        lambda key, mode=mode: Stateful(key, mode), input_shape=(5,), num_classes=3, name=mode
    ).model
ZOO["equinox mlp"] = from_equinox(
    lambda key: eqx.nn.MLP(5, 3, 4, 1, key=key), input_shape=(5,), num_classes=3, name="eqx mlp"
).model

# compiled whole: a residual network run one operation at a time compiles each of them apart
ZOO = {
    name: dataclasses.replace(model, apply=jax.jit(model.apply, static_argnames="mode")) for name, model in ZOO.items()
}

every_model = pytest.mark.parametrize("model", ZOO.values(), ids=ZOO.keys())
with_statistics = pytest.mark.parametrize(
    "model",
    [m for m in ZOO.values() if m.has_batch_statistics],
    ids=[n for n, m in ZOO.items() if m.has_batch_statistics],
)
with_dropout = pytest.mark.parametrize(
    "model", [m for m in ZOO.values() if m.has_dropout], ids=[n for n, m in ZOO.items() if m.has_dropout]
)


@pytest.mark.parametrize(
    ("spec", "published"),
    [
        (F1(), 1_462_794),
        (CNN5(width=10), 39_330),
        (CNN5(width=16), 99_210),
        (CNN5(width=32), 391_946),
        (CNN5(width=64), 1_558_026),
        (CNN5(width=128), 6_212_618),
    ],
)
def test_sizes_are_the_published_ones_and_those_of_the_arrays(spec: F1 | CNN5, published: int) -> None:
    # the count in the specification is arithmetic; the arrays are counted after Flax has made their shapes
    shape = (784,) if isinstance(spec, F1) else (32, 32, 3)
    assert spec.num_parameters() == published
    assert count(build(spec, shape, 10)) == published


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_the_size_of_an_mlp_is_that_of_its_arrays(norm: str | None) -> None:
    spec = MLP(widths=(7, 5), norm=norm)
    assert spec.num_parameters((4, 3), 6) == count(build(spec, (4, 3), 6))


@pytest.mark.parametrize(
    ("width", "inputs", "size"),
    [(50, 784, 39_760), (51, 784, 40_555), (1, 784, 805), (1000, 784, 795_010), (53, 64, 3_985), (54, 64, 4_060)],
)
def test_a_two_layer_network_has_a_weight_a_label_where_it_can_just_fit(width: int, inputs: int, size: int) -> None:
    """(d + 1) H + (H + 1) K passes n K from H = 50 to 51 at n = 4 000, d = 784, from 53 to 54 at n = 400, d = 64."""
    spec = MLP(widths=(width,))
    num_examples = {784: 4000, 64: 400}[inputs]
    assert spec.num_parameters((inputs,), 10) == size == count(build(spec, (inputs,), 10))
    assert (size < 10 * num_examples) == (width < {784: 51, 64: 54}[inputs])


@every_model
def test_evaluation_is_repeatable_and_leaves_the_state_alone(model: Model) -> None:
    params, state = drifted(model)
    x = inputs(model)
    first, after = model.apply(params, state, x, mode=Mode.EVAL, key=jax.random.key(1))
    second, _ = model.apply(params, state, x, mode=Mode.EVAL, key=jax.random.key(2))
    assert first.shape == ((12, 4, 3) if takes_words(model) else (12, 3))
    np.testing.assert_array_equal(first, second)
    jax.tree.map(np.testing.assert_array_equal, state, after)


@every_model
def test_an_example_is_evaluated_alone_as_in_company(model: Model) -> None:
    params, state = drifted(model)
    x = inputs(model)
    together, _ = model.apply(params, state, x, mode=Mode.EVAL)
    alone, _ = model.apply(params, state, x[3:4], mode=Mode.EVAL)
    np.testing.assert_allclose(together[3:4], alone, rtol=1e-5, atol=1e-6)


@with_dropout
def test_dropout_draws_from_its_key_in_training_and_nowhere_else(model: Model) -> None:
    params, state = initial(model)
    x = inputs(model)

    def outputs(mode: Mode, seed: int) -> np.ndarray:
        return np.asarray(model.apply(params, state, x, mode=mode, key=jax.random.key(seed))[0])

    np.testing.assert_array_equal(outputs(Mode.TRAIN, 1), outputs(Mode.TRAIN, 1))
    assert not np.array_equal(outputs(Mode.TRAIN, 1), outputs(Mode.TRAIN, 2))
    np.testing.assert_array_equal(outputs(Mode.BATCH, 1), outputs(Mode.BATCH, 2))


@with_statistics
def test_recomputed_statistics_make_evaluation_equal_to_a_pass_with_batch_statistics(model: Model) -> None:
    # independent: one side normalises with what it measures on the fly, the other with what was stored before
    params, state = drifted(model)
    x = inputs(model)
    lagging, _ = model.apply(params, state, x, mode=Mode.EVAL)
    recomputed, _ = model.apply(params, recompute(model, params, state, x), x, mode=Mode.EVAL)
    on_the_fly, _ = model.apply(params, state, x, mode=Mode.BATCH)
    np.testing.assert_allclose(recomputed, on_the_fly, rtol=1e-4, atol=1e-5)
    assert np.abs(lagging - on_the_fly).max() > 0.05


@with_statistics
def test_recomputing_forgets_what_was_there(model: Model) -> None:
    params, state = initial(model)
    x = inputs(model)
    fresh = recompute(model, params, state, x)
    again = recompute(model, params, drifted(model)[1], x)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), fresh, again)


def test_first_layer_statistics_do_not_depend_on_the_chunks() -> None:
    model = ZOO["mlp batch norm"]
    params, state = initial(model)
    x = inputs(model, 100)
    whole = recompute(model, params, state, x)["norm"]["0"]
    parts = recompute(model, params, state, x, chunk=33)["norm"]["0"]
    activations = np.asarray(x @ params["dense"]["0"]["kernel"] + params["dense"]["0"]["bias"])
    for statistics in (whole, parts):
        np.testing.assert_allclose(statistics["mean"], activations.mean(0), atol=1e-6)
        np.testing.assert_allclose(statistics["var"], activations.var(0), rtol=1e-4)


def test_the_mlp_is_the_one_written_out_by_hand() -> None:
    model = build(MLP(widths=(6, 5), norm="batch", norm_position="after_activation", activation="tanh"), (4,), 3)
    params, state = initial(model)
    x = np.asarray(inputs(model), np.float64)
    out = x
    for layer in ("0", "1"):
        out = np.tanh(out @ np.asarray(params["dense"][layer]["kernel"]) + np.asarray(params["dense"][layer]["bias"]))
        out = (out - out.mean(0)) / np.sqrt(out.var(0) + 1e-5)
    out = out @ np.asarray(params["output"]["kernel"]) + np.asarray(params["output"]["bias"])
    np.testing.assert_allclose(
        model.apply(params, state, jnp.asarray(x, jnp.float32), mode=Mode.BATCH)[0], out, atol=1e-5
    )


def test_running_averages_move_by_one_minus_the_momentum() -> None:
    model = build(MLP(widths=(6,), norm="batch", norm_momentum=0.75), (4,), 3)
    params, state = initial(model)
    x = inputs(model)
    of_batch = recompute(model, params, state, x)["norm"]["0"]["mean"]
    _, after = model.apply(params, state, x, mode=Mode.TRAIN, key=KEY)
    np.testing.assert_allclose(after["norm"]["0"]["mean"], 0.25 * of_batch, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("initializer", "variance"), [("he", 2 / 400), ("lecun", 1 / 400), ("glorot", 2 / 700)])
def test_initial_weights_have_the_variance_of_their_rule(initializer: str, variance: float) -> None:
    model = build(MLP(widths=(300,), initializer={"kind": initializer}), (400,), 3)
    kernel = np.asarray(model.init(KEY)[0]["dense"]["0"]["kernel"])
    # 120 000 draws: the standard error of the variance is below 0.5 %
    assert kernel.var() == pytest.approx(variance, rel=0.02)
    assert abs(kernel.mean()) < 4 * np.sqrt(variance / kernel.size)


def test_free_initial_scales_mean_what_they_say() -> None:
    model = build(MLP(widths=(300,), initializer=Uniform(epsilon=0.3), bias_initializer=Constant(value=0.1)), (400,), 3)
    layer = model.init(KEY)[0]["dense"]["0"]
    assert np.abs(layer["kernel"]).max() <= 0.3
    assert layer["kernel"].var() == pytest.approx(0.3**2 / 3, rel=0.02)
    assert np.all(layer["bias"] == np.float32(0.1))
    normal = build(MLP(widths=(300,), initializer=Normal(epsilon=0.3)), (400,), 3).init(KEY)[0]["dense"]["0"]["kernel"]
    assert normal.std() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("channels", [1, 3])
def test_both_lowerings_of_a_convolution_agree_with_sums_written_out(channels: int) -> None:
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 4, 4, channels)), rng.normal(size=(3, 3, channels, 5))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.zeros((2, 4, 4, 5))
    for i, j, di, dj in np.ndindex(4, 4, 3, 3):
        expected[:, i, j] += padded[:, i + di, j + dj] @ kernel[di, dj]
    for lowering in ("native", "rows"):
        found = convolve(jnp.asarray(x, jnp.float32), jnp.asarray(kernel, jnp.float32), jnp.zeros(5), lowering)
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 8])
def test_gradients_as_rows_are_those_of_the_native_convolution(channels: int) -> None:
    # independent: JAX differentiates the native convolution and the plain maximum itself
    keys = jax.random.split(KEY, 3)
    x, kernel = jax.random.normal(keys[0], (2, 4, 4, channels)), jax.random.normal(keys[1], (3, 3, channels, 5))
    weights = jax.random.normal(keys[2], (2, 2, 2, 5))

    def value(x: jax.Array, kernel: jax.Array, lowering: str) -> jax.Array:
        return jnp.sum(weights * max_pool(convolve(x, kernel, jnp.ones(5), lowering), 2))

    expected = jax.grad(value, argnums=(0, 1))(x, kernel, "native")
    with lowered_for_training():
        found = jax.grad(value, argnums=(0, 1))(x, kernel, "rows")
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_network_that_convolves_has_a_hessian_outside_training() -> None:
    model = ZOO["cnn5"]
    params, state = initial(model)
    x = inputs(model)

    def loss(params: dict) -> jax.Array:
        return jnp.sum(model.apply(params, state, x, mode=Mode.EVAL)[0] ** 2)

    product = jax.jvp(jax.grad(loss), (params,), (params,))[1]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(product))


def test_pooling_takes_the_largest_of_each_tile() -> None:
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(max_pool(x, 2)[0, :, :, 0], [[5, 7], [13, 15]])
    assert max_pool(x, 1) is x


def test_a_model_is_built_once() -> None:
    assert build(MLP(widths=(3,)), (5,), 2) is build(MLP(widths=(3,)), (5,), 2)


def test_a_network_that_cannot_take_the_data_says_so() -> None:
    with pytest.raises(ValueError, match=r"CNN5 expects square images .* got \(64,\); use an MLP"):
        build(CNN5(), (64,), 10)


def test_a_brought_model_is_named_by_what_it_computes() -> None:
    def bring(scale: float) -> str:
        return from_functions(
            lambda key: jax.random.normal(key, (5, 3)),
            lambda w, x: scale * x @ w,
            input_shape=(5,),
            num_classes=3,
            name="m",
        ).spec.fingerprint

    assert bring(1.0) == bring(1.0)
    assert bring(1.0) != bring(2.0)


def test_a_brought_model_with_another_number_of_outputs_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected outputs of shape \(batch, 4\), got \(2, 3\)"):
        from_functions(
            lambda key: jnp.zeros((5, 3)), lambda w, x: x @ w, input_shape=(5,), num_classes=4, name="three outputs"
        )
