"""Where the files of a data set lie: in the folder that a specification names, else below the user's own folder.

The latter is what `--data-root` says, which the command line writes to the environment, else the variable BASIN_DATA.
Each set may lie in it or in a folder of its usual name, so that one folder serves all sets and every study.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

ROOT = "BASIN_DATA"
"""Variable of the environment that names the folder with the user's data sets."""


def find_folder(
    named: str | None, usual: Sequence[str], wanted: Collection[str], advice: str, instead: Collection[str] = ()
) -> Path:
    """Return the first folder in which at least one of the wanted files lies, or else all of those of another form.

    Args:
        named: What the specification says: the folder, or one above it; None for the user's folder of data sets.
        usual: What the folder is called below that, the preferred name first.
        wanted: Names of files.
        advice: What a message says after "expected": which files, and where to get them after a semicolon.
        instead: Names of the files of a form that the caller refuses with words of its own.

    Raises:
        ValueError: No folder is named, it is not there or may not be read, or it has none of the files.
    """
    said = named or os.environ.get(ROOT)
    if not said:
        raise ValueError(f"expected {advice}, into a folder that data.path, --data-root or {ROOT} names; got none")
    base = Path(said).expanduser()
    folders = [base, *(base / name for name in usual if (base / name).is_dir())]
    present = {folder: names_in(folder, advice) for folder in folders}
    fitting = [folder for folder in folders if not present[folder].isdisjoint(wanted)]
    fitting += [folder for folder in folders if instead and present[folder].issuperset(instead)]
    if fitting:
        return fitting[0]
    place = base / usual[0] if named is None and usual else base
    raise ValueError(f"{base}: expected {advice}, into {place}; got no such file")


def names_in(folder: Path, advice: str) -> set[str]:
    """Return the names in a folder.

    Raises:
        ValueError: It is no folder, or may not be read.
    """
    try:
        return set(os.listdir(folder))
    except OSError as error:
        raise ValueError(f"{folder}: expected {advice}, in this folder; got '{error.strerror}'") from error
