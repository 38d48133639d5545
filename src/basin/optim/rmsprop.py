"""RMSProp with epsilon outside the root and no correction of the start."""

from __future__ import annotations

import optax

from basin.spec.optimizer import RMSProp


def rmsprop(spec: RMSProp) -> optax.GradientTransformation:
    """Return u = g / (sqrt(r) + epsilon) with r <- beta r + (1 - beta) g^2."""
    return optax.scale_by_rms(decay=spec.beta, eps=spec.epsilon, initial_scale=0.0, eps_in_sqrt=False)
