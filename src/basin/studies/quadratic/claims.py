"""What the study `quadratic` claims, in the order of the slides; a printed sentence that errs stands by the right one.

A tolerance of a formula is the rounding of its walk (operations times unit roundoff, times the condition of the case)
unless the claim is about yes or no (0 or 1, tolerance a half) or says where its tolerance is from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from basin.spec.quadratic import Quadratic
from basin.stats import Direction, Scale, rounding_tolerance
from basin.studies.claim import Claim, formula, ratio
from basin.studies.quadratic.expansion import SMALL

BOOK = "Bishop & Bishop 2024"
ARTICLE = "the article on optimisers (document 003)"
YES_OR_NO = 0.5
LARGEST_NETWORK = 10_000
"""Weights of the largest network whose dense eigenvectors are taken to be accurate: decides a tolerance."""


def claims(spec: Quadratic) -> Sequence[Claim]:
    """Return the claims."""
    shape = [*_expansions(), *_minimum(), *_definite(), *_contours()]
    return [*shape, *_descent(spec), *_rates(spec), *_momentum(spec), *_ravine(), *_networks(spec)]


def _formula(name: str, statement: str, slide: str, *rest: Any, **more: Any) -> Claim:
    return formula(name, statement, f"{BOOK}, {slide}", *rest, **more)


def _expansions() -> Iterator[Claim]:
    for name, order, what, slide, rows in (
        ("first-order", 2, "first-order change dw'grad E", "slide 3", ("B03a", "B03b")),
        ("second-order", 3, "second-order expansion about any point, gradient included,", "slide 5", ("B05a", "B05c")),
        ("second-order-gradient", 2, "gradient b + H(w - w0)", "slide 5", ("B05b",)),
    ):
        yield Claim(
            id=name,
            statement=f"The {what} is right up to a remainder of order {order} in the step.",
            source=f"{BOOK}, {slide}",
            refuted_by=f"a slope of log remainder against log step more than 0.1 from {order}, on any surface or at "
            "either moment of the network",
            statistic=f"slope for steps of 0.001 to 0.01, minus {order}; at random points of four surfaces, and of a "
            "trained network",
            direction=Direction.SAME,
            smallest_effect=0.1,
            unit="",
            inventory=rows,
            resampled="points; seeds for the network",
        )
    yield ratio(
        id="second-order-reach",
        statement="The quadratic describes the error further from the point than the linear term alone.",
        source=f"{BOOK}, slide 5",
        refuted_by="a gain in distance of less than 1.2 times, on any surface or at either moment of the network",
        statistic="distance at which the error of the model reaches 10 % of its own terms, second over first order",
        direction=Direction.GREATER,
        factor=1.2,
        inventory=("B05a", "B05c"),
        resampled="points; seeds for the network",
    )
    yield _formula(
        "steepest",
        "No direction of the same small length raises the error faster than the gradient.",
        "slides 3 and 13",
        "largest rise over all directions tried, over that along the gradient, minus 1; the step h times "
        f"the largest curvature is {SMALL:g} of |grad E|, which bounds what curvature can add",
        1.1 * SMALL,
        ("B03c", "B13b"),
    )
    yield _formula(
        "small-step",
        "A small step against the gradient lowers the error, by the step's length times |grad E|.",
        "slides 3 and 13",
        "fall over its first-order value, minus 1; curvature changes it by half of the step's 0.001, and the tolerance "
        "is twice that",
        SMALL,
        ("B03e", "B13a"),
    )
    yield _formula(
        "minimum-form",
        "About a minimum the error is E* + 1/2 (w - w*)'H(w - w*) up to a remainder of third order or higher.",
        "slide 6",
        "what the slope of log remainder against log distance lacks of 3, at the known minima of four surfaces; for "
        "distances of 0.001 to 0.01 the next order changes a slope by up to 0.01",
        0.01,
        ("B06a",),
    )


def _minimum() -> Iterator[Claim]:
    yield _formula(
        "gradient-vanishes",
        "At a minimum the gradient vanishes.",
        "slides 2 and 3",
        "norm of the gradient at known minima over the largest eigenvalue there (minima known to 16 digits)",
        rounding_tolerance(100),
        ("B02c", "B03d"),
    )
    yield _formula(
        "slide-6-derivation",
        "As printed: b + H(w - w*) is 0 at every w, and put into the expansion it leaves the error above E*.",
        "slide 6 (its derivation; its result is claim minimum-form)",
        "(w - w*)'b + 1/2 (w - w*)'H(w - w*) with b = -H(w - w*), against the measured E - E*",
        rounding_tolerance(1000),
        ("B06b",),
    )
    yield _formula(
        "eigenvectors",
        "H u = lambda u has orthonormal solutions, in which any w - w* can be written.",
        "slide 7",
        "|H U - U Lambda| over the largest eigenvalue, |U'U - 1|, |U U'(w - w*) - (w - w*)| over |w - w*|; on random "
        "quadratics, and the first two for the network's dense Hessian",
        rounding_tolerance(LARGEST_NETWORK),
        ("B07a", "B07b", "B24b"),
    )
    yield _formula(
        "eigen-sum",
        "E = E* + 1/2 sum of lambda alpha^2.",
        "slide 8",
        "the sum against the measured E - E*, over 1 + |E - E*|",
        rounding_tolerance(500),
        ("B08a",),
    )


def _definite() -> Iterator[Claim]:
    yield _formula(
        "positive-definite",
        "v'Hv > 0 for all v if and only if every eigenvalue is positive.",
        "slide 9",
        "least v'Hv / v'v found by descent over the sphere against the smallest eigenvalue by construction; a "
        "disagreement of sign counts as infinite. The descent stops at gradients of 1e-9",
        1e-8,
        ("B09a", "B09b"),
    )
    yield _formula(
        "sufficient",
        "Where the gradient is 0 and H positive definite there is a minimum.",
        "slide 10",
        "share of near points that are not higher, at minima of four surfaces",
        1e-4,
        ("B10a",),
        refuted_by="a near point that is lower",
    )
    yield _formula(
        "necessary",
        "As printed: at a minimum H has to be positive definite.",
        "slide 10",
        "1 for a strict minimum whose H is not positive definite, else 0; x^4 and three others among the cases",
        YES_OR_NO,
        ("B10a", "B06b"),
        refuted_by="a strict minimum with an eigenvalue of 0",
    )


def _contours() -> Iterator[Claim]:
    yield _formula(
        "ellipse-axes",
        "Contours are ellipses with axes as lambda^(-1/2), at C = 2 (E - E*) of length (C/lambda)^(1/2).",
        "slide 10",
        "radius at which a ray meets the contour, over the formula's, minus 1; roots are found to 1e-13 of the radius "
        "and a condition number of 1e6 costs up to three more digits",
        1e-10,
        ("B10b", "B22b"),
    )
    yield Claim(
        id="gradient-aim",
        statement="At most points of a valley the gradient does not point to the minimum.",
        source=f"{BOOK}, slide 22",
        refuted_by="half of the points or fewer off by more than 10 degrees, at any condition number of 10 or more",
        statistic="share of points, uniform on a disc, at which descent sets out more than 10 degrees off; minus 0.5",
        direction=Direction.GREATER,
        smallest_effect=0.0,
        unit="share",
        inventory=("B22c",),
        resampled="blocks of 500 points",
    )


def _descent(spec: Quadratic) -> Iterator[Claim]:
    walk = rounding_tolerance(20 * spec.steps, condition=4)
    yield formula(
        "slope-sign",
        "The sign of the slope moves w towards the minimum: up where the slope is negative, down where it is positive.",
        f"{ARTICLE}, lines 19 to 22",
        "1 for a step that goes with the slope or away from the minimum, else 0; a convex curve, both sides",
        YES_OR_NO,
        ("O06", "O07", "B02c"),
        refuted_by="a step the other way",
    )
    yield formula(
        "convex-fit",
        "Descent on W and b brings both to the best values and the error to its minimum (a convex case: a line fit).",
        f"{ARTICLE}, line 24",
        "|reached - least squares| over |least squares|, random lines",
        rounding_tolerance(1000, condition=10),
        ("O06", "O08"),
    )
    yield _formula(
        "decay",
        "Each eigendirection on its own: alpha(T) = (1 - eta lambda)^T alpha(0), which shrinks linearly (by a constant "
        "factor) where |1 - eta lambda| < 1.",
        "slides 23 to 25",
        f"largest deviation over {spec.steps} steps and all directions, over |alpha(0)|; random quadratics, five rates",
        walk,
        ("B13a", "B23", "B24a", "B24b", "B24c", "B25a"),
    )
    yield _formula(
        "negative-eigenvalue",
        "All eigenvalues must be positive to converge: along a negative one the formula holds and the walk diverges.",
        "slide 25",
        "as for decay, over the largest coordinate so far; infinite for a walk that does not grow",
        walk,
        ("B25b",),
    )
    yield _formula(
        "threshold",
        "Descent converges for eta < 2/lambda_max and diverges above.",
        "slides 22 and 25",
        "located limit over 2/lambda_max, minus 1; the search narrows to 3e-9",
        1e-7,
        ("B22a", "B22d", "B25c"),
    )


def _rates(spec: Quadratic) -> Iterator[Claim]:
    yield _formula(
        "small-rate",
        "A small rate creeps: log(0.001)/log(1 - eta lambda) steps, near 7/(eta lambda), to a thousandth of the start.",
        "slide 22",
        "counted steps minus the formula's, rounded up",
        YES_OR_NO,
        ("B22e",),
        refuted_by="a count that differs",
    )
    yield _formula(
        "slowest-factor",
        "At eta = 2/lambda_max the slowest direction goes as 1 - 2 lambda_min/lambda_max.",
        "slide 25",
        "signed factor along u_min minus the formula's, condition numbers "
        f"{min(spec.condition_numbers):g} to {max(spec.condition_numbers):g}; u_max does not converge there",
        rounding_tolerance(20),
        ("B25d", "B25e"),
    )
    yield _formula(
        "larger-rate-slowest",
        "A larger rate is faster up to 2/lambda_max, along the slowest direction.",
        "slide 25",
        "largest rise of the factor along u_min from one rate to the next",
        rounding_tolerance(20),
        ("B25c",),
    )
    yield _formula(
        "larger-rate-whole",
        "As printed, taken of the whole distance: a larger rate converges faster up to 2/lambda_max.",
        "slide 25",
        "largest rise of the slower of the two factors from one rate to the next, below the limit",
        rounding_tolerance(20),
        ("B25c",),
    )
    yield _formula(
        "best-rate",
        "The best rate is 2/(lambda_min + lambda_max), with the factor (kappa - 1)/(kappa + 1) a step.",
        "slides 25 and 28",
        "measured factor minus the formula's, and what any other rate of a grid gains on it",
        rounding_tolerance(20),
        ("B25e", "B28a"),
    )


def _momentum(spec: Quadratic) -> Iterator[Claim]:
    slowest = 1 / (1 - max(spec.momenta))
    walk = rounding_tolerance(40 * spec.steps, condition=slowest)
    yield _formula(
        "momentum-constant",
        "Under a constant gradient momentum raises the rate to eta/(1 - mu), times 1 - mu^T after T steps.",
        "slides 26 and 27",
        "largest deviation of step over gradient, relative to 1/(1 - mu)",
        walk,
        ("B26", "B27a"),
    )
    yield formula(
        "momentum-averaged",
        "In the averaged form V = beta V + (1 - beta) dW the rate under a constant gradient is alpha itself; it is "
        "slide 26's form at eta = (1 - beta) alpha.",
        f"{ARTICLE}, line 59",
        "deviation of step over alpha times gradient from 1 - beta^T; distance between the two forms' walks",
        walk,
        ("O25", "O17"),
    )
    yield _formula(
        "momentum-oscillation",
        "Where the gradient changes its sign at every step, contributions cancel: the rate tends to eta/(1 + mu).",
        "slide 27",
        "step over gradient of a walk that swings across a valley, minus the formula's",
        1e-9,
        ("B27b",),
    )
    yield _formula(
        "momentum-close-to-eta",
        "As printed: where the gradient oscillates the effective rate is close to eta (within a tenth of it).",
        "slide 27",
        "|step over eta times gradient - 1| of the same walks",
        0.1,
        ("B27b",),
    )
    for name, title, largest in (
        ("momentum", "momentum", "2 (1 + mu)/lambda"),
        ("nesterov", "Nesterov's momentum", "2 (1 + mu)/((1 + 2 mu) lambda)"),
    ):
        yield _formula(
            f"{name}-stability",
            f"With {title} the largest stable rate is {largest}.",
            "slide 27 (faster without divergent oscillation), made exact",
            "located limit over the formula's, minus 1; what has not faded by the middle of a walk moves it by 1e-8",
            1e-6,
            ("B27c",),
        )


def _ravine() -> Iterator[Claim]:
    yield ratio(
        id="momentum-fewer-steps",
        statement="Momentum needs fewer steps than descent, each at its best rate.",
        source=f"{ARTICLE}, lines 47 to 59; {BOOK}, slide 27",
        refuted_by="a saving of less than 1.2 times",
        statistic="steps to a ten-thousandth of the start's value in a ravine, momentum over descent",
        direction=Direction.LESS,
        factor=1.2,
        inventory=("O17", "O23", "O26", "B27c"),
        resampled="starts",
    )
    linear = "; both rules are linear in the start, so all starts agree and the cases are exact"
    swing = "peak to peak across over steps 1 to 30, over that of descent from the same start"
    progress = "share of the way along covered in 30 steps, against that of descent from the same start"
    yield formula(
        "swing-momentum",
        "Momentum damps the swing across the ravine, by 1.2 times or more.",
        f"{ARTICLE}, lines 57 to 59",
        swing + linear,
        1 / 1.2,
        ("O22", "O23", "O24"),
        refuted_by="a swing less than 1.2 times smaller than descent's, at the common rate or each at its best",
    )
    yield formula(
        "travel-momentum",
        "Momentum shortens the way that is travelled across the ravine, by 1.2 times or more.",
        f"{ARTICLE}, lines 57 to 59",
        "sum of |dy| over 30 steps, over that of descent from the same start" + linear,
        1 / 1.2,
        ("O24",),
        refuted_by="a way less than 1.2 times shorter than descent's, at the common rate or each at its best",
    )
    yield formula(
        "progress-momentum",
        "Momentum keeps the progress along the ravine, to 0.05 of the way.",
        f"{ARTICLE}, lines 57 to 59",
        progress + ", what is lacking" + linear,
        0.05,
        ("O22", "O24"),
        refuted_by="more than 0.05 of the way lost, at the common rate or each at its best",
    )
    yield ratio(
        id="swing-rmsprop",
        statement="RMSProp damps the swing across the ravine.",
        source=f"{ARTICLE}, line 67",
        refuted_by="a swing less than 1.2 times smaller than descent's, at the common rate or each at its best",
        statistic=swing,
        direction=Direction.LESS,
        factor=1.2,
        inventory=("O24",),
        resampled="starts",
    )
    yield Claim(
        id="progress-rmsprop",
        statement="RMSProp keeps the progress along the ravine.",
        source=f"{ARTICLE}, line 67",
        refuted_by="more than 0.05 of the way lost against descent, at the common rate or each at its best",
        statistic=progress,
        direction=Direction.AT_LEAST,
        smallest_effect=0.05,
        unit="share",
        inventory=("O24",),
        resampled="starts",
    )


def _networks(spec: Quadratic) -> Iterator[Claim]:
    for name, statement, statistic, rows in (
        (
            "network-first-steps",
            "The local quadratic of a network predicts its first steps of descent.",
            "|predicted - measured fall of the training loss| over the measured one",
            ("B05a", "B05c", "B06a"),
        ),
        (
            "network-directions",
            "The formula of the eigendirections holds in a network's own sharpest directions.",
            "distance between predicted and walked coordinates along the five leading eigenvectors, over the distance "
            "walked along them",
            ("B24a", "B24c"),
        ),
    ):
        yield Claim(
            id=name,
            statement=f"{statement[:-1]}: {spec.predicted_steps} steps to within 10 %.",
            source=f"{BOOK}, slides 5 and 24, carried to a network",
            refuted_by="an error above 10 %, early or late in training",
            statistic=f"{statistic}, after {spec.predicted_steps} full-batch steps at "
            f"{spec.predicted_rates[0]:g} over the largest eigenvalue; relative to 10 %",
            direction=Direction.AT_MOST,
            smallest_effect=0.0,
            unit="log10",
            scale=Scale.LOG10,
            inventory=rows,
        )
