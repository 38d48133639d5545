r"""How do walkers get there, and who is where when?

The picture of :mod:`basin.figures.contours` in motion: every walker at the same step at the same time. In a report it
is played, paused and wound to any step, and shows the step and the value of the point under the pointer; without a
script, or on paper, the still picture with the whole walks is seen. As files it is a GIF, and an MP4 where there is
ffmpeg (:mod:`basin.figures.film`).

What the player gets is plain JSON:

| key | what |
|---|---|
| `steps` | the steps that are shown, ascending, at most 400 of them besides the last |
| `boxes` | left, top, width and height of the picture in the drawing for a screen and in that for a phone |
| `walkers` | `label`, `colour` (a number), `x` and `y` in ten thousandths of the picture's sides from its top left \
corner, `values` to four digits, `end` (its last step), `fate` (`left`, `diverged` or empty) |
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from basin.figures.contours import Panel, Path, picture
from basin.figures.contours import draw as draw_still
from basin.figures.figure import Animation, Figure
from basin.figures.film import film
from basin.figures.style import NARROW, WIDE

MOST_STEPS = 400
UNIT = 10_000
_FAR = 20 * UNIT


def draw(
    name: str, title: str, caption: str, panel: Panel, *, x_label: str = "x", y_label: str = "y", note: str = ""
) -> Figure:
    """Draw walks over the contours of a surface, as a picture and in motion.

    Args:
        name: Stem of the figure's files.
        title: One line, also of the films.
        caption: As in :func:`basin.figures.contours.draw`.
        panel: One scene; its walks have values, and no two have one name.
        x_label: Name of the first coordinate.
        y_label: Name of the second.
        note: A few words at the foot of the picture.

    Raises:
        ValueError: A walk without values, two of one name, or more walks than there are colours.

    Example:
        >>> x = np.linspace(-1, 1, 21)
        >>> down = Path("descent", np.array([[0.8, 0.6], [0.4, 0.1], [0.2, 0.0]]), values=np.array([2.08, 0.2, 0.04]))
        >>> figure = draw("bowl", "A bowl", "", Panel("", x, x, x**2 + 4 * x[:, None] ** 2, (down,)))
        >>> figure.animation.data["walkers"][0]["x"]
        [9000, 7000, 6000]
    """
    labels = [path.label for path in panel.paths]
    if len(set(labels)) < len(labels) or any(path.values is None for path in panel.paths):
        raise ValueError(f"expected walks with values and with names of their own in '{name}', got {', '.join(labels)}")
    still = draw_still(name, title, caption, [panel], x_label=x_label, y_label=y_label, note=note)
    steps = shown_steps(max((len(path.points) for path in panel.paths), default=1) - 1)
    return dataclasses.replace(still, animation=Animation(_data(panel, steps), *film(panel, title, steps)))


def shown_steps(last: int) -> np.ndarray:
    """Return the steps that are shown of a walk of so many.

    Example:
        >>> shown_steps(3).tolist(), len(shown_steps(10_001)), int(shown_steps(10_001)[-1])
        ([0, 1, 2, 3], 386, 10001)
    """
    stride = -(-(last + 1) // MOST_STEPS)
    return np.unique([*range(0, last + 1, stride), last])


def _data(panel: Panel, steps: np.ndarray) -> dict[str, Any]:
    boxes = [picture(panel, layout) for layout in (WIDE, NARROW)]
    return {
        "steps": steps.tolist(),
        "boxes": [[round(side, 2) for side in dataclasses.astuple(box)] for box in boxes],
        "walkers": [_walker(panel, path, i, steps) for i, path in enumerate(panel.paths) if len(path.finite)],
    }


def _walker(panel: Panel, path: Path, index: int, steps: np.ndarray) -> dict[str, Any]:
    lower, upper = panel.corners
    kept = steps[steps < len(path.finite)]
    x, y = np.clip((path.finite[kept] - lower) / (upper - lower) * UNIT, -_FAR, _FAR).round().astype(int).T
    assert path.values is not None
    values = [float(f"{value:.4g}") if np.isfinite(value) else None for value in path.values[kept].tolist()]
    return {
        "label": path.label,
        "colour": index + 1,
        "x": x.tolist(),
        "y": (UNIT - y).tolist(),
        "values": values,
        "end": len(path.finite) - 1,
        "fate": panel.trail(path).fate,
    }
