"""What can be wrong with a store, as errors of one line: what was expected, what came, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class StoreError(ValueError):
    """Something could not be stored or read; the message names the path and the remedy."""


class DamagedError(StoreError):
    """A stored file is truncated, altered, missing or in the wrong place, so what it held must be made again."""


class NewerFormatError(StoreError):
    """A file was written by a newer version of Basin: sound, but not for this version to read."""


@dataclass(frozen=True)
class Damage:
    """A damaged part of a store.

    Attributes:
        name: Id of the run, or name of the file.
        reason: What is wrong with it, in one line.
        moved_to: Where it was set aside; None where it was only noticed.
    """

    name: str
    reason: str
    moved_to: Path | None = None

    def __str__(self) -> str:
        where = f"; set aside as {str(self.moved_to)!r} and to be made again" if self.moved_to else ""
        return f"{self.name} is damaged: {self.reason}{where}"
