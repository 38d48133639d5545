"""The pair of languages: its rules, its noise, and what the best translator can do.

The translator here is the independent oracle: it knows the dictionary and reads a source sentence word by word, as a
person would who has the rules on paper. It keeps every translation that chance may have picked and weighs them by the
words that it has seen, without the groups and counts of `basin.data.floor`.
"""

from itertools import product
from typing import NamedTuple

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from basin.data import (
    Language,
    Mixture,
    bayes_error,
    describe,
    entropy_floor,
    grammar,
    reference,
    stream,
    vocabulary,
)
from basin.spec.data import EOS

KEY = jax.random.key(0, impl="threefry2x32")
SMALL = Language(nouns=6, verbs=4, adjectives=3, ambiguous=0.4, free=0.6, noise=0.2, language=1)


def drawn(spec, n, key=KEY):
    x, y = stream(spec)(key, n)
    return np.asarray(x), np.asarray(y)


def sentence(tokens):
    """Return the words before the end."""
    tokens = tokens.tolist()
    return tokens[: tokens.index(EOS)]


# --- A translator who has the rules on paper -------------------------------------------------------------------------


class Word(NamedTuple):
    name: str
    rank: int


def read(spec, tokens):
    """Return the words of a source sentence, each by its class and its place in the dictionary."""
    counts = {"D": 4, "A": spec.adjectives, "N": spec.nouns, "V": spec.verbs, "P": 4, "B": 8, "C": 2}
    numbered = [Word(name, rank) for name, count in counts.items() for rank in range(count)]
    return [numbered[token - 4] for token in tokens]


def clauses(words):
    """Return each clause's parts: subject, verb, object, preposition and its phrase, adverb; and what joins them."""
    parts, joined = [[]], []
    for word in words:
        if word.name == "C":
            joined.append(word)
            parts.append([])
        else:
            parts[-1].append(word)
    return [parse(part) for part in parts], joined


def parse(words):
    words, found = list(words), {}

    def phrase():
        taken = [words.pop(0)]
        while taken[-1].name != "N":
            taken.append(words.pop(0))
        assert [word.name for word in taken] == ["D", *"A" * (len(taken) - 2), "N"]
        return taken

    found["subject"] = phrase()
    found["verb"] = words.pop(0)
    assert found["verb"].name == "V"
    if words and words[0].name == "D":
        found["object"] = phrase()
    if words and words[0].name == "P":
        found["preposition"] = words.pop(0)
        found["place"] = phrase()
    if words and words[0].name == "B":
        found["adverb"] = words.pop(0)
    assert words == []
    return found


def translations(lexicon, clause):
    """Return every translation of a clause with its probability."""

    def senses(words, word, context):
        if words.decided[word.rank] == 2:
            second = int(words.chance[word.rank]) / 2**32
            return [(0, 1 - second), (1, second)]
        return [(context if words.decided[word.rank] == 1 else 0, 1.0)]

    def phrases(phrase):
        determiner, *adjectives, noun = phrase
        for sense, p in senses(lexicon.nouns, noun, int(lexicon.verb_class[clause["verb"].rank])):
            gender = lexicon.genders[noun.rank, sense]
            agreeing = [int(lexicon.forms[word.name][word.rank, gender]) for word in (determiner, *adjectives[::-1])]
            yield [agreeing[0], int(lexicon.forms["N"][noun.rank, sense]), *agreeing[1:]], p

    def verbs():
        plural = int(clause["subject"][0].rank >= 2)
        for sense, p in senses(lexicon.verbs, clause["verb"], int("object" in clause)):
            yield [int(lexicon.forms["V"][clause["verb"].rank, sense, plural])], p

    parts = []
    if "adverb" in clause:
        parts.append([([int(lexicon.forms["B"][clause["adverb"].rank])], 1.0)])
    parts.append(list(phrases(clause["subject"])))
    if "place" in clause:
        after = int(lexicon.forms["P"][clause["preposition"].rank])
        parts.append([([*words, after], p) for words, p in phrases(clause["place"])])
    if "object" in clause:
        parts.append(list(phrases(clause["object"])))
    parts.append(list(verbs()))
    for chosen in product(*parts):
        yield [token for words, _ in chosen for token in words], float(np.prod([p for _, p in chosen]))


def translated(spec, tokens):
    """Return every translation of a sentence, (translations, tokens), with its probability."""
    lexicon = reference(spec).lexicon
    found, joined = clauses(read(spec, tokens))
    options = list(translations(lexicon, found[0]))
    for conjunction, clause in zip(joined, found[1:], strict=True):
        between = [int(lexicon.forms["C"][conjunction.rank])]
        rest = list(translations(lexicon, clause))
        options = [(a + between + b, p * q) for (a, p), (b, q) in product(options, rest)]
    return np.array([words for words, _ in options]), np.array([p for _, p in options])


