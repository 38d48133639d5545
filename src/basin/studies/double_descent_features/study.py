"""Double descent where it can be calculated: random features and linear regression of minimum norm.

**Source.** Belkin, Hsu, Ma & Mandal 2019 (random Fourier and random ReLU features); Belkin, Hsu & Xu 2020 and Hastie
et al. 2022 (theory); Nakkiran et al. 2020 (label noise, sample size) and 2021 (ridge); slides 51 to 55 of document 001.

**Design.** Nothing is trained: at every number of features the least-squares solution of minimum norm is computed to
the accuracy of float64, for one-hot labels. A seed draws the examples, their order, the wrong labels and the features;
the features are nested, so a family is one matrix to which columns are added. Rates of label noise, random labels among
them, are further columns of targets. *Ridge*: the same with a penalty chosen on held-out examples. *Samples*: the
first n rows. *Kernel*: the limit of infinitely many Fourier features. *Linear model*: normal inputs of which a random
share of the features is seen, where theory gives the risk; its measured risk is the population's.

**Expected signature.** Test error falls, rises to a peak at as many features as examples, and falls again; the norm of
the coefficients peaks there too. Ridge takes the peak away. Where the number of features is that of the larger sample,
a quarter of the data does better.

**What is chosen where.** Penalties on held-out examples with the same noise; places of peaks and valleys on one half of
the seeds, heights on the other. Near the threshold a risk has no mean: test errors, which are bounded, are averaged;
risks are compared on a logarithmic scale, or as medians, or away from it.

**What would refute it.** Each claim says so itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from basin.spec.data import Glyphs
from basin.spec.double_descent_features import DoubleDescentFeatures, FeatureFamily, LinearModel
from basin.studies.double_descent_features import view
from basin.studies.double_descent_features.claims import claims
from basin.studies.double_descent_features.evidence import evidence
from basin.studies.double_descent_features.experiments import experiments
from basin.studies.study import Study

QUICK = DoubleDescentFeatures()

_LARGE = Glyphs(size=28, difficulty=0.25, num_train=2500, num_test=2000)

STANDARD = DoubleDescentFeatures(
    families=(
        *QUICK.families[:2],
        FeatureFamily(name="glyphs-fourier", data=_LARGE.replace(standardise=False), features="fourier", bandwidth=5.0),
        FeatureFamily(name="glyphs-relu", data=_LARGE, features="relu"),
    ),
    num_train=1000,
    num_validation=400,
    samples=(100, 150, 250, 350, 500, 700, 1000),
    fewer=250,
    linear=LinearModel(num_examples=100, num_features=1000, draws=400),
)

_BELKIN = Glyphs(size=28, difficulty=0.25, num_train=12_000, num_test=10_000, standardise=False)

PAPER = DoubleDescentFeatures(
    seeds=6,
    families=(FeatureFamily(name="glyphs-fourier", data=_BELKIN, features="fourier", bandwidth=5.0),),
    num_train=10_000,
    num_validation=2000,
    ratios=(0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 6.0),
    sampled="glyphs-fourier",
    samples=(1000, 2500, 5000, 10_000),
    fewer=2500,
)


def protocol(spec: DoubleDescentFeatures) -> Sequence[str]:
    """Return what was held equal and what was selected on which data."""
    rates = ", ".join(f"{100 * rate:g}" for rate in spec.label_noises)
    return [
        f"{spec.num_train} training and {spec.num_validation} held-out examples a seed, {spec.seeds} seeds; the test "
        "set is the same for all seeds and its labels are clean.",
        f"Wrong labels: {rates} %, each another class with equal chances, the same for every number of features; "
        "labels wrong at a rate are wrong at every higher one. The held-out labels have the same noise.",
        "A seed's first p features are the same whatever their number. Fourier features take pixels in [0, 1], with a "
        "bandwidth of about half the median distance of two examples, as 5 is for images of 28x28; ReLU features take "
        "standardised inputs.",
        "Least squares of minimum norm in float64; singular values below max(n, p) units of float64 of the largest "
        "count as 0. The table says where that cut-off acted.",
        "Penalties are chosen by the squared error on the held-out examples; places of peaks and valleys on one half "
        "of the seeds, heights are read on the other.",
        f"Linear model: {spec.linear.draws} draws of {spec.linear.num_examples} examples; the penalty is theory's best "
        "for another draw.",
    ]


STUDY = Study(
    name="double-descent-features",
    title="Double descent of random features",
    question="Does the test error of a linear model over its number of features fall, rise to a peak where the "
    "training set is just fitted, and fall again? Is the peak where theory has it, what moves and raises it, and does "
    "ridge remove it?",
    source="Belkin, Hsu, Ma & Mandal 2019",
    presets={"quick": QUICK, "standard": STANDARD, "paper": PAPER},
    cost={
        "quick": "52 s on two cores",
        "standard": "13 min on two cores, with other work beside it",
        "paper": "not measured; 17 GB of memory and, a seed, 1e13 operations for the curve and 3e14 for ridge at "
        "all sizes: some hours a seed on two cores; with MNIST of your own, families=[{data: {kind: npz, path: ...}}]",
    },
    protocol=protocol,
    claims=claims,
    experiments=experiments,
    evidence=evidence,
    figures=view.figures,
    tables=view.tables,
)
