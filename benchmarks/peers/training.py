"""F1 and CNN-5 in PyTorch, eager or compiled, in examples per second.

Convolutions are channels last; optimisers are fused; gradients are set to none; the loss is not read while it trains.
Compiled means that forward and backward are compiled (the fused update is one kernel already), from an empty cache.
"""

from __future__ import annotations

import os
import tempfile

import torch
from torch import nn

from peers.networks import cnn5, f1
from record import Record, seconds
from tasks import CNN5, CNN5_WIDTH, F1, Training, arguments


def build(task: str) -> tuple[nn.Module, torch.optim.Optimizer, Training]:
    """Return the network, its optimiser and the size of the work."""
    if task == "f1":
        network = f1()
        return network, torch.optim.Adam(network.parameters(), lr=1e-3, fused=True), F1
    network = cnn5(CNN5_WIDTH, CNN5.input_shape[0], CNN5.input_shape[-1])
    return network, torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, fused=True), CNN5


def examples(work: Training) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random inputs and labels; what is in them does not change the time."""
    x = torch.randn(work.num_train, *work.input_shape)
    y = torch.randint(0, 10, (work.num_train,))
    return (x.permute(0, 3, 1, 2) if x.ndim == 4 else x), y


def main() -> None:
    args = arguments(__doc__ or "", task=(str, "f1"), variant=(str, "eager"))
    torch.manual_seed(0)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp()
    record = Record(args.task, f"torch {torch.__version__}", args.variant, "examples/s")
    network, optimizer, work = build(args.task)
    x, y = examples(work)
    criterion = nn.CrossEntropyLoss()

    def loss_of(inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return criterion(network(inputs), labels)

    loss_function = torch.compile(loss_of) if args.variant == "compiled" else loss_of

    def train(steps: int) -> None:
        batches = iter(())
        for _ in range(steps):
            batch = next(batches, None)
            if batch is None:
                order = torch.randperm(work.num_train)
                batches = iter(order[: work.num_train // work.batch_size * work.batch_size].split(work.batch_size))
                batch = next(batches)
            optimizer.zero_grad(set_to_none=True)
            loss_function(x[batch], y[batch]).backward()
            optimizer.step()

    steps = max(5, round(work.steps * args.scale))
    record.cold, _ = seconds(lambda: train(1))
    train(5)
    for _ in range(args.repeats):
        taken, _ = seconds(lambda: train(steps))
        record.warm.append(steps * work.batch_size / taken)
    record.emit()


if __name__ == "__main__":
    main()
