r"""The two lexicons of :class:`basin.spec.data.Language` and the rules between them, decided by the language's number.

Word r of a class (r = 1, 2, ...) has a probability proportional to 1 / r. What a source word becomes:

* a determiner, an adjective: one form for each gender, that of the noun of its phrase (agreement);
* a noun: one word; or one of two by the class of its clause's verb (ambiguity that context resolves); or one of two by
  chance, the second with a probability of 1/8 to 4/8 that is the word's own (free variation). Each has its gender;
* a verb: one word, or one of two by whether there is an object, or one of two by chance, each in two forms: singular or
  plural, as the determiner of its subject is;
* a preposition, an adverb, a conjunction: one word.

Tokens 0 to 3 are padding, begin, end and unknown, which never comes; then come the source words class by class, then
the target words in an order shuffled by the language's number. Random bits are NumPy's PCG64, which it promises to
keep.
"""

from __future__ import annotations

import functools
import zlib
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, UInt32

from basin.data.choices import thresholds
from basin.spec.data import SPECIAL_TOKENS, Language

DETERMINERS, PREPOSITIONS, ADVERBS, CONJUNCTIONS = 4, 4, 8, 2
"""Source words of the small classes; the second half of the determiners is plural."""

GENDERS, NUMBERS, SENSES = 3, 2, 2
PLAIN, BY_CONTEXT, BY_CHANCE = range(3)
"""What decides between the two translations of a noun or a verb: there is one only, context does, chance does."""

CLASSES = "DANVPBC"
"""Determiners, adjectives, nouns, verbs, prepositions, adverbs (B) and conjunctions, by their letter."""

_ZIPF = 2**24  # so much weighs the most frequent word of a class


class Words(NamedTuple):
    """A class whose words have two translations.

    Attributes:
        decided: What decides between them, of each word: :data:`PLAIN`, :data:`BY_CONTEXT` or :data:`BY_CHANCE`.
        chance: The second is taken for random words below this, where chance decides.
    """

    decided: Int32[np.ndarray, " words"]
    chance: UInt32[np.ndarray, " words"]


class Lexicon(NamedTuple):
    """Everything that sentences and their translations are made from, but for their structures.

    Attributes:
        first: The token of a class's first source word, in the order of :data:`CLASSES`.
        begins: Which random words choose which word of a class (:mod:`basin.data.choices`).
        nouns: Which nouns have two translations.
        genders: Gender of each translation of each noun.
        verbs: Which verbs have two translations.
        verb_class: Of each verb, 0 or 1, which decides the translation of ambiguous nouns.
        forms: Tokens by class: `D` and `A` (words, genders), `N` (words, senses), `V` (words, senses, numbers), else
            (words,). Where there is one translation both senses have its tokens.
    """

    first: tuple[int, ...]
    begins: dict[str, UInt32[np.ndarray, " words-1"]]
    nouns: Words
    genders: Int32[np.ndarray, "nouns senses"]
    verbs: Words
    verb_class: Int32[np.ndarray, " verbs"]
    forms: dict[str, Int32[np.ndarray, "words *form"]]


def sizes(spec: Language) -> dict[str, int]:
    """Return how many source words each class has."""
    return {
        "D": DETERMINERS,
        "A": spec.adjectives,
        "N": spec.nouns,
        "V": spec.verbs,
        "P": PREPOSITIONS,
        "B": ADVERBS,
        "C": CONJUNCTIONS,
    }


def first_target(spec: Language) -> int:
    """Return the first token that is a target word."""
    return len(SPECIAL_TOKENS) + sum(sizes(spec).values())


def num_target_words(spec: Language) -> int:
    """Return how many words the target language has, each form counted."""
    count = sizes(spec)
    nouns, verbs = (size + sum(_two_translations(spec, size)) for size in (spec.nouns, spec.verbs))
    agreeing = GENDERS * (count["D"] + count["A"])
    return agreeing + nouns + NUMBERS * verbs + count["P"] + count["B"] + count["C"]


def bare(spec: Language) -> Language:
    """Return the specification with nothing but what decides the words: sizes, shares and number."""
    return spec.replace(noise=0.0, num_train=None, num_test=1, num_validation=0, length=4)


