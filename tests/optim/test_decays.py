"""Which parameters decay: all of them, or the kernels alone."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from basin.models import build as build_model
from basin.optim import build
from basin.optim.decay import kernels
from basin.spec.ids import content_id, static_id
from basin.spec.model import CNN5, MLP
from basin.spec.optimizer import SGD, Adam, AdamW, GradientDescent
from basin.surfaces import trajectory


def test_the_default_is_all_and_leaves_the_identity_as_it_was() -> None:
    plain = Adam(weight_decay=0.1)
    assert plain.decays == "all"
    assert content_id(plain) == content_id(Adam(weight_decay=0.1, decays="all")) == "57ec2a8f8023805a"
    assert static_id(plain) != static_id(Adam(weight_decay=0.1, decays="kernels"))


@pytest.mark.parametrize(
    ("spec", "input_shape"), [(MLP(widths=(3, 4), norm="batch"), (5,)), (CNN5(width=2), (8, 8, 1))]
)
def test_kernels_of_the_zoo_are_what_is_called_kernel(spec, input_shape) -> None:
    """The names are Flax's own; the rule goes by axes and the name of biases, so that the two can disagree."""
    params, _ = build_model(spec, input_shape, 10).init(jax.random.key(0))
    for path, decays in jax.tree_util.tree_leaves_with_path(kernels(params)):
        assert decays == (jax.tree_util.keystr(path[-1:], simple=True) == "kernel")


def test_a_bias_of_several_axes_is_no_kernel() -> None:
    """Equinox gives the bias of a convolution the shape (channels, 1, 1) and its kernel the name `weight`."""
    convolution = {"weight": jnp.ones((4, 3, 3, 3)), "bias": jnp.ones((4, 1, 1))}
    assert kernels(convolution) == {"weight": True, "bias": False}


@pytest.mark.parametrize(
    "spec",
    [
        GradientDescent(learning_rate=0.1, weight_decay=0.5, decays="kernels"),
        SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.5, decay="decoupled", decays="kernels"),
        AdamW(learning_rate=0.1, weight_decay=0.5, decays="kernels"),
    ],
)
def test_without_gradients_the_kernels_shrink_by_one_minus_eta_alpha_and_nothing_else_moves(spec) -> None:
    params = {"dense": {"kernel": jnp.full((2, 3), 2.0), "bias": jnp.ones(3)}, "norm": {"scale": jnp.ones(3)}}
    rule = build(spec)
    update: Any = rule.update(jax.tree.map(jnp.zeros_like, params), rule.init(params), params)[0]
    np.testing.assert_allclose(update["dense"]["kernel"], -0.1 * 0.5 * 2.0, rtol=1e-6)
    assert not np.any(update["dense"]["bias"])
    assert not np.any(update["norm"]["scale"])


def test_coupled_decay_of_kernels_is_the_gradient_of_the_penalty_on_kernels() -> None:
    """The oracle differentiates the penalised loss; the optimiser adds alpha w to the gradient of the loss alone."""
    params = {"kernel": jnp.array([[1.0, -2.0], [0.5, 3.0]]), "bias": jnp.array([4.0, -1.0])}

    def loss(p):
        return jnp.sum(jnp.tanh(jnp.array([[1.0, 2.0]]) @ p["kernel"] + p["bias"]) ** 2)

    def penalised(p):
        return loss(p) + 0.3 / 2 * jnp.sum(p["kernel"] ** 2)

    rule = build(GradientDescent(learning_rate=1.0, weight_decay=0.3, decays="kernels"))
    update, _ = rule.update(jax.grad(loss)(params), rule.init(params), params)
    for mine, oracle in zip(jax.tree.leaves(update), jax.tree.leaves(jax.grad(penalised)(params)), strict=True):
        np.testing.assert_allclose(mine, -oracle, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("rule", [GradientDescent, SGD, Adam])
def test_which_parameters_decay_is_refused_where_nothing_does(rule) -> None:
    with pytest.raises(ValidationError, match="decays='kernels' has no effect at weight_decay=0"):
        rule(learning_rate=0.1, decays="kernels")
    with pytest.raises(ValidationError, match="'all' or 'kernels'"):
        rule(learning_rate=0.1, weight_decay=0.1, decays="weights")


def test_a_point_without_kernels_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an array of two or more axes among the parameters, got none"):
        trajectory(
            lambda x: x[0] ** 2,
            [1.0],
            GradientDescent(learning_rate=0.1, weight_decay=0.1, decays="kernels"),
            num_steps=1,
        )
