"""The study of transformers: carried out at a tiny size, and its verdicts on runs made up with a known answer."""

from collections.abc import Callable

import numpy as np
import pytest

from basin.data import Language
from basin.models import MLP, Transformer
from basin.optim import Adam, InverseSquareRoot
from basin.spec.double_descent_translation import DoubleDescentTranslation, TranslationFamily
from basin.store.study import StudyFolder
from basin.studies.conduct import conduct, findings
from basin.studies.double_descent_translation import arms
from basin.studies.double_descent_translation.study import STUDY
from basin.studies.judgement import judge
from basin.studies.study import Findings
from basin.studies.sweeps import Cell
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import resolve
from basin.training.run import Run

FAMILY = TranslationFamily(
    name="tiny",
    model=Transformer(depth=1, heads=1),
    widths=(2, 4, 8, 16),
    data=Language(nouns=4, verbs=2, adjectives=2, length=5, noise=0.2, num_train=40, num_test=50),
    fewer=20,
    optimizer=Adam(learning_rate=InverseSquareRoot(peak=0.01, warmup=0.1)),
    batch_size=8,
    budget="12 steps",
    early=0,
    regular=2,
)
TINY = DoubleDescentTranslation(seeds=6, families=(FAMILY,))


@pytest.mark.usefixtures("compiled_cheaply")
def test_it_runs_from_end_to_end_and_judges_every_claim(tmp_path) -> None:
    tiny = TINY.replace(seeds=2, families=(FAMILY.replace(widths=(2, 3, 4)),))
    record = conduct(STUDY, tiny, preset="quick", out=tmp_path).record
    assert {claim["id"] for claim in record["claims"]} == {claim.id for claim in STUDY.claims(tiny)}
    found = findings(STUDY, tiny, StudyFolder(tmp_path, STUDY.name))
    assert len(found.runs) == 3 * 2 * 2
    assert {run.spec.label_smoothing for run in found.runs.values()} == {0.1}
    loss = arms.losses(found, FAMILY.replace(widths=(2, 3, 4)), "fewer")
    one = found.runs[Cell("tiny", "fewer", 3, 1)]
    assert loss.test[1, 1] == one.history.last("test", "loss")
    assert loss.train.shape == (2, 3)


# --- Runs made up so that the right answer is known ------------------------------------------------------------------

Curve = dict[int, float]

PEAKED = {2: 3.0, 4: 2.0, 8: 4.0, 16: 1.0}
HURT = {2: 2.0, 4: 1.9, 8: 5.0, 16: 0.9}
FALLING = {2: 3.0, 4: 2.0, 8: 1.5, 16: 1.0}
FITTED = {2: 60.0, 4: 30.0, 8: 5.0, 16: 0.0}
LATER = {2: 80.0, 4: 60.0, 8: 30.0, 16: 5.0}


def verdicts(
    fewer: Curve = PEAKED,
    more: Curve = HURT,
    train: tuple[Curve, Curve] = (FITTED, LATER),
    train_loss: Callable[[int], float] = lambda width: 1 / width,
) -> dict[str, str]:
    """The verdicts when runs end with these test losses, and ten times as many points of test error."""
    rng = np.random.default_rng(0)
    runs = {}
    for cell, spec in STUDY.runs(TINY).items():
        loss = (fewer if cell.arm == "fewer" else more)[cell.width] + rng.normal(0, 1e-3)
        fitted = train[cell.arm == "more"][cell.width] + rng.uniform(0, 0.1)
        values = {("test", "loss"): loss, ("test", "error"): loss / 10}
        values |= {("train", "loss"): train_loss(cell.width) + rng.normal(0, 1e-3), ("train", "error"): fitted / 100}
        resolved = resolve(spec)
        rows = [Row(resolved.num_steps, 1.0, 1, *name, value) for name, value in values.items()]
        runs[cell] = Run(resolved, Outcome("completed", resolved.num_steps), History(rows), {}, {})
    results = judge(STUDY.claims(TINY), STUDY.evidence(TINY, Findings(runs)))
    return {result.claim.id.removesuffix("-tiny"): result.verdict.value for result in results}


def test_a_world_as_in_the_paper_supports_every_claim() -> None:
    assert set(verdicts().values()) == {"supported"}


@pytest.mark.parametrize(
    ("world", "refuted"),
    [
        ({"fewer": FALLING}, {"peak-fewer", "peak-error"}),
        ({"more": FALLING}, {"peak-more", "more-helps", "more-helps-loss"}),
        ({"more": {width: loss - 0.5 for width, loss in PEAKED.items()}}, {"more-hurts", "more-hurts-loss"}),
        ({"train": (LATER, FITTED)}, {"moves"}),
        ({"train": ({2: 5.0, 4: 0.0, 8: 0.0, 16: 0.0}, LATER)}, set()),
        ({"train_loss": lambda width: width / 10}, {"train-falls"}),
    ],
    ids=["no peak", "no peak on more", "more only helps", "less to fit", "always fitted", "wider trains worse"],
)
def test_a_world_against_a_claim_refutes_it(world: dict, refuted: set[str]) -> None:
    found = verdicts(**world)
    assert {name for name in refuted if found[name] != "refuted"} == set()


def test_a_peak_far_from_the_threshold_is_not_at_it() -> None:
    far = ({2: 8.0, 4: 0.0, 8: 0.0, 16: 0.0}, LATER)
    assert verdicts(train=({2: 30.0, 4: 0.0, 8: 0.0, 16: 0.0}, LATER))["at-threshold"] in ("refuted", "inconclusive")
    assert verdicts(train=far)["at-threshold"] != "supported"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": MLP()}, "expected a transformer as model, got mlp; use basin.models.Transformer"),
        ({"fewer": 40}, "expected fewer than num_train = 40, got 40"),
        ({"widths": (4, 2, 8)}, "widths of 1 or more in ascending order"),
    ],
)
def test_families_that_mean_nothing_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FAMILY.replace(**change)


def test_a_dimension_is_the_width_of_the_network() -> None:
    assert FAMILY.at(8) == Transformer(width=8, depth=1, heads=1)
