"""Parallel text on small files of its exact form: what is read, what is left out, what is refused."""

import json
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from data_samples import ENGLISH, GERMAN, sentences, text_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer

from basin.data import Pairs, depends_on_seed, describe, load, pairs, resolve, text_files, vocabulary
from basin.spec.data import BOS, EOS, PAD, UNK
from basin.spec.ids import content_id


@pytest.fixture
def folder(tmp_path):
    return text_folder(tmp_path / "text")


def spelt(words, tokens):
    """Return the text of tokens: their pieces joined, each ▁ a space."""
    joined = "".join(words[token] for token in tokens if token not in (PAD, BOS, EOS))
    return joined.replace("▁", " ").strip()


def lines(part, ending="de"):
    """Return the sentences that `text_folder` wrote."""
    number, count = {"train": (0, 60), "test": (1, 12), "valid": (2, 8)}[part]
    return sentences(number, count, GERMAN if ending == "de" else ENGLISH)


def refused(path, **options):
    """Return the refusal of a folder, which must be one line, from loading and describing alike."""
    spec = Pairs(path=str(path), **{"length": 40, **options})
    with pytest.raises(ValueError) as refusal:  # noqa: PT011
        load(spec, 0)
    with pytest.raises(ValueError) as other:  # noqa: PT011
        describe(spec)
    message = str(refusal.value)
    assert message == str(other.value)
    assert "\n" not in message
    return message


# --- What is read ----------------------------------------------------------------------------------------------------


def test_sentences_come_in_their_order_in_both_languages(folder):
    spec = Pairs(path=folder, length=40, num_validation=5)
    data, words = load(spec, 0), vocabulary(spec)
    for part, x, y in (("train", data.x_train, data.y_train), ("test", data.x_test, data.y_test)):
        assert [spelt(words, row) for row in x[:, 0]] == lines(part, "de")
        assert [spelt(words, row) for row in x[:, 1]] == lines(part, "en")
        assert [spelt(words, row[row >= 0]) for row in y] == lines(part, "en")
    assert [spelt(words, row) for row in data.x_validation[:, 0]] == lines("valid", "de")[:5]


def test_the_other_direction_is_the_other_way_round_with_one_vocabulary(folder):
    there, back = Pairs(path=folder, length=40), Pairs(path=folder, length=40, source="en", target="de")
    assert sorted(vocabulary(there)) == sorted(vocabulary(back))
    words = vocabulary(back)
    assert [spelt(words, row) for row in load(back, 0).x_train[:, 0]] == lines("train", "en")


def test_the_vocabulary_is_learnt_from_the_training_text_alone(tmp_path):
    here = Pairs(path=text_folder(tmp_path / "a"), length=40)
    there = Pairs(path=text_folder(tmp_path / "b", test_de="ζ\n" * 12, valid_en="щ\n" * 8), length=40)
    assert vocabulary(here) == vocabulary(there)
    assert not set("ζщ") & set("".join(vocabulary(there)))
    assert UNK in load(there, 0).x_test[:, 0]


def merges(words):
    """Yield what byte-pair encoding adds to the letters, by hand, as long as one pair is the most frequent."""
    words = {tuple(word): count for word, count in words.items()}
    while True:
        counts = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                counts[pair] += count
        (best, most), *rest = counts.most_common(2)
        if most in [count for _, count in rest]:
            return
        yield "".join(best)
        words = {merged(word, best): count for word, count in words.items()}


def merged(word, pair):
    done, rest = [], list(word)
    while rest:
        size = 2 if tuple(rest[:2]) == pair else 1
        done.append("".join(rest[:size]))
        del rest[:size]
    return tuple(done)


def test_pieces_are_the_most_frequent_merges(folder):
    words = vocabulary(Pairs(path=folder, length=40))
    text = [f"▁{word}" for ending in ("de", "en") for line in lines("train", ending) for word in line.split()]
    letters = sorted(set("".join(text)))
    assert list(words[4 : 4 + len(letters)]) == letters
    expected = list(merges(Counter(text)))
    assert len(expected) > 4
    assert list(words[4 + len(letters) :][: len(expected)]) == expected


