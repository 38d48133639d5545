"""From the findings of the study `normalisation` to the evidence for its claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from basin.spec.data import Digits
from basin.spec.normalisation import Normalisation
from basin.stats import Scale, mean, paired, sample, scaled_errors
from basin.studies.claim import Cases, Evidence, Measured, Reading
from basin.studies.normalisation import layers
from basin.studies.normalisation.depth import slopes
from basin.studies.normalisation.inference import KINDS, name
from basin.studies.normalisation.inputs import ARMS
from basin.studies.runs import at_end, one_test_example
from basin.studies.study import Findings
from basin.studies.tuning import Tuned, leave_one_out


@dataclass(frozen=True)
class Cell:
    """One training on digits: an arm and a seed."""

    arm: str
    seed: int


def evidence(spec: Normalisation, found: Findings[Cell]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {
        **_digits_as_data(found),
        **_layers(found),
        **_inputs(spec, found),
        **_depth(spec, found),
        **_digits(spec, found),
        **_inference(spec, found),
    }


# --- Formulas --------------------------------------------------------------------------------------------------------


def _digits_as_data(found: Findings[Cell]) -> dict[str, Evidence]:
    digits = found.computed["digits"]
    raw, made = digits["raw train"], digits["train"]
    constant = np.ptp(raw, axis=0) == 0
    moments = np.stack([made.mean(axis=0), made.var(axis=0)], axis=1)
    expected = np.stack([np.zeros(len(constant)), np.where(constant, 0.0, 1.0)], axis=1)
    mu, sigma = raw.mean(axis=0), np.where(constant, 1.0, raw.std(axis=0))
    test = (digits["raw test"] - mu) / sigma
    linear = found.computed["linear"]
    rho = np.abs(linear["correlation"])
    kappa = (1 + rho) / (1 - rho)
    return {
        "standardised-inputs": Cases(
            scaled_errors(moments, expected, np.ones(len(constant))),
            f"{constant.sum()} of {len(constant)} are constant",
        ),
        "same-statistics-for-test": Cases(
            scaled_errors(digits["test"].T, test.T, np.abs(test).max(axis=0)), "a case a pixel"
        ),
        "condition-of-two-inputs": Cases(
            scaled_errors(linear["two inputs"], kappa, kappa**2),
            f"condition numbers {kappa.min():.3g} to {kappa.max():.3g}",
        ),
    }


def _layers(found: Findings[Cell]) -> dict[str, Evidence]:
    computed = found.computed["layers"]
    restored, plain = computed["restored"]["restored"], computed["restored"]["plain"]
    collected: dict[str, Evidence] = {
        "gamma-beta-restore": Cases(scaled_errors(restored, plain, np.abs(plain).max(axis=(1, 2)))),
    }
    for norm, one in computed["rescaled"].items():
        outputs = one["outputs"]
        explained = np.abs(outputs).max(axis=(1, 2, 3)) * layers.DELTA / one["least variance"]
        deviation = np.abs(outputs - outputs[:, :1]).max(axis=(1, 2, 3))
        collected[f"rescaling-below-{norm}"] = Cases(deviation / explained, f"factors {list(layers.FACTORS)}")
    alone = computed["one example"]["batch statistics"]
    collected["one-example-has-no-batch"] = Cases(np.abs(alone - alone[:, :1]).max(axis=(1, 2)))
    company = computed["in company"]["layer"]
    collected["layer-norm-in-any-company"] = Cases(
        scaled_errors(company, np.broadcast_to(company[:, :1], company.shape), np.abs(company).max(axis=(1, 2, 3)))
    )
    collected["averages-lag"] = Cases(
        np.concatenate([_lag_errors(float(alpha), averages) for alpha, averages in computed["ramp"].items()]),
        f"alpha {', '.join(computed['ramp'])}; a case a step",
    )
    return collected


def _lag_errors(alpha: float, averages: Float[np.ndarray, "steps"]) -> np.ndarray:
    t = np.arange(1.0, len(averages) + 1)
    return scaled_errors(averages, t - alpha * (1 - alpha**t) / (1 - alpha), t)


# --- Inputs ----------------------------------------------------------------------------------------------------------


def _inputs(spec: Normalisation, found: Findings[Cell]) -> dict[str, Evidence]:
    linear, network = found.computed["linear"], found.computed["network"]
    kappa, steps = (dict(zip(ARMS, linear[what].T, strict=True)) for what in ("kappa", "steps"))
    spread = {arm: network[arm]["spread"] for arm in ARMS}
    tuned = {arm: tuned_updates(network[arm]["steps"]) for arm in ARMS}
    collected: dict[str, Evidence] = {
        f"standardising-conditions-{arm.split()[0]}": Measured.of(
            paired(kappa["standardised"], kappa[arm], scale=Scale.LOG10), f"median {np.median(kappa[arm]):.3g}"
        )
        for arm in ARMS[:2]
    }
    return collected | {
        "standardising-speeds-linear": Measured.of(
            paired(steps["standardised"], steps["different ranges"], scale=Scale.LOG)
        ),
        "standardising-conditions-network": Measured.of(
            paired(spread["standardised"], spread["different ranges"], scale=Scale.LOG10)
        ),
        "standardising-speeds-network": _speed(tuned, spec.small_steps),
    }


def tuned_updates(steps: Float[np.ndarray, "rates seeds"]) -> Tuned:
    """Choose each seed's rate on the others by updates to the loss; infinite where it is not reached."""
    return leave_one_out(np.where(steps < 0, np.inf, np.maximum(steps, 1.0)))


