"""The linear model whose risk is known, simulated; and the drawing of one variable in Belkin et al.

The risk of a draw is the population's, the squared distance of the weights under the covariance, so no test set varies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from basin import linear
from basin.measure.threads import one_blas_thread
from basin.spec.double_descent_features import LinearModel

ARMS = ("isotropic", "power law")


@one_blas_thread()
def linear_model(how: LinearModel) -> dict[str, dict[str, np.ndarray]]:
    """Return risks and what theory says of them, for both covariances.

    Returns:
        For each: `risk`, `theory` of minimum norm and `ridge_risk`, `ridge_theory` under the best penalty of theory,
        (draws, sizes); theory is exact for the isotropic model and asymptotic, given the seen features, for the other.
    """
    sizes = [round(size * how.num_examples) for size in how.sizes]
    found = {}
    for arm in ARMS:
        eigenvalues = np.arange(1.0, how.num_features + 1) ** -(how.power if arm == "power law" else 0.0)
        rows = [_draw(draw, how, eigenvalues, sizes) for draw in range(how.draws)]
        found[arm] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return found


def _draw(seed: int, how: LinearModel, eigenvalues: np.ndarray, sizes: Sequence[int]) -> dict[str, np.ndarray]:
    """Return one draw's risks, (sizes,) each."""
    rng = np.random.default_rng([seed, *b"linear model"])
    order = rng.permutation(how.num_features)
    spectrum, beta = eigenvalues[order], rng.standard_normal(how.num_features)
    beta /= np.sqrt((spectrum * beta**2).sum())
    x = rng.standard_normal((how.num_examples, how.num_features)) * np.sqrt(spectrum)
    y = (x @ beta + np.sqrt(how.noise) * rng.standard_normal(how.num_examples))[:, None]
    columns = []
    exact = eigenvalues[0] == eigenvalues[-1]
    for w in linear.minimum_norm(x, y, sizes):
        seen, unseen = slice(0, w.size), slice(w.size, None)
        noise = how.noise + float((spectrum[unseen] * beta[unseen] ** 2).sum())
        given = (spectrum[seen], beta[seen], how.num_examples)
        penalty = linear.best_spectral_penalty(*given, noise=noise)
        (path,) = linear.ridge_paths(x[:, seen], y, [w.size], [penalty])
        theory = (
            linear.weak_features_risk(how.num_examples, w.size, how.num_features, signal=1.0, noise=how.noise)
            if exact
            else linear.spectral_risk(*given, noise=noise)
        )
        columns.append(
            {
                "risk": _risk(w.coefficients, spectrum[seen], beta[seen], noise),
                "theory": theory,
                "ridge_risk": _risk(path.coefficients(0), spectrum[seen], beta[seen], noise),
                "ridge_theory": linear.spectral_risk(*given, noise=noise, penalty=penalty),
            }
        )
    return {name: np.array([column[name] for column in columns]) for name in columns[0]}


def _risk(w: np.ndarray, spectrum: np.ndarray, beta: np.ndarray, noise: float) -> float:
    return float((spectrum * np.square(w[:, 0] - beta)).sum()) + noise


def demo(sizes: tuple[int, int]) -> dict[str, Float[np.ndarray, "..."]]:
    """Return ten points of one variable and the minimum-norm functions of few and of many ReLU features through them.

    Returns:
        `x`, `y` (points); `grid`; `functions` (sizes, grid); `norms` (sizes) of the coefficients.
    """
    rng = np.random.default_rng([10, *b"demo"])
    x = np.sort(rng.uniform(-1, 1, 10))
    y = rng.uniform(-1, 1, 10)
    grid = np.linspace(-1, 1, 401)
    draw = linear.relu_features(1, sizes[-1], seed=0, constant=1.0)
    solutions = list(linear.minimum_norm(draw(x[:, None]), y[:, None], sizes))
    return {
        "x": x,
        "y": y,
        "grid": grid,
        "functions": np.stack([w.predict(draw(grid[:, None]))[:, 0] for w in solutions]),
        "norms": np.array([np.sqrt(w.size) * np.linalg.norm(w.coefficients) for w in solutions]),
    }
