"""One update of one training, as a student can read it aloud."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from basin.data.augment import augment
from basin.loss.examples import EXAMPLE_LOSSES, mean_over_targets, smoothed_cross_entropy
from basin.models.convolution import lowered_for_training
from basin.models.model import Mode, Model, Params, State
from basin.optim import build
from basin.spec.run import RunSpec
from basin.training.feed import Examples
from basin.training.keys import named_key
from basin.training.slot import Slot


def train_step(slot: Slot, run: RunSpec, model: Model, num_steps: jax.Array, batch: Examples) -> Slot:
    """Take the gradient of the batch's mean loss, let the optimiser turn it into an update, and make the update.

    Args:
        slot: The training so far.
        run: Its specification; traced fields hold tracers.
        model: The network.
        num_steps: Length of the whole run, for schedules.
        batch: Inputs (batch, *input_shape) and labels (batch,), or (batch, length) of sequences.
    """
    (loss, model_state), gradient = batch_gradient(slot, run, model, batch)
    optimizer = build(run.optimizer, num_steps)
    updates, optimizer_state = optimizer.update(gradient, slot.optimizer_state, slot.params)
    diverged_now = jnp.where(jnp.isfinite(loss), slot.diverged_at, slot.step)
    return Slot(
        params=optax.apply_updates(slot.params, updates),
        model_state=model_state,
        optimizer_state=optimizer_state,
        step=slot.step + 1,
        diverged_at=jnp.minimum(slot.diverged_at, diverged_now),
    )


def batch_gradient(slot: Slot, run: RunSpec, model: Model, batch: Examples) -> tuple[tuple[jax.Array, State], Any]:
    """Return ((mean loss, new model state), gradient) of a batch, augmented, with dropout and batch statistics on.

    The mean is over the batch's targets: of sequences, a long one counts more than a short one.
    """
    x, y = batch
    x = augment(run.augment, jax.random.fold_in(named_key(run.seed, "augment"), slot.step), x)
    key = jax.random.fold_in(named_key(run.seed, "dropout"), slot.step)

    def mean_loss(params: Params) -> tuple[jax.Array, State]:
        outputs, model_state = model.apply(params, slot.model_state, x, mode=Mode.TRAIN, key=key)
        return mean_over_targets(_losses(run, outputs, y), y), model_state

    with lowered_for_training():
        return jax.value_and_grad(mean_loss, has_aux=True)(slot.params)


def _losses(run: RunSpec, outputs: jax.Array, y: jax.Array) -> jax.Array:
    if run.label_smoothing is None:
        return EXAMPLE_LOSSES[run.loss](outputs, y)
    return smoothed_cross_entropy(outputs, y, run.label_smoothing)
