"""A user's parallel text: which files there are, what they hold, and their sentences in pairs.

A sentence is a line that ends in a line feed, or in a carriage return and a line feed; nothing else ends one. Runs of
white space are one space, in Unicode's composed form (NFC). Sizes are looked at before a file is read, and every sign
of damage becomes one line that names it.
"""

from __future__ import annotations

import functools
import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 2**31
"""Most bytes of text that are read."""

MAX_CHARACTERS = 2**16
"""Most characters of a line."""

PARTS = {"train": ("train",), "test": ("test",), "valid": ("valid", "dev")}
"""Parts of the data, and what the files of each may be called."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class TextFile:
    """A file as it was when the folder was looked at."""

    path: str
    size: int
    modified_ns: int


TextFiles = tuple[tuple[str, TextFile, TextFile], ...]
"""For each part that is there its name and its files, source and target."""


def text_files(folder: Path, source: str, target: str) -> TextFiles:
    """Return the files of a folder of parallel text.

    Raises:
        ValueError: One is missing, two may be meant, or they are too large together.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of parallel text, got none; check the path")
    found = [pair for part in PARTS if (pair := _pair_of(folder, part, source, target)) is not None]
    size = sum(file.size for _, *files in found for file in files)
    if size > MAX_BYTES:
        raise ValueError(f"{folder}: expected at most {MAX_BYTES} bytes of text, got {size}; use a part of it")
    return tuple(found)


@functools.lru_cache(maxsize=8)
def hash_text(files: TextFiles) -> str:
    """Return the hash of the content of files, part by part."""
    whole = hashlib.sha256()
    for part, *pair in files:
        for file in pair:
            with open(file.path, "rb") as opened:
                whole.update(f"{part} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def read_pairs(source: TextFile, target: TextFile) -> list[Pair]:
    """Return the sentences of two files, line by line; an empty line is an empty sentence.

    Raises:
        ValueError: A file is not UTF-8, a line is too long, or the files have different numbers of lines.
    """
    sentences, translations = _lines(source), _lines(target)
    if len(sentences) != len(translations):
        raise ValueError(
            f"expected as many lines in {source.path} as in {target.path}, got {len(sentences)} and "
            f"{len(translations)}; line n of both is pair n"
        )
    return list(zip(sentences, translations, strict=True))


def _pair_of(folder: Path, part: str, source: str, target: str) -> tuple[str, TextFile, TextFile] | None:
    """Return the files of a part; None if there are none and none are needed."""
    names = [name for name in PARTS[part] if any((folder / f"{name}.{ending}").exists() for ending in (source, target))]
    if len(names) > 1:
        raise ValueError(f"{folder}: expected valid or dev, got both; leave one")
    if not names and part == "valid":
        return None
    name = names[0] if names else part
    return part, _found(folder / f"{name}.{source}"), _found(folder / f"{name}.{target}")


def _found(path: Path) -> TextFile:
    if not path.is_file():
        raise ValueError(f"{path}: expected a file of sentences, got none; check the path and the languages")
    found = path.stat()
    return TextFile(str(path), found.st_size, found.st_mtime_ns)


def _decoded(file: TextFile) -> str:
    try:
        held = Path(file.path).read_bytes()
    except OSError as error:
        raise ValueError(f"{file.path}: expected a readable file, got '{error.strerror}'; check it") from error
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{file.path}: expected UTF-8, got another byte in line {number}; convert the file") from error


def _lines(file: TextFile) -> list[str]:
    text = _decoded(file)
    lines = text.removesuffix("\n").split("\n") if text else []
    longest = max(map(len, lines), default=0)
    if longest > MAX_CHARACTERS:
        number = next(i for i, line in enumerate(lines, 1) if len(line) == longest)
        raise ValueError(
            f"{file.path}: expected a sentence of at most {MAX_CHARACTERS} characters, got {longest} in line {number}; "
            "write one sentence a line"
        )
    return [" ".join(unicodedata.normalize("NFC", line).split()) for line in lines]
