"""CIFAR-5m read batch by batch, in images per second: one pass in random order over files in the page cache.

Without `--folder` a stand-in is made and converted first: six parts in the exact format, of 200 000 images each. The
memory is the most that the process held above its imports. There is no rival, so `make bench` leaves it out.

    PYTHONPATH=benchmarks python benchmarks/ours/cifar5m.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np

from basin.data import Cifar5m
from basin.data.batches import batches
from basin.data.cifar5m import open_examples
from basin.data.convert import NUM_PARTS, converted
from record import Record, seconds
from tasks import arguments

IMAGES = 200_000
BATCH_SIZE = 128
NUM_TEST = 100


def main() -> None:
    args = arguments(__doc__ or "", folder=(str, ""), make=(str, ""))
    count = max(NUM_TEST, round(IMAGES * args.scale))
    if args.make:
        return make(Path(args.make), count)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(args.folder or made)
        record = Record("cifar5m", "basin", "one pass", "examples/s")
        if not args.folder:
            subprocess.run([sys.executable, __file__, "--make", made, "--scale", str(args.scale)], check=True)
        taken, parts = seconds(lambda: converted(folder))
        record.values["converted_per_s"] = sum(part.count for part in parts) / taken
        for repeat in range(args.repeats + 1):
            speed = one_pass(folder, repeat)
            if repeat == 0:
                record.values["first_pass_per_s"] = speed
            else:
                record.warm.append(speed)
        record.emit()
    return None


def make(folder: Path, count: int) -> None:
    """Write parts of random images, one after another."""
    for number in range(NUM_PARTS):
        rng = np.random.default_rng(number)
        np.savez(
            folder / f"part{number}.npz",
            X=rng.integers(0, 256, (count, 32, 32, 3), np.uint8),
            Y=rng.integers(0, 10, count),
        )


def one_pass(folder: Path, seed: int) -> float:
    """Read every training image once and return how many a second."""
    examples, _ = open_examples(Cifar5m(path=str(folder), num_test=NUM_TEST), seed)
    steps = len(examples) // BATCH_SIZE
    key = jax.random.key(seed)

    def read() -> int:
        return sum(len(block.inputs) for block in batches(examples, key, batch_size=BATCH_SIZE, num_steps=steps))

    taken, count = seconds(read)
    assert count == steps
    return count * BATCH_SIZE / taken


if __name__ == "__main__":
    main()
