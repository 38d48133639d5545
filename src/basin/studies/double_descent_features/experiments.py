"""What the study `double-descent-features` computes: feature matrices of every seed, and their solutions at every size.

All rates of label noise are columns of one matrix of targets, so a seed of a family is one nested factorisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from basin import data, linear
from basin.measure.threads import one_blas_thread
from basin.spec.double_descent_features import DoubleDescentFeatures, FeatureFamily
from basin.studies.double_descent_features.theory import demo, linear_model
from basin.studies.experiment import Experiment
from basin.training.keys import named_key

CLEAN, NOISY, RANDOM = 0, -2, -1
"""Which rates of label noise: none, the highest of those asked for, and that at which a label says nothing."""

_SMALL = 10**8
"""Entries of a matrix of features, 800 MB, up to which two seeds are computed at a time."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Problem:
    """One seed of a family.

    Attributes:
        train: Inputs, a row an example, in a random order.
        test: The same for every seed.
        held_out: On which penalties are chosen.
        labels: Of the training examples, a row a rate of noise.
        held_out_labels: With the noise of the last rate.
        test_labels: Clean.
        num_classes: How many there are.
    """

    train: Float[np.ndarray, "n inputs"]
    test: Float[np.ndarray, "m inputs"]
    held_out: Float[np.ndarray, "v inputs"]
    labels: Int[np.ndarray, "rates n"]
    held_out_labels: Int[np.ndarray, "v"]
    test_labels: Int[np.ndarray, "m"]
    num_classes: int


def experiments(spec: DoubleDescentFeatures) -> dict[str, Experiment]:
    """Return the study's experiments by name."""
    common = {name: getattr(spec, name) for name in ("seeds", "num_train", "num_validation", "ratios", "label_noises")}
    ridge = {name: getattr(spec, name) for name in ("penalties", "penalty_ratio")}
    found = {}
    families = [family.replace(data=data.resolve(family.data)) for family in spec.families]
    for family in families:
        found[family.name] = Experiment(
            {**common, **ridge, "family": family}, lambda f=family: over_seeds(range(spec.seeds), family_seed, spec, f)
        )
    sampled = next(family for family in families if family.name == spec.sampled)
    found["samples"] = Experiment(
        {**common, "family": sampled, "samples": spec.samples},
        lambda: over_seeds(range(spec.seeds), samples_seed, spec, sampled),
    )
    found["linear"] = Experiment({"model": spec.linear}, lambda: linear_model(spec.linear))
    found["demo"] = Experiment({"sizes": spec.demo_sizes}, lambda: demo(spec.demo_sizes))
    return found


@one_blas_thread()
def over_seeds(
    seeds: Sequence[int], one: Callable[..., Arrays], spec: DoubleDescentFeatures, family: FeatureFamily
) -> Arrays:
    """Return the arrays of all seeds, stacked; two at a time where matrices of features are small."""
    is_small = spec.num_train * spec.sizes()[-1] < _SMALL
    with ThreadPoolExecutor(2 if is_small else 1) as pool:
        rows = list(pool.map(lambda seed: one(seed, spec, family), seeds))
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def problem(seed: int, spec: DoubleDescentFeatures, family: FeatureFamily) -> Problem:
    """Return a seed's examples: other ones, in another order, with other wrong labels.

    Raises:
        ValueError: The data has fewer examples than are trained on and held out.
    """
    source = data.load(family.data, seed)
    needed = spec.num_train + spec.num_validation
    if len(source.x_train) < needed:
        raise ValueError(f"expected {needed} examples to draw from in '{family.name}', got {len(source.x_train)}")
    order = np.random.default_rng([seed, *b"examples"]).permutation(len(source.x_train))[:needed]
    drawn, true = source.x_train[order].reshape(needed, -1).astype(np.float64), source.y_train[order]
    num_classes = data.describe(family.data).num_classes
    key = named_key(seed, "label noise")
    rates = (*spec.label_noises, 1 - 1 / num_classes)  # the last: every class is as likely, the true one too
    labels = np.array([data.corrupt(key, true, rate, num_classes) for rate in rates])
    n = spec.num_train
    return Problem(
        train=drawn[:n],
        test=source.x_test.reshape(len(source.x_test), -1).astype(np.float64),
        held_out=drawn[n:],
        labels=labels[:, :n],
        held_out_labels=labels[NOISY, n:],
        test_labels=source.y_test,
        num_classes=num_classes,
    )


