"""The study `double-descent-translation` at three sizes.

A pilot on seeds 1000 and 1001 chose the data, the rate and the length of `quick`: so that both samples are fitted by
the largest transformers and neither by the smallest, and that training has settled there. The samples are a factor of
four apart, as in the paper (4 000 and 18 000 sentences). The peak of the rate is that of Vaswani et al. at a width and
a warm-up of 100; the paper's schedule has the same form. After verdicts were seen, looks were cut from six to four
and the largest dimension of `quick`, 24, was left out, to fit its time.
"""

from __future__ import annotations

from basin.spec.budget import Budget
from basin.spec.data import Language
from basin.spec.double_descent_translation import DoubleDescentTranslation, TranslationFamily
from basin.spec.model import Transformer
from basin.spec.optimizer import Adam
from basin.spec.schedule import InverseSquareRoot
from basin.studies.double_descent_width.presets import SEEDS

_SMALL = TranslationFamily(
    name="language",
    model=Transformer(width=1, depth=1, heads=1),
    widths=(3, 4, 6, 8, 12, 16),
    data=Language(nouns=8, verbs=4, adjectives=4, length=7, noise=0.1, num_train=400, num_test=1000),
    fewer=100,
    optimizer=Adam(learning_rate=InverseSquareRoot(peak=0.01, warmup=0.1)),
    batch_size=32,
    budget=Budget(amount=1000, unit="steps"),
    early=0,
    regular=4,
)

QUICK = DoubleDescentTranslation(seeds=12, slots=12, families=(_SMALL,))

STANDARD = DoubleDescentTranslation(
    seeds=12,
    families=(
        _SMALL.replace(
            model=Transformer(width=4, depth=2, heads=4),
            widths=(4, 8, 12, 16, 24, 32),
            data=Language(length=10, num_train=1600, num_test=2000),
            fewer=400,
            budget=Budget(amount=3000, unit="steps"),
            regular=10,
        ),
    ),
)

PAPER = DoubleDescentTranslation(
    seeds=SEEDS,
    families=(
        TranslationFamily(
            name="language",
            model=Transformer(width=8),
            widths=(8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512),
            data=Language(nouns=2000, verbs=1000, adjectives=1000, length=32, num_train=18_000),
            fewer=4000,
            optimizer=Adam(learning_rate=InverseSquareRoot(peak=5e-4, warmup=0.05), beta2=0.98),
            batch_size=128,
            budget=Budget(amount=80_000, unit="steps"),
            regular=20,
        ),
    ),
)
"""Nakkiran et al. 2020 on the made-up language: six layers each, eight heads, 80 000 updates, smoothing 0.1. Their
warm-up, rate and tokens an update are not established: rate and warm-up are fairseq's for IWSLT'14. For one's own text
give `Pairs` as data; the paper has one run a dimension."""
