"""The words of a report, in plain language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TERMS: Mapping[str, str] = MappingProxyType(
    {
        "Large-batch gap": (
            "The test error after training with large batches minus the test error after training with small ones, in "
            "percentage points. Positive means that large batches generalise worse. Keskar et al. call it the "
            "generalisation gap; here that name is kept for the next term."
        ),
        "Generalisation gap": "The error on the test set minus the error on the training set of one run.",
        "Sharpness": (
            "How much the loss can rise within a small box around the solution, in per cent of 1 + the loss there "
            "(Keskar et al., 2017). The box has the half-width ε·(|w| + 1) for each weight w. The value is found by "
            "an optimiser, so it is a lower bound: “best found” restarts until it stops improving, “ten iterations” "
            "is what the paper ran. A claim holds only if both agree."
        ),
        "Full space, subspace": (
            "Whether the box spans all weights, or a random plane of a few directions through the solution."
        ),
        "Largest eigenvalue": (
            "The largest curvature of the loss at the solution, over all directions in weight space."
        ),
        "Matched loss": (
            "Both arms are compared at the moment when they reach the same training loss; near zero loss every "
            "curvature goes to zero, so that unequal losses pose as unequal sharpness."
        ),
        "Recomputed statistics": (
            "Before a network with batch normalisation is measured, its means and variances are taken over the whole "
            "training set at that point, so that lagging averages do not pose as a gap."
        ),
        "Paired by seed": (
            "Both arms start from the same weights and see the same data for one seed; the difference is taken seed "
            "by seed, which removes what the seeds have in common."
        ),
        "n": "The number of independent values behind a figure: seeds, unless something else is said.",
        "Interval": (
            "Student's t interval of the mean over seeds. A plain 95 % interval covers the true mean in 95 % of "
            "studies; the simultaneous one is wider, so that all claims of a study are covered together."
        ),
        "p, Holm": (
            "How often chance alone would put the estimate this far from the border of the claim, if the truth lay on "
            "it; in brackets after Holm's correction for the number of claims. Verdicts rest on the intervals."
        ),
        "Smallest effect": "The smallest difference that would matter, fixed before the study is run.",
        "Supported": "The whole simultaneous interval lies beyond the smallest effect, on the claimed side.",
        "Refuted": (
            "The whole interval lies on the other side of the smallest effect: the opposite, or too little to matter."
        ),
        "Inconclusive": (
            "Everything else: this study is too small to tell. A note says so where it could not have told."
        ),
        "Diverged": ("The loss of a run became infinite or not a number. That is an outcome; the run is in no mean."),
    }
)
"""Term to explanation, in the order in which a reader meets them."""
