"""Keskar's sharpness in PyTorch: the same objective under the same SciPy optimiser, settings, start and arithmetic.

All weights are views of one flat tensor, and all gradients of another, so that a point comes in and a gradient goes out
by one copy each. The full gradient is accumulated over chunks that stay in cache.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.optimize
import torch
from torch import nn

from peers.networks import f1_at
from record import Record, seconds
from tasks import EPSILON, ITERATIONS, LBFGS, Minimum, arguments


class Objective:
    """The mean cross-entropy as a function of one flat vector."""

    def __init__(self, network: nn.Module, x: torch.Tensor, y: torch.Tensor, chunk: int, compiled: bool) -> None:
        parameters = list(network.parameters())
        self.point = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
        self.gradient = torch.zeros_like(self.point)
        begin = 0
        for parameter in parameters:
            end = begin + parameter.numel()
            parameter.data = self.point[begin:end].view_as(parameter)
            parameter.grad = self.gradient[begin:end].view_as(parameter)
            begin = end
        self.chunks = list(zip(x.split(chunk), y.split(chunk), strict=True))
        self.count = len(y)
        self.evaluations = 0

        def loss_of(inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return nn.functional.cross_entropy(network(inputs), labels, reduction="sum") / self.count

        self.loss_of = torch.compile(loss_of) if compiled else loss_of

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss and its gradient at a point."""
        self.evaluations += 1
        self.point.copy_(torch.from_numpy(point))
        self.gradient.zero_()
        total = 0.0
        for inputs, labels in self.chunks:
            loss = self.loss_of(inputs, labels)
            loss.backward()
            total += loss.item()
        return total, self.gradient.numpy().astype(np.float64)


def sharpness(objective: Objective, centre: np.ndarray, start: np.ndarray, iterations: int) -> float:
    """Return 100 (max f(x + y) - f(x)) / (1 + f(x)) as ten iterations of L-BFGS-B from an interior start find it."""
    half_widths = EPSILON * (np.abs(centre) + 1)
    loss, _ = objective(centre)

    def minus(u: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(centre + half_widths * u)
        return loss - value, -half_widths * gradient

    found = scipy.optimize.minimize(
        minus,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=scipy.optimize.Bounds(-1, 1),
        options={**LBFGS, "maxiter": iterations},
    )
    return 100 * -float(found.fun) / (1 + loss)


def main() -> None:
    args = arguments(
        __doc__ or "", minimum=(Path, None), precision=(str, "float64"), variant=(str, "eager"), chunk=(int, 1000)
    )
    record = Record("sharpness " + args.precision, f"torch {torch.__version__}", args.variant)
    minimum = Minimum.load(args.minimum)
    minimum = minimum.first(round(len(minimum.y) * args.scale))
    network, x, y = f1_at(minimum, getattr(torch, args.precision))
    objective = Objective(network, x, y, args.chunk, args.variant == "compiled")
    centre = objective.point.numpy().astype(np.float64)
    start = np.concatenate([array.T.reshape(-1) for array in minimum.start_arrays()])  # a Linear holds its transpose
    record.cold, _ = seconds(lambda: objective(centre))
    for _ in range(args.repeats):
        objective.evaluations = 0
        taken, value = seconds(lambda: sharpness(objective, centre, start, ITERATIONS))
        record.warm.append(taken)
        record.values = {"sharpness": value, "evaluations": objective.evaluations}
    record.emit()


if __name__ == "__main__":
    main()
