"""The networks of Keskar et al. 2017: their sizes, and what they compute against the same written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import TypeAdapter

from basin.models import C1, C2, C3, C4, F1, F2, MLP, AnyModel, Glorot, build
from basin.models.convolution import convolve, lowered_for_training, max_pool, overlapping_max_pool
from basin.models.model import Mode, Model

KEY = jax.random.key(0)
SMALL = {
    "c1": (C1(width=2), (8, 8, 2)),
    "c2": (C2(width=2), (16, 16, 1)),
    "c1 without dropout": (C1(width=2, dropout=False), (7, 7, 1)),
    "c2 without dropout": (C2(width=1, dropout=False), (32, 32, 1)),
}
small = pytest.mark.parametrize(("spec", "shape"), SMALL.values(), ids=SMALL.keys())


def count(model: Model) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(model.init, KEY)[0]))


def outputs(model: Model, params: dict, x: np.ndarray, mode: Mode = Mode.BATCH, seed: int = 0) -> np.ndarray:
    _, state = jax.jit(model.init)(KEY)
    apply = jax.jit(model.apply, static_argnames="mode")
    return np.asarray(apply(params, state, jnp.float32(x), mode=mode, key=jax.random.key(seed))[0])


@pytest.mark.parametrize(
    ("spec", "shape", "classes", "published"),
    [
        (F1(), (784,), 10, 1_462_794),
        (F2(), (360,), 1973, 2_780_085),
        (C1(), (32, 32, 3), 10, 1_757_834),
        (C2(), (32, 32, 3), 10, 14_991_946),
        (C3(), (32, 32, 3), 100, 1_775_204),
        (C4(), (32, 32, 3), 100, 15_038_116),
    ],
)
def test_sizes_are_the_published_ones_and_those_of_the_arrays(
    spec: F1, shape: tuple[int, ...], classes: int, published: int
) -> None:
    # the count in the specification is arithmetic; the arrays are counted after Flax has made their shapes
    assert spec.num_parameters() == spec.num_parameters(shape, classes) == published
    assert count(build(spec, shape, classes)) == published


@small
def test_a_size_at_any_width_and_image_is_that_of_the_arrays(spec: C1, shape: tuple[int, int, int]) -> None:
    assert spec.num_parameters(shape, 7) == count(build(spec, shape, 7))


def test_the_networks_of_more_classes_are_those_of_fewer() -> None:
    for few, many in ((C1(width=2), C3(width=2)), (C2(width=1), C4(width=1))):
        programs = []
        for model in (build(few, (8, 8, 1), 5), build(many, (8, 8, 1), 5)):
            params, state = jax.eval_shape(model.init, KEY)
            programs.append(
                str(
                    jax.make_jaxpr(lambda p, s, x, m=model: m.apply(p, s, x, mode=Mode.EVAL))(
                        params, state, jnp.zeros((2, 8, 8, 1))
                    )
                )
            )
        assert programs[0] == programs[1]
        assert TypeAdapter(AnyModel).validate_json(many.model_dump_json()) == many != few


def test_f2_has_seven_layers() -> None:
    assert F2().as_mlp() == MLP(widths=(512,) * 7, norm="batch", initializer=Glorot())


# --- What they compute -----------------------------------------------------------------------------------------------


def rectified(x: np.ndarray) -> np.ndarray:
    """Batch normalisation by its definition, scale 1 and offset 0, then ReLU."""
    axes = tuple(range(x.ndim - 1))
    return np.maximum((x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-5), 0)


def convolved(x: np.ndarray, layer: dict) -> np.ndarray:
    """Cross-correlation with zeros outside, written as a sum over shifts."""
    kernel = np.asarray(layer["kernel"], np.float64)
    size, side = kernel.shape[0], x.shape[1]
    padded = np.pad(x, ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)))
    shifts = [padded[:, a : a + side, b : b + side] @ kernel[a, b] for a in range(size) for b in range(size)]
    return sum(shifts) + np.asarray(layer["bias"])


def dense(x: np.ndarray, layer: dict) -> np.ndarray:
    return x @ np.asarray(layer["kernel"], np.float64) + np.asarray(layer["bias"])


def windows(x: np.ndarray) -> np.ndarray:
    """The largest of each 3x3 window that begins at an even position: for an even side, nothing is missing before."""
    batch, side, _, channels = x.shape
    before = side % 2
    found = np.empty((batch, (side + 1) // 2, (side + 1) // 2, channels))
    for i, j in np.ndindex(*found.shape[1:3]):
        rows, columns = (slice(max(2 * k - before, 0), 2 * k - before + 3) for k in (i, j))
        found[:, i, j] = x[:, rows, columns].max(axis=(1, 2))
    return found


def shallow_by_hand(params: dict, x: np.ndarray) -> np.ndarray:
    for index in ("0", "1"):
        x = windows(rectified(convolved(x, params["convolutions"][index]["layer"])))
    x = x.reshape(len(x), -1)
    for index in ("0", "1"):
        x = rectified(dense(x, params["dense"][index]["layer"]))
    return dense(x, params["output"])


def deep_by_hand(params: dict, x: np.ndarray) -> np.ndarray:
    for stack, convolutions in enumerate((2, 2, 3, 3, 3)):
        for index in range(convolutions):
            x = rectified(convolved(x, params["stacks"][str(stack)][str(index)]["layer"]))
        if x.shape[1] > 1:  # at 16 pixels the fifth halving has nothing left to halve
            x = x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2, -1).max(axis=(2, 4))
    x = rectified(dense(x.reshape(len(x), -1), params["dense"]["layer"]))
    return dense(x, params["output"])


@small
def test_the_network_is_the_one_written_out_by_hand(spec: C1, shape: tuple[int, int, int]) -> None:
    x = np.random.default_rng(1).normal(size=(12, *shape))
    model = build(spec, shape, 3)
    params = jax.jit(model.init)(KEY)[0]
    by_hand = shallow_by_hand if isinstance(spec, C1) else deep_by_hand
    np.testing.assert_allclose(outputs(model, params, x), by_hand(params, x), rtol=2e-3, atol=2e-3)


def test_initial_weights_are_uniform_as_the_authors_library_draws_them() -> None:
    params = jax.jit(build(C1(), (8, 8, 3), 10).init)(KEY)[0]
    kernel = np.asarray(params["convolutions"]["1"]["layer"]["kernel"])
    bound = np.sqrt(6 / (25 * 64 + 25 * 64))
    assert np.abs(kernel).max() <= bound
    # 102 400 draws: the standard error of the variance is below 0.5 %
    assert kernel.var() == pytest.approx(bound**2 / 3, rel=0.02)
    assert not np.any(params["output"]["bias"])


def test_numbers_are_dropped_in_training_alone_and_the_switch_leaves_the_weights() -> None:
    x = np.random.default_rng(2).normal(size=(12, 8, 8, 1))
    with_dropout, without = build(C1(width=4), (8, 8, 1), 3), build(C1(width=4, dropout=False), (8, 8, 1), 3)
    params = jax.jit(with_dropout.init)(KEY)[0]
    assert (with_dropout.has_dropout, without.has_dropout) == (True, False)
    plain = outputs(without, params, x)
    np.testing.assert_array_equal(outputs(with_dropout, params, x), plain)
    assert np.abs(outputs(with_dropout, params, x, Mode.TRAIN) - plain).max() > 0.05


def shares_dropped(spec: C1 | C2, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """The share that each dropout drops, in the order in which a pass meets them, and the widths of what it drops."""
    from flax import nnx

    met: list[tuple[float, int]] = []
    monkeypatch.setattr(nnx.Dropout, "__call__", lambda self, x: (met.append((self.rate, x.shape[-1])), x)[1])
    model = build(spec, (32, 32, 3), 10)
    params, state = jax.eval_shape(model.init, KEY)
    jax.eval_shape(lambda p, s, x: model.apply(p, s, x, mode=Mode.TRAIN), params, state, jnp.zeros((2, 32, 32, 3)))
    return met


def test_each_layer_drops_what_the_authors_code_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    # facts written out from `network_zoo.py`, layer by layer: share, and channels or units of what is dropped
    assert shares_dropped(C1(), monkeypatch) == [(0.5, 384), (0.5, 192)]
    assert shares_dropped(C2(), monkeypatch) == [
        (0.3, 64),
        (0.4, 128),
        (0.4, 256),
        (0.4, 256),
        (0.4, 512),
        (0.4, 512),
        (0.4, 512),
        (0.4, 512),
        (0.5, 512),
        (0.5, 512),
    ]


# --- How they are lowered --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [1, 3])
def test_both_lowerings_of_a_wide_kernel_are_the_sum_written_out(channels: int, stride: int) -> None:
    rng = np.random.default_rng(0)
    x, kernel, bias = rng.normal(size=(2, 6, 6, channels)), rng.normal(size=(5, 5, channels, 4)), rng.normal(size=4)
    expected = convolved(x, {"kernel": kernel, "bias": bias})[:, ::stride, ::stride]
    for lowering in ("native", "rows"):
        found = convolve(*(jnp.asarray(part, jnp.float32) for part in (x, kernel, bias)), lowering, stride)
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("side", [1, 2, 5, 8])
def test_overlapping_windows_are_those_cut_out_one_by_one_and_of_xla(side: int) -> None:
    # independent: slices of NumPy, and XLA's reduction over windows with its own idea of the padding `same`
    x = np.random.default_rng(side).normal(size=(2, side, side, 3)).astype(np.float32) - 5
    found = overlapping_max_pool(jnp.asarray(x))
    np.testing.assert_array_equal(found, windows(x).astype(np.float32))
    reduced = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME")
    np.testing.assert_array_equal(found, reduced)


@pytest.mark.parametrize("size", [2, 4])
def test_the_largest_of_each_tile_is_that_of_numpy_and_no_number_stays_none(size: int) -> None:
    x = np.random.default_rng(size).normal(size=(3, 8, 8, 2)).astype(np.float32)
    x[0, 0, 0, 0] = x[1, 7, 7, 1] = x[2, 0, 1, 0] = np.nan
    tiles = x.reshape(3, 8 // size, size, 8 // size, size, 2)
    np.testing.assert_array_equal(max_pool(jnp.asarray(x), size), tiles.max(axis=(2, 4)))


@pytest.mark.parametrize("spec", [C1(width=2, dropout=False), C2(width=1, dropout=False)], ids=["c1", "c2"])
def test_the_gradient_lowered_for_training_is_the_native_one(spec: C1) -> None:
    # independent: XLA differentiates its own convolution, JAX the plain maximum; in 64 bits, because so many layers of
    # batch normalisation over a few examples amplify roundings of float32 without bound
    model = build(spec, (8, 8, 1), 3)
    with jax.enable_x64(True):
        params, state = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), jax.jit(model.init)(KEY))
        x, r = (jnp.asarray(np.random.default_rng(3).normal(size=shape)) for shape in ((6, 8, 8, 1), (6, 3)))

        def value(params: dict) -> jax.Array:
            return jnp.sum(r * model.apply(params, state, x, mode=Mode.TRAIN)[0])

        expected = jax.jit(jax.grad(value))(params)
        with lowered_for_training():
            found = jax.jit(jax.grad(lambda params: value(params)))(params)
    a, b = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]) for tree in (found, expected))
    assert a.dtype == np.float64
    assert np.linalg.norm(a - b) < 1e-6 * np.linalg.norm(b)


@pytest.mark.parametrize("spec", [C1(width=1), C2(width=1)], ids=["c1", "c2"])
def test_the_network_has_a_hessian_in_both_precisions(spec: C1) -> None:
    model = build(spec, (8, 8, 1), 3)
    params, state = jax.jit(model.init)(KEY)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (params, state))
        x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 8, 8, 1)))

        def loss(params: dict) -> jax.Array:
            return jnp.sum(model.apply(params, wide[1], x, mode=Mode.EVAL)[0] ** 2)

        product = jax.jit(lambda p: jax.jvp(jax.grad(loss), (p,), (p,))[1])(wide[0])
    leaves = jax.tree.leaves(product)
    assert all(leaf.dtype == jnp.float64 and np.isfinite(leaf).all() for leaf in leaves)
    assert any(np.any(np.asarray(leaf) != 0) for leaf in leaves)


@pytest.mark.parametrize(
    ("spec", "shape"), [(C1(), (784,)), (C1(), (8, 4, 1)), (C2(), (28, 28, 1)), (C4(), (48, 48, 3))]
)
def test_an_image_that_does_not_fit_is_refused_with_what_would(spec: C1, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=rf"{type(spec).__name__} expects square images .* got .*; use an MLP"):
        build(spec, shape, 3)
