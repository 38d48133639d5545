"""`basin claims`: the ledger of what has been run."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console

from basin.cli.verdicts import verdict_table
from basin.store.ledger import ledger
from basin.studies.judgement import expected_false_verdicts


def run(options: argparse.Namespace) -> int:
    """Print the claims of every study under a folder."""
    found = ledger(options.out)
    for damage in found.damaged:
        print(f"basin: {damage}", file=sys.stderr)
    if options.json:
        print(json.dumps(list(found.claims), indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    console = Console()
    if not found.claims:
        console.print("no study has been finished here; start with: basin run large-batch")
        return 0
    console.print(verdict_table(found.claims, studies=True))
    false = expected_false_verdicts(found.claims)
    console.print(f"{len(found.claims)} claims; at most {false:.2g} false verdicts to expect.")
    return 0