@pytest.mark.parametrize("size", [40, 60, 100])
def test_the_vocabulary_is_no_larger_than_asked_for(folder, size):
    assert describe(Pairs(path=folder, length=40, vocabulary=size)).num_classes == size


def test_names_of_special_tokens_are_text_like_any_other(tmp_path):
    text = "Haus <pad> <s> </s> <unk> Haus\n"
    path = text_folder(tmp_path, test_de=text * 12, train_de=text * 60)
    spec = Pairs(path=path, length=40)
    data = load(spec, 0)
    row = data.x_test[0, 0]
    count = np.count_nonzero(row)
    assert row[count - 1] == EOS
    assert row[: count - 1].min() > UNK
    assert spelt(vocabulary(spec), row) == text.strip()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("eins\r\nzwei\r\n", ["eins", "zwei"]),
        ("eins\nzwei", ["eins", "zwei"]),
        ("\ufeffeins\nzwei\n", ["eins", "zwei"]),
        ("  eins \t mehr\nzwei\u00a0drei\n", ["eins mehr", "zwei drei"]),
        ("eins\u2028mehr\nzwei\x0bdrei\x85vier\n", ["eins mehr", "zwei drei vier"]),
        (unicodedata.normalize("NFD", "grün\nweiß\n"), ["grün", "weiß"]),
        ("a\n\n", ["a", ""]),
        ("", []),
    ],
)
def test_only_line_feeds_end_a_line_and_white_space_is_one_space(written, read, tmp_path):
    path = text_folder(tmp_path, parts=(("train", 2), ("test", 2)), train_de=written, train_en=written)
    (_, *both), _ = text_files.text_files(Path(path), "de", "en")
    assert text_files.read_pairs(*both) == [(line, line) for line in read]


# --- What is left out ------------------------------------------------------------------------------------------------


def test_empty_and_long_pairs_are_left_out_of_every_part_and_counted(tmp_path, capsys):
    train, test = lines("train", "de"), lines("test", "en")
    train[3], train[7] = "", "Haus " * 50
    test[0], test[1] = "  \t", "house " * 50
    path = text_folder(tmp_path, train_de="\n".join(train), test_en="\n".join(test))
    spec = Pairs(path=path, length=40)
    data, words = load(spec, 0), vocabulary(spec)
    assert pairs.left_out(spec) == {
        "train": pairs.Count(58, 1, 1),
        "test": pairs.Count(10, 1, 1),
        "valid": pairs.Count(8, 0, 0),
    }
    kept = [line for i, line in enumerate(train) if i not in (3, 7)]
    assert [spelt(words, row) for row in data.x_train[:, 0]] == kept
    assert [spelt(words, row) for row in data.x_test[:, 1]] == test[2:]
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "2 of 60 in train (1 empty, 1 of more than 40 tokens); 2 of 12 in test" in said


def test_the_longest_sentence_that_is_kept_fills_the_length(folder):
    whole = load(Pairs(path=folder, length=100), 0)
    longest = max(np.count_nonzero(whole.x_train[:, side], axis=1).max() for side in (0, 1))
    exact, shorter = (pairs.left_out(Pairs(path=folder, length=size))["train"] for size in (longest, longest - 1))
    assert exact.long == 0
    assert shorter.long > 0


# --- Which are trained on --------------------------------------------------------------------------------------------


def test_a_random_sample_belongs_to_the_seed_and_larger_ones_begin_with_it(folder):
    spec = Pairs(path=folder, length=40, num_train=20, sample="random")
    a, b = load(spec, 0), load(spec, 1)
    assert (a.x_train != b.x_train).any()
    assert depends_on_seed(spec)
    assert not depends_on_seed(spec.replace(sample="first"))
    larger = load(spec.replace(num_train=50), 0)
    np.testing.assert_array_equal(larger.x_train[:20], a.x_train)
    np.testing.assert_array_equal(larger.y_train[:20], a.y_train)
    everything = {row.tobytes() for row in load(Pairs(path=folder, length=40), 0).x_train}
    assert {row.tobytes() for row in larger.x_train} <= everything


def test_dev_is_another_name_of_valid(folder):
    held = load(Pairs(path=folder, length=40, num_validation=8), 0).x_validation
    for ending in ("de", "en"):
        Path(folder, f"valid.{ending}").rename(Path(folder, f"dev.{ending}"))
    np.testing.assert_array_equal(load(Pairs(path=folder, length=40, num_validation=8), 0).x_validation, held)


