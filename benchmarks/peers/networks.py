"""The three networks in PyTorch, and F1 at the point where its minimum is measured."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn

from tasks import Minimum


def perceptron(units: tuple[int, ...], *, norm: bool = False) -> nn.Sequential:
    """Return linear layers with ReLU between them, each with batch normalisation if asked for."""
    layers: list[nn.Module] = []
    for m, n in itertools.pairwise(units[:-1]):
        layers += [nn.Linear(m, n), *([nn.BatchNorm1d(n)] if norm else []), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(*units[-2:]))


def f1() -> nn.Sequential:
    """Return F1 of Keskar et al.: 784, five times 512, 10."""
    return perceptron((784, *(512,) * 5, 10), norm=True)


def cnn5(width: int, size: int, channels: int) -> nn.Sequential:
    """Return the five-layer network of Nakkiran et al., channels last in memory."""
    widths = [channels, *(width * factor for factor in (1, 2, 4, 8))]
    layers: list[nn.Module] = []
    for (m, n), pool in zip(itertools.pairwise(widths), (1, 2, 2, size // 4), strict=True):
        layers += [nn.Conv2d(m, n, 3, padding=1), nn.BatchNorm2d(n), nn.ReLU()]
        layers += [nn.MaxPool2d(pool)] if pool > 1 else []
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1], 10))
    return network.to(memory_format=torch.channels_last)


def f1_at(minimum: Minimum, dtype: torch.dtype) -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    """Return F1 in evaluation mode with the given weights and statistics, the inputs and the labels."""
    network = f1()
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    norms = [layer for layer in network if isinstance(layer, nn.BatchNorm1d)]
    with torch.no_grad():
        for layer, kernel, bias in zip(linear, minimum.kernels, minimum.biases, strict=True):
            layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))
        for index, norm in enumerate(norms):
            for target, source in (
                (norm.weight, minimum.scales),
                (norm.bias, minimum.shifts),
                (norm.running_mean, minimum.means),
                (norm.running_var, minimum.variances),
            ):
                target.copy_(torch.from_numpy(source[index]))  # type: ignore[union-attr]
    inputs = torch.from_numpy(minimum.x).to(dtype)
    return network.to(dtype).eval(), inputs, torch.from_numpy(minimum.y.astype(np.int64))
