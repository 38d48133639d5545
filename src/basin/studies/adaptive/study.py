"""A learning rate of its own for every parameter: what AdaGrad, RMSProp and Adam gain by it, and when.

**Source.** Bishop & Bishop, "Deep Learning" (2024), section 7.3.3, in the slides' pages 28 to 31; the account of
optimisers from gradient descent to Adam (RMSProp damps the steep direction; Adam joins momentum and RMSProp).

**Design.** Formulas first: the step of each rule under a constant gradient, and every rule rebuilt from the gradients
of its own walk. Then walks in float64, where each rule is tuned on one grid of rates, on half of the starts, and judged
on the other half: over two curved valleys, over a quadratic turned against the axes, along ravines. Then the dense
Hessian of a small network. Last, handwritten digits in mini-batches, each seed's rate chosen on the other seeds.

**Expected signature.** AdaGrad's rates only fall, RMSProp's recover. On the axes an adaptive rule needs a small part of
descent's steps, at 45 degrees as many or more. A trained network's Hessian is far from diagonal, and adaptive rules
are said to help nevertheless. Removing a part of Adam costs something.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

from basin.spec.adaptive import Adaptive
from basin.spec.data import Digits
from basin.spec.model import MLP
from basin.spec.optimizer import SGD
from basin.spec.run import Evaluations, RunSpec, StopAtLoss
from basin.stats import Direction, rounding_tolerance
from basin.studies.adaptive import view, walks
from basin.studies.adaptive.evidence import PARTS, Cell, evidence
from basin.studies.claim import Claim, formula, ratio
from basin.studies.study import Study
from basin.studies.tuning import grid

BISHOP = "Bishop & Bishop 2024, section 7.3.3"
ACCOUNT = "an account of optimisers from gradient descent to Adam"
TENTH = 1.1
FIFTH = 1.2

# --- What is run -----------------------------------------------------------------------------------------------------

QUICK = Adaptive()
STANDARD = QUICK.replace(seeds=10, starts=100, walk_steps=10_000, small_width=16, small_steps=1000, epochs=40)

ARMS = {
    "SGD": (lambda rate: SGD(learning_rate=rate), 0.03, 1.0),
    "AdaGrad": (walks.RULES["AdaGrad"], 0.01, 0.3),
    "no root": (walks.RULES["no root"], 0.03, 1.0),
    **{name: (walks.RULES[name], 1e-3, 0.03) for name in ("RMSProp", "Adam", "no momentum", "no correction")},
}
"""Each rule on digits and the lowest and highest of its four rates, half a decade apart."""


def runs(spec: Adaptive) -> Mapping[Cell, RunSpec]:
    """Return the trainings on digits: every arm at each of its rates, every seed."""
    return {
        Cell(arm, index, seed): RunSpec(
            data=Digits(),
            model=MLP(widths=spec.widths),
            optimizer=make(rate),
            batch_size=spec.batch_size,
            budget=f"{spec.epochs} epochs",  # pyright: ignore[reportArgumentType]  parsed by the field
            seed=seed,
            stop=(StopAtLoss(threshold=spec.train_loss),),
            evaluations=Evaluations(early=2, regular=5, checks=4 * spec.epochs),
        )
        for arm, (make, low, high) in ARMS.items()
        for index, rate in enumerate(grid(low, high, 2))
        for seed in range(spec.seeds)
    }


# --- What is claimed -------------------------------------------------------------------------------------------------


def claims(spec: Adaptive) -> Sequence[Claim]:
    """Return the claims: formulas, AdaGrad's stall, the axes, the ravine, and the parts of Adam."""
    return [*_formulas(), *_stall(), *_axes(spec), *_ravine(), *_adam(), *_digits(spec)]


