"""Schedules against the figures printed in their sources, against integer arithmetic, and against optax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from basin.optim import (
    Adam,
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    Linear,
    PowerLaw,
    Step,
    Warmup,
    build,
    schedule_value,
)
from basin.optim.schedules import FORMULAS
from basin.spec.base import traced_leaves, with_leaves
from basin.spec.schedule import Schedule, kinds

EXAMPLES = {
    "constant": Constant(value=0.1),
    "linear": Linear(initial=0.1, final=0.001, until=0.5),
    "power law": PowerLaw(initial=0.1, power=-0.5, scale=0.1),
    "stairs": PowerLaw(initial=0.1, power=-0.5, scale=0.1, every=0.1),
    "exponential": Exponential(initial=0.1, decay=0.5, scale=0.1),
    "cosine": Cosine(initial=0.1, final=0.01),
    "step": Step(initial=0.1, factor=0.1, at=(0.3, 0.6)),
    "warm-up": Warmup(fraction=0.1, then=Cosine(initial=0.1), start=0.25),
    "inverse square root": InverseSquareRoot(peak=0.1, warmup=0.2),
}


def test_every_schedule_has_an_example_and_a_formula():
    assert set(kinds(Schedule).values()) == set(FORMULAS) == {type(spec) for spec in EXAMPLES.values()}


@pytest.mark.parametrize(
    ("schedule", "printed"),
    [
        (Linear(initial=0.1, final=0.001), 0.0802),
        (PowerLaw(initial=0.1, power=-0.5, scale=0.1), 0.0577),
        (Exponential(initial=0.1, decay=0.5, scale=0.1), 0.025),
    ],
)
def test_figures_of_the_book(schedule, printed):
    """eta0 = 0.1, tau = 20 and K = 100, s = 10: as fractions of a budget of 100 updates, p = 0.2 and s = 0.1."""
    assert float(schedule_value(schedule, 20 / 100)) == pytest.approx(printed, abs=5e-5)


@pytest.mark.parametrize("total", [500_000, 1_000_000, 39_000, 99_999])
def test_stairs_of_nakkiran_are_exact_at_every_update_in_float32(total):
    """0.1 / sqrt(1 + floor(t / 512)) with t an integer: no update is one stair early or late through rounding."""
    t = np.arange(total)
    spec = PowerLaw(initial=0.1, power=-0.5, scale=512 / total, every=512 / total)
    values = jax.jit(lambda t: schedule_value(spec, t.astype(jnp.float32) / total))(t)
    np.testing.assert_allclose(values, 0.1 / np.sqrt(1 + t // 512), rtol=1e-6)


@pytest.mark.parametrize("total", [90, 117_000, 999_999])
def test_steps_fall_at_their_update(total):
    """Goyal et al. 2017: a tenth at 30, 60 and 80 of 90 epochs."""
    t = np.arange(total)
    spec = Step(initial=0.1, factor=0.1, at=(30 / 90, 60 / 90, 80 / 90))
    values = jax.jit(lambda t: schedule_value(spec, t.astype(jnp.float32) / total))(t)
    drops = sum((t * 90 >= epoch * total).astype(int) for epoch in (30, 60, 80))
    np.testing.assert_allclose(values, 0.1 * 0.1**drops, rtol=1e-6)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Cosine(initial=0.3, final=0.03), optax.cosine_decay_schedule(0.3, 200, alpha=0.1)),
        (Linear(initial=0.3, final=0.1, until=0.5), optax.linear_schedule(0.3, 0.1, 100)),
        (Exponential(initial=0.3, decay=0.7, scale=0.25), optax.exponential_decay(0.3, 50, 0.7)),
        (
            Warmup(fraction=0.1, then=Cosine(initial=0.3), start=0.2),
            optax.warmup_cosine_decay_schedule(0.06, 0.3, 20, 200),
        ),
        (
            Warmup(fraction=0.1, then=0.3),
            optax.warmup_constant_schedule(0.0, 0.3, 20),
        ),
    ],
)
def test_agrees_with_optax_where_it_has_the_schedule(ours, theirs):
    values = [float(schedule_value(ours, t / 200)) for t in range(0, 201, 3)]
    np.testing.assert_allclose(values, [float(theirs(t)) for t in range(0, 201, 3)], rtol=2e-6, atol=1e-7)


def test_warmup_reaches_the_inverse_root_schedule_of_transformers():
    """min(t / w, sqrt(w / t)), w updates of warm-up: what follows is a power law of scale f / (1 - f)."""
    f = 0.05
    spec = Warmup(fraction=f, then=PowerLaw(initial=1.0, power=-0.5, scale=f / (1 - f)))
    p = np.linspace(0.001, 1, 50)
    np.testing.assert_allclose(schedule_value(spec, p), np.minimum(p / f, np.sqrt(f / p)), rtol=1e-5)


@pytest.mark.parametrize(("width", "updates", "total"), [(512, 4000, 100_000), (64, 400, 8000)])
def test_the_inverse_root_schedule_is_the_formula_of_vaswani(width, updates, total):
    """d^(-1/2) min(t^(-1/2), t w^(-3/2)), in float64; at t = 0, where the formula has no value, it is 0."""
    t = np.array([1, 2, 7, updates - 1, updates, updates + 1, total // 2, total])
    spec = InverseSquareRoot(peak=(width * updates) ** -0.5, warmup=updates / total)
    expected = width**-0.5 * np.minimum(t**-0.5, t * updates**-1.5)
    np.testing.assert_allclose(schedule_value(spec, t / total), expected, rtol=1e-6)
    assert float(schedule_value(spec, 0.0)) == 0


@pytest.mark.parametrize("case", EXAMPLES)
def test_values_hold_past_the_budget_and_keep_shape_and_type(case):
    values = schedule_value(EXAMPLES[case], jnp.array([[1.0, 2.0]]))
    assert values.shape == (1, 2)
    assert values.dtype == jnp.float32
    assert values[0, 0] == values[0, 1]


@pytest.mark.parametrize("case", EXAMPLES)
def test_traced_numbers_give_the_same_values(case):
    spec = EXAMPLES[case]
    p = jnp.linspace(0, 1, 33)
    traced = jax.jit(lambda leaves: schedule_value(with_leaves(spec, leaves), p))(traced_leaves(spec))
    np.testing.assert_allclose(traced, schedule_value(spec, p), rtol=1e-5)


def test_a_bare_number_and_float64():
    with jax.enable_x64(True):
        value = schedule_value(0.1, 0.5)
    assert value.dtype == np.float64
    assert float(value) == 0.1


def test_progress_counts_updates_done():
    """In four updates a line from 1 to 0 is 1, 3/4, 1/2, 1/4: Adam's steps under a constant gradient show it."""
    rule = build(Adam(learning_rate=Linear(initial=1.0)), num_steps=4)
    state, steps = rule.init(jnp.zeros(())), []
    for _ in range(5):
        update, state = rule.update(jnp.ones(()), state, jnp.zeros(()))
        steps.append(-float(update))
    np.testing.assert_allclose(steps, [1, 0.75, 0.5, 0.25, 0], rtol=1e-4)


def test_a_schedule_needs_the_number_of_steps():
    with pytest.raises(ValueError, match=r"expected num_steps.*'cosine'.*got None.*build\(optimizer, num_steps"):
        build(Adam(learning_rate=Cosine(initial=0.1)))
    with pytest.raises(ValueError, match="expected num_steps of at least 1, got 0"):
        build(Adam(learning_rate=Cosine(initial=0.1)), num_steps=0)


def test_what_is_no_schedule_is_refused():
    with pytest.raises(ValueError, match="expected a schedule or a number, got Adam"):
        schedule_value(Adam(), 0.5)
