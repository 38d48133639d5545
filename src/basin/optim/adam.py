"""Adam's direction, which AdamW shares: they differ in where the decay enters, and that is not decided here."""

from __future__ import annotations

import optax

from basin.spec.optimizer import Adam, AdamW


def adam(spec: Adam | AdamW) -> optax.GradientTransformation:
    """Return u = s^ / (sqrt(r^) + epsilon), the averages of g and g^2 corrected for their start at 0."""
    return optax.scale_by_adam(b1=spec.beta1, b2=spec.beta2, eps=spec.epsilon, eps_root=0.0)
