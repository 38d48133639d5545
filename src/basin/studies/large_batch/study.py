"""Large batches and sharp minima: do large batches generalise worse, and is it because their minima are sharp?

**Source.** Keskar, Mudigere, Nocedal, Smelyanskiy & Tang, "On large-batch training for deep learning: generalization
gap and sharp minima", ICLR 2017. Table 2 (accuracy), Tables 3 and 4 (sharpness), Figure 2 (test curves), section 3
(distance).

**Design.** One network, one optimiser, one learning rate, two batch sizes; the same seed starts both from the same
weights. Three comparisons, because "at the same time" has three meanings: equal *epochs* (the paper's), equal
*updates* (the large batch sees more examples), equal *training loss*. Sharpness gets its verdict at equal loss: with
cross-entropy it falls towards 0 as the loss does, so at equal epochs it would tell which arm has trained further.

**Expected signature.** A gap in test error of some tenths of a point to some points; sharpness higher by one to two
orders of magnitude for the large batch; test curves that level off and do not rise again; the small batch 3 to 10
times as far from its start.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import jax
import numpy as np

from basin.measure import keskar_sharpness
from basin.measure.result import Measurement
from basin.spec.data import Digits, Glyphs
from basin.spec.model import F1
from basin.spec.run import Evaluations, RunSpec, StopAtLoss
from basin.spec.study import Comparison, LargeBatch, Sharpness
from basin.stats import Direction, Estimate, Scale, fall_after_peak, gap_after_stopping, gap_kept, mean, paired, sample
from basin.studies.claim import Claim, Evidence, Measured, Premise, Reading, ratio
from basin.studies.large_batch import view
from basin.studies.large_batch.view import MATCHES, Cell
from basin.studies.runs import one_test_example
from basin.studies.study import Findings, Study, Task
from basin.training.run import Run

SOURCE = "Keskar et al. 2017"

# --- What is run -----------------------------------------------------------------------------------------------------

QUICK = LargeBatch(
    seeds=6,
    slots=6,
    comparisons=(
        Comparison(
            name="digits",
            data=Digits(),
            small_batch=16,
            large_batch=143,
            epochs=30,
            train_loss=0.01,
            most_epochs=100,
        ),
        Comparison(
            name="glyphs",
            data=Glyphs(size=16, difficulty=0.5, num_train=5000, num_test=10_000),
            small_batch=32,
            large_batch=500,
            epochs=20,
            train_loss=0.02,
            most_epochs=80,
        ),
    ),
    sharpness=Sharpness(examples=512, starts=3, finalists=2, most_finalists=2, ascent_steps=20, precision="mixed"),
)

STANDARD = QUICK.replace(
    seeds=10,
    slots=10,
    comparisons=tuple(
        comparison.replace(epochs=3 * comparison.epochs, most_epochs=3 * comparison.most_epochs, looks=30)
        for comparison in QUICK.comparisons
    ),
    sharpness=Sharpness(),
)

PAPER = LargeBatch(
    seeds=5,
    model=F1(),
    comparisons=(
        Comparison(
            name="glyphs",
            data=Glyphs(size=28, difficulty=0.5, num_train=60_000, num_test=10_000),
            small_batch=256,
            large_batch=6000,
            epochs=100,
            train_loss=0.01,
            most_epochs=300,
            looks=100,
        ),
    ),
)


def runs(spec: LargeBatch) -> Mapping[Cell, RunSpec]:
    """Return the runs: two batch sizes, three comparisons, every seed."""
    found: dict[Cell, RunSpec] = {}
    for comparison in spec.comparisons:
        for seed in range(spec.seeds):
            for cell, run in _pair_of(spec, comparison, seed):
                found[cell] = run
    return found


def _pair_of(spec: LargeBatch, on: Comparison, seed: int) -> Iterator[tuple[Cell, RunSpec]]:
    def run(batch_size: int, budget: str, **fields: object) -> RunSpec:
        return RunSpec.model_validate(
            {
                "data": on.data,
                "model": spec.model,
                "optimizer": spec.optimizer,
                "batch_size": batch_size,
                "budget": budget,
                "seed": seed,
                "evaluations": Evaluations(early=3, regular=on.looks),
                **fields,
            }
        )

    rule = StopAtLoss(threshold=on.train_loss)
    often = Evaluations(early=3, regular=on.looks, checks=on.most_epochs)
    small = run(on.small_batch, f"{on.epochs} epochs")
    examples_per_small_batch_of_updates = on.epochs * on.large_batch / on.small_batch
    yield Cell(on.name, "small", "epochs", seed), small
    yield Cell(on.name, "large", "epochs", seed), run(on.large_batch, f"{on.epochs} epochs")
    yield Cell(on.name, "small", "updates", seed), small
    yield (
        Cell(on.name, "large", "updates", seed),
        run(on.large_batch, f"{examples_per_small_batch_of_updates} epochs"),
    )
    for arm, batch_size in zip(view.ARMS, (on.small_batch, on.large_batch), strict=True):
        stopped = run(batch_size, f"{on.most_epochs} epochs", stop=(rule,), evaluations=often)
        yield Cell(on.name, arm, "loss", seed), stopped


# --- What is measured ------------------------------------------------------------------------------------------------


def tasks(spec: LargeBatch, cell: Cell) -> Sequence[Task]:
    """Return the measurements: everything at equal loss, the full space of the training loss at equal epochs."""
    how = spec.sharpness
    if cell.match == "loss":
        spaces = (None, *range(how.subspaces))
        return [_task(how, e, space, split) for e in how.epsilons for space in spaces for split in ("train", "test")]
    if cell.match == "epochs":
        return [_task(how, epsilon, None, "train") for epsilon in how.epsilons]
    return []


def measure_name(how: Sharpness, epsilon: float, space: int | None) -> str:
    """Return the name of one sharpness with its settings; `space` is None for the full space, else a number."""
    where = "full space" if space is None else f"subspace {space} of dimension {how.subspace_dim}"
    examples = "all" if how.examples is None else how.examples
    finalists = f"{how.finalists} to {how.most_finalists} finalists"
    search = f"{how.starts} starts, {finalists}, {how.ascent_steps} steps, {how.precision}"
    return f"keskar_sharpness: {where}, epsilon {epsilon:g}, {examples} examples, {search}"


def _task(how: Sharpness, epsilon: float, space: int | None, split: str) -> Task:
    def compute(run: Run) -> Measurement:
        return keskar_sharpness(
            run.loss(split, num_examples=how.examples),
            run.params,
            epsilon=epsilon,
            subspace_dim=None if space is None else how.subspace_dim,
            key=jax.random.key(0 if space is None else space),
            num_starts=how.starts,
            num_finalists=how.finalists,
            max_finalists=how.most_finalists,
            max_ascent_steps=how.ascent_steps,
            precision=how.precision,
        )

    return Task(measure_name(how, epsilon, space), split, compute)


# --- What is claimed -------------------------------------------------------------------------------------------------


def claims(spec: LargeBatch) -> Sequence[Claim]:
    """Return the claims, ten for each source of data."""
    return [claim for comparison in spec.comparisons for claim in _claims_on(comparison)]


def _claims_on(on: Comparison) -> Iterator[Claim]:
    for match, meaning in (("epochs", "epochs"), ("updates", "updates"), ("loss", "training loss")):
        yield Claim(
            id=f"gap-{match}-{on.name}",
            statement=f"Large batches generalise worse, at equal {meaning} ({on.name}).",
            source=f"{SOURCE}, Table 2",
            refuted_by="a gap below 0.1 points",
            statistic=f"test error, batch {on.large_batch} minus batch {on.small_batch}",
            direction=Direction.GREATER,
            smallest_effect=0.1,
            unit="points",
            published="0.22 (F1) to 5.27 (C4) points",
            inventory=("K01", "K08", "K14", "B02b"),
        )
    for split in ("train", "test"):
        yield from _sharpness_claims(on, split)
    yield Claim(
        id=f"no-overtraining-{on.name}",
        statement=f"The gap is no over-training: test curves do not peak and fall ({on.name}).",
        source=f"{SOURCE}, Figure 2",
        refuted_by="a rise of the test error of more than 0.3 points from its best epoch to the last, of either arm",
        statistic="test error at the last epoch minus that at the best earlier one; chosen and read on different "
        "halves of the test examples and of the seeds",
        direction=Direction.AT_MOST,
        smallest_effect=0.3,
        unit="points",
        published="no fall seen",
        inventory=("K29", "K32", "K33"),
    )
    yield Claim(
        id=f"early-stopping-{on.name}",
        statement=f"Early stopping does not close the gap ({on.name}).",
        source=f"{SOURCE}, section 2.2",
        refuted_by="half of the gap or more gone when each arm stops at its own best validation epoch",
        statistic="gap with each arm stopped at its best epoch on one half of the test set, read on the other, minus "
        "half of the gap at the last epoch",
        direction=Direction.GREATER,
        smallest_effect=0.0,
        unit="points",
        published="not closed",
        inventory=("K34", "K36"),
    )
    yield ratio(
        id=f"distance-{on.name}",
        statement=f"Large-batch iterates end closer to the start, at equal epochs ({on.name}).",
        source=f"{SOURCE}, section 3",
        refuted_by="a ratio of distances below 1.2",
        statistic="ratio of distances from the initial weights, small batch over large batch",
        direction=Direction.GREATER,
        factor=1.2,
        published="ratio 3 to 10",
    )


def _sharpness_claims(on: Comparison, split: str) -> Iterator[Claim]:
    function = {"train": "training", "test": "test"}[split]
    published = {"full": "F1 at 1e-3: 205.14 against 1.23, log10 ratio 2.2", "subspace": "F1: 9.22 against 0.11, 1.9"}
    for space, words, table in (("full", "the full space", "3"), ("subspace", "random subspaces", "4")):
        yield Claim(
            id=f"sharper-{split}-{space}-{on.name}",
            statement=f"Large batches reach sharper minima of the {function} function, in {words} ({on.name}).",
            source=f"{SOURCE}, Table {table}"
            + ("" if split == "train" else " (said of the test function, section 2.2)"),
            refuted_by="sharpness less than 2 times (0.3 in log10) that of the small batch, in any of the readings",
            statistic="log10 of Keskar's sharpness, large over small batch, at equal training loss; for the best value "
            "found and for the paper's ten iterations, at each epsilon"
            + ("; mean over the subspaces" if space == "subspace" else ""),
            direction=Direction.GREATER,
            smallest_effect=0.3,
            unit="log10",
            scale=Scale.LOG10,
            published=published[space] if split == "train" else None,
            inventory=("K09", "K10", "K15", "K19", "K20", "K22"),
        )


# --- What was found --------------------------------------------------------------------------------------------------


def evidence(spec: LargeBatch, found: Findings[Cell]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim, paired by seed."""
    collected: dict[str, Evidence] = {}
    for comparison in spec.comparisons:
        collected |= _evidence_on(spec, comparison, found)
    return collected


