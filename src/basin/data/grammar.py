r"""The grammar of :class:`basin.spec.data.Language`: which words a sentence has, and in which order.

    sentence -> clause [conjunction clause]
    clause   -> phrase verb [phrase] [preposition phrase] [adverb]        source
    clause   -> [adverb] phrase [phrase preposition] [phrase] verb        target
    phrase   -> determiner [adjective [adjective]] noun                   source
    phrase   -> determiner noun [adjective [adjective]]                   target

The first phrase is the subject, the one after the verb the object. In the target the verb stands last, the phrase of a
preposition before it and both before the object, the adverb first, adjectives after their noun in the opposite order.

A sentence is 31 slots, some of them filled; which are is its structure, one of at most 9 312, drawn with the weights
below from those that fit into the length asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, UInt32

from basin.data.choices import probabilities, thresholds

CLAUSE = "DAANVDAANPDAANB"
"""The slots of a clause in the order of the source: determiner, adjectives, noun, verb, preposition and adverb (B)."""

SLOTS = f"{CLAUSE}C{CLAUSE}"
"""The slots of a sentence; C is the conjunction."""

PHRASES = (0, 5, 10)
"""Where in a clause subject, object and the phrase of the preposition begin."""

_TARGET_CLAUSE = (14, 0, 3, 2, 1, 10, 13, 12, 11, 9, 5, 8, 7, 6, 4)
TARGET_ORDER = np.array([*_TARGET_CLAUSE, 15, *(16 + slot for slot in _TARGET_CLAUSE)], np.int32)
"""The slots in the order of the target."""

LONGEST = len(SLOTS) + 1
"""Tokens of the longest sentence, with the mark of its end."""

_ADJECTIVES = {0: 10, 1: 7, 2: 3}
_OBJECT = {False: 8, True: 12}
_PREPOSITION = {False: 12, True: 8}
_ADVERB = {False: 14, True: 6}
_SECOND_CLAUSE = {False: 14, True: 6}


class Structures(NamedTuple):
    """The structures that fit into a length.

    Attributes:
        filled: For each a word whose bit i says whether slot i is filled.
        begins: Which random words choose which (:mod:`basin.data.choices`).
    """

    filled: UInt32[np.ndarray, " structures"]
    begins: UInt32[np.ndarray, " structures-1"]

    def slots(self) -> Bool[np.ndarray, "structures slots"]:
        """Return which slots each fills."""
        return (self.filled[:, None] >> np.arange(len(SLOTS), dtype=np.uint32) & 1).astype(bool)

    def probabilities(self) -> Float64[np.ndarray, " structures"]:
        """Return how probable each is."""
        return probabilities(self.begins)


@functools.lru_cache(maxsize=8)
def structures(length: int) -> Structures:
    """Return the structures of sentences of at most `length` tokens, the mark of the end counted.

    Example:
        >>> structures(4).slots().sum(1).tolist(), len(structures(LONGEST).filled)  # determiner, noun, verb
        ([3], 9312)
    """
    fitting = [(filled, weight) for filled, weight in _sentences() if filled.bit_count() < length]
    return Structures(np.array([filled for filled, _ in fitting], np.uint32), thresholds(w for _, w in fitting))


def _sentences() -> Iterator[tuple[int, int]]:
    """Yield every structure with its weight: those of one clause, then those of two."""
    clauses = list(_clauses())
    scale = sum(weight for _, weight in clauses)
    conjunction, second = 1 << len(CLAUSE), len(CLAUSE) + 1
    for filled, weight in clauses:
        yield filled, _SECOND_CLAUSE[False] * scale * weight
    for (first, weight), (other, factor) in product(clauses, clauses):
        yield first | conjunction | other << second, _SECOND_CLAUSE[True] * weight * factor


def _clauses() -> Iterator[tuple[int, int]]:
    phrases = [(_phrase(count), weight) for count, weight in _ADJECTIVES.items()]
    scale = sum(_ADJECTIVES.values())
    subject, object_, last = PHRASES
    objects = [(0, scale * _OBJECT[False])] + [(phrase << object_, _OBJECT[True] * w) for phrase, w in phrases]
    rests = [(0, scale * _PREPOSITION[False])] + [
        (phrase << last | 1 << CLAUSE.index("P"), _PREPOSITION[True] * w) for phrase, w in phrases
    ]
    adverbs = [(0, _ADVERB[False]), (1 << CLAUSE.index("B"), _ADVERB[True])]
    for parts in product([(phrase << subject, w) for phrase, w in phrases], objects, rests, adverbs):
        filled, weight = 1 << CLAUSE.index("V"), 1
        for part, factor in parts:
            filled, weight = filled | part, weight * factor
        yield filled, weight


def _phrase(adjectives: int) -> int:
    """Return the slots of a phrase: determiner, the first so many adjectives, noun."""
    return 0b1001 | (1 << adjectives) - 1 << 1
