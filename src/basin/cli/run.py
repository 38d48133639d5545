"""`basin run`: carry out studies, show progress, print the verdicts."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console

from basin.cli.estimate import foreseen, warning
from basin.cli.programs import keep_programs
from basin.cli.progress import Progress
from basin.cli.verdicts import verdict_table
from basin.spec.base import unknown_name
from basin.spec.overrides import override
from basin.spec.study import StudySpec
from basin.studies.conduct import Conducted, conduct, write_index
from basin.studies.registry import MODULES, study


def run(options: argparse.Namespace) -> int:
    """Carry out the named studies one after another."""
    names = [word for word in options.studies if "=" not in word]
    assignments = [word for word in options.studies if "=" in word]
    if not names:
        raise ValueError(f"expected the name of a study, got only fields; studies are: {', '.join(MODULES)}")
    chosen = [(name, specification(name, options, assignments)) for name in _expanded(names)]
    keep_programs()
    console = Console()
    for name, spec in chosen:
        page = study(name)
        console.print(f"[bold]{page.title}[/bold] ({name}, preset {options.preset}, {spec.seeds} seeds)")
        if options.dry_run:
            _say(console, foreseen(page, spec, preset=options.preset, out=options.out))
            continue
        _say(console, warning(page, spec, preset=options.preset, out=options.out))
        with Progress(console) as progress:
            conducted = conduct(page, spec, preset=options.preset, out=options.out, audience=progress)
        _conclude(console, conducted)
    if options.dry_run:
        return 0
    console.print(f"all claims: {write_index(options.out)}", soft_wrap=True)
    return 0


def specification(name: str, options: argparse.Namespace, assignments: list[str]) -> StudySpec:
    """Return the specification of a study: its preset, the number of seeds, and the fields set on the command line."""
    presets = study(name).presets
    if options.preset not in presets:
        raise ValueError(unknown_name(options.preset, presets, f"preset of {name}"))
    seeds = [] if options.seeds is None else [f"seeds={options.seeds}"]
    return override(presets[options.preset], [*seeds, *assignments])


def _say(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)


def _expanded(names: list[str]) -> list[str]:
    return list(MODULES) if names == ["all"] else list(dict.fromkeys(names))


def _conclude(console: Console, conducted: Conducted) -> None:
    console.print(verdict_table(conducted.record["claims"]))
    counts = dict.fromkeys(("supported", "refuted", "inconclusive"), 0)
    for claim in conducted.record["claims"]:
        counts[claim["verdict"]] += 1
    tally = ", ".join(f"{count} {word}" for word, count in counts.items())
    false = conducted.record["expected_false_verdicts"]
    console.print(f"{tally}; at most {false:.2g} false verdicts to expect. {conducted.seconds:.0f} s.")
    console.print(f"report: {conducted.folder.report_path}", soft_wrap=True)