def _evidence_on(spec: LargeBatch, on: Comparison, found: Findings[Cell]) -> dict[str, Evidence]:
    collected: dict[str, Evidence] = {}
    step = one_test_example(on.data)
    for match in MATCHES:
        small, large = (100 * view.last(spec, found, on, arm, match, "test", "error") for arm in ("small", "large"))
        note = "" if match != "loss" else view.loss_note(spec, found, on)
        collected[f"gap-{match}-{on.name}"] = Measured.of(paired(small, large, resolution=step), note=note)
    for split in ("train", "test"):
        for space in ("full", "subspace"):
            readings = tuple(_sharpness_readings(spec, on, found, split, space))
            note = view.loss_note(spec, found, on)
            collected[f"sharper-{split}-{space}-{on.name}"] = Measured(readings, note=note)
    collected[f"no-overtraining-{on.name}"] = Measured(tuple(_falls(spec, on, found)))
    collected[f"early-stopping-{on.name}"] = _stopping(spec, on, found)
    small, large = (view.last(spec, found, on, arm, "epochs", "none", "distance") for arm in ("small", "large"))
    collected[f"distance-{on.name}"] = Measured.of(paired(large, small, scale=Scale.LOG))
    return collected


def _sharpness_readings(
    spec: LargeBatch, on: Comparison, found: Findings[Cell], split: str, space: str
) -> Iterator[Reading]:
    for epsilon in spec.sharpness.epsilons:
        for kind in ("best found", "ten iterations"):
            small, large = (
                view.sharpness(spec, found, on, arm, "loss", split, space, epsilon, kind) for arm in ("small", "large")
            )
            yield Reading(f"{kind}, epsilon {epsilon:g}", paired(small, large, scale=Scale.LOG10))


