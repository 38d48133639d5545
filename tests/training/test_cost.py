"""What trainings cost is counted beforehand as closed forms, arrays and folders have it, and nothing is compiled."""

import itertools
from pathlib import Path

import jax
import pytest

import basin
from basin import data
from basin.models import CNN5, MLP, Transformer
from basin.optim import SGD, Adam
from basin.spec.budget import Budget
from basin.spec.run import Evaluations, RunSpec
from basin.training import cost, examples
from basin.training.cost import (
    COUNTED,
    GroupCost,
    StepCost,
    group_costs,
    look_examples,
    set_bytes,
    sets_bytes,
    step_cost,
)
from basin.training.plan import plan, resolve
from basin.training.speed import FUSED, INSTRUCTION_S, LOOK_S, PROGRAM_S, Speed, measured_speed, seconds

DIGITS = data.Digits()
PLAIN = SGD(learning_rate=0.1)
RUN = RunSpec(
    data=DIGITS, model=MLP(widths=(64,)), optimizer=PLAIN, batch_size=100, budget=Budget(amount=30, unit="steps")
)


def products_of_mlp(sizes: tuple[int, ...], batch: int) -> int:
    """Two operations for each number of each product of matrices; the inputs of a network need no gradient."""
    return sum((4 if first else 6) * batch * m * n for first, (m, n) in _layers(sizes))


