"""Measures of the minimum that training reached, each of any loss: value, error, cost and definition in one result."""

from collections.abc import Callable

from basin.measure.adaptive_sharpness import AdaptiveSharpness, adaptive_sharpness
from basin.measure.bootstrap_decomposition import Decomposition, bootstrap_decomposition
from basin.measure.effective_model_complexity import (
    Threshold,
    effective_model_complexity,
    interpolation_threshold,
)
from basin.measure.effective_parameters import EffectiveParameters, effective_parameters
from basin.measure.gauss_newton import gauss_newton
from basin.measure.gradient_noise_scale import GradientNoiseScale, gradient_noise_scale
from basin.measure.hessian import HessianEigenvalues, hessian_eigenvalues
from basin.measure.hessian_trace import HessianTrace, hessian_trace
from basin.measure.keskar_sharpness import KeskarSharpness, keskar_sharpness
from basin.measure.margins import Margins, margins
from basin.measure.noise_from_norms import noise_from_norms
from basin.measure.pac_bayes_flatness import PacBayesFlatness, pac_bayes_flatness
from basin.measure.result import Measurement, NotConvergedWarning
from basin.measure.sam_sharpness import SamSharpness, sam_sharpness
from basin.measure.shrinkage import Decayed, Stopped
from basin.measure.spectral_density import SpectralDensity, spectral_density
from basin.measure.worlds import Worlds

MEASURES: dict[str, Callable[..., Measurement]] = {
    "adaptive_sharpness": adaptive_sharpness,
    "hessian_eigenvalues": hessian_eigenvalues,
    "hessian_trace": hessian_trace,
    "keskar_sharpness": keskar_sharpness,
    "pac_bayes_flatness": pac_bayes_flatness,
    "sam_sharpness": sam_sharpness,
    "spectral_density": spectral_density,
}
"""Measures of `(loss_fn, params)` by name; being here enrols one in the contract test."""

__all__ = [
    "MEASURES",
    "AdaptiveSharpness",
    "Decayed",
    "Decomposition",
    "EffectiveParameters",
    "GradientNoiseScale",
    "HessianEigenvalues",
    "HessianTrace",
    "KeskarSharpness",
    "Margins",
    "Measurement",
    "NotConvergedWarning",
    "PacBayesFlatness",
    "SamSharpness",
    "SpectralDensity",
    "Stopped",
    "Threshold",
    "Worlds",
    "adaptive_sharpness",
    "bootstrap_decomposition",
    "effective_model_complexity",
    "effective_parameters",
    "gauss_newton",
    "gradient_noise_scale",
    "hessian_eigenvalues",
    "hessian_trace",
    "interpolation_threshold",
    "keskar_sharpness",
    "margins",
    "noise_from_norms",
    "pac_bayes_flatness",
    "sam_sharpness",
    "spectral_density",
]
