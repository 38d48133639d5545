"""Training: the loop against a loop written out, alone against in company, once against twice."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import basin
from basin.data import Digits, Glyphs
from basin.data.sampler import batch_indices
from basin.loss.precision import arithmetic
from basin.models import MLP, Mode, Normal, build
from basin.optim import SGD, Adam, Cosine
from basin.spec.run import Evaluations, RunSpec, StopAtDivergence, StopAtLoss, StopAtPlateau, StopAtSoftError
from basin.training import loop as training_loop
from basin.training.keep import InMemory
from basin.training.keys import named_key
from basin.training.plan import plan, resolve
from basin.training.program import compiled_once
from basin.training.run import Run
from basin.training.watch import Silent

RUN = RunSpec(
    data=Digits(num_train=200),
    model=MLP(widths=(16,)),
    optimizer=SGD(learning_rate=0.1),
    batch_size=32,
    budget="20 steps",
    evaluations=Evaluations(early=0, regular=2),
)
SWEEP = [RUN.replace(optimizer=SGD(learning_rate=rate), seed=seed) for rate in (0.05, 0.1, 0.2) for seed in (0, 1)]


def same_bits(a: Run, b: Run) -> None:
    assert repr(a.history) == repr(b.history)  # in which not-a-number equals itself
    jax.tree.map(np.testing.assert_array_equal, a.params, b.params)


def apart(a: Run, b: Run) -> float:
    """The largest difference of two runs' weights."""
    gaps = jax.tree.map(lambda x, y: np.abs(np.asarray(x) - np.asarray(y)).max(), a.params, b.params)
    return max(jax.tree.leaves(gaps))


@functools.cache
def swept() -> list[Run]:
    return basin.train(SWEEP, slots=4)


def by_hand(run: RunSpec, num_steps: int) -> Mapping:
    """The same training as a loop over steps with optax, without slots, groups or compiled loops."""
    model = build(run.model, (8, 8, 1), 10)
    examples = basin.data.load(run.data, run.seed)
    with arithmetic(run.precision):
        params, state = jax.tree.map(
            lambda a: a.astype(run.precision), jax.jit(model.init)(named_key(run.seed, "init"))
        )
        optimizer = optax.sgd(run.optimizer.learning_rate.value)
        moments = optimizer.init(params)

        def loss_of(params: Mapping, x: jax.Array, y: jax.Array) -> jax.Array:
            outputs, _ = model.apply(params, state, x, mode=Mode.TRAIN, key=jax.random.key(0))
            return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()

        @jax.jit
        def update(params: Mapping, moments: object, step: int) -> tuple[Mapping, object]:
            chosen = batch_indices(named_key(run.seed, "order"), step, run.batch_size, run.data.num_train, run.order)
            gradient = jax.grad(loss_of)(params, inputs[chosen], labels[chosen])
            updates, moments = optimizer.update(gradient, moments)
            return optax.apply_updates(params, updates), moments

        inputs, labels = jnp.asarray(examples.x_train, run.precision), jnp.asarray(examples.y_train)
        for step in range(num_steps):
            params, moments = update(params, moments, step)
    return params


@pytest.mark.parametrize(("precision", "steps", "tolerance"), [("float32", 20, 1e-5), ("float64", 100, 1e-8)])
def test_a_run_in_company_is_the_run_written_out_by_hand(precision: str, steps: int, tolerance: float) -> None:
    # independent: neither slots, nor vmap, nor the compiled loop; chaos amplifies rounding, hence the few steps
    runs = [run.replace(precision=precision, budget=f"{steps} steps") for run in SWEEP[:3]]
    for run, trained in zip(runs, basin.train(runs), strict=True):
        params = by_hand(resolve(run), steps)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=tolerance), trained.params, params)


@pytest.mark.parametrize(("precision", "steps", "tolerance"), [("float32", 20, 1e-5), ("float64", 100, 1e-8)])
def test_a_run_in_company_is_the_run_alone(precision: str, steps: int, tolerance: float) -> None:
    runs = [run.replace(precision=precision, budget=f"{steps} steps") for run in SWEEP[:4]]
    alone = basin.train(runs[2])
    assert apart(basin.train(runs)[2], alone) < tolerance