def lexicon(spec: Language) -> Lexicon:
    """Return the lexicons of a language; only its sizes, shares and number matter.

    Example:
        >>> one = lexicon(Language(nouns=4, verbs=2, adjectives=2, language=7))
        >>> {name: forms.shape for name, forms in one.forms.items()}["V"]  # words, senses, singular and plural
        (2, 2, 2)
    """
    return _lexicon(bare(spec))  # pyright: ignore[reportArgumentType]  frozen, so hashable


@functools.lru_cache(maxsize=8)
def _lexicon(spec: Language) -> Lexicon:
    bits = Bits(spec, "lexicon")
    count = sizes(spec)
    nouns, verbs = (_words(bits, size, _two_translations(spec, size)) for size in (spec.nouns, spec.verbs))
    genders = bits.below(GENDERS, spec.nouns, SENSES)
    genders[nouns.decided == PLAIN, 1] = genders[nouns.decided == PLAIN, 0]
    first = tuple(accumulate(list(count.values())[:-1], initial=len(SPECIAL_TOKENS)))
    begins = {name: thresholds(_ZIPF // rank for rank in range(1, size + 1)) for name, size in count.items()}
    return Lexicon(first, begins, nouns, genders, verbs, bits.halves(spec.verbs), _forms(spec, bits, nouns, verbs))


def _two_translations(spec: Language, count: int) -> tuple[int, int]:
    """Return how many of a class's words are translated by context, and how many by chance."""
    by_context = round(spec.ambiguous * count)
    return by_context, min(round(spec.free * count), count - by_context)


def _words(bits: Bits, count: int, two: tuple[int, int]) -> Words:
    decided = np.full(count, PLAIN, np.int32)
    order = bits.shuffled(count)
    decided[order[: two[0]]] = BY_CONTEXT
    decided[order[two[0] : sum(two)]] = BY_CHANCE
    eighths = 1 + bits.below(4, count).astype(np.uint32)
    return Words(decided, np.where(decided == BY_CHANCE, eighths << 29, 0).astype(np.uint32))


def _forms(spec: Language, bits: Bits, nouns: Words, verbs: Words) -> dict[str, Int32[np.ndarray, "words *form"]]:
    """Give every form of every target word one of the target's tokens, in a random order."""
    tokens = iter((first_target(spec) + bits.shuffled(num_target_words(spec))).tolist())

    def take(*shape: int) -> Int32[np.ndarray, "words *form"]:
        return np.array([next(tokens) for _ in range(int(np.prod(shape)))], np.int32).reshape(shape)

    forms = {"D": take(DETERMINERS, GENDERS), "A": take(spec.adjectives, GENDERS)}
    for name, words, inflected in (("N", nouns, ()), ("V", verbs, (NUMBERS,))):
        single = take(len(words.decided), *inflected)
        forms[name] = np.stack([single, single], axis=1)
        two = words.decided != PLAIN
        forms[name][two, 1] = take(int(two.sum()), *inflected)
    small = {"P": PREPOSITIONS, "B": ADVERBS, "C": CONJUNCTIONS}
    forms |= {name: take(size) for name, size in small.items()}
    assert next(tokens, None) is None, "every target word is a form of some word"
    return forms


class Bits:
    """Random bits of a language for a purpose, from a generator whose bits NumPy promises to keep."""

    def __init__(self, spec: Language, purpose: str) -> None:
        self._source = np.random.PCG64([zlib.crc32(purpose.encode()), spec.language])

    def below(self, limit: int, *shape: int) -> Int32[np.ndarray, "..."]:
        """Return numbers from 0 to `limit - 1`."""
        raw = np.asarray(self._source.random_raw(int(np.prod(shape))), np.uint64)
        return (raw % np.uint64(limit)).astype(np.int32).reshape(shape)

    def shuffled(self, count: int) -> Int32[np.ndarray, " count"]:
        """Return 0 to `count - 1` in a random order."""
        return np.argsort(np.asarray(self._source.random_raw(count)), kind="stable").astype(np.int32)

    def halves(self, count: int) -> Int32[np.ndarray, " count"]:
        """Return zeros and ones, as many of both if `count` is even, in a random order."""
        return self.shuffled(count) % 2
