r"""The limit of infinitely many random features: interpolation of minimum norm in the space of their kernel.

As the number N of features grows, the prediction of minimum norm tends to that of the kernel
:math:`K(x, x') = E\,\phi(x)\phi(x')`,

.. math:: f(x) = k(x)^T K^{-1} y, \qquad |f|_H^2 = y^T K^{-1} y ,

the function of least norm in the kernel's space that passes through all examples. The norm to compare for a finite
number of features of mean square 1 is :math:`\sqrt N |w|`, that of the coefficients of features divided by the root
of N.

References:
    Belkin et al. (2019), section 2: random Fourier features tend to the Gaussian kernel.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float
from scipy.spatial.distance import cdist

from basin.measure.threads import one_blas_thread


def gaussian_kernel(
    x: Float[np.ndarray, "n inputs"], y: Float[np.ndarray, "m inputs"], bandwidth: float
) -> Float[np.ndarray, "n m"]:
    """Return exp(-|x - y|^2 / 2 bandwidth^2) for all pairs of rows.

    Example:
        >>> gaussian_kernel(np.array([[0.0]]), np.array([[0.0], [2.0]]), bandwidth=2.0).round(4).tolist()
        [[1.0, 0.6065]]
    """
    if not 0 < bandwidth < math.inf:
        raise ValueError(f"expected a bandwidth above 0, got {bandwidth}")
    return np.exp(cdist(x, y, "sqeuclidean") / (-2 * bandwidth**2))


class Interpolated(NamedTuple):
    """A function that passes through all examples.

    Attributes:
        predicted: Its values on the test examples.
        norms: Norm of each output's function in the kernel's space.
        rank: How many eigenvalues were kept; below n the cut-off acted, as a regulariser does.
    """

    predicted: Float[np.ndarray, "m outputs"]
    norms: Float[np.ndarray, "outputs"]
    rank: int


@one_blas_thread()
def interpolate(
    train: Float[np.ndarray, "n n"],
    test: Float[np.ndarray, "m n"],
    targets: Float[np.ndarray, "n outputs"],
    *,
    rcond: float | None = None,
) -> Interpolated:
    """Return the function of minimum norm in the kernel's space that passes through all examples.

    Args:
        train: The kernel between the training examples.
        test: The kernel between test and training examples.
        targets: A column an output.
        rcond: Eigenvalues up to so many times the largest count as 0; `None` for n times the unit of float64.

    Raises:
        ValueError: Arrays that do not fit together.

    Example:
        >>> x = np.array([[0.0], [1.0]])
        >>> k = gaussian_kernel(x, x, 1.0)
        >>> found = interpolate(k, k, np.array([[1.0], [2.0]]))
        >>> found.predicted.ravel().round(9).tolist(), round(float(found.norms[0]) ** 2, 6), found.rank
        ([1.0, 2.0], 4.071814, 2)
    """
    n = len(targets)
    if train.shape != (n, n) or test.ndim != 2 or test.shape[1] != n or targets.ndim != 2:
        raise ValueError(f"expected kernels (n, n) and (m, n), targets (n, k), got {train.shape}, {test.shape}, {n}")
    values, vectors = scipy.linalg.eigh(train)
    cut = (n * np.finfo(np.float64).eps if rcond is None else rcond) * values[-1]
    kept = values > cut
    inverse = np.divide(1.0, values, where=kept, out=np.zeros_like(values))[:, None]
    along = vectors.T @ targets
    norms = np.sqrt((inverse * along**2).sum(axis=0))
    return Interpolated(test @ (vectors @ (inverse * along)), norms, int(kept.sum()))
