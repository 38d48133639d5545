"""The study of exponential averages: its series against SciPy's filter, and what its claims say of findings.

Oracle: `scipy.signal.lfilter`, which knows nothing of optimisers, for the recursion; closed forms by hand otherwise.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from basin.studies.averages import series as averages_series
from basin.studies.averages import study as averages
from basin.studies.averages.view import losses
from basin.studies.conduct import conduct, findings
from basin.studies.judgement import judge
from basin.studies.study import Findings

TINY = averages.QUICK.replace(
    seeds=8,
    betas=(0.5, 0.9),
    white_length=20_000,
    signal_length=400,
    periods=(30.0, 300.0),
    noises=(0.1, 3.0),
    steps=(0.1,),
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    out: Path = tmp_path_factory.mktemp("runs")
    done = conduct(averages.STUDY, TINY, preset="quick", out=out)
    assert len(list((done.folder.path / "figures").glob("*.svg"))) >= 2 * 8
    return findings(averages.STUDY, TINY, done.folder)


def verdicts(found: Findings) -> dict[str, str]:
    results = judge(averages.claims(TINY), averages.evidence(TINY, found))
    return {result.claim.id: result.verdict.value for result in results}


def doctored(found: Findings, **changes: Mapping) -> Findings:
    computed = dict(found.computed)
    for name, arrays in changes.items():
        computed[name] = type(computed[name])({**computed[name].arrays, **arrays}, 0.0)
    return Findings({}, {}, computed)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_the_averages_of_momentum_are_those_of_a_linear_filter(beta: float) -> None:
    series = np.random.default_rng(0).standard_normal((3, 200))
    expected = scipy.signal.lfilter([1 - beta], [1, -beta], series)
    np.testing.assert_allclose(averages_series.averages(series, [beta])[0], expected, rtol=1e-12, atol=1e-15)


def test_the_correction_makes_the_first_average_the_first_value() -> None:
    series = np.array([3.0, -1.0, 4.0])
    found = averages_series.corrected(averages_series.averages(series, [0.9, 0.99]), [0.9, 0.99])
    np.testing.assert_allclose(found[:, 0], 3.0, rtol=1e-12)
    np.testing.assert_allclose(found[0, 1], (0.9 * 3 - 1) / 1.9, rtol=1e-12)


def test_formulas_hold_and_the_printed_readings_do_not(found: Findings) -> None:
    words = verdicts(found)
    exact = {"weight-time", "mean-age", "noise-weights", "cold-start", "correction", "lag-of-a-ramp"}
    about = {"weight-time-about", "correction-printed", "shift-of-a-curve"}
    assert {words[name] for name in exact | about} == {"supported"}
    assert words["noise-printed"] == "refuted"
    assert words["smaller-beta-data"] == "supported"
    assert words["smaller-beta-signal"] == "refuted"


def test_the_shift_of_a_sine_is_the_phase_of_the_filter() -> None:
    """Independent: the phase of the transfer function (1 - beta)/(1 - beta/z) on the unit circle."""
    omega = 2 * np.pi * 0.1 / averages_series.SLOW
    response = 0.1 / (1 - 0.9 * np.exp(-1j * omega))
    assert averages_series.shifts([0.9])["shift"][0] == pytest.approx(-np.angle(response) / omega, rel=1e-9)


def test_the_best_beta_of_a_walk_is_the_gain_of_a_kalman_filter_at_rest() -> None:
    """Independent: the Riccati recursion, iterated until it rests."""
    variance, gain = 1.0, 0.0
    for _ in range(2000):
        predicted = variance + 0.3**2
        gain = predicted / (predicted + 1.0)
        variance = (1 - gain) * predicted
    assert averages_series.best_beta_of_a_walk(0.3) == pytest.approx(1 - gain, rel=1e-12)


def test_the_best_beta_is_chosen_on_other_draws() -> None:
    errors = np.ones((1, 4, len(averages_series.GRID)))
    errors[0, :2, 3] = 0.5  # the best of the first half, which the second half is judged at
    errors[0, 2:, 5] = 0.25
    assert losses(errors, np.ones((1, 4))).tolist() == [[0.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("claim", "changes"),
    [
        ("weight-time", {"weights": {"weights": 0.7 ** np.arange(5000.0) * np.ones((2, 1))}}),
        ("mean-age", {"weights": {"weights": 0.7 ** np.arange(5000.0) * np.ones((2, 1))}}),
        ("cold-start", {"weights": {"ones": np.ones((2, 5000))}}),
        ("correction", {"correction": {"ones": np.full((1, 200), 0.2)}}),
        ("correction-printed", {"correction": {"ones": np.full((1, 200), 0.2)}}),
        ("lag-of-a-ramp", {"weights": {"lag": np.array([1.0, 10.0])}}),
        ("shift-of-a-curve", {"shifts": {"shift": np.array([1.0, 10.0])}}),
        ("noise-measured", {"white": {"average": np.random.default_rng(0).uniform(0.9, 1.0, (8, 2))}}),
    ],
)
def test_other_findings_refute_the_claim(found: Findings, claim: str, changes: Mapping) -> None:
    assert verdicts(doctored(found, **changes))[claim] == "refuted"


@pytest.mark.parametrize(("at_nine_tenths", "verdict"), [(1.0, "supported"), (2.0, "refuted")])
def test_nine_tenths_is_right_where_it_loses_little(found: Findings, at_nine_tenths: float, verdict: str) -> None:
    signal = np.ones_like(found.computed["errors"]["signal"])
    signal[:, :, len(averages_series.GRID)] = at_nine_tenths
    signal[0, :4, len(averages_series.GRID)] = 1.3 / at_nine_tenths  # so that draws differ
    assert verdicts(doctored(found, errors={"signal": signal}))["nine-tenths"] == verdict
