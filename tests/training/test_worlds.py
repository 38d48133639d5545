"""One training function with two samplers: augmented batches, examples shown once, and the two worlds of a stream."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import basin
from basin import data, models, optim
from basin.data.augment import augment
from basin.data.sampler import batch_indices
from basin.spec.augment import Crop, Flip
from basin.spec.run import Evaluations
from basin.training.keys import named_key

DIGITS = basin.RunSpec(
    data=data.Digits(num_train=400),
    model=models.MLP(widths=(8,)),
    optimizer=optim.SGD(learning_rate=0.1),
    batch_size=20,
    budget="20 steps",
)


def test_examples_shown_once_are_each_shown_once() -> None:
    key = named_key(3, "order")
    seen = np.concatenate([batch_indices(key, step, 20, 400, "once") for step in range(20)])
    assert sorted(seen.tolist()) == list(range(400))


def test_a_run_that_shows_each_example_once_is_refused_when_it_would_need_more() -> None:
    with pytest.raises(
        ValueError, match=r"expected at most 20 steps of 20, as each of 400 examples is shown once, got 21"
    ):
        basin.train(DIGITS.replace(order="once", budget="21 steps"))


def test_showing_once_is_the_fixed_order_of_one_pass() -> None:
    once, fixed = basin.train([DIGITS.replace(order=order) for order in ("once", "fixed")])
    jax.tree.map(np.testing.assert_array_equal, once.params, fixed.params)


def test_an_augmented_step_is_a_step_on_the_augmented_batch() -> None:
    # independent: the batch is chosen, changed and differentiated here, outside the compiled training
    changes = (Flip(), Crop(padding=2))
    spec = DIGITS.replace(augment=changes, budget="1 steps")
    plain = basin.train(spec.replace(budget="1 steps", optimizer=optim.SGD(learning_rate=1e-30)))
    x, y = (part for part in (data.load(spec.data, 0).x_train, data.load(spec.data, 0).y_train))
    indices = np.asarray(batch_indices(named_key(0, "order"), 0, 20, 400))
    batch = augment(changes, jax.random.fold_in(named_key(0, "augment"), 0), jnp.asarray(x[indices]))
    assert np.abs(np.asarray(batch) - x[indices]).max() > 1

    def loss(params: dict) -> jax.Array:
        hidden = jax.nn.relu(batch.reshape(20, -1) @ params["dense"]["0"]["kernel"] + params["dense"]["0"]["bias"])
        outputs = hidden @ params["output"]["kernel"] + params["output"]["bias"]
        return -jnp.mean(jax.nn.log_softmax(outputs)[jnp.arange(20), y[indices]])

    gradient = jax.grad(loss)(plain.params)
    expected = jax.tree.map(lambda w, g: w - 0.1 * g, plain.params, gradient)
    found = basin.train(spec).params
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, expected)


def test_looks_see_images_as_they_are() -> None:
    plain, augmented = basin.train([DIGITS.replace(budget="1 steps", augment=a) for a in ((), (Crop(padding=3),))])
    first = [run.history.curve("train", "loss")[1][0] for run in (plain, augmented)]
    assert first[0] == first[1]


def test_inputs_that_are_no_images_are_refused_before_anything_is_trained() -> None:
    with pytest.raises(ValueError, match="expected images"):
        basin.train(DIGITS.replace(data=data.Mixture(num_train=40), augment=(Flip(),)))


def test_a_run_without_augmentation_is_the_run_it_was_before_there_was_any() -> None:
    assert "augment" not in DIGITS.record()
    assert DIGITS.replace(augment=(Flip(),)).record()["augment"] == [{"kind": "flip", "probability": 0.5}]


STREAM = data.Mixture(num_classes=3, modes=1, dimension=8, num_test=50)


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> data.Npz:
    """A set made of the very examples that ten steps of the stream of seed 0 draw, in that order."""
    keys = [jax.random.fold_in(named_key(0, "stream"), step) for step in range(10)]
    drawn = [jax.jit(data.stream(STREAM), static_argnums=1)(key, 20) for key in keys]
    x, y = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    assert len(np.unique(x, axis=0)) == 200
    held = data.load(STREAM, 0)
    path = tmp_path_factory.mktemp("streamed") / "same.npz"
    np.savez(path, x_train=x, y_train=y, x_test=held.x_test, y_test=held.y_test)
    return data.Npz(path=str(path), standardise=False)


def test_what_is_fresh_is_what_the_coming_steps_are_trained_on(streamed: data.Npz) -> None:
    # independent: the same examples looked at as the training set of a run that begins from the same bytes
    ideal = basin.train(DIGITS.replace(data=STREAM, fresh=35, budget="1 steps"))
    as_a_set = basin.train(DIGITS.replace(data=streamed.replace(num_train=40), budget="1 steps", order="cyclic"))
    for metric in ("loss", "error", "soft_error", "confidence"):
        fresh, seen = ideal.history.at("fresh", metric, 0), as_a_set.history.at("train", metric, 0)
        assert fresh == pytest.approx(seen, rel=1e-6)


def test_what_is_fresh_runs_out_with_a_set_that_is_shown_once() -> None:
    looks = Evaluations(early=0, regular=4)
    run = basin.train(DIGITS.replace(order="once", fresh=400, evaluations=looks))
    steps, loss = run.history.curve("fresh", "loss")
    assert steps.tolist() == [0, 5, 10, 15]  # none is left at 20
    assert loss[0] == pytest.approx(run.history.at("train", "loss", 0), rel=1e-6)  # at first all are fresh


def test_there_is_nothing_fresh_in_a_set_that_is_used_again() -> None:
    with pytest.raises(ValueError, match=r"expected fresh=0, as examples are trained on again and again, got 10"):
        DIGITS.replace(fresh=10)


def test_looking_at_what_is_fresh_changes_no_bit_and_no_run_that_does_not() -> None:
    plain = DIGITS.replace(data=STREAM, budget="3 steps")
    looked = basin.train(plain.replace(fresh=20))
    jax.tree.map(np.testing.assert_array_equal, basin.train(plain).params, looked.params)
    assert "fresh" not in plain.record()


def test_the_two_worlds_are_one_to_the_bit_when_fed_the_same_examples(streamed: data.Npz) -> None:
    ideal = basin.train(DIGITS.replace(data=STREAM, budget="10 steps"))
    real = basin.train(DIGITS.replace(data=streamed, budget="10 steps", order="cyclic"))
    jax.tree.map(np.testing.assert_array_equal, ideal.params, real.params)
    np.testing.assert_array_equal(*(run.history.curve("test", "loss")[1] for run in (ideal, real)))


def test_while_no_example_comes_again_the_worlds_differ_by_chance_alone() -> None:
    # 60 steps of 20 examples are within the first pass over 2 000; the sign of a difference is then a fair coin
    spec = DIGITS.replace(data=STREAM.replace(num_test=2000), budget="60 steps", evaluations=Evaluations(regular=3))
    ideal = basin.train([spec.replace(seed=seed) for seed in range(16)])
    sample = spec.replace(data=spec.data.replace(num_train=2000))
    real = basin.train([sample.replace(seed=seed) for seed in range(16)])
    apart = np.array(
        [a.history.last("test", "loss") - b.history.last("test", "loss") for a, b in zip(real, ideal, strict=True)]
    )
    assert np.abs(apart).min() > 0  # they are not the same examples
    assert abs(apart.mean()) < 4 * apart.std(ddof=1) / 4  # four standard errors
    again = sample.replace(data=sample.data.replace(num_train=40))
    reused = np.array([basin.train(again.replace(seed=s)).history.last("test", "loss") for s in range(4)])
    assert reused.mean() - ideal[0].history.last("test", "loss") > 0.05  # thirty passes over 40 do show
