"""Walks in Basin: all starts under all optimisers, every point, value and gradient norm kept; compile apart."""

from __future__ import annotations

import jax  # noqa: F401  imported before the record, which counts memory above the imports

from basin.optim import SGD, Adadelta, AdaGrad, Adam, AdamW, GradientDescent, RMSProp
from basin.spec.optimizer import Optimizer
from basin.surfaces import surface, trajectories
from record import Record, seconds
from tasks import WALKS, arguments

MADE: dict[str, type[Optimizer]] = {
    "gradient descent": GradientDescent,
    "momentum": SGD,
    "Nesterov": SGD,
    "AdaGrad": AdaGrad,
    "RMSProp": RMSProp,
    "Adam": Adam,
    "AdamW": AdamW,
    "Adadelta": Adadelta,
}
EXTRA = {"momentum": {"momentum": 0.9}, "Nesterov": {"momentum": 0.9, "nesterov": True}}


def main() -> None:
    args = arguments(__doc__ or "")
    record = Record("walks", "basin", "all starts side by side")
    rules = [MADE[name](learning_rate=rate, **EXTRA.get(name, {})) for name, rate in WALKS.learning_rates.items()]
    num_steps, starts = max(1, round(WALKS.steps * args.scale)), WALKS.starts()

    def walk() -> dict[str, list[float]]:
        walks = trajectories(surface("beale"), starts, rules, num_steps=num_steps)
        return {name: one.points[0, -1].tolist() for name, one in zip(WALKS.learning_rates, walks, strict=True)}

    record.cold, ends = seconds(walk)
    record.values = {"ends_of_first_start": ends}
    for _ in range(args.repeats):
        record.warm.append(seconds(walk)[0])
    record.emit()


if __name__ == "__main__":
    main()
