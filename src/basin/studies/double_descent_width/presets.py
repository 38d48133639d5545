"""The study `double-descent-width` at three sizes.

A pilot on seeds 1000 to 1003 chose the data, the rate, the widths and the length of `quick`, so that networks of both
sides of the interpolation threshold are cheap and that training errors have settled at the end, and strengths of decay
of all effects. After a look at its verdicts it was made to fit its time; the study's page says how.

A second pilot, on seeds 1000 and 1001, looked at the other families of `standard`, which was then cut to fit half an
hour and run for the first time.
"""

from __future__ import annotations

from basin.spec.augment import Crop, Flip
from basin.spec.budget import Budget
from basin.spec.data import Glyphs
from basin.spec.double_descent import Below, DoubleDescentWidth, WidthFamily
from basin.spec.initializer import Glorot
from basin.spec.model import CNN5, MLP, ResNet18
from basin.spec.optimizer import SGD, Adam, AdamW
from basin.spec.schedule import PowerLaw, Step

NONE = 1e-9
"""A decay of no effect in 32 bits; at 0 a network without decay would be a program of its own, compiled apart."""

GLYPHS = Glyphs(size=8, difficulty=0.3, num_train=1000, num_test=2000, num_validation=500, label_noise=0.2)

TWO_LAYER = WidthFamily(
    name="two-layer",
    model=MLP(widths=(1,)),
    widths=(4, 6, 8, 11, 16, 23, 32, 64, 128, 256),
    data=GLYPHS,
    optimizer=AdamW(learning_rate=3e-3, weight_decay=NONE),
    batch_size=128,
    budget=Budget(amount=3000, unit="steps"),
    noises=(0.0,),
    decays=(0.3, 1.0),
    random_labels=True,
    early=4,
)

QUICK = DoubleDescentWidth(seeds=12, families=(TWO_LAYER,))

_CNN = WidthFamily(
    name="cnn",
    model=CNN5(width=1),
    widths=(1, 2, 3, 4, 6, 8),
    data=GLYPHS,
    optimizer=Adam(learning_rate=1e-3),
    batch_size=128,
    budget=Budget(amount=2000, unit="steps"),
    noises=(0.0,),
    seeds=10,
)

_SQUARED = WidthFamily(
    name="squared",
    model=MLP(widths=(1,), initializer=Glorot()),
    widths=(4, 8, 16, 24, 32, 40, 48, 53, 58, 64, 80, 128, 256, 512),
    data=GLYPHS.replace(num_train=400, num_validation=200, label_noise=0.1),
    optimizer=SGD(learning_rate=0.005, momentum=0.95),
    batch_size=40,
    budget=Budget(amount=1000, unit="epochs"),
    loss="mse",
    noises=(0.0,),
    below=Below(
        optimizer=SGD(
            learning_rate=Step(initial=0.005, factor=0.9, at=tuple(stair / 12 for stair in range(1, 12))), momentum=0.95
        ),
        new_weights_std=0.1,
    ),
)
"""The network of Belkin et al. 2019: squared loss, momentum 0.95, first weights by Glorot's rule; up to 53 units, the
threshold of parameters, a rate that falls by a tenth in twelve stairs and an end where nothing is wrong, and weights
reused. The stairs are those of their 6 000 epochs, shortened with these; batch and rate are not in the paper. In the
pilot the rate fitted everything from 128 units on, and had the lowest training loss of three where weights are reused;
networks of up to 16 units that do not reuse weights learn nothing at any rate down to 2e-4."""

STANDARD = DoubleDescentWidth(
    seeds=12,
    families=(
        TWO_LAYER.replace(
            budget=Budget(amount=6000, unit="steps"),
            widths=(2, 4, 6, 8, 11, 16, 23, 32, 45, 64, 128, 256),
            noises=(0.0, 0.1),
            fewer=500,
            decays=(0.1, 0.3, 1.0, 3.0),
            augmented=(Crop(padding=1),),
        ),
        TWO_LAYER.replace(
            name="three-layer",
            model=MLP(widths=(1, 1)),
            optimizer=AdamW(learning_rate=1e-3, weight_decay=NONE),
            decays=(),
        ),
        _SQUARED,
        _CNN,
    ),
)

COLOURS = Glyphs(size=32, channels=3, difficulty=0.5, num_train=50_000, num_validation=5000, label_noise=0.15)
MOVED = (Crop(padding=4), Flip())
STEPS = 500_000

SEEDS = 8
"""Seeds of every `paper`: half of them choose a peak's place and half measure its height. The papers have one to five,
of which two draw the same figures and decide no claim."""

PAPER = DoubleDescentWidth(
    seeds=SEEDS,
    families=(
        WidthFamily(
            name="resnet18",
            model=ResNet18(width=1),
            widths=tuple(range(1, 65)),
            data=COLOURS,
            optimizer=Adam(learning_rate=1e-4),
            batch_size=128,
            budget=Budget(amount=4000, unit="epochs"),
            augment=MOVED,
            noises=(0.0, 0.05, 0.1, 0.2),
            regular=40,
        ),
        WidthFamily(
            name="cnn5",
            model=CNN5(width=1),
            widths=(*range(1, 33), *range(36, 68, 4), 96, 128),
            data=COLOURS.replace(label_noise=0.2),
            optimizer=SGD(learning_rate=PowerLaw(initial=0.1, power=-0.5, scale=512 / STEPS, every=512 / STEPS)),
            batch_size=128,
            budget=Budget(amount=STEPS, unit="steps"),
            noises=(0.0, 0.1),
            fewer=25_000,
            augmented=MOVED,
            regular=40,
        ),
    ),
)
"""Nakkiran et al. 2020 on glyphs of CIFAR's shape, where figure 1 has five seeds and the others one."""
