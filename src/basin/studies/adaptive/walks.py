"""What the study `adaptive` computes besides training runs: walks over surfaces and of a small network, in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jax.flatten_util import ravel_pytree
from jaxtyping import Float, Int

from basin import data
from basin.loss import DatasetLoss
from basin.loss.precision import arithmetic, cast_floats
from basin.models import build
from basin.spec.adaptive import Adaptive
from basin.spec.data import Digits
from basin.spec.model import MLP
from basin.spec.optimizer import SGD, AdaGrad, Adam, GradientDescent, Optimizer, RMSProp
from basin.studies.experiment import Experiment
from basin.studies.tuning import grid
from basin.surfaces import surface, trajectories, trajectory
from basin.surfaces.walk import Walk

Rule = Callable[[float], Optimizer]

HUGE = 1e12
"""An epsilon beside which the root of any average of squares is nothing."""

RULES: dict[str, Rule] = {
    "descent": lambda rate: GradientDescent(learning_rate=rate),
    "momentum": lambda rate: SGD(learning_rate=rate, momentum=0.9, momentum_form="averaged"),
    "AdaGrad": lambda rate: AdaGrad(learning_rate=rate),
    "RMSProp": lambda rate: RMSProp(learning_rate=rate),
    "Adam": lambda rate: Adam(learning_rate=rate),
    "Adam, beta2 0.99": lambda rate: Adam(learning_rate=rate, beta2=0.99),
    "no momentum": lambda rate: Adam(learning_rate=rate, beta1=0.0),
    "no root": lambda rate: Adam(learning_rate=HUGE * rate, epsilon=HUGE),
    "no correction": lambda rate: Adam(learning_rate=rate, bias_correction=False),
}
"""Every rule of the study at a rate. Without its root Adam steps along the corrected average of gradients itself, which
is Adam with an epsilon that outweighs the root, at a rate as much larger."""

PLAIN = {"AdaGrad": "descent", "RMSProp": "descent", "Adam": "momentum"}
"""Each adaptive rule and what is left of it without a rate for every parameter."""

ADAPTIVE = tuple(PLAIN)

SURFACES = {"rosenbrock": 1e-2, "beale": 1e-2}
"""Surfaces that rules are tuned on, and the value above the minimum at which a walk has arrived."""

SHARE = 1e-4
"""Share of its first value at which a walk over a quadratic has arrived."""

COMMON_RATE = 1.8
"""The one rate of all rules in the ravines, nine tenths of descent's limit 2 / lambda_max: there it goes to and fro."""

RAVINE_STEPS = 50
"""Steps over which swing and progress are taken."""

SMALL_RATES = {"AdaGrad": 0.1, "RMSProp": 0.01}
"""Rates that train the small network, full-batch; settled before its Hessian was looked at."""

SLOPES = (-1e3, -1.0, 1e-3, 0.1, 30.0)
CURVATURES = (1.0, 3.0, 10.0, 100.0, 1000.0, 1e4)
RULES_STEPS = 200
CONSTANT_STEPS = 1000


def rates(spec: Adaptive) -> tuple[float, ...]:
    """Return the grid that every rule is tuned on over the surfaces."""
    return grid(1e-4, 10.0, spec.rates_a_decade)


def experiments(spec: Adaptive) -> Mapping[str, Experiment]:
    """Return all computations, by name."""
    walked = {"starts": spec.starts, "rates": rates(spec), "steps": spec.walk_steps}
    turned = {**walked, "angles_deg": spec.angles_deg, "condition": spec.condition, "target": SHARE}
    small = {name: getattr(spec, name) for name in ("seeds", "small_width", "small_examples", "small_steps")}
    small |= {"rates": SMALL_RATES}
    return {
        "formulas": Experiment({"slopes": SLOPES, "curvatures": CURVATURES, "steps": CONSTANT_STEPS}, formulas),
        **{
            name: Experiment({**walked, "surface": name, "target": target}, lambda name=name: on_surface(spec, name))
            for name, target in SURFACES.items()
        },
        "rotation": Experiment(turned, lambda: on_rotated_quadratic(spec)),
        "ravine": Experiment({**walked, "common": COMMON_RATE, "target": SHARE}, lambda: in_ravine(spec)),
        "network": Experiment(small, lambda: of_network(spec)),
    }


# --- Formulas --------------------------------------------------------------------------------------------------------


def formulas() -> dict[str, Any]:
    """Walk along constant slopes, over a bowl of many curvatures, and over Beale's function."""
    slopes, curvatures = jnp.asarray(SLOPES), jnp.asarray(CURVATURES)
    constant = {
        name: trajectory(lambda w: slopes @ w, np.zeros(len(SLOPES)), RULES[name](0.1), num_steps=CONSTANT_STEPS).points
        for name in ("AdaGrad", "RMSProp", "Adam", "no correction")
    }
    bowl = trajectory(
        lambda w: curvatures @ w**2 / 2,
        np.ones(len(CURVATURES)),
        AdaGrad(learning_rate=0.1, epsilon=1e-30),
        num_steps=CONSTANT_STEPS,
    )
    names = ("AdaGrad", "RMSProp", "Adam", "Adam, beta2 0.99", "no momentum", "no correction")
    walks = trajectories(surface("beale"), [1.2, 0.7], [RULES[name](0.005) for name in names], num_steps=RULES_STEPS)
    beale = {name: walk.points for name, walk in zip(names, walks, strict=True)}
    return {"constant": constant, "bowl": bowl.points, "beale": beale}