def test_the_same_plan_twice_is_the_same_bits() -> None:
    for first, second in zip(swept(), basin.train(SWEEP, slots=4), strict=True):
        same_bits(first, second)


def test_bits_do_not_depend_on_company_position_or_order_of_admission() -> None:
    backwards = basin.train(SWEEP[::-1], slots=4)[::-1]
    longer = SWEEP[3].replace(budget="33 steps")
    mixed = basin.train([longer, SWEEP[4], SWEEP[0], SWEEP[5], SWEEP[1]], slots=4)
    for index, run in enumerate(backwards):
        same_bits(swept()[index], run)
    for index, run in zip((4, 0, 5, 1), mixed[1:], strict=True):
        same_bits(swept()[index], run)


def test_bits_do_not_depend_on_where_segments_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_loop, "SEGMENT_S", 1e-9)  # one step a segment
    for first, second in zip(swept()[:4], basin.train(SWEEP[:4], slots=4), strict=True):
        same_bits(first, second)


def test_bits_do_not_depend_on_whether_inputs_are_shared() -> None:
    other = RUN.replace(data=Digits(num_train=150))  # standardised by its own statistics: inputs of its own
    together = basin.train([SWEEP[0], other, SWEEP[1]], slots=4)
    same_bits(swept()[0], together[0])
    same_bits(swept()[1], together[2])


def test_sample_sizes_share_a_program_and_each_is_the_run_of_its_own_set() -> None:
    runs = [RUN.replace(data=Digits(num_train=count)) for count in (40, 70, 200)]
    assert len(plan(runs)) == 1
    for run, trained in zip(runs, basin.train(runs, slots=4), strict=True):
        same_bits(trained, basin.train(run, slots=4))


def test_a_group_compiles_once_whatever_its_rates_seeds_and_lengths() -> None:
    groups = plan([*SWEEP, SWEEP[0].replace(budget="77 steps")], 4)
    assert len(groups) == 1
    compiled_once.cache_clear()
    group_loop = training_loop.GroupLoop(groups[0], InMemory(), Silent())
    list(group_loop.trained())
    assert group_loop.bench.program._advance_in_loop._cache_size() == 1


def test_groups_that_differ_in_the_optimiser_take_gradient_norms_with_one_program() -> None:
    groups = plan([RUN, RUN.replace(optimizer=Adam(learning_rate=1e-3))], 4)
    one, other = (training_loop.GroupLoop(group, InMemory(), Silent()).bench.program for group in groups)
    assert one is not other
    assert one._under_plain_descent is other._under_plain_descent


def test_paired_arms_start_from_the_same_bytes() -> None:
    small, large = basin.train([RUN, RUN.replace(batch_size=100, optimizer=Adam(learning_rate=1e-3))])
    for split, metric in (("train", "loss"), ("test", "error"), ("none", "parameter_norm")):
        assert small.history.curve(split, metric)[1][0] == large.history.curve(split, metric)[1][0]
    assert small.history.curve("none", "distance")[1][0] == 0


def test_metrics_are_those_of_the_weights_before_the_update() -> None:
    run = swept()[2]
    examples = basin.data.load(run.spec.data, run.spec.seed)
    layers = run.params["dense"]["0"], run.params["output"]
    hidden = np.maximum(examples.x_test.reshape(-1, 64).astype(np.float64) @ layers[0]["kernel"] + layers[0]["bias"], 0)
    outputs = hidden @ np.asarray(layers[1]["kernel"]) + layers[1]["bias"]
    wrong = outputs.argmax(1) != examples.y_test
    probability = np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
    right = probability[np.arange(len(outputs)), examples.y_test]
    last = functools.partial(run.history.last, "test")
    assert last("error") == pytest.approx(wrong.mean())
    assert last("loss") == pytest.approx(-np.log(right).mean(), rel=1e-5)
    assert last("soft_error") == pytest.approx((1 - right).mean(), rel=1e-5)
    assert last("confidence") == pytest.approx(probability.max(1).mean(), rel=1e-5)
    assert run.history.last("test_a", "error") == pytest.approx(wrong[0::2].mean())
    assert run.history.last("test_b", "error") == pytest.approx(wrong[1::2].mean())
    start = build(run.spec.model, (8, 8, 1), 10).init(named_key(run.spec.seed, "init"))[0]
    moved = jax.tree.map(lambda a, b: np.sum((np.asarray(a, np.float64) - b) ** 2), run.params, start)
    assert run.history.last("none", "distance") == pytest.approx(np.sqrt(sum(jax.tree.leaves(moved))), rel=1e-5)


