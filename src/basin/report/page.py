"""One HTML file for a study, and one for the ledger of all studies.

The files hold everything they show: style, drawings and the numbers behind them (as `data:` links). Nothing is
fetched, and a content security policy in the file says so to the browser: `default-src 'none'`, the one style sheet by
its hash. No script runs, unless a figure moves: then the player does, admitted by its hash; what it plays is JSON in
an element that no browser executes. All text is escaped by the template engine; drawings are taken apart and admitted
element by element (:func:`basin.figures.svg.inline`). The same record and figures give the same bytes.

A record is the dictionary of `study.json`. Beyond the keys that every study has (`study`, `preset`, `spec`,
`environment`, `claims`, `finished`) a report shows these where they stand:

| key | what |
|---|---|
| `title`, `question` | the heading, and the question in plain words |
| `protocol` | a list of sentences: what was held equal, what was selected on which data |
| `runs` | rows (mappings): arm, runs, seeds, outcomes, steps, seconds, ... |
| `experiments` | rows (mappings): what was computed besides, and the seconds it took |
| `tables` | mappings with `title`, `caption`, `columns` and `rows`, such as published against measured |
| `seconds` | what the study took |
| `command` | how to reproduce it; made from `study` and `preset` if absent |
| `tool` | the verb that asked for it, if it is no study and has no claims |
| `definitions` | term to explanation, beside the common ones |
| `expected_false_verdicts` | a number; the sum of the claims' `false_verdict_bound` if absent |
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from basin.figures.figure import Figure
from basin.figures.palette import DARK, LIGHT, role_classes, variables
from basin.figures.svg import inline
from basin.report import cells, ledger
from basin.report.terms import TERMS


def build(record: Mapping[str, Any], figures: Sequence[Figure] = ()) -> str:
    """Return the report of one study as a self-contained HTML page.

    Args:
        record: What `study.json` holds; the module's docstring lists what is shown.
        figures: In the order of their showing.

    Raises:
        ValueError: The record does not name its study, or a drawing holds something that no figure of Basin holds.

    Example:
        >>> page = build({"study": "large-batch", "preset": "quick", "claims": []})
        >>> "basin run large-batch --preset quick" in page and "This study tests no claims." in page
        True
    """
    claims = _claims(record)
    return _render(
        "report.html",
        title=record.get("title") or record["study"],
        kind=str(record.get("tool") or "study").capitalize(),
        record=record,
        entries=ledger.entries(claims),
        summary=ledger.summary(claims),
        caution=ledger.caution(claims, record.get("expected_false_verdicts")),
        figures=[_figure(figure) for figure in figures],
        script=_file("player.js") if any(figure.animation for figure in figures) else "",
        protocol=_sentences(record.get("protocol")),
        runs=cells.table(record.get("runs") or []),
        experiments=cells.table(record.get("experiments") or []),
        tables=record.get("tables") or [],
        facts=_facts(record),
        environment=list(cells.flatten(record.get("environment") or {})),
        spec=json.dumps(record.get("spec"), indent=2, ensure_ascii=False) if record.get("spec") else "",
        command=record.get("command") or _command(record),
        terms={**TERMS, **(record.get("definitions") or {})},
    )


def build_index(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the ledger of several studies as a self-contained HTML page, to lie beside their folders.

    Args:
        records: What each `study.json` holds, in the order of their showing; each study's name links to
            `<study>/report.html`.

    Example:
        >>> "0 studies" in build_index([])
        True
    """
    everything = [claim for record in records for claim in _claims(record)]
    studies = [
        {
            "record": record,
            "title": record.get("title") or record["study"],
            "href": f"{quote(record['study'], safe='')}/report.html",
            "entries": ledger.entries(_claims(record)),
            "summary": "" if record.get("tool") else ledger.summary(_claims(record)),
            "facts": _facts(record),
        }
        for record in records
    ]
    summary = ledger.summary(everything) if everything else "No claims have been tested yet."
    caution = ledger.caution(everything)
    return _render("index.html", title="Basin: the ledger", studies=studies, summary=summary, caution=caution)


def _claims(record: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if not record.get("study"):
        raise ValueError("expected a study's record with its name under 'study', got none; read it from study.json")
    return record.get("claims") or []


def _command(record: Mapping[str, Any]) -> str:
    preset = f" --preset {record['preset']}" if record.get("preset") else ""
    return f"basin run {record['study']}{preset}"


def _sentences(protocol: str | Sequence[str] | None) -> list[str]:
    return [protocol] if isinstance(protocol, str) else list(protocol or [])


def _facts(record: Mapping[str, Any]) -> list[str]:
    """Return the few facts that stand under the heading."""
    finished = record.get("finished")
    facts = [f"preset {record['preset']}"] if record.get("preset") else []
    if record.get("seconds") is not None:
        facts.append(f"took {cells.duration(record['seconds'])}")
    if isinstance(finished, str):
        facts.append(f"finished {_moment(finished)}")
    return facts if finished else [*facts, "not finished"]


def _moment(text: str) -> str:
    """Return a time of ISO 8601 as a reader writes it; other text as it is."""
    return re.sub(r"(?<=\d)T(?=\d)", " ", text).replace("+00:00", " UTC")


def _figure(figure: Figure) -> dict[str, Any]:
    data = base64.b64encode(figure.csv().encode()).decode() if figure.data else ""
    return {
        "name": figure.name,
        "title": figure.title,
        "caption": figure.caption,
        "wide": Markup(inline(figure.svg)),  # noqa: S704  rebuilt from a list of admitted elements, text escaped
        "narrow": Markup(inline(figure.narrow)) if figure.narrow else "",  # noqa: S704
        "rows": max((len(column) for column in figure.data.values()), default=0),
        "csv": f"data:text/csv;charset=utf-8;base64,{data}" if data else "",
        "motion": None if figure.animation is None else figure.animation.data,
    }


def _render(template: str, *, script: str = "", **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("basin.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = cells.cell
    environment.tests["numeric"] = cells.is_number
    style = _style()
    policy = f"default-src 'none'; style-src {_digest(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    if script:
        policy += f"; script-src {_digest(script)}"
    ours = {"style": Markup(style), "script": Markup(script)}  # noqa: S704  files of this package
    return environment.get_template(template).render(policy=policy, **ours, **values)


def _digest(text: str) -> str:
    """Return what admits a style sheet or a script to a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return (resources.files("basin.report") / "templates" / name).read_text(encoding="utf-8")


def _style() -> str:
    """Return the page's style sheet: the two themes, how the reader chooses one, paper, and the rest from its file."""
    light, dark = (f"color-scheme:{name};{variables(theme)}" for name, theme in (("light", LIGHT), ("dark", DARK)))
    themes = (
        f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f":root:has(#theme-light:checked){{{light}}}\n:root:has(#theme-dark:checked){{{dark}}}\n"
        f"@media print{{:root:root:root{{{light}}}}}\n{role_classes()}\n"
    )
    return "\n" + themes + _file("style.css")