def feature_map(family: FeatureFamily, num_inputs: int, number: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a family's random features."""
    if family.bandwidth is not None:
        return linear.fourier_features(num_inputs, number, bandwidth=family.bandwidth, seed=seed)
    return linear.relu_features(num_inputs, number, seed=seed)


def targets(labels: Int[np.ndarray, "rates n"], num_classes: int) -> Float[np.ndarray, "n outputs"]:
    """Return one-hot labels, the classes of the first rate first."""
    return np.concatenate([np.eye(num_classes)[row] for row in labels], axis=1)


def _errors(outputs: Float[np.ndarray, "n outputs"], labels: Int[np.ndarray, "rates n"]) -> tuple[np.ndarray, ...]:
    """Return, for each rate, the share of wrong classes and the squared error summed over classes."""
    by_rate = outputs.reshape(len(outputs), len(labels), -1).swapaxes(0, 1)
    wrong = (by_rate.argmax(axis=2) != labels).mean(axis=1)
    right = np.eye(by_rate.shape[2])[labels]
    return wrong, np.square(by_rate - right).sum(axis=2).mean(axis=1)


def curves(
    train: np.ndarray, test: np.ndarray, given: Problem, sizes: Sequence[int], num_examples: int | None = None
) -> Arrays:
    """Return the minimum-norm solutions' errors at every size, for the first so many examples.

    Returns:
        `test_error`, `train_error` (fractions), `test_risk`, `train_risk` (squared errors), `norm` of the coefficients
        of features divided by the root of their number, each (rates, sizes); `rank`, `condition` (sizes).
    """
    labels = given.labels[:, :num_examples]
    clean = np.broadcast_to(given.test_labels, (len(labels), len(given.test_labels)))
    columns: dict[str, list[np.ndarray]] = {}
    for w in linear.minimum_norm(train[:num_examples], targets(labels, given.num_classes), sizes):
        error, risk = _errors(w.predict(test), clean)
        fit, residual = _errors(w.predict(train[:num_examples]), labels)
        norms = np.sqrt(w.size * np.square(w.coefficients).reshape(w.size, len(labels), -1).sum(axis=(0, 2)))
        row = {"test_error": error, "test_risk": risk, "train_error": fit, "train_risk": residual, "norm": norms}
        row |= {"rank": np.array(w.rank), "condition": np.array(w.condition)}
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return {name: np.stack(values, axis=-1) for name, values in columns.items()}


def family_seed(seed: int, spec: DoubleDescentFeatures, family: FeatureFamily) -> Arrays:
    """Return a seed's curves over the number of features, with and without ridge, and those of the kernel."""
    given, sizes = problem(seed, spec, family), spec.sizes()
    draw = feature_map(family, given.train.shape[1], sizes[-1], seed)
    train, test = draw(given.train), draw(given.test)
    found = curves(train, test, given, sizes)
    noisy = [row[None] for row in (given.labels[NOISY], given.held_out_labels, given.test_labels)]
    found |= _ridge(train, test, draw(given.held_out), noisy, spec, given.num_classes)
    if family.bandwidth is not None:
        found |= _kernel(given, family.bandwidth)
    return found


def _ridge(
    train: np.ndarray,
    test: np.ndarray,
    held_out: np.ndarray,
    labels: Sequence[Int[np.ndarray, "1 n"]],
    spec: DoubleDescentFeatures,
    num_classes: int,
) -> Arrays:
    """Return errors under the highest noise: at every size under the chosen penalty, and at one under every penalty.

    Returns:
        `ridge_error`, `ridge_train`, `ridge_penalty` (sizes); `swept_error`, `swept_train`, `swept_gamma` (penalties).
    """
    fitted, chosen_on, tested = labels
    found: dict[str, list[np.ndarray]] = {"ridge_error": [], "ridge_train": [], "ridge_penalty": []}
    swept: Mapping[str, np.ndarray] = {}
    paths = linear.ridge_paths(train, targets(fitted, num_classes), spec.sizes(), spec.penalties)
    for ratio, path in zip(spec.ratios, paths, strict=True):
        place = linear.best_penalty(path, held_out, targets(chosen_on, num_classes))
        by_split = ((path.predict(test), tested), (path.predict(train), fitted))
        errors, fits = (np.array([_errors(row, true)[0][0] for row in rows]) for rows, true in by_split)
        values = (errors[place], fits[place], np.array(spec.penalties[place]))
        for name, value in zip(found, values, strict=True):
            found[name].append(value)
        if ratio == spec.penalty_ratio:
            swept = {"swept_error": errors, "swept_train": fits, "swept_gamma": path.effective_parameters}
    return {**{name: np.stack(values) for name, values in found.items()}, **swept}


def _kernel(given: Problem, bandwidth: float) -> Arrays:
    """Return errors and norms of the kernel's interpolant, the limit of infinitely many Fourier features."""
    train, test = (linear.gaussian_kernel(rows, given.train, bandwidth) for rows in (given.train, given.test))
    limit = linear.interpolate(train, test, targets(given.labels, given.num_classes))
    clean = np.broadcast_to(given.test_labels, (len(given.labels), len(given.test_labels)))
    error, risk = _errors(limit.predicted, clean)
    norm = np.sqrt(np.square(limit.norms).reshape(len(given.labels), -1).sum(axis=1))
    return {"kernel_error": error, "kernel_risk": risk, "kernel_norm": norm, "kernel_rank": np.array(limit.rank)}


def samples_seed(seed: int, spec: DoubleDescentFeatures, family: FeatureFamily) -> Arrays:
    """Return a seed's errors over sample sizes and numbers of features, each (rates, samples, sizes)."""
    given, sizes = problem(seed, spec, family), spec.sample_sizes()
    draw = feature_map(family, given.train.shape[1], sizes[-1], seed)
    train, test = draw(given.train), draw(given.test)
    rows = [curves(train, test, given, sizes, n) for n in spec.samples]
    return {name: np.stack([row[name] for row in rows], axis=1) for name in ("test_error", "train_error")}
