"""Two-layer networks in Basin: the sweep over widths, one program each, or one width for more and more seeds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax  # noqa: F401  imported before the record, which counts memory above the imports

from basin import RunSpec, data, models, optim, train
from record import Record, seconds
from tasks import TWO_LAYER, arguments


def runs(widths: Sequence[int], seeds: Sequence[int], epochs: int) -> list[RunSpec]:
    """Return the runs; each is looked at on the full sets at both ends."""
    falls = {"initial": TWO_LAYER.learning_rate, "factor": TWO_LAYER.fall, "at": TWO_LAYER.falls_at}
    return [
        RunSpec(
            data=data.Digits(num_train=TWO_LAYER.num_train),
            model=models.MLP(widths=(width,), initializer={"kind": "glorot"}),
            optimizer=optim.SGD(learning_rate={"kind": "step", **falls}, momentum=TWO_LAYER.momentum),
            loss="mse",
            batch_size=TWO_LAYER.batch_size,
            budget=f"{epochs} epochs",
            seed=seed,
            evaluations={"early": 0, "regular": 1},
            gradient_norm=False,
        )
        for width, seed in itertools.product(widths, seeds)
    ]


def sweep(record: Record, epochs: int, repeats: int) -> None:
    """Time the sweep, the first time with its compiling, then with other seeds."""
    widths, seeds = TWO_LAYER.widths, TWO_LAYER.seeds
    record.cold, trained = seconds(lambda: train(runs(widths, seeds, epochs)))
    record.values["last_losses"] = [run.history.last("train", "loss") for run in trained]
    for repeat in range(1, repeats + 1):
        others = [seed + 100 * repeat for seed in seeds]
        record.warm.append(seconds(lambda others=others: train(runs(widths, others, epochs)))[0])


def counts(record: Record, epochs: int, repeats: int) -> None:
    """Time 1, 2, 4, ... runs of one width, each number first with its compiling, then with other seeds."""
    record.values |= {"runs": list(TWO_LAYER.counts), "seconds": [], "first": []}
    for count in TWO_LAYER.counts:
        taken = [
            seconds(
                lambda first=first, count=count: train(runs([TWO_LAYER.threshold], range(first, first + count), epochs))
            )[0]
            for first in range(0, 100 * (repeats + 1), 100)
        ]
        record.values["first"].append(taken[0])
        record.values["seconds"].append(taken[1:])


def main() -> None:
    args = arguments(__doc__ or "", what=(str, "sweep"))
    record = Record("two-layer", "basin", args.what)
    epochs = max(12, round(TWO_LAYER.epochs * args.scale))
    {"sweep": sweep, "counts": counts}[args.what](record, epochs, args.repeats)
    record.emit()


if __name__ == "__main__":
    main()
