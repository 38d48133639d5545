"""Weight decay: which weights does it shrink, what does it count, and what does it break?

**Source.** Slides 42 to 46 on Bishop & Bishop, Deep Learning (2024), section 9.2.1; Loshchilov & Hutter, Decoupled
weight decay regularization (2019).

**Design.** The penalty is alpha/2 w'w throughout. On quadratics, where theory knows every step, descent with decay is
walked and compared by eigendirection. On a two-layer network that is small enough to be minimised to a gradient of
1e-10, equivalence under mapped data is tested at the minimiser. On real networks two things are trained: one large
network under decays of many strengths beside small networks without (does the effective number of parameters do what a
number of parameters does?), and Adam with coupled decay, with decoupled decay, and with decay of the kernels alone.

**Expected signature.** Formulas hold to rounding; what slides 43 and 46 print does not (a factor 2, two exponents).
Large gradients shield a weight from coupled decay under Adam and not from decoupled decay.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from basin.measure.effective_parameters import effective_parameters
from basin.measure.shrinkage import Decayed
from basin.spec.data import Digits, Glyphs
from basin.spec.model import MLP
from basin.spec.optimizer import Adam
from basin.spec.run import Evaluations, RunSpec
from basin.spec.weight_decay import Bowl, Capacity, DecayRace, WeightDecay
from basin.stats import Scale, mean, paired, sample, scaled_errors
from basin.studies.claim import Cases, Evidence, Measured, Reading
from basin.studies.experiment import Experiment
from basin.studies.runs import one_test_example
from basin.studies.study import Findings, Study, Task
from basin.studies.weight_decay import mapped_data as mapped
from basin.studies.weight_decay import quadratics as exact
from basin.studies.weight_decay import view
from basin.studies.weight_decay.claims import SOURCE, claims
from basin.studies.weight_decay.view import ARMS, Cell
from basin.training.run import Run

# --- What is run -----------------------------------------------------------------------------------------------------

QUICK = WeightDecay()

STANDARD = WeightDecay(
    seeds=10,
    capacity=Capacity(
        data=Glyphs(size=8, num_train=500, num_test=5000, label_noise=0.1),
        width=24,
        small_widths=(1, 2, 3, 4, 6, 8, 12),
        num_steps=4000,
    ),
    races=(
        DecayRace(
            name="digits", data=Digits(), epochs=60, coupled=view.FINE, decoupled=tuple(10 * s for s in view.FINE)
        ),
        DecayRace(
            name="glyphs",
            data=Glyphs(size=16, num_train=5000, num_test=10_000),
            epochs=40,
            coupled=view.FINE,
            decoupled=tuple(10 * strength for strength in view.FINE),
        ),
    ),
)


def runs(spec: WeightDecay) -> Mapping[Cell, RunSpec]:
    """Return the runs: the large network and the small ones, and the three arms of each race at every strength."""
    found = {}
    for seed in range(spec.seeds):
        for strength in spec.capacity.strengths:
            found[Cell("capacity", "decayed", strength, seed)] = _sized(
                spec.capacity, spec.capacity.width, strength, seed
            )
        for width in (*spec.capacity.small_widths, spec.capacity.width):
            found[Cell("capacity", "free", width, seed)] = _sized(spec.capacity, width, 0.0, seed)
        for race in spec.races:
            for arm in ARMS:
                for place, strength in enumerate(view.strengths(race, arm)):
                    found[Cell(race.name, arm, place, seed)] = _raced(spec, race, arm, strength, seed)
    return found


def _sized(of: Capacity, width: int, strength: float, seed: int) -> RunSpec:
    return RunSpec.model_validate(
        {
            "data": of.data,
            "model": MLP(widths=(width,)),
            "optimizer": Adam(learning_rate=of.learning_rate, weight_decay=strength),
            "batch_size": "full",
            "budget": f"{of.num_steps} steps",
            "seed": seed,
            "evaluations": Evaluations(early=0, regular=1),
        }
    )


def _raced(spec: WeightDecay, race: DecayRace, arm: str, strength: float, seed: int) -> RunSpec:
    forms = {"coupled": {}, "decoupled": {"decay": "decoupled"}, "kernels": {"decays": "kernels"}}
    optimizer = {"kind": "adam", "learning_rate": race.learning_rate, "weight_decay": strength, **forms[arm]}
    return RunSpec.model_validate(
        {
            "data": race.data,
            "model": spec.model,
            "optimizer": optimizer,
            "batch_size": race.batch_size,
            "budget": f"{race.epochs} epochs",
            "seed": seed,
            "evaluations": Evaluations(early=0, regular=1),
        }
    )


def experiments(spec: WeightDecay) -> Mapping[str, Experiment]:
    """Return what is computed besides: quadratics, noise, and networks on mapped data."""
    bowl, noise, maps = spec.bowl, spec.noise, spec.maps
    return {
        "eigendirections": Experiment({"bowl": bowl}, lambda: exact.eigendirections(bowl)),
        "penalties": Experiment({"bowl": bowl}, lambda: exact.penalties(bowl)),
        "effective-numbers": Experiment({"bowl": bowl}, lambda: exact.effective_numbers(bowl)),
        "path": Experiment({}, exact.path_of_the_minimum),
        "adam-on-the-bowl": Experiment({"bowl": bowl}, lambda: exact.adam_on_the_bowl(bowl)),
        "adam-in-noise": Experiment({"noise": noise}, lambda: exact.adam_in_noise(noise)),
        "mapped-data": Experiment({"maps": maps}, lambda: mapped.mapped_data(maps)),
    }


# --- What is measured ------------------------------------------------------------------------------------------------


def tasks(spec: WeightDecay, cell: Cell) -> Sequence[Task]:
    """Return the measurement of gamma for the large network under decay."""
    if cell.arm != "decayed":
        return []

    def compute(run: Run):
        return effective_parameters(run.loss(), run.params, Decayed(cell.value))

    return [Task(view.GAMMA, "train", compute)]


# --- What was found --------------------------------------------------------------------------------------------------


def evidence(spec: WeightDecay, found: Findings[Cell]) -> Mapping[str, Evidence]:
    """Return the evidence for each claim."""
    return {
        **_quadratic_evidence(spec.bowl, found),
        **_mapping_evidence(found),
        **_adam_evidence(spec, found),
        **_capacity_evidence(spec, found),
    }


def _quadratic_evidence(bowl: Bowl, found: Findings[Cell]) -> dict[str, Evidence]:
    walks, penalties, numbers = (found.computed[name] for name in ("eigendirections", "penalties", "effective-numbers"))
    off = np.abs(walks["walked"] - walks["formula"]) / walks["scale"][:, None, None]
    unneeded = np.array(bowl.eigenvalues) == 0
    size = np.linalg.norm(walks["target"])
    shares = {factor: _shares(penalties, factor) for factor in (1.0, 2.0)}
    sums, strengths, lambdas = numbers["sums"], numbers["strengths"], numbers["lambdas"]
    outside = [
        sums - lambdas.sum() / strengths,
        len(lambdas) - strengths * (1 / lambdas).sum() - sums,
        np.diff(sums, prepend=sums[0]),
    ]
    return {
        "shrinkage": Cases(np.abs(walks["minima"] - walks["shrunk"]).max(axis=1) / size),
        "walk": Cases(off.max(axis=(2, 3)).ravel()),
        "unneeded": Cases(off[..., unneeded].max(axis=(2, 3)).ravel()),
        "factor": Cases(np.abs(penalties["whole"] - shares[2.0]).ravel()),
        "factor-printed": Cases(np.abs(penalties["whole"] - shares[1.0]).ravel()),
        "effective-number": Cases(scaled_errors(sums, numbers["traces"], np.full(sums.shape, float(len(lambdas))))),
        "effective-limits": Cases(np.maximum(np.max(outside, axis=0), 0) / len(lambdas)),
    }


def _shares(penalties, factor: float) -> np.ndarray:
    return penalties["lambdas"] / (penalties["lambdas"] + factor * penalties["strengths"][:, None])


def _mapping_evidence(found: Findings[Cell]) -> dict[str, Evidence]:
    rows = found.computed["mapped-data"]
    slopes = {form: Cases(np.where(_rested(rows, form), rows[f"slope-{form}"], np.nan)) for form in mapped.FORMS}
    minimisers = {f"minimiser-{form.replace(' ', '-')}": slopes[form] for form in mapped.FORMS if form != "plain"}
    moved = np.where(_rested(rows, "plain"), rows["moved-plain"], np.nan)
    return {
        **minimisers,
        "plain-keeps": slopes["plain"],
        "plain-breaks": Measured.of(mean(sample(moved))),
        "absorbed-inputs": Cases(rows["absorbed-inputs"]),
        "absorbed-targets": Cases(rows["absorbed-targets"]),
        "consistent-regulariser": Cases(rows["regulariser-right"]),
        "consistent-regulariser-printed": Cases(rows["regulariser-printed"]),
        "paths": Cases(rows["path"]),
    }


def _rested(rows, form: str) -> np.ndarray:
    """Return which data sets have a minimiser to a gradient of 1e-8 before and after the mapping."""
    return (rows["original-rest"] < 1e-8) & (rows[f"rest-{form}"] < 1e-8)


def _adam_evidence(spec: WeightDecay, found: Findings[Cell]) -> dict[str, Evidence]:
    bowl, noise = found.computed["adam-on-the-bowl"], found.computed["adam-in-noise"]
    collected: dict[str, Evidence] = {}
    for form in ("coupled", "decoupled"):
        off = np.abs(bowl[form] - bowl["formula"]).max(axis=1)
        collected[f"adam-{form}-minimum"] = Measured.of(mean(sample(off)))
    rates = -np.log(noise["coupled"][:, -1])
    collected["adam-coupled-spares"] = Measured.of(paired(rates[:, -1], rates[:, 0], scale=Scale.LOG))
    off = np.abs(noise["decoupled"] - noise["formula"][:, None])
    collected["adam-decoupled-spares-none"] = Cases(off.max(axis=1).ravel())
    for race in spec.races:
        errors = {arm: view.chosen(spec, found, race, arm) for arm in ARMS}
        step = 2 * one_test_example(race.data)
        for name, arm in (("decoupled-better", "decoupled"), ("biases", "kernels")):
            estimate = paired(errors[arm], errors["coupled"], resolution=step)
            collected[f"{name}-{race.name}"] = Measured.of(estimate)
    return collected


def _capacity_evidence(spec: WeightDecay, found: Findings[Cell]) -> dict[str, Evidence]:
    gammas, counts = view.gammas(spec, found), view.counts(spec)
    large, small = view.decayed_at(spec, found, counts), view.free_errors(spec, found)
    readings = tuple(
        Reading(f"{count} parameters", paired(small[:, place], large[:, place]))
        for place, count in enumerate(counts)
        if np.isfinite(large[:, place]).sum() > 1
    )
    return {
        "gamma-falls": Measured.of(paired(gammas[:, -1], gammas[:, 0], scale=Scale.LOG)),
        **({"like-fewer-parameters": Measured(readings)} if readings else {}),
    }


def protocol(spec: WeightDecay) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    of = spec.capacity
    return [
        "The penalty is alpha/2 w'w beside a mean loss; on quadratics everything is float64, and minimisers of the "
        "mapped networks are found to a gradient below 1e-8.",
        f"The large network has {of.width} hidden units, the small ones {', '.join(map(str, of.small_widths))}; all "
        f"are trained on the full batch by Adam for {of.num_steps} updates with a rate that falls to 0.",
        "Gamma is taken from the Gauss-Newton matrix of the data term at the regularised end of training.",
        "The strength of each arm of a race is chosen on the even test examples and the other seeds and read on the "
        "odd ones, then the reverse; every arm has as many strengths to choose from.",
        "A seed decides initial weights, the order of examples and, for glyphs, the training sample.",
    ]


STUDY = Study(
    name="weight-decay",
    title="Weight decay",
    question="A penalty on the squared weights shrinks each direction of weight space by how flat the error is along "
    "it. Here the formula is held against walks, the effective number of parameters against small networks, plain "
    "decay against the decay that respects linear maps of the data, and coupled against decoupled decay under Adam.",
    source=SOURCE,
    presets={"quick": QUICK, "standard": STANDARD},
    cost={
        "quick": "53 s on two cores (168 trainings, 30 measurements, 7 experiments)",
        "standard": "not measured",
    },
    protocol=protocol,
    claims=claims,
    runs=runs,
    tasks=tasks,
    experiments=experiments,
    evidence=evidence,
    figures=view.figures,
    tables=view.tables,
)
