"""Walks in PyTorch, one thread, which is its fastest here: starts one by one, or all of them in one tensor.

One by one is a loop over starts, so a few of them are timed and the seconds scaled to all; how many is in the record.
In one tensor the sum over starts is differentiated, which is each start's own gradient; every optimiser here is
elementwise, so each start walks as if alone. Points and values are kept; no norm of the gradient is, which Basin keeps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from record import Record, seconds
from tasks import WALKS, arguments

Optim = torch.optim.Optimizer
MADE: dict[str, Callable[[list[torch.Tensor], float], Optim]] = {
    "gradient descent": lambda p, lr: torch.optim.SGD(p, lr=lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    "Nesterov": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True),
    "AdaGrad": lambda p, lr: torch.optim.Adagrad(p, lr=lr, eps=1e-8),
    "RMSProp": lambda p, lr: torch.optim.RMSprop(p, lr=lr, alpha=0.9, eps=1e-8),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr=lr),
    "AdamW": lambda p, lr: torch.optim.AdamW(p, lr=lr),
    "Adadelta": lambda p, lr: torch.optim.Adadelta(p, lr=lr, rho=0.95, eps=1e-6),
}


def beale(point: torch.Tensor) -> torch.Tensor:
    """Return the surface at points (..., 2)."""
    x, y = point.unbind(-1)
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def walk(
    start: torch.Tensor, made: Callable[[list[torch.Tensor], float], Optim], rate: float, steps: int
) -> torch.Tensor:
    """Return the points of a walk, (steps + 1, ..., 2); all starts in `start` go side by side."""
    point = start.clone().requires_grad_()
    optimizer = made([point], rate)
    points = torch.empty((steps + 1, *start.shape), dtype=start.dtype)
    values = torch.empty((steps + 1, *start.shape[:-1]), dtype=start.dtype)
    for step in range(steps):
        optimizer.zero_grad(set_to_none=True)
        value = beale(point)
        value.sum().backward()
        points[step], values[step] = point.detach(), value.detach()
        optimizer.step()
    points[steps], values[steps] = point.detach(), beale(point).detach()
    return points


def main() -> None:
    args = arguments(__doc__ or "", one_by_one=(int, 0))
    torch.set_num_threads(1)
    starts = torch.from_numpy(WALKS.starts())
    timed = args.one_by_one or len(starts)
    steps = max(1, round(WALKS.steps * args.scale))
    name = f"{timed} starts one by one, scaled to {len(starts)}" if args.one_by_one else "all starts in one tensor"
    record = Record("walks", f"torch {torch.__version__}", name)

    def walks() -> dict[str, list[float]]:
        ends = {}
        for optimizer, rate in WALKS.learning_rates.items():
            parts = starts[:timed] if args.one_by_one else [starts]
            walked = [walk(part, MADE[optimizer], rate, steps) for part in parts]
            ends[optimizer] = walked[0][-1].reshape(-1, 2)[0].tolist()
        return ends

    walk(starts[:1], MADE["Adam"], 1e-3, 5)
    for _ in range(args.repeats):
        taken, ends = seconds(walks)
        record.warm.append(taken * len(starts) / timed)
        record.values = {"ends_of_first_start": ends, "starts_timed": timed, "seconds_timed": taken}
    record.emit()


if __name__ == "__main__":
    main()
