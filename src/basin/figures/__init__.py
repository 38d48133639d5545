"""Figures: one file per question that a figure answers.

A figure is a frozen :class:`~basin.figures.figure.Figure`: its name, title and caption, two layouts of one drawing
as SVG (`svg` for a screen, `narrow` for a phone) and the numbers behind it. The drawing functions see arrays only.

| module | question |
|---|---|
| :mod:`~basin.figures.curves` | how does a metric go as training goes on, and how far apart are the seeds? |
| :mod:`~basin.figures.paired` | does one arm differ from the other, seed by seed? |
| :mod:`~basin.figures.sharpness` | how does a measure of the minimum depend on the batch size? |
| :mod:`~basin.figures.forest` | what did all the claims of a study come to, against the effects that would matter? |
| :mod:`~basin.figures.samples` | what does the data look like? |
| :mod:`~basin.figures.lines` | how does one quantity depend on another, and does theory lie on the measurement? |
| :mod:`~basin.figures.heat` | how does a quantity depend on two others at once? |
| :mod:`~basin.figures.contours` | what does a surface look like, and where do walkers go on it? |
| :mod:`~basin.figures.motion` | how do walkers get there, and who is where when? |
"""

from basin.figures.figure import Figure, load, save

__all__ = ["Figure", "load", "save"]
