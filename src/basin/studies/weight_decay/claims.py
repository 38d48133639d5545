"""The claims of the study `weight-decay`, written down before anything is run: formulas first, then effects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from basin.spec.weight_decay import Bowl, DecayRace, WeightDecay
from basin.stats import Direction, rounding_tolerance
from basin.studies.claim import Claim, formula, ratio
from basin.studies.weight_decay.mapped_data import PATH_STEPS

SOURCE = "Bishop & Bishop 2024"


def claims(spec: WeightDecay) -> Sequence[Claim]:
    """Return the claims: formulas first, then effects on networks."""
    return [*_quadratic_claims(spec.bowl), *_mapping_claims(), *_adam_claims(spec), *_capacity_claims()]


def _formula(name: str, statement: str, page: int, *rest: Any) -> Claim:
    source, wrong = f"{SOURCE}, slide {page}", "one case beyond the tolerance"
    return formula(name, statement, source, *rest, refuted_by=wrong)


def _quadratic_claims(bowl: Bowl) -> Iterator[Claim]:
    size = len(bowl.eigenvalues)
    condition = (max(bowl.eigenvalues) + max(bowl.strengths)) / min(bowl.strengths)
    walked = rounding_tolerance(bowl.num_steps * (2 * size + 8))
    yield _formula(
        "shrinkage",
        "Decay leaves lambda_j / (lambda_j + alpha) of the minimum in each eigendirection: much where the error is "
        "steep, little where it is flat.",
        43,
        "minimum of E + alpha/2 w'w by linear algebra against the formula, relative to the minimum of E",
        rounding_tolerance(10 * size**2, condition=condition),
        ("B43b", "B42a"),
    )
    yield _formula(
        "walk",
        "Descent on E + alpha/2 w'w approaches that minimum by the factor 1 - eta (lambda_j + alpha) a step.",
        42,
        "every point of every walk against the formula, relative to the start and the minimum",
        walked,
        ("B42a",),
    )
    yield _formula(
        "unneeded",
        "Weights that the data do not need decay to 0, as (1 - eta alpha)^t.",
        42,
        "coordinate along eigenvalue 0 against the formula, relative to the start and the minimum",
        walked,
        ("B42b",),
    )
    for name, factor, written in (("factor-printed", "lambda", ", as printed"), ("factor", "2 lambda", "")):
        yield _formula(
            name,
            f"With the penalty lambda w'w of slide 43 the share left is lambda_j / (lambda_j + {factor}){written}.",
            43,
            "share left at the minimum that automatic differentiation finds, against the formula",
            rounding_tolerance(10 * size**2),
            ("B43c", "B06b"),
        )
    yield _formula(
        "effective-number",
        "The effective number of parameters, the sum of lambda_j / (lambda_j + alpha), is the trace of H (H + alpha "
        "I)^-1.",
        43,
        "sum against trace for strengths from 1e-5 to 1e5, relative to the number of parameters",
        rounding_tolerance(10 * size**2, condition=max(bowl.eigenvalues) / min(v for v in bowl.eigenvalues if v > 0)),
        ("B43d",),
    )
    yield _formula(
        "effective-limits",
        "It falls from the number of parameters to 0 as alpha grows: it lies between W - alpha tr(H^-1) and "
        "tr(H)/alpha.",
        43,
        "how far gamma lies outside of its bounds, or rises, relative to the number of parameters",
        rounding_tolerance(100),
        ("B43d",),
    )


def _mapping_claims() -> Iterator[Claim]:
    rounding = rounding_tolerance(200)
    answers = "largest difference of the two networks' answers, relative to the largest answer"
    absorbed = "x -> a x + b is absorbed by w/a and a shift of the biases."
    yield _formula("absorbed-inputs", absorbed, 44, answers, rounding, ("B44a", "B44b"))
    absorbed = "y -> c y + d is absorbed by c w and c w0 + d."
    yield _formula("absorbed-targets", absorbed, 45, answers, rounding, ("B45a",))
    slope = "norm of the gradient on the mapped data at the mapped minimiser of the original data (float64)"
    kept = "The network trained on mapped data is the mapped network"
    yield _formula("plain-keeps", f"{kept} under plain decay.", 45, slope, 1e-8, ("B45b", "B45c"))
    size = "difference of the regularisers of a network and its mapped form, relative to the former"
    for name, words, rows in (
        ("consistent-regulariser", "a^2 lambda1 and lambda2 / c^2", ("B46a", "B45b")),
        (
            "consistent-regulariser-printed",
            "a^(1/2) lambda1 and c^(-1/2) lambda2, as printed",
            ("B46b", "B06b"),
        ),
    ):
        statement = f"One lambda a layer and no biases keeps the regulariser, with {words}."
        yield _formula(name, statement, 46, size, rounding, rows)
    pairs = {
        "scaled": "a^2 lambda1, lambda2 / c^2 and the squared error divided by c^2",
        "plain error": "a^2 c^2 lambda1, lambda2 and the squared error as it stands",
        "unscaled": "a^2 lambda1, lambda2 / c^2 and the squared error as it stands",
        "printed": "a^(1/2) lambda1, c^(-1/2) lambda2 and the squared error divided by c^2",
    }
    for form, words in pairs.items():
        rows = ("B46b", "B06b") if form == "printed" else ("B45b", "B45c")
        yield _formula(f"minimiser-{form.replace(' ', '-')}", f"{kept}, with {words}.", 46, slope, 1e-8, rows)
    yield _formula(
        "paths",
        "Descent from the mapped start keeps to the mapped path, not only to the mapped minimiser.",
        45,
        f"distance of the answers after {PATH_STEPS} steps, in standard deviations of the targets",
        1e-8,
        ("B45c",),
    )
    yield Claim(
        id="plain-breaks",
        statement="Plain decay breaks the equivalence of networks trained on linearly mapped data.",
        source=f"{SOURCE}, slide 45",
        refuted_by="answers that differ by less than 1 % of the spread of the targets",
        statistic="root mean square difference of the answers of the minimiser on mapped data and the mapped "
        "minimiser, in standard deviations of the targets",
        direction=Direction.GREATER,
        smallest_effect=0.01,
        unit="",
        inventory=("B45b",),
        resampled="data sets",
    )


def _adam_claims(spec: WeightDecay) -> Iterator[Claim]:
    for form in ("coupled", "decoupled"):
        yield Claim(
            id=f"adam-{form}-minimum",
            statement=f"Under Adam, {form} decay ends where the penalty alpha/2 w'w has its minimum.",
            source=f"{SOURCE}, slide 46 (PyTorch's weight decay is the simple one); Loshchilov & Hutter 2019",
            refuted_by="a direction whose share left is off by more than 0.02",
            statistic="largest distance of the share left from lambda_j / (lambda_j + alpha) over the directions",
            direction=Direction.AT_MOST,
            smallest_effect=0.02,
            unit="",
            inventory=("B46c",),
            resampled="starts",
        )
    yield ratio(
        id="adam-coupled-spares",
        statement="Under Adam, coupled decay spares the weights whose gradients are large.",
        source="Loshchilov & Hutter 2019, section 2",
        refuted_by="less than twice the rate of decay at the smallest gradients than at the largest",
        statistic="ratio of the rates of decay under pure noise, smallest over largest scale of the gradient",
        direction=Direction.GREATER,
        factor=2,
        published=f"inverse to the scale: {max(spec.noise.scales) / min(spec.noise.scales):g}",
        inventory=("B46c",),
        resampled="sequences of noise",
    )
    yield formula(
        "adam-decoupled-spares-none",
        "Under Adam, decoupled decay shrinks every weight as (1 - eta alpha)^t, whatever its gradients.",
        "Loshchilov & Hutter 2019, section 2",
        "mean of a walk and its mirror image under noise against the formula, at every step",
        rounding_tolerance(20 * spec.noise.num_steps),
        ("B46c",),
        refuted_by="one case beyond the tolerance",
    )
    for race in spec.races:
        yield from _race_claims(race)


def _race_claims(race: DecayRace) -> Iterator[Claim]:
    chosen = (
        "each arm at the strength that is best on one half of the test set and the other seeds, read on the other half"
    )
    yield Claim(
        id=f"decoupled-better-{race.name}",
        statement=f"Adam generalises better with decoupled than with coupled decay ({race.name}).",
        source="Loshchilov & Hutter 2019",
        refuted_by="a lower test error by less than 0.1 points",
        statistic=f"test error, coupled minus decoupled; {chosen}",
        direction=Direction.GREATER,
        smallest_effect=0.1,
        unit="points",
        inventory=("B46c",),
    )
    yield Claim(
        id=f"biases-{race.name}",
        statement="Whether biases and the parameters of normalisation decay too, as in PyTorch unless told otherwise, "
        f"makes no difference of a point ({race.name}).",
        source=f"{SOURCE}, slide 46",
        refuted_by="a difference of the test error of more than 1 point",
        statistic=f"test error, all parameters minus kernels alone; {chosen}",
        direction=Direction.SAME,
        smallest_effect=1.0,
        unit="points",
        inventory=("B46c", "B46a"),
    )


def _capacity_claims() -> Iterator[Claim]:
    yield ratio(
        id="gamma-falls",
        statement="The effective number of parameters of a network falls as its decay grows.",
        source=f"{SOURCE}, slide 43",
        refuted_by="less than half as many from one strength to the tenfold one, over the grid",
        statistic="ratio of gamma at the weakest decay to gamma at the strongest",
        direction=Direction.GREATER,
        factor=2,
        inventory=("B43d",),
    )
    yield Claim(
        id="like-fewer-parameters",
        statement="To regularise is like limiting the number of parameters: a large network with gamma effective "
        "parameters errs as a small one with as many parameters.",
        source=f"{SOURCE}, slide 43",
        refuted_by="a difference of the test error of more than 2 points at one of the counts",
        statistic="test error of the decayed network, interpolated at gamma equal to the count, minus that of the "
        "small one",
        direction=Direction.SAME,
        smallest_effect=2.0,
        unit="points",
        inventory=("B43e",),
    )
