"""Times, cells and sentences of a report."""

import pytest

from basin.report import cells, ledger
from basin.report.terms import TERMS


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599.6, "1 h 0 min"), (86400, "24 h 0 min")]
)
def test_duration(seconds, text):
    assert cells.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (-5, "−5"),
        (0.5, "0.5"),
        ("x", "x"),
        ([], ""),
        ({"a": {"b": 1}}, "a 1 b"),
        (float("nan"), "not a number"),
    ],
)
def test_cell(value, text):
    assert cells.cell(value) == text


def test_flatten_keeps_empty_branches_in_sight():
    assert list(cells.flatten({"a": {"b": 1, "c": {}}, "d": None})) == [("a.b", "1"), ("a.c", ""), ("d", "–")]


def test_false_verdicts_add_up_over_the_claims():
    claims = [{"false_verdict_bound": 0.01}, {"false_verdict_bound": 0.02}, {"false_verdict_bound": None}]
    assert "At most 0.03 false verdicts" in ledger.caution(claims)
    assert "At most 0.3 false verdicts" in ledger.caution(claims, expected=0.3)
    assert ledger.caution([{"verdict": "supported"}]) == ""


def test_logarithms_are_shown_as_factors():
    log10 = {"scale": "log10", "unit": "log10", "estimate": 2.0, "ci_low": 1.0, "ci_high": 3.0}
    claim = log10 | {"smallest_effect": 0.30103, "level": 0.99}
    claim["readings"] = [log10 | {"name": "best", "verdict": "supported"}, {"name": "ten", "estimate": None}]
    entry = ledger.entries([claim])[0]
    assert (entry.estimate, entry.interval) == ("×100", "99 %: 10 to 1000")
    assert entry.test == "smallest effect that matters: ×2"
    assert entry.readings == ("best: ×100 (10 to 1000), supported", "ten: –, not tested")


def test_both_p_values_are_told_apart():
    assert ledger.entries([{"p_value": 0.02, "p_adjusted": 0.1}])[0].p_value == "p = 0.02 (Holm: p = 0.1)"


def test_a_factor_has_a_sign_of_multiplication():
    claim = {"id": "d", "estimate": 0.55, "ci_low": 0.51, "ci_high": 0.6, "unit": "factor", "smallest_effect": 1.2}
    entry = ledger.entries([claim])[0]
    assert entry.estimate == "×0.550"
    assert entry.interval == "interval: 0.510 to 0.600"
    assert entry.test == "smallest effect that matters: ×1.2"


def test_the_two_gaps_have_different_names():
    assert "large batches generalise worse" in TERMS["Large-batch gap"]
    assert "test set minus the error on the training set of one run" in TERMS["Generalisation gap"]
