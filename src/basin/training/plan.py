"""From a list of runs to groups that share a compiled program, and how many slots each program has.

A run that starts from another brings that one along, and groups are made generation by generation: runs that start from
none, then those that start from these, and so on. Groups of two generations may share a program all the same.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax

from basin import data
from basin.data.augment import check_images
from basin.data.sampler import check_length
from basin.models import build
from basin.models.model import Model
from basin.spec.base import static_form
from basin.spec.budget import Budget
from basin.spec.data import AnyData
from basin.spec.ids import content_id, static_id
from basin.spec.run import RunSpec, Start
from basin.training.transfer import agreeing, shapes


@dataclass(frozen=True)
class Group:
    """Runs that differ in traced numbers only, and the program that trains them.

    Attributes:
        id: Hash of the static specification, and the generation if it is not the first.
        runs: Resolved specifications by run id, in the order asked for.
        slots: Trainings side by side, K.
    """

    id: str
    runs: Mapping[str, RunSpec]
    slots: int

    @property
    def template(self) -> RunSpec:
        """A run of the group; its static fields hold for all."""
        return next(iter(self.runs.values()))


def resolve(run: RunSpec) -> RunSpec:
    """Return the run with what depends on its data filled in: number of examples, batch size, length in steps.

    Raises:
        ValueError: A batch larger than the training set, a full batch or epochs of an endless stream, a model that
            does not fit the data, inputs that cannot be augmented as asked, more steps than examples that are shown
            once each, or a start that has nothing for it.

    Example:
        >>> import basin
        >>> run = basin.RunSpec(data=basin.data.Digits(), model=basin.models.MLP(), optimizer=basin.optim.Adam(),
        ...                     batch_size="full", budget="3 epochs")
        >>> resolved = resolve(run)
        >>> resolved.batch_size, str(resolved.budget)
        (1437, '3 steps')
    """
    source = data.resolve(run.data)
    num_train = about(source).num_train  # pyright: ignore[reportArgumentType]  frozen, so hashable
    if num_train is not None and source.num_train is None:
        source = source.replace(num_train=num_train)
    _check_disk(run, source)
    batch_size = num_train if run.batch_size == "full" else run.batch_size
    if batch_size is None:
        raise ValueError("expected a number as batch_size, got 'full': an endless stream has no full batch")
    if num_train is not None and batch_size > num_train:
        raise ValueError(
            f"expected a batch_size of at most {num_train}, the number of training examples, got {batch_size}"
        )
    steps = run.budget.steps(batch_size=batch_size, num_train=num_train)
    check_length(steps, batch_size)
    if run.order == "once" and num_train is not None and steps * batch_size > num_train:
        raise ValueError(
            f"expected at most {num_train // batch_size} steps of {batch_size}, as each of {num_train} examples is "
            f"shown once, got {steps}; shorten the budget or give more examples"
        )
    start = run.start and run.start.replace(run=resolve(run.start.run))
    resolved = run.replace(data=source, batch_size=batch_size, budget=Budget(amount=steps, unit="steps"), start=start)
    if run.augment:
        check_images(run.augment, model_of(resolved).input_shape)
    _check_fit(model_of(resolved), start)
    return resolved


def _check_disk(run: RunSpec, source: AnyData) -> None:
    """Refuse what needs all training examples in memory where they are read from the disk."""
    if data.on_disk(source) is None:
        return
    asked = "a stop rule" if run.stop else "batch_size 'full'" if run.batch_size == "full" else None
    if asked is not None:
        raise ValueError(
            f"expected nothing that needs all of {source.num_train} examples at once, as they are read from the disk, "
            f"got {asked}; set a smaller num_train, or leave it out"
        )


def _check_fit(model: Model, start: Start | None) -> None:
    """Refuse a start that has nothing for a network, before anything is trained."""
    if start is not None:
        grows = start.new_weights_std is not None
        agreeing(shapes(_form(model)), shapes(_form(model_of(start.run))), start.layers, grow=grows)


def model_of(run: RunSpec) -> Model:
    """Return the network of a run, built for its data."""
    known = about(run.data)  # pyright: ignore[reportArgumentType]  frozen, so hashable
    return build(run.model, known.input_shape, known.num_classes)


@functools.lru_cache(maxsize=256)
def about(source: AnyData) -> data.DataInfo:
    """Return what is known of a resolved source; asked often, and for a file each answer would be a reading."""
    return data.describe(source)


def plan(runs: Iterable[RunSpec], slots: Mapping[str, int] | int | None = None) -> list[Group]:
    """Group runs, and those that they start from, by generation and static specification; equal runs are one.

    Args:
        runs: What to train; resolved here.
        slots: Trainings side by side: a number for all groups, numbers by group id (as stored when the study was
            first planned), or None for :func:`default_slots`.
    """
    groups: dict[tuple[int, str], dict[str, RunSpec]] = {}
    for run in (one for asked in map(resolve, runs) for one in lineage(asked)):
        groups.setdefault((generation(run), program_id(run)), {}).setdefault(content_id(run), run)
    names = {key: key[1] if key[0] == 0 else f"{key[1]}-{key[0]}" for key in sorted(groups, key=lambda key: key[0])}
    return [Group(name, groups[key], _slots(name, groups[key], slots)) for key, name in names.items()]


def lineage(run: RunSpec) -> Iterator[RunSpec]:
    """Yield the runs that a run starts from, the eldest first, and then the run."""
    if run.start is not None:
        yield from lineage(run.start.run)
    yield run


def generation(run: RunSpec) -> int:
    """Return how many runs come before a run, one starting from the other."""
    return len(list(lineage(run))) - 1


def program_id(run: RunSpec) -> str:
    """Return the hash of what shapes a resolved run's program, and whether its examples are read from the disk."""
    return static_id(run) if data.on_disk(run.data) is None else f"{static_id(run)}-disk"


