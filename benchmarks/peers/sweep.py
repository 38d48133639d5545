"""The sweep in PyTorch: one run after another on one thread, which is its fastest, or in two processes side by side.

Networks this small leave two threads waiting for each other. Each epoch is shuffled once and cut into views, so that a
step gathers nothing; gradients are set to none; Adam is fused.
"""

from __future__ import annotations

import itertools
import multiprocessing
from multiprocessing.connection import Connection

import torch
from sklearn.datasets import load_digits
from torch import nn

from peers.networks import perceptron
from record import Record, peak_megabytes, seconds
from tasks import SWEEP, arguments


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Return the standardised training part."""
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))[: SWEEP.num_train]
    inputs = torch.from_numpy(x).float()[order]
    inputs = (inputs - inputs.mean(0)) / inputs.std(0).clamp(min=1e-6)
    return inputs, torch.from_numpy(y)[order]


def train(x: torch.Tensor, y: torch.Tensor, learning_rate: float, seed: int, epochs: int) -> float:
    """Train one network and return the loss of its last batch."""
    torch.manual_seed(seed)
    network = perceptron((64, *SWEEP.widths, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    criterion = nn.CrossEntropyLoss()
    loss = torch.zeros(())
    for _ in range(epochs):
        order = torch.randperm(len(y))
        for inputs, labels in zip(x[order].split(SWEEP.batch_size), y[order].split(SWEEP.batch_size), strict=True):
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(network(inputs), labels)
            loss.backward()
            optimizer.step()
    return float(loss)


def sweep(runs: list[tuple[float, int]], epochs: int) -> list[float]:
    """Train the runs one after another."""
    x, y = digits()
    return [train(x, y, learning_rate, seed, epochs) for learning_rate, seed in runs]


def worker(connection: Connection, runs: list[tuple[float, int]], epochs: int) -> None:
    """Train a share of the runs each time the parent says so."""
    torch.set_num_threads(1)
    imported = peak_megabytes()
    sweep(runs[:1], 1)
    connection.send("ready")
    while connection.recv():
        sweep(runs, epochs)
        connection.send(peak_megabytes() - imported)


def side_by_side(record: Record, runs: list[tuple[float, int]], epochs: int, repeats: int) -> float:
    """Time two processes that share the runs; return the memory they took together."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(2)]
    workers = [
        context.Process(target=worker, args=(child, runs[index::2], epochs)) for index, (_, child) in enumerate(pipes)
    ]
    parents = [parent for parent, _ in pipes]
    for process in workers:
        process.start()
    for parent in parents:
        parent.recv()

    def both() -> float:
        for parent in parents:
            parent.send(True)
        return sum(parent.recv() for parent in parents)

    memory = 0.0
    for _ in range(repeats):
        taken, memory = seconds(both)
        record.warm.append(taken)
    for parent, process in zip(parents, workers, strict=True):
        parent.send(False)
        process.join()
    return memory


def main() -> None:
    args = arguments(__doc__ or "", processes=(int, 1))
    torch.set_num_threads(1)
    name = "eager, one after another, one thread" if args.processes == 1 else "eager, two processes side by side"
    record = Record("sweep", f"torch {torch.__version__}", name)
    runs = list(itertools.product(SWEEP.learning_rates, SWEEP.seeds))
    epochs = max(1, round(SWEEP.epochs * args.scale))
    if args.processes == 2:
        record.emit(extra_megabytes=side_by_side(record, runs, epochs, args.repeats))
        return
    sweep(runs[:1], 1)
    for _ in range(args.repeats):
        taken, losses = seconds(lambda: sweep(runs, epochs))
        record.warm.append(taken)
        record.values["last_losses"] = losses
    record.emit()


if __name__ == "__main__":
    main()
