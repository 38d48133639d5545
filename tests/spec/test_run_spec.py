"""Budgets, evaluation schedules, stop rules and overrides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from basin.spec.base import first_error
from basin.spec.budget import Budget
from basin.spec.data import Digits, Glyphs
from basin.spec.ids import content_id, static_id
from basin.spec.model import MLP
from basin.spec.optimizer import Adam
from basin.spec.overrides import override
from basin.spec.run import Evaluations, RunSpec, Start, StopAtLoss

RUN = RunSpec(data=Digits(), model=MLP(), optimizer=Adam(learning_rate=1e-3), batch_size=16, budget="100 epochs")


@pytest.mark.parametrize(
    ("text", "steps"),
    [("5000 steps", 5000), ("1 epoch", 90), ("100 epochs", 8982), ("2e3 examples", 125), ("1_000 examples", 63)],
)
def test_a_budget_is_so_many_steps(text: str, steps: int) -> None:
    # by hand: 1437 examples in batches of 16 are 89.8125 steps an epoch, and no example is left out
    assert Budget.model_validate(text).steps(batch_size=16, num_train=1437) == steps


@given(st.floats(1e-3, 1e12), st.sampled_from(["steps", "epochs", "examples"]))
def test_a_budget_reads_back_what_it_writes(amount: float, unit: str) -> None:
    budget = Budget(amount=amount, unit=unit)
    assert Budget.model_validate(str(budget)) == budget


@pytest.mark.parametrize("text", ["100", "epochs", "-5 steps", "5 minutes", "0 steps", "nan steps", "1 2 steps"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Budget.model_validate(text)


def test_an_endless_stream_has_no_epochs() -> None:
    with pytest.raises(ValueError, match="an endless stream has no epochs"):
        Budget.model_validate("3 epochs").steps(batch_size=1, num_train=None)


@given(st.integers(0, 30), st.integers(1, 60), st.integers(1, 10**7))
def test_evaluations_begin_at_the_start_and_end_at_the_end(early: int, regular: int, num_steps: int) -> None:
    steps = Evaluations(early=early, regular=regular).steps(num_steps)
    assert steps[0] == 0
    assert steps[-1] == num_steps
    assert list(steps) == sorted(set(steps))
    assert len(steps) <= early + regular + 1


def test_stop_rules_of_an_endless_stream_are_refused() -> None:
    with pytest.raises(ValidationError, match="an endless stream has none"):
        RUN.replace(data=Glyphs(), stop=(StopAtLoss(threshold=0.1),))


def test_overrides_reach_any_depth() -> None:
    changed = override(RUN, ["optimizer.learning_rate=0.01", "model.widths=[3, 4]", "batch_size=full", "seed=5"])
    assert changed.optimizer.learning_rate.value == 0.01
    assert changed.model.widths == (3, 4)
    assert (changed.batch_size, changed.seed) == ("full", 5)


def test_an_override_can_replace_a_whole_part() -> None:
    changed = override(RUN, ["optimizer={kind = 'sgd', learning_rate = 0.5}", "budget=7 steps"])
    assert changed.optimizer.kind == "sgd"
    assert str(changed.budget) == "7 steps"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("model.width=3", "model.width: unknown field of model: 'width'; did you mean 'widths'?"),
        ("modle.widths=3", "modle.widths: unknown field of RunSpec: 'modle'; did you mean 'model'?"),
        ("seed", "expected field.path=value, got 'seed'"),
        ("seed.x=3", "seed.x: 'seed' has no fields of its own; give its whole value, as in seed=..."),
    ],
)
def test_a_wrong_override_says_how_to_mend_it(assignment: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.replace(".", r"\.").replace("?", r"\?") + "$"):
        override(RUN, [assignment])


def test_a_wrong_value_of_an_override_is_one_line() -> None:
    with pytest.raises(ValueError, match="batch_size") as caught:
        override(RUN, ["batch_size=-1"])
    assert "\n" not in str(caught.value)


def test_first_error_counts_the_others() -> None:
    with pytest.raises(ValidationError) as caught:
        RunSpec.model_validate({"data": {"kind": "digits"}, "model": {"kind": "mlp"}})
    assert first_error(caught.value).endswith("more)")


def test_an_endless_stream_has_no_order_to_choose() -> None:
    with pytest.raises(ValidationError, match="expected no order for an endless stream"):
        RUN.replace(data=Glyphs(), order="cyclic")


CHILD = RUN.replace(seed=1, start=RUN)


def test_a_start_is_part_of_what_a_run_is_and_not_of_its_program() -> None:
    others = [RUN.replace(seed=1), CHILD.replace(start=RUN.replace(seed=2)), CHILD.replace(start=CHILD)]
    named = CHILD.replace(start={"run": RUN, "layers": ["dense.1", "dense.0"]})
    assert len({content_id(run) for run in (CHILD, named, *others)}) == 5
    assert {static_id(run) for run in (CHILD, named, *others)} == {static_id(RUN)}
    assert named.start == Start(run=RUN, layers=("dense.0", "dense.1", "dense.0")), "the order of names says nothing"


def test_a_run_with_a_start_reads_back_what_it_writes() -> None:
    run = CHILD.replace(start={"run": CHILD, "layers": ["dense"]}, keep_best=None)
    assert RunSpec.model_validate(run.record()) == run
    assert RunSpec.model_validate_json(run.model_dump_json()) == run
    assert RunSpec.from_toml(run.to_toml()) == run


def test_what_runs_had_no_word_for_once_is_not_in_their_record() -> None:
    # The names are those that the records of runs held before starts came; a record is compared byte for byte.
    names = "data model optimizer batch_size budget seed order loss batch_norm precision stop evaluations"
    assert list(RUN.record()) == names.split()
    assert list(CHILD.record()) == [*names.split(), "start"]


def test_a_start_that_does_not_grow_is_written_as_before_networks_could() -> None:
    grown = CHILD.replace(start={"run": RUN, "new_weights_std": 0.1})
    assert list(CHILD.record()["start"]) == ["run", "layers"]
    assert grown.record()["start"]["new_weights_std"] == 0.1
    assert RunSpec.model_validate(grown.record()) == RunSpec.from_toml(grown.to_toml()) == grown
    assert (
        len({content_id(run) for run in (CHILD, grown, grown.replace(start={"run": RUN, "new_weights_std": 0}))}) == 3
    )
    assert static_id(grown) == static_id(RUN)


def test_the_id_of_a_run_with_a_start_is_what_it_was_before_networks_could_grow() -> None:
    assert content_id(CHILD) == "c5ba8356333164cc"


def test_overrides_reach_into_a_start() -> None:
    changed = override(CHILD, ["start.run.seed=7", "start.layers=['dense']", "start.run.model.widths=[3]"])
    assert (changed.start.run.seed, changed.start.layers, changed.start.run.model.widths) == (7, ("dense",), (3,))
    with pytest.raises(ValueError, match=r"start.layer: unknown field of start: 'layer'; did you mean 'layers'\?"):
        override(CHILD, ["start.layer=['dense']"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keep_best": "loss"}, "expected held-out examples to keep the best weights by, got none; set data.num_valid"),
        ({"start": {"run": RUN, "layers": []}}, "layers"),
        ({"start": {"layers": ["dense"]}}, "run"),
        ({"start": {"run": RUN, "new_weights_std": -0.1}}, "new_weights_std"),
        ({"stop": ({"kind": "train_error", "threshold": 1.0},)}, "threshold"),
    ],
)
def test_a_start_or_a_best_look_that_means_nothing_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RUN.replace(**change)


def test_smoothed_labels_are_a_traced_share_and_none_is_no_share() -> None:
    smoothed = RUN.replace(label_smoothing=0.1)
    assert static_id(smoothed) == static_id(RUN.replace(label_smoothing=0.2)) != static_id(RUN)
    assert content_id(smoothed) != content_id(RUN) == content_id(RUN.replace(label_smoothing=0.0))
    assert "label_smoothing" not in RUN.record()
    assert RunSpec.model_validate(smoothed.record()) == smoothed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label_smoothing": 1.0}, "less than 1"),
        ({"label_smoothing": -0.1}, "greater than 0"),
        ({"label_smoothing": 0.1, "loss": "mse"}, "expected no label_smoothing with loss='mse', got 0.1"),
    ],
)
def test_a_smoothing_that_means_nothing_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RUN.replace(**change)
