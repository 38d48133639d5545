"""The claims of the study `early-stopping`, written down before anything is run: formulas first, then effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from basin.spec.early_stopping import Descent, EarlyStopping, LearningCurves
from basin.stats import Direction, rounding_tolerance
from basin.studies.claim import Claim, formula, ratio

SOURCE = "Bishop & Bishop 2024"
WORDS = {"linear": "a linear network from the origin", "layered": "a network with a hidden layer from a random start"}
ROUNDED = 5e-4
"""Half a unit of the last digit of a number given as 0.204."""


def claims(spec: EarlyStopping) -> Sequence[Claim]:
    """Return the claims: on quadratics, on learning curves, on networks beside decay."""
    curves = [claim for on in spec.curves for claim in _curve_claims(on, spec.patience)]
    networks = [claim for network in WORDS for claim in _network_claims(network)]
    return [*_descent_claims(spec.descent), *_likeness_claims(spec.descent), *curves, *networks]


def _formula(name: str, statement: str, *rest: Any) -> Claim:
    source, wrong = f"{SOURCE}, slide 50 and exercise 9.6", "one case beyond the tolerance"
    return formula(name, statement, source, *rest, refuted_by=wrong)


def _descent_claims(of: Descent) -> Iterator[Claim]:
    size = len(of.eigenvalues)
    walked = rounding_tolerance(of.num_steps * (2 * size + 8), condition=1 + max(of.rates) * max(of.eigenvalues))
    yield _formula(
        "descent",
        "After tau steps from the origin w_j = (1 - (1 - rho eta_j)^tau) w*_j.",
        "every point of every walk against the formula, as shares of the minimum",
        walked,
        ("B50b", "B50c"),
    )
    flattest = min(value for value in of.eigenvalues if value > 0)
    left = size * (1 - min(of.rates) * flattest) ** of.num_steps
    yield _formula(
        "gamma-grows",
        "The effective number of parameters, the sum of 1 - (1 - rho eta_j)^tau, grows from 0 to W while rho eta_j < "
        "1.",
        "gamma at the start, W minus gamma at the end (W counts the directions with data), and every fall on the way; "
        "the tolerance is what the flattest direction still lacks",
        left + walked,
        ("B50a",),
    )
    yield _formula(
        "gamma-grows-at-any-rate",
        "It grows at every step at any rate at which descent converges, rho eta_j < 2.",
        f"the same at rho eta_j up to {max(of.rates) * max(of.eigenvalues):g}, where the steepest direction oscillates",
        left + walked,
        ("B50a",),
    )


def _likeness_claims(of: Descent) -> Iterator[Claim]:
    rows, steps = ("B50c",), of.likeness_steps
    yield _formula(
        "same-limits",
        "Stopping and a decay of 1 / (rho tau) have the same limits: rho tau eta_j in flat directions, 1 in steep "
        "ones.",
        "what is left of either share beyond its limit, relative to x = rho tau eta_j for x <= 0.1, times x for x >= "
        "10",
        1.0,
        rows,
    )
    yield _formula(
        "equal-to-decay",
        "Stopping is equivalent to a decay of 1 / (rho tau).",
        "difference of the two shares of the minimum at every x = rho tau eta_j",
        rounding_tolerance(2 * steps),
        rows,
    )
    for name, statement, what, tolerance in (
        (
            "largest-gap",
            "The two shares are at most 0.204 apart when steps are many and short.",
            "largest gap",
            ROUNDED,
        ),
        ("largest-gap-where", "They are furthest apart at rho tau eta_j = 2.5.", "x at the largest gap", 0.05),
        ("gap-at-0535", "At a decay of 0.535 / (rho tau) they are at most 0.103 apart.", "largest gap there", ROUNDED),
        ("best-factor", "The decay that is most alike is 0.532 / (rho tau).", "the factor", ROUNDED),
        ("best-gap", "Even at that decay they are up to 0.102 apart.", "the smallest largest gap", ROUNDED),
    ):
        yield _formula(name, statement, f"{what} of {steps} steps, against the number", tolerance, rows)
    yield _formula(
        "gap-at-any-rate",
        "They are at most 0.204 apart wherever rho eta_j < 1, however few the steps.",
        f"how far the largest gap exceeds 0.204 after {', '.join(map(str, of.few_steps))} steps",
        ROUNDED,
        rows,
    )
    yield Claim(
        id="path",
        statement="Descent from the origin passes near the minimum under decay, for every strength of the decay.",
        source=f"{SOURCE}, slide 50",
        refuted_by="a point of the decay path further from the path of descent than a tenth of the way to the minimum",
        statistic="largest distance of the decay path from the path of descent, relative to the minimum's distance "
        "from the origin; eigenvalues 0.3 and 3",
        direction=Direction.AT_MOST,
        smallest_effect=0.1,
        unit="",
        inventory=("B50b",),
        resampled="minima",
    )


def _curve_claims(on: LearningCurves, patience: int) -> Iterator[Claim]:
    for claim in _of_any_curve(patience):
        yield replace(claim, id=f"{claim.id}-{on.name}", statement=f"{claim.statement} ({on.name}).")


def _of_any_curve(patience: int) -> Iterator[Claim]:
    slide, curve = f"{SOURCE}, slide 49", ("B48", "B49b", "B49c")
    yield Claim(
        "train-falls",
        "The training loss falls almost without a rise",
        slide,
        "a rise from one look to the next at more than 5 % of the looks",
        "share of the looks at which the training loss is above that at the look before",
        Direction.AT_MOST,
        0.05,
        "",
        inventory=curve,
    )
    yield Claim(
        "validation-turns",
        "The loss on held-out examples falls, then rises",
        slide,
        "a fall or a rise of less than 0.1 nats",
        "fall: test loss at the start minus that at the lowest held-out loss; rise: loss at the end minus that at the "
        "epoch that other seeds and the other of the two sets chose",
        Direction.GREATER,
        0.1,
        "nats",
        inventory=curve,
    )
    yield Claim(
        "validation-error-turns",
        "The error on held-out examples rises in the end, as their loss does",
        slide,
        "a rise of less than 0.5 points",
        "error at the end minus that at the epoch that other seeds and the other of the two sets chose",
        Direction.GREATER,
        0.5,
        "points",
        inventory=("B49b",),
    )
    for metric, effect, unit in (("loss", 0.1, "nats"), ("error", 0.5, "points")):
        yield Claim(
            f"stopping-{metric}",
            f"To stop where the held-out loss is lowest lowers the test {metric}",
            slide,
            f"a gain of less than {effect:g} {unit}",
            f"test {metric} at the end minus that at the look before it with the lowest held-out loss",
            Direction.GREATER,
            effect,
            unit,
            inventory=("B49a",),
        )
    yield Claim(
        "patience",
        f"A patience of {patience} looks finds the minimum that the whole training would show",
        slide,
        "a best look that is more than 2 looks away",
        "number of the best look before the rule stopped minus that of the best look of the whole training",
        Direction.SAME,
        2.0,
        "looks",
        inventory=("B49a",),
    )


def _network_claims(network: str) -> Iterator[Claim]:
    where = WORDS[network]
    source = f"{SOURCE}, slide 50"
    yield ratio(
        id=f"network-gamma-grows-{network}",
        statement=f"The effective number of parameters grows along training ({where}).",
        source=source,
        refuted_by="a growth of less than a tenth from one budget to the next",
        statistic="ratio of gamma(tau) from one budget to the one before",
        direction=Direction.GREATER,
        factor=1.1,
        inventory=("B50a",),
    )
    yield ratio(
        id=f"like-decay-gamma-{network}",
        statement="Stopping after tau steps leaves as many effective parameters as a decay of 1 / (rho tau) "
        f"({where}).",
        source=source,
        refuted_by="half as many again, or fewer by that factor, at one of the budgets",
        statistic="ratio of gamma, stopped over decayed",
        direction=Direction.SAME,
        factor=1.5,
        inventory=("B50c", "B50a"),
    )
    yield Claim(
        id=f"like-decay-error-{network}",
        statement=f"Stopping after tau steps errs as a decay of 1 / (rho tau) does ({where}).",
        source=source,
        refuted_by="a difference of the test error of more than 2 points at one of the budgets",
        statistic="test error, stopped minus decayed",
        direction=Direction.SAME,
        smallest_effect=2.0,
        unit="points",
        inventory=("B50c",),
    )
    yield Claim(
        id=f"like-decay-weights-{network}",
        statement=f"Stopping after tau steps ends near the minimum under a decay of 1 / (rho tau) ({where}).",
        source=source,
        refuted_by="weights apart by more than 0.204 of the larger norm at one of the budgets",
        statistic="distance of the two solutions, relative to the larger of their norms",
        direction=Direction.AT_MOST,
        smallest_effect=0.204,
        unit="",
        inventory=("B50c",),
    )
