"""The study of mini-batches: its computations against closed forms and loops, its evidence on findings made up."""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basin.models import MLP
from basin.spec.data import Digits
from basin.spec.mini_batches import Copies, Cost, Escape, MiniBatches, Noise
from basin.studies.conduct import conduct
from basin.studies.experiment import Computed
from basin.studies.finite_sum import descend, network_sum
from basin.studies.judgement import judge
from basin.studies.mini_batches import experiments as computing
from basin.studies.mini_batches import study as mini_batches
from basin.studies.mini_batches import view as mini_batches_view
from basin.studies.mini_batches.view import Cell
from basin.studies.study import Findings
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import resolve
from basin.training.run import Run

KEY = jax.random.key(3)


def test_a_walk_is_the_loop_over_steps() -> None:
    # independent: the derivative by hand, in NumPy, with the indices of the cyclic order written out
    targets = np.array([1.0, -2.0, 0.5, 3.0, 0.0])
    how = {"rate": 0.1, "batch_size": 2, "num_examples": 5, "order": "cyclic", "num_looks": 3, "steps_per_look": 4}
    trace = descend(
        lambda x, indices: (x - jnp.asarray(targets)[indices]) ** 2 / 2, jnp.float32(4.0), KEY, watch=lambda x: x, **how
    )
    x, seen = 4.0, [4.0]
    for step in range(12):
        x -= 0.1 * (x - targets[[2 * step % 5, (2 * step + 1) % 5]]).mean()
        seen.append(x)
    np.testing.assert_allclose(trace.watched, seen[::4], rtol=1e-5)
    np.testing.assert_allclose(trace.end, seen[-1], rtol=1e-5)


def test_the_gradient_of_a_mini_batch_is_the_mean_over_its_examples() -> None:
    # independent: reverse mode through the batch's mean loss, against one example at a time
    full = network_sum(Digits(num_train=20), MLP(widths=(4,)))
    w, chosen = full.init(KEY), jnp.array([3, 3, 7, 11])
    rows = np.asarray(computing._example_gradients(full)(w))
    together = jax.tree.leaves(jax.grad(lambda w: full.losses(w, chosen).mean())(w))
    np.testing.assert_allclose(rows[chosen].mean(axis=0), np.concatenate([g.ravel() for g in together]), atol=1e-6)


def test_errors_of_batches_are_those_of_every_batch_there_is() -> None:
    # independent: all 25 ordered and all 10 unordered pairs of five examples, enumerated
    gradients = np.random.default_rng(0).normal(size=(5, 3))
    found = computing.batch_errors(gradients, KEY, (1, 2), 4000)
    mean = gradients.mean(axis=0)

    def exact(batches: list) -> float:
        return np.sqrt(np.mean([np.square(gradients[list(b)].mean(axis=0) - mean).sum() for b in batches]))

    assert found["replaced"][1] == pytest.approx(exact(list(itertools.product(range(5), repeat=2))), rel=0.02)
    assert found["unreplaced"][1] == pytest.approx(exact(list(itertools.combinations(range(5), 2))), rel=0.02)
    assert found["unreplaced"][0] == pytest.approx(found["sigma"]) == pytest.approx(exact([(i,) for i in range(5)]))
    assert found["unreplaced"][2] < 1e-6
    assert found["norm"] == pytest.approx(np.linalg.norm(mean))


def test_the_law_without_replacement_at_its_ends_and_at_a_tenth() -> None:
    sigma, batch = np.array([[2.0]]), np.array([1.0, 100.0, 1000.0])
    law = mini_batches_view.unreplaced_error(sigma, batch, 1000)[0]
    np.testing.assert_allclose(law, [2.0, 0.2 * 0.9492, 0.0], rtol=1e-4)


def test_the_problem_has_two_minima_and_a_barrier_between_them() -> None:
    low, top, high = computing.stationary_points(0.15)
    for x, sign in ((low, 1), (top, -1), (high, 1)):
        assert abs(x**3 - x + 0.15) < 1e-12
        assert np.sign(3 * x**2 - 1) == sign

    def value(x: float) -> float:
        return x**4 / 4 - x**2 / 2 + 0.15 * x

    assert value(low) < value(high) < value(top)


