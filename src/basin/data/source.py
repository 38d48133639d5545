"""What every source of examples offers, so that training, measuring and reporting need not know which one it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Int32, Shaped

from basin.spec.base import Spec

if TYPE_CHECKING:
    from basin.data.bayes import BayesError
    from basin.data.stored import StoredExamples


@dataclass(frozen=True)
class DataInfo:
    """What is known of a source before its examples are made.

    Attributes:
        num_train: Training examples, those held out left aside; None for an endless stream.
        num_test: Test examples.
        input_shape: Shape of one example; images are height, width, channels.
        num_classes: Number of classes; labels are 0 to `num_classes - 1`. Of sentences the tokens of the vocabulary.
        fingerprint: Hash of what the examples are made from, before noise and standardisation.
    """

    num_train: int | None
    num_test: int
    input_shape: tuple[int, ...]
    num_classes: int
    fingerprint: str


@dataclass(frozen=True)
class Dataset:
    """Finite arrays, read-only; the training part of an endless stream is empty, and so is what was not held out.

    Inputs are numbers in single precision, or tokens, which are whole; a label is one for an example, or one for each
    token of it, -1 where there is none.
    """

    x_train: Shaped[np.ndarray, "train *input"]
    y_train: Int32[np.ndarray, "train *token"]
    x_test: Shaped[np.ndarray, "test *input"]
    y_test: Int32[np.ndarray, "test *token"]
    x_validation: Shaped[np.ndarray, "validation *input"]
    y_validation: Int32[np.ndarray, "validation *token"]

    def __post_init__(self) -> None:
        for array in vars(self).values():
            array.flags.writeable = False


@runtime_checkable
class Sample(Protocol):
    """`sample(key, n) -> (x, y)`: `n` fresh training examples, a pure and traceable function of the key."""

    def __call__(self, key: jax.Array, n: int) -> tuple[Shaped[Array, "n *input"], Int32[Array, "n *token"]]:
        """Return inputs and labels; example i does not depend on `n`."""
        ...


@dataclass(frozen=True)
class OnDisk:
    """How training reads a source whose examples may be too many for memory.

    Attributes:
        is_needed: Whether those of a specification, with `num_train` filled in, are.
        open: `open(spec, seed, first)`: what is trained on as it lies on the disk, and in memory everything else, with
            the first so many training examples in the place of all.
        inputs: `inputs(spec, stored)`: inputs as networks see them, of inputs as they are stored; traceable.
    """

    is_needed: Callable[[Any], bool]
    open: Callable[[Any, int, int], tuple[StoredExamples, Dataset]]
    inputs: Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Source:
    """A kind of data as functions of its specification, entered in :data:`basin.data.registry.SOURCES`.

    Attributes:
        spec: The class of its specification.
        describe: What is known before loading.
        load: The arrays for a seed, which selects the sample of a stream and the label noise.
        depends_on_seed: Whether :attr:`load` gives other arrays for another seed.
        stream: Fresh training examples, where the source has an endless stream; takes the specification and what
            :attr:`reference` gave for it.
        reference: A pytree of small arrays that the stream needs at every draw and that never changes.
        resolve: Fills what identifies the data (the hash of a file).
        bayes_error: The least error that any classifier can have on clean examples, where it is known.
        entropy_floor: The least cross-entropy a label, in nats, where it is known.
        vocabulary: The word of each token, where examples are sentences.
        on_disk: How it is trained on where it does not fit in memory.
    """

    spec: type[Spec]
    describe: Callable[[Any], DataInfo]
    load: Callable[[Any, int], Dataset]
    depends_on_seed: Callable[[Any], bool]
    stream: Callable[..., Sample] | None = None
    reference: Callable[[Any], Any] | None = None
    resolve: Callable[[Any], Any] = lambda spec: spec
    bayes_error: Callable[[Any], BayesError] | None = None
    entropy_floor: Callable[[Any], float] | None = None
    vocabulary: Callable[[Any], tuple[str, ...]] | None = None
    on_disk: OnDisk | None = None
