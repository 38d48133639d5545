"""Risk in closed form against simulations that know nothing of it, and the limits against the exact formulas.

The risk of a draw is the population's, |w - beta|^2 under the covariance, so nothing but the draw varies. Near the
threshold its mean over draws has no variance, or does not exist: there the median is compared, on a logarithmic scale.
"""

import numpy as np
import pytest

from basin import linear

N = 40
DRAWS = 200


def simulated(
    p: int, noise: float, eigenvalues: np.ndarray | None = None, *, seen: int | None = None, penalty: float = 0.0
) -> np.ndarray:
    """Return the risk of each draw of data, beta and seen features, by numpy's pseudo-inverse or normal equations."""
    rng = np.random.default_rng(p)
    scales = np.sqrt(np.ones(p) if eigenvalues is None else eigenvalues)
    risks = []
    for _ in range(DRAWS):
        beta = rng.standard_normal(p)
        beta /= np.linalg.norm(beta)
        x = rng.standard_normal((N, p)) * scales
        y = x @ beta + np.sqrt(noise) * rng.standard_normal(N)
        chosen = rng.permutation(p)[: p if seen is None else seen]
        w = np.zeros(p)
        if penalty:
            w[chosen] = np.linalg.solve(
                x[:, chosen].T @ x[:, chosen] + penalty * np.eye(len(chosen)), x[:, chosen].T @ y
            )
        else:
            w[chosen] = np.linalg.pinv(x[:, chosen]) @ y
        risks.append(np.square(scales * (w - beta)).sum() + noise)
    return np.array(risks)


@pytest.mark.parametrize("p", [4, 20, 30, 35, 45, 50, 80, 300])
def test_the_isotropic_risk_is_met_by_the_mean_of_200_draws(p: int) -> None:
    risks = simulated(p, 0.5)
    expected = linear.isotropic_risk(N, p, signal=1.0, noise=0.5)
    error = risks.std(ddof=1) / np.sqrt(DRAWS)
    assert abs(risks.mean() - expected) < 5 * error  # the error is itself estimated, from skewed draws
    assert error < 0.2 * expected


@pytest.mark.parametrize("p", [38, 39, 40, 41, 42])
def test_at_the_threshold_the_median_is_high_and_finite(p: int) -> None:
    median = float(np.median(simulated(p, 0.5)))
    far = linear.isotropic_risk(N, 20, signal=1.0, noise=0.5)
    assert np.log10(median / far) > 0.5
    assert median < linear.isotropic_risk(N, p, signal=1.0, noise=0.5)  # the mean is above, or infinite


@pytest.mark.parametrize("seen", [10, 30, 50, 100])
def test_features_that_are_not_seen_are_noise(seen: int) -> None:
    risks = simulated(100, 0.1, seen=seen)
    expected = linear.weak_features_risk(N, seen, 100, signal=1.0, noise=0.1)
    assert abs(risks.mean() - expected) < 3.5 * risks.std(ddof=1) / np.sqrt(DRAWS)


def test_more_weak_features_help_only_beyond_the_threshold() -> None:
    """Belkin, Hsu & Xu, corollary 2: the risk falls from p = n + 2 to p = D if the signal is strong enough."""
    risks = [linear.weak_features_risk(N, p, 100, signal=5.0, noise=0.1) for p in range(1, 101)]
    beyond = np.array(risks[N + 1 :])
    assert (np.diff(beyond) < 0).all()
    assert np.isinf(risks[N - 1])


POWER = np.arange(1.0, 201) ** -1.0


@pytest.mark.parametrize("penalty", [0.0, 0.3, 3.0])
def test_the_fixed_point_is_met_under_a_power_law(penalty: float) -> None:
    risks = simulated(200, 0.05, POWER, penalty=penalty)
    beta = np.full(200, 200**-0.5)  # the mean over directions of a uniform beta
    expected = linear.spectral_risk(POWER, beta, N, noise=0.05, penalty=penalty)
    assert risks.mean() == pytest.approx(expected, rel=0.06)  # n = 40 is not infinite: a correction of order 1/n


@pytest.mark.parametrize(("n", "p"), [(4000, 1000), (4000, 3900), (1000, 1100), (1000, 4000)])
def test_the_fixed_point_tends_to_the_isotropic_risk(n: int, p: int) -> None:
    limit = linear.spectral_risk(np.ones(p), np.full(p, p**-0.5), n, noise=0.3)
    assert limit == pytest.approx(linear.isotropic_risk(n, p, signal=1.0, noise=0.3), rel=0.02)


@pytest.mark.parametrize("penalty", [0.0, 1e-3, 1.0, 100.0])
def test_kappa_solves_its_equation(penalty: float) -> None:
    kappa = linear.effective_penalty(POWER, N, penalty)
    assert (POWER / (POWER + kappa)).sum() + penalty / kappa == pytest.approx(N, rel=1e-9)


def test_the_best_penalty_of_an_isotropic_model_is_noise_over_signal_and_removes_the_peak() -> None:
    # independent: the posterior mean under a normal prior of variance |beta|^2 / p has penalty noise p / |beta|^2
    best = []
    for p in range(10, 200, 10):
        flat, beta = np.ones(p), np.full(p, p**-0.5)
        penalty = linear.best_spectral_penalty(flat, beta, 60, noise=0.4)
        assert penalty == pytest.approx(0.4 * p, rel=0.01)
        best.append(linear.spectral_risk(flat, beta, 60, noise=0.4, penalty=penalty))
    assert (np.diff(best) > 0).all()  # harder with p, and no peak at 60: Nakkiran et al. 2021
    ridgeless = [linear.spectral_risk(np.ones(p), np.full(p, p**-0.5), 60, noise=0.4) for p in (50, 60, 100)]
    assert ridgeless[1] == np.inf
    assert ridgeless[0] > ridgeless[2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: linear.isotropic_risk(0, 4, signal=1.0, noise=0.1), "at least one example"),
        (lambda: linear.isotropic_risk(4, 4, signal=-1.0, noise=0.1), "0 or more"),
        (lambda: linear.weak_features_risk(4, 9, 8, signal=1.0, noise=0.1), "at most 8"),
        (lambda: linear.spectral_risk(np.zeros(3), np.ones(3), 4, noise=0.1), "above 0"),
    ],
)
def test_what_has_no_risk_is_refused(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()


@pytest.mark.parametrize("penalty", [1e-16, 1e-8, 1.0, 1e6])
def test_the_effective_penalty_solves_its_equation_for_any_penalty(penalty: float) -> None:
    """Put back into the equation, with fewer features than examples."""
    eigenvalues, num_examples = np.ones(5), 10
    kappa = linear.effective_penalty(eigenvalues, num_examples, penalty)
    assert (eigenvalues / (eigenvalues + kappa)).sum() + penalty / kappa == pytest.approx(num_examples)
