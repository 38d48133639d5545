"""Training on a set that is read from the disk: the same numbers as from memory, and what cannot be had is refused."""

import jax
import numpy as np
import pytest
from data_samples import cifar5m_folder

import basin
from basin.data import Cifar5m, batches, cifar5m, load, on_disk
from basin.training import examples, loop, plan
from basin.training.program import compiled_once
from basin.training.window import Window

NUM_TRAIN = 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return cifar5m_folder(tmp_path_factory.mktemp("cifar5m") / "data")


@pytest.fixture(scope="module", autouse=True)
def _blocks_of_ten_steps():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "MAX_GATHERED", 20)
        yield
    compiled_once.cache_clear()  # what was compiled counts on it


@pytest.fixture
def from_disk(monkeypatch):
    """Return what makes every set too large for memory from now on."""

    def begin():
        monkeypatch.setattr(cifar5m, "MAX_LOADED", 0)
        examples.KEPT.clear()

    yield begin
    examples.KEPT.clear()


def run(folder, **changes):
    return basin.RunSpec(
        **{
            "data": Cifar5m(path=folder, num_train=NUM_TRAIN, num_test=20, num_validation=30, label_noise=0.2),
            "model": basin.models.MLP(widths=(8,)),
            "optimizer": basin.optim.SGD(learning_rate=0.05),
            "batch_size": 2,
            "budget": "50 steps",
            "order": "once",
            "evaluations": {"early": 2, "regular": 3},
        }
        | changes
    )


def same(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


def test_runs_from_the_disk_have_the_weights_and_looks_of_those_from_memory(folder, from_disk):
    # Of five runs in four slots the fifth begins in the middle of a block of its neighbour's.
    lengths = (41, 7, 50, 45, 40)
    specs = [run(folder, seed=seed, budget=f"{steps} steps", fresh=25) for seed, steps in enumerate(lengths)]
    held = basin.train(specs, slots=4)
    from_disk()
    assert all(on_disk(spec.data) for spec in specs)
    for a, b in zip(held, basin.train(specs, slots=4), strict=True):
        assert a.id == b.id
        assert same(a.params, b.params)
        shared = [row for row in a.history.rows if row.split != "train"]
        assert list(b.history.rows) == shared


def test_it_is_judged_as_from_memory_and_statistics_are_taken_over_its_first_examples(folder, from_disk, monkeypatch):
    # Independent: the arrays that the source loads whole.
    resolved = plan.resolve(run(folder))
    whole = load(resolved.data, resolved.seed)
    monkeypatch.setattr(examples, "REFERENCE", 60)
    from_disk()
    found = examples.judges(resolved)
    assert found.train is None
    assert same(found.reference, whole.x_train[:60])
    assert same(found.test, (whole.x_test, whole.y_test))
    assert same(found.validation, (whole.x_validation, whole.y_validation))


def test_a_run_that_was_interrupted_goes_on_where_it_was(folder, from_disk, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "KEEP_EVERY_S", 0.0)
    monkeypatch.setattr(loop, "SEGMENT_S", 1e-9)
    from_disk()
    look, steps = Window.at, []
    whole = basin.train(run(folder), slots=4)

    def watched(self, at):
        steps.append(int(at[0]))
        if len(steps) == 6:
            raise KeyboardInterrupt
        return look(self, at)

    monkeypatch.setattr(Window, "at", watched)
    with pytest.raises(KeyboardInterrupt):
        basin.train(run(folder), out=tmp_path, slots=4)
    kept = basin.train(run(folder), out=tmp_path, slots=4)
    assert 0 < steps[6] <= steps[5]
    assert same(whole.params, kept.params)


def test_its_training_set_is_not_looked_at(folder, from_disk):
    from_disk()
    done = basin.train(run(folder, budget="3 steps"), slots=4)
    with pytest.raises(ValueError, match="no training set is held in memory"):
        done.loss("train")
    with pytest.raises(ValueError, match="set num_train"):
        load(run(folder).data, 0)


def test_what_it_cannot_do_is_refused_beforehand(folder, from_disk):
    from_disk()
    with pytest.raises(
        ValueError, match="all of 100 examples at once, as they are read from the disk, got a stop rule"
    ):
        plan.resolve(run(folder, stop=[{"kind": "train_loss", "threshold": 0.1}]))
    with pytest.raises(ValueError, match="got batch_size 'full'"):
        plan.resolve(run(folder, batch_size="full", order="fixed"))
    with pytest.raises(ValueError, match="expected at most 50 steps of 2, as each of 100 examples is shown once"):
        plan.resolve(run(folder, budget="51 steps"))


def test_runs_from_memory_and_from_the_disk_are_groups_of_their_own(folder, monkeypatch):
    monkeypatch.setattr(cifar5m, "MAX_LOADED", 100)
    small = run(folder, data=Cifar5m(path=folder, num_train=100, num_test=20))
    assert len(plan.plan([small, small.replace(seed=1), run(folder)])) == 2
