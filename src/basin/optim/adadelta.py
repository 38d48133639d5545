"""Adadelta (Zeiler 2012, algorithm 1), with epsilon inside both roots as published."""

from __future__ import annotations

import optax

from basin.spec.optimizer import Adadelta


def adadelta(spec: Adadelta) -> optax.GradientTransformation:
    """Return u = g sqrt(q + epsilon) / sqrt(r + epsilon), r and q the averages of g^2 and of past u^2."""
    return optax.scale_by_adadelta(rho=spec.rho, eps=spec.epsilon)
