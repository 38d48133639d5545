import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from basin.data import batch_indices
from basin.data.sampler import _divide, _rectangle, _scale, check_length, permute

pytestmark = pytest.mark.usefixtures("compiled_cheaply")

KEY = jax.random.key(5)
batch = jax.jit(batch_indices, static_argnums=2)


def epoch_order(key, epoch, num_examples):
    """Return one pass, a batch of the whole set at a time."""
    return np.asarray(batch(key, epoch, num_examples, num_examples))


@pytest.mark.parametrize("num_examples", [1, 2, 3, 5, 16, 17, 143, 1437, 65537])
def test_every_pass_shows_every_example_once(num_examples):
    for epoch in range(3):
        assert (np.sort(epoch_order(KEY, epoch, num_examples)) == np.arange(num_examples)).all()


@settings(max_examples=20, deadline=None)
@given(num_examples=st.integers(1, 60), steps=st.integers(1, 40))
def test_batches_run_on_over_the_end_of_a_pass(num_examples, steps):
    # Independent: the passes are written one after the other, as whole permutations, and cut into batches of five.
    num_passes = steps * 5 // num_examples + 1
    passes = [np.asarray(_whole_pass(KEY, e, num_examples))[:num_examples] for e in range(num_passes)]
    written = np.concatenate(passes)[: steps * 5].reshape(steps, 5)
    drawn = np.stack([batch(KEY, step, 5, num_examples) for step in range(steps)])
    assert (drawn == written).all()


@jax.jit
def _whole_pass(key, epoch, num_examples):
    index = jnp.minimum(jnp.arange(60, dtype=jnp.uint32), num_examples - 1)
    return permute(key, jnp.full(60, epoch, jnp.uint32), index, num_examples)


def test_a_step_needs_no_step_before_it():
    # Independent: the loop carries nothing of the sampler, and starts in the middle.
    def steps(first, last):
        return jax.lax.map(lambda step: batch_indices(KEY, step, 16, 143), jnp.arange(first, last))

    assert (steps(0, 40)[25:] == steps(25, 40)).all()


def test_set_sizes_in_one_program_equal_programs_of_their_own():
    sizes = jnp.array([100, 500, 1000, 1437])
    together = jax.jit(jax.vmap(lambda n: batch_indices(KEY, 90, 32, n)))(sizes)
    alone = np.stack([batch(KEY, 90, 32, n) for n in sizes.tolist()])
    assert (np.asarray(together) == alone).all()


def test_keys_and_passes_give_other_orders():
    orders = [epoch_order(jax.random.key(k), e, 143).tobytes() for k in range(4) for e in range(4)]
    assert len(set(orders)) == 16


def test_a_key_keeps_its_order_for_ever():
    assert batch(jax.random.key(0), 0, 8, 1437).tolist() == [1346, 446, 592, 1286, 1179, 821, 862, 1058]


def first_entries(num_keys, num_examples, count):
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(11), jnp.arange(num_keys))
    return np.asarray(jax.jit(jax.vmap(lambda key: batch_indices(key, 0, count, num_examples)))(keys))


@pytest.mark.parametrize("num_examples", [3, 13, 143])
def test_every_example_is_as_likely_in_the_first_place(num_examples):
    counts = np.bincount(first_entries(20_000, num_examples, 1)[:, 0], minlength=num_examples)
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("num_examples", [3, 13])
def test_every_pair_of_neighbours_is_as_likely(num_examples):
    first, second = first_entries(20_000, num_examples, 2).T
    counts = np.bincount(first * num_examples + second, minlength=num_examples**2).reshape(num_examples, num_examples)
    assert stats.chisquare(counts[~np.eye(num_examples, dtype=bool)]).pvalue > 1e-4


@pytest.mark.parametrize("num_examples", [13, 143])
def test_neighbours_within_a_pass_are_unrelated(num_examples):
    # A pass of N has N - 1 differences; they are nearly independent over many passes, and uniform on 1..N-1 modulo N.
    passes = first_entries(2_000, num_examples, num_examples)
    differences = (np.diff(passes, axis=1) % num_examples).ravel()
    assert stats.chisquare(np.bincount(differences, minlength=num_examples)[1:]).pvalue > 1e-4


def test_passes_of_one_key_are_unrelated():
    passes = np.stack([epoch_order(KEY, epoch, 143) for epoch in range(400)])
    correlation = np.corrcoef(passes[:-1].ravel(), passes[1:].ravel())[0, 1]
    assert abs(correlation) < 5 / np.sqrt(passes[1:].size)


