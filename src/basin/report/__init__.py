"""Reports: from a study's record and its figures to one HTML file that needs nothing else.

A report sees plain data only (the dictionary that `study.json` holds, and :class:`~basin.figures.figure.Figure`), so it
can be rebuilt from the store alone. :func:`build` writes the page of one study, :func:`build_index` the ledger of all.
"""

from basin.report.page import build, build_index

__all__ = ["build", "build_index"]
