"""The study of descent on a quadratic: what it computes against other algorithms, and what its claims say of findings.

Oracles: NumPy loops written from the published updates, roots of the characteristic polynomial of momentum, central
finite differences, and linear algebra. None of them uses a walk of Basin's.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from basin.data import Digits
from basin.loss.precision import arithmetic
from basin.models import MLP
from basin.optim import SGD
from basin.spec.budget import Budget
from basin.spec.run import RunSpec
from basin.studies.conduct import conduct, findings
from basin.studies.judgement import judge
from basin.studies.quadratic import geometry as quadratic_geometry
from basin.studies.quadratic import modes as quadratic_modes
from basin.studies.quadratic import ravine as quadratic_ravine
from basin.studies.quadratic import study as quadratic
from basin.studies.quadratic.expansion import LENGTHS, reach, remainders, slopes, small_steps
from basin.studies.quadratic.network import local_quadratic
from basin.studies.quadratic.view import Cell
from basin.studies.study import Findings
from basin.surfaces.quadratics import quadratic as bowl
from basin.training.history import History
from basin.training.outcome import Outcome
from basin.training.plan import resolve
from basin.training.run import Run

TINY = quadratic.QUICK.replace(
    seeds=2,
    points=4,
    matrices=2,
    quadratics=1,
    steps=20,
    condition_numbers=(2.0, 10.0),
    momenta=(0.5, 0.9),
    starts=4,
    ravine_steps=200,
    data=Digits(num_train=100),
    model=MLP(widths=(2,), activation="tanh"),
    early_epochs=0.2,
    late_epochs=1.0,
    predicted_steps=3,
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    out = tmp_path_factory.mktemp("runs")
    done = conduct(quadratic.STUDY, TINY, preset="quick", out=out)
    assert len(list((done.folder.path / "figures").glob("*.svg"))) >= 2 * 15
    return findings(quadratic.STUDY, TINY, done.folder)


def verdicts(found: Findings) -> dict[str, str]:
    results = judge(quadratic.claims(TINY), quadratic.evidence(TINY, found))
    return {result.claim.id: result.verdict.value for result in results}


def doctored(found: Findings, **changes: Mapping) -> Findings:
    """Findings in which arrays of some experiments are others."""
    computed = dict(found.computed)
    for name, arrays in changes.items():
        key = name.replace("_", "-")
        computed[key] = type(computed[key])({**computed[key].arrays, **arrays}, 0.0)
    return Findings(found.runs, found.measured, computed)


PRINTED_AND_WRONG = {"slide-6-derivation", "necessary", "larger-rate-whole", "momentum-close-to-eta"}


def test_formulas_hold_and_the_printed_errors_do_not(found: Findings) -> None:
    words = verdicts(found)
    formulas = {claim.id for claim in quadratic.claims(TINY) if claim.direction.value == "formula"}
    of_the_ravine = {"swing-momentum", "travel-momentum", "progress-momentum"}
    assert {name for name in formulas - of_the_ravine if words[name] == "refuted"} == PRINTED_AND_WRONG
    assert {words[name] for name in formulas - of_the_ravine - PRINTED_AND_WRONG} == {"supported"}


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("decay", {"decay": {"error": np.array([1e-6])}}),
        ("negative-eigenvalue", {"saddle": {"error": np.zeros(2), "growth": np.array([2.0, 0.9])}}),
        ("threshold", {"limits": {"descent": np.array([1.9])}}),
        ("momentum-stability", {"limits": {"momentum": np.array([[3.0, 3.7]])}}),
        ("nesterov-stability", {"limits": {"nesterov": np.array([[1.5, 1.4]])}}),
        ("slowest-factor", {"factors": {"limit": np.array([0.1, 0.8])}}),
        ("best-rate", {"factors": {"best": np.array([0.3, 0.8])}}),
        ("small-rate", {"creeping": {"steps": np.array([1, 2, 3, 4])}}),
        ("momentum-oscillation", {"momentum": {"swinging": np.array([1.0, 1.0])}}),
        ("momentum-averaged", {"momentum": {"forms": np.array([0.0, 1e-3])}}),
        ("positive-definite", {"definiteness": {"least": np.array([0.1]), "smallest": np.array([-0.1])}}),
        ("eigen-sum", {"axes": {"sum": np.array([1.0]), "value": np.array([2.0]), "printed": np.array([-2.0])}}),
        ("ellipse-axes", {"ellipses": {"long": np.array([1.0, 1.0])}}),
        ("gradient-aim", {"aim": {"angles": np.random.default_rng(0).uniform(0, 11, (2, 4, 50))}}),
        ("slope-sign", {"one_dimension": {"slopes": -np.ones((8, 9))}}),
        ("convex-fit", {"line_fit": {"reached": np.ones((2, 2)), "least": np.zeros((2, 2))}}),
    ],
)
def test_other_findings_refute_the_claim(found: Findings, claim: str, changes: Mapping) -> None:
    assert verdicts(found)[claim] != "refuted" or claim in PRINTED_AND_WRONG
    assert verdicts(doctored(found, **changes))[claim] == "refuted"


# --- Walks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mu", [0.5, 0.9])
@pytest.mark.parametrize("form", ["heavy ball", "nesterov"])
def test_a_limit_is_where_the_polynomial_of_momentum_leaves_the_unit_circle(mu: float, form: str) -> None:
    """Independent: no walk, but the spectral radius of the linear recursion, searched by bisection."""

    def radius(rate: float) -> float:
        middle = (1 + mu) * (1 - rate) if form == "nesterov" else 1 + mu - rate
        last = -mu * (1 - rate) if form == "nesterov" else -mu
        return float(np.abs(np.roots([1, -middle, -last])).max())

    low, high = 0.5, 5.0
    for _ in range(60):
        low, high = ((low + high) / 2, high) if radius((low + high) / 2) <= 1 + 1e-13 else (low, (low + high) / 2)
    make = quadratic_modes.nesterov(mu) if form == "nesterov" else quadratic_modes.heavy_ball(mu)
    assert quadratic_modes.limit(bowl([0.1, 1.0]), make, 6.0) == pytest.approx(low, rel=1e-7)


def test_the_effective_rates_are_those_of_a_loop_written_by_hand() -> None:
    held = quadratic_modes.momentum([0.9], 30)
    velocity, seen = 0.0, []
    for _ in range(30):
        velocity = 0.9 * velocity + 1.0
        seen.append(velocity)
    np.testing.assert_allclose(held["constant"][0], seen, rtol=1e-12)
    step, before, w = 0.0, 1.0, 1.0
    for _ in range(500):
        step = 0.9 * step - 3.8 * w
        before, w = w, w + step
    assert held["swinging"][0] == pytest.approx(-step / before / 3.8, rel=1e-9)


def test_swing_travel_and_progress_are_read_off_a_descent_written_by_hand(found: Findings) -> None:
    held = found.computed["ravine"]["descent"]["common"]
    x, y = (np.array([(1 - 1.8 * curvature) ** t for t in range(31)]) for curvature in (0.02, 1.0))
    np.testing.assert_allclose(held["swing"], np.ptp(y[1:]), rtol=1e-12)
    np.testing.assert_allclose(held["travel"], np.abs(np.diff(y)).sum(), rtol=1e-12)
    np.testing.assert_allclose(held["progress"], 1 - x[-1], rtol=1e-12)


def test_passing_through_the_bottom_is_not_arriving() -> None:
    values = np.array([[1.0, 1e-5, 0.5, 1e-5, 1e-6], [1.0, 0.5, 0.4, 0.3, 0.2]])

    class Seen:
        num_steps = 4

    seen = Seen()
    seen.values = values  # pyright: ignore[reportAttributeAccessIssue]
    assert quadratic_ravine._steps(seen).tolist() == [3, 4]  # pyright: ignore[reportArgumentType]


# --- Geometry --------------------------------------------------------------------------------------------------------


def test_definiteness_agrees_with_cholesky() -> None:
    """Independent: a Cholesky factor exists exactly for positive definite matrices."""
    rng = np.random.default_rng(0)
    for sign in (1, -1):
        basis = np.linalg.qr(rng.standard_normal((4, 4)))[0]
        matrix = basis @ np.diag([0.3, 0.5, 0.7, sign * 0.1]) @ basis.T
        least = quadratic_geometry._least_quotient(matrix, rng)
        if sign > 0:
            np.linalg.cholesky(matrix)
        else:
            with pytest.raises(np.linalg.LinAlgError):
                np.linalg.cholesky(matrix)
        assert (least > 0) == (sign > 0)


def test_rays_meet_the_contour_where_the_error_is_half() -> None:
    rings = quadratic_geometry.ellipses([4.0])
    assert rings["long"][0] == pytest.approx(2.0, rel=1e-12)
    assert rings["short"][0] == pytest.approx(1.0, rel=1e-12)


# --- Expansions ------------------------------------------------------------------------------------------------------


def cubic(w: jax.Array) -> jax.Array:
    """A function of exactly third order: its second-order remainder is 2 h^3 |u_1|^3, whatever the point."""
    return 2 * w[0] ** 3 + w[0] * w[1] - w[1] ** 2


def test_remainders_of_a_cubic_are_its_cubic_term() -> None:
    with arithmetic("float64"):
        point = jnp.array([0.3, -1.0])
        one = jax.jit(lambda w: remainders(cubic, w, jnp.array([[0.6, 0.8]]), LENGTHS))(point)
        near = jax.jit(lambda w: small_steps(cubic, w, jnp.array([[1.0, 0.0]]), 5.0))(point)
    np.testing.assert_allclose(one["second"], 2 * (0.6 * LENGTHS) ** 3, rtol=1e-6)
    assert slopes(LENGTHS, np.asarray(one["gradient"])[None])[0] == pytest.approx(2, abs=1e-6)
    assert float(near["excess"]) < 0
    assert abs(float(near["fall"])) < 1e-3


def test_reach_is_the_first_length_beyond_a_tenth() -> None:
    error = np.array([[0.05, 0.2, 0.05], [0.01, 0.02, 0.03], [1.0, 1.0, 1.0]])
    assert reach(np.array([1.0, 2.0, 4.0]), error, np.ones((3, 3))).tolist() == [2.0, 4.0, 1.0]


# --- Networks --------------------------------------------------------------------------------------------------------


def test_a_networks_quadratic_is_that_of_finite_differences_and_of_a_descent_by_hand(found: Findings) -> None:
    run = found.runs[Cell("late", 1)]
    result = local_quadratic(run, steps=3, rates=TINY.predicted_rates)
    loss = run.loss(precision="float64")
    with arithmetic("float64"):
        w, unravel = ravel_pytree(run.params)
        value, gradient = (lambda v: float(loss(unravel(v)))), jax.grad(lambda v: loss(unravel(v)))
        by_hand = [value(w)]
        for _ in range(3):
            w = w - result.rates[0] * gradient(w)
            by_hand.append(value(w))
        start = ravel_pytree(run.params)[0]
        unit = jnp.ones_like(start) / jnp.sqrt(start.size)
        bent = (value(start + 1e-3 * unit) - 2 * value(start) + value(start - 1e-3 * unit)) / 1e-6
        product = jax.jvp(gradient, (start,), (unit,))[1] @ unit
    np.testing.assert_allclose(result.walked[0], by_hand, rtol=1e-12)
    assert float(product) == pytest.approx(bent, rel=1e-3)
    assert result.eigenvalues[0] <= bent <= result.eigenvalues[-1]
    np.testing.assert_allclose(result.predicted[1], result.walked[1], rtol=1e-3)
    assert max(result.errors) < 1e-12


def test_a_network_with_batch_statistics_is_refused() -> None:
    spec = RunSpec(
        data=Digits(num_train=60),
        model=MLP(widths=(2,), norm="batch"),
        optimizer=SGD(learning_rate=0.1),
        batch_size=20,
        budget=Budget.model_validate("1 steps"),
    )
    run = Run(resolve(spec), Outcome("completed", 1), History(()), {}, {})
    with pytest.raises(ValueError, match="without batch normalisation"):
        local_quadratic(run, steps=2, rates=(1.0,))


def test_an_experiment_is_known_by_the_settings_it_depends_on() -> None:
    again = quadratic.STUDY.experiments(TINY)
    other = quadratic.STUDY.experiments(TINY.replace(momenta=(0.5,)))
    changed = {name for name in again if again[name].key(name) != other[name].key(name)}
    assert changed == {"limits", "momentum"}
