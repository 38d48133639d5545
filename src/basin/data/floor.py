r"""The least cross-entropy and the least error of a translator of :class:`basin.spec.data.Language`, both exact.

A translator predicts each token y_t of the target, the end counted, from the source x and the tokens before it. By the
chain rule its expected summed cross-entropy is at least H(y | x) = sum_t H(y_t | x, y_<t), so per token

    floor = E[H(y | x)] / E[tokens],

the limit of the mean over all tokens of many sentences. Given the source, all that chance decides are the translations
of freely varying words and the noise, so the target falls into independent groups. With T target words and noise e,

* a token that the source determines is right with probability 1 - e and any other word with e / (T - 1) each; the
  sentence's end is certain, since the source says how long the target is;
* a freely varying word with probabilities 1 - p and p is one of two tokens, before the noise;
* so are, where its two translations differ in gender, the determiner and the adjectives that agree with it, and all of
  them show the same choice: of m such tokens, what has been seen of them tells more and more about the rest. Their
  entropy is the sum over the 3^m cases in which each is the one token, the other, or one of T - 2 that say nothing.

The least error follows likewise: at each token the likeliest is taken, given what was seen of the group before it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
import scipy.special
from jaxtyping import Float64

from basin.data.bayes import BayesError
from basin.data.choices import WORDS, probabilities
from basin.data.grammar import PHRASES, SLOTS, structures
from basin.data.lexicon import lexicon, num_target_words
from basin.spec.data import Language


def entropy_floor(spec: Language) -> float:
    """Return the least cross-entropy that any translator can have, in nats a token, given the tokens before it.

    Example:
        >>> entropy_floor(Language(noise=0.0, free=0.0))
        0.0
    """
    return _per_token(spec, _entropy)


def bayes_error(spec: Language) -> BayesError:
    """Return the least share of wrong tokens that any translator can have, given the tokens before each.

    Example:
        >>> round(bayes_error(Language(noise=0.1, free=0.0, length=4)).value, 9)  # three words of four tokens
        0.075
    """
    return BayesError(_per_token(spec, _misses), 0.0)


class _Channel(NamedTuple):
    """What the noise does to a word: keeps it, or makes it any one of `words` - 1 others."""

    kept: float
    any_other: float
    words: int

    def rows(self) -> Float64[np.ndarray, "2 3"]:
        """Return, for either possibility, the probability of the one token, the other, and any third."""
        return np.array([[self.kept, self.any_other, self.any_other], [self.any_other, self.kept, self.any_other]])


_Cost = Callable[[_Channel, float, int], float]
"""`cost(channel, p, m)` of m tokens that all show the same choice between two possibilities of probability 1 - p, p."""


def _entropy(channel: _Channel, p: float, m: int) -> float:
    """Return the entropy of m tokens together."""
    joint, count = _cases(channel, p, m)
    return float(count @ scipy.special.entr(joint.sum(0)))


def _misses(channel: _Channel, p: float, m: int) -> float:
    """Return the expected number of wrong tokens among m: at each, 1 - sum over what was seen of max_t p(seen, t)."""
    return sum(1 - _hits(channel, p, seen) for seen in range(m))


def _hits(channel: _Channel, p: float, seen: int) -> float:
    """Return the probability of being right about a token after so many others of its group."""
    joint, count = _cases(channel, p, seen)
    return float(count @ (joint.T @ channel.rows()).max(1))


def _cases(channel: _Channel, p: float, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of each case with either possibility, (2, 3^m), and how many outcomes are like it."""
    like_it = np.array([1.0, 1.0, channel.words - 2])
    cases = np.array(list(product(range(3), repeat=m)), int).reshape(3**m, m)
    return np.array([[1 - p], [p]]) * channel.rows()[:, cases].prod(-1), like_it[cases].prod(-1)


def _per_token(spec: Language, cost: _Cost) -> float:
    """Return a cost that groups of tokens have independently, summed and divided by the number of tokens."""
    words = num_target_words(spec)
    costs = functools.partial(cost, _Channel(1 - spec.noise, spec.noise / (words - 1), words))
    slots, weight = structures(spec.length).slots(), structures(spec.length).probabilities()
    tokens = float(weight @ slots.sum(1))
    verbs, phrases = _expected_verbs(slots, weight), _expected_phrases(slots, weight)
    alone = tokens - verbs - sum((2 + adjectives) * count for adjectives, count in phrases.items())
    total = alone * costs(0.0, 1) + verbs * _of_verb(spec, costs)
    total += sum(count * _of_phrase(spec, adjectives, costs) for adjectives, count in phrases.items())
    return total / (tokens + 1)


def _of_verb(spec: Language, costs: Callable[[float, int], float]) -> float:
    found = lexicon(spec)
    return _mean(found.begins["V"], [costs(chance / WORDS, 1) for chance in found.verbs.chance.tolist()])


def _of_phrase(spec: Language, adjectives: int, costs: Callable[[float, int], float]) -> float:
    """Return the cost of a determiner, a noun and so many adjectives, on average over nouns."""
    found = lexicon(spec)
    costs = functools.cache(costs)

    def of_noun(chance: int, one: int, other: int) -> float:
        agreeing = 1 + adjectives
        if chance == 0 or one == other:
            return costs(chance / WORDS, 1) + agreeing * costs(0.0, 1)
        return costs(chance / WORDS, 1 + agreeing)

    each = [of_noun(*noun) for noun in zip(found.nouns.chance.tolist(), *found.genders.T.tolist(), strict=True)]
    return _mean(found.begins["N"], each)


def _mean(begins: np.ndarray, values: list[float]) -> float:
    return float(probabilities(begins) @ np.array(values))


def _expected_verbs(slots: np.ndarray, weight: np.ndarray) -> float:
    return float(weight @ sum(slots[:, place] for place, name in enumerate(SLOTS) if name == "V"))


def _expected_phrases(slots: np.ndarray, weight: np.ndarray) -> dict[int, float]:
    """Return how many phrases with so many adjectives a sentence has on average."""
    second = len(SLOTS) // 2 + 1
    phrases = np.stack([slots[:, first : first + 4] for at in PHRASES for first in (at, second + at)], axis=1)
    filled, adjectives = phrases[..., 3], phrases[..., 1:3].sum(-1)
    return {count: float(weight @ (filled & (adjectives == count)).sum(1)) for count in range(3)}
