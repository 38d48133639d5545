"""What every registered surface keeps, and quadratics against their own eigenvalues."""

import jax
import numpy as np
import pytest

from basin.loss.precision import arithmetic
from basin.surfaces import SURFACES, Surface, quadratic, surface

pytestmark = pytest.mark.usefixtures("compiled_cheaply")


@pytest.fixture(params=sorted(SURFACES))
def known(request: pytest.FixtureRequest) -> Surface:
    return SURFACES[request.param]


def test_its_known_minima_are_stationary_and_no_point_of_the_region_is_lower(known: Surface) -> None:
    with arithmetic("float64"):
        grid = np.random.default_rng(0).uniform(known.lower, known.upper, (20_000, known.dimension))
        lowest = float(jax.vmap(known)(grid).min())
        for minimum in known.minima:
            assert np.linalg.norm(jax.grad(known)(np.array(minimum))) < 1e-10
            assert np.linalg.eigvalsh(jax.hessian(known)(np.array(minimum))).min() > 0
            assert float(known(np.array(minimum))) <= lowest + 1e-12


def test_it_is_smooth_across_its_region(known: Surface) -> None:
    """The gradient against central differences, which know nothing of differentiation."""
    with arithmetic("float64"):
        for point in np.random.default_rng(1).uniform(known.lower, known.upper, (5, known.dimension)):
            steps = 1e-6 * np.eye(known.dimension)
            expected = [(float(known(point + e)) - float(known(point - e))) / 2e-6 for e in steps]
            np.testing.assert_allclose(jax.grad(known)(point), expected, rtol=1e-5, atol=1e-5)


def test_it_says_what_it_is(known: Surface) -> None:
    assert SURFACES[known.name] is known
    assert known.formula


@pytest.mark.parametrize("eigenvalues", [[1.0], [3.0, -2.0], [1.0, 10.0, 100.0]])
def test_a_quadratic_has_the_eigenvalues_it_was_asked_for(eigenvalues: list[float]) -> None:
    random = np.random.default_rng(0)
    vectors = np.linalg.qr(random.standard_normal((len(eigenvalues),) * 2))[0]
    with arithmetic("float64"):
        made = quadratic(eigenvalues, rotation=vectors, minimum=random.standard_normal(len(eigenvalues)), value=5.0)
        centre = (np.array(made.lower) + made.upper) / 2
        found = np.linalg.eigvalsh(jax.hessian(made)(centre))
        np.testing.assert_allclose(found, sorted(eigenvalues), rtol=1e-12)
        assert float(made(centre)) == pytest.approx(5.0)
    assert bool(made.minima) == (min(eigenvalues) > 0)


def test_an_angle_turns_the_first_eigenvector() -> None:
    with arithmetic("float64"):
        turned = quadratic([2.0, 50.0], rotation=np.pi / 6)
        along = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)])
        np.testing.assert_allclose(jax.grad(turned)(along), 2.0 * along, atol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: surface("beal"), "unknown surface: 'beal'; did you mean 'beale'"),
        (lambda: quadratic([]), "expected finite eigenvalues"),
        (lambda: quadratic([1.0, np.inf]), "expected finite eigenvalues"),
        (lambda: quadratic([1.0, 2.0, 3.0], rotation=0.1), "got an angle: it needs two"),
        (lambda: quadratic([1.0, 2.0], rotation=np.ones((2, 2))), "expected 2 orthonormal columns"),
        (lambda: quadratic([1.0, 2.0], minimum=[0.0]), "expected a minimum of 2 coordinates"),
        (lambda: Surface("flat", lambda x: x[0], (0.0,), (0.0,)), "lower corner lies below its upper one"),
        (lambda: Surface("none", lambda x: x[0], (), ()), "lower corner lies below its upper one"),
        (lambda: Surface("uneven", lambda x: x[0], (0.0,), (1.0, 1.0)), "lower corner lies below its upper one"),
    ],
)
def test_what_is_no_surface_is_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
