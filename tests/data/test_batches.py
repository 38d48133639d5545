"""Batches of a set on the disk: the sampler's, block by block, one ahead."""

import threading
import time

import jax
import numpy as np
import pytest

from basin.data import batch_indices
from basin.data import batches as module
from basin.data.batches import Blocks, batches, block_steps
from basin.data.stored import StoredExamples, StoredRows

KEY = jax.random.key(5, impl="threefry2x32")
SIZES = (700, 1, 299)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """A thousand rows in three files, each of which holds its own number."""
    folder, first, paths = tmp_path_factory.mktemp("rows"), 0, []
    for size in SIZES:
        paths.append(folder / f"{first}.npy")
        rows = np.arange(first, first + size, dtype=np.uint16)
        np.save(paths[-1], rows.reshape(-1, 1, 1) * np.ones((2, 3), np.uint16))
        first += size
    return StoredExamples(StoredRows(paths), np.arange(1000, dtype=np.int32), np.arange(1000, dtype=np.int32) % 7)


def numbers(blocks):
    return np.concatenate([block.inputs[..., 0, 0].ravel() for block in blocks])


@pytest.mark.parametrize("order", ["once", "fixed", "reshuffled", "cyclic", "replacement"])
def test_batches_are_those_of_the_set_in_memory(order, examples):
    steps = 76 if order == "once" else 200
    blocks = list(batches(examples, KEY, batch_size=13, num_steps=steps, order=order))
    chosen = jax.jit(jax.vmap(lambda step: batch_indices(KEY, step, 13, 1000, order)))
    expected = np.asarray(chosen(np.arange(steps, dtype=np.int32))).ravel()
    assert (numbers(blocks) == expected).all()
    assert all((block.inputs == block.inputs[..., :1, :1]).all() for block in blocks)
    assert (np.concatenate([block.labels.ravel() for block in blocks]) == expected % 7).all()
    assert (np.concatenate([block.indices.ravel() for block in blocks]) == expected).all()
    assert [block.first for block in blocks] == list(range(0, steps, 32))
    assert [len(block.labels) for block in blocks] == [min(32, steps - first) for first in range(0, steps, 32)]


def test_one_pass_shows_every_example_once(examples):
    assert sorted(numbers(batches(examples, KEY, batch_size=8, num_steps=125))) == list(range(1000))


def test_one_pass_over_all_of_cifar5m_shows_no_image_twice():
    count, steps = 5_002_240, 39_000  # of 128, as in the paper
    shown = np.bincount(module._indices(KEY, 0, steps, 128, count, "once").ravel(), minlength=count)
    assert (len(shown), shown.sum(), shown.max()) == (count, steps * 128, 1)


def test_a_pass_goes_on_where_it_was_left(examples):
    whole = numbers(batches(examples, KEY, batch_size=8, num_steps=125))
    rest = numbers(batches(examples, KEY, batch_size=8, num_steps=125, first_step=41))
    assert (rest == whole[41 * 8 :]).all()
    assert list(batches(examples, KEY, batch_size=8, num_steps=125, first_step=125)) == []


def test_a_run_that_would_need_an_example_twice_is_refused_before_it_begins(examples):
    with pytest.raises(ValueError, match="at most 125 steps of 8, as each of 1000 examples is shown once, got 126"):
        batches(examples, KEY, batch_size=8, num_steps=126)
    with pytest.raises(ValueError, match=r"expected fewer than 2\^32 examples"):
        batches(examples, KEY, batch_size=8, num_steps=2**30, order="fixed")


@pytest.mark.parametrize(
    "faulty",
    [
        lambda _, first, *__: np.arange(256).reshape(32, 8),  # every block has the same examples
        lambda _, first, *__: np.repeat(np.arange(first * 4, first * 4 + 128), 2).reshape(32, 8),  # twice in a block
    ],
)
def test_an_order_that_repeats_is_noticed(faulty, examples, monkeypatch):
    monkeypatch.setattr(module, "_indices", faulty)
    with pytest.raises(AssertionError, match="an example came twice"):
        list(batches(examples, KEY, batch_size=8, num_steps=125))


def test_a_block_that_is_asked_for_again_is_not_gathered_again(examples):
    GATHERED.clear()
    blocks = Blocks(Watched(**vars(examples)), KEY, 8, 125, "once")
    taken = [blocks.take(number) for number in (1, 1, 2, 3, 3, 4, 1000)]
    blocks.close()
    assert [block.first for block in taken] == [32, 32, 64, 96, 96, 96, 96]  # the run ends in the fourth
    assert len(GATHERED) == 3


@pytest.mark.parametrize("batch_size", [1, 128, 129, 1000, 5000])
def test_a_block_of_large_batches_is_short(batch_size):
    assert 1 <= block_steps(batch_size) <= 32
    assert block_steps(batch_size) * batch_size <= max(4096, batch_size)
    assert block_steps(batch_size) == 32 or (block_steps(batch_size) + 1) * batch_size > 4096


class Watched(StoredExamples):
    """Examples that note when, and on which thread, they are gathered."""

    def take(self, indices):
        GATHERED.append(threading.current_thread().name)
        return super().take(indices)


GATHERED: list[str] = []


def test_the_next_block_is_gathered_while_one_is_worked_on_and_no_more_are(examples):
    GATHERED.clear()
    for done, _ in enumerate(batches(Watched(**vars(examples)), KEY, batch_size=2, num_steps=320), 1):
        waited = time.monotonic() + 10
        while len(GATHERED) < min(done + 1, 10) and time.monotonic() < waited:
            time.sleep(0.001)
        assert len(GATHERED) == min(done + 1, 10)
    assert threading.current_thread().name not in GATHERED


def test_an_error_while_gathering_reaches_the_reader(examples):
    class Broken(StoredExamples):
        def take(self, indices):
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        next(batches(Broken(**vars(examples)), KEY, batch_size=2, num_steps=5))


def test_reading_stops_when_nobody_reads(examples):
    before = set(threading.enumerate())
    reading = batches(Watched(**vars(examples)), KEY, batch_size=2, num_steps=320)
    next(reading)
    reading.close()  # pyright: ignore[reportAttributeAccessIssue]  a generator
    assert set(threading.enumerate()) <= before
