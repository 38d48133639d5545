"""The table of claims that `run` and `claims` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

STYLES = {"supported": "green", "refuted": "red", "inconclusive": "yellow"}
SIGNS = {"supported": "✓", "refuted": "✗", "inconclusive": "?"}


def verdict_table(claims: Sequence[Mapping[str, Any]], *, studies: bool = False) -> Table:
    """Return claims as a table: verdict, statement, estimate with its interval, n, published figure."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("verdict", *(("study",) if studies else ()), "claim", "estimate", "n"):
        table.add_column(name, justify="right" if name == "n" else "left", no_wrap=name == "verdict")
    for claim in claims:
        word = claim["verdict"]
        shown = f"[{STYLES[word]}]{SIGNS[word]} {word}[/{STYLES[word]}]"
        study = (str(claim.get("study", "")),) if studies else ()
        table.add_row(shown, *study, claim["statement"], estimate_text(claim), str(claim["n"]))
    return table


def estimate_text(claim: Mapping[str, Any]) -> str:
    """Return `estimate [low, high] unit`, or a dash."""
    if claim["estimate"] is None:
        return "–"
    low, high = claim["ci_low"], claim["ci_high"]
    interval = "" if low is None else f" [{low:.3g}, {high:.3g}]"
    return f"{claim['estimate']:.3g}{interval} {claim.get('unit') or ''}".replace("[", r"\[").strip()
