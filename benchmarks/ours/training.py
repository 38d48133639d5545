"""F1 and CNN-5 in Basin, in examples per second of training; looks at the full sets are timed apart and left out."""

from __future__ import annotations

import jax  # noqa: F401  imported before the record

from basin import RunSpec, data, models, optim, train
from record import Record, seconds
from tasks import CNN5, CNN5_WIDTH, F1, arguments


def main() -> None:
    args = arguments(__doc__ or "", task=(str, "f1"))
    record = Record(args.task, "basin", "one run", "examples/s")
    work = F1 if args.task == "f1" else CNN5
    steps = max(5, round(work.steps * args.scale))
    size, channels = (28, 1) if args.task == "f1" else (work.input_shape[0], work.input_shape[2])

    def run(seed: int) -> RunSpec:
        return RunSpec(
            data=data.Glyphs(size=size, channels=channels, num_train=work.num_train, num_test=100),
            model=models.F1() if args.task == "f1" else models.CNN5(width=CNN5_WIDTH),
            optimizer=optim.Adam(learning_rate=1e-3)
            if args.task == "f1"
            else optim.SGD(learning_rate=0.05, momentum=0.9),
            batch_size=work.batch_size,
            budget=f"{steps} steps",
            seed=seed,
            evaluations={"early": 0, "regular": 1},
        )

    record.cold, _ = seconds(lambda: train(run(0)))
    for repeat in range(args.repeats):
        trained = train(run(repeat + 1))
        record.warm.append(steps * work.batch_size / trained.cost["train_s"])
    record.emit()


if __name__ == "__main__":
    main()
