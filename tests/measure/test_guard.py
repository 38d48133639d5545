"""The guard refuses what is no single function of the weights, says how to mend it, and lets pass what is one."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measure_cases import CLASSES, INPUTS, network

from basin.loss import DatasetLoss
from basin.measure import hessian_eigenvalues, keskar_sharpness
from basin.measure.downcast import find_downcast
from basin.measure.guard import guard
from basin.measure.objective import Objective
from basin.models.model import Mode, Model

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((40, INPUTS)).astype(np.float32)
Y = RANDOM.integers(0, CLASSES, 40).astype(np.int32)
W = jnp.asarray(RANDOM.standard_normal((INPUTS, CLASSES)), jnp.float32)


def loss_of(apply, **options):
    model = Model("odd", None, apply, (INPUTS,), CLASSES, has_batch_statistics="batch_norm" in options)
    return DatasetLoss(model, {"mean": jnp.zeros(INPUTS)}, X, Y, chunk_size=10, **options)


def across_examples(params, state, x, *, mode, key=None):
    return (x - jnp.mean(x, axis=0)) @ params, state


def dropout_by_position(params, state, x, *, mode, key=None):
    return (x * jax.random.bernoulli(jax.random.key(7), 0.5, x.shape)) @ params, state


def batch_normalised(params, state, x, *, mode, key=None):
    return (x - (state["mean"] if mode is Mode.EVAL else jnp.mean(x, axis=0))) @ params, state


def check(loss, params, precision="float64", allow=()):
    return guard(Objective(loss, params, precision), KEY, allow)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("num_examples", [1, 2, 60, 300])
def test_an_honest_network_passes(precision, num_examples):
    _, text = check(*network(num_examples), precision)
    assert "permuted examples" in text or num_examples == 1


@pytest.mark.parametrize("apply", [across_examples, dropout_by_position])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_looks_at_its_batch_is_refused_although_it_repeats_exactly(apply, precision):
    assert float(loss_of(apply)(W)) == float(loss_of(apply)(W))
    with pytest.raises(ValueError, match=r"no chunking or order of examples changes.*allow='examples'"):
        check(loss_of(apply), W, precision)
    _, text = check(loss_of(apply), W, precision, allow="examples")
    assert text.startswith("allowed although expected a loss that no chunking")


@pytest.mark.parametrize(("batch_norm", "allow"), [("running", "batch_norm"), ("batch", ("batch_norm", "examples"))])
def test_statistics_that_are_not_recomputed_are_refused(batch_norm, allow):
    loss = loss_of(batch_normalised, batch_norm=batch_norm)
    with pytest.raises(ValueError, match=f"expected batch_norm='recomputed', got '{batch_norm}'"):
        check(loss, W)
    assert "allowed although" in check(loss, W, allow=allow)[1]
    assert "allowed" not in check(loss_of(batch_normalised, batch_norm="recomputed"), W)[1]


def test_an_opaque_callable_is_checked_for_repeatability_and_says_that_this_is_all():
    _, text = check(lambda w: jnp.sum(w**2), W)
    assert text == "repeats exactly, which is all that can be checked of an opaque callable"


def test_a_callable_that_does_not_repeat_is_refused():
    count = itertools.count()

    def noisy(w):
        return jnp.sum(w**2) + jax.pure_callback(lambda: np.float32(next(count)), jax.ShapeDtypeStruct((), jnp.float32))

    with pytest.raises(ValueError, match="expected the same loss twice"):
        check(noisy, W)


@pytest.mark.parametrize(
    "narrow",
    [
        lambda w: jnp.sum(w.astype(jnp.float32) ** 2),
        lambda w: jnp.sum(jax.jit(lambda v: v.astype(jnp.bfloat16))(w) * w),
        lambda w: jnp.sum(jax.lax.reduce_precision(w, exponent_bits=8, mantissa_bits=7)),
        lambda w: jax.lax.fori_loop(0, 2, lambda _, s: s + jnp.sum(w.astype(jnp.float32)), jnp.float32(0)),
    ],
    ids=["cast", "inside jit", "reduce_precision", "inside a loop"],
)
def test_a_cast_inside_a_float64_measure_is_refused_with_the_remedy(narrow):
    for measure in (keskar_sharpness, hessian_eigenvalues):
        with pytest.raises(ValueError, match=r"expected a loss that stays in float64.*precision='float32'"):
            measure(narrow, jnp.ones(4), precision="float64")
    assert hessian_eigenvalues(narrow, jnp.ones(4), precision="float32", k=1).float32_error is None
    keskar_sharpness(narrow, jnp.ones(4), precision="float32")


def test_a_network_with_a_fixed_dtype_is_refused_in_float64():
    fixed = loss_of(lambda p, state, x, *, mode, key=None: (x.astype(jnp.float32) @ p.astype(jnp.float32), state))
    with pytest.raises(ValueError, match=r"convert_element_type: f64 -> f32"):
        keskar_sharpness(fixed, W)


def test_widening_and_integers_are_no_casts_to_refuse():
    with jax.enable_x64(True):
        jaxpr = jax.make_jaxpr(lambda w: jnp.sum(w * jnp.float32(2)) + jnp.argmax(w))(jnp.ones(3))
    assert find_downcast(jaxpr.jaxpr) is None


def test_an_unknown_permission_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'examples'"):
        check(*network(), allow=("example",))
