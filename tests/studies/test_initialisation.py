"""The study of first weights: its experiments against closed forms, its evidence on findings made up."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basin.models import MLP
from basin.spec.data import Digits, Glyphs
from basin.spec.initialisation import Initialisation, Signal, WarmStart
from basin.studies.conduct import conduct
from basin.studies.experiment import Computed
from basin.studies.finite_sum import network_sum
from basin.studies.initialisation import experiments as computing
from basin.studies.initialisation import study as initialisation
from basin.studies.initialisation import view
from basin.studies.initialisation.view import Cell
from basin.studies.judgement import judge
from basin.studies.runs import crossing
from basin.studies.study import Findings
from basin.training.evaluate import Row
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import model_of, resolve
from basin.training.run import Run
from basin.training.slot import initial_weights

HOW = Signal(width=32, depth=4, draws=600, inputs=4)


@pytest.fixture(scope="module")
def signal() -> dict:
    return jax.tree.map(np.asarray, computing.signal(HOW))


def test_the_signal_is_half_of_m_eps_squared_a_layer(signal: dict) -> None:
    # independent: He et al. 2015 in closed form; the input has mean square 1, so layer l has 2 (factor^2)^l
    for arm, factor in (("he", 1.0), ("small", 0.8), ("large", 1.25), ("uniform", 1.0)):
        expected = 2 * factor ** (2 * np.arange(1, 5))
        np.testing.assert_allclose(signal[arm]["pre"].mean(axis=0), expected, rtol=0.15)  # four standard errors


def test_the_way_back_has_the_factor_of_the_way_forward(signal: dict) -> None:
    # independent: reverse-mode differentiation of the same layers written out
    key = jax.random.key(0)
    keys = jax.random.split(key, HOW.depth + 2)
    weights = [computing._weights(k, 32, jnp.float32(0.25), False) for k in keys[2:]]

    def layers(shifts: list[jax.Array]) -> jax.Array:
        z = jax.random.normal(keys[0], (4, 32))
        for w, shift in zip(weights, shifts, strict=True):
            z = jax.nn.relu(z @ w + shift)
        return (z * jax.random.normal(keys[1], (4, 32))).sum()

    gradients = jax.grad(layers)([jnp.zeros((4, 32))] * 4)
    expected = [float(jnp.square(g).mean()) for g in gradients[::-1]]
    found = computing._moments(HOW, key, jnp.float32(0.25), False)["back"]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_moments_of_a_rectified_normal(signal: dict) -> None:
    # independent: E z^2 = 1/2, var z = 1/2 - 1/(2 pi), E z = 1/sqrt(2 pi) for a standard normal a
    shares = {name: each.mean() for name, each in view.ratios(signal["he"]).items()}
    assert shares["after"] == pytest.approx(0.5, abs=0.01)
    assert shares["variance"] == pytest.approx(0.5 - 1 / (2 * np.pi), abs=0.02)
    assert shares["mean_after"] == pytest.approx(np.sqrt(1 / np.pi), abs=0.02)


@pytest.mark.parametrize(("uniform", "spread"), [(False, 0.3), (True, 0.3)])
def test_weights_have_the_spread_asked_for(uniform: bool, spread: float) -> None:
    w = np.asarray(computing._weights(jax.random.key(1), 300, jnp.float32(spread), uniform))
    assert w.std() == pytest.approx(spread, rel=0.02)
    assert (np.abs(w).max() <= np.sqrt(3) * spread * (1 + 1e-6)) == uniform


def test_an_overlay_takes_the_hidden_layers_and_leaves_the_last() -> None:
    small = network_sum(Digits(num_train=20), MLP(widths=(4, 4)))
    a, b = small.init(jax.random.key(0)), small.init(jax.random.key(1))
    both = computing.warmed(a, b)
    assert (both["dense"]["1"]["kernel"] == b["dense"]["1"]["kernel"]).all()
    assert (both["output"]["kernel"] == a["output"]["kernel"]).all()
    other = network_sum(Digits(num_train=20), MLP(widths=(5, 4))).init(jax.random.key(0))
    with pytest.raises(
        ValueError, match=r"expected dense.0.bias of the shape \(4,\) in the run to start from, got the shape \(5,\)"
    ):
        computing.warmed(a, other)


def test_the_code_is_the_hidden_part_of_the_network() -> None:
    # independent: the network of the model zoo, with its own forward pass
    small = network_sum(Digits(num_train=20), MLP(widths=(4, 4)))
    w = small.init(jax.random.key(0))
    code = computing.hidden(w, small.x.reshape(20, -1))
    outputs = code @ w["output"]["kernel"] + w["output"]["bias"]
    np.testing.assert_allclose(outputs, small.outputs(w, small.x), rtol=1e-5, atol=1e-6)


def test_active_and_dead_units_are_counted() -> None:
    # by hand: of two units one is on for one of two examples, the other for none
    params = {"dense": {"0": {"kernel": np.array([[1.0, 0.0]]), "bias": np.array([0.0, -1.0])}}}
    assert view.active_and_dead(params, np.array([[1.0], [-1.0]])) == (0.25, 0.5)


def test_equal_units_differ_by_nothing_and_others_do() -> None:
    kernel = np.array([[1.0, 1.0], [0.5, 0.5]])
    assert view.difference_of_units({"dense": {"0": {"kernel": kernel}}}) == 0
    other = np.array([[1.0, 2.0], [0.5, 0.5]])
    assert view.difference_of_units({"dense": {"0": {"kernel": other}}}) == 0.5


def test_a_crossing_is_between_two_looks_or_nowhere() -> None:
    x, loss = np.array([0, 10, 20]), np.array([4.0, 1.0, 0.5])
    assert crossing(x, loss, 5.0) == 0
    assert crossing(x, loss, 2.0) == pytest.approx(5.0)
    assert np.isnan(crossing(x, loss, 0.1))


SPEC = Initialisation(seeds=20, sweep_seeds=8)
RUNS = initialisation.runs(SPEC)


def made_up(*, right: bool) -> Findings[Cell]:
    """Findings of a world as the slides describe it (and as they err), or of its opposite."""
    rng = np.random.default_rng(0)
    runs = {}
    for cell, run in RUNS.items():
        resolved = resolve(run)
        runs[cell] = Run(
            resolved, Outcome("completed", 9), _history(cell, rng, right), _weights(cell, resolved, rng, right), {}
        )
    return Findings(runs, computed={"signal": Computed(_signal(rng, right), 0), "warm": Computed(_warm(rng, right), 0)})


def _history(cell: Cell, rng: np.random.Generator, right: bool) -> History:
    small = 0.001 * rng.normal()
    error, steps, loss = 0.05 + small, 100.0 + rng.normal(), 0.05
    off_he = (cell.arm, cell.value) in {("spread", SPEC.factors[0]), ("spread", SPEC.factors[-1])}
    if off_he:
        error, steps = (error + 0.1, 400.0 + rng.normal()) if right else (error, steps)
    if cell == Cell("spread", 1.0, cell.seed) and not right:
        error += 0.03
    if cell.arm == "equal":
        error = 0.9 + small if right else 0.05 + small
    if cell.arm == "bias" and cell.value > 0:
        steps = steps / 1.5 if right else steps * 1.5
    validation = error
    if cell.arm == "width":
        spread = (cell.value == SPEC.widths[0]) == right
        place = cell.seed % SPEC.group
        wide = np.array([0.0, 0.1, 0.2, 0.3])[place] + small
        error = 0.05 + (wide if spread else small)
        validation = error if right else -wide
        loss = 0.05 * (np.exp(20 * (error - 0.05)) if right or spread else 1.0) * np.exp(0.01 * rng.normal())
    train_error = 0.0 if right else 0.1
    values = {("train", "error"): train_error, ("validation", "error"): validation, ("test", "error"): error}
    rows = [Row(0, 0.0, 0, "train", "loss", 2.0), Row(int(2 * steps), 1.0, 9, "train", "loss", 0.02)]
    rows += [Row(999, 1.0, 9, "train", "loss", loss)]
    return History((*rows, *(Row(999, 1.0, 9, split, name, float(v)) for (split, name), v in values.items())))


def _weights(cell: Cell, run, rng: np.random.Generator, right: bool) -> dict:
    params = jax.tree.map(np.asarray, initial_weights(model_of(run), run.seed)[0])
    if cell.arm == "width":
        move = (lambda a: a + rng.normal(size=a.shape)) if right else (lambda a: 1e-3 * rng.normal(size=a.shape))
        return jax.tree.map(move, params)
    if cell.arm == "equal" and not right:
        return jax.tree.map(lambda a: a + rng.normal(size=a.shape), params)
    if cell.arm == "bias":
        killed = (cell.value == 0) == right
        return {"dense": {name: _with_dead(layer, killed) for name, layer in params["dense"].items()}}
    return params


def _with_dead(layer: dict, killed: bool) -> dict:
    bias = np.array(layer["bias"])
    bias[: 10 if killed else 0] = -1e6
    return {**layer, "bias": bias}


def _signal(rng: np.random.Generator, right: bool) -> dict:
    depth, draws = 20, 100

    def noisy(value) -> np.ndarray:
        return value * np.exp(rng.normal(0, 1e-3, (draws, depth)))

    arms = {}
    for arm, factor in (("he", 1.0), ("small", 0.64), ("large", 1.5625), ("uniform", 1.0)):
        growth = (factor if right else 3.0 if arm in ("he", "uniform") else 1.0) ** np.arange(depth)
        pre, share, printed = noisy(growth), 0.5 if right else 0.4, 1 / (2 * np.pi) if right else 0.1
        arms[arm] = {
            "pre": pre,
            "formula": pre * noisy(1.0 if right else 0.8),
            "after": noisy(share) * pre,
            "mean_after": np.sqrt(pre) * noisy(np.sqrt(printed)),
            "mean_pre": np.sqrt(pre) * (noisy(1e-3) if right else noisy(0.2)),
            "over_data": noisy(0.9 ** np.arange(depth) if right else 1.0),
            "back": noisy(growth),
        }
    return arms


def _warm(rng: np.random.Generator, right: bool) -> dict:
    looks = 1 + SPEC.warm.steps // SPEC.warm.look_every
    better = {"scratch": 1.0, "transfer": 2.0 if right else 1.0, "autoencoder": 2.0 if right else 1.0}
    found = {}
    for name, factor in better.items():
        pace = factor * np.exp(rng.normal(0, 0.01, (16, 1)))
        found[f"{name}_loss"] = 2.5 * np.exp(-pace * np.arange(looks) / 5)
        found[f"{name}_error"] = 0.2 / factor + rng.normal(0, 1e-3, 16)
    return found


PRINTED = {"half-after-relu-printed", "zero-mean-printed"}
"""Sentences that are false as they are printed."""


def verdicts(found: Findings[Cell]) -> dict[str, str]:
    results = judge(initialisation.claims(SPEC), initialisation.evidence(SPEC, found))
    return {result.claim.id: result.verdict.value for result in results}


def test_the_world_of_the_slides_supports_all_but_what_is_misprinted() -> None:
    found = verdicts(made_up(right=True))
    assert {name: word for name, word in found.items() if word != "supported"} == dict.fromkeys(PRINTED, "refuted")


def test_the_opposite_world_refutes_every_claim() -> None:
    found = verdicts(made_up(right=False))
    # active units at the start are counted on the true first weights, which no finding can change
    assert {name: word for name, word in found.items() if word != "refuted"} == {"bias-active": "supported"}


@pytest.mark.parametrize(("gained", "verdict"), [(2.0, "supported"), (1.0, "inconclusive"), (0.0, "refuted")])
def test_biases_that_wake_no_units_refute_that_they_do(gained: float, verdict: str, monkeypatch) -> None:
    """The counting is tested by hand above; here its result is made up: so many points more active with a bias."""
    rng = np.random.default_rng(0)

    def counted(spec: Initialisation, found: Findings[Cell], when: str) -> dict[float, np.ndarray]:
        active = {bias: 0.5 + 0.01 * gained * (bias > 0) + 1e-4 * rng.normal(size=8) for bias in spec.biases}
        return {bias: np.stack([share, np.zeros(8)], axis=1) for bias, share in active.items()}

    monkeypatch.setattr(view, "activity", counted)
    assert verdicts(made_up(right=True))["bias-active"] == verdict


TINY = Initialisation(
    seeds=4,
    sweep_seeds=2,
    slots=4,
    data=Digits(num_train=100, num_validation=40),
    width=8,
    depth=1,
    factors=(0.5, 1.0, 2.0),
    biases=(0.0, 0.5),
    epochs=2,
    train_loss=2.0,
    widths=(2, 8),
    group=2,
    signal=Signal(width=8, depth=3, draws=20, inputs=4),
    warm=WarmStart(
        source=Glyphs(size=8, num_train=50, num_test=10),
        target=Digits(num_train=40),
        unlabelled=Digits(num_train=60),
        width=8,
        source_steps=5,
        steps=10,
        train_loss=2.0,
        draws=2,
    ),
)


def test_it_is_carried_out_from_end_to_end(tmp_path: Path) -> None:
    done = conduct(initialisation.STUDY, TINY, preset="tiny", out=tmp_path)
    found = {claim["id"]: claim for claim in done.record["claims"]}
    assert found["symmetry-kept"]["verdict"] == "supported"
    assert all(claim["n"] > 0 for claim in found.values())
    assert "First biases" in done.folder.report_path.read_text()
