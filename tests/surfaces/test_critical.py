"""Critical points: against polynomial elimination, scalar root finding, product structure and Morse theory."""

import itertools
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from basin.surfaces import CriticalPoint, Surface, critical_points, quadratic, surface

pytestmark = pytest.mark.usefixtures("compiled_cheaply")


def kinds(found: tuple[CriticalPoint, ...]) -> Counter:
    return Counter((one.kind, one.index) for one in found)


def sorted_points(points: object) -> np.ndarray:
    array = np.array(points, float)
    return array[np.lexsort(array.round(6).T)]


def in_one_dimension(function, lower: float, upper: float) -> Surface:
    return Surface("curve", lambda p: function(p[0]), (lower,), (upper,))


def in_the_plane(function, half_width: float = 2.0) -> Surface:
    return Surface("plane", lambda p: function(*p), (-half_width,) * 2, (half_width,) * 2)


def himmelblau_by_elimination() -> np.ndarray:
    """The gradient is (2y^2 + 4xy + a(x), 4y^3 + (4x - 26)y + b(x)): a resultant in y, whose roots in x are real."""

    def a(x: float) -> float:
        return 4 * x**3 - 42 * x - 14

    def sylvester(x: float) -> float:
        quadratic_in_y, cubic_in_y = [2, 4 * x, a(x)], [4, 0, 4 * x - 26, 2 * x**2 - 22]
        rows = [np.pad(quadratic_in_y, (i, 2 - i)) for i in range(3)] + [np.pad(cubic_in_y, (i, 1 - i)) for i in (0, 1)]
        return float(np.linalg.det(np.array(rows, float)))

    at = 4 * np.cos(np.pi * (np.arange(10) + 0.5) / 10)
    roots = np.roots(np.polyfit(at, [sylvester(x) for x in at], 9))
    points = []
    for x in roots[abs(roots.imag) < 1e-6].real:
        candidates = np.roots([2, 4 * x, a(x)]).real
        residuals = np.polyval([4, 0, 4 * x - 26, 2 * x**2 - 22], candidates)
        points.append((x, candidates[np.argmin(np.abs(residuals))]))
    return sorted_points(points)


def test_himmelblau_has_four_minima_four_saddles_and_a_maximum_where_elimination_puts_them() -> None:
    found = critical_points(surface("himmelblau"))
    assert kinds(found) == {("minimum", 0): 4, ("saddle", 1): 4, ("maximum", 2): 1}
    np.testing.assert_allclose(sorted_points([one.point for one in found]), himmelblau_by_elimination(), atol=1e-8)
    assert [one.is_lowest for one in found] == [one.kind == "minimum" for one in found]
    assert sum(one.num_starts for one in found) == 1000


def beale_by_elimination() -> np.ndarray:
    """Beale's function is quadratic in x: f_x = 0 gives x(y), and f_y(x(y), y) = 0 is one equation; at y = 1, x = 0."""
    a = np.array([1.5, 2.25, 2.625])

    def best_x(y: float) -> float:
        c = np.array([y - 1, y**2 - 1, y**3 - 1])
        return -(a @ c) / (c @ c)

    def slope(y: float) -> float:
        x = best_x(y)
        c, dc = np.array([y - 1, y**2 - 1, y**3 - 1]), np.array([1, 2 * y, 3 * y**2])
        return float(2 * x * ((a + x * c) @ dc))

    grid = np.linspace(-4.5, 4.5, 2000)  # 1 is not on it
    brackets = [(p, q) for p, q in itertools.pairwise(grid) if slope(p) * slope(q) < 0 and not p < 1 < q]
    roots = [float(scipy.optimize.brentq(slope, *bracket, xtol=1e-15)) for bracket in brackets]
    inside = [(best_x(y), y) for y in roots if abs(best_x(y)) <= 4.5]
    return sorted_points([*inside, (0.0, 1.0)])


def test_beale_has_its_minimum_and_two_saddles_where_elimination_puts_them() -> None:
    found = critical_points(surface("beale"))
    assert kinds(found) == {("minimum", 0): 1, ("saddle", 1): 2}
    np.testing.assert_allclose(sorted_points([one.point for one in found]), beale_by_elimination(), atol=1e-9)


@pytest.mark.parametrize(("name", "expected"), [("booth", [1.0, 3.0]), ("rosenbrock", [1.0, 1.0]), ("ravine", [0, 0])])
def test_a_surface_of_one_minimum_is_that_for_every_start(name: str, expected: list[float]) -> None:
    (found,) = critical_points(surface(name))
    np.testing.assert_allclose(found.point, expected, atol=1e-10)
    assert (found.label, found.num_starts) == ("minimum, global among those found", 1000)


