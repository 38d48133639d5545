"""Byte-pair encoding of a text (Sennrich, Haddow & Birch 2016) by the library `tokenizers`, learnt once and kept.

A word is a run of letters and digits or of other signs, with a mark (▁) before it where white space was, so that joined
pieces spell the text again. The most frequent pair of neighbouring pieces is merged, again and again, until the
vocabulary is as large as asked for. The first four tokens are those of :mod:`basin.spec.data`; no text is read as one
of them, not even one that spells its name.

References:
    Sennrich, Haddow & Birch 2016, "Neural Machine Translation of Rare Words with Subword Units".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from basin.data.kept import first_writable, places, written
from basin.spec.data import SPECIAL_TOKENS, UNK

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VERSION = 1
"""Of the way words are cut; an encoding of another is learnt again."""

_WORD = r"▁?[\p{L}\p{N}\p{M}]+|▁?[^▁\p{L}\p{N}\p{M}]+|▁"


def learnt(folder: Path, text_sha256: str, vocabulary: int, text: Iterable[str]) -> Tokenizer:
    """Return the encoding of a text, as it is kept or learnt now.

    Args:
        folder: The user's, in or for which it is kept.
        text_sha256: What the text is.
        vocabulary: Most tokens.
        text: Its sentences, read only if there is something to learn.

    Raises:
        ValueError: The library is not installed, or the text has more letters than the vocabulary tokens.
    """
    _check_installed()
    settings = {"version": VERSION, "tokenizers": version("tokenizers"), "text": text_sha256, "vocabulary": vocabulary}
    name = f"bpe-{hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]}.json"
    candidates = places(folder, "encoded", "pairs")
    kept = (_kept(place / name, settings) for place in candidates)
    found = next((one for one in kept if one is not None), None)
    return found if found is not None else _learnt_and_kept(candidates, name, settings, text)


def pieces(encoding: Tokenizer) -> tuple[str, ...]:
    """Return the piece of a word that each token stands for."""
    found = [encoding.id_to_token(token) for token in range(encoding.get_vocab_size())]
    assert tuple(found[: len(SPECIAL_TOKENS)]) == SPECIAL_TOKENS, "the first tokens have names of their own"
    return tuple(piece or "" for piece in found)


def of_words(encoding: Tokenizer, sentences: Iterable[str]) -> dict[str, list[int]]:
    """Return the tokens of every word of some sentences; those of a sentence are those of its words in a row."""
    words = list({word: None for one in sentences for word in one.split(" ")})
    tokens = (one.ids for one in encoding.encode_batch(words, add_special_tokens=False))
    return dict(zip(words, tokens, strict=True))


def _learnt_and_kept(candidates: tuple[Path, ...], name: str, settings: dict, text: Iterable[str]) -> Tokenizer:
    place = first_writable(candidates)
    with FileLock(place / ".lock"):
        found = _kept(place / name, settings)
        if found is not None:
            return found
        encoding = _learn(text, settings["vocabulary"])
        form = encoding.to_str()
        said = settings | {"sha256": hashlib.sha256(form.encode()).hexdigest(), "encoding": form}
        with written(place / name) as file:
            file.write(json.dumps(said).encode())
    return encoding


def _kept(path: Path, settings: dict) -> Tokenizer | None:
    """Return an encoding that was kept, or None if it was not, or is damaged."""
    from tokenizers import Tokenizer

    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        form = said["encoding"]
        whole = said == settings | {"sha256": hashlib.sha256(form.encode()).hexdigest(), "encoding": form}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return _of_text_only(Tokenizer.from_str(form)) if whole else None


def _learn(text: Iterable[str], vocabulary: int) -> Tokenizer:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    encoding = Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS[UNK]))
    marked = pre_tokenizers.Metaspace(prepend_scheme="always")
    encoding.pre_tokenizer = pre_tokenizers.Sequence([marked, pre_tokenizers.Split(Regex(_WORD), "isolated")])  # pyright: ignore[reportAttributeAccessIssue]
    encoding.decoder = decoders.Metaspace()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=list(SPECIAL_TOKENS), show_progress=False)
    encoding.train_from_iterator(text, trainer)
    if encoding.get_vocab_size() > vocabulary:
        raise ValueError(
            f"expected a text of fewer letters than vocabulary = {vocabulary} tokens, got "
            f"{encoding.get_vocab_size() - len(SPECIAL_TOKENS)} letters and signs; raise vocabulary"
        )
    return _of_text_only(encoding)


def _of_text_only(encoding: Tokenizer) -> Tokenizer:
    """Return the encoding told to read names of special tokens as any other text."""
    encoding.encode_special_tokens = True
    return encoding


def _check_installed() -> None:
    try:
        import tokenizers  # noqa: F401
    except ImportError as error:
        raise ValueError(
            "expected the library tokenizers, which cuts words into pieces, got none; pip install 'basin-lab[text]'"
        ) from error
