"""Statistics of paired runs: estimates, intervals, verdicts, and what a test of n seeds could have seen.

Pure functions on NumPy arrays. The way of a claim's data through this package:

    differences (sample) -> mean, standard error (estimate) -> interval at the study's level (simultaneous)
    -> supported, refuted or inconclusive (verdict), with what could have been detected (power)

:mod:`~basin.stats.curves` holds the statistics of learning curves, :mod:`~basin.stats.peaks` and
:mod:`~basin.stats.thresholds` those of curves over size, :mod:`~basin.stats.formula` claims without sampling
error, :mod:`~basin.stats.nulls` the error rates of all these rules, measured.
"""

from basin.stats.curves import fall_after_peak, gap_after_stopping, gap_kept
from basin.stats.effect_size import EffectSize, effect_size
from basin.stats.equivalence import is_equivalent, tost_p_value
from basin.stats.estimate import Estimate, mean, paired, welch
from basin.stats.formula import decide_formula, rounding_tolerance, scaled_errors
from basin.stats.peaks import Peak, choosing, largest, peak, peak_sizes
from basin.stats.power import detectable_effect, is_underpowered
from basin.stats.proportion import Proportion, proportion
from basin.stats.rank import rank_correlation
from basin.stats.sample import Sample, differences, sample
from basin.stats.scale import Scale
from basin.stats.simultaneous import bonferroni_level, holm
from basin.stats.thresholds import crossing, first_at_most
from basin.stats.verdict import Direction, Ruling, Verdict, conjunction, decide, rule, rule_existence

__all__ = [
    "Direction",
    "EffectSize",
    "Estimate",
    "Peak",
    "Proportion",
    "Ruling",
    "Sample",
    "Scale",
    "Verdict",
    "bonferroni_level",
    "choosing",
    "conjunction",
    "crossing",
    "decide",
    "decide_formula",
    "detectable_effect",
    "differences",
    "effect_size",
    "fall_after_peak",
    "first_at_most",
    "gap_after_stopping",
    "gap_kept",
    "holm",
    "is_equivalent",
    "is_underpowered",
    "largest",
    "mean",
    "paired",
    "peak",
    "peak_sizes",
    "proportion",
    "rank_correlation",
    "rounding_tolerance",
    "rule",
    "rule_existence",
    "sample",
    "scaled_errors",
    "tost_p_value",
    "welch",
]