def rastrigin_along_one_axis(half_width: float) -> list[tuple[float, int]]:
    """Stationary points of x^2 - 10 cos(2 pi x), each with 1 if it is a maximum, from brackets of a quarter."""

    def slope(x: float) -> float:
        return 2 * x + 20 * np.pi * np.sin(2 * np.pi * x)

    lattice = np.arange(-2 * int(2 * half_width + 1), 2 * int(2 * half_width + 1) + 1) / 2
    roots = [scipy.optimize.brentq(slope, m - 0.25, m + 0.25, xtol=1e-15) for m in lattice]
    return [(float(x), int(2 * m) % 2) for x, m in zip(roots, lattice, strict=True) if abs(x) <= half_width]


@pytest.mark.parametrize(("dimension", "half_width", "starts"), [(1, 2.2, 200), (2, 1.2, 1500), (3, 0.7, 1500)])
def test_rastrigin_is_the_product_of_its_axes(dimension: int, half_width: float, starts: int) -> None:
    lattice = Surface("lattice", surface("rastrigin").function, (-half_width,) * dimension, (half_width,) * dimension)
    found = critical_points(lattice, num_starts=starts)
    places = list(itertools.product(rastrigin_along_one_axis(half_width), repeat=dimension))
    expected = sorted_points([[x for x, _ in place] for place in places])
    np.testing.assert_allclose(sorted_points([one.point for one in found]), expected, atol=1e-10)
    indices = Counter(sum(is_maximum for _, is_maximum in place) for place in places)
    assert Counter(one.index for one in found) == indices
    assert all(one.kind == {0: "minimum", dimension: "maximum"}.get(one.index or 0, "saddle") for one in found)
    assert [one.is_lowest for one in found] == [max(map(abs, one.point)) < 0.1 for one in found]


@pytest.mark.parametrize("name", ["himmelblau", "valley", "ravine", "booth"])
def test_indices_add_up_as_morse_theory_says(name: str) -> None:
    """Where the gradient points out of the region all along its edge, minima - saddles + maxima = 1."""
    found = critical_points(surface(name))
    assert sum((-1) ** one.index for one in found if one.index is not None) == 1


