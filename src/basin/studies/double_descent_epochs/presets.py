"""The study `double-descent-epochs` at three sizes; data and two-layer network are those of `double-descent-width`.

A pilot on seeds 1000 and 1001 looked at lengths, rates and networks.
"""

from __future__ import annotations

from basin.spec.budget import Budget
from basin.spec.double_descent import DoubleDescentEpochs, EpochFamily
from basin.spec.model import CNN5, ResNet18
from basin.spec.optimizer import Adam
from basin.studies.double_descent_width.presets import COLOURS, GLYPHS, MOVED, SEEDS, TWO_LAYER

_DATA = GLYPHS.replace(num_validation=0)

_TWO_LAYER = EpochFamily(
    name="two-layer",
    model=TWO_LAYER.model,
    widths=(4, 8, 16, 23, 64, 256),
    critical=23,
    data=_DATA,
    optimizer=TWO_LAYER.optimizer,
    batch_size=TWO_LAYER.batch_size,
    budget=TWO_LAYER.budget,
    noises=(0.0,),
    early=12,
    regular=8,
)

_CNN = EpochFamily(
    name="cnn",
    model=CNN5(width=1),
    widths=(2, 4, 16),
    critical=4,
    data=_DATA,
    optimizer=Adam(learning_rate=1e-3),
    batch_size=128,
    budget=Budget(amount=2000, unit="steps"),
    noises=(0.0,),
    early=14,
    regular=8,
)

QUICK = DoubleDescentEpochs(seeds=16, families=(_TWO_LAYER,))

STANDARD = DoubleDescentEpochs(
    seeds=12,
    families=(
        _TWO_LAYER.replace(
            widths=(4, 8, 16, 23, 32, 64, 128, 256), budget=Budget(amount=12_000, unit="steps"), noises=(0.0, 0.1)
        ),
        _CNN,
    ),
)

PAPER = DoubleDescentEpochs(
    seeds=SEEDS,
    families=(
        EpochFamily(
            name="resnet18",
            model=ResNet18(width=1),
            widths=(3, 12, 64),
            critical=12,
            data=COLOURS.replace(label_noise=0.2, num_validation=0),
            optimizer=Adam(learning_rate=1e-4),
            batch_size=128,
            budget=Budget(amount=4000, unit="epochs"),
            augment=MOVED,
            noises=(0.0, 0.1),
            early=20,
            regular=100,
        ),
    ),
)
"""Figure 9 of Nakkiran et al. 2020 on glyphs of CIFAR's shape; theirs has one seed."""
