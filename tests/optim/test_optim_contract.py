"""What every registered optimiser must do; being in the registry enters a rule here."""

import subprocess
import sys
import typing

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import basin.optim
from basin.optim import Cosine, build
from basin.optim.registry import RULES
from basin.spec.base import traced_leaves, with_leaves
from basin.spec.ids import static_id
from basin.spec.optimizer import Optimizer

PARAMS = {"dense": {"kernel": np.array([[1.0, -2.0], [0.5, 0.0]]), "bias": np.array([0.0, 3.0])}}


def specs_of(rule):
    """Return the rule plain, and with every stage there is."""
    yield rule(learning_rate=0.05)
    full = {"learning_rate": Cosine(initial=0.05), "weight_decay": 0.1, "clip_norm": 1.0}
    if "momentum" in rule.model_fields:
        full |= {"momentum": 0.9, "nesterov": True, "momentum_form": "averaged"}
    yield rule(**full)
    if "decay" in rule.model_fields:
        yield rule(**full, decay="decoupled")
    if "bias_correction" in rule.model_fields:
        yield rule(**full, bias_correction=False)


SPECS = [spec for rule in RULES for spec in specs_of(rule)]
every_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}-{static_id(spec)[:4]}")


def bowl_gradient(w):
    return w


def walk(spec, params, leaves=None, steps=20, num_steps=20, gradient=bowl_gradient):
    """Return parameters and memory after some updates in one scan; on a bowl around 0 unless told."""
    rule = build(with_leaves(spec, leaves) if leaves else spec, num_steps=num_steps)

    def step(carry, _):
        w, state = carry
        updates, state = rule.update(gradient(w), state, w)
        return (optax.apply_updates(w, updates), state), None

    return jax.lax.scan(step, (params, rule.init(params)), None, length=steps)[0]


def as_arrays(dtype):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), PARAMS)


def test_every_specification_can_be_built():
    assert set(RULES) == set(typing.get_args(Optimizer))


@every_spec
def test_memory_is_a_tree_of_arrays(spec):
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(build(spec, 10).init(as_arrays("float32"))))


@every_spec
@pytest.mark.parametrize(("dtype", "wide"), [("float32", False), ("float32", True), ("float64", True)])
def test_types_are_kept_when_the_numbers_are_traced(spec, dtype, wide):
    """With wide numbers and narrow weights too, where an unguarded scan refuses a memory that changed its type."""
    with jax.enable_x64(wide):
        leaves = {path: jnp.asarray(value, jnp.result_type(float)) for path, value in traced_leaves(spec).items()}
        out = jax.eval_shape(lambda leaves: walk(spec, as_arrays(dtype), leaves, steps=2), leaves)
        floats = [leaf for leaf in jax.tree.leaves(out) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        assert {leaf.dtype for leaf in floats} == {jnp.dtype(dtype)}


@every_spec
def test_zero_weights_with_zero_gradients_stay_zero(spec):
    """Decoupled decay is proportional to the weight: a peer's subtracted a constant and moved zeros to -0.01."""
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), PARAMS)
    params, state = walk(spec, zeros, steps=3, gradient=lambda w: jax.tree.map(jnp.zeros_like, w))
    assert all(not jnp.any(leaf) for leaf in jax.tree.leaves(params))
    assert all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(state))


@every_spec
def test_it_descends_on_a_bowl(spec):
    start = as_arrays("float32")
    end, _ = walk(spec, start, steps=50, num_steps=50)
    assert optax.tree.norm(end) < optax.tree.norm(start)


@every_spec
def test_runs_in_company_equal_runs_alone(spec):
    """vmap over the learning rate and the length, in float64."""
    with jax.enable_x64(True):
        leaves, params = traced_leaves(spec), as_arrays("float64")
        rate = next(path for path in leaves if path.startswith("learning_rate"))
        rates, lengths = jnp.array([0.01, 0.03, 0.05]), jnp.array([20, 25, 40])
        many, _ = jax.vmap(lambda value, n: walk(spec, params, {rate: value}, num_steps=n))(rates, lengths)
        alone, _ = walk(with_leaves(spec, {rate: 0.03}), params, num_steps=25)
        for one, of_many in zip(jax.tree.leaves(alone), jax.tree.leaves(many), strict=True):
            np.testing.assert_allclose(of_many[1], one, rtol=1e-10, atol=1e-12)


@every_spec
def test_one_program_serves_every_value_of_the_traced_numbers(spec):
    traces = []

    @jax.jit
    def train(leaves, num_steps):
        traces.append(spec.kind)
        return walk(spec, as_arrays("float32"), leaves, steps=2, num_steps=num_steps)

    leaves = traced_leaves(spec)
    for factor, num_steps in [(1.0, 10), (0.5, 20), (0.25, 30)]:
        train({path: value * factor for path, value in leaves.items()}, num_steps)
    assert len(traces) == 1


def test_plain_sgd_remembers_nothing_and_momentum_one_copy():
    params = as_arrays("float32")
    sizes = {
        kind: sum(leaf.size for leaf in jax.tree.leaves(build(spec).init(params)))
        for kind, spec in {
            "plain": basin.optim.SGD(learning_rate=0.1),
            "descent": basin.optim.GradientDescent(learning_rate=0.1),
            "momentum": basin.optim.SGD(learning_rate=0.1, momentum=0.9),
            "adam": basin.optim.Adam(),
        }.items()
    }
    assert sizes == {"plain": 0, "descent": 0, "momentum": 6, "adam": 13}


def test_what_is_no_optimiser_is_refused():
    with pytest.raises(ValueError, match=r"expected the specification of an optimiser .*got Cosine"):
        build(Cosine(initial=0.1))


def test_describing_an_optimiser_imports_no_jax():
    code = "import sys, basin.optim as o; o.Adam(learning_rate=o.Cosine(initial=1)); print('jax' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_every_public_name_is_there_and_an_unknown_one_is_named():
    assert all(getattr(basin.optim, name) is not None for name in basin.optim.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Adagrad'"):
        basin.optim.Adagrad  # noqa: B018