def _formulas() -> Iterator[Claim]:
    exact = functools.partial(formula, unit="relative")
    for name, says, rows in (
        ("AdaGrad", "eta |g| / (|g| sqrt(t) + delta): eta / sqrt(t)", ("B29a", "B29c", "B30a", "I12")),
        ("RMSProp", "eta |g| / (|g| sqrt(1 - beta^t) + delta), which tends to eta", ("B30a", "B30b", "I12")),
        ("Adam", "eta |g| / (|g| + delta), from the first step on", ("B31a", "O33")),
        ("no correction", "eta |g| (1 - beta1^t) / (|g| sqrt(1 - beta2^t) + delta)", ("B31a", "O33")),
    ):
        yield exact(
            f"constant-gradient-{name.lower().replace(' ', '-')}",
            f"Under a constant gradient the t-th step of {_named(name)} is {says}.",
            BISHOP,
            "largest deviation of a step, relative to the farthest point of the walk",
            # r is a sum of up to 1 000 squares: each adds a rounding, and a step is the difference of rounded points
            rounding_tolerance(4 * walks.CONSTANT_STEPS),
            rows,
            refuted_by="a step that differs by more than rounding",
        )
    yield exact(
        "rules-from-their-sums",
        "Each rule is what it is made of: AdaGrad divides by the root of the sum of squares, RMSProp by that "
        "of their average, Adam the corrected average of gradients by the corrected root.",
        f"{BISHOP}, {ACCOUNT}",
        "largest deviation of a step over Beale's function, relative to the farthest point of the walk",
        # 200 terms a sum; the terms of Beale's gradient cancel by at most 1e4 on these walks
        rounding_tolerance(4 * walks.RULES_STEPS, condition=1e4),
        ("B29a", "B30b", "B31a", "O29", "O30", "O32", "O35", "I12", "I21"),
        refuted_by="a step that sums over the walk's own gradients do not give",
    )
    yield exact(
        "rates-by-curvature-bowl",
        "On the axes AdaGrad's rates are inversely proportional to the curvatures.",
        f"{BISHOP}: parameters of high curvature are reduced fastest",
        "largest deviation of rate times curvature from its mean over the coordinates, at any step",
        rounding_tolerance(10 * walks.CONSTANT_STEPS),
        ("B28b", "B29b"),
        refuted_by="rates times curvatures that differ by more than rounding",
    )


def _stall() -> Iterator[Claim]:
    for name in walks.SURFACES:
        yield _ratio(
            f"adagrad-stalls-{name}",
            f"AdaGrad becomes too slow where RMSProp does not ({name}), each at its own tuned rate.",
            f"{BISHOP}, slide 30",
            f"steps to {walks.SURFACES[name]:g} above the minimum, AdaGrad over RMSProp",
            FIFTH,
            ("B30a",),
            resampled="starts",
        )
    yield ratio(
        id="adagrad-rates-shrink",
        statement="AdaGrad's rates shrink throughout training.",
        source=f"{BISHOP}, slide 30",
        refuted_by="rates that fall by less than 1.2 times from the first tenth of training to its end",
        statistic="log of the geometric mean over parameters of their rates, end over first tenth, small network",
        direction=Direction.LESS,
        factor=FIFTH,
        inventory=("B30a",),
    )
    yield ratio(
        id="rmsprop-rates-recover",
        statement="RMSProp's rates do not shrink.",
        source=f"{BISHOP}, slide 30",
        refuted_by="rates that fall by more than 1.2 times from the first tenth of training to its end",
        statistic="log of the geometric mean over parameters of their rates, end over first tenth, small network",
        direction=Direction.AT_LEAST,
        factor=FIFTH,
        inventory=("B30a", "B30b"),
    )