# --- Surfaces --------------------------------------------------------------------------------------------------------


def on_surface(spec: Adaptive, name: str) -> dict[str, Any]:
    """Return steps to the target for every rule, rate and start; -1 where the walk never arrives."""
    where, target = surface(name), SURFACES[name]
    starts = np.random.default_rng(0).uniform(where.lower, where.upper, (spec.starts, 2))
    found: dict[str, Any] = {"starts": starts}
    for rule, make in RULES.items():
        walks = _walks(where, starts, make, rates(spec), spec.walk_steps)
        judged = np.stack([walk.values[spec.starts // 2 :, :: _every(spec)] for walk in walks])
        median = np.median(np.where(np.isnan(judged), np.inf, judged), axis=1)
        found[rule] = {**_arrivals(walks, lambda walk: np.array(target)), "median_value": median}
    fixed = trajectories(where, starts, [RULES[rule](0.01) for rule in ("Adam", "Adam, beta2 0.99")], num_steps=200)
    found["after 200 steps"] = {"values": np.stack([walk.values[:, -1] for walk in fixed])}
    return found


def _every(spec: Adaptive) -> int:
    return max(1, spec.walk_steps // 200)


def on_rotated_quadratic(spec: Adaptive) -> dict[str, Any]:
    """Return steps to the target for every rule, as (rates, angles, starts).

    The angle rides along as a coordinate that the value is not differentiated by, so that its gradient is 0 and it
    stays: all angles are starts of one program.
    """
    eigenvalues = jnp.asarray([1.0, spec.condition])

    def rotated(point: jax.Array) -> jax.Array:
        angle = jax.lax.stop_gradient(point[2])
        along = jnp.cos(angle) * point[0] + jnp.sin(angle) * point[1]
        across = jnp.cos(angle) * point[1] - jnp.sin(angle) * point[0]
        return (eigenvalues[0] * along**2 + eigenvalues[1] * across**2) / 2

    directions = np.random.default_rng(1).uniform(0, 2 * np.pi, spec.starts)
    angles = np.deg2rad(spec.angles_deg)
    turned = directions[None] + angles[:, None]  # each start keeps its place among the eigenvectors
    starts = np.stack([np.cos(turned), np.sin(turned), np.broadcast_to(angles[:, None], turned.shape)], axis=-1)
    found = {}
    for rule in ("descent", "momentum", *ADAPTIVE):
        walks = _walks(rotated, starts.reshape(-1, 3), RULES[rule], rates(spec), spec.walk_steps // 3)
        arrivals = _arrivals(walks, _share_of_first)
        found[rule] = {name: steps.reshape(-1, *turned.shape) for name, steps in arrivals.items()}
    return found


def in_ravine(spec: Adaptive) -> dict[str, Any]:
    """Return movement across and progress along ravines, at every rate of the grid and at the common one, last.

    Every start has a ravine of its own, a W^2/2 + c b^2/2: a linear rule's share of the way does not depend on the
    start, so without a draw of the curvatures there would be nothing to be uncertain of. Curvatures ride along.
    """

    def ravine(point: jax.Array) -> jax.Array:
        curvatures = jax.lax.stop_gradient(point[2:])
        return curvatures @ point[:2] ** 2 / 2

    random = np.random.default_rng(2)
    magnitude = random.uniform((5.0, 1.0), (10.0, 3.0), (spec.starts, 2))
    begun = magnitude * random.choice((-1.0, 1.0), magnitude.shape)
    curvatures = np.exp(random.uniform(np.log((0.01, 0.95)), np.log((0.04, 1.05)), (spec.starts, 2)))
    starts = np.concatenate([begun, curvatures], axis=1)
    found: dict[str, Any] = {"curvatures": {"flat and steep": curvatures}}
    for rule in ("descent", "momentum", "RMSProp"):
        walks = _walks(ravine, starts, RULES[rule], (*rates(spec), COMMON_RATE), 1000)
        after = np.stack([walk.points[:, : RAVINE_STEPS + 1, :2] for walk in walks])
        found[rule] = {
            **_arrivals(walks, _share_of_first),
            "swing": np.ptp(after[:, :, 1:, 1], axis=2) / np.abs(begun[:, 1]),
            "path": np.abs(np.diff(after[..., 1], axis=2)).sum(axis=2) / np.abs(begun[:, 1]),
            "progress": 1 - np.abs(after[:, :, -1, 0]) / np.abs(begun[:, 0]),
            "example": after[:, -1],
        }
    return found


def _walks(function: Any, starts: np.ndarray, rule: Rule, rates: Sequence[float], num_steps: int) -> list[Walk]:
    return trajectories(function, starts, [rule(rate) for rate in rates], num_steps=num_steps)


def _arrivals(walks: Sequence[Walk], target: Callable[[Walk], np.ndarray]) -> dict[str, np.ndarray]:
    """Return steps to the target, (rates, starts): those to stay there, and those to be there for the first time."""
    arrived = {
        "settled": [settled(walk.values, target(walk)) for walk in walks],
        "first": [settled(np.fmin.accumulate(walk.values, axis=1), target(walk)) for walk in walks],
    }
    return {name: np.stack(steps) for name, steps in arrived.items()}


def _share_of_first(walk: Walk) -> np.ndarray:
    return SHARE * walk.values[:, :1]


def settled(values: Float[np.ndarray, "starts points"], target: Float[np.ndarray, "*any"]) -> Int[np.ndarray, "starts"]:
    """Return the first step from which on each walk stays at or below the target; -1 where it does not end there.

    Example:
        >>> settled(np.array([[9.0, 1.0, 9.0, 1.0, 0.5], [1.0, 0.5, np.nan, np.nan, np.nan]]), np.array(1.0)).tolist()
        [3, -1]
    """
    above = ~(values <= target)  # NaN is below nothing
    last = values.shape[1] - 1 - above[:, ::-1].argmax(axis=1)
    first = np.where(above.any(axis=1), last + 1, 0)
    return np.where(first < values.shape[1], first, -1)


# --- A small network -------------------------------------------------------------------------------------------------


def of_network(spec: Adaptive) -> dict[str, Any]:
    """Return a small network's dense Hessians, and the squared gradients that AdaGrad and RMSProp met on the way.

    A network's loss is a function of a point like any other, so the walks over surfaces train it, full-batch.
    """
    with arithmetic("float64"):
        loss, starts = small_network(spec)
        found = {}
        for name, rate in SMALL_RATES.items():
            walk = trajectory(loss, starts, RULES[name](rate), num_steps=spec.small_steps)
            gradients = jax.lax.map(jax.vmap(jax.grad(loss)), jnp.asarray(np.swapaxes(walk.points, 0, 1)))
            squares = np.square(np.asarray(gradients))[:-1]
            found[name] = {"values": walk.values, "rates": _rates(name, rate, squares), "end": walk.points[:, -1]}
        hessian = jax.jit(jax.hessian(loss))
        ends = {"start": starts, "trained": found["AdaGrad"]["end"]}
        found["hessian"] = {when: _axes(np.stack([hessian(w) for w in at])) for when, at in ends.items()}
    return found


def small_network(spec: Adaptive) -> tuple[Callable[[jax.Array], jax.Array], Float[np.ndarray, "seeds weights"]]:
    """Return the loss as a function of all weights in a row, and the weights that each seed starts from."""
    model = build(MLP(widths=(spec.small_width,)), (8, 8, 1), 10)
    digits = data.load(Digits(num_train=spec.small_examples), 0)
    begun = [cast_floats(model.init(jax.random.key(seed))[0], "float64") for seed in range(spec.seeds)]
    unravel = ravel_pytree(begun[0])[1]
    loss = DatasetLoss(model, {}, digits.x_train, digits.y_train, precision="float64")
    return lambda flat: loss(unravel(flat)), np.stack([np.asarray(ravel_pytree(params)[0]) for params in begun])


def _rates(name: str, rate: float, squares: Float[np.ndarray, "steps seeds weights"]) -> dict[str, np.ndarray]:
    """Return each parameter's own rate, eta / sqrt(r), a tenth of the way and at the end; infinite where r is 0."""
    early = max(1, len(squares) // 10)
    with np.errstate(divide="ignore"):
        return {when: rate / np.sqrt(_r(name, squares[:steps])) for when, steps in (("early", early), ("end", None))}


def _r(name: str, squares: np.ndarray) -> np.ndarray:
    if name == "AdaGrad":
        return squares.sum(axis=0)
    weights = 0.1 * 0.9 ** np.arange(len(squares))[::-1]
    return np.tensordot(weights, squares, axes=1)


def _axes(hessians: Float[np.ndarray, "seeds n n"], top: int = 10) -> dict[str, np.ndarray]:
    """Return how far each Hessian is from the axes: its diagonal, its off-diagonal share of |H|^2, and its top
    eigenvectors' participation ratios 1 / sum_i v_i^4: 1 on an axis, about n / 3 in a random direction."""
    diagonal = np.diagonal(hessians, axis1=1, axis2=2)
    share = 1 - np.square(diagonal).sum(axis=1) / np.square(hessians).sum(axis=(1, 2))
    last = hessians.shape[1] - 1
    vectors = [scipy.linalg.eigh(hessian, subset_by_index=(last - top + 1, last))[1] for hessian in hessians]
    return {"diagonal": diagonal, "off_diagonal": share, "participation": 1 / (np.stack(vectors) ** 4).sum(axis=1)}
