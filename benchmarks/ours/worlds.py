"""The two worlds in Basin, in examples per second: a sample used again and again, fresh glyphs, and glyphs alone."""

from __future__ import annotations

from collections.abc import Callable

import jax

from basin import data, train
from basin.training.keys import named_key
from ours.real_and_ideal import glyphs, training
from record import Record, seconds
from tasks import WORLDS, arguments


def main() -> None:
    args = arguments(__doc__ or "", model=(str, "cnn5"), world=(str, "ideal"))
    record = Record(f"worlds, {args.model}", "basin", args.world, "examples/s")
    steps = max(5, round(WORLDS[args.model].steps * args.scale))
    timed = drawn(steps) if args.world == "drawn" else trained(args.model, args.world, steps)
    record.cold, _ = seconds(timed)
    record.warm = [steps * WORLDS[args.model].batch_size / timed() for _ in range(args.repeats)]
    record.emit()


def trained(model: str, world: str, steps: int) -> Callable[[], float]:
    """Return what trains so long and says how many seconds the steps took; looks are left out."""
    return lambda: train(training(model, world, steps)).cost["train_s"]


def drawn(steps: int) -> Callable[[], float]:
    """Return what draws so many batches and says how many seconds it took."""
    spec, size = glyphs("cnn5", "ideal"), WORLDS["cnn5"].batch_size
    draw = jax.jit(data.stream(spec, data.reference(spec)), static_argnums=1)
    keys = [jax.random.fold_in(named_key(0, "stream"), step) for step in range(steps)]
    return lambda: seconds(lambda: [jax.block_until_ready(draw(key, size)) for key in keys])[0]


if __name__ == "__main__":
    main()
