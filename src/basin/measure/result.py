"""What a measure returns: never a bare number, always with its error, its cost and what exactly was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


class NotConvergedWarning(UserWarning):
    """A measure returned a value that did not meet its tolerance; the result's `converged` is false."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Measurement:
    """A measured value with everything needed to judge it.

    Attributes:
        value: The quantity; its definition says the unit.
        stderr: The error that the measure can state, and `definition` says of what; none where it can state none.
        converged: Whether the method met its own criterion.
        num_passes: Passes over the data: each value, gradient or Hessian-vector product is one.
        seconds: Wall-clock time, compiling included.
        definition: What exactly was measured.
        checks: What the guard checked of the loss, and what it could not.
        key: The random key that every draw came from.
        precision: The arithmetic of the reported value.
    """

    value: float | np.ndarray
    stderr: float | np.ndarray | None
    converged: bool
    num_passes: int
    seconds: float
    definition: str
    checks: str
    key: str
    precision: str


def frozen_array(values: Any) -> np.ndarray:
    """Return a float64 array that cannot be written to."""
    array = np.array(values, np.float64)
    array.flags.writeable = False
    return array
