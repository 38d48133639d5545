"""The sweep of two-layer networks in PyTorch: one run after another on one thread, which is its fastest.

Each epoch is shuffled once and cut into views, so that a step gathers nothing; gradients are set to none; SGD is fused.
"""

from __future__ import annotations

import itertools

import torch
from sklearn.datasets import load_digits
from torch import nn

from peers.networks import perceptron
from record import Record, seconds
from tasks import TWO_LAYER, arguments


def examples() -> tuple[torch.Tensor, torch.Tensor]:
    """Return standardised inputs and one-hot targets."""
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))[: TWO_LAYER.num_train]
    inputs = torch.from_numpy(x).float()[order]
    inputs = (inputs - inputs.mean(0)) / inputs.std(0).clamp(min=1e-6)
    return inputs, nn.functional.one_hot(torch.from_numpy(y)[order], 10).float()


def train(x: torch.Tensor, y: torch.Tensor, width: int, seed: int, epochs: int) -> float:
    """Train one network and return the loss of its last batch: the mean over examples of half the sum of squares."""
    torch.manual_seed(seed)
    network = perceptron((x.shape[1], width, y.shape[1]))
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    settings = {"lr": TWO_LAYER.learning_rate, "momentum": TWO_LAYER.momentum, "fused": True}
    optimizer = torch.optim.SGD(network.parameters(), **settings)
    stairs = [round(at * epochs) for at in TWO_LAYER.falls_at]
    falls = torch.optim.lr_scheduler.MultiStepLR(optimizer, stairs, TWO_LAYER.fall)
    loss, size = torch.zeros(()), TWO_LAYER.batch_size
    for _ in range(epochs):
        order = torch.randperm(len(y))
        for inputs, targets in zip(x[order].split(size), y[order].split(size), strict=True):
            optimizer.zero_grad(set_to_none=True)
            loss = 0.5 * (network(inputs) - targets).square().sum(1).mean()
            loss.backward()
            optimizer.step()
        falls.step()
    return float(loss)


def main() -> None:
    args = arguments(__doc__ or "")
    torch.set_num_threads(1)
    record = Record("two-layer", f"torch {torch.__version__}", "eager, one after another, one thread")
    epochs = max(12, round(TWO_LAYER.epochs * args.scale))
    x, y = examples()
    runs = list(itertools.product(TWO_LAYER.widths, TWO_LAYER.seeds))
    train(x, y, *runs[0], 12)
    for _ in range(args.repeats):
        taken, losses = seconds(lambda: [train(x, y, width, seed, epochs) for width, seed in runs])
        record.warm.append(taken)
        record.values["last_losses"] = losses
    record.emit()


if __name__ == "__main__":
    main()
