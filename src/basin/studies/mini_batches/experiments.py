"""What the study `mini-batches` computes besides training runs: gradient noise, copies, escapes, cost."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

from basin.data.sampler import batch_indices
from basin.loss.precision import arithmetic
from basin.models.model import Params
from basin.spec.mini_batches import Cost, Escape, MiniBatches
from basin.spec.run import Order
from basin.studies.experiment import Experiment
from basin.studies.finite_sum import NetworkSum, Trace, descend, network_sum
from basin.training.keys import named_key


def experiments(spec: MiniBatches) -> dict[str, Experiment]:
    """Return the study's experiments by name."""
    on = {"data": spec.data, "model": spec.model}
    return {
        "noise": Experiment({**on, "how": spec.noise, "seeds": spec.seeds}, lambda: gradient_noise(spec)),
        "copies": Experiment({**on, "how": spec.copies}, lambda: copies(spec)),
        "escape": Experiment({"how": spec.escape}, lambda: escapes(spec.escape)),
        "cost": Experiment({**on, "how": spec.cost}, lambda: cost(spec)),
    }


# --- The error of a mini-batch gradient ------------------------------------------------------------------------------


def gradient_noise(spec: MiniBatches) -> dict[str, np.ndarray]:
    """Measure sigma and the error of mini-batch gradients; each array begins with (seeds, moments)."""
    full = network_sum(spec.data.replace(num_train=spec.noise.examples), spec.model)
    found = [_noise_of_one(full, spec, seed) for seed in range(spec.seeds)]
    return {name: np.stack([one[name] for one in found]) for name in found[0]}


