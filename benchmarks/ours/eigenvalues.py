"""The five largest Hessian eigenvalues of F1 by Basin, to a relative 1e-3."""

from __future__ import annotations

from pathlib import Path

import jax  # noqa: F401  imported before the record

from basin.measure import hessian_eigenvalues
from ours.minimum import loss_at, tree
from record import Record, seconds
from tasks import NUM_EIGENVALUES, TOLERANCE, Minimum, arguments


def main() -> None:
    args = arguments(__doc__ or "", minimum=(Path, None))
    record = Record("eigenvalues", "basin", "hessian_eigenvalues")
    minimum = Minimum.load(args.minimum)
    minimum = minimum.first(round(len(minimum.y) * args.scale))
    loss, params = loss_at(minimum, "float32"), tree(minimum.arrays())

    def solve() -> object:
        return hessian_eigenvalues(loss, params, k=NUM_EIGENVALUES, tolerance=TOLERANCE)

    record.cold, _ = seconds(solve)
    for _ in range(args.repeats):
        taken, result = seconds(solve)
        record.warm.append(taken)
        record.values = {
            "eigenvalues": [float(value) for value in result.value],
            "converged": bool(result.converged),
            "num_passes": float(result.num_passes),
        }
    record.emit()


if __name__ == "__main__":
    main()
