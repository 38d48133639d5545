"""Keskar's sharpness in Basin: the objective that the measure uses, under the same SciPy optimiser as the peer."""

from __future__ import annotations

from pathlib import Path

import jax  # noqa: F401  imported before the record
import numpy as np
import scipy.optimize

from basin.measure.objective import Objective
from ours.minimum import loss_at, tree
from record import Record, seconds
from tasks import EPSILON, ITERATIONS, LBFGS, Minimum, arguments


def main() -> None:
    args = arguments(__doc__ or "", minimum=(Path, None), precision=(str, "float64"))
    record = Record("sharpness " + args.precision, "basin", "objective of keskar_sharpness")
    minimum = Minimum.load(args.minimum)
    minimum = minimum.first(round(len(minimum.y) * args.scale))
    params = tree(minimum.arrays())
    objective = Objective(loss_at(minimum, args.precision), params, args.precision)
    centre = objective.point.astype(np.float64)
    start = objective.layout.flat(tree(minimum.start_arrays()), "float64")
    half_widths = EPSILON * (np.abs(centre) + 1)
    evaluations = 0

    def evaluate(u: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal evaluations
        evaluations += 1
        value, gradient = objective.value_and_grad((centre + half_widths * u).astype(args.precision))
        return float(value), half_widths * gradient

    def sharpness() -> float:
        loss, _ = evaluate(np.zeros_like(centre))

        def minus(u: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = evaluate(u)
            return loss - value, -gradient

        found = scipy.optimize.minimize(
            minus,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=scipy.optimize.Bounds(-1, 1),
            options={**LBFGS, "maxiter": ITERATIONS},
        )
        return 100 * -float(found.fun) / (1 + loss)

    record.cold, _ = seconds(lambda: evaluate(np.zeros_like(centre)))
    for _ in range(args.repeats):
        evaluations = 0
        taken, value = seconds(sharpness)
        record.warm.append(taken)
        record.values = {"sharpness": value, "evaluations": evaluations}
    record.emit()


if __name__ == "__main__":
    main()
