"""What a normalised layer is, on Basin's own networks in float64: invariances, one example, averages that lag."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from basin.loss.precision import arithmetic, cast_floats
from basin.models import build
from basin.models.model import Mode, Model
from basin.spec.model import MLP, Norm
from basin.spec.normalisation import Normalisation

UNITS = 12
INPUTS = 6
FACTORS = (1.0, 10.0, 1000.0)
"""By which the weights below the normalised layer are multiplied."""

DELTA = 1e-5
"""What the layers add to a variance, 1e-5 in Flax; 1e-6 in its layer normalisation."""

BOTH: tuple[Norm, ...] = ("batch", "layer")
MOMENTA = (0.9, 0.99)
RAMP_STEPS = 2000


def layers(spec: Normalisation) -> dict[str, Any]:
    """Return outputs of single layers, one row a draw."""
    with arithmetic("float64"):
        return {
            "restored": _restored(spec),
            "rescaled": {norm: _rescaled(spec, norm) for norm in BOTH},
            "one example": _one_example(spec),
            "in company": _in_company(spec),
            "ramp": {str(momentum): _ramp(momentum) for momentum in MOMENTA},
        }


def _network(norm: Norm, draw: int) -> tuple[Model, Any, Any]:
    """Return a network of one hidden layer without an activation, whose output layer passes the hidden units on."""
    model = build(MLP(widths=(UNITS,), norm=norm, activation="identity"), (INPUTS,), UNITS)
    params, state = cast_floats(jax.jit(model.init)(jax.random.key(draw)), "float64")
    params["output"] = {"kernel": jnp.eye(UNITS), "bias": jnp.zeros(UNITS)}
    return model, params, state


def _inputs(draw: int, count: int = 32) -> jax.Array:
    return jnp.asarray(np.random.default_rng(draw).normal(1.0, 3.0, (count, INPUTS)))


def _restored(spec: Normalisation) -> dict[str, np.ndarray]:
    """Return the unnormalised layer and the normalised one with gamma = sqrt(sigma^2 + delta) and beta = mu."""
    plain, restored = [], []
    for draw in range(spec.draws):
        model, params, state = _network("batch", draw)
        x = _inputs(draw)
        dense = params["dense"]["0"]
        a = x @ dense["kernel"] + dense["bias"]
        params["norm"] = {"0": {"scale": jnp.sqrt(a.var(axis=0) + DELTA), "bias": a.mean(axis=0)}}
        plain.append(np.asarray(a))
        restored.append(np.asarray(model.apply(params, state, x, mode=Mode.BATCH)[0]))
    return {"plain": np.stack(plain), "restored": np.stack(restored)}


def _rescaled(spec: Normalisation, norm: Norm) -> dict[str, np.ndarray]:
    """Return outputs with the weights below multiplied, and a bias added below, (draws, factors, examples, units)."""
    outputs, variances = [], []
    for draw in range(spec.draws):
        model, params, state = _network(norm, draw)
        kernel = params["dense"]["0"]["kernel"]
        shift = 5.0 if norm == "layer" else jnp.linspace(-5, 5, UNITS)  # one for all units, or one for each
        rows = []
        for factor in FACTORS:
            below = {"kernel": factor * kernel, "bias": jnp.zeros(UNITS) + (factor > 1) * shift}
            changed = {**params, "dense": {"0": below}}
            rows.append(np.asarray(model.apply(changed, state, _inputs(draw), mode=Mode.BATCH)[0]))
        outputs.append(rows)
        variances.append(np.var(np.asarray(_inputs(draw) @ kernel), axis=0 if norm == "batch" else 1).min())
    return {"outputs": np.array(outputs), "least variance": np.array(variances)}


def _one_example(spec: Normalisation) -> dict[str, np.ndarray]:
    """Return what batch statistics make of single examples, and what fixed statistics do, (draws, examples, units)."""
    batch, fixed = [], []
    for draw in range(spec.draws):
        model, params, state = _network("batch", draw)
        x = _inputs(draw, 8)
        batch.append([np.asarray(model.apply(params, state, one[None], mode=Mode.BATCH)[0][0]) for one in x])
        fixed.append(np.asarray(model.apply(params, state, x, mode=Mode.EVAL)[0]))
    return {"batch statistics": np.array(batch), "fixed statistics": np.array(fixed)}


def _in_company(spec: Normalisation) -> dict[str, Any]:
    """Return the outputs of eight examples alone, among others, and in both modes, (draws, ways, examples, units)."""
    found = {}
    for norm in BOTH:
        draws = []
        for draw in range(spec.draws):
            model, params, state = _network(norm, draw)
            x, others = _inputs(draw, 8), _inputs(1000 + draw, 24)
            together = jnp.concatenate([x, others])
            ways = [
                model.apply(params, state, x, mode=Mode.TRAIN)[0],
                model.apply(params, state, x, mode=Mode.EVAL)[0],
                model.apply(params, state, together, mode=Mode.TRAIN)[0][:8],
                model.apply(params, state, together[::-1], mode=Mode.EVAL)[0][::-1][:8],
            ]
            draws.append([np.asarray(way) for way in ways])
        found[norm] = np.array(draws)
    return found


def _ramp(momentum: float) -> np.ndarray:
    """Return the running mean after each of many batches whose mean rises by 1 a step."""
    model = build(MLP(widths=(1,), norm="batch", norm_momentum=momentum, activation="identity"), (1,), 1)
    params, state = cast_floats(model.init(jax.random.key(0)), "float64")
    params["dense"]["0"] = {"kernel": jnp.ones((1, 1)), "bias": jnp.zeros(1)}

    def step(state: Any, t: jax.Array) -> tuple[Any, jax.Array]:
        batch = t + jnp.array([[-1.0], [1.0]])
        state = model.apply(params, state, batch, mode=Mode.TRAIN)[1]
        return state, state["norm"]["0"]["mean"][0]

    return np.asarray(jax.lax.scan(step, state, jnp.arange(1.0, RAMP_STEPS + 1))[1])
