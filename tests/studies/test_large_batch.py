"""The large-batch study's design and its evidence, on findings made up so that the right answer is known."""

import numpy as np
import pytest

from basin.data import Digits
from basin.spec.study import Comparison, LargeBatch, Sharpness
from basin.studies.judgement import judge
from basin.studies.large_batch import study as large_batch
from basin.studies.large_batch.view import Cell
from basin.studies.study import Findings, Measured
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import resolve
from basin.training.run import Run

ON = Comparison(
    name="digits", data=Digits(), small_batch=16, large_batch=143, epochs=3, train_loss=0.1, most_epochs=9, looks=3
)
SPEC = LargeBatch(seeds=8, comparisons=(ON,), sharpness=Sharpness(subspaces=5))
RUNS = large_batch.runs(SPEC)


def made_up(*, gap: float, sharper: float, distance: float, diverged: tuple[int, ...] = ()) -> Findings[Cell]:
    """Findings in which the large batch is worse by `gap` points, sharper and nearer by the given factors."""
    rng = np.random.default_rng(0)
    runs, measured = {}, {}
    for cell, spec in RUNS.items():
        large = cell.arm == "large"
        error = 0.05 + 0.01 * large * gap + rng.normal(0, 1e-4)
        moved = (1.0 if large else distance) * np.exp(rng.normal(0, 0.01))
        kind = "diverged" if cell.seed in diverged else "stopped" if cell.match == "loss" else "completed"
        runs[cell] = Run(resolve(spec), Outcome(kind, 9), curve(error, moved), {}, {})
        size = 10.0 * (sharper if large else 1.0) * np.exp(rng.normal(0, 0.01))
        details = {"paper_value": 0.9 * size}
        measured[cell] = {
            (task.measure, task.split): Measured(size, True, details) for task in large_batch.tasks(SPEC, cell)
        }
    return Findings(runs, measured)


def curve(error: float, distance: float) -> History:
    falling = [0.9, error + 0.02, 1.01 * error + 0.01, error]
    rows = [
        Row(i, float(i), i, split, "error", value)
        for split in ("train", "test", "test_a", "test_b")
        for i, value in enumerate(falling)
    ]
    rows += [Row(i, float(i), i, split, "loss", 0.1) for split in ("train", "test") for i in range(4)]
    rows += [Row(3, 3.0, 3, "none", "distance", distance), Row(3, 3.0, 3, "none", "parameter_norm", 5.0)]
    return History(tuple(rows))


def verdicts(found: Findings[Cell]) -> dict[str, str]:
    results = judge(large_batch.claims(SPEC), large_batch.evidence(SPEC, found))
    return {result.claim.id.removesuffix("-digits"): result.verdict.value for result in results}


def test_a_world_as_the_paper_describes_it_supports_every_claim() -> None:
    found = verdicts(made_up(gap=2.0, sharper=20.0, distance=3.0))
    assert set(found.values()) == {"supported"}, found


def test_the_opposite_world_refutes_every_claim_about_the_arms() -> None:
    found = verdicts(made_up(gap=-2.0, sharper=0.05, distance=0.3))
    assert {name: word for name, word in found.items() if word != "refuted"} == {
        "no-overtraining": "supported",
        "early-stopping": "inconclusive",  # there is no gap that stopping could close
    }


def test_a_gap_too_small_to_matter_is_refuted_and_not_called_a_gap() -> None:
    assert verdicts(made_up(gap=0.0, sharper=1.0, distance=1.0))["gap-epochs"] == "refuted"


def test_pairs_with_a_diverged_arm_are_left_out_and_counted() -> None:
    results = judge(
        large_batch.claims(SPEC),
        large_batch.evidence(SPEC, made_up(gap=2.0, sharper=20.0, distance=3.0, diverged=(2, 5))),
    )
    gap = next(result for result in results if result.claim.id == "gap-epochs-digits")
    assert gap.n == 6
    assert "2 of 8 dropped" in gap.note


def test_equal_updates_are_equal_updates_and_equal_epochs_equal_examples() -> None:
    lengths = {(cell.arm, cell.match): resolve(run) for cell, run in RUNS.items() if cell.seed == 0}
    assert lengths["small", "updates"].num_steps == lengths["large", "updates"].num_steps
    for arm, batch in (("small", 16), ("large", 143)):
        examples = lengths[arm, "epochs"].num_steps * batch
        assert 3 * 1437 <= examples < 3 * 1437 + batch


def test_arms_differ_in_nothing_but_the_batch_and_its_length() -> None:
    small, large = (RUNS[Cell("digits", arm, "epochs", 1)] for arm in ("small", "large"))
    assert small.replace(batch_size=large.batch_size) == large


def test_five_subspaces_two_epsilons_two_losses_are_measured_at_equal_loss() -> None:
    tasks = large_batch.tasks(SPEC, Cell("digits", "large", "loss", 0))
    assert len(tasks) == 2 * 2 * (1 + 5)
    assert {task.split for task in tasks} == {"train", "test"}


@pytest.mark.parametrize("preset", ["quick", "standard"])
def test_the_settings_that_the_sources_fix_are_kept(preset: str) -> None:
    spec = large_batch.STUDY.presets[preset]
    sizes = {on.name: (on.small_batch, on.large_batch) for on in spec.comparisons}
    assert sizes == {"digits": (16, 143), "glyphs": (32, 500)}
    assert spec.optimizer.learning_rate.value == 1e-3
    assert spec.seeds >= 5
    assert spec.sharpness.epsilons == (1e-3, 5e-4)
    assert all(
        on.data.num_train == 5000 and on.data.num_test >= 10_000 for on in spec.comparisons if on.name == "glyphs"
    )
