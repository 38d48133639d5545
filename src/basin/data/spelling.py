"""How the words of :class:`basin.spec.data.Language` are spelt, so that people can read samples of it.

A stem is two syllables, consonant and vowel in the source (*talo-*), vowel and consonant in the target (*alot-*), and
an ending tells what a word is. Source: nouns end in n, adjectives in l, verbs in r, adverbs in s. Target: nouns, and
determiners and adjectives that agree with them, in a, e or o by their gender; verbs in i or, in the plural, in u;
adverbs in y; prepositions and conjunctions in their stem's consonant.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Int32

from basin.data.lexicon import CLASSES, Bits, Lexicon, bare, lexicon, num_target_words, sizes
from basin.spec.data import SPECIAL_TOKENS, Language

_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_SYLLABLES = len(_CONSONANTS) * len(_VOWELS)
_ENDINGS = dict(zip(CLASSES, ("", "l", "n", "r", "", "s", ""), strict=True))
_GENDER_ENDINGS, _NUMBER_ENDINGS = "aeo", "iu"


def spelling(spec: Language) -> tuple[str, ...]:
    """Return the word of every token.

    Example:
        >>> words = spelling(Language(nouns=4, verbs=2, adjectives=2))
        >>> len(set(words)) == len(words), words[:4]
        (True, ('<pad>', '<s>', '</s>', '<unk>'))
    """
    return _spelling(bare(spec))  # pyright: ignore[reportArgumentType]  frozen, so hashable


@functools.lru_cache(maxsize=8)
def _spelling(spec: Language) -> tuple[str, ...]:
    bits, classes = Bits(spec, "spelling"), sizes(spec)
    source, target = (_stems(bits.shuffled(max(_SYLLABLES**2, num_target_words(spec)))) for _ in range(2))
    words = [*SPECIAL_TOKENS, *(next(source) + _ENDINGS[name] for name in CLASSES for _ in range(classes[name]))]
    words += [""] * num_target_words(spec)
    for token, word in _target_words(lexicon(spec), (stem[::-1] for stem in target)):
        words[token] = word
    assert all(words), "a word for every token"
    return tuple(words)


def _target_words(found: Lexicon, stems: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yield tokens with their words; a token of both senses comes twice with one stem."""
    for name in "DA":
        for forms in found.forms[name].tolist():
            stem = next(stems)
            yield from ((token, stem + ending) for token, ending in zip(forms, _GENDER_ENDINGS, strict=True))
    for senses, genders in zip(found.forms["N"].tolist(), found.genders.tolist(), strict=True):
        stem_of = {token: next(stems) for token in dict.fromkeys(senses)}
        yield from (
            (token, stem_of[token] + _GENDER_ENDINGS[gender]) for token, gender in zip(senses, genders, strict=True)
        )
    for senses in found.forms["V"].tolist():
        stem_of = {token: next(stems) for token in dict.fromkeys(forms[0] for forms in senses)}
        yield from (
            (token, stem_of[forms[0]] + ending)
            for forms in senses
            for token, ending in zip(forms, _NUMBER_ENDINGS, strict=True)
        )
    for name, ending in zip("PBC", ("", "y", ""), strict=True):
        yield from ((token, next(stems) + ending) for token in found.forms[name].tolist())


def _stems(numbers: Int32[np.ndarray, " n"]) -> Iterator[str]:
    """Yield a stem for each number, of two syllables or as many as it takes; others for other numbers."""
    for number in numbers.tolist():
        stem = ""
        while number or len(stem) < 4:
            number, syllable = divmod(number, _SYLLABLES)
            stem = _CONSONANTS[syllable // len(_VOWELS)] + _VOWELS[syllable % len(_VOWELS)] + stem
        yield stem
