r"""The gradient noise scale from the norms of gradients at two batch sizes, as a training run has them for nothing.

A gradient averaged over `B` examples has :math:`E|g_B|^2 = |G|^2 + \mathrm{tr} \Sigma / B`. Two sizes `b < B` are two
equations (McCandlish et al. 2018, appendix A.1):

.. math:: |G|^2 \approx \frac{B |g_B|^2 - b |g_b|^2}{B - b}, \qquad
          \mathrm{tr} \Sigma \approx \frac{|g_b|^2 - |g_B|^2}{1 / b - 1 / B} .

Both are unbiased, also where the large batch holds the small one, as it does when workers each have a part of it. Over
many looks numerator and denominator are averaged **apart**: the mean of ratios is biased, and has no variance where a
denominator may pass through 0.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from basin.measure.noise_ratio import Ratio, ratio_of_means


def noise_from_norms(
    small: Float[np.ndarray, "looks"], large: Float[np.ndarray, "looks"], *, batch_small: int, batch_large: int
) -> Ratio:
    """Return `B_simple = tr Sigma / |G|^2` in examples from squared norms of gradients at two batch sizes.

    Args:
        small: Squared norm of the gradient of `batch_small` examples at each look, or the mean over several batches.
        large: The same for `batch_large` examples, at the same weights.
        batch_small: The smaller number of examples.
        batch_large: The larger one.

    Returns:
        The ratio, with `tr Sigma` as numerator and `|G|^2` as denominator; errors by the jackknife over looks, which
        takes them as independent.

    Raises:
        ValueError: There are fewer than three looks, lengths differ, or the sizes are not in order.

    Example:
        With `|G|^2 = 4` and `tr Sigma = 60`, 10 examples show 4 + 6, and 30 show 4 + 2:

        >>> round(noise_from_norms(np.full(3, 10.0), np.full(3, 6.0), batch_small=10, batch_large=30).value, 9)
        15.0
    """
    small, large = np.asarray(small, np.float64), np.asarray(large, np.float64)
    if small.shape != large.shape or small.ndim != 1 or len(small) < 3:
        raise ValueError(f"expected two equally long series of at least 3 looks, got {small.shape} and {large.shape}")
    if not 0 < batch_small < batch_large:
        raise ValueError(f"expected 0 < batch_small < batch_large, got {batch_small} and {batch_large}")
    trace = (small - large) / (1 / batch_small - 1 / batch_large)
    squared = (batch_large * large - batch_small * small) / (batch_large - batch_small)
    parts = np.stack([trace, squared], axis=1)
    whole = np.mean(parts, axis=0)
    return ratio_of_means((whole[0], whole[1]), (np.sum(parts, axis=0) - parts) / (len(parts) - 1))
