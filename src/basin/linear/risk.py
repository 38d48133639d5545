r"""The risk of linear regression in closed form: where double descent can be calculated.

The model is :math:`y = \langle x, \beta \rangle + \varepsilon` with normal inputs of covariance :math:`\Sigma`, noise
of variance :math:`s^2`, n examples and the solution of minimum norm or of ridge. The risk is the mean squared error on
a fresh example, noise included: with none but the noise to blame it is :math:`s^2`.

**Isotropic, exact at every n and p** (:math:`\Sigma = I`, all p features seen):

.. math:: s^2 + s^2 \frac{p}{n - p - 1} \; (p < n - 1), \qquad
          s^2 + \Big(1 - \frac np\Big) |\beta|^2 + s^2 \frac{n}{p - n - 1} \; (p > n + 1),

and infinite between. If only p of D features are seen, chosen at random, the others act as noise of variance
:math:`(1 - p/D) |\beta|^2` and the signal is :math:`(p/D) |\beta|^2` (Belkin, Hsu & Xu).

**Any covariance, in the limit of large n and p.** With eigenvalues :math:`\lambda_i` and penalty :math:`\delta` beside
the sum of squared errors, :math:`\kappa \ge 0` solves

.. math:: \sum_i \frac{\lambda_i}{\lambda_i + \kappa} + \frac{\delta}{\kappa} = n ,

a direction is learned to the share :math:`l_i = \lambda_i / (\lambda_i + \kappa)`, and

.. math:: \text{risk} = \frac{n}{n - \sum_i l_i^2} \Big( \sum_i (1 - l_i)^2 \lambda_i \beta_i^2 + s^2 \Big) .

Minimum norm is the limit :math:`\delta \to 0`; there :math:`\kappa = 0` for p < n.

References:
    Belkin, Hsu & Xu, "Two models of double descent for weak features" (2020), theorem 1.
    Hastie, Montanari, Rosset & Tibshirani, "Surprises in high-dimensional ridgeless least squares interpolation"
    (2022), theorems 1 to 5.
    Silverstein, "Strong convergence of the empirical distribution of eigenvalues of large dimensional random matrices"
    (1995).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.optimize
from jaxtyping import Float


def isotropic_risk(num_examples: int, num_features: int, *, signal: float, noise: float) -> float:
    """Return the exact mean risk of minimum-norm regression on isotropic normal inputs.

    Args:
        num_examples: n, at least 1.
        num_features: p, at least 1, all of which are seen.
        signal: |beta|^2, 0 or more.
        noise: Variance of the noise, 0 or more.

    Returns:
        The risk, noise included; infinite for |p - n| <= 1, unless there is neither noise nor a missing direction.

    Raises:
        ValueError: A number outside its range.

    Example:
        >>> [isotropic_risk(20, p, signal=1.0, noise=0.5) for p in (9, 20, 41)]
        [0.95, inf, 1.5121951219512195]
    """
    _check(num_examples, num_features, signal, noise)
    n, p = num_examples, num_features
    missed = max(0.0, 1 - n / p) * signal
    if noise == 0:
        return missed
    if abs(p - n) <= 1:
        return math.inf
    return noise + missed + noise * min(n, p) / (abs(p - n) - 1)


def weak_features_risk(num_examples: int, num_seen: int, num_features: int, *, signal: float, noise: float) -> float:
    """Return the exact mean risk if so many of the features, chosen at random, are seen: no order is decided upon.

    Args:
        num_examples: n, at least 1.
        num_seen: p, at least 1.
        num_features: D, at least p.
        signal: |beta|^2 over all D features.
        noise: Variance of the noise.

    Raises:
        ValueError: A number outside its range, or more features seen than there are.

    Example:
        >>> weak_features_risk(40, 100, 100, signal=1.0, noise=0.2) == isotropic_risk(40, 100, signal=1.0, noise=0.2)
        True
    """
    if num_seen > num_features:
        raise ValueError(f"expected at most {num_features} features seen, got {num_seen}")
    share = num_seen / num_features
    return isotropic_risk(num_examples, num_seen, signal=share * signal, noise=noise + (1 - share) * signal)


def spectral_risk(
    eigenvalues: Float[np.ndarray, "p"],
    coefficients: Float[np.ndarray, "p"],
    num_examples: int,
    *,
    noise: float,
    penalty: float = 0.0,
) -> float:
    """Return the asymptotic risk of minimum-norm or ridge regression under any covariance.

    Args:
        eigenvalues: Of the covariance, above 0.
        coefficients: beta along the eigenvectors.
        num_examples: n.
        noise: Variance of the noise.
        penalty: delta beside a sum of squared errors over examples; 0 for minimum norm.

    Returns:
        The risk, noise included; infinite for minimum norm at p = n.

    Raises:
        ValueError: Arrays of different lengths, an eigenvalue that is not above 0, or a number outside its range.

    Example:
        >>> p, n = 4000, 2000
        >>> limit = spectral_risk(np.ones(p), np.full(p, p**-0.5), n, noise=0.5)
        >>> exact = isotropic_risk(n, p, signal=1.0, noise=0.5)
        >>> round(limit, 3), round(exact, 3)
        (1.5, 1.5)
    """
    eigenvalues, coefficients = (np.asarray(array, np.float64) for array in (eigenvalues, coefficients))
    _check(num_examples, len(eigenvalues), 0.0, noise)
    if eigenvalues.shape != coefficients.shape or not np.all(eigenvalues > 0) or not 0 <= penalty < math.inf:
        raise ValueError(
            f"expected eigenvalues above 0, a coefficient for each and a penalty of 0 or more, got "
            f"{eigenvalues.shape}, {coefficients.shape} and {penalty}"
        )
    kappa = effective_penalty(eigenvalues, num_examples, penalty)
    learned = eigenvalues / (eigenvalues + kappa)
    left = num_examples - np.square(learned).sum()
    missed = (np.square((1 - learned) * coefficients) * eigenvalues).sum() + noise
    if missed == 0:
        return 0.0
    return float(num_examples / left * missed) if left > 1e-9 * num_examples else math.inf


def effective_penalty(eigenvalues: Float[np.ndarray, "p"], num_examples: int, penalty: float = 0.0) -> float:
    """Return kappa, the penalty that the whole population feels when the sample is penalised by `penalty`.

    Args:
        eigenvalues: Of the covariance, above 0.
        num_examples: n.
        penalty: delta, 0 or more.

    Returns:
        The root of the fixed-point equation; 0 for minimum norm with no more features than examples.

    Example:
        >>> round(effective_penalty(np.ones(30), 10), 12)  # 30 / (1 + kappa) = 10
        2.0
    """
    p = len(eigenvalues)
    if penalty == 0 and p <= num_examples:
        return 0.0

    def excess(log_kappa: float) -> float:
        kappa = math.exp(log_kappa)
        return float((eigenvalues / (eigenvalues + kappa)).sum()) + penalty / kappa - num_examples

    largest = (float(eigenvalues.sum()) + penalty) / num_examples
    lowest = penalty / num_examples or np.finfo(np.float64).eps * float(eigenvalues.min()) / p
    if excess(math.log(largest)) >= 0:  # equal but for rounding: one direction, or a penalty far above the spectrum
        return largest
    root: Any = scipy.optimize.brentq(excess, math.log(lowest), math.log(largest), xtol=1e-15)
    return math.exp(root)


def best_spectral_penalty(
    eigenvalues: Float[np.ndarray, "p"], coefficients: Float[np.ndarray, "p"], num_examples: int, *, noise: float
) -> float:
    """Return the penalty of least asymptotic risk, to a thousandth of itself, between 1e-6 and 1e6 times the trace.

    Example:
        >>> p = 50  # for isotropic inputs it is noise p / |beta|^2
        >>> round(best_spectral_penalty(np.ones(p), np.full(p, p**-0.5), 60, noise=0.4), 1)
        20.0
    """
    trace = float(np.sum(eigenvalues))

    def risk(log_penalty: float) -> float:
        penalty = trace * math.exp(log_penalty)
        return spectral_risk(eigenvalues, coefficients, num_examples, noise=noise, penalty=penalty)

    ends = (math.log(1e-6), math.log(1e6))
    grid = np.linspace(*ends, 20)
    start = int(np.argmin([risk(float(each)) for each in grid]))
    bounds = grid[max(0, start - 1)], grid[min(len(grid) - 1, start + 1)]
    found: Any = scipy.optimize.minimize_scalar(risk, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return trace * math.exp(found.x)


def _check(num_examples: int, num_features: int, signal: float, noise: float) -> None:
    if num_examples < 1 or num_features < 1:
        raise ValueError(f"expected at least one example and one feature, got {num_examples} and {num_features}")
    if not (0 <= signal < math.inf and 0 <= noise < math.inf):
        raise ValueError(f"expected a signal and a noise of 0 or more, got {signal} and {noise}")
