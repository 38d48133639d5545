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


def test_false_verdicts_add_up_over_the_claims_that_were_tested():
    claims = [
        {"verdict": "supported", "level": 0.99},
        {"verdict": "refuted", "level": 0.99},
        {"verdict": None, "level": 0.9},
    ]
    assert "At most 0.02 false verdicts" in ledger.caution(claims)
    assert "At most 0.3 false verdicts" in ledger.caution(claims, expected=0.3)
    assert ledger.caution([{"verdict": "supported"}]) == ""


def test_a_factor_has_a_sign_of_multiplication():
    claim = {"id": "d", "estimate": 0.55, "ci_low": 0.51, "ci_high": 0.6, "unit": "factor", "smallest_effect": 1.2}
    entry = ledger.entries([claim])[0]
    assert entry.estimate == "×0.550"
    assert entry.interval == "interval: 0.510 to 0.600"
    assert entry.test == "smallest effect that matters: ×1.2"


def test_the_two_gaps_have_different_names():
    assert "large batches generalise worse" in TERMS["Large-batch gap"]
    assert "test set minus the error on the training set of one run" in TERMS["Generalisation gap"]
