r"""Statistics of learning curves: does a test curve peak and fall, and does early stopping close a gap?

Both choose an epoch by how good the curve looks there, and what is chosen for looking good looks better than it is.
The naive fall, last minus best of one curve, is positive on a curve that is flat but noisy: as a contrast over 5
seeds it claims over-training 93 times in 100 (`python -m basin.stats.nulls`). So no value is both chosen and measured:

* test examples are split in two halves, the epoch is chosen on one and read on the other, and then the reverse; this
  removes the luck of the test examples. It does not remove that of training: at some epoch the network itself happens
  to be better, on both halves, and a choice made within the run finds it (41 to 71 false claims in 100 at 5 seeds);
* so for the fall, which is about the trend, the epoch is also chosen on *other seeds*: the mean curve of one half of
  the seeds chooses for the other half, and the reverse. That the folds choose for each other costs a little (0.032
  measured where 0.025 was designed), and a dip no deeper than the noise is often missed, so the fall is rather
  under- than overstated: `docs/verdicts.md` has the rates;
* for early stopping the choice is made within the run: a practitioner who keeps the checkpoint with the best
  validation error does gain from the luck of training, and the claim is about that practitioner.

Curves are errors or losses, lower is better, shape `(seeds, epochs)`: `half_a` and `half_b` are the same runs read on
the even and the odd test examples. A seed with a value that is not finite gives NaN, to be dropped and counted.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


def fall_after_peak(
    half_a: Float[np.ndarray, "seeds epochs"], half_b: Float[np.ndarray, "seeds epochs"]
) -> Float[np.ndarray, "seeds"]:
    r"""Return, for each seed, by how much the test error at the end exceeds that at the best earlier epoch.

    :math:`\frac12 \sum_{(s, m)} \left( m_i(T) - m_i(t^*) \right)` over (s, m) = (a, b) and (b, a), where
    :math:`t^* < T` is where the mean of s over the other fold of seeds (even against odd) is smallest. Its
    mean is 0 on a flat curve, negative on one that still improves, positive on one that was better before.

    Args:
        half_a: Test errors on one half of the examples; the last column is the end of training.
        half_b: The same on the other half.

    Returns:
        One contrast per seed, in the unit of the error; NaN for a seed with a value that is not finite, and for all
        seeds when a fold of seeds has no complete curve.

    Raises:
        ValueError: The shapes differ, or there are fewer than 2 seeds or 2 epochs.

    Example:
        >>> up_at_the_end = np.tile(np.array([0.5, 0.2, 0.3]), (4, 1))
        >>> fall_after_peak(up_at_the_end, up_at_the_end).round(3).tolist()
        [0.1, 0.1, 0.1, 0.1]
    """
    half_a, half_b, finite = _checked(half_a, half_b)
    if half_a.shape[0] < 2:
        raise ValueError(f"expected at least 2 seeds, of which each chooses for the others, got {half_a.shape[0]}")
    falls = np.full(half_a.shape[0], np.nan)
    even = np.arange(half_a.shape[0]) % 2 == 0
    for measured, choosing in ((even, ~even), (~even, even)):
        measured, choosing = measured & finite, choosing & finite
        if choosing.any():
            falls[measured] = _mean_of_reversals(_rise_from_chosen, half_a, half_b, measured, choosing)
    return falls


def gap_after_stopping(
    small_a: Float[np.ndarray, "seeds epochs"],
    small_b: Float[np.ndarray, "seeds epochs"],
    large_a: Float[np.ndarray, "seeds large_epochs"],
    large_b: Float[np.ndarray, "seeds large_epochs"],
) -> tuple[Float[np.ndarray, "seeds"], Float[np.ndarray, "seeds"]]:
    """Return each seed's large-batch gap at the end, and with each arm stopped at its own best epoch.

    The best epoch of a run is chosen on one half of the test examples and read on the other, then the reverse; both
    gaps are means over the two. The arms may have different numbers of epochs.

    Args:
        small_a: Test errors of the small-batch runs on half a.
        small_b: The same runs on half b.
        large_a: Test errors of the large-batch runs on half a, seeds in the same order.
        large_b: The same runs on half b.

    Returns:
        The gaps at the last epoch and after stopping, large minus small, in the unit of the error, each `(seeds,)`.

    Raises:
        ValueError: The halves of an arm differ in shape, or the arms in their number of seeds.
    """
    small_a, small_b, small_finite = _checked(small_a, small_b)
    large_a, large_b, large_finite = _checked(large_a, large_b)
    if small_a.shape[0] != large_a.shape[0]:
        raise ValueError(f"expected arms with the same seeds, got {small_a.shape[0]} and {large_a.shape[0]}")
    last = (large_a[:, -1] + large_b[:, -1] - small_a[:, -1] - small_b[:, -1]) / 2
    stopped = _error_when_stopped(large_a, large_b) - _error_when_stopped(small_a, small_b)
    complete = small_finite & large_finite
    return np.where(complete, last, np.nan), np.where(complete, stopped, np.nan)


def gap_kept(
    last: Float[np.ndarray, "seeds"], stopped: Float[np.ndarray, "seeds"], share: float = 0.5
) -> Float[np.ndarray, "seeds"]:
    r"""Return :math:`D = g_\text{stopped} - (1 - X) \, g_\text{last}`: what is left beyond a shrinking by the share X.

    "Stopping early closes the gap by less than X of itself" is the claim that D > 0, provided that there is a gap. It
    is linear, where the ratio of the two gaps has no mean when the gap comes near 0. Where the gap itself is not
    established the claim is empty: hand `last` to the judge as the premise, :class:`basin.studies.claim.Premise`.

    Args:
        last: Gap at the last epoch, `(seeds,)`.
        stopped: Gap with each arm at its own best epoch, `(seeds,)`.
        share: X in (0, 1].

    Raises:
        ValueError: X outside (0, 1].

    Example:
        >>> gap_kept(np.array([1.0]), np.array([0.75])).tolist()
        [0.25]
    """
    if not 0 < share <= 1:
        raise ValueError(f"expected a share in (0, 1], got {share}")
    return stopped - (1 - share) * last


def _rise_from_chosen(
    choose_on: np.ndarray, read_on: np.ndarray, measured: Bool[np.ndarray, "seeds"], choosing: Bool[np.ndarray, "seeds"]
) -> Float[np.ndarray, "measured"]:
    best = int(choose_on[choosing, :-1].mean(axis=0).argmin())
    return read_on[measured, -1] - read_on[measured, best]


def _error_when_stopped(
    half_a: Float[np.ndarray, "seeds epochs"], half_b: Float[np.ndarray, "seeds epochs"]
) -> Float[np.ndarray, "seeds"]:
    return _mean_of_reversals(_read_at_own_best, half_a, half_b)


def _read_at_own_best(choose_on: np.ndarray, read_on: np.ndarray) -> Float[np.ndarray, "seeds"]:
    return read_on[np.arange(read_on.shape[0]), choose_on.argmin(axis=1)]


def _mean_of_reversals(statistic, half_a: np.ndarray, half_b: np.ndarray, *rest: np.ndarray) -> np.ndarray:
    return (statistic(half_a, half_b, *rest) + statistic(half_b, half_a, *rest)) / 2


def _checked(half_a: np.ndarray, half_b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    half_a, half_b = np.asarray(half_a, dtype=np.float64), np.asarray(half_b, dtype=np.float64)
    if half_a.shape != half_b.shape or half_a.ndim != 2 or half_a.shape[1] < 2:
        raise ValueError(
            f"expected two halves of one shape (seeds, epochs) with 2 or more epochs, got {half_a.shape} and "
            f"{half_b.shape}"
        )
    finite = np.asarray(np.isfinite(half_a).all(axis=1) & np.isfinite(half_b).all(axis=1))
    return np.where(finite[:, None], half_a, 0.0), np.where(finite[:, None], half_b, 0.0), finite
