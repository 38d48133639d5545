"""Minimum-norm least squares over the number of random features: drawing them, every solution, and test predictions.

`--solver nested` is Basin, all sizes of a seed by one factorisation, two seeds side by side on a thread each. `--solver
lstsq` is `numpy.linalg.lstsq`, a call a size: every fifth size of the first seed is timed, and the sum times 25 stands
for the 200 calls. The latter also holds Basin's predictions against those of an SVD with the same cut-off: the largest
deviation, relative to the largest target, over the sizes whose condition number is below 1e10.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import jax  # noqa: F401  imported before the record, which counts memory above the imports
import numpy as np
import threadpoolctl

from basin import data, linear
from record import Record, seconds
from tasks import FEATURES, arguments

EVERY = 5
LARGEST_CONDITION = 1e10


def matrices(seed: int, num_train: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of training and test examples."""
    digits = data.load(data.Digits(standardise=False), 0)
    draw = linear.fourier_features(64, number, bandwidth=FEATURES.bandwidth, seed=seed)
    return draw(digits.x_train[:num_train].reshape(num_train, -1)), draw(digits.x_test.reshape(-1, 64))


def targets(num_train: int) -> np.ndarray:
    """Return one-hot labels of the training examples."""
    return np.eye(10)[data.load(data.Digits(), 0).y_train[:num_train]]


def nested(num_train: int) -> list[float]:
    """Return the test error at every size, the mean over seeds."""
    sizes, y = FEATURES.sizes(num_train), targets(num_train)
    right = data.load(data.Digits(), 0).y_test

    def errors(seed: int) -> list[float]:
        train, test = matrices(seed, num_train, sizes[-1])
        solutions = linear.minimum_norm(train, y, sizes)
        return [float((w.predict(test).argmax(axis=1) != right).mean()) for w in solutions]

    with threadpoolctl.threadpool_limits(1), ThreadPoolExecutor(2) as pool:
        return np.mean(list(pool.map(errors, range(FEATURES.seeds))), axis=0).tolist()


def lstsq(num_train: int) -> tuple[float, dict[str, list[float]]]:
    """Return the seconds of the sampled calls, and Basin's deviation from them with their condition numbers."""
    sizes, y = FEATURES.sizes(num_train)[EVERY - 1 :: EVERY], targets(num_train)
    train, test = matrices(0, num_train, sizes[-1])
    ours = {w.size: (w.rcond, w.predict(test)) for w in linear.minimum_norm(train, y, sizes)}
    spent, found = 0.0, {"sizes": [], "condition": [], "deviation": []}
    for size in sizes:
        rcond, predicted = ours[size]
        took, (w, _, _, singular) = seconds(lambda p=size, r=rcond: np.linalg.lstsq(train[:, :p], y, rcond=r))
        spent += took
        found["sizes"].append(size)
        found["condition"].append(float(singular[0] / singular[-1]))
        found["deviation"].append(float(np.abs(predicted - test[:, :size] @ w).max() / np.abs(y).max()))
    return spent, found


def main() -> None:
    args = arguments(__doc__ or "", solver=(str, "nested"))
    num_train = max(20, round(FEATURES.num_train * args.scale))
    record = Record("features", "basin" if args.solver == "nested" else f"numpy {np.__version__}", args.solver)
    for _ in range(args.repeats):
        if args.solver == "nested":
            took, errors = seconds(lambda: nested(num_train))
            record.values = {"test_errors": errors}
        else:
            spent, found = lstsq(num_train)
            took = spent * FEATURES.seeds * len(FEATURES.sizes(num_train)) / len(found["sizes"])
            held = [d for d, c in zip(found["deviation"], found["condition"], strict=True) if c < LARGEST_CONDITION]
            record.values = {**found, "largest_deviation": max(held)}
        record.warm.append(took)
    record.emit()


if __name__ == "__main__":
    main()