def _noise_of_one(full: NetworkSum, spec: MiniBatches, seed: int) -> dict[str, np.ndarray]:
    how, key = spec.noise, named_key(seed, "gradient noise")
    every = math.gcd(*how.moments)
    points = _training(full, how.train_batch, every, how.moments[-1] // every)(key, how.rate)
    rows = []
    for index, moment in enumerate(how.moments):
        gradients = _example_gradients(full)(jax.tree.map(lambda a, m=moment: a[m // every], points))
        rows.append(
            batch_errors(np.asarray(gradients), jax.random.fold_in(key, index + 1), how.batch_sizes, how.passes)
        )
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


@functools.cache
def _training(full: NetworkSum, batch_size: int, every: int, looks: int) -> Any:
    def train(key: jax.Array, rate: float) -> Params:
        how = {"batch_size": batch_size, "num_examples": full.num_examples, "order": "reshuffled"}
        start = full.init(jax.random.fold_in(key, 0))
        watched = {"num_looks": looks, "steps_per_look": every, "watch": lambda w: w}
        return descend(full.losses, start, key, rate=rate, **how, **watched).watched

    return jax.jit(train)


@functools.cache
def _example_gradients(full: NetworkSum) -> Any:
    def gradient(w: Params, index: jax.Array) -> jax.Array:
        leaves = jax.tree.leaves(jax.grad(lambda w: full.losses(w, index[None])[0])(w))
        return jnp.concatenate([leaf.ravel() for leaf in leaves])

    return jax.jit(lambda w: jax.vmap(gradient, (None, 0))(w, jnp.arange(full.num_examples)))


def batch_errors(
    gradients: Float[np.ndarray, "examples weights"], key: jax.Array, sizes: Iterable[int], passes: int
) -> dict[str, np.ndarray]:
    """Return sigma and the root mean square distance of mini-batch gradients from the whole set's.

    With K the Gram matrix of the gradients less their mean, and c the share of each example in a mini-batch, the
    squared distance is c' K c.

    Args:
        gradients: Of each example; a mini-batch's gradient is the mean over its examples.
        key: Decides the draws.
        sizes: Examples of a mini-batch.
        passes: So many times N examples are drawn and cut into mini-batches; what is left of a pass is not used.

    Returns:
        `sigma`, the root mean square distance of one example's gradient from the mean; `norm` of the mean;
        `replaced` (sizes,) and `unreplaced` (sizes + 1,), the whole set last; `halves` (2,): half as many as there are
        examples, drawn without replacement from the set and from the set twice over.
    """
    gradients = gradients.astype(np.float64)
    n, mean = len(gradients), gradients.mean(axis=0)
    gram = (gradients - mean) @ (gradients - mean).T

    def error(index: int, order: Order, size: int, copies: int = 1) -> float:
        drawn = np.asarray(_passes(passes, order, copies * n)(jax.random.fold_in(key, index))) % n
        batches = drawn[:, : copies * n // size * size].reshape(-1, size)
        rows = np.repeat(np.arange(len(batches)), size)
        shares = csr_array((np.full(rows.size, 1 / size), (rows, batches.ravel())), shape=(len(batches), n))
        return float(np.sqrt(max(0.0, shares.multiply(shares @ gram).sum() / len(batches))))

    sizes = tuple(sizes)
    arrays = {
        "sigma": np.sqrt(np.trace(gram) / n),
        "norm": np.linalg.norm(mean),
        "replaced": [error(i, "replacement", size) for i, size in enumerate(sizes)],
        "unreplaced": [error(100 + i, "reshuffled", size) for i, size in enumerate((*sizes, n))],
        "halves": [error(200 + copies, "reshuffled", n // 2, copies) for copies in (1, 2)],
    }
    return {name: np.asarray(values, np.float64) for name, values in arrays.items()}


@functools.cache
def _passes(count: int, order: Order, num_examples: int) -> Any:
    """Return a function of a key: `count` passes of so many examples each, (count, num_examples)."""

    def draw(key: jax.Array) -> jax.Array:
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(count))
        return jax.vmap(lambda key: batch_indices(key, 0, num_examples, num_examples, order))(keys)

    return jax.jit(draw)


# --- The same set twice over -----------------------------------------------------------------------------------------


def copies(spec: MiniBatches) -> dict[str, np.ndarray]:
    """Hold descent on a set against descent on the set twice over, and the mean of the losses against their sum."""
    how = spec.copies
    keys = jax.vmap(lambda draw: named_key(draw, "copies"))(jnp.arange(how.draws))
    others = jax.vmap(jax.random.fold_in, (0, None))(keys, 1)
    once, twice = (network_sum(spec.data, spec.model, copies=count) for count in (1, 2))
    walks = {
        "once": _stochastic(once, once, spec)(keys, keys),
        "same_order": _stochastic(twice, once, spec)(keys, keys),
        "own_order": _stochastic(twice, once, spec)(keys, others),
    }
    stochastic = {f"{name}_loss": walk.watched for name, walk in walks.items()}
    ends = {f"{name}_end": _rows(walks[name].end) for name in ("once", "same_order")}
    return {**stochastic, **ends, **_batch_descents(spec)}


def _stochastic(full: NetworkSum, watched: NetworkSum, spec: MiniBatches) -> Any:
    how = spec.copies

    def walk(key: jax.Array, order_key: jax.Array) -> Trace:
        return descend(
            full.losses,
            full.init(key),
            order_key,
            rate=how.rate,
            batch_size=how.batch_size,
            num_examples=full.num_examples,
            order="replacement",
            num_looks=how.steps // how.look_every,
            steps_per_look=how.look_every,
            watch=watched.mean_loss,
        )

    return jax.jit(jax.vmap(walk))


def _batch_descents(spec: MiniBatches) -> dict[str, np.ndarray]:
    """Walk by batch descent in float64: on the set, on the set twice over, and on the sum instead of the mean."""
    found = {}
    with arithmetic("float64"):
        for name, count, reduce in (("batch", 1, jnp.mean), ("doubled", 2, jnp.mean), ("summed", 1, jnp.sum)):
            full = network_sum(spec.data, spec.model, copies=count, dtype="float64")
            rate = spec.copies.rate / (full.num_examples if reduce is jnp.sum else 1)
            watch = functools.partial(_loss_and_point, full)
            walk = functools.partial(
                descend,
                full.losses,
                rate=rate,
                batch_size=full.num_examples,
                num_examples=full.num_examples,
                order="cyclic",
                num_looks=spec.copies.batch_steps,
                steps_per_look=1,
                watch=watch,
                reduce=reduce,
            )
            key = named_key(0, "copies")
            loss, points = jax.jit(walk)(full.init(key), key).watched
            found |= {f"{name}_loss": loss, f"{name}_points": points}
    return {name: np.asarray(array) for name, array in found.items()}


def _loss_and_point(full: NetworkSum, w: Params) -> tuple[jax.Array, jax.Array]:
    return full.mean_loss(w), jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(w)])


def _rows(params: Params) -> Float[np.ndarray, "draws weights"]:
    return np.concatenate([np.asarray(leaf).reshape(len(leaf), -1) for leaf in jax.tree.leaves(params)], axis=1)


# --- Leaving a local minimum -----------------------------------------------------------------------------------------


def stationary_points(tilt: float) -> tuple[float, float, float]:
    """Return the lower minimum, the top of the barrier and the higher, local minimum of the mean."""
    low, top, high = sorted(float(root.real) for root in np.roots([1.0, 0.0, -1.0, tilt]))
    return low, top, high


def slopes(how: Escape) -> Float[np.ndarray, "problems examples"]:
    """Return the examples' slopes: evenly spaced with mean 0 and standard deviation `noise`, shuffled."""
    even = np.linspace(-1.0, 1.0, how.examples)
    rng = np.random.default_rng(0)
    return np.stack([rng.permutation(how.noise * even / even.std()) for _ in range(how.problems)])


def escapes(how: Escape) -> dict[str, np.ndarray]:
    """Return the share of walks that crossed the barrier, (rates, problems), by batch size and by order."""
    sizes = {f"size {size}": _escaped(how, size, "replacement") for size in {*how.batch_sizes, how.order_batch}}
    orders = {order: _escaped(how, how.order_batch, order) for order in ("cyclic", "fixed", "reshuffled")}
    replacement = {"replacement": sizes[f"size {how.order_batch}"]}
    return {**sizes, **orders, **replacement, "batch": _escaped(how, how.examples, "cyclic")}


def _escaped(how: Escape, batch_size: int, order: Order) -> Float[np.ndarray, "rates problems"]:
    _, top, high = stationary_points(how.tilt)

    def walk(rate: jax.Array, terms: jax.Array, key: jax.Array) -> jax.Array:
        def losses(x: jax.Array, indices: jax.Array) -> jax.Array:
            return x**4 / 4 - x**2 / 2 + how.tilt * x + terms[indices] * x

        start = high + how.spread * jax.random.uniform(jax.random.fold_in(key, 0), minval=-1.0)
        trace = descend(
            losses,
            start,
            key,
            rate=rate,
            batch_size=batch_size,
            num_examples=how.examples,
            order=order,
            num_looks=how.steps,
            steps_per_look=1,
            watch=lambda x: x,
        )
        return jnp.any(trace.watched < top)

    over_walks = jax.vmap(walk, (None, None, 0))
    over_problems = jax.vmap(over_walks, (None, 0, 0))
    over_rates = jax.jit(jax.vmap(over_problems, (0, None, None)))
    keys = jax.vmap(lambda i: named_key(i, "escape"))(jnp.arange(how.problems * how.walks))
    crossed = over_rates(jnp.asarray(how.rates), jnp.asarray(slopes(how), "float32"), keys.reshape(how.problems, -1))
    return np.asarray(crossed, np.float64).mean(axis=2)


# --- Speed and memory ------------------------------------------------------------------------------------------------


def cost(spec: MiniBatches) -> dict[str, np.ndarray]:
    """Return `sizes`, `seconds` of an update (sizes, repeats), and `bytes` that a streamed update holds (sizes,)."""
    full = network_sum(spec.data, spec.model)
    sizes = [size for size in spec.cost.batch_sizes if size < full.num_examples] + [full.num_examples]
    seconds = np.array([_seconds(full, size, spec.cost) for size in sizes])
    return {"sizes": np.array(sizes), "seconds": seconds, "bytes": np.array([streamed_bytes(spec, b) for b in sizes])}


def _seconds(full: NetworkSum, batch_size: int, how: Cost) -> list[float]:
    """Return seconds of an update in a compiled loop, the first (which compiles) left out."""

    def updates(w: Params, count: jax.Array) -> Params:
        counts = {"batch_size": batch_size, "num_examples": full.num_examples, "steps_per_look": count}
        key = named_key(0, "cost")
        nothing = {"num_looks": 1, "watch": lambda w: jnp.zeros(())}
        return descend(full.losses, w, key, rate=1e-3, order="reshuffled", **counts, **nothing).end

    run, w, count = jax.jit(updates), full.init(named_key(0, "init")), max(4, how.examples // batch_size)
    jax.block_until_ready(run(w, np.int32(1)))
    return [_least_seconds(lambda: run(w, np.int32(count))) / count for _ in range(how.repeats)]


def _least_seconds(work: Callable[[], Any], times: int = 3) -> float:
    """Return the least of some timings: what other processes do to a timing is to lengthen it."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        jax.block_until_ready(work())
        found.append(time.perf_counter() - began)
    return min(found)


def streamed_bytes(spec: MiniBatches, batch_size: int) -> int:
    """Return what an update holds at once when its batch alone is in memory, as the compiler lays it out, in bytes."""
    full = network_sum(spec.data, spec.model)
    gradient = jax.grad(lambda w, x, y: full.example_losses(w, x, y).mean())
    batch = [jax.ShapeDtypeStruct((batch_size, *part.shape[1:]), part.dtype) for part in (full.x, full.y)]
    planned = jax.jit(gradient).lower(full.init(named_key(0, "init")), *batch).compile().memory_analysis()
    assert planned is not None
    return planned.argument_size_in_bytes + planned.output_size_in_bytes + planned.temp_size_in_bytes
