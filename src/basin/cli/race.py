"""`basin race`: optimisers side by side, each at its own best learning rate."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from basin.cli.programs import keep_programs
from basin.cli.progress import Progress
from basin.figures.words import number
from basin.spec.overrides import override
from basin.spec.race import NetworkRace, Race, SurfaceRace
from basin.studies.conduct import conduct, findings, write_index
from basin.studies.race.tool import race
from basin.studies.race.view import height_words, ranking, target
from basin.studies.study import Table as Found


def run(options: argparse.Namespace) -> int:
    """Carry out a race, and print its target, the ranking and where the film is."""
    spec = specification(options)
    keep_programs()
    page, console = race(spec), Console()
    console.print(f"[bold]{page.title}[/bold]: {', '.join(spec.optimizers)}")
    with Progress(console) as progress:
        conducted = conduct(page, spec, preset="", out=options.out, audience=progress)
    found = findings(page, spec, conducted.folder)
    chosen = "what the median rule reaches on the tuning starts" if spec.target is None else "as asked for"
    console.print(f"target: a {height_words(spec)} of {number(target(spec, found))} or less ({chosen})")
    console.print(_table(ranking(spec, found)))
    _films(console, conducted.folder.figures_path)
    console.print(f"report: {conducted.folder.report_path}  ({conducted.seconds:.0f} s)", soft_wrap=True)
    write_index(options.out)
    return 0


def specification(options: argparse.Namespace) -> Race:
    """Return the specification that the words of the command line ask for."""
    network = options.scene == "network"
    usual: Race = NetworkRace() if network else SurfaceRace(surface=options.scene)
    fields = {
        "optimizers": None if options.optimizers is None else _list(options.optimizers, '"'),
        "budget" if network else "steps": f'"{options.steps} steps"' if network else options.steps,
        "seeds": options.starts,
        "start": None if options.start is None else _list(options.start, ""),
        "target": options.target,
    }
    if options.steps is None:
        fields.pop("budget" if network else "steps")
    given = [f"{field}={value}" for field, value in fields.items() if value is not None]
    return override(usual, [*given, *options.fields])


def _list(words: str, quote: str) -> str:
    return f"[{', '.join(f'{quote}{word.strip()}{quote}' for word in words.split(','))}]"


def _table(found: Found, columns: int = 5) -> Table:
    """Return what fits a terminal: place, rule, rate, who was there, and when; the report has the rest."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in found.columns[:columns]:
        table.add_column(column)
    for row in found.rows:
        table.add_row(*row[:columns])
    return table


def _films(console: Console, folder: Path) -> None:
    films = [path for end in ("gif", "mp4") for path in sorted(folder.glob(f"race.{end}"))]
    for path in films:
        console.print(f"film: {path}", soft_wrap=True)
    if films and not folder.joinpath("race.mp4").exists():
        console.print("no MP4: expected ffmpeg on the path, found none; install it and race again")
