"""What is measured: the sizes that both sides share, and the point at which the minimum is measured.

Nothing here imports JAX or PyTorch, so that neither side pays for the other's import.
"""

from __future__ import annotations

import argparse
import itertools
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Sweep:
    """Sixteen trainings of a small network on the handwritten digits."""

    widths: tuple[int, ...] = (128, 128, 128)
    learning_rates: tuple[float, ...] = tuple(float(rate) for rate in np.geomspace(1e-4, 1e-2, 8).round(7))
    seeds: tuple[int, ...] = (0, 1)
    batch_size: int = 16
    epochs: int = 50
    num_train: int = 1437

    @property
    def steps(self) -> int:
        return -(-self.epochs * self.num_train // self.batch_size)


@dataclass(frozen=True)
class Training:
    """One training whose speed is counted in examples per second."""

    batch_size: int
    input_shape: tuple[int, ...]
    steps: int
    num_train: int = 10_000


@dataclass(frozen=True)
class Walks:
    """Walks over Beale's function from random starts in [-4.5, 4.5]^2, in float64, under eight optimisers."""

    num_starts: int = 1000
    steps: int = 1000

    @property
    def learning_rates(self) -> dict[str, float]:
        return {
            "gradient descent": 1e-5,
            "momentum": 1e-5,
            "Nesterov": 1e-5,
            "AdaGrad": 0.1,
            "RMSProp": 0.01,
            "Adam": 0.01,
            "AdamW": 0.01,
            "Adadelta": 1.0,
        }

    def starts(self) -> np.ndarray:
        """Return the starts (num_starts, 2); the first is (1, 1), whose ends both sides compare."""
        drawn = np.random.default_rng(0).uniform(-4.5, 4.5, (self.num_starts, 2))
        drawn[0] = 1.0
        return drawn


@dataclass(frozen=True)
class TwoLayer:
    """Two-layer networks of 25 widths on 400 digits, as Belkin et al. 2019 train them: squared loss, momentum 0.95.

    Width 53 has about a weight for each of the 400 x 10 targets. The paper's 6 000 epochs, 12 stairs of the learning
    rate, are shortened to a twentieth, stairs and all.
    """

    widths: tuple[int, ...] = tuple(sorted({round(float(width)) for width in np.geomspace(3, 1000, 25)}))
    seeds: tuple[int, ...] = (0, 1, 2)
    num_train: int = 400
    batch_size: int = 40
    epochs: int = 300
    learning_rate: float = 0.005
    momentum: float = 0.95
    fall: float = 0.9
    falls_at: tuple[float, ...] = tuple(stair / 12 for stair in range(1, 12))
    counts: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    threshold: int = 53


@dataclass(frozen=True)
class Features:
    """Minimum-norm least squares of random Fourier features of the handwritten digits, at 40 sizes, for 5 seeds."""

    num_train: int = 1000
    bandwidth: float = 1.5
    seeds: int = 5

    def sizes(self, num_train: int) -> list[int]:
        """Return the 40 sizes, half of them below the threshold, close around it, up to 20 times the examples."""
        near = [1 - 0.1, 1 - 0.05, 1 - 0.02, 1 - 0.01, 1 - 0.005, 1.0, 1 + 0.005, 1 + 0.01, 1 + 0.02, 1 + 0.05, 1 + 0.1]
        below, above = np.linspace(0.05, 0.85, 14), np.geomspace(1.2, 20, 15)
        return sorted({round(num_train * ratio) for ratio in [*below.tolist(), *near, *above.tolist()]})


SWEEP = Sweep()
TWO_LAYER = TwoLayer()
FEATURES = Features()
WALKS = Walks()
F1 = Training(batch_size=256, input_shape=(784,), steps=400)
CNN5 = Training(batch_size=128, input_shape=(16, 16, 3), steps=200)
CNN5_WIDTH = 16
SMALL_WIDTHS = (128, 128, 128)
WORLDS = {"cnn5": replace(CNN5, num_train=2000), "mlp": replace(CNN5, num_train=2000, steps=1000)}
LENGTHS = {"cnn5": (16, 32, 64, 128), "mlp": (100, 200, 400, 800)}

EPSILON = 1e-3
ITERATIONS = 10
LBFGS = {"maxcor": 10, "ftol": 0.0, "gtol": 0.0, "maxls": 20, "maxfun": 15_000}

NUM_EIGENVALUES = 5
TOLERANCE = 1e-3

LAYERS = 5


@dataclass(frozen=True)
class Minimum:
    """F1 at the weights where sharpness and curvature are measured.

    Attributes:
        x: Inputs (examples, 784), float32.
        y: Labels (examples,), int32.
        kernels: Six matrices (inputs, outputs).
        biases: Six vectors.
        scales: Of the five normalisations.
        shifts: Of the five normalisations.
        means: Statistics that the five normalisations use.
        variances: Likewise.
        start: Where the search for the sharpest point begins, one number a weight in the order of :meth:`arrays`,
            uniform in (-1, 1), in units of the box's half width.
    """

    x: np.ndarray
    y: np.ndarray
    kernels: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    scales: tuple[np.ndarray, ...]
    shifts: tuple[np.ndarray, ...]
    means: tuple[np.ndarray, ...]
    variances: tuple[np.ndarray, ...]
    start: np.ndarray

    def save(self, path: Path) -> None:
        """Write an `.npz` archive."""
        arrays = {"x": self.x, "y": self.y, "start": self.start}
        for name in _STACKS:
            arrays |= {f"{name}_{index}": array for index, array in enumerate(getattr(self, name))}
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Minimum:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as archive:
            stacks = {
                name: tuple(archive[f"{name}_{index}"] for index in range(LAYERS + (name in ("kernels", "biases"))))
                for name in _STACKS
            }
            return cls(archive["x"], archive["y"], **stacks, start=archive["start"])

    def first(self, count: int) -> Minimum:
        """Return the same weights with the first `count` examples."""
        return replace(self, x=self.x[:count], y=self.y[:count])

    def arrays(self) -> list[np.ndarray]:
        """Return the weights layer by layer: kernel, bias, scale, shift; at last kernel and bias."""
        layers = zip(self.kernels, self.biases, self.scales, self.shifts, strict=False)
        return [*itertools.chain.from_iterable(layers), self.kernels[-1], self.biases[-1]]

    def start_arrays(self) -> list[np.ndarray]:
        """Return the start in the shapes of :meth:`arrays`."""
        shapes = [array.shape for array in self.arrays()]
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        return [part.reshape(shape) for part, shape in zip(np.split(self.start, ends[:-1]), shapes, strict=True)]


_STACKS = ("kernels", "biases", "scales", "shifts", "means", "variances")


def arguments(description: str, **extra: tuple[type, object]) -> argparse.Namespace:
    """Read a measurement's command line: its scale, and what else it takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full work, to try a benchmark out")
    parser.add_argument("--repeats", type=int, default=1, help="warm repetitions")
    for name, (kind, default) in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default)
    return parser.parse_args()