def _slots(name: str, runs: Mapping[str, RunSpec], slots: Mapping[str, int] | int | None) -> int:
    if isinstance(slots, int):
        return slots
    if slots is not None and name in slots:
        return slots[name]
    return default_slots(next(iter(runs.values())), len(runs))


def default_slots(run: RunSpec, num_runs: int) -> int:
    """Return how many trainings to put side by side: a power of two, no more than there are runs.

    Small networks leave most of a processor idle, and trainings side by side fill it; large ones fill it alone. The
    measure is the work of a step, parameters times examples. On a CPU a network that convolves is trained alone: a
    convolution vmapped over weights becomes a slow grouped one.

    The number is chosen when a group is first planned and stored with the study, because with another number of slots
    the bits of a run differ.
    """
    on_cpu = jax.default_backend() == "cpu"
    if model_of(run).has_convolution:
        limit = 1 if on_cpu else 4
    else:
        work = num_parameters(run) * run.examples_per_step
        limit = (1 if work > 3e7 else 4 if work > 1e7 else 16) if on_cpu else (8 if work > 1e9 else 64)
    return min(limit, 1 << max(num_runs - 1, 0).bit_length())


def num_parameters(run: RunSpec) -> int:
    """Return how many trained numbers the network of a resolved run has."""
    return sum(leaf.size for leaf in jax.tree.leaves(_form(model_of(run))["params"]))


@functools.cache
def _form(model: Model) -> dict[str, Any]:
    """Return the shapes and types of a network's arrays."""
    params, state = jax.eval_shape(model.init, jax.random.key(0))
    return {"params": params, "state": state}


def shares_inputs(group: Group) -> bool:
    """Return whether all runs of a group train on the same inputs, label noise aside."""
    clean = [_without_noise(run.data) for run in group.runs.values()]
    return len({repr(static_form(one)) + repr(one) for one in clean}) == 1 and not data.depends_on_seed(clean[0])


def _without_noise(source: AnyData) -> AnyData:
    return source.replace(label_noise=0.0) if "label_noise" in type(source).model_fields else source
