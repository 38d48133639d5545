"""The five largest Hessian eigenvalues of F1 by three libraries of PyTorch's, each to a relative 1e-3.

Whether a value meets the tolerance is judged against the `exact` variant: ARPACK to 1e-10 over products in float64.
Each library is asked as its documentation says; settings that decide its accuracy (the tolerance of the power
iteration, the steps of Lanczos) are arguments, so that the cheapest ones that meet the tolerance can be found.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peers.networks import f1_at
from record import Record, seconds
from tasks import NUM_EIGENVALUES, TOLERANCE, Minimum, arguments

Chunks = list[tuple[torch.Tensor, torch.Tensor]]
Solver = Callable[[nn.Module, Chunks], list[float]]


def curvlinops(setting: float, dtype: str = "float32") -> Solver:
    """Return ARPACK over curvlinops' Hessian; the setting is ARPACK's tolerance."""
    from curvlinops import HessianLinearOperator
    from scipy.sparse.linalg import eigsh

    def solve(network: nn.Module, chunks: Chunks) -> list[float]:
        parameters = list(network.parameters())
        hessian = HessianLinearOperator(
            network,
            nn.CrossEntropyLoss(),
            parameters,
            chunks,
            num_data=sum(len(labels) for _, labels in chunks),
            check_deterministic=False,
        )
        operator = hessian.to_scipy(dtype=np.dtype(dtype))
        values = eigsh(operator, k=NUM_EIGENVALUES, which="LA", tol=setting, return_eigenvectors=False)
        return sorted(map(float, values), reverse=True)

    return solve


def pyhessian(setting: float) -> Solver:
    """Return PyHessian's power iteration with deflation; the setting is its tolerance."""
    from pyhessian import hessian

    def solve(network: nn.Module, chunks: Chunks) -> list[float]:
        if len(chunks) == 1:
            problem = hessian(network, nn.CrossEntropyLoss(), data=chunks[0], cuda=False)
        else:
            problem = hessian(network, nn.CrossEntropyLoss(), dataloader=chunks, cuda=False)
        values, _ = problem.eigenvalues(maxIter=1000, tol=setting, top_n=NUM_EIGENVALUES)
        return sorted(map(float, values), reverse=True)

    return solve


def eigenthings(setting: float) -> Solver:
    """Return hessian-eigenthings' Lanczos with reorthogonalisation; the setting is its number of steps."""
    from hessian_eigenthings import HessianOperator, lanczos, supervised_loss

    def solve(network: nn.Module, chunks: Chunks) -> list[float]:
        operator = HessianOperator(network, chunks, supervised_loss(nn.CrossEntropyLoss()))
        result = lanczos(
            operator,
            k=NUM_EIGENVALUES,
            max_iter=int(setting),
            tol=TOLERANCE,
            reorthogonalize=True,
            which="LA",
            seed=0,
        )
        return sorted(result.eigenvalues.tolist(), reverse=True)

    return solve


SOLVERS = {"curvlinops": curvlinops, "pyhessian": pyhessian, "eigenthings": eigenthings}
PACKAGES = {
    "curvlinops": "curvlinops-for-pytorch",
    "pyhessian": "pyhessian",
    "eigenthings": "hessian-eigenthings",
    "exact": "curvlinops-for-pytorch",
}


def main() -> None:
    from importlib.metadata import version

    args = arguments(
        __doc__ or "", minimum=(Path, None), solver=(str, "curvlinops"), setting=(float, TOLERANCE), chunk=(int, 1000)
    )
    exact = args.solver == "exact"
    solve = curvlinops(1e-10, "float64") if exact else SOLVERS[args.solver](args.setting)
    package = PACKAGES[args.solver]
    record = Record("eigenvalues", f"{package} {version(package)}", f"{args.solver} {args.setting:g}")
    minimum = Minimum.load(args.minimum)
    minimum = minimum.first(round(len(minimum.y) * args.scale))
    network, x, y = f1_at(minimum, torch.float64 if exact else torch.float32)
    chunk = args.chunk or len(y)
    chunks = list(zip(x.split(chunk), y.split(chunk), strict=True))
    for _ in range(args.repeats):
        torch.manual_seed(0)
        taken, values = seconds(lambda: solve(network, chunks))
        record.warm.append(taken)
        record.values = {"eigenvalues": values}
    record.emit()


if __name__ == "__main__":
    main()
