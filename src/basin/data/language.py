"""Language as a source: an endless stream of sentence pairs, drawn from a key, and finite samples of it.

A draw fills the 31 slots of a sentence (:mod:`basin.data.grammar`) with words, decides every translation
(:mod:`basin.data.lexicon`), replaces target words by noise, each independently of everything else, and moves the slots
that are filled to the places they have in the source and in the target. Everything is drawn in whole numbers, so that
samples, stream and every program agree to the bit. A sentence's end is never replaced.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32, UInt32

from basin.data.choices import choose
from basin.data.corrupt import replace_label
from basin.data.drawn import CHUNK, sampled
from basin.data.floor import bayes_error, entropy_floor
from basin.data.grammar import CLAUSE, PHRASES, SLOTS, TARGET_ORDER, Structures, structures
from basin.data.lexicon import (
    BY_CHANCE,
    BY_CONTEXT,
    CLASSES,
    DETERMINERS,
    Lexicon,
    Words,
    first_target,
    lexicon,
    num_target_words,
)
from basin.data.source import DataInfo, Dataset, Sample, Source
from basin.data.spelling import spelling
from basin.spec.data import BOS, EOS, NO_TOKEN, Language

_PLACES = {name: np.array([i for i, slot in enumerate(SLOTS) if slot == name], np.int32) for name in CLASSES}
_OBJECT_NOUN = PHRASES[1] + CLAUSE.index("N")


class Tables(NamedTuple):
    """What every draw needs: the structures that fit into a sentence's length, and the lexicons."""

    structures: Structures
    lexicon: Lexicon


def describe(spec: Language) -> DataInfo:
    """Return the sizes of the data; the classes are the tokens of both languages."""
    settings = (spec.nouns, spec.verbs, spec.adjectives, spec.length, spec.language, spec.ambiguous, spec.free)
    fingerprint = hashlib.sha256(f"language 1 {settings}".encode()).hexdigest()[:32]
    tokens = first_target(spec) + num_target_words(spec)
    return DataInfo(spec.num_train, spec.num_test, (2, spec.length), tokens, fingerprint)


def load(spec: Language, seed: int) -> Dataset:
    """Return the seed's sample of the stream (none, if training is on the stream itself) and the common test set."""
    draw = functools.partial(_draw, _static(spec), CHUNK, reference(spec), jnp.asarray(spec.noise, jnp.float32))
    return sampled("language", seed, spec.num_train, spec.num_validation, spec.num_test, draw, draw)


def depends_on_seed(spec: Language) -> bool:
    """Return whether another seed gives other arrays: a finite sample does, the test set does not."""
    return spec.num_train is not None


def reference(spec: Language) -> Tables:
    """Return the tables of the language."""
    return Tables(structures(spec.length), lexicon(spec))


def stream(spec: Language, tables: Any = None) -> Sample:
    """Return the sampling function of the stream; the specification's traced numbers may be tracers.

    Example:
        >>> x, y = stream(Language(length=9))(jax.random.key(0), 5)
        >>> x.shape, y.shape, bool((x[:, 1, 1:] == jnp.where(y > EOS, y, 0)[:, :-1]).all())  # shifted by the begin
        ((5, 2, 9), (5, 9), True)
    """
    tables = reference(spec) if tables is None else tables

    def sample(key: jax.Array, n: int) -> tuple[Array, Array]:
        return _draw(_static(spec), n, tables, jnp.asarray(spec.noise, jnp.float32), key, jnp.uint32(0))

    return sample


class _Sizes(NamedTuple):
    """What shapes the program."""

    length: int
    first_target: int
    target_words: int


