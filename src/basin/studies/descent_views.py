"""What the figures of the studies of double descent have in common: errors over size, thresholds, heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from basin.figures import heat
from basin.figures.figure import Figure
from basin.figures.heat import Best, Places
from basin.figures.lines import Line, Mark, Panel
from basin.measure import Threshold, interpolation_threshold
from basin.studies import views
from basin.studies.descent import EPSILON, Sweep

BANDS = "Solid: test error; dotted: training error, on the labels as trained on. Bands: 95 % intervals of the means."
FITS = f"training error {100 * EPSILON:g} %"
"""What a line through thresholds is called."""

MARK = f"A thin line: where the training error comes down to {100 * EPSILON:g} %, the interpolation threshold."

HEADROOM = 1.1
"""The lightest colour of a map over epochs, over the largest test error at the end: at first all errors are larger."""


def panel(title: str, sweeps: Mapping[str, Sweep], *, marked: Sequence[str] = (), train: bool = True) -> Panel:
    """Return test errors over size, and training errors dotted in the same colour.

    Args:
        title: Of the panel.
        sweeps: By the names of their lines.
        marked: Those whose interpolation thresholds are marked.
        train: Whether training errors are drawn.
    """
    drawn = []
    for name, sweep in sweeps.items():
        drawn.append(views.mean_line(name, sweep.sizes, sweep.test.T))
        if train:
            mean = views.mean_line(name, sweep.sizes, sweep.train.T)
            drawn.append(Line(name, mean.x, mean.y, style="dotted"))
    marks = [threshold_mark(sweeps[name], "threshold" if len(marked) == 1 else f"threshold, {name}") for name in marked]
    return Panel(title, tuple(drawn), tuple(mark for mark in marks if mark is not None))


def in_words(
    found: Threshold, form: str = ".1f", *, below: str = "below the smallest", above: str = "above all"
) -> str:
    """Return a threshold with its 95 % interval (jackknife), or on which side of the sizes it is.

    Args:
        found: The threshold.
        form: How its numbers are written.
        below: What is said where already the smallest size fits.
        above: What is said where none does.

    Example:
        >>> in_words(interpolation_threshold(np.array([1.0, 2.0]), np.array([[0.2, 0.0], [0.2, 0.0]])))
        '1.4'
        >>> in_words(interpolation_threshold(np.array([1.0, 2.0]), np.array([[0.2, 0.2], [0.2, 0.2]])), above="never")
        'never'
    """
    if found.beyond:
        return below if found.beyond == "smallest" else above
    ends = found.interval()
    return f"{found.value:{form}}" + (f" ({ends[0]:{form}} to {ends[1]:{form}})" if ends else "")


def threshold_mark(sweep: Sweep, label: str) -> Mark | None:
    """Return the interpolation threshold as a line; none where it is beyond the sizes."""
    found = sweep.threshold().value
    return Mark(label, x=found) if np.isfinite(found) else None


def map_of_errors(
    name: str,
    title: str,
    caption: str,
    tables: Mapping[str, tuple[Float[np.ndarray, "seeds rows columns"], Float[np.ndarray, "seeds rows columns"]]],
    x: tuple[str, Float[np.ndarray, "columns"]],
    y: tuple[str, Float[np.ndarray, "rows"]],
    best: str = "",
    highest: float | None = None,
    borders: Sequence[Places] = (),
) -> Figure:
    """Return test beside training error over two axes, both logarithmic, with the threshold of each row.

    Args:
        name: Stem of the figure's files.
        title: One line.
        caption: What is seen.
        tables: Test and training errors in points by what they are called.
        x: Label of the horizontal axis and its places; training error falls along it.
        y: The same of the vertical axis.
        best: What the dot on the lowest test error of each row is called; none if empty.
        highest: Error of the lightest colour, so that those of interest are told apart; the largest if not given.
        borders: Other lines than the thresholds.
    """
    seeds = len(next(iter(tables.values()))[0])
    panels = []
    for setting, (test, train) in tables.items():
        drawn = (*borders, _thresholds(x[1], train))
        dots = (Best(best, each="row"),) if best else ()
        for split, values, marks in (("test error", test, dots), ("training error", train, ())):
            words = ", ".join(filter(None, (split, setting)))
            panels.append(heat.Panel(words, x[1], y[1], np.nanmean(values, axis=0), drawn, marks))
    return heat.draw(
        name,
        title,
        caption,
        panels,
        x_label=x[0],
        y_label=y[0],
        label="error (%)",
        scale_x="log",
        scale_y="log",
        limits=None if highest is None else (0.0, highest),
        note=f"mean of {seeds} seeds a cell",
    )


def _thresholds(x: np.ndarray, train: Float[np.ndarray, "seeds rows columns"]) -> Places:
    """Return where each row's mean training error comes down to epsilon, with its 95 % interval."""
    found = [interpolation_threshold(x, train[:, row] / 100, epsilon=EPSILON) for row in range(train.shape[1])]
    ends = np.array([one.interval(0.95) or (np.nan, np.nan) for one in found])
    at = np.array([one.value for one in found])
    return Places(FITS, at, ends[:, 0], ends[:, 1], each="row")
