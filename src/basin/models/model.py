"""What the rest of Basin sees of a model: two pure functions, `init` and `apply`, and a few facts.

A model's arrays live in two pytrees. `params` are trained; `state` holds what a pass through the network may
change without a gradient (the running averages of batch normalisation) and may be empty. Which of the three ways a
network runs is named at every call, in one place, so that no flag can be left behind:

| mode | normalises with | dropout | returns as state |
|---|---|---|---|
| `TRAIN` | the statistics of the batch | on | the averages moved on by one batch |
| `BATCH` | the statistics of the batch | off | the statistics of this batch, alone |
| `EVAL` | the statistics in `state` | off | `state`, unchanged |

`BATCH` on the whole training set is how statistics are recomputed (see :mod:`basin.models.statistics`).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import jax

Params = Any
State = Any


class Mode(enum.Enum):
    """How a network runs; the module's docstring has the table."""

    TRAIN = "train"
    BATCH = "batch"
    EVAL = "eval"


class Apply(Protocol):
    """`apply(params, state, x, mode=..., key=...)`: inputs (batch, *input_shape) to outputs (batch, num_classes)."""

    def __call__(
        self, params: Params, state: State, x: jax.Array, *, mode: Mode, key: jax.Array | None = None
    ) -> tuple[jax.Array, State]:
        """Return the outputs and the new state; `key` is used by dropout in `Mode.TRAIN` only."""
        ...


@dataclass(frozen=True)
class Model:
    """A network as two pure functions.

    Attributes:
        name: What figures and messages call it.
        init: `init(key) -> (params, state)`.
        apply: See :class:`Apply`.
        input_shape: Shape of one example.
        num_classes: Number of outputs.
        has_batch_statistics: Whether the state holds statistics of batches that can be recomputed.
        has_dropout: Whether `Mode.TRAIN` draws random numbers.
        has_convolution: Whether it convolves; decides how measures pass over the data on a CPU.
        trains_in_loop: Whether its training step runs inside a compiled loop on a CPU as fast as outside; a
            convolution of XLA's own does not.
    """

    name: str
    init: Callable[[jax.Array], tuple[Params, State]]
    apply: Apply
    input_shape: tuple[int, ...]
    num_classes: int
    has_batch_statistics: bool = False
    has_dropout: bool = False
    has_convolution: bool = False
    trains_in_loop: bool = True
