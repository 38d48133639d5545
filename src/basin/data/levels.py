"""Images whose pixels are bytes, as inputs of networks: a table of 256 numbers for each channel.

Level l of channel c becomes l / 255, or standardised (l / 255 - mu_c) / sigma_c, where mu_c and sigma_c are the mean
and the standard deviation (that of N, not of N - 1) over all pixels of that channel in the training examples. They are
computed in float64 from how often each level comes, which needs no copy of the images in wider numbers; so is the
table, which is rounded to single precision once. A constant channel is centred and left unscaled.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64, UInt8

LEVELS = 256
_AT_ONCE = 2048  # images counted together, whose levels NumPy widens to eight bytes

Images = UInt8[np.ndarray, "n height width channels"]


def level_table(images: Images, standardise: bool) -> Float32[np.ndarray, "256 channels"]:
    """Return what each level of each channel becomes.

    Args:
        images: Those whose mean and standard deviation standardise all, at least one.
        standardise: Whether to; else levels become 0 to 1.

    Example:
        >>> images = np.array([0, 0, 51, 51], np.uint8).reshape(1, 2, 2, 1)
        >>> table = level_table(images, True)
        >>> table[[0, 51], 0].tolist(), level_table(images, False)[[0, 51, 255], 0].tolist()
        ([-1.0, 1.0], [0.0, 0.20000000298023224, 1.0])
    """
    levels = np.arange(LEVELS) / (LEVELS - 1)
    if not standardise:
        return np.repeat(levels.astype(np.float32)[:, None], images.shape[-1], axis=1)
    shares = _counts(images) / (images.size // images.shape[-1])
    mean = levels @ shares
    deviation = np.sqrt(((levels[:, None] - mean) ** 2 * shares).sum(axis=0))
    constant = (shares > 0).sum(axis=0) == 1
    return ((levels[:, None] - mean) / np.where(constant, 1.0, deviation)).astype(np.float32)


def looked_up(
    images: Images, table: Float32[np.ndarray, "256 channels"]
) -> Float32[np.ndarray, "n height width channels"]:
    """Return the images as a table has them."""
    found = np.empty(images.shape, np.float32)
    for channel in range(images.shape[-1]):
        found[..., channel] = table[:, channel][images[..., channel]]
    return found


def _counts(images: Images) -> Int64[np.ndarray, "256 channels"]:
    """Return how many pixels of each channel have each level."""
    counts = np.zeros((LEVELS, images.shape[-1]), np.int64)
    for first in range(0, len(images), _AT_ONCE):
        part = images[first : first + _AT_ONCE]
        for channel in range(images.shape[-1]):
            counts[:, channel] += np.bincount(part[..., channel].ravel(), minlength=LEVELS)
    return counts
