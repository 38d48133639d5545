"""The claims of the study `double-descent-epochs`: what each of its families is held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from basin.spec.double_descent import DoubleDescentEpochs, EpochFamily
from basin.stats import Direction
from basin.studies import descent, descent_claims
from basin.studies.claim import Claim, ratio
from basin.studies.descent import NAKKIRAN

FIGURE = f"{NAKKIRAN}, figure 9"


def claims(spec: DoubleDescentEpochs) -> Sequence[Claim]:
    """Return the claims that the families of a specification can be held to."""
    return [claim for family in spec.families for claim in _of(family)]


def _of(family: EpochFamily) -> Iterator[Claim]:
    name, noise = family.name, f"{100 * family.data.label_noise:g} % of the labels wrong"
    wide = f"{name} of width {family.widths[-1]}, {noise}"
    yield Claim(
        id=f"peak-{name}",
        statement=f"As a large network is trained its test error falls, rises to a peak and falls again ({wide}).",
        source=FIGURE,
        refuted_by=f"a peak of less than {descent.PEAK:g} point over the best look before it, or over the end",
        statistic="test error at the peak minus that at the best look before it, and minus that at the end; both looks "
        "chosen on one half of the seeds, read on the other",
        direction=Direction.GREATER,
        smallest_effect=descent.PEAK,
        unit="points",
        inventory=("B54c",),
    )
    yield ratio(
        id=f"at-threshold-{name}",
        statement=f"That peak stands at the epoch at which the network comes to fit its examples ({wide}).",
        source=f"{NAKKIRAN}, section 6",
        refuted_by=f"a factor of more than {descent.NEAR:g} between the two epochs",
        statistic="ratio of the epoch at which a seed's test error peaks to that at which its training error comes "
        f"down to {100 * descent.EPSILON:g} %, both between looks",
        direction=Direction.SAME,
        factor=descent.NEAR,
        inventory=("B54b", "B54c"),
    )
    yield Claim(
        id=f"critical-{name}",
        statement="A network that can just fit its examples gets worse with more epochs, and stays so "
        f"({name} of width {family.critical}, {noise}).",
        source=FIGURE,
        refuted_by=f"an end that is less than {descent.PEAK:g} point worse than the best look",
        statistic="test error at the end minus that at the best look, chosen on one half of the seeds, read on the "
        "other",
        direction=Direction.GREATER,
        smallest_effect=descent.PEAK,
        unit="points",
        inventory=("B54c", "B54a"),
    )
    yield Claim(
        id=f"small-{name}",
        statement="A network too small to fit its examples does not get worse with more epochs "
        f"({name} of width {family.widths[0]}, {noise}).",
        source=FIGURE,
        refuted_by=f"an end that is more than {descent.PEAK:g} point worse than the best look",
        statistic="test error at the end minus that at the best look, chosen on one half of the seeds, read on the "
        "other",
        direction=Direction.AT_MOST,
        smallest_effect=descent.PEAK,
        unit="points",
        inventory=("B54c",),
    )
    yield descent_claims.threshold_moves(
        f"complexity-{name}",
        "left",
        f"{name}, {noise}, width {family.widths[-1]} against width {family.critical}",
        "A large network fits its examples after fewer epochs",
        source=f"{NAKKIRAN}, section 6",
        inventory=("B54b",),
    )
    if family.noises:
        yield descent_claims.noise_raises(
            f"noise-{name}",
            f"{wide}, against {100 * family.noises[0]:g} %, over epochs",
            source=f"{NAKKIRAN}, figure 10",
            inventory=("B54c",),
        )
