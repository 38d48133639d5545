"""The seconds of trainings of several lengths in one world, in turn: their steps, the whole, and the first run."""

from __future__ import annotations

import jax  # noqa: F401  imported before the record

from basin import train
from ours.real_and_ideal import training
from record import Record, seconds
from tasks import LENGTHS, arguments


def main() -> None:
    args = arguments(__doc__ or "", model=(str, "cnn5"), world=(str, "ideal"))
    record = Record(f"lengths, {args.model}", "basin", args.world)
    lengths = [max(2, round(steps * args.scale)) for steps in LENGTHS[args.model]]
    runs = [training(args.model, args.world, steps) for steps in lengths]
    record.cold, _ = seconds(lambda: train(runs[0]))
    taken = [[seconds(lambda run=run: train(run)) for run in runs] for _ in range(args.repeats)]
    stepping = [[trained.cost["train_s"] for _, trained in turn] for turn in taken]
    record.values = {"steps": lengths, "seconds": stepping, "whole": [[whole for whole, _ in turn] for turn in taken]}
    record.emit()


if __name__ == "__main__":
    main()
