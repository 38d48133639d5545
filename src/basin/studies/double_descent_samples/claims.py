"""The claims of the study `double-descent-samples`: what each of its families is held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from basin.spec.double_descent import DoubleDescentSamples, SampleFamily
from basin.stats import Direction
from basin.studies import descent, descent_claims
from basin.studies.claim import Claim, ratio
from basin.studies.descent import NAKKIRAN


def claims(spec: DoubleDescentSamples) -> Sequence[Claim]:
    """Return the claims that the families of a specification can be held to."""
    return [claim for family in spec.families for claim in _of(family)]


def _of(family: SampleFamily) -> Iterator[Claim]:
    name, noise = family.name, f"{100 * family.data.label_noise:g} % of the labels wrong"
    ends = f"{name}, {noise}, {family.samples[-1]} against {family.samples[0]} examples"
    steps = f"{name}, {noise}, from each of {', '.join(map(str, family.samples))} examples to the next"
    yield descent_claims.more_hurts(
        f"more-hurts-{name}", steps, source=f"{NAKKIRAN}, section 7", published="up to 4.5 times", inventory=("B55a",)
    )
    yield descent_claims.more_helps(f"more-helps-{name}", ends, source=f"{NAKKIRAN}, figure 11", inventory=("B56c",))
    yield descent_claims.moves_right(f"moves-{name}", ends, source=f"{NAKKIRAN}, figure 11", inventory=("B55b",))
    yield ratio(
        id=f"at-threshold-{name}",
        statement="At every number of examples the peak over width stands at the interpolation threshold "
        f"({name}, {noise}).",
        source=f"{NAKKIRAN}, section 4",
        refuted_by=f"a factor of more than {descent.NEAR:g} between the two widths, at any number of examples",
        statistic="ratio of the width at which a seed's test error peaks to that at which its training error comes "
        f"down to {100 * descent.EPSILON:g} %, for each number of examples",
        direction=Direction.SAME,
        factor=descent.NEAR,
        inventory=("B53b", "B55b"),
    )
    yield ratio(
        id=f"complexity-grows-{name}",
        statement="A larger network can fit more examples in the same time: its effective complexity is larger "
        f"({name}, {noise}).",
        source=f"{NAKKIRAN}, definition 1",
        refuted_by=f"a growth of less than a factor {descent.MOVED:g} at twice the width",
        statistic="growth of the effective model complexity at twice the width: its slope over the width, both "
        "logarithmic, of the widths where it lies between the numbers of examples, times log 2",
        direction=Direction.GREATER,
        factor=descent.MOVED,
        inventory=("B53b",),
    )