def target_words(spec):
    """Return the tokens of the target language."""
    source = 4 + 4 + spec.adjectives + spec.nouns + spec.verbs + 4 + 8 + 2
    return np.arange(source, describe(spec).num_classes)


def predictions(spec, tokens, target):
    """Return p(token | source, target before it) at each word of the target, (words, target words)."""
    options, weight = translated(spec, tokens)
    words = target_words(spec)
    after_noise = np.full((len(words), len(words)), spec.noise / (len(words) - 1))
    np.fill_diagonal(after_noise, 1 - spec.noise)
    found = []
    for place, seen in enumerate(target):
        rows = after_noise[options[:, place] - words[0]]
        found.append(weight @ rows / weight.sum())
        weight = weight * rows[:, seen - words[0]]
    return np.array(found)


# --- The rules -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(
    st.builds(
        Language,
        nouns=st.just(8),
        verbs=st.just(4),
        adjectives=st.just(3),
        length=st.sampled_from([7, 32]),
        language=st.integers(0, 2**31 - 1),
        noise=st.just(0.0),
    ),
    st.sampled_from([(0.0, 0.5), (0.25, 0.25), (0.5, 0.0)]),
)
def test_without_noise_every_target_is_a_translation_by_the_rules(spec, shares):
    spec = spec.replace(ambiguous=shares[0], free=shares[1])
    x, y = drawn(spec, 60)
    for (source, _), target in zip(x, y, strict=True):
        words = sentence(target)
        options, weight = translated(spec, sentence(source))
        assert words in options.tolist()
        assert weight.sum() == pytest.approx(1)
        assert len(words) == len(sentence(source)) < spec.length
    w = vocabulary(spec)
    assert len(set(w)) == len(w) == describe(spec).num_classes
    assert 0 <= bayes_error(spec).value <= entropy_floor(spec) / (2 * np.log(2)) + 1e-12  # Hellman & Raviv 1970


def test_the_words_of_a_class_are_as_frequent_as_zipf_says():
    x, _ = drawn(SMALL, 40_000)
    words = x[:, 0].ravel()
    for first, count in ((4, 4), (8, 3), (11, 6), (17, 4), (21, 4), (25, 8), (33, 2)):
        found = np.bincount(words, minlength=50)[first : first + count]
        expected = 1 / np.arange(1, count + 1)
        expected *= found.sum() / expected.sum()
        assert ((found - expected) ** 2 / expected).sum() < count + 5 * np.sqrt(2 * count)


def test_sentences_are_as_long_as_the_grammar_says_and_fill_the_length():
    # independent: the weights of the grammar as text, expanded by hand for sentences of up to four words
    x, _ = drawn(SMALL.replace(length=5), 40_000)
    kinds = ["".join(word.name for word in read(SMALL, sentence(source))) for source in x[:, 0]]
    weights = {"DNV": 10 * 14, "DANV": 7 * 14, "DNVB": 10 * 6}
    for kind, weight in weights.items():
        p = weight / sum(weights.values())
        assert abs(kinds.count(kind) / len(kinds) - p) < 5 * np.sqrt(p * (1 - p) / len(kinds))
    assert set(kinds) == set(weights)
    longer, _ = drawn(SMALL.replace(length=12), 2000)
    assert set(np.count_nonzero(longer[:, 0], axis=1)) == set(range(4, 13))


def test_as_many_words_have_two_translations_as_was_asked_for_with_chances_of_eighths():
    spec = Language(nouns=40, verbs=21, ambiguous=0.3, free=0.5)
    lexicon = reference(spec).lexicon
    for words, count, forms in ((lexicon.nouns, 40, lexicon.forms["N"]), (lexicon.verbs, 21, lexicon.forms["V"])):
        assert [(words.decided == way).sum() for way in (1, 2)] == [round(0.3 * count), round(0.5 * count)]
        by_chance = words.decided == 2
        assert set(words.chance[by_chance] / 2**29) <= {1, 2, 3, 4}
        assert not words.chance[~by_chance].any()
        two = (forms[:, 0] != forms[:, 1]).reshape(count, -1).all(1)
        np.testing.assert_array_equal(two, words.decided > 0)
    every = np.concatenate([np.unique(forms) for forms in lexicon.forms.values()])
    np.testing.assert_array_equal(np.sort(every), target_words(spec))  # no token has two meanings


