r"""Why is one way of training worse than another: because it optimises more slowly, or because it reuses its data?

Each arm is judged where its training ends, at its stopping time :math:`t_a` (at T if it never stops):

.. math:: \mathrm{error}_{real}(a, t_a) = \mathrm{error}_{ideal}(a, t_a) + \varepsilon(a, t_a),

so the difference of two arms' test errors is the difference of their Ideal-World errors, which data cannot mend, plus
the difference of their bootstrap errors, which are the price of reuse. All three come from the same seeds on the same
test set, and every interval is Student's over seeds.

What could be gained is measured, too:

* **more data**: :math:`\varepsilon(a, t_a)`, what fresh examples at every step would take off at the same steps;
* **more steps**: :math:`\mathrm{error}_{real}(a, t_a) - \mathrm{error}_{real}(a, T)` on the same data, and
  :math:`\mathrm{error}_{ideal}(a, t_a) - \mathrm{error}_{ideal}(a, T)` if data were no limit;
* **a faster optimiser**: the Ideal-World error of the arm at its own stopping time minus the least that any arm has
  there. Which arm that is, is chosen on one half of the test set and read on the other, so that the gain is not that
  of having chosen.

References:
    Nakkiran, Neyshabur & Sedghi, "The Deep Bootstrap framework: good online learners are good offline generalizers",
    ICLR 2021.
"""

from __future__ import annotations

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
        test_error: The difference of the Real World's test errors.
        optimisation: The part that the Ideal World has too: above 0, the arm optimises more slowly.
        reuse: The part of the bootstrap errors: above 0, the arm suffers more from reusing its examples.
    """

    arm: str
    test_error: Estimate
    optimisation: Estimate
    reuse: Estimate

    def cause(self, level: float = 0.95) -> str:
        """Return in words why the arm is worse or better, as far as the intervals tell.

        Example:
            >>> parts = [mean(sample(np.array(v))) for v in ([5.0, 6.0, 7.0], [5.0, 6.0, 6.5], [0.0, -0.1, 0.5])]
            >>> Against("sgd", *parts).cause()
            'optimises more slowly'
        """
        worse = _sign(self.test_error, level)
        signs = _sign(self.optimisation, level), _sign(self.reuse, level)
        parts = [(sign, words[sign]) for sign, words in zip(signs, (_OPTIMISES, _PAYS), strict=True) if sign]
        if worse == 0:
            both = " and ".join(words for _, words in parts)
            return f"{both}; together no difference seen" if len(parts) == 2 else "no difference seen"
        with_it, against_it = (" and ".join(words for sign, words in parts if sign == side) for side in (worse, -worse))
        found = with_it or ("worse" if worse > 0 else "better") + ", the cause is not told apart"
        return f"{found}, though it {against_it}" if against_it else found


_OPTIMISES = {1: "optimises more slowly", -1: "optimises faster"}
_PAYS = {1: "pays more for reuse", -1: "pays less for reuse"}


@dataclass(frozen=True)
class Decomposition:
    """What the test error of one arm is made of, and what would lower it; estimates over seeds, in fractions.

    Attributes:
        arm: Its name.
        stopping_step: Each seed's stopping time, in steps; T for one that never stopped.
        num_stopped: Seeds that stopped.
        test_error: Of the Real World at the stopping time.
        ideal_error: Of the Ideal World at the same step.
        bootstrap_error: Their difference: what more data would gain at most.
        more_steps: What going on to T on the same examples would gain.
        more_steps_of_more_data: What going on to T on fresh examples would gain in the Ideal World.
        faster_optimizer: What the best arm's optimisation would gain, read on the half of the test set that did not
            choose it; none where the halves are not known or the arms were not looked at after the same steps.
        fastest: That arm, as most seeds' means have it.
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
        ValueError: No arm, a threshold that is not between 0 and 1, or an unknown arm to be held against.

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
    looks = _ends(one, threshold)
    real, ideal = (one.at(world["error"], looks) for world in (one.real, one.ideal))
    faster, fastest = _faster(name, arms, looks)
    return Decomposition(
        arm=name,
        stopping_step=one.at(one.steps[None].astype(float), looks),
        num_stopped=int((one.stopping_look(threshold) >= 0).sum()),
        test_error=_mean(real),
        ideal_error=_mean(ideal),
        bootstrap_error=_mean(real - ideal),
        more_steps=_mean(real - one.real["error"][:, -1]),
        more_steps_of_more_data=_mean(ideal - one.ideal["error"][:, -1]),
        faster_optimizer=faster,
        fastest=fastest,
        against=None if other is None else _against(one, other, arms[other], threshold),
    )


def _ends(one: Worlds, threshold: float) -> Int[np.ndarray, "seeds"]:
    """Return the look at which each seed's training ends: at its stopping time, or at T."""
    looks = one.stopping_look(threshold)
    return np.where(looks >= 0, looks, len(one.steps) - 1)


def _against(one: Worlds, name: str, other: Worlds, threshold: float) -> Against:
    parts = []
    for arm in (one, other):
        looks = _ends(arm, threshold)
        parts.append([arm.at(world["error"], looks) for world in (arm.real, arm.ideal)])
    (real, ideal), (other_real, other_ideal) = parts
    count = min(len(real), len(other_real))
    real, ideal, other_real, other_ideal = (a[:count] for a in (real, ideal, other_real, other_ideal))
    reuse = (real - ideal) - (other_real - other_ideal)
    return Against(name, _mean(real - other_real), _mean(ideal - other_ideal), _mean(reuse))


def _faster(name: str, arms: Mapping[str, Worlds], looks: Int[np.ndarray, "seeds"]) -> tuple[Estimate | None, str]:
    """Return what the best arm of each seed's stopping step would gain, and which arm that is on the whole."""
    one = arms[name]
    same = {other: w for other, w in arms.items() if np.array_equal(w.steps, one.steps) and "error_a" in w.ideal}
    if name not in same:
        return None, ""
    count = min(len(w.ideal["error_a"]) for w in same.values())
    chosen_on, read_on = (
        np.stack([w.at(w.ideal[f"error_{half}"][:count], looks[:count]) for w in same.values()]) for half in "ab"
    )
    best = int(chosen_on.mean(axis=1).argmin())
    own = list(same).index(name)
    return _mean(read_on[own] - read_on[best]), list(same)[best]


def _mean(values: Values) -> Estimate:
    return mean(sample(values))


def _sign(estimate: Estimate, level: float) -> int:
    """Return 1 or -1 where an interval lies on one side of 0, else 0."""
    interval = estimate.interval(level)
    return 0 if interval is None or interval[0] <= 0 <= interval[1] else 1 if interval[0] > 0 else -1
