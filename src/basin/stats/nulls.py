"""The error rates of Basin's own rules, measured on simulated worlds where the truth is known.

A rule that decides claims has to be tested as an instrument is. Here each is applied, by the code that studies use,
to samples drawn at the border where a false verdict is most likely. `python -m basin.stats.nulls` prints the table
of `docs/verdicts.md`; the tests hold the same rates against their bounds with fewer draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from basin.stats.curves import fall_after_peak, gap_after_stopping, gap_kept
from basin.stats.estimate import Estimate, mean
from basin.stats.peaks import peak
from basin.stats.sample import sample
from basin.stats.verdict import Direction, Verdict, rule

Draw = Callable[[np.random.Generator], Sequence[Estimate]]
Curves = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Rates:
    """Shares of simulated studies that ended in each verdict."""

    supported: float
    refuted: float
    num_draws: int


@dataclass(frozen=True)
class Row:
    """One line of the table: what was simulated, which verdict would be false, how often it came."""

    situation: str
    n: int
    error: str
    rate: float
    bound: float | None
    num_draws: int


def verdict_rates(
    draw: Draw, direction: Direction, smallest_effect: float, *, alpha: float = 0.05, num_draws: int, seed: int = 0
) -> Rates:
    """Return how often claims are supported and refuted when their readings are drawn again and again.

    Args:
        draw: Makes one study's readings from a random generator.
        direction: What is claimed.
        smallest_effect: See :func:`~basin.stats.verdict.rule`.
        alpha: Chance of error of the claim.
        num_draws: Simulated studies.
        seed: Of the generator.
    """
    rng = np.random.default_rng(seed)
    verdicts = [rule(draw(rng), direction, smallest_effect, alpha=alpha).verdict for _ in range(num_draws)]
    supported, refuted = (verdicts.count(which) / num_draws for which in (Verdict.SUPPORTED, Verdict.REFUTED))
    return Rates(supported, refuted, num_draws)


def coverage(n: int, level: float, *, num_draws: int, seed: int = 0) -> float:
    """Return how often the t interval of n normal differences holds their mean."""
    rng = np.random.default_rng(seed)
    intervals = (mean(sample(rng.standard_normal(n))).interval(level) for _ in range(num_draws))
    return sum(interval is not None and interval[0] <= 0.0 <= interval[1] for interval in intervals) / num_draws


def normal(n: int, means: Sequence[float] = (0.0,), correlation: float = 0.0) -> Draw:
    """Return a draw of as many readings as there are means: n normal differences each, sd 1, alike by `correlation`."""

    def draw(rng: np.random.Generator) -> list[Estimate]:
        shared = rng.standard_normal(n)
        own = rng.standard_normal((len(means), n))
        noise = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
        return [mean(sample(centre + row)) for centre, row in zip(means, noise, strict=True)]

    return draw


def noisy_curves(n: int, shape: np.ndarray, training_noise: float) -> Callable[[np.random.Generator], Curves]:
    """Return a draw of n test curves of a given mean shape `(epochs,)`, on two halves of the test examples.

    Each half has its own sampling noise of sd 1; the noise of training is common to both halves of a run.
    """

    def draw(rng: np.random.Generator) -> Curves:
        run = shape + training_noise * rng.standard_normal((n, shape.size))
        return run + rng.standard_normal(run.shape), run + rng.standard_normal(run.shape)

    return draw


def naive_fall(half_a: np.ndarray, half_b: np.ndarray) -> np.ndarray:
    """Return last minus best of each run's whole test curve: chosen and measured on the same numbers."""
    whole = (half_a + half_b) / 2
    return whole[:, -1] - whole.min(axis=1)


def fall_chosen_in_run(half_a: np.ndarray, half_b: np.ndarray) -> np.ndarray:
    """Return the fall with the epoch chosen on one half of the examples of the same run, read on the other."""
    rows = np.arange(half_a.shape[0])
    falls = (m[:, -1] - m[rows, s[:, :-1].argmin(axis=1)] for s, m in ((half_a, half_b), (half_b, half_a)))
    return np.mean(list(falls), axis=0)


