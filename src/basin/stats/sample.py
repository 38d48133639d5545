"""What a test sees: one finite number per pair (or per run), and an account of what had to be left out.

A pair whose difference is NaN or infinite, because an arm diverged or a value has no logarithm, is dropped and
counted. What remains speaks for the pairs that could be compared, and the count is shown wherever the estimate is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num

from basin.stats.scale import Scale


@dataclass(frozen=True, eq=False)
class Sample:
    """Finite numbers on one scale.

    Attributes:
        values: One contrast per pair that could be compared, shape `(n,)`.
        num_dropped: Pairs left out because a value was NaN or infinite.
        num_nonpositive: Pairs left out because a value has no logarithm.
        rounding: Spread that rounding alone can make; less than that counts as no spread.
        resolution: The smallest step a value can take, such as one test example; `None` for a continuous quantity.
        scale: The scale of the contrasts.
    """

    values: Float[np.ndarray, "n"]
    num_dropped: int = 0
    num_nonpositive: int = 0
    rounding: float = 0.0
    resolution: float | None = None
    scale: Scale = Scale.NATURAL

    @property
    def n(self) -> int:
        """Number of pairs that could be compared."""
        return self.values.size

    def dropped_note(self) -> str:
        """Say in words what was left out, or nothing."""
        total = self.n + self.num_dropped + self.num_nonpositive
        parts = []
        if self.num_dropped:
            parts.append(f"{self.num_dropped} of {total} dropped (not finite: diverged or not measured)")
        if self.num_nonpositive:
            parts.append(f"{self.num_nonpositive} of {total} dropped (zero or less, which has no logarithm)")
        return "; ".join(parts)


def sample(values: Num[np.ndarray, "n"], *, scale: Scale = Scale.NATURAL, resolution: float | None = None) -> Sample:
    """Return the finite values, put on a scale.

    Args:
        values: One number per run, shape `(n,)`, not yet on the scale.
        scale: Where they are compared.
        resolution: The smallest step a value can take, in its unit; refused on a logarithmic scale.

    Raises:
        ValueError: Another shape than `(n,)`, or a resolution that is not positive or not on the natural scale.

    Example:
        >>> sample(np.array([1.0, np.nan, 3.0])).n
        2
    """
    values = _vector(values, "values")
    return _build(scale.forward(values), [values], scale, resolution)


def differences(
    a: Num[np.ndarray, "n"],
    b: Num[np.ndarray, "n"],
    *,
    scale: Scale = Scale.NATURAL,
    resolution: float | None = None,
) -> Sample:
    """Return `b - a` pair by pair, or `log b - log a`.

    Args:
        a: The first arm, such as the small batch: one number per pair, shape `(n,)`.
        b: The second arm, in the same order.
        scale: Natural for differences, logarithmic for ratios.
        resolution: The smallest step a difference can take, such as one test example in the unit of the error.

    Raises:
        ValueError: The arms differ in length, or as :func:`sample`.

    Example:
        >>> differences(np.array([1.0, 10.0]), np.array([10.0, 1000.0]), scale=Scale.LOG10).values.tolist()
        [1.0, 2.0]
    """
    a, b = _vector(a, "a"), _vector(b, "b")
    if a.size != b.size:
        raise ValueError(f"expected paired arms of one length, got {a.size} and {b.size}; use welch for unpaired ones")
    with np.errstate(invalid="ignore"):  # infinity minus infinity is NaN, and dropped
        contrast = scale.forward(b) - scale.forward(a)
    return _build(contrast, [a, b], scale, resolution)


def _build(contrast: Float[np.ndarray, "n"], arms: list[np.ndarray], scale: Scale, resolution: float | None) -> Sample:
    if resolution is not None and not (scale is Scale.NATURAL and 0 < resolution < np.inf):
        raise ValueError(f"expected a positive resolution on the natural scale, got {resolution} on {scale.value}")
    finite = np.isfinite(contrast)
    has_logarithm = np.ones(contrast.shape, bool)
    if scale is not Scale.NATURAL:
        has_logarithm = np.all([~(arm <= 0) for arm in arms], axis=0)
    kept = finite & has_logarithm
    largest = max((np.abs(scale.forward(arm[kept])).max(initial=0.0) for arm in arms), default=0.0)
    return Sample(
        values=contrast[kept],
        num_dropped=int((~finite & has_logarithm).sum()),
        num_nonpositive=int((~has_logarithm).sum()),
        rounding=8 * _epsilon(arms) * float(largest),
        resolution=resolution,
        scale=scale,
    )


def _vector(values: Num[np.ndarray, "n"], name: str) -> Num[np.ndarray, "n"]:
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise ValueError(f"expected {name} as one number per run, got an array {values.shape} of {values.dtype}")
    return values


def _epsilon(arms: list[np.ndarray]) -> float:
    floating = [np.finfo(arm.dtype).eps for arm in arms if arm.dtype.kind == "f"]
    return float(max(floating, default=np.finfo(np.float64).eps))
