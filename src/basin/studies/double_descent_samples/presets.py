"""The study `double-descent-samples` at three sizes; networks, data and rates are those of `double-descent-width`."""

from __future__ import annotations

from basin.spec.budget import Budget
from basin.spec.double_descent import DoubleDescentSamples, SampleFamily
from basin.spec.model import CNN5
from basin.spec.optimizer import SGD, Adam
from basin.spec.schedule import PowerLaw
from basin.studies.double_descent_width.presets import COLOURS, GLYPHS, MOVED, SEEDS, STEPS, TWO_LAYER

_TWO_LAYER = SampleFamily(
    name="two-layer",
    model=TWO_LAYER.model,
    widths=(4, 6, 8, 11, 16, 23, 32, 45, 64, 128),
    data=GLYPHS.replace(num_validation=0),
    optimizer=TWO_LAYER.optimizer,
    batch_size=TWO_LAYER.batch_size,
    budget=TWO_LAYER.budget,
    samples=(500, 1000, 2000),
    early=0,
    regular=2,
)

QUICK = DoubleDescentSamples(seeds=16, families=(_TWO_LAYER,))

STANDARD = DoubleDescentSamples(
    seeds=12,
    families=(
        _TWO_LAYER.replace(
            widths=(2, 4, 6, 8, 11, 16, 23, 32, 45, 64, 128, 256),
            samples=(177, 250, 354, 500, 707, 1000, 1414, 2000, 2828),
            budget=Budget(amount=6000, unit="steps"),
        ),
        _TWO_LAYER.replace(
            name="cnn",
            model=CNN5(width=1),
            widths=(1, 2, 3, 4, 6),
            optimizer=Adam(learning_rate=1e-3),
            budget=Budget(amount=2000, unit="steps"),
            samples=(500, 1000, 2000),
            seeds=10,
        ),
    ),
)

PAPER = DoubleDescentSamples(
    seeds=SEEDS,
    families=(
        SampleFamily(
            name="cnn5",
            model=CNN5(width=1),
            widths=(*range(1, 33), *range(36, 68, 4), 96, 128),
            data=COLOURS.replace(label_noise=0.2, num_validation=0),
            optimizer=SGD(learning_rate=PowerLaw(initial=0.1, power=-0.5, scale=512 / STEPS, every=512 / STEPS)),
            batch_size=128,
            budget=Budget(amount=STEPS, unit="steps"),
            augment=MOVED,
            samples=(3125, 4419, 6250, 8839, 12_500, 17_678, 25_000, 35_355, 50_000),
        ),
    ),
)
"""Figure 12 of Nakkiran et al. 2020 on glyphs of CIFAR's shape; theirs has one seed."""
