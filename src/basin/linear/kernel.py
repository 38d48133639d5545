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


@one_blas_thread()
def interpolate(
    train: Float[np.ndarray, "n n"],
    test: Float[np.ndarray, "m n"],
    targets: Float[np.ndarray, "n outputs"],
    *,
    rcond: float | None = None,
) -> tuple[Float[np.ndarray, "m outputs"], Float[np.ndarray, "outputs"]]:
    """Return the predictions of minimum norm for the test examples, and the norm of each output's function.

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
        >>> predicted, norms = interpolate(k, k, np.array([[1.0], [2.0]]))
        >>> predicted.ravel().round(9).tolist(), round(float(norms[0]) ** 2, 6)
        ([1.0, 2.0], 4.071814)
    """
    n = len(targets)
    if train.shape != (n, n) or test.ndim != 2 or test.shape[1] != n or targets.ndim != 2:
        raise ValueError(f"expected kernels (n, n) and (m, n), targets (n, k), got {train.shape}, {test.shape}, {n}")
    values, vectors = scipy.linalg.eigh(train)
    cut = (n * np.finfo(np.float64).eps if rcond is None else rcond) * values[-1]
    inverse = np.divide(1.0, values, where=values > cut, out=np.zeros_like(values))[:, None]
    along = vectors.T @ targets
    return test @ (vectors @ (inverse * along)), np.sqrt((inverse * along**2).sum(axis=0))
