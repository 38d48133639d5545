"""Every claim of every study under one folder: the rows of the ledger.

Reads `study.json` documents only, so it is quick and needs no tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basin.store.errors import Damage, StoreError
from basin.store.study import StudyFolder


@dataclass(frozen=True)
class Ledger:
    """What was found.

    Attributes:
        claims: The claims as stored, each with its `study`, `preset` and the `finished` of that study.
        damaged: The studies whose document could not be read, and why.
    """

    claims: tuple[dict[str, Any], ...]
    damaged: tuple[Damage, ...] = ()


def ledger(out: Path | str) -> Ledger:
    """Return the claims of all studies under a folder, in the order of the studies' names.

    Args:
        out: The folder of all studies.

    Raises:
        StoreError: There is no such folder.
    """
    folder = Path(out)
    if not folder.is_dir():
        raise StoreError(f"expected a folder of studies at {str(folder)!r}, found none; run one, or name it with --out")
    claims: list[dict[str, Any]] = []
    damaged: list[Damage] = []
    for path in sorted(folder.glob("*/study.json")):
        try:
            document = StudyFolder(folder, path.parent.name).read() or {}
        except StoreError as error:
            damaged.append(Damage(path.parent.name, str(error)))
            continue
        about = {key: document.get(key) for key in ("study", "preset", "finished")}
        claims += [{**about, **claim} for claim in document.get("claims", [])]
    return Ledger(tuple(claims), tuple(damaged))
