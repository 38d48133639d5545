"""The sources of examples by the `kind` of their specification, and the functions that look them up.

To add one, write its specification, its module with a `SOURCE`, and enter it here; the contract test in
`tests/data/test_data_contract.py` then tests it.
"""

from __future__ import annotations

from typing import Any

from basin.data import (
    cifar,
    cifar5m,
    digits,
    frames,
    glyphs,
    image_folder,
    language,
    mixture,
    mnist,
    npz,
    pairs,
    teacher,
)
from basin.data.bayes import BayesError
from basin.data.source import DataInfo, Dataset, OnDisk, Sample, Source

SOURCES: dict[str, Source] = {
    source.spec.model_fields["kind"].default: source
    for source in (
        digits.SOURCE,
        glyphs.SOURCE,
        mixture.SOURCE,
        teacher.SOURCE,
        language.SOURCE,
        npz.SOURCE,
        pairs.SOURCE,
        mnist.SOURCE,
        cifar.CIFAR10,
        cifar.CIFAR100,
        frames.SOURCE,
        cifar5m.SOURCE,
        image_folder.SOURCE,
    )
}


def describe(spec: Any) -> DataInfo:
    """Return what is known of a source before its examples are made.

    Raises:
        ValueError: A file of the user's is missing, damaged or unfit.

    Example:
        >>> from basin.spec.data import Digits
        >>> describe(Digits()).num_classes
        10
    """
    return _source(spec).describe(spec)


def load(spec: Any, seed: int) -> Dataset:
    """Return the arrays of a specification, standardised and with label noise on the training labels only.

    Args:
        spec: A specification of data.
        seed: In [0, 2^32); selects the sample of a stream and the labels that are wrong.

    Returns:
        The train and test parts, read-only; the train part of an endless stream is empty.

    Raises:
        ValueError: The seed is out of range, or a file of the user's is missing, damaged or unfit.

    Example:
        >>> from basin.spec.data import Glyphs
        >>> a, b = (load(Glyphs(size=8, num_train=20, num_test=30), seed) for seed in (0, 1))
        >>> (a.x_train == b.x_train).all().item(), (a.x_test == b.x_test).all().item()
        (False, True)
    """
    return _source(spec).load(spec, seed)


def depends_on_seed(spec: Any) -> bool:
    """Return whether `load` gives other arrays for another seed."""
    return _source(spec).depends_on_seed(spec)


def reference(spec: Any) -> Any:
    """Return a pytree of small arrays that the source's stream needs at every draw; None if it needs none."""
    make = _source(spec).reference
    return None if make is None else make(spec)


def stream(spec: Any, fixed: Any = None) -> Sample:
    """Return `sample(key, n) -> (x, y)`, which draws fresh training examples inside a compiled program.

    Args:
        spec: Which stream; its traced numbers may be tracers.
        fixed: What :func:`reference` returned for it; computed here if not given, so give it inside a loop.

    Raises:
        ValueError: The source is a finite set.
    """
    make = _source(spec).stream
    if make is None:
        endless = ", ".join(kind for kind, source in SOURCES.items() if source.stream)
        raise ValueError(f"expected data with an endless stream ({endless}), got {spec.kind}, a finite set; use load")
    return make(spec) if fixed is None else make(spec, fixed)


def bayes_error(spec: Any) -> BayesError:
    """Return the least error that any classifier can have on clean examples of a source.

    Raises:
        ValueError: It is not known for this source.
    """
    known = _source(spec).bayes_error
    if known is None:
        names = ", ".join(kind for kind, source in SOURCES.items() if source.bayes_error)
        raise ValueError(f"expected data whose least possible error is known ({names}), got {spec.kind}")
    return known(spec)


def entropy_floor(spec: Any) -> float:
    """Return the least cross-entropy a label, in nats, that anyone can have on a source.

    Raises:
        ValueError: It is not known for this source.

    Example:
        >>> from basin.spec.data import Language
        >>> round(entropy_floor(Language()), 4)
        0.4478
    """
    known = _source(spec).entropy_floor
    if known is None:
        names = ", ".join(kind for kind, source in SOURCES.items() if source.entropy_floor)
        raise ValueError(f"expected data whose entropy floor is known ({names}), got {spec.kind}")
    return known(spec)


def vocabulary(spec: Any) -> tuple[str, ...]:
    """Return the word, or the piece of a word, of every token of a source of sentences.

    Raises:
        ValueError: The examples of the source are no sentences, or a file of the user's is missing or unfit.
    """
    known = _source(spec).vocabulary
    if known is None:
        names = ", ".join(kind for kind, source in SOURCES.items() if source.vocabulary)
        raise ValueError(f"expected data of sentences ({names}), got {spec.kind}")
    return known(spec)


def on_disk(spec: Any) -> OnDisk | None:
    """Return how training reads a specification's examples from the disk; None if they fit in memory.

    Args:
        spec: A specification with `num_train` filled in, as in a resolved run.
    """
    found = _source(spec).on_disk
    return found if found is not None and found.is_needed(spec) else None


def resolve(spec: Any) -> Any:
    """Return the specification with what identifies its data filled in: the hash of a file.

    Raises:
        ValueError: The file is missing, or its hash is not the one stated.
    """
    return _source(spec).resolve(spec)


def _source(spec: Any) -> Source:
    kind = getattr(spec, "kind", None)
    if kind not in SOURCES:
        raise ValueError(f"expected a specification of data ({', '.join(SOURCES)}), got {spec!r}; see basin.data")
    return SOURCES[kind]
