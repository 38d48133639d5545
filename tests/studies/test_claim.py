"""Claims and their verdicts: the record, the simultaneous level, premises, formulas, and the ledger's error rate."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from basin.stats import Direction, Scale, fall_after_peak, gap_after_stopping, gap_kept, mean, paired, sample
from basin.studies.claim import Cases, Claim, Measured, Premise, Reading, joint
from basin.studies.judgement import expected_false_verdicts, judge

GAP = Claim(
    id="gap",
    statement="Large batches generalise worse.",
    source="Keskar et al. 2017, table 2",
    refuted_by="a gap below 0.1 points",
    statistic="test error, large minus small batch",
    direction=Direction.GREATER,
    smallest_effect=0.1,
    unit="points",
    published="0.22 (F1)",
    inventory=("K08",),
)
SHARPER = dataclasses.replace(
    GAP, id="sharper", scale=Scale.LOG10, unit="log10", smallest_effect=0.3, published=None, inventory=("K14",)
)
FORMULA = dataclasses.replace(GAP, id="formula", direction=Direction.FORMULA, smallest_effect=1e-12, unit="")
FIXED_KEYS = [
    "id",
    "statement",
    "source",
    "refuted_by",
    "statistic",
    "estimate",
    "ci_low",
    "ci_high",
    "p_value",
    "n",
    "published",
    "verdict",
    "note",
]


def measured(*values, **arms):
    return Measured((Reading("", mean(sample(np.array(values)))),), **arms)


def judge_one(claim, evidence, **options):
    return judge([claim], {claim.id: evidence}, **options)[0]


def test_a_record_has_the_keys_of_the_study_file_and_no_nan():
    results = judge(
        [GAP, SHARPER, FORMULA],
        {
            "gap": measured(1.0, 1.1, np.nan),
            "sharper": Measured((Reading("", paired(np.ones(1), np.ones(1), scale=Scale.LOG10)),)),
            "formula": Cases(np.array([np.nan])),
        },
    )
    for result in results:
        record = result.to_record()
        assert list(record)[: len(FIXED_KEYS)] == FIXED_KEYS
        assert json.loads(json.dumps(record, allow_nan=False)) == record


@pytest.mark.parametrize(
    ("values", "verdict"),
    [((1.0, 1.1, 0.9, 1.0), "supported"), ((-1.0, -1.1, -0.9, -1.0), "refuted"), ((1.0, -1.0, 0.5), "inconclusive")],
)
def test_verdicts(values, verdict):
    assert judge_one(GAP, measured(*values)).verdict.value == verdict


def test_the_estimate_and_its_intervals_stand_side_by_side():
    values = np.array([1.0, 1.4, 0.9, 1.2, 1.1])
    record = judge([GAP, SHARPER], {"gap": measured(*values)})[0].to_record()
    assert record["level"] == pytest.approx(0.975)
    assert (record["ci_low"], record["ci_high"]) == pytest.approx(mean(sample(values)).interval(0.975))
    assert (record["plain_ci_low"], record["plain_ci_high"]) == pytest.approx(mean(sample(values)).interval(0.95))
    assert (record["n"], record["p_adjusted"]) == (5, pytest.approx(2 * record["p_value"]))


def test_more_claims_make_each_harder():
    values = measured(0.5, 0.9, 1.2, 0.6)
    others = [dataclasses.replace(GAP, id=f"other {i}") for i in range(9)]
    assert judge_one(GAP, values).verdict == "supported"
    assert judge([GAP, *others], {"gap": values})[0].verdict == "inconclusive"


def test_formulas_do_not_count_among_the_claims_that_chance_can_decide():
    results = judge([GAP, FORMULA], {"gap": measured(1.0, 1.1, 0.9), "formula": Cases(np.array([1e-14, 3e-13]))})
    assert results[0].level == pytest.approx(0.95)
    record = results[1].to_record()
    assert (record["verdict"], record["estimate"], record["n"], record["ci_low"]) == ("supported", 3e-13, 2, None)


def test_a_claim_without_evidence_is_inconclusive_and_still_counts():
    results = judge([GAP, SHARPER], {"gap": measured(1.0, 1.1, 0.9)})
    assert (results[1].verdict, results[1].note, results[1].n) == ("inconclusive", "not measured", 0)
    assert results[0].level == pytest.approx(0.975)


def test_an_underpowered_claim_says_so():
    spread = np.array([-1.0, 1.0, 2.0, -2.0, 0.5, 3.0, -1.5, 0.0])
    note = judge_one(GAP, measured(*spread)).note
    assert "smallest detectable effect at n = 8 and 80 % power is 2 points, larger than 0.1: under-powered" in note


def test_a_decided_claim_says_nothing_of_power():
    assert "power" not in judge_one(GAP, measured(1.0, 1.1, 0.9)).note


def test_a_claim_at_its_border_is_not_called_underpowered():
    at_border = 0.1 + 0.001 * np.array([-1.0, 1.0, 0.0, 0.5, -0.5])
    note = judge_one(GAP, measured(*at_border)).note
    assert "the truth lies near that border" in note
    assert "under-powered" not in note


def test_dropped_pairs_are_counted_in_the_note():
    result = judge_one(GAP, measured(1.0, 1.1, np.nan, 0.9))
    assert (result.n, result.verdict) == (3, "supported")
    assert "1 of 4 dropped" in result.note


@pytest.mark.parametrize("values", [(1.0,), (1.0, 1.0, 1.0), (np.nan,)])
def test_no_spread_and_no_interval_is_inconclusive(values):
    result = judge_one(GAP, measured(*values))
    assert (result.verdict, result.interval, result.p_value) == ("inconclusive", None, None)
    assert result.note


def test_ratios_are_told_as_factors():
    sharpness = np.array([1.0, 2.0, 3.0]), np.array([100.0, 220.0, 290.0])
    result = judge_one(SHARPER, Measured((Reading("", paired(*sharpness, scale=Scale.LOG10)),)))
    record = result.to_record()
    assert record["ratio"] == pytest.approx(10 ** record["estimate"])
    assert record["ratio_low"] < 100 < record["ratio_high"]
    assert "a factor 102 (" in record["note"]


def test_a_claim_of_several_readings_needs_them_all():
    agree, differ = mean(sample(np.array([1.0, 1.1, 0.9]))), mean(sample(np.array([-1.0, -1.1, -0.9])))
    both = judge_one(GAP, Measured((Reading("best found", agree), Reading("ten iterations", agree))))
    assert both.verdict == "supported"
    split = judge_one(GAP, Measured((Reading("best found", agree), Reading("ten iterations", differ))))
    assert (split.verdict, split.estimate) == ("refuted", pytest.approx(-1.0))
    assert "needs all 2 readings (1 refuted, 1 supported); shown is the weakest, ten iterations" in split.note
    assert [reading["verdict"] for reading in split.to_record()["readings"]] == ["supported", "refuted"]


def stopping_evidence(gap, kept, seed=0):
    """Evidence for "early stopping does not close the gap" from curves with that gap and that share kept."""
    rng = np.random.default_rng(seed)
    large = np.where(np.arange(20) < 10, kept * gap, gap)
    halves = [centre + 0.05 * rng.standard_normal((5, 20)) for centre in (0.0, 0.0, large, large)]
    last, stopped = gap_after_stopping(*halves)
    premise = Premise("there is a gap", mean(sample(last)), Direction.GREATER, 0.1)
    return Measured((Reading("", mean(sample(gap_kept(last, stopped)))),), premise=premise)


KEPT = dataclasses.replace(GAP, id="kept", smallest_effect=0.0, inventory=("K34",))


@pytest.mark.parametrize(("kept", "verdict"), [(0.9, "supported"), (0.1, "refuted")])
def test_early_stopping_against_a_real_gap(kept, verdict):
    assert judge_one(KEPT, stopping_evidence(2.0, kept)).verdict.value == verdict


@pytest.mark.parametrize("gap", [0.0, -2.0])
def test_without_a_gap_there_is_nothing_to_close(gap):
    result = judge_one(KEPT, stopping_evidence(gap, 0.1))
    assert result.verdict == "inconclusive"
    assert "says nothing unless there is a gap" in result.note
    assert "under-powered" not in result.note


def test_a_test_curve_that_does_not_fall():
    claim = dataclasses.replace(GAP, id="fall", direction=Direction.AT_MOST, smallest_effect=0.3, inventory=("K32",))
    rng = np.random.default_rng(0)
    curve = 5 + 5 * np.exp(-np.arange(30) / 5)
    for shape, verdict in ((curve, "supported"), (np.maximum(curve, 6.0) + np.arange(30) * 0.1, "refuted")):
        falls = fall_after_peak(*(shape + 0.05 * rng.standard_normal((2, 6, 30))))
        assert judge_one(claim, measured(*falls)).verdict.value == verdict


def test_the_ledger_expects_at_most_one_false_verdict_in_twenty_studies():
    claims = [GAP, SHARPER, FORMULA, dataclasses.replace(GAP, id="same", direction=Direction.SAME)]
    ruled = judge(claims, {"gap": measured(1.0, 1.1, 0.9), "same": measured(1.0, 1.1), "formula": Cases(np.zeros(1))})
    # two measured claims of three: 0.05 / 3 / 2 one-sided, 0.05 / 3 for the refutation of sameness
    assert expected_false_verdicts(result.to_record() for result in ruled) == pytest.approx(0.05 / 6 + 0.05 / 3)


def test_a_study_of_ten_claims_at_their_borders_seldom_errs():
    """800 studies of 10 independent claims with the truth at the effect: measured share with any false `supported`."""
    claims = [dataclasses.replace(GAP, id=str(index), smallest_effect=1.0) for index in range(10)]
    rng, num_studies, wrong = np.random.default_rng(0), 800, 0
    for draws in rng.standard_normal((num_studies, 10, 5)) + 1.0:
        results = judge(claims, {str(index): measured(*row) for index, row in enumerate(draws)})
        wrong += any(result.verdict == "supported" for result in results)
    assert wrong / num_studies == pytest.approx(0.025, abs=3.3 * np.sqrt(0.025 * 0.975 / num_studies))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: judge([GAP, GAP], {}), "'gap' twice"),
        (lambda: judge([GAP], {"gpa": measured(1.0)}), "'gpa'; declare it"),
        (lambda: judge_one(GAP, Cases(np.zeros(1))), "expected Measured for 'gap'"),
        (lambda: judge_one(FORMULA, measured(1.0)), "expected Cases for 'formula'"),
        (lambda: judge_one(SHARPER, measured(1.0, 2.0)), "on the log10 scale, got a reading on natural"),
        (lambda: judge_one(GAP, Measured(())), "at least one reading"),
        (lambda: dataclasses.replace(GAP, refuted_by=" "), "with refuted_by"),
        (lambda: dataclasses.replace(GAP, smallest_effect=-1.0), "0 or more"),
        (lambda: dataclasses.replace(FORMULA, smallest_effect=0.0), "positive tolerance"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_example_of_the_documentation_prints_what_the_page_says(capsys):
    page = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
    code, printed = (page.split(f"```{kind}\n")[1].split("```")[0] for kind in ("python", "text"))
    exec(compile(code, "docs/verdicts.md", "exec"), {})
    assert capsys.readouterr().out == printed


# --- Claims of several things, and of some place ---------------------------------------------------------------------

GREATER = Claim("it", "It is so somewhere.", "a test", "nowhere", "a difference", Direction.GREATER, 1.0, "points")


def reading(value: float, name: str = "") -> Reading:
    return Reading(name, mean(sample(value + np.resize([-0.1, 0.1], 8))))


def of_places(chosen: float, *everywhere: float) -> Measured:
    return Measured((reading(chosen),), everywhere=tuple((reading(one, f"place {one:g}"),) for one in everywhere))


def verdict_of(evidence: Measured) -> str:
    return judge([GREATER], {"it": evidence})[0].verdict.value


def test_what_is_refuted_at_its_chosen_place_alone_stays_open() -> None:
    assert verdict_of(of_places(-3.0, -3.0, 5.0)) == "inconclusive"
    assert verdict_of(of_places(-3.0, -3.0, -2.0)) == "refuted"


def test_the_place_nearest_to_support_is_shown_where_all_refute() -> None:
    found = judge([GREATER], {"it": of_places(-3.0, -3.0, 0.5, -2.0)})[0]
    assert found.estimate == pytest.approx(0.5)
    assert "refuted at each of 3 places" in found.note


def test_a_bound_supports_and_does_not_refute() -> None:
    words = "understated"
    assert verdict_of(Measured((reading(3.0),), bound=words)) == "supported"
    assert verdict_of(Measured((reading(-3.0),), bound=words)) == "inconclusive"


def test_what_is_undecided_stays_so() -> None:
    found = judge([GREATER], {"it": Measured((reading(3.0),), undecided="two seeds are lost")})[0]
    assert found.verdict.value == "inconclusive"
    assert "two seeds are lost" in found.note


def test_every_one_of_several_premises_is_needed() -> None:
    holds, fails = (Premise(name, reading(one).estimate, Direction.GREATER, 1.0) for name, one in (("a", 2), ("b", 0)))
    assert verdict_of(Measured((reading(3.0),), (holds, holds))) == "supported"
    found = judge([GREATER], {"it": Measured((reading(3.0),), (holds, fails))})[0]
    assert found.verdict.value == "inconclusive"
    assert "unless b" in found.note


def test_a_claim_of_several_things_is_refuted_by_the_one_in_which_it_is_nowhere_so() -> None:
    somewhere, nowhere = of_places(3.0, 3.0, 0.0), of_places(0.0, 0.0, -1.0)
    assert verdict_of(joint({"one": somewhere, "other": somewhere})) == "supported"
    assert verdict_of(joint({"one": somewhere, "other": nowhere})) == "refuted"
    assert verdict_of(joint({"one": somewhere, "other": of_places(0.0, 0.0, 5.0)})) == "inconclusive"
