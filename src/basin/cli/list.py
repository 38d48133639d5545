"""`basin list`: what can be asked."""

from __future__ import annotations

import argparse

from rich.console import Console

from basin.studies.registry import MODULES, study
from basin.surfaces import SURFACES


def run(options: argparse.Namespace) -> int:
    """Print every study with its presets, their cost, and its claims."""
    console = Console()
    for name in MODULES:
        page = study(name)
        console.print(f"[bold]{name}[/bold]  {page.title}", highlight=False)
        console.print(page.question, highlight=False)
        for preset, spec in page.presets.items():
            console.print(f"  --preset {preset}: {spec.seeds} seeds, {page.cost[preset]}", highlight=False)
        for claim in page.claims(page.presets["quick"]):
            console.print(f"  · {claim.id}: {claim.statement} ({claim.source})", highlight=False)
    console.print("[bold]Tools[/bold]", highlight=False)
    scenes = ", ".join([*SURFACES, "network"])
    console.print(
        f"  basin race SCENE: optimisers side by side, each at its best rate; scenes: {scenes}", highlight=False
    )
    return 0
