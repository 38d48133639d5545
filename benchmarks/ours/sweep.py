"""The sweep in Basin: sixteen runs, one compiled program, with every run looked at on the full sets at both ends."""

from __future__ import annotations

import itertools

import jax  # noqa: F401  imported before the record, which counts memory above the imports

from basin import RunSpec, data, models, optim, train
from record import Record, seconds
from tasks import SWEEP, arguments


def main() -> None:
    args = arguments(__doc__ or "")
    record = Record("sweep", "basin", "16 slots")
    epochs = max(1, round(SWEEP.epochs * args.scale))

    def runs(offset: int) -> list[RunSpec]:
        return [
            RunSpec(
                data=data.Digits(),
                model=models.MLP(widths=SWEEP.widths),
                optimizer=optim.Adam(learning_rate=rate),
                batch_size=SWEEP.batch_size,
                budget=f"{epochs} epochs",
                seed=seed + offset,
                evaluations={"early": 0, "regular": 1},
            )
            for rate, seed in itertools.product(SWEEP.learning_rates, SWEEP.seeds)
        ]

    record.cold, trained = seconds(lambda: train(runs(0)))
    record.values["last_losses"] = [run.history.last("train", "loss") for run in trained]
    for repeat in range(args.repeats):
        taken, _ = seconds(lambda repeat=repeat: train(runs(100 * (repeat + 1))))
        record.warm.append(taken)
    record.emit()


if __name__ == "__main__":
    main()
