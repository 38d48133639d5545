"""`basin report`: rebuild every report from the store, training and measuring nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from basin.store.study import StudyFolder
from basin.studies.conduct import write_index, write_up
from basin.studies.registry import MODULES, study


def run(options: argparse.Namespace) -> int:
    """Rebuild the reports of all finished studies under a folder, and the page that lists every claim."""
    console = Console()
    folders = [StudyFolder(options.out, name) for name in MODULES if (Path(options.out) / name / "study.json").exists()]
    if not folders:
        raise ValueError(f"expected a finished study under '{options.out}', found none; run one, or name it with --out")
    for folder in folders:
        page, record = study(folder.name), folder.read()
        assert record is not None
        spec = type(page.presets["quick"]).model_validate(record["spec"])
        write_up(page, spec, preset=record["preset"], folder=folder, finished=record["finished"])
        console.print(f"report: {folder.report_path}", soft_wrap=True)
    console.print(f"all claims: {write_index(options.out)}", soft_wrap=True)
    return 0
