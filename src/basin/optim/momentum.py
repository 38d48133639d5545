"""The directions of gradient descent: the gradient itself, or a velocity of past gradients (slide 26, document 003)."""

from __future__ import annotations

import optax

from basin.spec.optimizer import SGD, GradientDescent


def gradient(spec: GradientDescent) -> optax.GradientTransformation:
    """Return u = g."""
    del spec
    return optax.identity()


def velocity(spec: SGD) -> optax.GradientTransformation:
    """Return u = v with v <- mu v + c g, or Nesterov's u = c g + mu v; c = 1 accumulates, 1 - mu averages.

    The specification decides whether there is a velocity at all: momentum 0 is stored as `False`, which a traced
    number never is.
    """
    if spec.momentum is False:
        return optax.identity()
    trace = optax.trace(spec.momentum, nesterov=spec.nesterov)
    if spec.momentum_form == "averaged":
        return optax.chain(optax.scale(1.0 - spec.momentum), trace)
    return trace