def _axes(spec: Adaptive) -> Iterator[Claim]:
    first, last = spec.angles_deg[0], spec.angles_deg[-1]
    for rule in walks.ADAPTIVE:
        yield _ratio(
            f"axes-help-{rule.lower()}",
            f"A rate for every parameter helps where curvature lies along the axes ({rule}, {first:g} degrees).",
            f"{BISHOP}, slide 28",
            f"steps of {walks.PLAIN[rule]} over steps of {rule}, each at its tuned rate, condition {spec.condition:g}",
            FIFTH,
            ("B28b", "B28f"),
            resampled="starts",
        )
        yield _ratio(
            f"rotation-stops-{rule.lower()}",
            f"It stops helping when the same quadratic is rotated ({rule}, {last:g} degrees).",
            f"{BISHOP}, slide 28: right only if the Hessian is diagonal",
            f"steps of {walks.PLAIN[rule]} over steps of {rule}, each at its tuned rate, condition {spec.condition:g}",
            FIFTH,
            ("B28c", "B28f"),
            resampled="starts",
            direction=Direction.AT_MOST,
        )
    yield Claim(
        id="hessian-off-axes",
        statement="A diagonal Hessian is unlikely in practice: most of a trained network's lies off the diagonal.",
        source=f"{BISHOP}, slide 28",
        refuted_by="half of |H|^2 or more on the diagonal",
        statistic="share of the squared entries off the diagonal, dense Hessian of a trained small network",
        direction=Direction.GREATER,
        smallest_effect=0.5,
        unit="share",
        inventory=("B28d",),
    )
    yield ratio(
        id="eigenvectors-off-axes",
        statement="The directions of largest curvature are no single weights.",
        source=f"{BISHOP}, slide 28",
        refuted_by="fewer than 3 weights to an eigenvector",
        statistic="log of the participation ratio 1 / sum v^4, geometric mean over the top ten eigenvectors",
        direction=Direction.GREATER,
        factor=3,
        inventory=("B28d",),
    )
    yield Claim(
        id="rates-by-curvature-network",
        statement="Parameters of high curvature get the smallest rates, in a network too.",
        source=f"{BISHOP}, slide 29",
        refuted_by="a rank correlation above -0.3",
        statistic="Spearman's correlation over parameters of AdaGrad's rate with the Hessian's diagonal, at the end",
        direction=Direction.LESS,
        smallest_effect=0.3,
        unit="correlation",
        inventory=("B29b",),
    )


def _ravine() -> Iterator[Claim]:
    for rule, row in (("momentum", "O24"), ("RMSProp", "O28")):
        for rate, words in (("tuned", "each at its tuned rate"), ("common", f"all at {walks.COMMON_RATE:g}")):
            yield _ratio(
                f"{rule.lower()}-damps-{rate}",
                f"{_named(rule).capitalize()} damps the movement across the ravine ({words})."
                if rule == "momentum"
                else f"{rule} damps the movement across the ravine ({words}).",
                ACCOUNT,
                f"movement across in {walks.RAVINE_STEPS} steps, peak to peak and as a length, descent over {rule}",
                FIFTH,
                (row, "O31") if rule == "RMSProp" else (row, "O27"),
                resampled="ravines",
            )
            yield Claim(
                id=f"{rule.lower()}-keeps-progress-{rate}",
                statement=f"{rule[0].upper()}{rule[1:]} keeps the progress along the ravine ({words}).",
                source=ACCOUNT,
                refuted_by="a tenth of the way less than descent",
                statistic=f"share of the way along that is done after {walks.RAVINE_STEPS} steps, {rule} minus descent",
                direction=Direction.AT_LEAST,
                smallest_effect=0.1,
                unit="share",
                inventory=(row,),
                resampled="ravines",
            )


def _adam() -> Iterator[Claim]:
    for part, what in PARTS.items():
        for name in walks.SURFACES:
            yield _ratio(
                f"adam-needs-{part.removeprefix('no ')}-{name}",
                f"Adam is faster for {what} ({name}).",
                f"{BISHOP}, slide 31; {ACCOUNT}",
                f"steps to {walks.SURFACES[name]:g} above the minimum, without over with, each at its tuned rate",
                TENTH,
                ("B31a", "O32", "I21"),
                resampled="starts",
            )
    yield _ratio(
        "beta2-matters",
        "Adam with the slide's beta2 = 0.99 and with the paper's 0.999 are different walks.",
        "slide 31 (0.99) against Kingma & Ba 2015 (0.999)",
        "larger over smaller value after 200 steps at rate 0.01 (Beale), whichever is the larger",
        FIFTH,
        ("B31c", "O35"),
        resampled="starts",
        published="4.5 times apart, measured once",
    )