def products_of_cnn5(width: int, size: int, channels: int, batch: int) -> int:
    """The published geometry: four 3x3 convolutions of widths 1, 2, 4, 8, halved after the second and the third."""
    places = (size**2, size**2, (size // 2) ** 2, (size // 4) ** 2)
    widths = (channels, *(width * factor for factor in (1, 2, 4, 8)))
    convolutions = zip(places, _layers(widths), strict=True)
    return sum((4 if first else 6) * batch * 9 * m * n * at for at, (first, (m, n)) in convolutions)


def _layers(sizes: tuple[int, ...]) -> list[tuple[bool, tuple[int, int]]]:
    return [(i == 0, pair) for i, pair in enumerate(itertools.pairwise(sizes))]


@pytest.mark.parametrize(("widths", "batch"), [((256,), 64), ((512, 512), 128), ((300, 200, 100), 256)])
@pytest.mark.parametrize("optimizer", [PLAIN, Adam()], ids=["sgd", "adam"])
def test_a_step_of_an_mlp_is_its_products_and_little_more(
    widths: tuple[int, ...], batch: int, optimizer: basin.optim.SGD
) -> None:
    run = resolve(RUN.replace(model=MLP(widths=widths), batch_size=batch, optimizer=optimizer))
    assert 1 < step_cost(run).flops / products_of_mlp((64, *widths, 10), batch) < 1.15


@pytest.mark.parametrize("width", [8, 24])
def test_a_step_of_a_network_that_convolves_is_its_convolutions_and_little_more(width: int) -> None:
    glyphs = data.Glyphs(size=16, channels=3, num_train=1000)
    run = resolve(RUN.replace(data=glyphs, model=CNN5(width=width), batch_size=32))
    assert 0.95 < step_cost(run).flops / products_of_cnn5(width, 16, 3, 32) < 1.25


def test_fresh_examples_are_drawn_in_the_step_and_counted() -> None:
    used = resolve(RUN.replace(data=data.Glyphs(size=8, num_train=1000)))
    fresh = resolve(RUN.replace(data=data.Glyphs(size=8)))
    assert step_cost(fresh).flops > step_cost(used).flops


def test_a_step_over_sentences_grows_with_them() -> None:
    words = data.Language(num_train=100)
    run = RUN.replace(data=words, model=Transformer(width=16, mlp_width=32, depth=1, heads=2), batch_size=10)
    ten, twenty = (step_cost(resolve(run.replace(batch_size=size))).flops for size in (10, 20))
    assert 1.7 < twenty / ten < 2.05


def test_runs_updates_and_looks_are_counted_one_by_one() -> None:
    looks = Evaluations(early=0, regular=3)
    short = [RUN.replace(seed=seed, evaluations=looks) for seed in range(3)]
    other = RUN.replace(model=MLP(widths=(8,)), evaluations=looks, budget="7 steps")
    costs = group_costs(plan([*short, short[0], short[0].replace(budget="50 steps"), other]))
    assert [(cost.runs, cost.steps, cost.looks) for cost in costs] == [(4, 3 * 30 + 50, 16), (1, 7, 4)]
    assert costs[0].parameters == 64 * 64 + 64 + 64 * 10 + 10


def test_a_look_passes_every_set_and_the_training_set_again_for_its_statistics() -> None:
    looks = Evaluations(early=0, regular=2, checks=4)
    run = RUN.replace(evaluations=looks, gradient_norm=False)
    train, test = 1437, 360
    assert look_examples(resolve(run)) == 3 * (train + test)
    normalised = run.replace(model=MLP(widths=(8,), norm="batch"))
    assert look_examples(resolve(normalised)) == 3 * (2 * train + test)
    stopped = run.replace(stop=({"kind": "train_loss", "threshold": 0.1},))
    assert look_examples(resolve(stopped)) == 3 * (train + test) + 2 * train


def test_widths_between_those_counted_are_read_off_closely() -> None:
    widths = (1, 2, 3, 4, 6, 9, 13, 19, 28, 41, 60)
    runs = [RUN.replace(model=MLP(widths=(width, 2 * width))) for width in widths]
    assert len(runs) > COUNTED
    for run, found in zip(runs, group_costs(plan(runs)), strict=True):
        own = step_cost(resolve(run))
        assert found.step.flops == pytest.approx(own.flops, rel=0.02)
        assert found.step.traffic == pytest.approx(own.traffic, rel=0.02)


def test_networks_that_differ_in_more_than_width_are_not_read_off_each_other() -> None:
    runs = [
        RUN.replace(model=MLP(widths=(width,) * depth)) for depth in (1, 2) for width in (4, 8, 16, 32, 64, 128, 256)
    ]
    for run, found in zip(runs, group_costs(plan(runs)), strict=True):
        assert found.step.flops == pytest.approx(step_cost(resolve(run)).flops, rel=0.02)


def test_the_memory_of_a_set_is_that_of_its_arrays() -> None:
    source = data.resolve(data.Glyphs(size=8, num_train=300, num_test=200, num_validation=50))
    found = data.load(source, 0)
    arrays = (found.x_train, found.x_test, found.x_validation)
    assert set_bytes(source) == sum(array.nbytes for array in arrays)


def test_sets_are_counted_once_for_the_runs_that_share_them() -> None:
    glyphs = resolve(RUN.replace(data=data.Glyphs(size=8, num_train=300, num_test=200)))
    of_each_seed = [glyphs.replace(seed=seed, optimizer=rule) for seed in (0, 1) for rule in (PLAIN, Adam())]
    assert sets_bytes(of_each_seed) == 2 * set_bytes(glyphs.data)
    of_all = [resolve(RUN.replace(seed=seed)) for seed in range(4)]
    assert sets_bytes(of_all) == set_bytes(of_all[0].data)


def test_no_more_sets_are_kept_than_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    glyphs = resolve(RUN.replace(data=data.Glyphs(size=8, num_train=300, num_test=200)))
    of_each_seed = [glyphs.replace(seed=seed) for seed in range(5)]
    one = set_bytes(glyphs.data)
    for module in (cost, examples):
        monkeypatch.setattr(module, "device_bytes", lambda: 2.5 * one / examples.SHARE)
    assert sets_bytes(of_each_seed) == int(2.5 * one)
    examples.KEPT.clear()
    made = [examples.judges(run) for run in of_each_seed]
    again = [examples.judges(run) for run in reversed(of_each_seed)]
    shared = [first is second for first, second in zip(made, reversed(again), strict=True)]
    assert shared == [False, False, False, True, True]  # labels count among what is kept, but not for a third set


def test_a_kept_run_takes_about_the_space_foretold(tmp_path: Path) -> None:
    run = RUN.replace(model=MLP(widths=(300,)), evaluations=Evaluations(early=0, regular=30))
    basin.train(run, out=tmp_path)
    files = [path.stat().st_size for path in (tmp_path / "train" / "runs").glob("*/*")]
    on_blocks = sum(-(-size // 4096) * 4096 for size in files)
    assert group_costs(plan([run]))[0].disk_bytes == pytest.approx(on_blocks, rel=0.2)


def test_counting_compiles_nothing() -> None:
    compiled: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if "backend_compile" in event:
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        group_costs(plan([RUN.replace(model=MLP(widths=(77,)))]))
        assert compiled == []
        jax.jit(lambda x: x + 77)(1.0)
        assert compiled, "a listener that hears nothing proves nothing"
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def test_seconds_are_the_sum_that_the_page_says() -> None:
    step = StepCost(flops=2e9, traffic=FUSED * 3e8, instructions=500)
    group = GroupCost(runs=4, slots=2, steps=100, looks=8, look_steps=20.0, parameters=1, step=step, disk_bytes=1)
    busy = 120 * (2e9 / 1e11 + 3e8 / 1e10 + 500 * INSTRUCTION_S / 2)
    assert seconds([group], Speed(1e11, 1e10)) == pytest.approx(busy + 8 * LOOK_S + PROGRAM_S)
    assert group.flops == 120 * 2e9


def test_the_speed_of_this_machine_is_finite_and_products_outrun_sums() -> None:
    speed = measured_speed()
    assert 0 < speed.bytes < speed.flops < float("inf")
