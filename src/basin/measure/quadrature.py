"""Gauss quadrature of a symmetric operator's spectrum, by Lanczos with full reorthogonalisation from several starts.

For a unit vector `v`, `m` steps of Lanczos give a tridiagonal `T`, whose eigenvalues `l_j` and squared first components
of eigenvectors `w_j` make the Gauss rule of the measure that `v` sees of the spectrum:

    sum_j w_j l_j^k = v' H^k v    for all k <= 2m - 1.

Every new vector is cleared of all earlier ones, twice. Without that, rounding makes copies of eigenvalues that have
converged, which are no part of the rule. The starts advance side by side, one block product a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from basin.measure.probes import BlockOperator


@dataclass(frozen=True, eq=False)
class Rule:
    """The Gauss rule of one start.

    Attributes:
        nodes: Ritz values, ascending.
        weights: What each stands for of the spectrum; they add up to 1.
        residuals: `|H u - l u|` of the Ritz vector of each node: some eigenvalue lies as near.
        diagonal: The diagonal of the tridiagonal matrix.
        offdiagonal: The other diagonal.
    """

    nodes: np.ndarray
    weights: np.ndarray
    residuals: np.ndarray
    diagonal: np.ndarray
    offdiagonal: np.ndarray

    @classmethod
    def of(cls, diagonal: np.ndarray, offdiagonal: np.ndarray, remainder: float) -> Rule:
        """Return the rule of a tridiagonal matrix; `remainder` is the norm of what the next vector would be."""
        nodes, vectors = scipy.linalg.eigh_tridiagonal(diagonal, offdiagonal)
        return cls(nodes, vectors[0] ** 2, remainder * np.abs(vectors[-1]), diagonal, offdiagonal)

    def shortened(self, size: int) -> Rule:
        """Return the rule of the first `size` steps."""
        if size >= len(self.nodes):
            return self
        return Rule.of(self.diagonal[:size], self.offdiagonal[: size - 1], float(self.offdiagonal[size - 1]))


def gauss_rules(operator: BlockOperator, starts: np.ndarray, num_steps: int) -> list[Rule]:
    """Return the Gauss rule of each start.

    Args:
        operator: Rows `v_i` to rows `H v_i`.
        starts: One start a row, of any length but 0, in the arithmetic to work in.
        num_steps: The most steps; a start whose Krylov space is exhausted stops before, with a rule that is exact.

    Returns:
        A rule for each start, in order.
    """
    runs = [_Run(start, min(num_steps, starts.shape[1])) for start in starts]
    while not all(run.stopped for run in runs):
        images = operator(np.stack([run.vector for run in runs]))
        for run, image in zip(runs, images, strict=True):
            run.advance(image)
    return [Rule.of(np.array(run.diagonal), np.array(run.offdiagonal[:-1]), run.offdiagonal[-1]) for run in runs]


class _Run:
    """Lanczos from one start: the vectors so far, and the two diagonals, of which the second is one longer."""

    def __init__(self, start: np.ndarray, num_steps: int) -> None:
        self.basis = np.empty((num_steps, len(start)), start.dtype)
        self.diagonal: list[float] = []
        self.offdiagonal: list[float] = []
        self.stopped = False
        self.vector = start / np.linalg.norm(start)
        self._scale = 0.0

    def advance(self, image: np.ndarray) -> None:
        """Take `H` times the last vector, and make the next."""
        if self.stopped:
            return
        step = len(self.diagonal)
        self.basis[step] = self.vector
        self.diagonal.append(float(self.vector @ image))
        known, rest = self.basis[: step + 1], image
        for _ in range(2):
            rest = rest - (known @ rest) @ known
        remainder = float(np.linalg.norm(rest))
        self._scale = max(self._scale, float(np.linalg.norm(image)))
        exhausted = remainder <= 10 * np.finfo(image.dtype).eps * self._scale
        self.offdiagonal.append(0.0 if exhausted else remainder)
        self.stopped = exhausted or step + 1 == len(self.basis)
        self.vector = np.zeros_like(self.vector) if self.stopped else rest / remainder
