"""The study `adaptive`: its closed forms against loops, its verdicts on doctored findings, and a tiny run."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from basin.spec.adaptive import Adaptive
from basin.studies.adaptive import study as adaptive
from basin.studies.adaptive import walks
from basin.studies.adaptive.evidence import beale_gradient, constant_step, evidence, rebuilt_steps
from basin.studies.adaptive.study import ARMS
from basin.studies.conduct import conduct, findings
from basin.studies.experiment import Experiment
from basin.studies.judgement import judge
from basin.studies.study import Findings

TINY = Adaptive(
    seeds=4,
    starts=12,
    rates_a_decade=1,
    walk_steps=300,
    angles_deg=(0.0, 45.0),
    small_width=2,
    small_examples=20,
    small_steps=20,
    widths=(4,),
    batch_size=200,
    epochs=2,
    train_loss=2.0,
)


def made_up_walks() -> dict[str, Any]:
    """Experiments over surfaces as they would be stored, with numbers of no meaning: compiling real ones takes long."""
    random = np.random.default_rng(0)
    rates = len(walks.rates(TINY))

    def arrivals(*shape: int) -> dict[str, Any]:
        return {kind: random.integers(5, 300, shape) for kind in ("settled", "first")}

    surfaces = {
        rule: {**arrivals(rates, 12), "median_value": random.uniform(1e-3, 9, (rates, 301))} for rule in walks.RULES
    }
    after = {"after 200 steps": {"values": random.uniform(1, 2, (2, 12))}}
    moved = {
        rule: {
            **arrivals(rates + 1, 12),
            **{what: random.uniform(0.5, 2, (rates + 1, 12)) for what in ("swing", "path", "progress")},
            "example": random.normal(size=(rates + 1, 51, 2)),
        }
        for rule in ("descent", "momentum", "RMSProp")
    }
    turned = {rule: arrivals(rates, 2, 12) for rule in ("descent", "momentum", *walks.ADAPTIVE)}
    return {"rosenbrock": surfaces | after, "beale": surfaces | after, "ravine": moved, "rotation": turned}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings[Any]:
    """The study at a tiny size, end to end; the arms on digits are all forms of Adam, which share a program."""
    walked = made_up_walks()
    patch = pytest.MonkeyPatch()
    patch.setattr(adaptive, "ARMS", {arm: (walks.RULES["Adam"], low, high) for arm, (_, low, high) in ARMS.items()})

    def experiments(spec: Adaptive) -> dict[str, Experiment]:
        real = walks.experiments(spec)
        made = {name: Experiment(real[name].settings, lambda name=name: walked[name]) for name in walked}
        return {**real, **made}

    study = dataclasses.replace(adaptive.STUDY, experiments=experiments)
    out: Path = tmp_path_factory.mktemp("runs")
    done = conduct(study, TINY, preset="tiny", out=out)
    assert len(done.record["claims"]) == len(adaptive.claims(TINY))
    assert {path.stem for path in (done.folder.path / "figures").glob("*.csv")} >= {"rotation", "ravine", "claims"}
    read_back = findings(study, TINY, done.folder)
    patch.undo()
    return read_back


def verdicts(found: Findings[Any]) -> dict[str, str]:
    results = judge(adaptive.claims(TINY), evidence(TINY, found))
    return {result.claim.id: result.verdict.value for result in results}


def doctored(found: Findings[Any], experiment: str, *path: str, change: Any) -> Findings[Any]:
    """Return the findings with one array replaced by what `change` makes of it."""
    computed = dict(found.computed)
    arrays = copy.deepcopy(dict(computed[experiment].arrays))
    node = arrays
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = change(node[path[-1]])
    computed[experiment] = dataclasses.replace(computed[experiment], arrays=arrays)
    return dataclasses.replace(found, computed=computed)


# --- Formulas: loops written from the published equations -------------------------------------------------------------


def looped(rule: str, gradients: np.ndarray, eta: float, beta2: float = 0.999) -> np.ndarray:
    """Return the steps of the published recursions, one at a time."""
    r, s, steps = np.zeros(gradients.shape[1]), np.zeros(gradients.shape[1]), []
    for t, g in enumerate(gradients, start=1):
        if rule == "AdaGrad":
            r = r + g**2
            step = g / (np.sqrt(r) + 1e-8)
        elif rule == "RMSProp":
            r = 0.9 * r + 0.1 * g**2
            step = g / (np.sqrt(r) + 1e-8)
        else:
            beta1 = 0.0 if rule == "no momentum" else 0.9
            s, r = beta1 * s + (1 - beta1) * g, beta2 * r + (1 - beta2) * g**2
            bias = (1, 1) if rule == "no correction" else (1 - beta1**t, 1 - beta2**t)
            step = s / bias[0] / (np.sqrt(r / bias[1]) + 1e-8)
        steps.append(-eta * step)
    return np.array(steps)


@pytest.mark.parametrize("rule", ["AdaGrad", "RMSProp", "Adam", "no correction"])
def test_the_step_under_a_constant_gradient_is_that_of_the_recursion(rule: str) -> None:
    slopes = np.array([-30.0, 1e-3, 2.0])
    steps = looped(rule, np.tile(slopes, (50, 1)), eta=0.1)
    np.testing.assert_allclose(np.abs(steps), constant_step(rule, slopes, np.arange(1.0, 51)[:, None]), rtol=1e-10)


@pytest.mark.parametrize("rule", ["AdaGrad", "RMSProp", "Adam", "Adam, beta2 0.99", "no momentum", "no correction"])
def test_sums_and_filters_rebuild_the_recursion(rule: str) -> None:
    gradients = np.random.default_rng(0).normal(size=(40, 3))
    beta2 = 0.99 if "0.99" in rule else 0.999
    np.testing.assert_allclose(rebuilt_steps(rule, gradients), looped(rule, gradients, 0.005, beta2), rtol=1e-9)


def test_the_gradient_of_beale_agrees_with_differences() -> None:
    where, h = np.array([[1.2, 0.7], [-2.0, 1.1]]), 1e-6

    def beale(p: np.ndarray) -> np.ndarray:
        x, y = p.T
        return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2

    differences = np.stack([(beale(where + h * e) - beale(where - h * e)) / (2 * h) for e in np.eye(2)], axis=1)
    np.testing.assert_allclose(beale_gradient(where), differences, rtol=1e-6)


def test_without_its_root_adam_steps_along_the_corrected_average_of_gradients() -> None:
    from basin.surfaces import surface, trajectory

    walk = trajectory(surface("booth"), [0.0, 0.0], walks.RULES["no root"](0.01), num_steps=30)
    x, y = walk.points[:-1].T
    g = np.stack([2 * (x + 2 * y - 7) + 4 * (2 * x + y - 5), 4 * (x + 2 * y - 7) + 2 * (2 * x + y - 5)], axis=1)
    s, expected = np.zeros(2), []
    for t in range(30):
        s = 0.9 * s + 0.1 * g[t]
        expected.append(-0.01 * s / (1 - 0.9 ** (t + 1)))
    np.testing.assert_allclose(np.diff(walk.points, axis=0), expected, rtol=1e-8, atol=1e-12)


def test_an_arrival_to_stay_is_after_the_last_excursion() -> None:
    values = np.array([[9.0, 0.5, 9.0, 0.4, 0.3], [0.5, 0.5, 0.5, 0.5, 0.5], [0.1, 0.1, 0.1, 0.1, 2.0]])
    assert walks.settled(values, np.array(1.0)).tolist() == [3, 0, -1]


def test_axes_of_a_diagonal_and_of_a_turned_matrix() -> None:
    angle = np.pi / 4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    straight = np.diag([1.0, 3.0])
    found = walks._axes(np.stack([straight, turn @ straight @ turn.T]), top=2)
    np.testing.assert_allclose(found["off_diagonal"], [0.0, 2 / 10], atol=1e-12)  # off-diagonal entries (3 - 1) / 2
    np.testing.assert_allclose(found["participation"], [[1, 1], [2, 2]], atol=1e-12)


def test_descent_takes_the_same_steps_at_every_angle_and_adagrad_does_not() -> None:
    """Descent is turned with the surface, so its walks are; the angle itself must not move."""
    steps = walks.on_rotated_quadratic(TINY)
    assert (steps["descent"]["settled"][:, 0] == steps["descent"]["settled"][:, 1]).all()
    assert (steps["AdaGrad"]["settled"][:, 0] != steps["AdaGrad"]["settled"][:, 1]).any()


# --- Verdicts --------------------------------------------------------------------------------------------------------


def test_the_formulas_hold_and_a_step_out_of_place_refutes_them(found: Findings[Any]) -> None:
    formulas = {claim.id for claim in adaptive.claims(TINY) if claim.direction.value == "formula"}
    assert {verdicts(found)[name] for name in formulas} == {"supported"}

    def nudge(points: np.ndarray) -> np.ndarray:
        return points + 1e-6 * np.eye(*points.shape)

    assert (
        verdicts(doctored(found, "formulas", "constant", "AdaGrad", change=nudge))["constant-gradient-adagrad"]
        == "refuted"
    )
    assert verdicts(doctored(found, "formulas", "beale", "Adam", change=nudge))["rules-from-their-sums"] == "refuted"
    assert verdicts(doctored(found, "formulas", "bowl", change=nudge))["rates-by-curvature-bowl"] == "refuted"


@pytest.mark.parametrize(
    ("steps", "axes", "rotation"),
    [(10, "supported", "refuted"), (290, "refuted", "supported")],
)
def test_gain_over_the_axes_follows_the_steps(found: Findings[Any], steps: int, axes: str, rotation: str) -> None:
    jitter = np.random.default_rng(0).integers(0, 3, (len(walks.rates(TINY)), 2, 12))
    world = found
    for rule, count in (("descent", 60), ("AdaGrad", steps)):
        for kind in ("settled", "first"):
            world = doctored(world, "rotation", rule, kind, change=lambda a, c=count: c + jitter * (c != 60) + 0 * a)
    got = verdicts(world)
    assert (got["axes-help-adagrad"], got["rotation-stops-adagrad"]) == (axes, rotation)


@pytest.mark.parametrize(("share", "verdict"), [(0.9, "supported"), (0.1, "refuted")])
def test_a_diagonal_hessian_refutes_that_it_is_off_the_axes(found: Findings[Any], share: float, verdict: str) -> None:
    world = doctored(
        found, "network", "hessian", "trained", "off_diagonal", change=lambda a: share + 0.01 * np.arange(a.size)
    )
    assert verdicts(world)["hessian-off-axes"] == verdict


def test_rates_that_fall_and_rates_that_rise_are_told_apart(found: Findings[Any]) -> None:
    def times(factor: float) -> Any:
        return lambda rates: rates * factor * np.exp(0.01 * np.arange(len(rates)))[:, None]

    def spread(factor: float) -> Any:
        return lambda rates: factor * np.broadcast_to(np.linspace(1, 2, rates.shape[1]), rates.shape)

    for name, factor in (("early", 1.0), ("end", 1.0)):
        found = doctored(found, "network", "AdaGrad", "rates", name, change=spread(factor))
        found = doctored(found, "network", "RMSProp", "rates", name, change=spread(factor))
    fallen = doctored(found, "network", "AdaGrad", "rates", "end", change=times(0.1))
    fallen = doctored(fallen, "network", "RMSProp", "rates", "end", change=times(0.1))
    got = verdicts(fallen)
    assert (got["adagrad-rates-shrink"], got["rmsprop-rates-recover"]) == ("supported", "refuted")
    risen = doctored(found, "network", "AdaGrad", "rates", "end", change=times(10.0))
    risen = doctored(risen, "network", "RMSProp", "rates", "end", change=times(10.0))
    got = verdicts(risen)
    assert (got["adagrad-rates-shrink"], got["rmsprop-rates-recover"]) == ("refuted", "supported")
