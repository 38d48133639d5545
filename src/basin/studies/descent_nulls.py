"""The error rates of the rules for double descent, measured on simulated sweeps where the truth is known.

As :mod:`basin.stats.nulls` does for single rules, each claim is judged here again and again, by the code of the
studies, where it is false or true by just its margin, so that any verdict of the kind counted is false. A seed's test
error is a fall, a bump around its peak and noise; its training error falls through 10 % at its threshold.
`python -m basin.studies.descent_nulls` prints the lines of `docs/verdicts.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from basin.stats.nulls import Row, print_table
from basin.studies import descent, descent_claims
from basin.studies.claim import Claim, Measured
from basin.studies.descent import EFFECT, EPSILON, MOVED, NEAR, PEAK, Sweep
from basin.studies.judgement import judge

SIZES = np.geomspace(4.0, 256.0, 13)

NOISE = 1.0
"""Standard deviation of each point of a test curve, in points."""

Draw = Callable[[np.random.Generator], Measured]


@dataclass(frozen=True)
class World:
    """What a simulated sweep looks like.

    Attributes:
        height: Of the bump, in points over a flat end.
        place: Size at which it stands.
        threshold: Size at which the training error comes down to 10 %.
        scatter: Standard deviation of a seed's own places, of their logarithm.
    """

    height: float = 15.0
    place: float = 24.0
    threshold: float = 24.0
    scatter: float = 0.1

    def draw(self, rng: np.random.Generator, seeds: int) -> Sweep:
        """Return a sweep of so many seeds."""
        x, own = np.log(SIZES), self.scatter * rng.standard_normal((seeds, 2, 1))
        place, threshold = np.log(self.place) + own[:, 0], np.log(self.threshold) + own[:, 1]
        fall = 20 * np.exp(-4 * (x - x[0]))  # gone at the peak, which it would move
        test = 20 + fall + self.height * np.exp(-2 * (x - place) ** 2)
        train = 100 * EPSILON * np.exp(-2 * (x - threshold))
        return Sweep("size", SIZES, test + NOISE * rng.standard_normal(test.shape), np.minimum(train, 90.0), 0.1)


PEAKED, FLAT = World(), World(height=0.0)


def rate(claim: Claim, draw: Draw, verdict: str, *, num_draws: int, seed: int = 0) -> float:
    """Return how often a claim gets a verdict when its evidence is drawn again and again."""
    rng = np.random.default_rng(seed)
    verdicts = (judge([claim], {claim.id: draw(rng)})[0].verdict.value for _ in range(num_draws))
    return sum(each == verdict for each in verdicts) / num_draws


def situations(seeds: int) -> Iterator[tuple[str, Claim, Draw, str]]:
    """Yield worlds in which a verdict is false: what is simulated, the claim, its evidence, and the verdict."""
    said = {"source": "simulation", "inventory": ()}
    moves = descent_claims.moves_right("moves", "", **said)
    just, far = World(place=24 * MOVED, threshold=96.0), World(place=96.0, threshold=24 * MOVED)
    for words, more in (("the peak", just), ("the threshold", far)):
        pair = _pair(descent.moves_right, PEAKED, more, seeds)
        yield f"`moves_right`: {words} moves by just the factor, the other far", moves, pair, "supported"
    both = World(place=24 * MOVED, threshold=24 * MOVED)
    yield "`moves_right`: both move by just it", moves, _pair(descent.moves_right, PEAKED, both, seeds), "refuted"
    place = descent_claims.peak_at_threshold("place", "", **said)
    for factor, words in ((NEAR, "above"), (1 / NEAR, "below")):
        world = World(threshold=24 / factor)

        def located(rng: np.random.Generator, world: World = world) -> Measured:
            return descent.peak_at_threshold(world.draw(rng, seeds))

        yield f"`peak_at_threshold`: the peak just the factor {words} it", place, located, "supported"
    removed = descent_claims.peak_removed("removed", "It", "", **said)
    left = World(height=PEAK)
    for words, before, after, verdict in (
        ("a peak of just the margin is left", PEAKED, left, "supported"),
        ("nothing is left", PEAKED, FLAT, "refuted"),
        ("there was no peak", FLAT, FLAT, "supported"),
    ):
        pair = _pair(descent.peak_removed, before, after, seeds)
        yield f"`peak_removed`: {words}", removed, pair, verdict
    hurts = descent_claims.more_hurts("hurts", "", **said)

    def harmed(rng: np.random.Generator) -> Measured:
        fewer, more = PEAKED.draw(rng, seeds), PEAKED.draw(rng, seeds)
        return descent.more_hurts(fewer, Sweep("size", SIZES, more.test + EFFECT, more.train))

    for verdict in ("supported", "refuted"):
        yield "`more_hurts`: by just the margin at every size", hurts, harmed, verdict


def _pair(read: Callable[[Sweep, Sweep], Measured], first: World, second: World, seeds: int) -> Draw:
    return lambda rng: read(first.draw(rng, seeds), second.draw(rng, seeds))


def table(num_draws: int) -> Iterator[Row]:
    """Yield the measured error rates, at an alpha of 0.05 a claim."""
    for seeds in (8, 12):
        for words, claim, draw, verdict in situations(seeds):
            yield Row(words, seeds, verdict, rate(claim, draw, verdict, num_draws=num_draws), 0.025, num_draws)


if __name__ == "__main__":
    print_table(table(5000))
