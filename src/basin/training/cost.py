"""What groups of runs will cost, told before anything is trained: arithmetic, space on the disk, memory for examples.

The arithmetic of an update is counted by XLA in the step as it is lowered, on the shapes of weights and examples alone:
nothing is compiled, no weight is drawn and no example made. Of a dense layer from m to n units and a batch of B it
finds about 6 B m n operations: 2 B m n each for the outputs, for the gradient of the weights and for that of the
inputs, which a first layer does not need. A look at N examples passes them forward, for a third of the price of N
examples of an update; batch statistics that are recomputed pass the training set once more.

Stop rules are not foreseen: a run is counted to the end of its budget. :mod:`basin.training.speed` makes seconds of it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import PchipInterpolator

from basin import data
from basin.loss.precision import arithmetic, cast_floats
from basin.models.model import Mode
from basin.optim import build
from basin.spec.base import static_form
from basin.spec.data import AnyData
from basin.spec.run import RunSpec
from basin.training.evaluate import METRICS
from basin.training.examples import REFERENCE, SHARE
from basin.training.feed import Examples
from basin.training.kept import device_bytes
from basin.training.plan import Group, about, model_of, num_parameters
from basin.training.program import feed_of
from basin.training.slot import Slot, fresh_slot
from basin.training.step import train_step

COUNTED = 6
"""Widths of a sweep whose steps are lowered; the others are read off the line through them."""

FILES = 24_000
"""Bytes of a run's small files, each rounded up to a block of the disk."""

ROW = 20
"""Bytes of a value of a curve, as it is kept; measured on kept runs, as that of the small files is."""


@dataclass(frozen=True)
class StepCost:
    """What one update of one run takes, as XLA counts it in the lowered step.

    Attributes:
        flops: Floating-point operations.
        traffic: Bytes read and written by all instructions, before any are fused.
        instructions: How many instructions there are.
    """

    flops: float
    traffic: float
    instructions: float


@dataclass(frozen=True)
class GroupCost:
    """What the runs of one compiled program will take.

    Attributes:
        runs: How many there are.
        slots: How many are trained side by side.
        steps: Updates of all of them together.
        looks: Looks of all of them together.
        look_steps: The number of updates that all looks cost as much as.
        parameters: Trained numbers of the network.
        step: What one update of one run takes.
        disk_bytes: What all of them leave on the disk.
    """

    runs: int
    slots: int
    steps: int
    looks: int
    look_steps: float
    parameters: int
    step: StepCost
    disk_bytes: int

    @property
    def flops(self) -> float:
        """Operations of all updates and all looks."""
        return (self.steps + self.look_steps) * self.step.flops


def group_costs(groups: Sequence[Group]) -> list[GroupCost]:
    """Return what each group will cost, in their order.

    Args:
        groups: As planned.

    Example:
        >>> import basin
        >>> from basin.training.plan import plan
        >>> run = basin.RunSpec(data=basin.data.Digits(), model=basin.models.MLP(widths=(32,)), batch_size=50,
        ...                     optimizer=basin.optim.SGD(learning_rate=0.1), budget="100 steps")
        >>> found = group_costs(plan([run, run.replace(seed=1)]))[0]
        >>> found.runs, found.steps, found.parameters
        (2, 200, 2410)
    """
    steps = _step_costs([group.template for group in groups])
    return [_cost(group, step) for group, step in zip(groups, steps, strict=True)]


def step_cost(run: RunSpec) -> StepCost:
    """Return what one update of a resolved run takes.

    Raises:
        ValueError: JAX has no CPU, and counts for no other device.

    Example:
        >>> import basin
        >>> from basin.training.plan import resolve
        >>> run = basin.RunSpec(data=basin.data.Digits(), model=basin.models.MLP(widths=(512, 512)), batch_size=100,
        ...                     optimizer=basin.optim.SGD(learning_rate=0.1), budget="1 step")
        >>> layers = 4 * 100 * 64 * 512 + 6 * 100 * 512 * 512 + 6 * 100 * 512 * 10
        >>> bool(1 < step_cost(resolve(run)).flops / layers < 1.02)
        True
    """
    with arithmetic(run.precision), jax.default_device(_cpu()):
        slot = jax.eval_shape(lambda: _first_slot(run))
        lowered = _lowered_on_a_stream(run, slot) if run.data.endless else _lowered(run, slot)
        found = lowered.cost_analysis()
    assert found is not None
    return StepCost(found["flops"], found["bytes accessed"], lowered.as_text().count(" = "))


def _cpu() -> Any:
    try:
        return jax.devices("cpu")[0]
    except RuntimeError:
        raise ValueError("expected a CPU to count operations for, got none; add cpu to JAX_PLATFORMS") from None


def _lowered(run: RunSpec, slot: Slot) -> jax.stages.Lowered:
    def update(slot: Slot, batch: Examples) -> Slot:
        return train_step(slot, run, model_of(run), jnp.int32(run.num_steps), batch)

    return jax.jit(update).lower(slot, _batch(run, slot))


def _lowered_on_a_stream(run: RunSpec, slot: Slot) -> jax.stages.Lowered:
    """Return the step together with the drawing of its examples."""
    feed = feed_of(run)
    fixed, nothing = jax.tree.map(np.asarray, feed.fix(run)), jnp.zeros(0)

    def update(slot: Slot, prepared: jax.Array) -> Slot:
        batch = feed.draw(run, fixed, prepared, (nothing, nothing))
        return train_step(slot, run, model_of(run), jnp.int32(run.num_steps), batch)

    prepared = jax.eval_shape(lambda: feed.prepare(run, jnp.zeros(1, jnp.int32))[0])
    return jax.jit(update).lower(slot, prepared)


