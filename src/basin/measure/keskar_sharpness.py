"""The sharpness of a minimum after Keskar et al. (2017), Metric 2.1: how far the loss rises within a small box.

    phi(x; epsilon, A) = 100 (max_{y in C} f(x + A y) - f(x)) / (1 + f(x)),
    C = {y : |y_i| <= epsilon (|(A+ x)_i| + 1)},

in per cent of `1 + f(x)`. In the full space `A` is the identity; in a subspace its columns are random.

A maximum over a box is found by a search, so every value is a **lower bound**. Two are reported, because they answer
two questions. `paper_value` is what the paper computed: ten iterations of L-BFGS-B from one random interior point.
`value` is the best that this search finds, and never that of `x` itself, where a minimiser has no slope to follow:

1. `num_starts` random interior points; L-BFGS-B from the first, the others moved to the corner of their orthant;
2. two vertex steps from each (`u <- sign(df/du)`, see :mod:`basin.measure.ascent`);
3. the best `num_finalists` climb on until they rest, and further ones, up to `max_finalists`, while the last helped.

At a late minimum the box holds several maxima whose heights differ by factors; two steps show which are high. The
maximum is over a box and not a ball: at a minimiser of a diagonal quadratic it is a weighted trace,
`100 epsilon^2 / 2 sum_i H_ii (|x_i| + 1)^2 / (1 + f)`, and not the top eigenvalue.

Reference: N. S. Keskar, D. Mudigere, J. Nocedal, M. Smelyanskiy, P. T. P. Tang. On large-batch training for deep
learning: generalization gap and sharp minima. ICLR 2017.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

import jax
import numpy as np

from basin.measure.ascent import FLIP_DIMENSION, LBFGS_OPTIONS, PAPER_ITERATIONS, PaperSearch
from basin.measure.box_search import SCOUT_STEPS, STEP_TOLERANCE, BoxSearch, helped
from basin.measure.guard import guard
from basin.measure.keys import resolve_key
from basin.measure.objective import LossFn, Objective, natural_precision
from basin.measure.result import Measurement, NotConvergedWarning, frozen_array
from basin.measure.threads import one_blas_thread

SearchPrecision = Literal["float64", "mixed", "float32"]


@dataclass(frozen=True, eq=False, kw_only=True)
class KeskarSharpness(Measurement):
    """Keskar's sharpness in per cent; `stderr` is the standard deviation over the finalists, which is a spread.

    Attributes:
        paper_value: What ten iterations of L-BFGS-B found, in the arithmetic of the reported value; none if the line
            search failed (ABNORMAL) from each of three starts.
        paper_start: The start it is of: the first whose line search did not fail.
        paper_iterations: Iterations it took; below ten where it reached a corner that it could not improve.
        loss: The loss at the point.
        epsilon: Relative half width of the box.
        dimension: Dimension of the box.
        per_finalist: The sharpness that each finalist ended with.
        paths: For each finalist, the sharpness after each vertex step, in the arithmetic of the search.
        wall_share: Share of the coordinates that lie on the box's wall at the best point.
        num_evaluations: How many values and gradients, by arithmetic.
        settings: The settings of the search.
    """

    value: float
    paper_value: float | None
    paper_start: int | None
    paper_iterations: int | None
    loss: float
    epsilon: float
    dimension: int
    per_finalist: np.ndarray
    paths: tuple[tuple[float, ...], ...]
    wall_share: float
    num_evaluations: dict[str, int]
    settings: dict[str, Any]


@one_blas_thread()
def keskar_sharpness(
    loss_fn: LossFn,
    params: Any,
    *,
    epsilon: float = 1e-3,
    subspace_dim: int | None = None,
    key: jax.Array | int | None = None,
    num_starts: int = 12,
    num_finalists: int = 3,
    max_finalists: int = 6,
    max_ascent_steps: int = 50,
    precision: SearchPrecision = "float64",
    allow: Collection[str] = (),
) -> KeskarSharpness:
    """Measure how far, in per cent, the loss rises within a small box around the weights.

    The definition is in the module's docstring. `params`, their dtypes and any random state stay as they are.

    Args:
        loss_fn: A :class:`~basin.loss.DatasetLoss`, or any callable from a pytree to a real scalar.
        params: The weights `x`: a pytree of floating-point arrays.
        epsilon: Relative half width of the box; the paper uses 1e-3 and 5e-4.
        subspace_dim: Dimension of a random subspace (the paper: 100); none searches the full space.
        key: A JAX key, a seed, or none for a fixed one; draws the starts and the subspace.
        num_starts: Random interior starts, at least 3; a dozen by measurement (docs/measures.md).
        num_finalists: Starts that climb until they rest, at least 2; their spread is the stated error.
        max_finalists: The most of them, if each one added goes on helping.
        max_ascent_steps: The most vertex steps of a finalist.
        precision: `float64` throughout; `mixed`, where everything but L-BFGS-B and the values reported runs in the
            arithmetic of the weights; or `float32` for a loss that cannot be anything else.
        allow: Checks of :mod:`basin.measure.guard` that may fail.

    Returns:
        The sharpness with its spread over starts.

    Raises:
        ValueError: The loss fails the guard, is not finite in the box or not above -1, or an argument is out of range.

    Warns:
        NotConvergedWarning: The best climb was cut short, or the last finalist allowed still found a higher place.

    Example:
        At the minimum 0 of a diagonal quadratic the box maximum is at every vertex:

        >>> import jax.numpy as jnp
        >>> result = keskar_sharpness(lambda w: 0.5 * jnp.sum(jnp.array([1.0, 3.0]) * w**2), jnp.zeros(2))
        >>> round(result.value / (100 * 1e-3**2 * (1 + 3) / 2), 9)
        1.0
    """
    started = time.perf_counter()
    _check_arguments(num_starts, num_finalists, max_finalists, max_ascent_steps, precision)
    random_key, key_text = resolve_key(key)
    exact = Objective(loss_fn, params, "float32" if precision == "float32" else "float64")
    loss, checks = guard(exact, random_key, allow)
    if loss <= -1:
        raise ValueError(f"expected a loss above -1, got {loss}: phi is relative to 1 + f; add a constant to the loss")
    cheap = _search_objective(exact, loss_fn, params, precision)
    search = BoxSearch.around(exact, cheap, loss, epsilon, subspace_dim, random_key)
    paper, scouts = search.scout(num_starts, max_finalists)
    finalists, gains = search.finish(scouts, num_finalists, max_ascent_steps)
    best = int(np.argmax(gains))
    converged = finalists[best].resting and not helped(gains)
    if not converged:
        _warn(len(gains))
    percent = 100 / (1 + loss)
    return KeskarSharpness(
        value=percent * gains[best],
        stderr=float(np.std(gains, ddof=1)) * percent,
        converged=converged,
        num_passes=search.num_passes,
        seconds=time.perf_counter() - started,
        definition=_definition(epsilon, subspace_dim, num_starts, exact),
        checks=checks,
        key=key_text,
        precision=exact.precision,
        loss=loss,
        epsilon=epsilon,
        dimension=search.box.dimension,
        per_finalist=frozen_array([percent * gain for gain in gains]),
        paths=tuple(tuple(percent * gain for gain in path.gains) for path in finalists),
        wall_share=float(np.mean(np.abs(finalists[best].u) >= 1 - 1e-9)),
        num_evaluations=search.num_evaluations,
        settings=_settings(
            search,
            num_starts=num_starts,
            num_finalists=num_finalists,
            max_finalists=max_finalists,
            max_ascent_steps=max_ascent_steps,
        ),
        **_of_the_paper(paper, percent),
    )


def _search_objective(exact: Objective, loss_fn: LossFn, params: Any, precision: str) -> Objective:
    if precision != "mixed" or natural_precision(params) == exact.precision:
        return exact
    return Objective(loss_fn, params, natural_precision(params))


def _settings(search: BoxSearch, **effort: int) -> dict[str, Any]:
    return {
        "search_precision": search.cheap.precision,
        "lbfgs": {"maxiter": PAPER_ITERATIONS, **LBFGS_OPTIONS},
        "scout_steps": SCOUT_STEPS,
        "step_tolerance": STEP_TOLERANCE,
        "single_flips": search.box.dimension <= FLIP_DIMENSION,
        **effort,
    }


def _of_the_paper(found: PaperSearch | None, percent: float) -> dict[str, Any]:
    if found is None:
        return {"paper_value": None, "paper_start": None, "paper_iterations": None}
    return {"paper_value": percent * found.gain, "paper_start": found.start, "paper_iterations": found.iterations}


def _definition(epsilon: float, subspace_dim: int | None, num_starts: int, exact: Objective) -> str:
    space = "the full space"
    if subspace_dim is not None:
        space = f"a random subspace of dimension {subspace_dim} (columns of A standard normal, drawn in float32)"
    return (
        f"Keskar sharpness 100 (max f(x + A y) - f(x)) / (1 + f(x)) over |y_i| <= {epsilon:g} (|(A+ x)_i| + 1) "
        f"in {space}; a lower bound, the best of {num_starts} starts uniform in the box; "
        f"stderr: standard deviation over finalists; "
        f"f: {exact.definition}"
    )


def _warn(num_finalists: int) -> None:
    warnings.warn(
        f"keskar_sharpness: after {num_finalists} finalists the search still found higher places, so the value is a "
        "loose lower bound; raise num_starts, max_finalists or max_ascent_steps",
        NotConvergedWarning,
        stacklevel=4,
    )


def _check_arguments(num_starts: int, num_finalists: int, max_finalists: int, max_steps: int, precision: str) -> None:
    if num_starts < 3:
        raise ValueError(f"num_starts: expected at least 3 random starts, got {num_starts}")
    if not 2 <= num_finalists <= max_finalists or num_finalists > num_starts:
        raise ValueError(
            f"expected 2 <= num_finalists <= max_finalists and num_finalists <= num_starts, "
            f"got {num_finalists}, {max_finalists} and {num_starts}"
        )
    if max_steps < 1:
        raise ValueError(f"max_ascent_steps: expected at least 1, got {max_steps}")
    if precision not in get_args(SearchPrecision):
        raise ValueError(f"precision: expected one of {', '.join(get_args(SearchPrecision))}, got {precision!r}")
