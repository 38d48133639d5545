r"""Why is one way of training worse than another: because it optimises more slowly, or because it reuses its data?

Each arm is judged where its training ends, at its stopping time :math:`t_a` (at T if it never stops):

.. math:: \mathrm{error}_{real}(a, t_a) = \mathrm{error}_{ideal}(a, t_a) + \varepsilon(a, t_a),

so the difference of two arms' test errors is that of their Ideal-World errors, which data cannot mend, plus that of
their bootstrap errors, the price of reuse. The former has two parts, as one arm may be slower at the same step and
another may stop sooner. Each is the mean over the two ways of changing one at a time:

.. math::
    \mathrm{optimisation} &= \tfrac12 \sum_{t \in \{t_a, t_b\}} [\mathrm{ideal}(a, t) - \mathrm{ideal}(b, t)], \\
    \mathrm{length} &= \tfrac12 \sum_{c \in \{a, b\}} [\mathrm{ideal}(c, t_a) - \mathrm{ideal}(c, t_b)].

All come from the same seeds on the same test set, and every interval is Student's over seeds.

What could be gained is measured, too:

* **more data**: :math:`\varepsilon(a, t_a)`, what fresh examples at every step would take off at the same steps;
* **more steps**: :math:`\mathrm{error}_{real}(a, t_a) - \mathrm{error}_{real}(a, T)` on the same data, and
  :math:`\mathrm{error}_{ideal}(a, t_a) - \mathrm{error}_{ideal}(a, T)` if data were no limit, of seeds that stopped;
* **optimising as fast as the best arm**: the Ideal-World error of the arm at its own stopping time minus the least that
  any arm has there. For each seed that arm is chosen by the other seeds on one half of the test set and read by this
  seed on the other half, so that the gain is not that of having chosen.

References:
    Nakkiran, Neyshabur & Sedghi, "The Deep Bootstrap framework: good online learners are good offline generalizers",
    ICLR 2021.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from basin.measure.worlds import THRESHOLD, Worlds
from basin.stats.estimate import Estimate, mean
from basin.stats.sample import sample

Values = Float[np.ndarray, "seeds"]


@dataclass(frozen=True)
class Against:
    """An arm minus the arm that it is held against, each at its own stopping time, in fractions.

    Attributes:
        arm: The arm that it is held against.
        test_error: The difference of the Real World's test errors: the sum of the other three.
        optimisation: The part of optimising at another speed: above 0, the arm is slower at the same steps.
        length: The part of training for longer or not: above 0, the arm stops sooner.
        reuse: The part of the bootstrap errors: above 0, the arm suffers more from reusing its examples.
    """

    arm: str
    test_error: Estimate
    optimisation: Estimate
    length: Estimate
    reuse: Estimate

    def cause(self, level: float = 0.95) -> str:
        """Return in words why the arm is worse or better, as far as the intervals tell.

        Example:
            >>> seeds = [[5.0, 6.0, 7.0], [5.0, 6.0, 6.5], [0.1, -0.1, 0.2], [-0.1, 0.1, 0.3]]
            >>> parts = [mean(sample(np.array(values))) for values in seeds]
            >>> Against("sgd", *parts).cause()
            'optimises more slowly'
        """
        worse = _sign(self.test_error, level)
        several = (self.optimisation, self.length, self.reuse)
        signs = [_sign(part, level) for part in several]
        parts = [(sign, words[sign]) for sign, words in zip(signs, _WORDS, strict=True) if sign]
        if worse == 0:
            both = " and ".join(words for _, words in parts)
            return f"{both}; together no difference seen" if {1, -1} <= set(signs) else "no difference seen"
        with_it, against_it = (" and ".join(words for sign, words in parts if sign == side) for side in (worse, -worse))
        found = with_it or ("worse" if worse > 0 else "better") + ", the cause is not told apart"
        return f"{found}, though it {against_it}" if against_it else found


_WORDS = (
    {1: "optimises more slowly", -1: "optimises faster"},
    {1: "stops sooner", -1: "trains for longer"},
    {1: "pays more for reuse", -1: "pays less for reuse"},
)


@dataclass(frozen=True)
class Decomposition:
    """What the test error of one arm is made of, and what would lower it; estimates over seeds, in fractions.

    Attributes:
        arm: Its name.
        stopping_step: Each seed's stopping time, in steps; T for one that never stopped.
        num_stopped: Seeds that stopped.
        test_error: Of the Real World at the stopping time.
        ideal_error: Of the Ideal World at the same step.
        bootstrap_error: Their difference: what more data would gain at the same steps.
        more_steps: What going on to T on the same examples would gain; of the seeds that stopped.
        more_steps_of_more_data: What going on to T on fresh examples would gain in the Ideal World; of these seeds.
        faster_optimizer: What optimising like the best arm would gain in the Ideal World; none where there are no other
            seeds to choose that arm, no halves of the test set, or no arms that were looked at after the same steps.
        fastest: That arm, as most seeds have it.
        against: The comparison with another arm, where one was asked for.
    """

    arm: str
    stopping_step: Values
    num_stopped: int
    test_error: Estimate
    ideal_error: Estimate
    bootstrap_error: Estimate
    more_steps: Estimate
    more_steps_of_more_data: Estimate
    faster_optimizer: Estimate | None
    fastest: str
    against: Against | None

    def advice(self, level: float = 0.95) -> str:
        """Return what would lower the test error, the largest gain first, of those whose interval excludes 0."""
        gains = {
            "more data": self.bootstrap_error,
            "more steps": self.more_steps,
            f"optimising as fast as {self.fastest}": self.faster_optimizer,
        }
        sure = {name: gain.value or 0.0 for name, gain in gains.items() if gain and _sign(gain, level) > 0}
        return ", then ".join(sorted(sure, key=lambda name: -sure[name])) or "none of them for sure"


def bootstrap_decomposition(
    arms: Mapping[str, Worlds], *, against: Mapping[str, str] | str | None = None, threshold: float = THRESHOLD
) -> dict[str, Decomposition]:
    """Decompose each arm's test error at its stopping time into optimisation and reuse.

    Args:
        arms: The curves of each arm, as :meth:`Worlds.of_runs` makes them of finished runs.
        against: The arm that all others, or each by its name, are held against; none for no comparison. Both must have
            the same number of seeds in the same order; the longer one is cut.
        threshold: Training soft-error below which a training has stopped, in (0, 1).

    Returns:
        One decomposition an arm, in their order.

    Raises:
        ValueError: No arm, a threshold that is not between 0 and 1, an unknown arm to be held against, or one that was
            looked at after other steps.

    Example:
        >>> steps, ones = np.array([0, 10, 20]), np.ones((3, 1))
        >>> fit = {"soft_error": ones * [0.9, 0.1, 0.005], "error": ones * [0.9, 0.1, 0.0]}
        >>> def arm(ideal, reuse):
        ...     ideal = ones * [0.9, 0.4, ideal] + ideal * np.array([[0.0], [0.01], [0.02]])
        ...     real = {"error": ideal + reuse * np.array([[0.9], [1.0], [1.1]])}
        ...     return Worlds(steps, 40, 4, real, {"error": ideal}, fit)
        >>> found = bootstrap_decomposition({"fast": arm(0.1, 0.05), "slow": arm(0.3, 0.05)}, against="fast")
        >>> found["slow"].against.cause(), round(found["slow"].bootstrap_error.value, 3)
        ('optimises more slowly', 0.05)
    """
    if not arms:
        raise ValueError("expected at least one arm, got none")
    if not 0 < threshold < 1:
        raise ValueError(f"expected a threshold between 0 and 1, got {threshold}")
    if isinstance(against, str):
        against = {name: against for name in arms if name != against}
    others = against or {}
    strange = {name for pair in others.items() for name in pair} - arms.keys()
    if strange:
        raise ValueError(f"expected arms among {', '.join(arms)} to be held against one another, got '{min(strange)}'")
    return {name: _decomposed(name, arms, others.get(name), threshold) for name in arms}


def _decomposed(name: str, arms: Mapping[str, Worlds], other: str | None, threshold: float) -> Decomposition:
    one = arms[name]
    looks, stopped = one.end_look(threshold), one.stopping_look(threshold) >= 0
    real, ideal = (one.at(world["error"], looks) for world in (one.real, one.ideal))
    faster, fastest = _faster(name, arms, looks)
    return Decomposition(
        arm=name,
        stopping_step=one.at(one.steps[None].astype(float), looks),
        num_stopped=int(stopped.sum()),
        test_error=_mean(real),
        ideal_error=_mean(ideal),
        bootstrap_error=_mean(real - ideal),
        more_steps=_mean(np.where(stopped, real - one.real["error"][:, -1], np.nan)),
        more_steps_of_more_data=_mean(np.where(stopped, ideal - one.ideal["error"][:, -1], np.nan)),
        faster_optimizer=faster,
        fastest=fastest,
        against=None if other is None else _against(one, other, arms[other], threshold),
    )


def _against(one: Worlds, name: str, other: Worlds, threshold: float) -> Against:
    if not np.array_equal(one.steps, other.steps):
        raise ValueError(
            "expected arms that are looked at after the same steps to be held against one another, got others"
        )
    count = min(len(one.train["error"]), len(other.train["error"]))
    own, others = (arm.end_look(threshold)[:count] for arm in (one, other))
    aa, ab, ba, bb = (w.at(w.ideal["error"][:count], looks) for w in (one, other) for looks in (own, others))
    real = one.at(one.real["error"][:count], own) - other.at(other.real["error"][:count], others)
    return Against(
        arm=name,
        test_error=_mean(real),
        optimisation=_mean(((aa - ba) + (ab - bb)) / 2),
        length=_mean(((aa - ab) + (ba - bb)) / 2),
        reuse=_mean(real - (aa - bb)),
    )


def _faster(name: str, arms: Mapping[str, Worlds], looks: Int[np.ndarray, "seeds"]) -> tuple[Estimate | None, str]:
    """Return what the best arm at each seed's stopping step would gain, and which arm that is for most seeds."""
    one = arms[name]
    same = {other: w for other, w in arms.items() if np.array_equal(w.steps, one.steps) and "error_a" in w.ideal}
    if name not in same or len(looks) < 2:
        return None, ""
    gains, chosen = np.full(len(looks), np.nan), []
    for seed, look in enumerate(looks):
        known = {other: w.ideal for other, w in same.items() if seed < len(w.ideal["error_a"])}
        by_others = {other: np.delete(ideal["error_a"][:, look], seed).mean() for other, ideal in known.items()}
        finite = {other: error for other, error in by_others.items() if np.isfinite(error)}
        if finite:
            chosen.append(min(finite, key=finite.__getitem__))
            gains[seed] = one.ideal["error_b"][seed, look] - known[chosen[-1]]["error_b"][seed, look]
    return _mean(gains), collections.Counter(chosen).most_common(1)[0][0] if chosen else ""


def _mean(values: Values) -> Estimate:
    return mean(sample(values))


def _sign(estimate: Estimate, level: float) -> int:
    """Return 1 or -1 where an interval lies on one side of 0, else 0."""
    interval = estimate.interval(level)
    return 0 if interval is None or interval[0] <= 0 <= interval[1] else 1 if interval[0] > 0 else -1