# --- The encoding that is kept ---------------------------------------------------------------------------------------


def kept(folder):
    """Return the one encoding that is kept beside a text."""
    (found,) = Path(folder, "encoded").glob("bpe-*.json")
    return found


def test_the_encoding_is_the_same_in_another_process_with_another_number_of_threads(folder):
    spec = Pairs(path=folder, length=40, vocabulary=200)
    ours = vocabulary(spec), kept(folder).read_bytes()
    kept(folder).unlink()
    code = f"from basin.data import Pairs, describe; print(describe(Pairs(path={folder!r}, length=40, vocabulary=200)))"
    environment = {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": ":".join(sys.path)}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(describe(spec))
    assert kept(folder).read_bytes() == ours[1]


def fresh(spec):
    """Return the vocabulary as a process that has not seen the text would."""
    pairs._encoded.cache_clear()
    return vocabulary(spec)


def test_a_sentence_has_the_tokens_that_the_library_gives_the_whole_of_it(folder):
    data = load(Pairs(path=folder, length=40), 0)
    encoding = Tokenizer.from_str(json.loads(kept(folder).read_text())["encoding"])
    for row, line in zip(data.x_train[:, 0], lines("train"), strict=True):
        assert row[: np.count_nonzero(row)].tolist() == [*encoding.encode(line).ids, EOS]


def test_a_kept_encoding_is_read_and_not_learnt_again(folder, monkeypatch):
    spec = Pairs(path=folder, length=40)
    words = vocabulary(spec)
    monkeypatch.setattr("basin.data.bpe._learn", lambda *_: pytest.fail("learnt again"))
    assert fresh(spec) == words


@pytest.mark.parametrize("damage", ["cut", "empty", "another encoding", "a list"])
def test_a_damaged_encoding_is_learnt_again(folder, damage):
    spec = Pairs(path=folder, length=40)
    words = vocabulary(spec)
    path = kept(folder)
    whole = path.read_text()
    said = json.loads(whole)
    said["encoding"] = said["encoding"].replace("Haus", "Maus")
    path.write_text({"cut": whole[:-9], "empty": "", "another encoding": json.dumps(said), "a list": "[1]"}[damage])
    assert fresh(spec) == words
    assert path.read_text() == whole


def test_a_folder_that_cannot_be_written_to_leaves_the_encoding_in_the_cache(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Path(folder, "encoded").write_text("in the way")
    words = fresh(Pairs(path=folder, length=40))
    (found,) = (tmp_path / "cache" / "basin").glob("pairs-*/bpe-*.json")
    assert len(words) == Tokenizer.from_str(json.loads(found.read_text())["encoding"]).get_vocab_size()


# --- Identity --------------------------------------------------------------------------------------------------------


def test_the_identity_is_the_content(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("encoded"))
    here, there = (resolve(Pairs(path=str(path))) for path in (folder, tmp_path / "copy"))
    assert content_id(here) == content_id(there)
    assert describe(here).fingerprint == describe(there).fingerprint
    assert content_id(resolve(Pairs(path=folder, source="en", target="de"))) != content_id(here)


def test_text_that_has_changed_is_refused(folder):
    spec = resolve(Pairs(path=folder, length=40))
    Path(folder, "train.en").write_text("\n".join(reversed(lines("train", "en"))))
    assert f"expected SHA-256 {spec.sha256}, got" in refused(folder, sha256=spec.sha256)


# --- What is refused -------------------------------------------------------------------------------------------------

UNFIT = {
    "a missing file": ({"train_en": None}, "train.en: expected a file of sentences, got none; check the path and the"),
    "no test": ({"test_de": None, "test_en": None}, "test.de: expected a file of sentences, got none"),
    "half of valid": ({"valid_de": None}, "valid.de: expected a file of sentences, got none"),
    "too few lines": ({"train_en": "one\n" * 59}, "train.en, got 60 and 59; line n of both is pair n"),
    "too many lines": ({"test_de": "eins\n" * 13}, "test.en, got 13 and 12"),
    "latin-1": ({"train_de": "Haus\nüber\n".encode("latin-1")}, "train.de: expected UTF-8, got another byte in line 2"),
    "bytes": ({"test_en": b"\xff\xfe" + bytes(8)}, "test.en: expected UTF-8, got another byte in line 1"),
    "a cut letter": ({"valid_en": "ok\nok\nü".encode()[:-1]}, "valid.en: expected UTF-8, got another byte in line 3"),
    "nothing": ({"train_de": "", "train_en": ""}, "expected pairs of at most 40 tokens in train, got none"),
    "empty lines": ({"test_de": "\n" * 12}, "expected pairs of at most 40 tokens in test, got none; raise length"),
    "a line without end": ({"train_de": "x" * 2**17 + "\n" * 60}, "characters, got 131072 in line 1; write one"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_an_unfit_folder_is_refused_in_one_line(case, tmp_path):
    changes, message = UNFIT[case]
    found = refused(text_folder(tmp_path, **changes))
    assert message in found
    assert str(tmp_path) in found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_train": 61}, "expected num_train of at most 60, got 61"),
        ({"num_validation": 9}, "expected num_validation of at most 8, the pairs of valid or dev, got 9"),
        ({"vocabulary": 16}, "expected a text of fewer letters than vocabulary = 16 tokens, got"),
        ({"length": 2}, "expected pairs of at most 2 tokens in train, got none; raise length"),
        ({"target": "fr"}, "train.fr: expected a file of sentences, got none; check the path and the languages"),
    ],
)
def test_what_the_text_cannot_give_is_refused(options, message, folder):
    assert message in refused(folder, **options)


def test_validation_without_its_files_is_refused(tmp_path):
    path = text_folder(tmp_path, parts=(("train", 60), ("test", 12)))
    assert "expected num_validation of at most 0" in refused(path, num_validation=1)
    assert load(Pairs(path=path, length=40), 0).x_validation.shape == (0, 2, 40)


def test_valid_and_dev_together_are_refused(folder):
    shutil.copy(Path(folder, "valid.de"), Path(folder, "dev.de"))
    assert "expected valid or dev, got both; leave one" in refused(folder)


def test_no_folder_is_refused(tmp_path):
    assert "expected a folder of parallel text, got none" in refused(tmp_path / "absent")


def test_too_much_text_is_refused_before_it_is_read(folder, monkeypatch):
    monkeypatch.setattr(text_files, "MAX_BYTES", 100)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read"))
    assert "expected at most 100 bytes of text, got" in refused(folder)


def test_too_many_tokens_are_refused_before_they_are_made(folder, monkeypatch):
    monkeypatch.setattr(pairs, "MAX_BYTES", 4 * 2 * 79 * 40)
    assert "got 80 pairs of 40" in refused(folder)


def test_without_the_library_the_refusal_says_how_to_install_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert "pip install 'basin-lab[text]'" in refused(folder)


def test_one_language_or_a_path_in_its_place_is_refused():
    with pytest.raises(ValidationError, match="expected two languages, got de twice"):
        Pairs(path="text", target="de")
    with pytest.raises(ValidationError):
        Pairs(path="text", target="../en")


LINE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\ufeff"), max_size=40)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(LINE, LINE), min_size=1, max_size=6))
def test_any_text_is_read_back_or_refused(found):
    """The encoding is learnt from the text itself, so that what is kept must spell the text."""
    with tempfile.TemporaryDirectory() as folder:
        text = {side: "\n".join(pair[i] for pair in found) + "\n" for i, side in enumerate(("de", "en"))}
        changes = {f"{part}_{side}": content for part in ("train", "test") for side, content in text.items()}
        spec = Pairs(path=text_folder(Path(folder), parts=(("train", 1), ("test", 1)), **changes), length=400)
        expected = [[" ".join(unicodedata.normalize("NFC", side).split()) for side in pair] for pair in found]
        expected = [pair for pair in expected if all(pair)]
        if not expected:
            assert "got none" in refused(folder)
            return
        data, words = load(spec, 0), vocabulary(spec)
        plain = [[" ".join(side.replace("▁", " ").split()) for side in pair] for pair in expected]
        assert [[" ".join(spelt(words, row).split()) for row in x] for x in data.x_test] == plain