def fall_draw(
    n: int,
    training_noise: float,
    statistic: Callable[..., np.ndarray] = fall_after_peak,
    shape: np.ndarray | None = None,
) -> Draw:
    """Return a draw of the fall after the peak, by a statistic, on noisy curves: flat ones unless a shape is given."""
    curves = noisy_curves(n, np.zeros(40) if shape is None else shape, training_noise)
    return lambda rng: [mean(sample(statistic(*curves(rng))))]


def dip(depth: float, width: int = 8, epochs: int = 40) -> np.ndarray:
    """Return a curve that is better by `depth` for `width` epochs and ends where it began."""
    return np.where(np.abs(np.arange(epochs) - epochs // 3) * 2 < width, 0.0, depth)


def falling(shape: str, num_sizes: int = 12, height: float = 30.0) -> np.ndarray:
    """Return a curve over size that never rises: `flat`, `even` (all the way), `early` (then flat) or `step`.

    Example:
        >>> [bool((np.diff(falling(shape)) <= 0).all()) for shape in ("flat", "even", "early", "step")]
        [True, True, True, True]
    """
    where = np.linspace(0, 1, num_sizes)
    shapes = {"flat": 0 * where, "even": 1 - where, "early": np.exp(-8 * where), "step": (where < 0.5).astype(float)}
    return height * shapes[shape]


def hump(height: float, num_sizes: int = 12) -> np.ndarray:
    """Return a curve over size that falls to a valley, rises by `height` over two sizes, and falls as low again."""
    curve = np.zeros(num_sizes)
    curve[:3] = 30.0, 20.0, 10.0
    curve[6:9] = height / 2, height, height / 2
    return curve


def peak_draw(n: int, shape: np.ndarray, noise: float, shared: float = 0.0) -> Draw:
    """Return a draw of both heights of the peak of n noisy curves of a mean shape `(sizes,)`.

    Args:
        n: Seeds, of which one half chooses places.
        shape: The mean curve.
        noise: Standard deviation of each point.
        shared: That of a shift of a seed's whole curve, such as its sample's.
    """

    def draw(rng: np.random.Generator) -> list[Estimate]:
        curves = shape + noise * rng.standard_normal((n, shape.size)) + shared * rng.standard_normal((n, 1))
        found = peak(curves)
        return [mean(sample(found.left)), mean(sample(found.right))]

    return draw


def naive_peak_draw(n: int, shape: np.ndarray, noise: float) -> Draw:
    """Return a draw of the same with places chosen on the very seeds that are measured."""

    def draw(rng: np.random.Generator) -> list[Estimate]:
        curves = shape + noise * rng.standard_normal((n, shape.size))
        found = peak(np.repeat(curves, 2, axis=0))
        return [mean(sample(found.left)), mean(sample(found.right))]

    return draw


def stopping_draw(n: int, epochs: int = 40) -> Draw:
    """Return a draw of the gap kept after early stopping, at the border: stopping closes just half of a gap of 10."""
    large = np.where(np.arange(epochs) < epochs // 2, 5.0, 10.0)

    def draw(rng: np.random.Generator) -> list[Estimate]:
        halves = [centre + rng.standard_normal((n, epochs)) for centre in (0.0, 0.0, large, large)]
        return [mean(sample(gap_kept(*gap_after_stopping(*halves), share=0.5)))]

    return draw


def table(num_draws: int, seed: int = 0) -> Iterator[Row]:
    """Yield the table of measured error rates, at an alpha of 0.05 a claim."""

    def row(situation: str, n: int, error: str, draw: Draw, direction: Direction, effect: float, bound: float | None):
        rates = verdict_rates(draw, direction, effect, num_draws=num_draws, seed=seed)
        return Row(situation, n, error, getattr(rates, error), bound, num_draws)

    for n in (3, 5, 8):
        missed = 1 - coverage(n, 0.95, num_draws=num_draws, seed=seed)
        yield Row("the 95 % interval misses the mean", n, "miss", missed, 0.05, num_draws)
        yield row("`greater`, truth at the effect", n, "supported", normal(n, [1.0]), Direction.GREATER, 1.0, 0.025)
        yield row("`greater`, truth at the effect", n, "refuted", normal(n, [1.0]), Direction.GREATER, 1.0, 0.025)
        yield row("`same`, truth at the effect", n, "supported", normal(n, [4.0]), Direction.SAME, 4.0, 0.025)
        yield row("`same`, truth at a tiny effect", n, "refuted", normal(n, [0.01]), Direction.SAME, 0.01, 0.05)
    for correlation, words in ((0.0, "independent"), (0.9, "alike (0.9)")):
        one_false = normal(5, [1.0, 9.0, 9.0, 9.0], correlation)
        all_true = normal(5, [1.0] * 4, correlation)
        title = f"4 readings, {words}"
        yield row(f"{title}, one at the effect", 5, "supported", one_false, Direction.GREATER, 1.0, 0.025)
        yield row(f"{title}, all at the effect", 5, "refuted", all_true, Direction.GREATER, 1.0, 0.025)
    falls = {
        "naive fall (last minus best)": (naive_fall, None),
        "fall, epoch chosen in the run": (fall_chosen_in_run, None),
        "fall, as Basin measures it": (fall_after_peak, 0.025),
    }
    for words, noise in (("noise of test examples", 0.0), ("and of training", 2.0)):
        for title, (statistic, bound) in falls.items():
            for n in (5, 8):
                draw = fall_draw(n, noise, statistic)
                yield row(f"flat curve, {words}: {title}", n, "refuted", draw, Direction.AT_MOST, 0.0, bound)
    for depth, width in ((1.0, 8), (4.0, 8), (2.0, 1)):
        title = f"curve falls by just the margin: {depth:g} noise sd, dip of {width} in 40 epochs"
        draw = fall_draw(5, 1.0, shape=dip(depth, width))
        for error in ("supported", "refuted"):
            yield row(title, 5, error, draw, Direction.AT_MOST, depth, 0.025)
    yield from _peak_rows(row)
    for n in (5, 8):
        draw = stopping_draw(n)
        title = "early stopping closes just half of the gap"
        yield row(title, n, "supported", draw, Direction.GREATER, 0.0, 0.025)
        yield row(title, n, "refuted", draw, Direction.GREATER, 0.0, 0.025)


def _peak_rows(row: Callable[..., Row]) -> Iterator[Row]:
    """Yield the rates at which curves that only fall, with noise, are said to have a peak."""
    for n in (6, 10):
        for words, shape in (("flat", "flat"), ("falls evenly", "even"), ("falls, then flat", "early")):
            title = f"curve over size: {words}"
            naive = naive_peak_draw(n, falling(shape), 2.0)
            yield row(
                f"{title}: peak, places chosen on the same seeds", n, "supported", naive, Direction.GREATER, 0, None
            )
            for margin in (0.0, 1.0):
                draw = peak_draw(n, falling(shape), 2.0, shared=3.0)
                words_of = f"{title}: peak as Basin measures it, margin {margin:g} noise sd"
                yield row(words_of, n, "supported", draw, Direction.GREATER, 2 * margin, 0.025)
        for height in (2.0, 4.0, 8.0):
            title = f"a peak of {height / 2:g} noise sd, margin half of it"
            yield row(title, n, "refuted", peak_draw(n, hump(height), 2.0), Direction.GREATER, height / 2, 0.025)


def main(num_draws: int = 20_000) -> None:
    """Print the table in Markdown."""
    print_table(table(num_draws))


def print_table(rows: Iterable[Row]) -> None:
    """Print rows in Markdown."""
    print("| what is simulated | n | false verdict | measured | designed |\n|---|---|---|---|---|")
    for row in rows:
        bound = "-" if row.bound is None else f"{row.bound:.3f}"
        print(f"| {row.situation} | {row.n} | {row.error} | {row.rate:.3f} | {bound} |")


if __name__ == "__main__":
    main()