def test_a_run_that_asks_for_no_gradient_norm_is_the_same_without_it() -> None:
    plain, without = basin.train([RUN, RUN.replace(gradient_norm=False)])
    rows = [row for row in plain.history.rows if row.metric != "gradient_norm"]
    assert without.history.rows == tuple(rows)
    assert len(rows) < len(plain.history.rows)
    jax.tree.map(np.testing.assert_array_equal, plain.params, without.params)


def test_the_gradient_norm_is_that_of_the_batch_of_the_step() -> None:
    run = RUN.replace(budget="1 steps", evaluations=Evaluations(early=0, regular=1))
    trained = basin.train(run)
    # the first SGD update is the rate times that very gradient
    assert trained.history.curve("batch", "gradient_norm")[1][0] * 0.1 == pytest.approx(
        trained.history.last("none", "distance"), rel=1e-5
    )


def test_the_loss_of_a_run_is_the_loss_that_was_recorded() -> None:
    run = swept()[1]
    assert float(run.loss_fn(run.params)) == pytest.approx(run.history.last("train", "loss"), rel=1e-6)
    assert float(run.loss("test")(run.params)) == pytest.approx(run.history.last("test", "loss"), rel=1e-6)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (StopAtLoss(threshold=1.0), "training loss"),
        (StopAtSoftError(threshold=0.5), "training soft-error"),
        (StopAtPlateau(patience=1, min_improvement=0.9), "no improvement"),
    ],
)
def test_a_stop_rule_ends_a_run_at_the_first_look_at_which_it_holds(rule: object, reason: str) -> None:
    run = RUN.replace(stop=(rule,), budget="400 steps", evaluations=Evaluations(early=0, regular=40))
    stopped, full = basin.train([run, run.replace(stop=())])
    assert stopped.outcome.kind == "stopped"
    assert reason in stopped.outcome.reason
    assert full.outcome.kind == "completed"
    steps, _ = stopped.history.curve("train", "loss")
    assert stopped.outcome.step == steps[-1] < 400
    _, losses = full.history.curve("train", "loss")
    np.testing.assert_array_equal(stopped.history.curve("train", "loss")[1], losses[: len(steps)])


def test_checks_look_at_the_training_set_alone_until_a_rule_stops_the_run() -> None:
    rule, often = StopAtLoss(threshold=1.0), Evaluations(early=0, regular=40)
    run = RUN.replace(stop=(rule,), budget="400 steps", evaluations=often)
    checked = run.replace(evaluations=Evaluations(early=0, regular=1, checks=40))
    looked, saved = basin.train(run), basin.train(checked)
    assert saved.outcome == looked.outcome, "the rule sees the same losses at the same steps"
    assert apart(saved, looked) == 0
    train, test = (saved.history.curve(split, "loss")[0] for split in ("train", "test"))
    assert list(test) == [0, saved.outcome.step]
    np.testing.assert_array_equal(train, looked.history.curve("train", "loss")[0])
    assert saved.history.last("test", "error") == looked.history.last("test", "error")


def test_a_run_without_a_rule_needs_no_checks() -> None:
    run = RUN.replace(evaluations=Evaluations(early=0, regular=2, checks=40))
    assert list(basin.train(run).history.curve("train", "loss")[0]) == [0, run.budget.amount / 2, run.budget.amount]


