"""One small example of every kind of figure, each with something awkward in it."""

import numpy as np

from basin.figures import Figure, contours, curves, forest, heat, lines, motion, paired, samples, sharpness


def draw_curves(**options) -> Figure:
    x = np.array([1.0, 10.0, 100.0])
    small = curves.Curve("batch 16", x, np.array([[50.0, 9.0, 5.0], [52.0, 8.0, 6.0], [51.0, 7.0, 5.5]]))
    wild = np.array([[60.0, 20.0, 8.0], [61.0, np.nan, np.nan], [62.0, 21.0, 9.0]])
    large = curves.Curve("batch 143", x, wild)
    panels = [curves.Panel("digits", (small, large))]
    return curves.draw("error", "Test error", "Equal epochs.", panels, **{"log_x": True} | options)


def draw_paired(**options) -> Figure:
    pairs = paired.Pairs("digits", np.array([1.0, 2.0, 3.0, np.nan]), np.array([2.0, 3.5, 3.9, 4.0]))
    settings = {"arms": ("batch 16", "batch 143"), "label": "test error (%)", "unit": "points", "smallest_effect": 0.5}
    return paired.draw("gap", "The gap", "Last iterate.", [pairs], **settings | options)


def draw_sharpness() -> Figure:
    best = sharpness.Series("best found", (16, 143), np.array([[1.0, 2.0], [5.0, 8.0]]))
    paper = sharpness.Series("ten iterations", (16, 143), np.array([[0.5, 0.0], [4.0, np.nan]]))
    panel = sharpness.Panel("full space, ε = 10⁻³", (best, paper))
    return sharpness.draw("sharpness", "Sharpness", "Matched loss.", [panel])


def draw_forest() -> Figure:
    common = {"smallest_effect": 0.5, "unit": "points", "n": 8}
    rows = [
        forest.Row("worse", 1.2, 0.7, 1.7, 0.9, 1.5, verdict="supported", **common),
        forest.Row("same", 0.1, -0.3, 0.5, verdict="inconclusive", direction="same", **common),
        forest.Row("closer", 0.5, 0.4, 0.6, smallest_effect=1.2, unit="factor", direction="less", verdict="refuted"),
        forest.Row("absent", None, None, None),
    ]
    return forest.draw("claims", "Claims", "", rows)


def draw_samples() -> Figure:
    images = np.linspace(0, 1, 4 * 64).reshape(4, 8, 8)
    return samples.draw("samples", "Samples", "", [samples.Sheet("digits", images, np.array([0, 1, 0, 1]))], rows=2)


def draw_lines() -> Figure:
    """Several marks at nearly one place, a band that reaches below what a logarithmic axis can show, a gap."""
    x = np.array([0.01, 0.1, 1.0])
    y = np.array([1.0, 10.0, 100.0])
    measured = lines.Line("measured", x, y, low=np.array([-1.0, 5.0, 50.0]), high=2 * y, style="points")
    theory = lines.Line("measured", x, np.array([1.0, np.nan, 100.0]), style="dashed")
    marks = (*(lines.Mark(f"limit {i}", x=0.1 * 1.05**i) for i in range(3)), lines.Mark("floor", y=1.1))
    axes = {"x_label": "rate", "y_label": "steps", "log_x": True, "log_y": True}
    panel = lines.Panel("one", (measured, theory), marks)
    return lines.draw("lines", "Lines", "Band: 95 % interval.", [panel], note="n = 20 draws", **axes)


def draw_heat() -> Figure:
    """Two panels on one scale, one with cells that were not measured; a line that leaves the picture; dots."""
    x, y = [4, 8, 64], [1, 10, 100, 1000]
    train = np.array([[50.0, 40.0, 30.0], [40.0, 20.0, 10.0], [30.0, 5.0, 0.0], [20.0, 0.0, 0.0]])
    test = np.where(np.eye(4, 3) > 0, np.nan, train + 10.0)
    at = np.array([np.nan, 64.0, 16.0, 8.0])
    line = heat.Places("threshold", at, at / 2, at * 2)
    panels = [heat.Panel("training error", x, y, train, (line,))]
    panels.append(heat.Panel("test error", x, y, test, (line,), (heat.Best("lowest of each width"),)))
    axes: dict = {"x_label": "width", "y_label": "epoch", "label": "error (%)", "scale_x": "log", "scale_y": "log"}
    return heat.draw("map", "Width and epochs", "Mean of n = 3 seeds.", panels, note="n = 3 seeds a cell", **axes)


def bowl(*paths: contours.Path) -> contours.Panel:
    x, y = np.linspace(-2, 2, 21), np.linspace(-1, 1, 11)
    marks = (contours.Mark("start", 1.5, 0.5, "start"), contours.Mark("minimum", 0.0, 0.0))
    return contours.Panel("bowl", x, y, x**2 + 4 * y[:, None] ** 2, paths, marks)


def walks() -> tuple[contours.Path, ...]:
    """One that arrives, one that leaves for good, one that diverges."""
    arrives = np.array([[1.5, 0.5], [0.5, 0.1], [0.1, 0.0], [0.0, 0.0]])
    leaves = np.array([[1.5, 0.5], [-1.0, -0.5], [4.0, 0.5], [1e200, -1e200]])
    lost = np.array([[1.5, 0.5], [1.0, 0.9], [np.nan, np.nan], [np.nan, np.nan]])
    named = {"batch 16": (arrives, None), "batch 143": (leaves, None), "batch 500": (lost, 2)}
    values = np.array([3.25, 1.0, 0.5, np.nan])
    return tuple(contours.Path(label, points, end, values) for label, (points, end) in named.items())


def draw_contours() -> Figure:
    return contours.draw("bowl", "A bowl", "", [bowl(*walks()), bowl()], note="rates tuned")


def draw_motion() -> Figure:
    return motion.draw("race", "A race", "Down a bowl.", bowl(*walks()))


KINDS = {
    "lines": draw_lines,
    "heat": draw_heat,
    "contours": draw_contours,
    "motion": draw_motion,
    "curves": draw_curves,
    "paired": draw_paired,
    "sharpness": draw_sharpness,
    "forest": draw_forest,
    "samples": draw_samples,
}