DEGENERATE = {
    "x^4 + y^4": (in_the_plane(lambda x, y: x**4 + y**4), "minimum", 0),
    "-x^4 - y^6": (in_the_plane(lambda x, y: -(x**4) - y**6), "maximum", 0),
    "x^2 + y^4": (in_the_plane(lambda x, y: x**2 + y**4), "minimum", 0),
    "x^2 + y^3": (in_the_plane(lambda x, y: x**2 + y**3), "saddle", 2),
    "monkey": (surface("monkey-saddle"), "saddle", 6),
    "four-legged monkey": (in_the_plane(lambda x, y: x**4 - 6 * x**2 * y**2 + y**4), "saddle", 8),
    "Peano, a minimum along every line": (in_the_plane(lambda x, y: (y - x**2) * (y - 2 * x**2)), "saddle", 4),
    "x^3": (in_one_dimension(lambda x: x**3, -1.0, 2.0), "saddle", None),
    "x^4 off centre": (in_one_dimension(lambda x: (x - 0.3) ** 4, -1.0, 2.0), "minimum", None),
    "x^4 + y^4 + z^4": (Surface("bowl", lambda p: jnp.sum(p**4), (-1.0,) * 3, (2.0,) * 3), "minimum", None),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_where_an_eigenvalue_is_zero_the_neighbourhood_decides(case: str) -> None:
    """Signs around each are known from its formula, such as 2 k sectors of the real part of (x + iy)^k."""
    made, kind, sign_changes = DEGENERATE[case]
    (found,) = critical_points(made, num_starts=50)
    assert (found.kind, found.sign_changes) == (kind, sign_changes)
    assert (found.is_degenerate, found.decided_by, found.index) == (True, "neighbourhood", None)
    centre = 0.3 if case == "x^4 off centre" else 0.0
    np.testing.assert_allclose(found.point, centre, atol=1e-6)
    assert found.num_starts == 50


def test_a_minimum_computed_with_cancellation_is_one_point() -> None:
    """Written out, (x - 0.3)^4 has a gradient of rounding alone within some 1e-5 of its zero."""
    coefficients = np.poly([0.3] * 4)
    written_out = in_the_plane(lambda x, y: jnp.polyval(jnp.array(coefficients), x) + y**2)
    (found,) = critical_points(written_out, num_starts=200)
    assert (found.kind, found.is_degenerate) == ("minimum", True)
    assert found.num_starts > 150
    np.testing.assert_allclose(found.point, [0.3, 0.0], atol=2e-5)


def test_the_floor_of_a_valley_is_flat_and_not_a_minimum() -> None:
    found = critical_points(in_the_plane(lambda x, y: x**2 + 0 * y), num_starts=20)
    assert {one.label for one in found} == {"flat to rounding"}
    assert not any(one.is_lowest for one in found)


@pytest.mark.parametrize(
    ("eigenvalues", "label"),
    [
        ((1.0, 1e10), "minimum, global among those found"),
        ((-1.0, 1e10), "saddle of index 1"),
        ((-3.0, -2.0, -1.0, 4.0), "saddle of index 3"),
    ],
)
def test_a_quadratic_is_named_by_its_eigenvalues_however_ill_conditioned(eigenvalues, label: str) -> None:
    vectors = np.linalg.qr(np.random.default_rng(0).standard_normal((len(eigenvalues),) * 2))[0]
    (found,) = critical_points(quadratic(eigenvalues, rotation=vectors), num_starts=20)
    assert (found.label, found.is_degenerate) == (label, False)
    np.testing.assert_allclose(found.eigenvalues, eigenvalues, rtol=1e-5)


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_the_unit_of_the_surface_does_not_matter(factor: float) -> None:
    scaled = Surface("scaled", lambda p: factor * surface("himmelblau")(p) + factor, (-5.0,) * 2, (5.0,) * 2)
    found = critical_points(scaled, num_starts=300)
    assert kinds(found) == {("minimum", 0): 4, ("saddle", 1): 4, ("maximum", 2): 1}


def test_the_lowest_minimum_is_told_from_a_local_one_and_each_has_its_starts() -> None:
    """Of (x^2 - 1)^2 + 0.1 x the roots of the slope are those of a cubic."""
    low, top, high = critical_points(in_one_dimension(lambda x: (x**2 - 1) ** 2 + 0.1 * x, -2.0, 2.0))
    labels = ["minimum, global among those found", "maximum", "minimum, local"]
    by_place = sorted((low, top, high), key=lambda one: one.point)
    assert [one.label for one in by_place] == labels
    np.testing.assert_allclose([one.point[0] for one in by_place], np.sort(np.roots([4, 0, -4, 0.1]).real), atol=1e-12)
    assert min(one.num_starts for one in by_place) > 100
    assert (low.is_lowest, low.value < top.value) == (True, True)


def test_mirror_images_are_reached_alike() -> None:
    """Of a thousand starts each of two mirrored minima gets half of theirs, within five standard deviations."""
    left, right, _ = critical_points(in_one_dimension(lambda x: (x**2 - 1) ** 2, -2.0, 2.0))
    assert abs(left.num_starts - right.num_starts) < 5 * np.sqrt(left.num_starts + right.num_starts)


def test_a_surface_that_levels_out_is_not_stationary_far_away() -> None:
    """The gradient of a bump is 1e-10 at the corners, yet a Newton step from there is long."""
    (found,) = critical_points(in_the_plane(lambda x, y: jnp.exp(-(x**2) - y**2), half_width=3.5))
    assert found.label == "maximum"
    np.testing.assert_allclose(found.point, 0, atol=1e-12)
    np.testing.assert_allclose(found.eigenvalues, -2)


def test_what_lies_outside_the_region_is_not_reported() -> None:
    assert critical_points(in_one_dimension(lambda x: (x - 3) ** 2, -1.0, 1.0), num_starts=20) == ()
    (at_the_edge,) = critical_points(in_one_dimension(lambda x: (x - 0.1) ** 2, 0.1, 1.0), num_starts=20)
    assert at_the_edge.point == (pytest.approx(0.1),)


def test_a_slope_has_none_and_a_surface_with_holes_has_those_that_can_be_reached() -> None:
    assert critical_points(in_the_plane(lambda x, y: x + 2 * y), num_starts=20) == ()
    assert critical_points(in_one_dimension(lambda x: jnp.log(-1 - x**2), -1.0, 3.0), num_starts=20) == ()
    (found,) = critical_points(in_one_dimension(lambda x: x - jnp.log(x), -1.0, 3.0), num_starts=100)
    assert (found.kind, found.point) == ("minimum", (pytest.approx(1.0),))


def test_equal_keys_give_equal_points() -> None:
    first, second = (critical_points(surface("valley"), num_starts=50, key=jax.random.key(7)) for _ in range(2))
    assert first == second
    assert first != critical_points(surface("valley"), num_starts=50, key=jax.random.key(8))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"num_starts": 0}, "expected num_starts of at least 1, got 0"),
        ({"tolerance": 0.0}, "expected tolerance between 0 and 1, a share, got 0"),
        ({"resolution": 2.0}, "expected resolution between 0 and 1, a share, got 2"),
    ],
)
def test_what_cannot_be_searched_is_refused(asked: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        critical_points(surface("booth"), **asked)