@pytest.mark.parametrize("num_examples", [2**31 - 1, 4_000_000_000])
def test_arithmetic_holds_up_to_four_thousand_million_examples(num_examples):
    index = np.uint32(num_examples) - np.arange(1, 4097, dtype=np.uint32)
    entries = np.asarray(permute(KEY, jnp.zeros(4096, jnp.uint32), jnp.asarray(index), jnp.uint32(num_examples)))
    assert entries.max() < num_examples
    assert len(np.unique(entries)) == 4096
    assert abs(entries.mean() / num_examples - 0.5) < 5 / np.sqrt(12 * 4096)


def test_late_batches_of_a_long_run_are_right():
    # Independent: the number of an example is worked out in 64 bits.
    step, size, n = 268_000_000, 16, 1437
    position = step * size + np.arange(size, dtype=np.int64)
    epoch, index = (jnp.asarray(part, jnp.uint32) for part in divmod(position, n))
    expected = permute(KEY, epoch, index, n).tolist()
    assert batch(KEY, step, size, n).tolist() == expected


def test_the_rectangle_covers_the_set_and_little_more():
    sizes = np.unique(np.geomspace(1, 4e9, 20_000).astype(np.uint32))
    a, b = (np.asarray(side).astype(np.int64) for side in jax.jit(jax.vmap(_rectangle))(sizes))
    excess = a * b - sizes
    assert excess.min() >= 0
    assert (excess < np.maximum(a, 2)).all()
    assert max(a.max(), b.max()) <= 2**16
    assert (a * b).max() < 2**32


WORDS = st.lists(st.integers(0, 2**32 - 1), min_size=8, max_size=8)


@settings(deadline=None)
@given(WORDS, st.lists(st.integers(1024, 2**31 - 1), min_size=8, max_size=8))
def test_division_is_exact(words, divisors):
    found = jax.jit(_divide)(np.array(words, np.uint32), np.array(divisors, np.uint32))
    assert list(zip(*(part.tolist() for part in found), strict=True)) == list(map(divmod, words, divisors))


@settings(deadline=None)
@given(WORDS, st.integers(1, 2**16))
def test_scaling_a_word_is_exact(words, n):
    assert jax.jit(_scale)(np.array(words, np.uint32), np.uint32(n)).tolist() == [word * n >> 32 for word in words]


def test_a_run_of_too_many_examples_is_refused():
    check_length(2**32 // 32 - 1, 32)
    with pytest.raises(ValueError, match="fewer than 2\\^32 examples"):
        check_length(2**32 // 32, 32)


@pytest.mark.parametrize("order", ["cyclic", "fixed"])
def test_an_order_that_is_kept_is_the_same_in_every_epoch(order):
    stream = np.concatenate([batch_indices(KEY, step, 5, 13, order) for step in range(13)])  # five epochs of 13
    assert (stream.reshape(5, 13) == stream[:13]).all()
    assert sorted(stream[:13]) == list(range(13))


def test_cyclic_is_the_order_in_which_examples_stand_and_fixed_the_first_of_the_reshuffled():
    assert batch_indices(KEY, 2, 4, 10, "cyclic").tolist() == [8, 9, 0, 1]
    assert (batch_indices(KEY, 7, 10, 10, "fixed") == batch_indices(KEY, 0, 10, 10)).all()


def test_draws_with_replacement_are_uniform_and_independent():
    # Independent: chi-square tests of the single draws and of the pairs of neighbours.
    steps = jnp.arange(4000)
    drawn = np.asarray(jax.vmap(lambda step: batch_indices(KEY, step, 6, 7, "replacement"))(steps))
    assert stats.chisquare(np.bincount(drawn.ravel(), minlength=7)).pvalue > 1e-3
    pairs = 7 * drawn[:, 0::2] + drawn[:, 1::2]
    assert stats.chisquare(np.bincount(pairs.ravel(), minlength=49)).pvalue > 1e-3


def test_with_replacement_copies_of_a_set_give_the_batches_of_the_set():
    drawn = [np.asarray(batch_indices(KEY, 3, 64, copies * 143, "replacement")) for copies in (1, 2, 5)]
    assert (drawn[1] % 143 == drawn[0]).all()
    assert (drawn[2] % 143 == drawn[0]).all()
    assert drawn[2].max() >= 143
