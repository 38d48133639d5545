"""What every registered measure promises, with its defaults: guarded, counted, repeatable, and leaving no trace."""

import dataclasses
import math
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from measure_cases import leaf_bytes, network, quadratic

from basin.measure import MEASURES, Measurement


def wide(params):
    return jax.tree.map(np.float64, params)


def on_quadratic():
    loss = quadratic(np.array([2.0, 1.0, 0.5]))
    return lambda params: loss(params["w"]), {"w": jnp.array([0.3, -1.0, 2.0])}


CASES = {
    "quadratic": on_quadratic,
    "quadratic, float64": lambda: (on_quadratic()[0], wide(on_quadratic()[1])),
    "network": network,
    "network, float64": lambda: (network()[0].astype("float64"), wide(network()[1])),
    "a constant": lambda: (lambda p: jnp.sum(0 * p), jnp.ones(70)),
    "one weight": lambda: (lambda p: jnp.sum(p**2), jnp.ones(1)),
}

every = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())
anywhere = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def contents(result):
    """Return a result's fields as comparable text, without the time."""
    return {
        field.name: repr(getattr(result, field.name)) for field in dataclasses.fields(result) if field.name != "seconds"
    }


@every
@anywhere
def test_defaults_work_twice_alike_and_leave_no_trace(measure, case):
    loss, params = case()
    before, state, python_state = leaf_bytes(params), np.random.get_state()[1].tobytes(), random.getstate()  # noqa: NPY002
    first, second = measure(loss, params), measure(loss, params)
    assert contents(first) == contents(second)
    assert np.asarray(first.value).tobytes() == np.asarray(second.value).tobytes()
    assert leaf_bytes(params) == before
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002
    assert random.getstate() == python_state
    assert not jax.config.read("jax_enable_x64")


@every
@anywhere
def test_a_result_is_never_a_bare_float(measure, case):
    result = measure(*case())
    assert isinstance(result, Measurement)
    assert np.all(np.isfinite(result.value))
    assert result.converged
    assert result.num_passes == sum(result.num_evaluations.values()) > 0
    assert result.seconds > 0
    assert result.precision in result.definition
    assert result.checks
    assert result.key == "seed 0 (the default)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.value = 1.0


@every
@pytest.mark.parametrize(("key", "text"), [(7, "seed 7"), (jax.random.key(7), "key 00000000-00000007")])
def test_the_key_is_recorded_whatever_its_form(measure, key, text):
    assert measure(*network(), key=key).key == text
    np.testing.assert_array_equal(measure(*network(), key=key).value, measure(*network(), key=7).value)


@every
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_point_without_a_finite_loss_is_refused(measure, value):
    with pytest.raises(ValueError, match="expected a finite loss at the point"):
        measure(lambda w: jnp.sum(w) * value, jnp.ones(3))


@every
@pytest.mark.parametrize(
    ("loss", "params", "message"),
    [
        (lambda w: w, jnp.ones(3), "one real number"),
        (lambda w: jnp.sum(w).astype(jnp.int32), jnp.ones(3), "one real number"),
        (jnp.sum, {"w": jnp.ones(3), "n": 3}, "floating-point arrays, got a leaf of int"),
        (jnp.sum, {}, "got no leaf"),
        ("loss", jnp.ones(3), "expected a callable"),
    ],
)
def test_what_is_no_loss_is_refused(measure, loss, params, message):
    with pytest.raises(ValueError, match=message):
        measure(loss, params)


@every
def test_a_pytree_of_any_shape_and_half_precision_is_measured(measure):
    params = [jnp.ones((2, 2), jnp.bfloat16), (np.ones(3, np.float32), {"deep": jnp.zeros(())})]
    assert measure(lambda p: sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(p)), params).converged
