"""What the figures and tables of several studies show alike: numbers of many seeds as a text, a line or a curve.

What is not finite, because a run diverged, is left out of means and quantiles. How many seeds there are and what a band
is stands in the caption of the figure: each function here says which words are right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int32

from basin import data
from basin.figures import forest
from basin.figures.curves import Curve
from basin.figures.figure import Figure
from basin.figures.lines import Line
from basin.figures.samples import Sheet
from basin.spec.data import UNK, AnyData
from basin.stats import Scale, mean, sample
from basin.studies.runs import curves
from basin.studies.study import Table
from basin.training.run import Run


def mean_and_sd(values: Float[np.ndarray, "n"], form: str = ".4g") -> str:
    """Return "mean ± standard deviation" of what is finite; how many that is, if not all; a dash if it is none.

    Args:
        values: One number a seed.
        form: How the mean is written; the deviation has two digits.

    Example:
        >>> mean_and_sd(np.array([1.0, 2.0, 3.0])), mean_and_sd(np.array([1.0, np.nan, 3.0]), ".2f")
        ('2 ± 1', '2.00 ± 1.4 (2 of 3)')
    """
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return "–"
    deviation = f" ± {finite.std(ddof=1):.2g}" if finite.size > 1 else ""
    count = f" ({finite.size} of {values.size})" if finite.size < values.size else ""
    return f"{finite.mean():{form}}{deviation}{count}"


def mean_line(label: str, x: np.ndarray, columns: Iterable[np.ndarray], scale: Scale = Scale.NATURAL) -> Line:
    """Return the mean at each point; band: 95 % interval of the mean, without width where all numbers are equal.

    Where there are fewer than two numbers there is no band, where there is none no line.

    Args:
        label: Of the line.
        x: Where, (points,).
        columns: For each point one number a seed; their geometric mean on a logarithmic scale.
        scale: Of mean and interval; the line itself is in the unit of the numbers.

    Example:
        >>> line = mean_line("", np.array([1, 2]), [np.array([1.0, 4.0]), np.array([3.0, np.nan])], Scale.LOG)
        >>> line.y.round(9).tolist(), line.low.round(4).tolist()
        ([2.0, 3.0], [0.0003, nan])
    """
    estimates = [mean(sample(column, scale=scale)) for column in columns]
    middle = np.array([np.nan if one.value is None else one.value for one in estimates])
    ends = np.array([one.interval(0.95) or (one.value if one.n > 1 else np.nan,) * 2 for one in estimates])
    return Line(label, x, scale.inverse(middle), scale.inverse(ends[:, 0]), scale.inverse(ends[:, 1]))


def draws_line(label: str, x: np.ndarray, values: Float[np.ndarray, "n points"]) -> Line:
    """Return the mean at each point; band: the middle 80 % of the draws or seeds."""
    low, high = np.nanquantile(values, (0.1, 0.9), axis=0)
    return Line(label, x, np.nanmean(values, axis=0), low, high)


def median_line(label: str, x: np.ndarray, rows: Float[np.ndarray, "points n"]) -> Line:
    """Return the median at each point; band: from the lower to the upper quartile."""
    low, middle, high = np.quantile(rows, (0.25, 0.5, 0.75), axis=1)
    return Line(label, x, middle, low, high)


def curve(label: str, runs: Sequence[Run], split: str, metric: str, factor: float = 1.0) -> Curve:
    """Return a metric against epochs, a row a run, without the first look: that is at 0, where no logarithm is.

    Args:
        label: Of the arm.
        runs: A run a seed.
        split: The data.
        metric: By its name in the history.
        factor: From the metric's unit to that of the axis, such as 100 for per cent.
    """
    epochs, values = curves(runs, split, metric)
    outcomes = tuple(run.outcome.kind for run in runs)
    return Curve(label, epochs[1:], factor * values[:, 1:], split, outcomes)


def sheet(name: str, source: AnyData, num_examples: int = 200) -> Sheet:
    """Return the first training examples of a source, for a sheet of samples; what is no image is cut into rows.

    Args:
        name: What the sheet is called; the difficulty is added where there is one.
        source: Where the examples come from, of seed 0; a stream has a sample drawn.
        num_examples: Of all classes together.
    """
    known = data.describe(source)
    raw = source.replace(**({"standardise": False} if hasattr(source, "standardise") else {}))
    few = num_examples if known.num_train is None else min(num_examples, known.num_train)
    found = data.load(raw.replace(num_train=few), 0)
    shape = known.input_shape if len(known.input_shape) > 1 else _rectangle(int(np.prod(known.input_shape)))
    difficulty = getattr(source, "difficulty", None)
    title = name if difficulty is None else f"{name}, difficulty {difficulty:g}"
    return Sheet(title, found.x_train[:num_examples].reshape(-1, *shape), found.y_train[:num_examples])


def sentence_pairs(source: AnyData, count: int = 6) -> Table:
    """Return the first training pairs of a source of sentences, and which words of their targets are noise.

    Args:
        source: Where they come from, of seed 0; a stream has a sample drawn.
        count: How many.

    Example:
        >>> table = sentence_pairs(data.Language(nouns=4, length=5), count=2)
        >>> table.columns, len(table.rows)
        (('Source', 'Target', 'Noise'), 2)
    """
    words, few = data.vocabulary(source), source.replace(num_train=count)
    is_noisy = getattr(source, "noise", 0) > 0
    found = data.load(few, 0)
    clean = data.load(few.replace(noise=0.0), 0).y_train if is_noisy else found.y_train
    rows = [
        (_text(words, x), _text(words, y), _replaced(words, y, without))
        for (x, _), y, without in zip(found.x_train, found.y_train, clean, strict=True)
    ]
    if is_noisy:
        caption = "Noise: words that stand in the place of others, and what these were."
        return Table("Sentence pairs", ("Source", "Target", "Noise"), rows, caption)
    return Table("Sentence pairs", ("Source", "Target"), [row[:2] for row in rows])


def _text(words: Sequence[str], tokens: Int32[np.ndarray, " length"]) -> str:
    return " ".join(words[int(token)] for token in tokens if token >= UNK)


def _replaced(words: Sequence[str], noisy: Int32[np.ndarray, " length"], clean: Int32[np.ndarray, " length"]) -> str:
    """Return each word that is noise with what it replaced; a dash if none is."""
    places = np.flatnonzero(noisy != clean)
    return ", ".join(f"{words[noisy[place]]} for {words[clean[place]]}" for place in places) or "–"


def _rectangle(length: int) -> tuple[int, int]:
    """Return the sides of the rectangle of so many pixels that is nearest to a square."""
    side = next(side for side in range(math.isqrt(length), 0, -1) if length % side == 0)
    return side, length // side


def claims_figure(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Return the figure that leads every report: each claim against the smallest effect that would matter."""
    title = "Every claim against the smallest effect that would matter"
    return forest.draw("claims", title, "", forest.rows(records))
