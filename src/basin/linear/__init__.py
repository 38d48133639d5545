"""Linear models of a feature map that is drawn once and never trained, solved in closed form, in float64.

Here double descent is theory: the solution of minimum norm is known exactly at every number of features, and for normal
inputs so is its risk.

Example:
    >>> import numpy as np
    >>> from basin import linear
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.standard_normal((30, 4)), rng.standard_normal((30, 1))
    >>> features = linear.fourier_features(4, 90, bandwidth=2.0, seed=0)(x)
    >>> [bool(np.allclose(w.predict(features), y)) for w in linear.minimum_norm(features, y, [10, 30, 90])]
    [False, True, True]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from basin._lazy import lazy

if TYPE_CHECKING:
    from basin.linear.features import FourierFeatures, ReluFeatures, fourier_features, relu_features
    from basin.linear.kernel import Interpolated, gaussian_kernel, interpolate
    from basin.linear.least_squares import Solution, minimum_norm
    from basin.linear.ridge import RidgePath, best_penalty, ridge_paths
    from basin.linear.risk import (
        best_spectral_penalty,
        effective_penalty,
        isotropic_risk,
        spectral_risk,
        weak_features_risk,
    )

__all__ = [
    "FourierFeatures",
    "Interpolated",
    "ReluFeatures",
    "RidgePath",
    "Solution",
    "best_penalty",
    "best_spectral_penalty",
    "effective_penalty",
    "fourier_features",
    "gaussian_kernel",
    "interpolate",
    "isotropic_risk",
    "minimum_norm",
    "relu_features",
    "ridge_paths",
    "spectral_risk",
    "weak_features_risk",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "FourierFeatures": "basin.linear.features",
        "Interpolated": "basin.linear.kernel",
        "ReluFeatures": "basin.linear.features",
        "RidgePath": "basin.linear.ridge",
        "Solution": "basin.linear.least_squares",
        "best_penalty": "basin.linear.ridge",
        "best_spectral_penalty": "basin.linear.risk",
        "effective_penalty": "basin.linear.risk",
        "fourier_features": "basin.linear.features",
        "gaussian_kernel": "basin.linear.kernel",
        "interpolate": "basin.linear.kernel",
        "isotropic_risk": "basin.linear.risk",
        "minimum_norm": "basin.linear.least_squares",
        "relu_features": "basin.linear.features",
        "ridge_paths": "basin.linear.ridge",
        "spectral_risk": "basin.linear.risk",
        "weak_features_risk": "basin.linear.risk",
    },
)