def _static(spec: Language) -> _Sizes:
    return _Sizes(spec.length, first_target(spec), num_target_words(spec))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _draw(
    sizes: _Sizes, n: int, tables: Tables, noise: Float[Array, ""], key: jax.Array, start: Array
) -> tuple[Int32[Array, "n 2 length"], Int32[Array, "n length"]]:
    slots = len(SLOTS)

    def words_of(index: Array) -> UInt32[Array, " words"]:
        return jax.random.bits(jax.random.fold_in(key, index), (1 + 4 * slots,), jnp.uint32)

    words = jax.vmap(words_of)(start + jnp.arange(n, dtype=jnp.uint32))
    structure, chosen, chance, *replaced = jnp.split(words, [1, 1 + slots, 1 + 2 * slots, 1 + 3 * slots], axis=1)
    filled = _filled(tables.structures, structure)
    source, target = _sentence(tables.lexicon, filled, chosen, chance)
    clean = jnp.where(filled, target - sizes.first_target, 0)
    replace = functools.partial(replace_label, rate=noise, num_classes=sizes.target_words)
    noisy = jax.vmap(jax.vmap(replace))(jnp.stack(replaced, axis=-1), clean) + sizes.first_target
    order = TARGET_ORDER
    source, decoder = _placed(source, filled, sizes.length), _placed(noisy[:, order], filled[:, order], sizes.length)
    begin = jnp.full((n, 1), BOS, jnp.int32)
    shifted = jnp.concatenate([begin, jnp.where(decoder == EOS, 0, decoder)[:, :-1]], axis=1)
    return jnp.stack([source, shifted], axis=1), jnp.where(decoder == 0, NO_TOKEN, decoder)


def _filled(of: Structures, words: UInt32[Array, "n 1"]) -> Bool[Array, "n slots"]:
    return (jnp.asarray(of.filled)[choose(of.begins, words)] >> jnp.arange(len(SLOTS), dtype=jnp.uint32) & 1) == 1


def _sentence(
    lexicon: Lexicon, filled: Bool[Array, "n slots"], chosen: UInt32[Array, "n slots"], chance: UInt32[Array, "n slots"]
) -> tuple[Int32[Array, "n slots"], Int32[Array, "n slots"]]:
    """Return the source word of each slot and its translation, meaningless where a slot is not filled."""
    forms = {name: jnp.asarray(tokens) for name, tokens in lexicon.forms.items()}
    word = {name: choose(lexicon.begins[name], chosen[:, places]) for name, places in _PLACES.items()}
    target = {name: forms[name][word[name]] for name in "PBC"}

    verbs, phrases = word["V"], word["N"].shape[1] // word["V"].shape[1]
    context = jnp.repeat(jnp.asarray(lexicon.verb_class)[verbs], phrases, axis=1)
    sense = _sense(lexicon.nouns, word["N"], context, chance[:, _PLACES["N"]])
    target["N"] = forms["N"][word["N"], sense]
    gender = jnp.asarray(lexicon.genders)[word["N"], sense]
    target["D"] = forms["D"][word["D"], gender]
    target["A"] = forms["A"][word["A"], jnp.repeat(gender, 2, axis=1)]

    has_object = filled[:, _PLACES["V"] - CLAUSE.index("V") + _OBJECT_NOUN].astype(jnp.int32)
    plural = (word["D"][:, ::phrases] >= DETERMINERS // 2).astype(jnp.int32)
    sense = _sense(lexicon.verbs, verbs, has_object, chance[:, _PLACES["V"]])
    target["V"] = forms["V"][verbs, sense, plural]

    tokens = {name: word[name] + first for name, first in zip(CLASSES, lexicon.first, strict=True)}
    back = np.argsort(np.concatenate([_PLACES[name] for name in CLASSES])).astype(np.int32)
    source, translated = (jnp.concatenate([of[name] for name in CLASSES], axis=1)[:, back] for of in (tokens, target))
    return source, translated


def _sense(
    words: Words, which: Int32[Array, "n k"], context: Int32[Array, "n k"], chance: UInt32[Array, "n k"]
) -> Int32[Array, "n k"]:
    """Return which translation of its two, 0 or 1, each word has."""
    decided = jnp.asarray(words.decided)[which]
    drawn = (chance < jnp.asarray(words.chance)[which]).astype(jnp.int32)
    return jnp.select([decided == BY_CONTEXT, decided == BY_CHANCE], [context, drawn], 0)


def _placed(tokens: Int32[Array, "n slots"], filled: Bool[Array, "n slots"], length: int) -> Int32[Array, "n {length}"]:
    """Return the words of filled slots one after another, then the end of the sentence, then padding."""
    place = jnp.cumsum(filled, axis=1) - 1
    here = filled[:, None] & (place[:, None] == jnp.arange(length)[:, None])
    words = jnp.sum(jnp.where(here, tokens[:, None], 0), axis=-1, dtype=jnp.int32)
    return jnp.where(jnp.arange(length) == place[:, -1:] + 1, EOS, words)


SOURCE = Source(
    Language,
    describe,
    load,
    depends_on_seed,
    stream,
    reference,
    bayes_error=bayes_error,
    entropy_floor=entropy_floor,
    vocabulary=spelling,
)
