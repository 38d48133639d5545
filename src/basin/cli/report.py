"""`basin report`: rebuild every report from the store, training and measuring nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from basin.store.study import StudyFolder
from basin.studies.conduct import write_index, write_up
from basin.studies.registry import MODULES, recorded


def run(options: argparse.Namespace) -> int:
    """Rebuild the reports of all finished studies under a folder, and the page that lists every claim."""
    console = Console()
    folders = [StudyFolder(options.out, path.parent.name) for path in sorted(Path(options.out).glob("*/study.json"))]
    records = [(folder, record) for folder in folders if (record := folder.read()) is not None]
    known = [(folder, record) for folder, record in records if record.get("tool") or folder.name in MODULES]
    if not known:
        raise ValueError(f"expected a finished study under '{options.out}', found none; run one, or name it with --out")
    for folder, record in known:
        page, spec = recorded(record)
        write_up(page, spec, preset=record["preset"], folder=folder, finished=record["finished"])
        console.print(f"report: {folder.report_path}", soft_wrap=True)
    console.print(f"all claims: {write_index(options.out)}", soft_wrap=True)
    return 0
