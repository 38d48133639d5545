"""A figure as plain data, and its files.

A figure is written as `<name>.svg`, `<name>-narrow.svg` (the layout for a phone) and `<name>.csv`, the numbers
behind it. Title and caption travel inside the SVG (`<title>`, `<desc>`), so a folder of figures is enough to rebuild
a report. One that moves also has `<name>.json`, what the report's player plays, `<name>.gif`, and `<name>.mp4` where
there was an encoder.

In the CSV text is quoted and numbers are not, written in their shortest exact form; what has no value is an empty
field.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from basin.figures import svg as _svg
from basin.store import atomic

Cell = str | int | float | None


@dataclass(frozen=True)
class Animation:
    """A figure in motion: what the player of a report plays, and the same as films.

    Attributes:
        data: Plain JSON; :mod:`basin.figures.motion` says what is in it.
        gif: The film as GIF.
        mp4: The film as MP4; empty where there was no encoder.
    """

    data: Mapping[str, Any]
    gif: bytes = field(default=b"", repr=False)
    mp4: bytes = field(default=b"", repr=False)

    def json(self) -> str:
        """Return the data as text, the same for equal data."""
        return json.dumps(self.data, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True)
class Figure:
    """One figure: two layouts of one drawing, and the numbers behind it.

    Attributes:
        name: Stem of its files and prefix of its ids: small letters, digits and hyphens.
        title: One line, shown above it.
        caption: What is seen, and on what it rests: n, the interval, the seeds, the protocol.
        svg: The drawing for a screen, a complete SVG document of 720 units in width.
        narrow: The drawing for a phone, 344 units in width; empty where one layout serves both.
        data: Columns of equal length by name.
        animation: The same in motion, if it moves.
    """

    name: str
    title: str
    caption: str
    svg: str
    data: Mapping[str, Sequence[Cell]] = field(default_factory=dict)
    narrow: str = ""
    animation: Animation | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise ValueError(f"expected a figure's name of small letters, digits and hyphens, got {self.name!r}")
        lengths = {column: len(values) for column, values in self.data.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"expected columns of equal length in figure '{self.name}', got {lengths}")

    def csv(self) -> str:
        r"""Return the numbers behind the figure as comma-separated text.

        Example:
            >>> Figure("f", "", "", "", {"arm": ["small"], "error": [0.1]}).csv()
            '"arm","error"\n"small",0.1\n'
        """
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(self.data)
        writer.writerows(zip(*self.data.values(), strict=True))
        return text.getvalue()

    def files(self) -> dict[str, bytes]:
        """Return the content of each of the figure's files by name."""
        texts = {".svg": self.svg, "-narrow.svg": self.narrow, ".csv": self.csv()}
        parts = {end: text.encode() for end, text in texts.items() if text or end != "-narrow.svg"}
        if self.animation is not None:
            parts |= {".json": self.animation.json().encode(), ".gif": self.animation.gif, ".mp4": self.animation.mp4}
        return {f"{self.name}{end}": part for end, part in parts.items() if part or end not in (".gif", ".mp4")}


def read_csv(text: str) -> dict[str, list[Cell]]:
    """Return the columns of a figure's CSV, as :meth:`Figure.csv` wrote them.

    Example:
        >>> read_csv('"arm","n","error"\\n"16",8,0.5\\n')
        {'arm': ['16'], 'n': [8], 'error': [0.5]}
    """
    typed = list(csv.reader(io.StringIO(text), quoting=csv.QUOTE_NONNUMERIC))
    written = list(csv.reader(io.StringIO(text)))
    rows = [[_cell(*pair) for pair in zip(*rows, strict=True)] for rows in zip(typed, written, strict=True)]
    return {str(name): [row[index] for row in rows[1:]] for index, name in enumerate(rows[0])} if rows else {}


def _cell(value: Cell, text: str) -> Cell:
    """Return a field as it was: the reader makes every number a float, and its text says which were whole."""
    if text == "":
        return None
    return int(text) if isinstance(value, float) and re.fullmatch(r"-?\d+", text) else value


def save(figure: Figure, folder: Path | str) -> list[Path]:
    """Write a figure's files under `folder/figures` and return their paths.

    Args:
        figure: What to write.
        folder: A study's folder; `figures` is made inside it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path.name for path in save(Figure("f", "", "", "<svg/>"), folder)]
        ['f.svg', 'f.csv']
    """
    target = Path(folder) / "figures"
    atomic.make_folder(target)
    files = figure.files()
    for name, content in files.items():
        atomic.write_bytes(target / name, content)
    return [target / name for name in files]


def load(path: Path | str) -> Figure:
    """Return the figure of an SVG file that :func:`save` wrote, with the layouts and numbers beside it.

    Raises:
        FileNotFoundError: The SVG or its CSV is missing.
        ValueError: The SVG holds something that no figure of Basin holds.
    """
    path = Path(path)
    drawing = path.read_text(encoding="utf-8")
    title, caption = _svg.describe(drawing)
    narrow = path.with_name(f"{path.stem}-narrow.svg")
    return Figure(
        name=path.stem,
        title=title,
        caption=caption,
        svg=drawing,
        narrow=narrow.read_text(encoding="utf-8") if narrow.exists() else "",
        data=read_csv(path.with_suffix(".csv").read_text(encoding="utf-8")),
        animation=_load_animation(path),
    )


def _load_animation(path: Path) -> Animation | None:
    moves = path.with_suffix(".json")
    if not moves.exists():
        return None
    films = (path.with_suffix(end) for end in (".gif", ".mp4"))
    try:
        data = json.loads(moves.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"expected the data of an animation in '{moves}', got no JSON ({error})") from None
    return Animation(data, *(film.read_bytes() if film.exists() else b"" for film in films))