def test_a_run_that_diverges_is_an_outcome_and_its_neighbours_go_on() -> None:
    wild, calm = basin.train([RUN.replace(optimizer=SGD(learning_rate=1e30)), RUN], slots=2)
    assert wild.outcome.kind == "diverged"
    assert 0 < wild.outcome.step <= 20
    assert calm.outcome.kind == "completed"
    same_bits(calm, basin.train(RUN, slots=2))


def test_a_loss_far_above_its_first_value_is_divergence_by_rule() -> None:
    run = RUN.replace(optimizer=SGD(learning_rate=50.0), stop=(StopAtDivergence(factor=3.0),))
    assert "3 times its first value" in basin.train(run).outcome.reason


def test_schedules_run_over_each_run_s_own_length() -> None:
    # at the end of its own budget a cosine to 0 stands still: the last step of the short run moves it by nothing
    runs = [RUN.replace(budget=f"{n} steps", optimizer=SGD(learning_rate=Cosine(initial=0.1))) for n in (10, 30)]
    assert len(plan(runs)) == 1
    short, long = basin.train(runs, slots=2)
    same_bits(short, basin.train(runs[0], slots=2))
    assert apart(short, long) > 1e-3


def test_lagging_averages_create_no_gap_where_statistics_are_recomputed() -> None:
    # momentum 0.999 over 25 updates leaves the running averages of three layers near their start
    model = MLP(widths=(32, 32, 32), norm="batch", norm_momentum=0.999)
    run = RUN.replace(model=model, batch_size=100, budget="25 steps", optimizer=Adam(learning_rate=3e-2))
    recomputed, running, batch = basin.train(
        [run.replace(batch_norm=mode) for mode in ("recomputed", "running", "batch")]
    )
    assert apart(recomputed, running) == 0, "how a network is looked at must not change how it trains"
    errors = [trained.history.last("test", "error") for trained in (recomputed, running, batch)]
    assert errors[1] > 1.5 * errors[0], "without recomputing, the same weights look far worse"
    assert errors[0] == pytest.approx(errors[2], abs=0.03)


def test_an_endless_stream_is_trained_on_fresh_examples() -> None:
    run = RunSpec(
        data=Glyphs(size=8, num_test=200, difficulty=0.0),
        model=MLP(widths=(32,)),
        optimizer=Adam(learning_rate=3e-3),
        batch_size=64,
        budget="150 steps",
        evaluations=Evaluations(early=0, regular=2),
    )
    trained = basin.train([run, run.replace(seed=1)], slots=2)
    assert all(one.history.last("test", "error") < 0.5 for one in trained)
    assert not any(row.split == "train" for row in trained[0].history.rows)
    same_bits(trained[0], basin.train(run, slots=2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 201}, "expected a batch_size of at most 200, the number of training examples, got 201"),
        ({"data": Glyphs(), "batch_size": "full"}, "an endless stream has no full batch"),
        ({"data": Glyphs(), "budget": "3 epochs"}, "an endless stream has no epochs"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_before_anything_runs(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        basin.train(RUN.replace(**change))


@pytest.mark.parametrize("order", ["cyclic", "fixed", "replacement"])
def test_a_run_sees_its_examples_in_the_order_it_names(order: str) -> None:
    # independent: the loop over steps has neither the feed nor the compiled program
    run = RUN.replace(order=order, budget="12 steps", precision="float64")
    params = by_hand(resolve(run), 12)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-8), basin.train(run).params, params)


def test_runs_of_one_group_start_from_the_spread_that_each_asks_for() -> None:
    # independent: a normal draw of spread epsilon is epsilon times the standard one, whatever the companions
    runs = [RUN.replace(model=MLP(widths=(16,), initializer=Normal(epsilon=e)), budget="1 step") for e in (0.1, 0.4)]
    assert len(plan(runs)) == 1
    rate = SGD(learning_rate=1e-12)
    small, large = basin.train([run.replace(optimizer=rate) for run in runs])
    np.testing.assert_allclose(4 * small.params["output"]["kernel"], large.params["output"]["kernel"], rtol=1e-5)
