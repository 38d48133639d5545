"""The linear model whose risk is known, simulated; and the drawing of one variable in Belkin et al.

The risk of a draw is the population's, the squared distance of the weights under the covariance, so no test set varies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from basin import linear
from basin.measure.threads import one_blas_thread
from basin.spec.double_descent_features import LinearModel

ARMS = ("isotropic", "power law")

CURVE_DRAWS = 10
"""Draws of the features seen over which the curve of theory is averaged."""


@one_blas_thread()
def linear_model(how: LinearModel) -> dict[str, dict[str, np.ndarray]]:
    """Return risks and what theory says of them, for both covariances.

    Returns:
        For each: `risk`, `theory` of minimum norm and `ridge_risk`, `ridge_theory` under the penalty that theory has
        best for another draw, (draws, sizes); `curve`: theory of minimum norm at :func:`curve_sizes`. Theory is exact
        for the isotropic model; for the other it is asymptotic, given the features that are seen.
    """
    sizes = [round(size * how.num_examples) for size in how.sizes]
    found = {}
    for arm in ARMS:
        eigenvalues = np.arange(1.0, how.num_features + 1) ** -(how.power if arm == "power law" else 0.0)
        other = _drawn(how.draws, how, eigenvalues)
        penalties = [_best_penalty(how, other, size) for size in sizes]
        rows = [_solved(how, _drawn(draw, how, eigenvalues), sizes, penalties) for draw in range(how.draws)]
        found[arm] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        drawn = [_drawn(draw, how, eigenvalues) for draw in range(CURVE_DRAWS)]
        found[arm]["curve"] = np.array([_mean_theory(how, drawn, size) for size in curve_sizes(how)])
    return found


def curve_sizes(how: LinearModel) -> list[int]:
    """Return the numbers of features at which theory is drawn: many, and none where its mean is infinite."""
    n, ends = how.num_examples, (how.sizes[0] * how.num_examples, how.sizes[-1] * how.num_examples)
    near = [n + step for step in range(-n // 4, n // 4 + 1) if abs(step) > 1]
    return sorted({*np.geomspace(*ends, 40).round().astype(int).tolist(), *near} - {n - 1, n, n + 1})


def _mean_theory(how: LinearModel, drawn: Sequence[_Drawn], size: int) -> float:
    """Return the risk of minimum norm at a size, the mean over draws of what is seen."""
    return float(np.mean([_theory(how, each, size) for each in drawn]))


def _theory(how: LinearModel, drawn: _Drawn, size: int) -> float:
    """Return the risk of minimum norm: exact for isotropic inputs, else asymptotic, given the features seen."""
    if np.ptp(drawn.spectrum) == 0:
        return linear.weak_features_risk(how.num_examples, size, how.num_features, signal=1.0, noise=how.noise)
    seen = (drawn.spectrum[:size], drawn.beta[:size], how.num_examples)
    return linear.spectral_risk(*seen, noise=drawn.noise(size, how.noise))


@dataclass(frozen=True, eq=False)
class _Drawn:
    """One draw, its features in the order in which they are seen."""

    spectrum: Float[np.ndarray, "features"]
    beta: Float[np.ndarray, "features"]
    x: Float[np.ndarray, "n features"]
    y: Float[np.ndarray, "n 1"]

    def noise(self, size: int, own: float) -> float:
        """Return the variance of all that the features seen do not explain."""
        return own + float((self.spectrum[size:] * self.beta[size:] ** 2).sum())


def _drawn(seed: int, how: LinearModel, eigenvalues: np.ndarray) -> _Drawn:
    rng = np.random.default_rng([seed, *b"linear model"])
    spectrum, beta = rng.permutation(eigenvalues), rng.standard_normal(how.num_features)
    beta /= np.sqrt((spectrum * beta**2).sum())
    x = rng.standard_normal((how.num_examples, how.num_features)) * np.sqrt(spectrum)
    noise = np.sqrt(how.noise) * rng.standard_normal(how.num_examples)
    return _Drawn(spectrum, beta, x, (x @ beta + noise)[:, None])


def _best_penalty(how: LinearModel, other: _Drawn, size: int) -> float:
    """Return the penalty that theory has best for another draw, which is none of those that are measured."""
    given = (other.spectrum[:size], other.beta[:size], how.num_examples)
    return linear.best_spectral_penalty(*given, noise=other.noise(size, how.noise))


def _solved(how: LinearModel, drawn: _Drawn, sizes: Sequence[int], penalties: Sequence[float]) -> dict[str, np.ndarray]:
    """Return one draw's risks, (sizes,) each."""
    columns = []
    for w, penalty in zip(linear.minimum_norm(drawn.x, drawn.y, sizes), penalties, strict=True):
        p, noise = w.size, drawn.noise(w.size, how.noise)
        given = (drawn.spectrum[:p], drawn.beta[:p], how.num_examples)
        (path,) = linear.ridge_paths(drawn.x[:, :p], drawn.y, [p], [penalty])
        columns.append(
            {
                "risk": _risk(w.coefficients, drawn, noise),
                "theory": _theory(how, drawn, p),
                "ridge_risk": _risk(path.coefficients[0], drawn, noise),
                "ridge_theory": linear.spectral_risk(*given, noise=noise, penalty=penalty),
            }
        )
    return {name: np.array([column[name] for column in columns]) for name in columns[0]}


def _risk(w: np.ndarray, drawn: _Drawn, noise: float) -> float:
    seen = slice(0, len(w))
    return float((drawn.spectrum[seen] * np.square(w[:, 0] - drawn.beta[seen])).sum()) + noise


def demo(sizes: tuple[int, int]) -> dict[str, Float[np.ndarray, "..."]]:
    """Return ten points of one variable and the minimum-norm functions of few and of many ReLU features through them.

    Returns:
        `x`, `y` (points); `grid`; `functions` (sizes, grid); `norms` (sizes) of the coefficients.
    """
    rng = np.random.default_rng([10, *b"demo"])
    x = np.linspace(-0.9, 0.9, 10) + rng.uniform(-0.05, 0.05, 10)
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