def _digits(spec: Adaptive) -> Iterator[Claim]:
    training = f"updates to a training loss of {spec.train_loss:g}, {{}}, each at a rate chosen on the other seeds"
    yield _ratio(
        "adagrad-stalls-digits",
        "AdaGrad becomes too slow where RMSProp does not (digits), each at its own tuned rate.",
        f"{BISHOP}, slide 30",
        training.format("AdaGrad over RMSProp"),
        FIFTH,
        ("B29d", "B30a"),
    )
    yield _ratio(
        "effective-nevertheless",
        "Adaptive rates are effective although the Hessian is not diagonal (digits).",
        f"{BISHOP}, slide 28",
        training.format("SGD without momentum over Adam"),
        FIFTH,
        ("B28e", "O34", "O36"),
    )
    for part, what in PARTS.items():
        yield _ratio(
            f"adam-needs-{part.removeprefix('no ')}-digits",
            f"Adam is faster for {what} (digits).",
            f"{BISHOP}, slide 31; {ACCOUNT}",
            training.format("without over with"),
            TENTH,
            ("B31a", "B31d", "O32"),
        )


def _ratio(
    name: str,
    statement: str,
    source: str,
    statistic: str,
    factor: float,
    inventory: tuple[str, ...],
    *,
    direction: Direction = Direction.GREATER,
    resampled: str = "seeds",
    published: str | None = None,
) -> Claim:
    side = "below" if direction is Direction.GREATER else "above"
    return ratio(
        id=name,
        statement=statement,
        source=source,
        refuted_by=f"a ratio {side} {factor:g}",
        statistic=f"log ratio: {statistic}",
        direction=direction,
        factor=factor,
        inventory=inventory,
        resampled=resampled,
        published=published,
    )


def _named(rule: str) -> str:
    return "Adam without its correction" if rule == "no correction" else rule


def protocol(spec: Adaptive) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    low, high = walks.rates(spec)[0], walks.rates(spec)[-1]
    return [
        f"Over surfaces every rule has the same {len(walks.rates(spec))} rates from {low:g} to {high:g}; the one of "
        f"least mean log of steps on the first {spec.starts // 2} starts is judged on the other {spec.starts // 2}.",
        "A walk has arrived when it is at the target to stay, or when it is there for the first time, which at too "
        "large a rate may be chance: a claim about steps has to hold in both readings, each with a rate of its own.",
        "A walk or training that has not arrived after its last step counts as that many, where the rule that it is "
        "compared with has arrived (so a ratio of steps is too small rather than too large); where neither has, the "
        "start is left out and counted.",
        "On digits every arm has four rates, half a decade apart; each seed's is the best on the other seeds, by "
        f"updates to a training loss of {spec.train_loss:g}, looked for four times an epoch. A seed decides initial "
        "weights and the order of examples.",
        "The small network is trained with all its examples at once; its rates were settled before its Hessian was "
        "looked at. Weights that never met a gradient (pixels that are always 0) have no rate and are left out.",
    ]


STUDY = Study(
    name="adaptive",
    title="A learning rate for every parameter",
    question="AdaGrad, RMSProp and Adam give every parameter a learning rate of its own. When does that help, does it "
    "depend on the axes, why does AdaGrad give way to RMSProp, and which of its parts does Adam need?",
    source=f"{BISHOP}; {ACCOUNT}",
    presets={"quick": QUICK, "standard": STANDARD},
    cost={"quick": "57 s on two cores", "standard": "not measured"},
    protocol=protocol,
    claims=claims,
    runs=runs,
    experiments=walks.experiments,
    evidence=evidence,
    figures=view.figures,
    tables=view.tables,
)
