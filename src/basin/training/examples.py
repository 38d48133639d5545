"""The examples of a run on the device: the sets it is judged on, and those its batch statistics are taken over."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from basin import data
from basin.loss.precision import cast_floats
from basin.spec.data import AnyData
from basin.spec.run import RunSpec
from basin.training.feed import Examples
from basin.training.kept import Kept, device_bytes
from basin.training.keys import named_key

REFERENCE = 5_000
"""Examples of an endless stream, or of a set on the disk, that batch statistics are recomputed over."""

SHARE = 0.25
"""Of the memory of the device: what the sets that a process keeps at hand may have together."""


@dataclass(frozen=True, eq=False)
class Judges:
    """What a network is looked at with.

    Attributes:
        train: The training set; None for an endless stream, and for one that is read from the disk.
        test: The test set.
        validation: The held-out examples, if there are any.
    """

    train: Examples | None
    test: Examples
    validation: Examples | None
    _source: AnyData
    _first: jax.Array | None = None

    @property
    def nbytes(self) -> int:
        """Memory of all arrays."""
        return sum(array.nbytes for array in jax.tree.leaves((self.train, self.test, self.validation, self._first)))

    @functools.cached_property
    def reference(self) -> jax.Array:
        """Inputs that batch statistics are recomputed over: the training set, or a sample of the stream.

        Of a set on the disk they are its first :data:`REFERENCE`. The sample of a stream is the same for every seed and
        step, and drawn when it is first asked for.
        """
        if self.train is not None:
            return self.train[0]
        if self._first is not None:
            return self._first
        drawn, _ = jax.jit(data.stream(self._source), static_argnums=1)(named_key(0, "reference"), REFERENCE)
        return drawn.astype(self.test[0].dtype)


def judges(run: RunSpec) -> Judges:
    """Return the examples that a resolved run is looked at with; runs on the same data share them."""
    seed = run.seed if data.depends_on_seed(run.data) else 0
    key = (run.data, seed, run.precision)
    return KEPT.get(key, lambda: _judges(*key))


KEPT: Kept[Judges] = Kept(lambda found: found.nbytes, room=lambda: SHARE * device_bytes())
"""The sets of this process."""


def _judges(source: AnyData, seed: int, dtype: str) -> Judges:
    disk = data.on_disk(source)
    found = data.load(source, seed) if disk is None else disk.open(source, seed, REFERENCE)[1]
    test = _inputs(found.x_test, dtype), jnp.asarray(found.y_test)
    held_out = _inputs(found.x_validation, dtype), jnp.asarray(found.y_validation)
    validation = held_out if len(found.y_validation) else None
    train = None
    if not source.endless and disk is None:
        train = _inputs(found.x_train, dtype), jnp.asarray(found.y_train)
    first = None if disk is None else _inputs(found.x_train, dtype)
    return Judges(train, test, validation, source, first)


def _inputs(x: np.ndarray, dtype: str) -> jax.Array:
    """Return inputs on the device: real ones in the run's precision, words of a vocabulary as they are."""
    return jnp.asarray(cast_floats(x, dtype))
