"""Pairs: parallel text of the user's, sentences and their translations line by line, as IWSLT'14 is laid out.

Pairs in which a sentence is empty, or longer than `length` tokens with its end, are left out of every part, training
and test alike: no sentence is cut short, so what is judged is whole. How many were is said once on standard error and
by :func:`left_out`. The encoding is learnt from the whole training text, whatever is then left out or trained on, so
that sample sizes differ in nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from basin.data.bpe import learnt, of_words, pieces
from basin.data.keys import seed_key
from basin.data.source import DataInfo, Dataset, Source
from basin.data.subset import random_rows
from basin.data.text_files import Pair, TextFiles, hash_text, read_pairs, text_files
from basin.spec.data import BOS, EOS, NO_TOKEN, PAD, Pairs

MAX_BYTES = 8 * 2**30
"""Most memory that the tokens of all parts may take."""


@dataclass(frozen=True)
class Count:
    """What became of the pairs of a part.

    Attributes:
        kept: Pairs that are used.
        empty: Left out because a sentence was empty.
        long: Left out because a sentence had too many tokens.
    """

    kept: int
    empty: int
    long: int


@dataclass(frozen=True)
class _Text:
    """Encoded text: tokens (pairs, 2, length) of each part, its counts, and the vocabulary."""

    tokens: Mapping[str, Int32[np.ndarray, "pairs 2 length"]]
    counts: Mapping[str, Count]
    pieces: tuple[str, ...]
    encoding_sha256: str


def describe(spec: Pairs) -> DataInfo:
    """Return the sizes of the data; the encoding is learnt if it was not before.

    Raises:
        ValueError: A file is missing or unfit, the text is not what is stated, or `tokenizers` is not installed.
    """
    text = _text(spec)
    made = hashlib.sha256(f"{_sha256(spec)} {text.encoding_sha256}".encode()).hexdigest()[:32]
    return DataInfo(_num_train(spec, text), text.counts["test"].kept, (2, spec.length), len(text.pieces), made)


def load(spec: Pairs, seed: int) -> Dataset:
    """Return the tokens; the seed decides which training pairs are a random sample.

    Raises:
        ValueError: The seed is out of range, a file is missing or unfit, the text is not what is stated, or
            `tokenizers` is not installed.
    """
    key = seed_key(seed, "pairs", "sample")
    text = _text(spec)
    train, test = text.tokens["train"], text.tokens["test"]
    count = _num_train(spec, text)
    rows = random_rows(key, count, len(train)) if spec.sample == "random" else slice(count)
    held_out = text.tokens["valid"][: spec.num_validation] if spec.num_validation else train[:0]
    return Dataset(*_examples(train[rows]), *_examples(test), *_examples(held_out))


def depends_on_seed(spec: Pairs) -> bool:
    """Return whether another seed gives other arrays: a random sample does."""
    return spec.sample == "random"


def resolve(spec: Pairs) -> Pairs:
    """Return the specification with the hash of the text, by which it is identified from now on.

    Raises:
        ValueError: A file is missing, or the text is not what is stated.
    """
    return spec.replace(sha256=_sha256(spec))


def vocabulary(spec: Pairs) -> tuple[str, ...]:
    """Return the piece of a word that each token stands for; ▁ is the white space before it.

    Raises:
        ValueError: As of :func:`describe`.
    """
    return _text(spec).pieces


def left_out(spec: Pairs) -> Mapping[str, Count]:
    """Return how many pairs of each part were kept and left out.

    Raises:
        ValueError: As of :func:`describe`.
    """
    return _text(spec).counts


SOURCE = Source(Pairs, describe, load, depends_on_seed, resolve=resolve, vocabulary=vocabulary)


def _files(spec: Pairs) -> TextFiles:
    return text_files(Path(spec.path), spec.source, spec.target)


def _sha256(spec: Pairs) -> str:
    found = hash_text(_files(spec))
    if spec.sha256 not in (None, found):
        raise ValueError(f"{spec.path}: expected SHA-256 {spec.sha256}, got {found}; restore it, or leave sha256 out")
    return found


def _text(spec: Pairs) -> _Text:
    _sha256(spec)
    return _encoded(_files(spec), Path(spec.path), spec.vocabulary, spec.length)


@functools.lru_cache(maxsize=2)
def _encoded(files: TextFiles, folder: Path, size: int, length: int) -> _Text:
    sentences = {part: read_pairs(*pair) for part, *pair in files}
    _check_memory(folder, sum(map(len, sentences.values())), length)
    training = tuple(part for part in files if part[0] == "train")
    encoding = learnt(folder, hash_text(training), size, (one for pair in sentences["train"] for one in pair))
    of_word = of_words(encoding, (one for pairs in sentences.values() for pair in pairs for one in pair))
    tokens, counts = {}, {}
    for part, pairs in sentences.items():
        filled = [pair for pair in pairs if all(pair)]
        found = _tokens(of_word, filled, length)
        tokens[part], counts[part] = found, Count(len(found), len(pairs) - len(filled), len(filled) - len(found))
        if len(found) == 0:
            raise ValueError(f"{folder}: expected pairs of at most {length} tokens in {part}, got none; raise length")
    _tell(folder, counts, length)
    return _Text(tokens, counts, pieces(encoding), hashlib.sha256(encoding.to_str().encode()).hexdigest())


def _tokens(of_word: Mapping[str, list[int]], pairs: list[Pair], length: int) -> Int32[np.ndarray, "kept 2 length"]:
    """Return the tokens of pairs that are short enough, each sentence with its end and padding."""
    found, kept = np.full((len(pairs), 2, length), PAD, np.int32), 0
    for pair in pairs:
        ids = [[token for word in one.split(" ") for token in of_word[word]] for one in pair]
        if max(map(len, ids)) < length:
            for place, one in zip(found[kept], ids, strict=True):
                place[: len(one) + 1] = [*one, EOS]
            kept += 1
    return found[:kept]


def _examples(
    tokens: Int32[np.ndarray, "n 2 length"],
) -> tuple[Int32[np.ndarray, "n 2 length"], Int32[np.ndarray, "n length"]]:
    """Return inputs and labels: the target after the begin beside the source, and the target without padding."""
    x, target = tokens.copy(), tokens[:, 1]
    x[:, 1, 0] = BOS
    x[:, 1, 1:] = np.where(target == EOS, PAD, target)[:, :-1]
    return x, np.where(target == PAD, NO_TOKEN, target)


def _num_train(spec: Pairs, text: _Text) -> int:
    """Return how many pairs are trained on, after a look at whether there are as many as are asked for."""
    available, held = text.counts["train"].kept, text.counts.get("valid", Count(0, 0, 0)).kept
    if spec.num_validation > held:
        raise ValueError(
            f"{spec.path}: expected num_validation of at most {held}, the pairs of valid or dev, got "
            f"{spec.num_validation}; ask for fewer, or add the files"
        )
    if (spec.num_train or 1) > available:
        raise ValueError(
            f"{spec.path}: expected num_train of at most {available}, got {spec.num_train}; ask for fewer pairs, or "
            "raise length"
        )
    return spec.num_train or available


def _check_memory(folder: Path, pairs: int, length: int) -> None:
    needed = 4 * 2 * pairs * length
    if needed > MAX_BYTES:
        raise ValueError(
            f"{folder}: expected tokens of at most {MAX_BYTES / 2**30:.0f} GiB, got {pairs} pairs of {length}, "
            f"{needed / 2**30:.1f} GiB; lower length, or use fewer"
        )


def _tell(folder: Path, counts: Mapping[str, Count], length: int) -> None:
    """Say on standard error what was left out, if anything was."""
    said = [
        f"{count.empty + count.long} of {count.kept + count.empty + count.long} in {part} ({count.empty} empty, "
        f"{count.long} of more than {length} tokens)"
        for part, count in counts.items()
        if count.empty + count.long
    ]
    if said:
        print(f"{folder}: pairs left out: {'; '.join(said)}", file=sys.stderr, flush=True)