def _speed(tuned: Mapping[str, Tuned], most: int) -> Measured:
    slow, fast = (np.minimum(tuned[arm].values, most) for arm in ("different ranges", "standardised"))
    late = int((~np.isfinite(tuned["different ranges"].values)).sum())
    edges = [arm for arm in ("different ranges", "standardised") if tuned[arm].at_edge]
    notes = [f"{late} of {len(slow)} on different ranges never arrived and count as {most}" if late else ""]
    notes += [f"the rate is at the edge of its grid: {', '.join(edges)}" if edges else ""]
    return Measured.of(paired(fast, slow, scale=Scale.LOG), "; ".join(note for note in notes if note))


# --- Depth -----------------------------------------------------------------------------------------------------------


def _depth(spec: Normalisation, found: Findings[Cell]) -> dict[str, Evidence]:
    computed, scales = found.computed["depth"], np.array(spec.scales)
    plain = slopes(computed["none"]["start"]["by_units"])
    collected: dict[str, Evidence] = {
        "plain-slope-is-the-scale": Measured(
            tuple(
                Reading(f"scale {scale:g}", mean(sample(row - np.log(scale))))
                for scale, row in zip(scales, plain, strict=True)
            )
        )
    }
    for when in ("start", "trained"):
        batch = slopes(computed["batch"][when]["by_units"])
        collected[f"batch-norm-forgets-the-scale-{when}"] = Measured.of(paired(batch[0], batch[-1]))
        rows = zip(scales, batch, strict=True)
        collected[f"batch-norm-cures-{when}"] = Measured(
            tuple(Reading(f"scale {scale:g}", mean(sample(row))) for scale, row in rows)
        )
    right = slopes(computed["batch"]["start"]["by_units"])[int(np.argmin(np.abs(np.log(scales))))]
    growth = np.exp(right.mean())
    note = f"{growth:.3f} a layer, {growth**spec.depth:.0f} times in {spec.depth} layers"
    collected["batch-norm-explodes-at-the-start"] = Measured.of(mean(sample(right)), note)
    collected["batch-norm-trains-from-any-scale"] = _deep_losses(spec, found)
    return collected


def _deep_losses(spec: Normalisation, found: Findings[Cell]) -> Measured:
    readings, lost = [], 0
    for place in (0, -1):
        losses = {norm: found.computed["depth"][norm]["trained"]["loss"][place] for norm in ("none", "batch")}
        lost += int((~np.isfinite(losses["none"])).sum())
        numbers = [np.where(np.isfinite(losses[norm]), losses[norm], np.log(10)) for norm in ("batch", "none")]
        readings.append(Reading(f"scale {spec.scales[place]:g}", paired(*numbers, scale=Scale.LOG)))
    return Measured(tuple(readings), note=f"{lost} without normalisation ended as no number" if lost else "")


# --- Digits ----------------------------------------------------------------------------------------------------------


def of_arm(spec: Normalisation, found: Findings[Cell], arm: str, split: str, metric: str) -> Float[np.ndarray, "seeds"]:
    """Return a metric at the end of each seed's run; NaN where it diverged."""
    return at_end([found.runs[Cell(arm, seed)] for seed in range(spec.seeds)], split, metric)


def _digits(spec: Normalisation, found: Findings[Cell]) -> dict[str, Evidence]:
    def loss(arm: str, than: str) -> Measured:
        return Measured.of(paired(*(of_arm(spec, found, one, "train", "loss") for one in (than, arm)), scale=Scale.LOG))

    def error(arm: str, than: str) -> Measured:
        errors = (100 * of_arm(spec, found, one, "test", "error") for one in (than, arm))
        return Measured.of(paired(*errors, resolution=one_test_example(Digits())))

    return {
        "batch-norm-eases-training": loss("none", "batch"),
        "either-position-loss": loss("batch, after", "batch"),
        "either-position-error": error("batch, after", "batch"),
        "gamma-beta-help-loss": loss("batch, alone", "batch"),
        "gamma-beta-help-error": error("batch, alone", "batch"),
    }


# --- Inference -------------------------------------------------------------------------------------------------------


def inferred(
    spec: Normalisation, found: Findings[Cell], kind: str, size: int | None = None, what: str = "loss"
) -> Float[np.ndarray, "seeds"]:
    """Return one measurement of every seed's network with batch normalisation."""
    split = "test" if what == "loss" and kind != "noise" else "train"
    key = (name(kind, size, what), split)
    return np.array([found.measured[Cell("batch", seed)][key].value for seed in range(spec.seeds)])


def _inference(spec: Normalisation, found: Findings[Cell]) -> dict[str, Evidence]:
    sizes = spec.statistics_batches
    least, most = sizes[0], sizes[-1]
    unbiased = [(size, inferred(spec, found, "PyTorch", size, "variance")) for size in sizes]
    sigma, variance = (inferred(spec, found, kind, least, "variance") for kind in ("slides", "Flax"))
    noise = [inferred(spec, found, "noise", size) for size in (least, most)]
    full = inferred(spec, found, "full pass")
    collected: dict[str, Evidence] = {
        "variance-of-small-batches": Measured(
            tuple(Reading(f"K = {size}", mean(sample(values, scale=Scale.LOG))) for size, values in unbiased)
        ),
        "averaging-sigma-falls-short": Measured.of(paired(variance, sigma, scale=Scale.LOG)),
        "noise-of-small-batches": Measured.of(
            mean(sample(noise[0] / noise[1] / np.sqrt(most / least), scale=Scale.LOG))
        ),
        "running-averages-serve": Measured.of(paired(full, inferred(spec, found, "running"), scale=Scale.LOG)),
    }
    for kind in KINDS:
        averages = inferred(spec, found, kind, least)
        collected[f"small-batches-cost-{kind.lower()}"] = Measured.of(paired(full, averages, scale=Scale.LOG))
    return collected
