"""A process that trains some runs in four slots and kills itself, with a real SIGKILL, at a moment that it is told.

It trains seven `seeds`, or a `lineage`: a run that keeps its best weights (and ends with worse), two that start from
it, and one that starts from one of these.

`write:N` dies inside the N-th write to the store, half of the bytes written; `left:N` as soon as N runs are left;
`never` lives. Snapshots are taken after every segment, so that most kills find one.
"""

import os
import signal
import sys

import basin
from basin.data import Digits
from basin.models import MLP
from basin.optim import Adam
from basin.spec.run import Evaluations, RunSpec
from basin.store import atomic
from basin.training import loop

RUNS = [
    RunSpec(
        data=Digits(num_train=100),
        model=MLP(widths=(8,), norm="batch"),
        optimizer=Adam(learning_rate=1e-2),
        batch_size=10,
        budget=f"{6 + 2 * seed} steps",
        seed=seed,
        evaluations=Evaluations(early=0, regular=2),
    )
    for seed in range(7)
]

ELDEST = RUNS[0].replace(
    data=Digits(num_train=100, num_validation=50),
    optimizer=Adam(learning_rate=0.3),
    budget="12 steps",
    evaluations=Evaluations(early=0, regular=6),
    keep_best="loss",
)
CHILDREN = [RUNS[seed].replace(start=ELDEST) for seed in (1, 2)]
LINEAGE = [CHILDREN[1].replace(seed=9, start=CHILDREN[1]), *CHILDREN]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_inside_write(number: int) -> None:
    """Make the store's write number `number` stop in its middle."""
    write = os.write
    count = 0

    def half(descriptor: int, content: bytes) -> int:
        nonlocal count
        count += 1
        if count == number:
            write(descriptor, bytes(content)[: len(content) // 2])
            die()
        return write(descriptor, content)

    atomic.os.write = half


def die_when_left(number: int) -> None:
    """Make the process die when so many runs are left, before the last one's outcome reaches the disk."""
    finish = loop.GroupLoop._finish

    def counted(self: loop.GroupLoop, index: int, training: loop.Training) -> object:
        if len(self.queue) + len(self.active) == number:
            die()
        return finish(self, index, training)

    loop.GroupLoop._finish = counted


if __name__ == "__main__":
    out, moment, what = sys.argv[1:]
    loop.KEEP_EVERY_S = 0.0
    loop.SEGMENT_S = 1e-9
    kind, _, number = moment.partition(":")
    if kind == "write":
        die_inside_write(int(number))
    elif kind == "left":
        die_when_left(int(number))
    basin.train({"seeds": RUNS, "lineage": LINEAGE}[what], out=out, slots=4)