def set_bytes(source: AnyData) -> int:
    """Return the memory of the training, held-out and test inputs of a resolved source, those on a disk left aside."""
    known = about(source)  # pyright: ignore[reportArgumentType]  frozen, so hashable
    held = None if data.on_disk(source) is not None else source.num_train
    examples = (held or 0) + known.num_test + getattr(source, "num_validation", 0)
    return 4 * examples * math.prod(known.input_shape)


def sets_bytes(runs: Iterable[RunSpec]) -> int:
    """Return the memory of all sets that resolved runs are trained and judged on, as far as a process keeps them.

    Runs have a set in common if their source is one, noise of labels included, and does not depend on the seed.
    """
    sets = {(run.data, run.seed if data.depends_on_seed(run.data) else 0): run for run in runs}
    sizes = [set_bytes(run.data) for run in sets.values()]
    return min(sum(sizes), max(int(SHARE * device_bytes()), max(sizes, default=0)))


def look_examples(run: RunSpec) -> int:
    """Return how many examples all looks of a resolved run pass forward, batch statistics and norms included."""
    known, model = about(run.data), model_of(run)  # pyright: ignore[reportArgumentType]  frozen, so hashable
    held = None if data.on_disk(run.data) is not None else run.data.num_train
    passes = 2 if run.batch_norm == "recomputed" and model.has_batch_statistics else 1
    train = passes * held if held else (passes - 1) * REFERENCE
    others = known.num_test + getattr(run.data, "num_validation", 0) + run.fresh
    norm = 3 * run.examples_per_step if run.gradient_norm else 0
    checks = len(run.evaluations.check_steps(run.num_steps)) if run.stop else 0
    return len(run.evaluations.steps(run.num_steps)) * (train + others + norm) + checks * train


def _cost(group: Group, step: StepCost) -> GroupCost:
    runs, template = group.runs.values(), group.template
    return GroupCost(
        runs=len(runs),
        slots=group.slots,
        steps=sum(run.num_steps for run in runs),
        looks=sum(len(run.evaluations.steps(run.num_steps)) for run in runs),
        look_steps=sum(map(look_examples, runs)) / (3 * template.examples_per_step),
        parameters=num_parameters(template),
        step=step,
        disk_bytes=sum(map(_disk_bytes, runs)),
    )


def _disk_bytes(run: RunSpec) -> int:
    values = len(run.evaluations.steps(run.num_steps)) * 6 * len(METRICS)
    return num_parameters(run) * np.dtype(run.precision).itemsize + FILES + ROW * values


def _step_costs(templates: Sequence[RunSpec]) -> list[StepCost]:
    """Return what a step of each takes; of many networks that differ in width alone a few are lowered."""
    families: dict[str, dict[int, RunSpec]] = defaultdict(dict)
    for run in templates:
        families[_family(run)][num_parameters(run)] = run
    found = {family: _filled_in(members) for family, members in families.items()}
    return [found[_family(run)][num_parameters(run)] for run in templates]


def _filled_in(members: Mapping[int, RunSpec]) -> dict[int, StepCost]:
    """Return the cost by size: counted at some sizes, between them on monotone curves, all in logarithms."""
    counted = {size: step_cost(members[size]) for size in _counted(members)}
    if len(counted) == len(members):
        return counted
    curve = PchipInterpolator(np.log(list(counted)), np.log([astuple(step) for step in counted.values()]))
    return {size: counted.get(size) or StepCost(*np.exp(curve(math.log(size))).tolist()) for size in members}


def _counted(sizes: Iterable[int]) -> list[int]:
    """Return the sizes to count at, ascending: all of a few, else some about evenly spaced by their logarithm."""
    known = np.array(sorted(sizes))
    if len(known) <= COUNTED:
        return known.tolist()
    wanted = np.geomspace(known[0], known[-1], COUNTED)
    return sorted({int(known[np.abs(known - at).argmin()]) for at in wanted})


def _family(run: RunSpec) -> str:
    """Return what runs have in common whose networks differ in width alone."""
    form = static_form(run)
    model = {name: value for name, value in form["model"].items() if name not in ("width", "mlp_width")}
    if "widths" in model:
        model["widths"] = len(model["widths"])
    return repr({**form, "model": model})


def _first_slot(run: RunSpec) -> Slot:
    params, state = cast_floats(model_of(run).init(jax.random.key(0)), run.precision)
    return fresh_slot(params, state, build(run.optimizer, jnp.int32(run.num_steps)))


def _batch(run: RunSpec, slot: Slot) -> tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]:
    """Return the shapes of a batch; labels have the shape of the network's outputs, classes aside."""
    model, are_tokens = model_of(run), data.SOURCES[run.data.kind].vocabulary is not None
    x = jax.ShapeDtypeStruct((run.examples_per_step, *model.input_shape), np.int32 if are_tokens else run.precision)

    def outputs(params: Any, state: Any, x: jax.Array) -> jax.Array:
        return model.apply(params, state, x, mode=Mode.EVAL)[0]

    shape = jax.eval_shape(outputs, slot.params, slot.model_state, x).shape[:-1]
    return x, jax.ShapeDtypeStruct(shape, np.int32)