def test_the_vocabulary_shows_the_agreement():
    words = np.array(vocabulary(SMALL), object)
    forms = reference(SMALL).lexicon.forms
    for name in "DA":
        assert all(len({word[:-1] for word in row}) == 1 for row in words[forms[name]])
        assert [{word[-1] for word in column} for column in words[forms[name]].T] == [{"a"}, {"e"}, {"o"}]
    genders = reference(SMALL).lexicon.genders
    assert all("aeo"[g] == word[-1] for g, word in zip(genders.ravel(), words[forms["N"]].ravel(), strict=True))


def test_another_number_is_another_dictionary_with_the_same_sentences():
    (a, y), (b, z) = (drawn(SMALL.replace(language=number, noise=0.0), 40_000) for number in (1, 2))
    np.testing.assert_array_equal(a[:, 0], b[:, 0])
    assert (y != z)[y > EOS].mean() > 0.9


# --- The noise -------------------------------------------------------------------------------------------------------


def test_noise_replaces_words_by_uniformly_chosen_others_and_leaves_ends_and_sources():
    spec = SMALL.replace(noise=0.3)
    (x, noisy), (sources, clean) = drawn(spec, 40_000), drawn(spec.replace(noise=0.0), 40_000)
    np.testing.assert_array_equal(x[:, 0], sources[:, 0])
    words = clean > EOS
    np.testing.assert_array_equal(noisy[~words], clean[~words])
    wrong = noisy[words] != clean[words]
    assert abs(wrong.mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / wrong.size)
    first, count = target_words(spec)[0], len(target_words(spec))
    meant, instead = (np.bincount(y[words][wrong] - first, minlength=count) for y in (clean, noisy))
    expected = (wrong.sum() - meant) / (count - 1)
    assert ((instead - expected) ** 2 / expected).sum() < count + 5 * np.sqrt(2 * count)
    shift = np.bincount((noisy[words] - clean[words])[wrong] % count, minlength=count)
    expected = wrong.sum() / (count - 1)
    assert shift[0] == 0
    assert ((shift[1:] - expected) ** 2 / expected).sum() < count + 5 * np.sqrt(2 * count)


def test_what_is_wrong_is_wrong_in_the_same_way_at_a_higher_rate():
    clean, low, high = (drawn(SMALL.replace(noise=rate), 40_000)[1] for rate in (0.0, 0.1, 0.3))
    wrong = low != clean
    np.testing.assert_array_equal(high[wrong], low[wrong])
    assert (high != clean).sum() > 2 * wrong.sum()


def test_noise_at_different_places_is_independent():
    (_, noisy), (_, clean) = drawn(SMALL, 40_000), drawn(SMALL.replace(noise=0.0), 40_000)
    wrong = (noisy != clean)[:, :3] - SMALL.noise  # every sentence has three words
    for a, b in ((0, 1), (1, 2), (0, 2)):
        assert abs((wrong[:, a] * wrong[:, b]).mean()) < 5 * 0.16 / np.sqrt(len(wrong))


# --- What the best translator can do ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec",
    [
        SMALL.replace(noise=0.1, language=3),
        SMALL.replace(noise=0.0, ambiguous=0.0, free=1.0, language=2),
        Language(nouns=5, verbs=2, adjectives=2, length=32, free=0.8, ambiguous=0.2, noise=0.4),
    ],
    ids=["some of each", "all by chance", "long and noisy"],
)
def test_the_best_translator_has_the_cross_entropy_and_the_error_that_were_said(spec):
    x, y = drawn(spec, 2500)
    nats, misses, tokens = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    for i, (source, target) in enumerate(zip(x[:, 0], y, strict=True)):
        words = np.array(sentence(target))
        p = predictions(spec, sentence(source), words)
        rows = np.arange(len(words)), words - target_words(spec)[0]
        nats[i], misses[i], tokens[i] = -np.log(p[rows]).sum(), (p.argmax(1) != rows[1]).sum(), len(words) + 1
    for found, said in ((nats, entropy_floor(spec)), (misses, bayes_error(spec).value)):
        difference = found - said * tokens
        assert abs(difference.mean()) < 4.5 * difference.std() / np.sqrt(len(x))


