"""One small example of every kind of figure, each with something awkward in it."""

import numpy as np

from basin.figures import Figure, curves, forest, paired, samples, sharpness


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


KINDS = {
    "curves": draw_curves,
    "paired": draw_paired,
    "sharpness": draw_sharpness,
    "forest": draw_forest,
    "samples": draw_samples,
}
