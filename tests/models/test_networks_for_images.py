"""Residual, plain, dense and attention networks: sizes, and what they compute against the same written out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from pydantic import ValidationError

from basin.models import VGG11, DenseNet, ResNet18, ViT, build
from basin.models.convolution import convolve, lowered_for_training, mean_pool
from basin.models.model import Mode

KEY = jax.random.key(0)
AUTHORS_VIT = ViT(patch=4, width=768, depth=12, heads=12, mlp_width=3072, attention_scale="width")


def weights(spec: object, shape: tuple[int, ...]) -> dict:
    return jax.tree.map(np.asarray, jax.jit(build(spec, shape, 3).init)(KEY)[0])


def outputs(spec: object, params: dict, x: np.ndarray, mode: Mode = Mode.BATCH) -> np.ndarray:
    model = build(spec, x.shape[1:], 3)
    _, state = jax.jit(model.init)(KEY)
    return np.asarray(jax.jit(model.apply, static_argnames="mode")(params, state, jnp.float32(x), mode=mode)[0])


@pytest.mark.parametrize(
    ("spec", "published"),
    [
        (ResNet18(), 11_171_146),
        (ResNet18(width=1), 2_947),
        (ResNet18(width=3), 25_165),
        (ResNet18(width=5), 69_175),
        (ResNet18(width=10), 274_540),
        (ResNet18(width=12), 394_822),
        (ResNet18(width=16), 700_762),
        (ResNet18(width=32), 2_796_202),
        (VGG11(), 9_231_114),
        (DenseNet(), 1_019_722),
    ],
)
def test_sizes_are_the_published_ones_and_those_of_the_arrays(spec: ResNet18, published: int) -> None:
    # the count in the specification is arithmetic; the arrays are counted after Flax has made their shapes
    model = build(spec, (32, 32, 3), 10)
    assert spec.num_parameters() == published
    assert sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(model.init, KEY)[0])) == published


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (ResNet18(width=3), (16, 16, 1)),
        (VGG11(width=2), (8, 8, 3)),
        (DenseNet(depth=10, growth=5), (16, 16, 2)),
        (ViT(width=12, depth=2, heads=3, mlp_width=7), (8, 8, 3)),
        (AUTHORS_VIT, (32, 32, 3)),
    ],
)
def test_a_size_at_any_width_is_that_of_the_arrays(spec: ViT, shape: tuple[int, int, int]) -> None:
    arrays = jax.tree.leaves(jax.eval_shape(build(spec, shape, 7).init, KEY)[0])
    assert spec.num_parameters(shape, 7) == sum(leaf.size for leaf in arrays)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 3])
def test_a_convolution_at_every_other_position_is_the_sum_written_out(size: int, stride: int) -> None:
    rng = np.random.default_rng(0)
    x, kernel, bias = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(size, size, 3, 5)), rng.normal(size=5)
    reach = size // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    expected = np.tile(bias, (2, 6 // stride, 6 // stride, 1))
    for i, j, a, b in np.ndindex(*expected.shape[1:3], size, size):
        expected[:, i, j] += padded[:, stride * i + a, stride * j + b] @ kernel[a, b]
    for lowering in ("native", "rows"):
        found = convolve(*(jnp.asarray(part, jnp.float32) for part in (x, kernel, bias)), lowering, stride)
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("spec", [ResNet18(width=2), VGG11(width=2), DenseNet(depth=7, growth=2)])
def test_the_gradient_lowered_for_training_is_the_native_one(spec: ResNet18) -> None:
    # independent: XLA differentiates its own convolution and the plain maximum
    model = build(spec, (8, 8, 1), 3)
    params, state = jax.jit(model.init)(KEY)
    x, r = jax.random.normal(KEY, (4, 8, 8, 1)), jax.random.normal(jax.random.key(1), (4, 3))

    def value(params: dict) -> jax.Array:
        return jnp.sum(r * model.apply(params, state, x, mode=Mode.TRAIN)[0])

    expected = jax.jit(jax.grad(value))(params)
    with lowered_for_training():
        found = jax.jit(jax.grad(lambda params: value(params)))(params)
    a, b = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]) for tree in (found, expected))
    # few examples under batch normalisation amplify float32 roundings; a wrong term would show at order 1
    assert np.linalg.norm(a - b) < 1e-3 * np.linalg.norm(b)


def _normed(x: np.ndarray) -> np.ndarray:
    """Batch normalisation by its definition, scale 1 and offset 0."""
    return (x - x.mean(axis=(0, 1, 2))) / np.sqrt(x.var(axis=(0, 1, 2)) + 1e-5)


def _convolved(x: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """Cross-correlation as a sum over shifts, in NumPy."""
    side = x.shape[1]
    if kernel.shape[0] == 1:
        return x[:, ::stride, ::stride] @ kernel[0, 0]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        padded[:, a : a + side : stride, b : b + side : stride] @ kernel[a, b] for a in range(3) for b in range(3)
    )


def test_the_residual_network_is_the_one_written_out_by_hand() -> None:
    spec, x = ResNet18(width=2), np.random.default_rng(1).normal(size=(5, 16, 16, 1))
    params = weights(spec, x.shape[1:])
    out = _convolved(x, params["first"]["kernel"])
    for index in range(8):
        block, stride = params["blocks"][str(index)], 2 if index in (2, 4, 6) else 1
        active = np.maximum(_normed(out), 0)
        kept = _convolved(active, block["shortcut"]["kernel"], stride) if stride == 2 else out
        inner = np.maximum(_normed(_convolved(active, block["convolution_1"]["kernel"], stride)), 0)
        out = kept + _convolved(inner, block["convolution_2"]["kernel"])
    expected = out.mean(axis=(1, 2)) @ params["output"]["kernel"]
    np.testing.assert_allclose(outputs(spec, params, x), expected, rtol=1e-3, atol=1e-3)


def test_the_dense_network_is_the_one_written_out_by_hand() -> None:
    spec, x = DenseNet(depth=10, growth=3), np.random.default_rng(2).normal(size=(5, 8, 8, 2))
    params = weights(spec, x.shape[1:])
    out = _convolved(x, params["first"]["kernel"])
    for stage in range(3):
        for layer in range(2):
            kernel = params["stages"][str(stage)][str(layer)]["convolution"]["kernel"]
            out = np.concatenate([out, _convolved(np.maximum(_normed(out), 0), kernel)], axis=-1)
        if stage < 2:
            out = _convolved(np.maximum(_normed(out), 0), params["transitions"][str(stage)]["convolution"]["kernel"])
            out = (out[:, ::2, ::2] + out[:, 1::2, ::2] + out[:, ::2, 1::2] + out[:, 1::2, 1::2]) / 4
    expected = np.maximum(_normed(out), 0).mean(axis=(1, 2)) @ params["output"]["kernel"]
    np.testing.assert_allclose(outputs(spec, params, x), expected, rtol=1e-3, atol=1e-3)


def test_the_plain_network_is_the_one_written_out_by_hand() -> None:
    spec, x = VGG11(width=2), np.random.default_rng(3).normal(size=(5, 16, 16, 1))
    params, out = weights(spec, x.shape[1:]), x
    for index in range(8):
        out = np.maximum(_normed(_convolved(out, params["convolutions"][str(index)]["kernel"])), 0)
        if index in (0, 1, 3, 5):  # at 16 pixels the fifth halving has nothing left to halve
            out = out.reshape(5, out.shape[1] // 2, 2, out.shape[2] // 2, 2, -1).max(axis=(2, 4))
    np.testing.assert_allclose(outputs(spec, params, x), out[:, 0, 0] @ params["output"]["kernel"], atol=1e-3)


def _layer_normed(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * scipy.special.ndtr(x)


@pytest.mark.parametrize("scale", ["head", "width"])
def test_the_transformer_is_the_one_written_out_by_hand(scale: str) -> None:
    spec = ViT(patch=2, width=6, depth=2, heads=2, mlp_width=5, attention_scale=scale)
    x = np.random.default_rng(4).normal(size=(3, 4, 4, 1))
    params = weights(spec, x.shape[1:])
    tiles = [x[:, i : i + 2, j : j + 2].reshape(3, -1) for i in (0, 2) for j in (0, 2)]
    tokens = np.stack(tiles, axis=1) @ params["embed"]["kernel"]
    tokens = np.concatenate([np.tile(params["class_token"], (3, 1, 1)), tokens], axis=1) + params["positions"]
    for index in ("0", "1"):
        block = params["blocks"][index]
        query, key, value = np.split(_layer_normed(tokens) @ block["attention"]["inputs"]["kernel"], 3, axis=-1)
        heads = []
        for head in (slice(0, 3), slice(3, 6)):
            products = query[..., head] @ key[..., head].swapaxes(1, 2) / np.sqrt(3 if scale == "head" else 6)
            heads.append(scipy.special.softmax(products, axis=-1) @ value[..., head])
        tokens = tokens + np.concatenate(heads, axis=-1) @ block["attention"]["mix"]["kernel"]
        hidden = _gelu(_layer_normed(tokens) @ block["perceptron"]["hidden"]["kernel"])
        tokens = tokens + hidden @ block["perceptron"]["output"]["kernel"]
    hidden = _gelu(_layer_normed(tokens[:, 0]) @ params["head"]["hidden"]["kernel"])
    np.testing.assert_allclose(outputs(spec, params, x), hidden @ params["head"]["output"]["kernel"], atol=1e-4)


def test_without_positions_a_transformer_does_not_see_the_order_of_patches() -> None:
    spec, x = ViT(patch=2, width=8, depth=2, heads=2, mlp_width=8), np.random.default_rng(5).normal(size=(2, 4, 4, 1))
    params = weights(spec, x.shape[1:])
    swapped = np.concatenate([x[:, 2:], x[:, :2]], axis=1)
    assert np.abs(outputs(spec, params, x) - outputs(spec, params, swapped)).max() > 1e-4
    params["positions"] = np.zeros_like(params["positions"])
    np.testing.assert_allclose(outputs(spec, params, x), outputs(spec, params, swapped), atol=1e-5)


def test_the_mean_of_tiles_is_the_mean_of_their_entries() -> None:
    x = jnp.arange(32.0).reshape(1, 4, 4, 2)
    assert mean_pool(x, 2)[0, 0, 1].tolist() == [np.mean([4, 6, 12, 14]), np.mean([5, 7, 13, 15])]


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (ResNet18(), (12, 12, 3)),
        (ResNet18(), (64,)),
        (VGG11(), (28, 28, 1)),
        (DenseNet(), (16, 8, 1)),
        (ViT(patch=5), (16, 16, 1)),
    ],
)
def test_an_image_that_does_not_fit_is_refused_with_what_would(spec: ViT, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expects square images .* a multiple of \d+, got .*; use an MLP"):
        build(spec, shape, 3)


def test_depths_and_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValidationError, match="expected a depth of 3 n"):
        DenseNet(depth=41)
    with pytest.raises(ValidationError, match="expected heads that divide the width 64, got 5"):
        ViT(heads=5)