def test_slopes_have_mean_zero_and_the_spread_asked_for() -> None:
    terms = computing.slopes(Escape(problems=3, noise=1.5))
    np.testing.assert_allclose(terms.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(terms.std(axis=1), 1.5)
    assert not (terms[0] == terms[1]).all()


def test_batch_descent_stays_where_noise_leaves() -> None:
    share = computing.escapes(Escape(problems=2, walks=4, rates=(0.1, 0.2), batch_sizes=(1, 16), steps=200))
    assert share["batch"].max() == 0
    assert share["size 1"][-1].mean() > 0.9


def test_the_rate_of_a_seed_is_chosen_on_the_others() -> None:
    steps = np.array([[10.0, 10.0, 10.0], [1.0, 12.0, np.nan]])
    assert mini_batches_view.chosen_rates(steps) == [0, 0, 1]
    np.testing.assert_array_equal(mini_batches_view.chosen(steps), [10.0, 10.0, np.nan])


SPEC = MiniBatches(seeds=8, rates=(0.1, 0.2), order_rate=0.2)
RUNS = mini_batches.runs(SPEC)
SIZES = {"single": 1, "mini": 32, "batch": 1437}


def made_up(*, right: bool, only_examples_count: bool = False) -> Findings[Cell]:
    """Findings of a world as the sources describe it, or of its opposite."""
    rng = np.random.default_rng(0)

    def noisy(value: object) -> np.ndarray:
        return np.asarray(value) * np.exp(rng.normal(0, 1e-3, np.shape(value)))

    lengths = {"single": 3000, "mini": 300, "batch": 100} if right else dict.fromkeys(SIZES, 3000)
    if only_examples_count:
        lengths = {arm: 100 * 1437 // size for arm, size in SIZES.items()}
    runs = {}
    for cell, run in RUNS.items():
        curve = _descent(cell, noisy, lengths, right) if cell.arm in SIZES else _last(cell, noisy, right)
        runs[cell] = Run(resolve(run), Outcome("completed", 9), curve, {}, {})
    return Findings(runs, computed={name: Computed(make(noisy, right=right), 0.0) for name, make in MAKERS.items()})


def _descent(cell: Cell, noisy, lengths: dict[str, int], right: bool) -> History:
    """A curve that falls to 5 % within the arm's length; in the opposite world nothing happens in the first pass."""
    steps = np.linspace(0, lengths[cell.arm], 9)
    examples = steps * SIZES[cell.arm]
    loss = noisy(2.5 * np.exp(-3 * steps / steps[-1]))
    if not right:
        loss = np.where(examples <= 1437, noisy(2.5), loss)
    return History(
        tuple(
            Row(int(a), 0.0, int(b), "train", "loss", float(c)) for a, b, c in zip(steps, examples, loss, strict=True)
        )
    )


def _last(cell: Cell, noisy, right: bool) -> History:
    loss, error = (0.1, 0.02) if (cell.arm in ("reshuffled", "replacement")) == right else (0.2, 0.05)
    rows = (("train", "loss", loss), ("test", "error", error))
    return History(tuple(Row(9, 1.0, 9, split, metric, float(noisy(value))) for split, metric, value in rows))


def _noise(noisy, *, right: bool) -> dict:
    sizes, sigma, n = np.array(SPEC.noise.batch_sizes, float), np.full((8, 4, 1), 3.0), SPEC.noise.examples
    power = 0.5 if right else 0.25
    exact = mini_batches_view.unreplaced_error(sigma, sizes, n)
    unreplaced = exact if right else exact * sizes**0.25
    whole = np.full((8, 4, 1), 1e-9 if right else 0.1)
    return {
        "sigma": sigma[..., 0],
        "replaced": noisy(sigma / sizes**power),
        "unreplaced": np.concatenate([noisy(unreplaced), whole], axis=2),
        "halves": noisy(np.ones((8, 4, 2)) * [1.0, np.sqrt(1.5) if right else 1.0]),
    }


def _copies(noisy, *, right: bool) -> dict:
    looks = 1 + SPEC.copies.steps // SPEC.copies.look_every
    fall = np.exp(-np.arange(looks) / 10) * np.ones((32, 1))
    batch, slower = np.exp(-np.arange(101) / 30), np.exp(-np.arange(101) / 45)
    points, end = np.ones((101, 3)), np.ones((32, 3))
    off = 1.0 if right else 1.01
    return {
        "once_loss": fall * noisy(np.ones((32, 1))),
        "own_order_loss": (fall if right else fall**0.7) * noisy(np.ones((32, 1))),
        "once_end": end,
        "same_order_end": off * end,
        "batch_loss": batch if right else batch + 0.3 * np.sin(np.arange(101)) * (np.arange(101) > 60),
        "doubled_loss": batch if right else slower,
        "batch_points": points,
        "doubled_points": off * points,
        "summed_points": off * points,
    }


def _escapes(noisy, *, right: bool) -> dict:
    ramp = np.linspace(0.1, 0.9, 4)[:, None] * np.ones((4, 20))
    low = 0.01 * np.ones((4, 20))
    single, largest = (ramp, low) if right else (low, ramp)
    orders = {name: noisy(0.1 * ramp) for name in ("cyclic", "fixed")}
    return {
        "size 1": noisy(single),
        "size 4": noisy(single),
        "size 16": noisy(largest),
        **orders,
        "reshuffled": noisy(ramp if right else 0.1 * ramp),
        "replacement": noisy(single),
        "batch": np.zeros((4, 20)) if right else low,
    }


def _costs(noisy, *, right: bool) -> dict:
    sizes = np.array([*SPEC.cost.batch_sizes, 1437])
    seconds = (20 + sizes if right else sizes + 0.1 * sizes**2)[:, None] * np.ones((1, 5))
    return {"sizes": sizes, "seconds": noisy(1e-6 * seconds), "bytes": 1e4 + sizes.astype(float) ** (1 if right else 2)}


MAKERS = {"noise": _noise, "copies": _copies, "escape": _escapes, "cost": _costs}


def verdicts(found: Findings[Cell]) -> dict[str, str]:
    results = judge(mini_batches.claims(SPEC), mini_batches.evidence(SPEC, found))
    return {result.claim.id: result.verdict.value for result in results}


def test_a_world_as_the_sources_describe_it_supports_every_claim() -> None:
    found = verdicts(made_up(right=True))
    assert set(found.values()) == {"supported"}, found


def test_the_opposite_world_refutes_every_claim() -> None:
    found = verdicts(made_up(right=False))
    # with equal updates for all sizes, batch descent does need more passes
    assert {name for name, word in found.items() if word != "refuted"} == {"passes-to-target"}


def test_where_only_examples_count_passes_are_equal() -> None:
    assert verdicts(made_up(right=True, only_examples_count=True))["passes-to-target"] == "refuted"


TINY = MiniBatches(
    seeds=2,
    slots=4,
    data=Digits(num_train=120),
    model=MLP(widths=(4,)),
    mini_batch=10,
    rates=(0.1, 0.2),
    passes=(1, 1, 8),
    train_loss=2.0,
    noise=Noise(examples=120, moments=(0, 4), batch_sizes=(1, 100), passes=10),
    copies=Copies(steps=20, look_every=10, train_loss=2.0, draws=2, batch_steps=4),
    escape=Escape(examples=8, problems=2, walks=2, rates=(0.1, 0.2), batch_sizes=(1, 4), steps=20),
    cost=Cost(batch_sizes=(1, 64), examples=50, repeats=2),
)


def test_it_is_carried_out_from_end_to_end(tmp_path: Path) -> None:
    done = conduct(mini_batches.STUDY, TINY, preset="tiny", out=tmp_path)
    found = {claim["id"]: claim for claim in done.record["claims"]}
    exact = ("noise-whole-set", "copies-identical", "copies-batch-iterates", "sum-and-mean", "escape-batch")
    assert {name: found[name]["verdict"] for name in exact} == dict.fromkeys(exact, "supported")
    assert all(claim["n"] > 0 for claim in found.values())
    assert "Leaving a local minimum" in done.folder.report_path.read_text()