def _falls(spec: LargeBatch, on: Comparison, found: Findings[Cell]) -> Iterator[Reading]:
    for arm in ("small", "large"):
        halves = (view.curves(spec, found, on, arm, "epochs", f"test_{half}", "error")[1] * 100 for half in "ab")
        yield Reading(f"{arm} batch", _mean(fall_after_peak(*(half[:, 1:] for half in halves)), on))


def _stopping(spec: LargeBatch, on: Comparison, found: Findings[Cell]) -> Measured:
    halves = [
        view.curves(spec, found, on, arm, "epochs", f"test_{half}", "error")[1][:, 1:] * 100
        for arm in ("small", "large")
        for half in "ab"
    ]
    last, stopped = gap_after_stopping(*halves)
    premise = Premise("there is a gap", _mean(last, on), Direction.GREATER, 0.1)
    return Measured.of(_mean(gap_kept(last, stopped), on), premise=premise)


def _mean(points: np.ndarray, on: Comparison) -> Estimate:
    return mean(sample(points, resolution=one_test_example(on.data)))


def protocol(spec: LargeBatch) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    small_and_large = ", ".join(f"{on.name} {on.small_batch} and {on.large_batch}" for on in spec.comparisons)
    looked = spec.sharpness.examples
    return [
        f"Batch sizes: {small_and_large}; optimiser, learning rate and initial weights are those of the other arm.",
        "Equal epochs, equal updates (the large batch then sees more examples), and equal training loss: both arms "
        "stop at the first look at which the mean loss over the whole training set is at or below "
        + ", ".join(f"{on.train_loss:g} ({on.name})" for on in spec.comparisons)
        + "; a run that never gets there is left out with its pair, and counted.",
        "A seed decides initial weights, the order of examples and, where the data is a stream, the training sample; "
        "the test set is the same for all seeds.",
        "Batch statistics are recomputed over the whole training set at every look and before every measurement.",
        "Sharpness is that of the mean loss over "
        + ("all" if looked is None else f"the first {looked}")
        + " examples of the split.",
        "The epoch of early stopping is chosen on one half of the test examples and read on the other, then reversed.",
    ]


STUDY = Study(
    name="large-batch",
    title="Large batches and sharp minima",
    question="Networks trained with large batches are said to generalise worse than those trained with small ones, "
    "because they end in sharp minima. Here the same network is trained with both, from the same weights, and compared "
    "at equal epochs, at equal updates and at equal training loss.",
    source=SOURCE,
    presets={"quick": QUICK, "standard": STANDARD, "paper": PAPER},
    cost={
        "quick": "117 s on two cores (60 trainings, 624 measurements)",
        "standard": "not measured",
        "paper": "not measured; needs a GPU",
    },
    protocol=protocol,
    claims=claims,
    runs=runs,
    tasks=tasks,
    evidence=evidence,
    figures=view.figures,
    tables=view.tables,
)