def test_the_floor_of_the_shortest_sentences_is_the_sum_over_every_target():
    # independent: no chain rule and no groups; the probability of each of all possible targets, one by one
    spec = Language(nouns=3, verbs=2, adjectives=1, length=5, ambiguous=0.0, free=1.0, noise=0.15, language=5)
    lexicon, words = reference(spec).lexicon, target_words(spec)
    assert (np.ptp(lexicon.genders, axis=1) > 0).any()
    after_noise = np.full((len(words), len(words)), spec.noise / (len(words) - 1))
    np.fill_diagonal(after_noise, 1 - spec.noise)
    first = {"D": 4, "A": 8, "N": 9, "V": 12, "P": 14, "B": 18}
    kinds = {"DNV": 10 * 14, "DANV": 7 * 14, "DNVB": 10 * 6}
    nats = tokens = 0.0
    for (kind, weight), noun, verb in product(kinds.items(), range(3), range(2)):
        rank = {"N": noun, "V": verb}
        options, p = translated(spec, [first[name] + rank.get(name, 0) for name in kind])
        joint = np.zeros(len(words) ** len(kind))
        for option, of_it in zip(options, p, strict=True):
            outcome = np.array([of_it])
            for token in option:
                outcome = np.outer(outcome, after_noise[token - words[0]]).ravel()
            joint += outcome
        weight = weight / sum(kinds.values()) / (noun + 1) / (1 + 1 / 2 + 1 / 3) / (verb + 1) / (1 + 1 / 2)
        nats -= weight * (joint * np.log(joint)).sum()
        tokens += weight * (len(kind) + 1)
    assert entropy_floor(spec) == pytest.approx(nats / tokens, rel=1e-6)  # weights of words are whole, 2^24 / r


def test_the_floor_is_what_counting_targets_gives():
    # plug-in entropies of the targets that each source was seen with; the bias (Miller & Madow) is -(K - 1) / 2N
    spec = Language(nouns=2, verbs=2, adjectives=1, length=4, ambiguous=0.0, free=1.0, noise=0.02, language=5)
    x, y = drawn(spec, 400_000)
    tokens = describe(spec).num_classes ** np.arange(3)
    sources, source = np.unique(x[:, 0, :3] @ tokens, return_inverse=True)
    pairs, first, counts = np.unique(source + len(sources) * (y[:, :3] @ tokens), return_index=True, return_counts=True)
    plug_in = -(counts * np.log(counts / np.bincount(source)[source[first]])).sum() / len(x)
    bias = (len(pairs) - len(sources)) / (2 * len(x))
    assert bias < 0.02
    assert (plug_in + bias) / 4 == pytest.approx(entropy_floor(spec), abs=0.004)


def test_noise_alone_has_the_entropy_of_the_textbook():
    spec = Language(free=0.0, noise=0.1, length=4)
    count = len(target_words(spec))
    of_word = -0.9 * np.log(0.9) - 0.1 * np.log(0.1 / (count - 1))
    assert entropy_floor(spec) == pytest.approx(3 / 4 * of_word)
    assert bayes_error(spec).value == pytest.approx(3 / 4 * 0.1)


def test_context_costs_nothing_and_chance_costs():
    assert entropy_floor(SMALL.replace(noise=0.0, free=0.0, ambiguous=1.0)) == 0
    floors = [entropy_floor(SMALL.replace(noise=0.0, ambiguous=0.0, free=share)) for share in (0.0, 0.5, 1.0)]
    assert floors[0] < floors[1] < floors[2]


def test_the_floor_of_other_data_is_not_known():
    with pytest.raises(ValueError, match=r"expected data whose entropy floor is known \(language\), got mixture"):
        entropy_floor(Mixture())


def test_shares_of_more_than_the_whole_are_refused():
    with pytest.raises(ValidationError, match="ambiguous and free of at most 1 together"):
        Language(ambiguous=0.6, free=0.5)


@given(
    st.builds(
        Language,
        nouns=st.integers(2, 60),
        verbs=st.integers(2, 30),
        adjectives=st.integers(1, 20),
        length=st.integers(4, 32),
        language=st.integers(0, 2**31 - 1),
        noise=st.floats(0, 0.9),
    ),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_floor_keeps_the_bounds_of_information_theory(spec, ambiguous, free):
    spec = spec.replace(ambiguous=ambiguous * (1 - free), free=free)
    floor, error, words = entropy_floor(spec), bayes_error(spec).value, len(target_words(spec))
    assert 0 <= floor < np.log(words)
    assert error <= floor / (2 * np.log(2)) + 1e-12  # Hellman & Raviv 1970
    # Fano 1961; the end of a sentence is certain, hence an error below 1
    assert floor <= -error * np.log(error) - (1 - error) * np.log(1 - error) + error * np.log(words) if error else True
    noisier = spec.replace(noise=spec.noise + 0.05)
    assert entropy_floor(noisier) > floor
    assert bayes_error(noisier).value > error


@given(st.integers(4, 31))
def test_shorter_sentences_are_the_longer_ones_that_fit(length):
    longer, shorter = grammar.structures(length + 1), grammar.structures(length)
    fits = longer.slots().sum(1) < length
    np.testing.assert_array_equal(longer.filled[fits], shorter.filled)
    p = longer.probabilities()[fits]
    np.testing.assert_allclose(p / p.sum(), shorter.probabilities(), atol=1e-8)
    assert shorter.probabilities().min() > 0
    assert shorter.slots().sum(1).max() == length - 1
