"""What several studies show alike: numbers of seeds as text, line and curve, and what is left out of them is said."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.stats

from basin.data import load, vocabulary
from basin.figures.lines import Line
from basin.spec.data import Digits, Language
from basin.stats import Direction, Scale, rounding_tolerance
from basin.studies import runs, views
from basin.studies.claim import Cases, formula, ratio
from basin.studies.judgement import judge
from basin.training.evaluate import Row
from basin.training.history import History


def ended(*losses: float, kind: str = "completed") -> Any:
    """A run with a training loss at steps 0, 10, ..., an epoch each."""
    rows = [Row(10 * look, float(look), 0, "train", "loss", loss) for look, loss in enumerate(losses)]
    return SimpleNamespace(outcome=SimpleNamespace(kind=kind), history=History(tuple(rows)))


def shown(line: Line) -> np.ndarray:
    """Return what is drawn: line, lower and upper end of the band."""
    assert line.low is not None
    assert line.high is not None
    return np.stack([line.y, line.low, line.high])


def test_a_text_says_how_many_seeds_it_is_of_where_some_have_no_number():
    assert views.mean_and_sd(np.array([1.0, 3.0, np.nan, np.inf])) == "2 ± 1.4 (2 of 4)"
    assert views.mean_and_sd(np.array([2.0])) == "2"
    assert views.mean_and_sd(np.array([np.nan])) == "–"


@pytest.mark.parametrize("scale", list(Scale))
def test_the_band_of_a_mean_is_student_s_interval_on_the_scale(scale: Scale):
    """SciPy's t interval of the transformed numbers is another implementation of the same formula."""
    rows = np.random.default_rng(0).lognormal(size=(3, 6))
    line = views.mean_line("", np.arange(3), rows, scale)
    forward, back = {
        Scale.NATURAL: (np.asarray, np.asarray),
        Scale.LOG: (np.log, np.exp),
        Scale.LOG10: (np.log10, lambda values: 10 ** np.array(values)),
    }[scale]
    moved = forward(rows)
    low, high = scipy.stats.t.interval(0.95, 5, moved.mean(axis=1), scipy.stats.sem(moved, axis=1))
    np.testing.assert_allclose(shown(line), back([moved.mean(axis=1), low, high]), rtol=1e-12)


def test_a_mean_of_equal_numbers_has_a_band_without_width_one_of_a_single_number_none():
    line = views.mean_line("", np.arange(3), [np.ones(4), np.array([2.0, np.nan]), np.array([np.nan])])
    np.testing.assert_array_equal(shown(line), [[1.0, 2.0, np.nan], [1.0, np.nan, np.nan], [1.0, np.nan, np.nan]])


def test_bands_of_draws_and_of_medians_are_their_quantiles():
    values = np.arange(101.0)
    np.testing.assert_allclose(shown(views.draws_line("", np.zeros(1), values[:, None]))[:, 0], [50, 10, 90])
    np.testing.assert_allclose(shown(views.median_line("", np.zeros(1), values[None]))[:, 0], [50, 25, 75])


def test_curves_are_as_long_as_the_longest_run_and_empty_after_the_end_of_the_others():
    arm = [ended(3.0, 2.0, kind="diverged"), ended(3.0, 2.0, 1.0)]
    epochs, values = runs.curves(arm, "train", "loss")
    np.testing.assert_array_equal(epochs, [0, 1, 2])
    np.testing.assert_array_equal(values, [[3, 2, np.nan], [3, 2, 1]])
    drawn = views.curve("arm", arm, "train", "loss", 100.0)
    np.testing.assert_array_equal(drawn.values, [[200, np.nan], [200, 100]])
    assert drawn.outcomes == ("diverged", "completed")


def test_what_ended_otherwise_has_no_last_value():
    arm = [ended(2.0, kind="diverged"), ended(1.0), ended(0.5, kind="stopped")]
    np.testing.assert_array_equal(runs.at_end(arm, "train", "loss"), [np.nan, 1.0, np.nan])
    np.testing.assert_array_equal(runs.at_end(arm, "train", "loss", "stopped"), [np.nan, np.nan, 0.5])


def test_a_loss_is_reached_between_two_looks_and_perhaps_never():
    """Between losses 4 and 1 a line in the logarithm is at 2 half-way."""
    assert runs.steps_to_loss(ended(4.0, 1.0), 2.0) == pytest.approx(5.0)
    assert runs.steps_to_loss(ended(4.0, 1.0), 4.0) == 0.0
    assert np.isnan(runs.steps_to_loss(ended(4.0, 1.0), 0.5))


def test_the_step_of_a_test_error_is_one_example():
    assert runs.one_test_example(Digits()) == 100 / 360


def test_a_formula_is_refuted_by_one_case_beyond_its_tolerance():
    tolerance = rounding_tolerance(10)
    claim = formula("sum", "A sum is a sum.", "arithmetic", "deviation", tolerance, ("B01",), unit="relative")
    assert (claim.direction, claim.inventory, claim.unit) == (Direction.FORMULA, ("B01",), "relative")
    for errors, verdict in (([0.0, tolerance], "supported"), ([0.0, 2 * tolerance], "refuted")):
        assert judge([claim], {"sum": Cases(np.array(errors))})[0].verdict.value == verdict


@pytest.mark.parametrize(("scale", "effect"), [(Scale.LOG, 0.6931471805599453), (Scale.LOG10, 0.3010299956639812)])
def test_a_claim_about_a_ratio_has_effect_unit_and_scale_from_one_factor(scale: Scale, effect: float):
    text = dict.fromkeys(("id", "statement", "source", "refuted_by", "statistic"), "twice")
    claim = ratio(factor=2.0, scale=scale, direction=Direction.GREATER, **text)
    assert (claim.smallest_effect, claim.unit, claim.scale) == (pytest.approx(effect), scale.value, scale)


def test_a_table_of_sentences_shows_their_words_and_which_of_them_are_noise() -> None:
    source = Language(nouns=5, length=10, noise=0.3)
    table = views.sentence_pairs(source, 12)
    words, clean = vocabulary(source), load(source.replace(num_train=12, noise=0.0), 0)
    for (_, target, noise), (x, _), y in zip(table.rows, clean.x_train, clean.y_train, strict=True):
        shown, meant = target.split(), [words[token] for token in y if token > 3]
        replaced = [f"{a} for {b}" for a, b in zip(shown, meant, strict=True) if a != b]
        assert noise == (", ".join(replaced) or "–")
        assert len(shown) == np.count_nonzero(x) - 1
    assert any(row[2] != "–" for row in table.rows)


def test_a_table_of_sentences_without_noise_has_no_column_for_it() -> None:
    assert [len(row) for row in views.sentence_pairs(Language(nouns=5, length=10, noise=0.0), 3).rows] == [2, 2, 2]
